//! The layers of a configuration: what a file, the environment and flags say, each over the one before.

use std::path::{Path, PathBuf};

use skewless_core::{Error, Result};
use toml::{Table, Value};

use super::keys::Key;
use super::{Config, Door, Origin};

/// What a program was called with, as far as it is configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--print-config`.
    pub print: bool,
    /// Keys with their values, in their order.
    pub set: Vec<(&'static str, String)>,
}

const PREFIX: &str = "SKEWLESS_";
/// The variable that names the configuration file.
const FILE: &str = "SKEWLESS_CONFIG";

impl Arguments {
    /// Reads `--config FILE`, `--print-config` and `--KEY VALUE` (or `--KEY=VALUE`) of a door that has no other
    /// arguments.
    ///
    /// # Errors
    /// `config.unknown_key` for any other argument, `config.invalid_value` for a flag without a value.
    pub fn read(door: Door, arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut read = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (flag, value) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            if flag == "--print-config" && value.is_none() {
                read.print = true;
                continue;
            }
            let name = flag.strip_prefix("--").unwrap_or_default();
            let unknown =
                || Error::misuse("config.unknown_key", "no flag has this name").with_field(&flag);
            let key = match name {
                "config" => None,
                name if name.contains('_') => return Err(unknown()),
                name => Some(Key::find(door, &name.replace('-', "_")).map_err(|_| unknown())?),
            };
            let value = value.or_else(|| arguments.next()).ok_or_else(|| {
                Error::misuse("config.invalid_value", "the flag has no value").with_field(&flag)
            })?;
            match key {
                None => read.file = Some(PathBuf::from(value)),
                Some(key) => read.set.push((key.name, value)),
            }
        }
        Ok(read)
    }
}

impl Config {
    /// A door's configuration: its defaults, under the file that `--config` or `SKEWLESS_CONFIG` names, under the
    /// environment, under flags. Variables that do not begin with `SKEWLESS_` are not ours, but for Lambda's own log
    /// level.
    ///
    /// # Errors
    /// `config.unreadable` for a file that cannot be read or is no TOML, `config.unknown_key`, `config.invalid_value`,
    /// each with the key as it was written there.
    pub fn resolve(
        door: Door,
        variables: impl IntoIterator<Item = (String, String)>,
        arguments: &Arguments,
    ) -> Result<Self> {
        let mut config = Self::new(door);
        let mut own = Vec::new();
        let mut file = None;
        for (name, value) in variables {
            match name.as_str() {
                FILE => file = Some(PathBuf::from(value)),
                "AWS_LAMBDA_LOG_LEVEL" if door == Door::Lambda => {
                    if let Ok(level) = value.parse() {
                        config.log = level;
                        config.origins.insert("log", Origin::Variable(name));
                    }
                }
                _ if name.starts_with(PREFIX) => own.push((name, value)),
                _ => {}
            }
        }
        if let Some(path) = arguments.file.as_ref().or(file.as_ref()) {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            config.take_file(path, &text)?;
        }
        for (name, value) in own {
            let key = name.trim_start_matches(PREFIX);
            let key = if key.chars().any(char::is_lowercase) {
                String::new()
            } else {
                key.to_ascii_lowercase()
            };
            config.take(&key, &value, Origin::Variable(name.clone()), &name)?;
        }
        for (key, value) in &arguments.set {
            let flag = format!("--{}", key.replace('_', "-"));
            config.take(key, value, Origin::Flag(flag.clone()), &flag)?;
        }
        Ok(config)
    }

    fn take_file(&mut self, path: &Path, text: &str) -> Result<()> {
        let table: Table = text.parse().map_err(|error| unreadable(path, error))?;
        for (name, value) in table {
            let written = written(&value).ok_or_else(|| {
                Error::misuse(
                    "config.invalid_value",
                    "must be a text, a number, true or false",
                )
                .with_field(&name)
            })?;
            self.take(&name, &written, Origin::File(path.to_owned()), &name)?;
        }
        Ok(())
    }

    fn take(&mut self, name: &str, value: &str, origin: Origin, said: &str) -> Result<()> {
        let key = Key::find(self.door, name).map_err(|error| error.with_field(said))?;
        (key.read)(self, value).map_err(|error| error.with_field(said))?;
        self.origins.insert(key.name, origin);
        Ok(())
    }
}

/// A value as a variable would have it; a list of texts is separated by commas.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => Some(value.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            items.map(|items| items.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = format!("{} cannot be read: {error}", path.display());
    Error::misuse("config.unreadable", message).with_source(error)
}

//! A configuration as text: what `--print-config` prints, and the documents' table of keys.

use std::fmt::{self, Write};

use super::keys::{KEYS, Key};
use super::{Config, Door, Origin};

/// The configuration as a file that would give it, each key with where its value is from. A key without a value is a
/// comment.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in Key::of(self.door) {
            let origin = self.origin(key.name);
            match (key.show)(self) {
                Some(value) => writeln!(f, "{} = {}  # {origin}", key.name, toml_value(&value))?,
                None => writeln!(f, "# {} is not set", key.name)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The table of keys in Markdown, a row a key.
pub fn table() -> String {
    let mut text =
        String::from("| key | variable | door | meaning | default |\n|---|---|---|---|---|\n");
    for key in KEYS {
        let door = match key.doors {
            [Door::Lambda] => "Lambda",
            [Door::Serve] => "`serve`",
            _ => "both",
        };
        let (name, variable) = (key.name, key.variable());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{name}` | `{variable}` | {door} | {} | {} |",
            key.doc, key.default
        );
    }
    text
}

/// Numbers and truth values bare, everything else quoted.
fn toml_value(value: &str) -> String {
    let bare = value.parse::<f64>().is_ok_and(f64::is_finite) || matches!(value, "true" | "false");
    if bare {
        return value.to_owned();
    }
    toml::Value::String(value.to_owned()).to_string()
}

//! The function's configuration: environment variables `SKEWLESS_*` made into one typed struct.

use std::path::{Path, PathBuf};

use skewless_core::{Error, Result};
use skewless_protocol::Settings;
use tracing::level_filters::LevelFilter;

/// What can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `SKEWLESS_BUNDLE`: the bundle's path, relative to the task root. Default: `flights.skw`.
    pub bundle: PathBuf,
    /// `SKEWLESS_METRICS_NAMESPACE`: the CloudWatch namespace of the metrics. Default: `Skewless`.
    pub metrics_namespace: String,
    /// `SKEWLESS_LOG`: `off`, `error`, `warn`, `info`, `debug` or `trace`. Default: Lambda's own setting
    /// (`AWS_LAMBDA_LOG_LEVEL`), or `info`.
    pub log: LevelFilter,
    /// `SKEWLESS_MAX_BODY`, `SKEWLESS_MAX_ROWS`, `SKEWLESS_CORS_ORIGINS` and on: the settings of every HTTP door.
    pub settings: Settings,
}

const DEFAULT_BUNDLE: &str = "flights.skw";

impl Config {
    /// Reads the variables that begin with `SKEWLESS_`; others are not ours.
    ///
    /// # Errors
    /// `config.unknown_key` for a `SKEWLESS_` variable that means nothing, `config.invalid_value` for a value that
    /// does not fit.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut config = Self {
            bundle: PathBuf::from(DEFAULT_BUNDLE),
            metrics_namespace: "Skewless".to_owned(),
            log: LevelFilter::INFO,
            settings: Settings::default(),
        };
        let (mut own, mut of_lambda) = (None, None);
        for (key, value) in variables {
            match key.as_str() {
                "AWS_LAMBDA_LOG_LEVEL" => of_lambda = value.parse().ok(),
                _ if !key.starts_with("SKEWLESS_") => {}
                "SKEWLESS_BUNDLE" => config.bundle = PathBuf::from(not_empty(&key, value)?),
                "SKEWLESS_METRICS_NAMESPACE" => config.metrics_namespace = not_empty(&key, value)?,
                "SKEWLESS_LOG" => own = Some(level(&key, &value)?),
                _ => {
                    let name = key.trim_start_matches("SKEWLESS_").to_ascii_lowercase();
                    let set = config.settings.set(&name, &value);
                    set.map_err(|error| error.with_field(&key))?;
                }
            }
        }
        config.log = own.or(of_lambda).unwrap_or(config.log);
        Ok(config)
    }

    /// Where the bundle is looked for, in this order: a relative path in each of the given folders.
    pub fn bundle_candidates(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        if self.bundle.is_absolute() {
            return vec![self.bundle.clone()];
        }
        folders
            .iter()
            .map(|folder| folder.join(&self.bundle))
            .collect()
    }

    /// Reads the bundle's bytes from the first candidate that is a file.
    ///
    /// # Errors
    /// `bundle.unreadable` when there is none, or it cannot be read.
    pub fn read_bundle(&self, folders: &[PathBuf]) -> Result<Vec<u8>> {
        let candidates = self.bundle_candidates(folders);
        let Some(path) = candidates.iter().find(|path| path.is_file()) else {
            let tried: Vec<String> = candidates
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            return Err(Error::bundle(
                "bundle.unreadable",
                format!("no bundle at {}", tried.join(" or ")),
            )
            .with_field("SKEWLESS_BUNDLE"));
        };
        std::fs::read(path).map_err(|error| unreadable(path, error))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::bundle(
        "bundle.unreadable",
        format!("cannot read {}: {error}", path.display()),
    )
    .with_field("SKEWLESS_BUNDLE")
    .with_source(error)
}

fn not_empty(key: &str, value: String) -> Result<String> {
    if value.is_empty() {
        return Err(Error::misuse("config.invalid_value", "must not be empty").with_field(key));
    }
    Ok(value)
}

fn level(key: &str, value: &str) -> Result<LevelFilter> {
    value.parse().map_err(|_| {
        Error::misuse(
            "config.invalid_value",
            "must be off, error, warn, info, debug or trace",
        )
        .with_field(key)
        .with_value(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        Config::from_variables(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn defaults_stand_without_variables() {
        let config = read(&[("PATH", "/bin"), ("AWS_LAMBDA_FUNCTION_NAME", "f")]).unwrap();
        assert_eq!(config.bundle, PathBuf::from("flights.skw"));
        assert_eq!(
            (config.metrics_namespace.as_str(), config.log),
            ("Skewless", LevelFilter::INFO)
        );
    }

    #[test]
    fn variables_are_checked() {
        let config = read(&[("SKEWLESS_BUNDLE", "/opt/m.skw"), ("SKEWLESS_LOG", "debug")]).unwrap();
        assert_eq!(
            (config.bundle, config.log),
            (PathBuf::from("/opt/m.skw"), LevelFilter::DEBUG)
        );
        for (key, value, code) in [
            ("SKEWLESS_BUNDEL", "x", "config.unknown_key"),
            ("SKEWLESS_LOG", "loud", "config.invalid_value"),
            ("SKEWLESS_BUNDLE", "", "config.invalid_value"),
            ("SKEWLESS_MAX_ROWS", "0", "config.invalid_value"),
        ] {
            let error = read(&[(key, value)]).unwrap_err();
            assert_eq!((error.code(), error.field()), (code, Some(key)));
        }
    }

    #[test]
    fn settings_of_every_door_are_variables() {
        let config = read(&[("SKEWLESS_MAX_ROWS", "7")]).unwrap();
        assert_eq!(config.settings.limits.max_rows, 7);
    }

    #[test]
    fn the_log_level_is_ours_before_it_is_lambdas() {
        let lambda = ("AWS_LAMBDA_LOG_LEVEL", "WARN");
        assert_eq!(read(&[lambda]).unwrap().log, LevelFilter::WARN);
        assert_eq!(
            read(&[("SKEWLESS_LOG", "trace"), lambda]).unwrap().log,
            LevelFilter::TRACE
        );
    }

    #[test]
    fn a_missing_bundle_names_where_it_was_looked_for() {
        let config = read(&[("SKEWLESS_BUNDLE", "none.skw")]).unwrap();
        let error = config
            .read_bundle(&[PathBuf::from("/here"), PathBuf::from("/there")])
            .unwrap_err();
        assert_eq!(error.code(), "bundle.unreadable");
        assert!(
            error
                .message()
                .contains("/here/none.skw or /there/none.skw"),
            "{error}"
        );
    }
}

//! What whoever runs a door may set, by names that are the same on every door.

use std::str::FromStr;

use skewless_core::{Error, Result};

use crate::cors::Cors;
use crate::limits::Limits;

/// Limits and origins of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How much one request may ask for.
    pub limits: Limits,
    /// Which pages of other sites may read the answers.
    pub cors: Cors,
}

impl Settings {
    /// Sets one of `max_body`, `max_rows`, `max_line`, `max_stream_body`, `max_stream_rows` (whole numbers from 1 on),
    /// `cors_origins` (`*`, or origins separated by commas) and `cors_max_age` (seconds).
    ///
    /// # Errors
    /// `config.unknown_key`, `config.invalid_value`, each with the name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "max_body" => self.limits.max_body = positive(name, value)?,
            "max_rows" => self.limits.max_rows = positive(name, value)?,
            "max_line" => self.limits.max_line = positive(name, value)?,
            "max_stream_body" => self.limits.max_stream_body = positive(name, value)?,
            "max_stream_rows" => self.limits.max_stream_rows = positive(name, value)?,
            "cors_origins" => {
                let set = self.cors.set_origins(value);
                set.map_err(|error| error.with_field(name))?;
            }
            "cors_max_age" => self.cors.max_age = whole(name, value)?,
            _ => {
                return Err(
                    Error::misuse("config.unknown_key", "no setting has this name")
                        .with_field(name),
                );
            }
        }
        Ok(())
    }
}

fn positive(name: &str, value: &str) -> Result<usize> {
    let number = whole(name, value)?;
    if number == 0 {
        return Err(invalid(name, value));
    }
    Ok(number)
}

fn whole<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.trim().parse().map_err(|_| invalid(name, value))
}

fn invalid(name: &str, value: &str) -> Error {
    Error::misuse("config.invalid_value", "must be a whole number from 1 on")
        .with_field(name)
        .with_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_checked() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("max_body", "1"),
            ("max_line", " 70 "),
            ("cors_origins", "*"),
            ("cors_max_age", "0"),
        ] {
            assert!(settings.set(name, value).is_ok(), "{name}");
        }
        assert_eq!(
            (settings.limits.max_body, settings.limits.max_line),
            (1, 70)
        );
        for (name, value, code) in [
            ("max_rows", "0", "config.invalid_value"),
            ("max_rows", "-1", "config.invalid_value"),
            ("max_rows", "many", "config.invalid_value"),
            ("cors_origins", "here", "config.invalid_value"),
            ("max_row", "1", "config.unknown_key"),
        ] {
            let error = settings.set(name, value).unwrap_err();
            assert_eq!((error.code(), error.field()), (code, Some(name)), "{value}");
        }
    }
}

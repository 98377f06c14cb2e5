//! The keys: each setting of the native doors once, with how it is read and shown.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use skewless_core::{Error, Result};

use super::{Config, Door, LogTarget};
use crate::location::Location;

/// A setting.
pub struct Key {
    /// Its name in the file; `SKEWLESS_` and upper case in the environment, `--` and hyphens as a flag.
    pub name: &'static str,
    /// The doors that it means something to.
    pub doors: &'static [Door],
    /// The form of its value, for help texts.
    pub form: &'static str,
    /// What holds where nobody says anything, for documents.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
    pub(super) read: fn(&mut Config, &str) -> Result<()>,
    /// The value as it would be written; nothing where there is none.
    pub(super) show: fn(&Config) -> Option<String>,
}

const BOTH: &[Door] = &[Door::Lambda, Door::Serve];
const LAMBDA: &[Door] = &[Door::Lambda];
const SERVE: &[Door] = &[Door::Serve];

/// A key of the settings that every HTTP door has.
macro_rules! setting {
    ($name:literal, $form:literal, $default:literal, $doc:literal, $part:ident.$field:ident) => {
        Key {
            name: $name,
            doors: BOTH,
            form: $form,
            default: $default,
            doc: $doc,
            read: |config, text| config.settings.set($name, text),
            show: |config| Some(config.settings.$part.$field.to_string()),
        }
    };
}
/// A key that is a number of seconds.
macro_rules! seconds {
    ($name:literal, $default:literal, $doc:literal, $field:ident) => {
        Key {
            name: $name,
            doors: SERVE,
            form: "SECONDS",
            default: $default,
            doc: $doc,
            read: |config, text| {
                let seconds = positive(text)?;
                config.$field = Duration::from_secs(seconds as u64);
                Ok(())
            },
            show: |config| Some(config.$field.as_secs().to_string()),
        }
    };
}
/// Every key, in the order of documents.
pub const KEYS: &[Key] = &[
    Key {
        name: "bundle",
        doors: BOTH,
        form: "PLACE",
        default: "`flights.skw`; for `serve` its argument",
        doc: "the bundle: a path, `s3://BUCKET/KEY`, or an address. On Lambda a relative path is looked for in the task \
              root (what the zip holds), in `/opt` (layers), in the working folder and beside the program",
        read: |config, text| Location::parse(text).map(|place| config.bundle = place),
        show: |config| Some(config.bundle.to_string()),
    },
    Key {
        name: "check_seconds",
        doors: BOTH,
        form: "SECONDS",
        default: "60",
        doc: "how often the bundle's place is asked whether it holds another one; 0 is never",
        read: |config, text| {
            let seconds: f64 = number(text, "a number of seconds from 0 on")?;
            let every = Duration::try_from_secs_f64(seconds);
            let every = every
                .map_err(|_| invalid("must be a number of seconds from 0 on").with_value(text))?;
            config.check = (!every.is_zero()).then_some(every);
            Ok(())
        },
        show: |config| {
            Some(
                config
                    .check
                    .map_or(0.0, |every| every.as_secs_f64())
                    .to_string(),
            )
        },
    },
    Key {
        name: "log",
        doors: BOTH,
        form: "LEVEL",
        default: "`info`; on Lambda `AWS_LAMBDA_LOG_LEVEL` before it",
        doc: "`off`, `error`, `warn`, `info`, `debug` or `trace`",
        read: |config, text| {
            let level = text.trim().parse();
            config.log = level.map_err(|_| {
                invalid("must be off, error, warn, info, debug or trace").with_value(text)
            })?;
            Ok(())
        },
        show: |config| Some(config.log.to_string()),
    },
    setting!(
        "max_body",
        "BYTES",
        "16 MiB",
        "longest body that is read whole; a longer one is 413 `request.too_large`",
        limits.max_body
    ),
    setting!(
        "max_rows",
        "ROWS",
        "100,000",
        "most rows of such a body; more are 413 `input.too_many_rows`",
        limits.max_rows
    ),
    setting!(
        "max_line",
        "BYTES",
        "1 MiB",
        "longest line of JSON lines; a longer one is a failed row, `input.line_too_long`",
        limits.max_line
    ),
    setting!(
        "max_stream_body",
        "BYTES",
        "1 GiB",
        "longest body of JSON lines that are answered while they arrive",
        limits.max_stream_body
    ),
    setting!(
        "max_stream_rows",
        "ROWS",
        "10,000,000",
        "most rows of such a body",
        limits.max_stream_rows
    ),
    Key {
        name: "cors_origins",
        doors: BOTH,
        form: "ORIGINS",
        default: "none",
        doc: "pages that may read the answers: `*`, or origins separated by commas",
        read: |config, text| config.settings.set("cors_origins", text),
        show: |config| config.settings.cors.origins_text(),
    },
    setting!(
        "cors_max_age",
        "SECONDS",
        "86,400",
        "how long a browser may keep the answer to a preflight",
        cors.max_age
    ),
    Key {
        name: "shadow",
        doors: BOTH,
        form: "PLACE",
        default: "none",
        doc: "a second bundle that scores a share of the requests after their answers, to be compared",
        read: |config, text| Location::parse(text).map(|place| config.shadow = Some(place)),
        show: |config| config.shadow.as_ref().map(ToString::to_string),
    },
    Key {
        name: "shadow_share",
        doors: BOTH,
        form: "SHARE",
        default: "0.1",
        doc: "the share of requests that the shadow scores, from 0 to 1",
        read: |config, text| share(text).map(|share| config.shadow_share = share),
        show: |config| Some(config.shadow_share.to_string()),
    },
    Key {
        name: "feature_log",
        doors: BOTH,
        form: "TARGET",
        default: "`off`",
        doc: "where sampled feature rows go: `off`, `stdout` (JSON lines), or a folder or `s3://BUCKET/PREFIX` (Parquet)",
        read: |config, text| {
            config.feature_log = match text {
                "off" => LogTarget::Off,
                "stdout" => LogTarget::Stdout,
                place => LogTarget::Prefix(Location::parse(place)?),
            };
            Ok(())
        },
        show: |config| {
            Some(match &config.feature_log {
                LogTarget::Off => "off".to_owned(),
                LogTarget::Stdout => "stdout".to_owned(),
                LogTarget::Prefix(place) => place.to_string(),
            })
        },
    },
    Key {
        name: "feature_log_share",
        doors: BOTH,
        form: "SHARE",
        default: "0.01",
        doc: "the share of rows that are logged, from 0 to 1",
        read: |config, text| share(text).map(|share| config.feature_log_share = share),
        show: |config| Some(config.feature_log_share.to_string()),
    },
    Key {
        name: "feature_log_key",
        doors: BOTH,
        form: "FIELD",
        default: "none: rows are drawn",
        doc: "a field whose hash decides which rows are logged, the same on every door, so that labels can be joined",
        read: |config, text| not_empty(text).map(|name| config.feature_log_key = Some(name)),
        show: |config| config.feature_log_key.clone(),
    },
    Key {
        name: "feature_log_max_bytes",
        doors: BOTH,
        form: "BYTES",
        default: "1 MiB",
        doc: "most bytes of log that wait to be written; rows beyond are dropped, and counted",
        read: |config, text| positive(text).map(|bytes| config.feature_log_max_bytes = bytes),
        show: |config| Some(config.feature_log_max_bytes.to_string()),
    },
    Key {
        name: "metrics_namespace",
        doors: LAMBDA,
        form: "NAME",
        default: "`Skewless`",
        doc: "CloudWatch's namespace of the metrics",
        read: |config, text| not_empty(text).map(|name| config.metrics_namespace = name),
        show: |config| Some(config.metrics_namespace.clone()),
    },
    Key {
        name: "output",
        doors: LAMBDA,
        form: "PLACE",
        default: "none: events of S3, SQS and Kinesis are refused",
        doc: "`s3://BUCKET/PREFIX` for the predictions of S3 objects, messages of SQS and records of Kinesis",
        read: |config, text| {
            let place = Location::parse(text)?;
            if !matches!(&place, Location::Address(url) if url.scheme() == "s3") {
                return Err(invalid("must begin with s3://").with_value(text));
            }
            config.output = Some(place);
            Ok(())
        },
        show: |config| config.output.as_ref().map(ToString::to_string),
    },
    Key {
        name: "stream",
        doors: LAMBDA,
        form: "BOOL",
        default: "`false`",
        doc: "answer Function URLs as response streams; their invoke mode must be `RESPONSE_STREAM`",
        read: |config, text| number(text, "`true` or `false`").map(|stream| config.stream = stream),
        show: |config| Some(config.stream.to_string()),
    },
    Key {
        name: "listen",
        doors: SERVE,
        form: "ADDRESS",
        default: "`127.0.0.1:8080`",
        doc: "address and port; port 0 is any free one",
        read: |config, text| {
            let address = number(text, "an address and a port, such as 127.0.0.1:8080");
            address.map(|address| config.listen = address)
        },
        show: |config| Some(config.listen.to_string()),
    },
    Key {
        name: "playground",
        doors: SERVE,
        form: "FOLDER",
        default: "the installed one",
        doc: "the playground's files",
        read: |config, text| not_empty(text).map(|path| config.playground = Some(path.into())),
        show: |config| {
            config
                .playground
                .as_ref()
                .map(|path| path.display().to_string())
        },
    },
    Key {
        name: "threads",
        doors: SERVE,
        form: "N",
        default: "one a core",
        doc: "threads that read, score and answer",
        read: |config, text| positive(text).map(|threads| config.threads = threads),
        show: |config| Some(config.threads.to_string()),
    },
    Key {
        name: "max_connections",
        doors: SERVE,
        form: "N",
        default: "1,024",
        doc: "most open connections; one more is 503 `request.overloaded`",
        read: |config, text| positive(text).map(|most| config.max_connections = most),
        show: |config| Some(config.max_connections.to_string()),
    },
    Key {
        name: "max_queue",
        doors: SERVE,
        form: "N",
        default: "256",
        doc: "most requests under way or waiting; one more is 503 `request.overloaded`",
        read: |config, text| positive(text).map(|most| config.max_queue = most),
        show: |config| Some(config.max_queue.to_string()),
    },
    seconds!(
        "header_seconds",
        "10",
        "how long a request's head may take to arrive",
        header_timeout
    ),
    seconds!(
        "request_seconds",
        "30",
        "how long a body may take to arrive, and an answer to be taken, without anything moving",
        request_timeout
    ),
    seconds!(
        "idle_seconds",
        "75",
        "how long a connection may wait for its next request",
        idle_timeout
    ),
    seconds!(
        "shutdown_seconds",
        "10",
        "how long requests under way may take once the server is asked to stop",
        shutdown_timeout
    ),
    Key {
        name: "batch_rows",
        doors: SERVE,
        form: "ROWS",
        default: "0",
        doc: "micro-batching: most rows of several requests that are scored together; 0 is off",
        read: |config, text| number(text, "a whole number").map(|rows| config.batch_rows = rows),
        show: |config| Some(config.batch_rows.to_string()),
    },
    Key {
        name: "batch_micros",
        doors: SERVE,
        form: "MICROSECONDS",
        default: "200",
        doc: "how long the first request of such a batch waits for others",
        read: |config, text| {
            let micros = number(text, "a whole number of microseconds");
            micros.map(|micros| config.batch_wait = Duration::from_micros(micros))
        },
        show: |config| Some(config.batch_wait.as_micros().to_string()),
    },
];

impl Key {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("SKEWLESS_{}", self.name.to_ascii_uppercase())
    }

    /// The flag without its hyphens in front.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The keys of a door.
    pub fn of(door: Door) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.doors.contains(&door))
    }

    /// A door's key by its name.
    ///
    /// # Errors
    /// `config.unknown_key`.
    pub(super) fn find(door: Door, name: &str) -> Result<&'static Self> {
        Self::of(door).find(|key| key.name == name).ok_or_else(|| {
            Error::misuse("config.unknown_key", "no setting has this name").with_field(name)
        })
    }
}

fn number<T: FromStr<Err: Display>>(text: &str, form: &str) -> Result<T> {
    let number = text.trim().parse();
    number.map_err(|_| invalid(&format!("must be {form}")).with_value(text))
}

fn positive(text: &str) -> Result<usize> {
    match number(text, "a whole number from 1 on")? {
        0 => Err(invalid("must be a whole number from 1 on").with_value(text)),
        number => Ok(number),
    }
}

fn share(text: &str) -> Result<f64> {
    let share: f64 = number(text, "a number from 0 to 1")?;
    if !(0.0..=1.0).contains(&share) {
        return Err(invalid("must be a number from 0 to 1").with_value(text));
    }
    Ok(share)
}

fn not_empty(text: &str) -> Result<String> {
    if text.is_empty() {
        return Err(invalid("must not be empty"));
    }
    Ok(text.to_owned())
}

fn invalid(rule: &str) -> Error {
    Error::misuse("config.invalid_value", rule)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// What a key's written default says as the key is shown; nothing where it says that there is none, or how it is found.
    fn written(default: &str) -> Option<String> {
        if let Some(quoted) = default.strip_prefix('`') {
            return quoted.split('`').next().map(str::to_owned);
        }
        let (number, unit) = default.split_once(' ').unwrap_or((default, ""));
        let number: f64 = number.replace(',', "").parse().ok()?;
        let times = match unit {
            "" => 1.0,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "GiB" => 1024.0 * 1024.0 * 1024.0,
            _ => return None,
        };
        Some((number * times).to_string())
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let config = Config::new(Door::Serve);
        let mut compared = 0;
        for key in KEYS {
            let shown = (key.show)(&config);
            match (written(key.default), shown) {
                (Some(written), Some(shown)) => {
                    let same = match (written.parse::<f64>(), shown.parse::<f64>()) {
                        (Ok(written), Ok(shown)) => written == shown,
                        _ => written == shown,
                    };
                    assert!(same, "{}: {written} and {shown}", key.name);
                    compared += 1;
                }
                (Some(written), None) => assert_eq!(written, "off", "{}", key.name),
                (None, shown) => assert!(
                    key.default.starts_with("none") && shown.is_none() || key.default.contains(' '),
                    "{}: {shown:?}",
                    key.name
                ),
            }
        }
        assert!(compared >= 20, "{compared}");
    }
}

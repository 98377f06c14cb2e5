//! One typed configuration for every native door: defaults, then a file, then environment variables, then flags.
//!
//! [`KEYS`] has each setting once: its name, its form, its default, what it means. A key `max_rows` is `max_rows` in the
//! file (TOML), `SKEWLESS_MAX_ROWS` in the environment and `--max-rows` as a flag. A key that means nothing is refused.

mod keys;
mod layers;
mod show;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use skewless_protocol::Settings;
use tracing::level_filters::LevelFilter;

pub use keys::{KEYS, Key};
pub use layers::Arguments;
pub use show::table;

use crate::location::Location;

/// Which door is configured; a key of another door means nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The Lambda function.
    Lambda,
    /// `skewless serve`.
    Serve,
}

/// Where a setting's value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
    /// A flag, by its name.
    Flag(String),
}

/// Where the feature log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// JSON lines on standard output.
    Stdout,
    /// Parquet objects under a folder or a prefix of S3.
    Prefix(Location),
}

/// What a door is told; [`KEYS`] says what each field means.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each field is documented once, as a key")]
pub struct Config {
    pub door: Door,
    pub bundle: Location,
    /// `check_seconds`; none for 0.
    pub check: Option<Duration>,
    pub log: LevelFilter,
    /// Limits and origins, by the keys that every HTTP door has.
    pub settings: Settings,
    pub shadow: Option<Location>,
    pub shadow_share: f64,
    pub feature_log: LogTarget,
    pub feature_log_share: f64,
    pub feature_log_key: Option<String>,
    pub feature_log_max_bytes: usize,
    pub metrics_namespace: String,
    pub output: Option<Location>,
    pub stream: bool,
    pub listen: SocketAddr,
    pub playground: Option<PathBuf>,
    pub threads: usize,
    pub max_connections: usize,
    pub max_queue: usize,
    pub header_timeout: Duration,
    pub request_timeout: Duration,
    pub idle_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub batch_rows: usize,
    pub batch_wait: Duration,
    origins: BTreeMap<&'static str, Origin>,
}

impl Config {
    /// A door's defaults.
    pub fn new(door: Door) -> Self {
        Self {
            door,
            bundle: Location::Path(PathBuf::from("flights.skw")),
            check: Some(Duration::from_secs(60)),
            log: LevelFilter::INFO,
            settings: Settings::default(),
            shadow: None,
            shadow_share: 0.1,
            feature_log: LogTarget::Off,
            feature_log_share: 0.01,
            feature_log_key: None,
            feature_log_max_bytes: 1 << 20,
            metrics_namespace: "Skewless".to_owned(),
            output: None,
            stream: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            playground: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections: 1024,
            max_queue: 256,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(10),
            batch_rows: 0,
            batch_wait: Duration::from_micros(200),
            origins: BTreeMap::new(),
        }
    }

    /// Where a key's value is from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}

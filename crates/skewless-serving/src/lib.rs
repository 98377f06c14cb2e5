//! What the native doors (the Lambda function, `skewless serve`) share around the protocols.
//!
//! - [`Config`]: one typed configuration, from a file, environment variables and flags.
//! - [`Source`] and [`Supply`]: where a bundle comes from (a file, S3, any address), and how another one takes its place
//!   while requests are under way.
//! - [`FeatureLog`]: a sampled log of the feature rows as they were used.
//! - [`Shadow`]: a second bundle that scores a share of the rows, and how often it says something else.
//!
//! [`Aside`] holds the last two: it sees what is scored, and does its work after the answer.

mod aside;
mod beside;
mod clock;
pub mod config;
mod feature_log;
mod location;
mod sampling;
mod shadow;
mod source;
mod supply;

pub use aside::{Aside, AsideCounts};
pub use clock::{seconds_since_epoch, utc};
pub use config::{Config, Door};
pub use feature_log::{FeatureLog, LOG_TARGET};
pub use location::{Location, Store, take_ring};
pub use shadow::Shadow;
pub use source::{Fetched, Source};
pub use supply::{Engine, Supply};

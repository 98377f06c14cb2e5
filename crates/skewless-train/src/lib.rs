//! Training: read, split, fit, choose, evaluate, report; the result is a bundle.
//!
//! [`train`] does all of it in one run that is a pure function of the configuration and the files it names: the same
//! inputs give the same bytes, with any number of threads. Features are fitted and computed by the core's own pipeline,
//! and the test rows are predicted by the core's own [`skewless_core::Predictor`], so that what is measured is what is
//! shipped. [`study`] does the same for several feature sets and families of models. Nothing here prints; [`Progress`] tells the caller how far it is.

pub mod bootstrap;
pub mod canvas;
pub mod config;
pub mod metrics;
pub mod plural;
pub mod progress;
pub mod recipe;
pub mod report;
pub mod split;
pub mod study;

mod arm;
mod baseline;
mod card;
mod data;
mod lint;
mod model_check;
mod provenance;
mod random;
mod run;
mod trees;

pub use data::SourceFile;
pub use lint::{Unsaid, lint};
pub use progress::{Progress, Silent};
pub use report::Report;
pub use run::{TrainOptions, Trained, test_columns, test_records, train};

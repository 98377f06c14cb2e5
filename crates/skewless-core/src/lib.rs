//! Features, engine, output, profile and bundle: a raw record in, a prediction out, the same bits on every target.

mod batch;
pub mod bundle;
pub mod columns;
mod decimal;
pub mod digest;
pub mod error;
pub mod explanation;
pub mod golden;
pub mod output;
pub mod pipeline;
pub mod plan;
pub mod predictor;
pub mod profile;
pub mod record;
pub mod spec;
pub mod tensor;

// The generators of the integration tests serve unit tests too, which know the crate by its name.
#[cfg(test)]
extern crate self as skewless_core;

pub use batch::BatchPrediction;
pub use bundle::{Bundle, BundleParts, Manifest};
pub use columns::{Column, Columns, TextColumn};
pub use digest::PredictionDigest;
pub use error::{Error, ErrorKind, Result};
pub use explanation::{Explanation, FeatureContribution};
pub use golden::GoldenRow;
pub use output::{Link, Output, Prediction, Task};
pub use pipeline::{Cell, Cells, Pipeline};
pub use predictor::{Predictor, Scratch};
pub use profile::{Counter, Profile};
pub use record::{Record, Value};
pub use spec::{FeatureSpec, FittedSpec, Input};
pub use tensor::Tensor;

//! The browser and edge-worker door: the core behind JavaScript bindings.
//!
//! Two builds come from here, each with only what it needs: `model` (the default) predicts in the page, `serve` answers
//! HTTP requests through `skewless-protocol`. The npm package wraps both; it names what this crate exports, and its
//! types come from the Rust types.
//!
//! Nothing here knows a model: values are carried over the border and back.

mod error;
mod object;

#[cfg(feature = "model")]
mod batch;
#[cfg(feature = "model")]
mod info;
#[cfg(feature = "model")]
mod model;
#[cfg(feature = "model")]
mod prediction;
#[cfg(feature = "model")]
mod record;
#[cfg(feature = "serve")]
mod service;

pub use error::{ErrorData, Kind};
#[cfg(feature = "serve")]
pub use service::{Reply, Service};
#[cfg(feature = "model")]
pub use {
    batch::Batch,
    info::{FeatureInfo, InputInfo, ModelInfo},
    model::Model,
    prediction::{
        BatchPrediction, BinaryPrediction, MulticlassPrediction, Prediction, RegressionPrediction,
    },
};

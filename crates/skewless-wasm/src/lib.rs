//! The browser and edge-worker door: the core behind JavaScript bindings.
//!
//! Two builds come from here, each with only what it needs: `model` (the default) predicts in the page, `serve` answers
//! HTTP requests through `skewless-protocol`. The npm package wraps both and names what this crate exports.
//!
//! Nothing here knows a model: values are carried over the border and back. The page's build reads no JSON, because the
//! page can: it takes `spec.plan` and `model.plan` from a bundle, and leaves the parts that people read to the host.

#[cfg(feature = "model")]
mod counts;
mod error;
#[cfg(feature = "model")]
mod model;
#[cfg(feature = "serve")]
mod object;
#[cfg(feature = "model")]
mod rows;
#[cfg(feature = "serve")]
mod service;

#[cfg(feature = "model")]
pub use model::Model;
#[cfg(feature = "serve")]
pub use service::{
    Admitted, Counted, Exchange, Facts, Reply, Station, check_settings, unavailable,
};

//! The AWS Lambda door: an event in, an answer in the event's own form out, over one bundle that is read, verified
//! and golden-checked once.
//!
//! Everything but reading the bundle, the runtime loop and writing log lines is a plain function, so that tests call
//! it with event files.

mod config;
mod event;
mod function;
mod http_event;
mod metrics;
mod runtime;

pub use config::Config;
pub use function::{Function, Invocation, Source};
pub use metrics::{Measured, metrics_line};
pub use runtime::{report_failed_start, serve};

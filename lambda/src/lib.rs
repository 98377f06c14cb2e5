//! The AWS Lambda door: an event in, an answer in the event's own form out, over one bundle that is read, verified
//! and golden-checked once, and replaced between requests where its place holds another.
//!
//! Everything but the runtime loop and writing log lines is a function of an event, so that tests call it with event files.

mod after;
mod event;
mod function;
mod http_event;
mod metrics;
mod objects;
mod queue;
mod runtime;
mod schedule;
mod streamed;

pub use function::{Answer, Function, Invocation, Source};
pub use metrics::{Measured, Metrics};
pub use runtime::{report_failed_start, serve};
pub use streamed::{Ended, Streamed};

//! The serving protocols as pure functions: method, path, headers and body in; status, headers and body out.
//!
//! One implementation answers on every HTTP door (the Lambda function, the edge worker, `skewless serve`), so the
//! doors only carry bytes. Nothing here does IO, reads a clock or knows an async runtime.
//!
//! A [`Service`] holds one verified bundle. [`Service::respond`] speaks
//!
//! - the Open Inference Protocol v2 (`/v2…`),
//! - MLflow's and SageMaker's `/invocations` and `/ping`,
//!
//! and [`Service::answer`] takes a bare record or a list of records, as a direct Lambda invocation sends them.
//!
//! Every HTTP answer names the bundle in the headers `x-skewless-model`, `x-skewless-version` and
//! `x-skewless-digest`; a failed one also its code in `x-skewless-error`. [`STATUS_TABLE`] says which HTTP status
//! belongs to which code.
//!
//! Numbers are exact both ways: a JSON number becomes the nearest double, a double is written in the shortest form
//! that reads back as itself.

mod direct;
mod failure;
mod headers;
mod invocations;
mod limits;
mod list;
mod message;
mod open_inference;
mod route;
mod rows;
mod service;

pub use direct::Answer;
pub use failure::{STATUS_TABLE, error_json, status};
pub use headers::{DIGEST, ERROR, Headers, IGNORED_FIELDS, MODEL, VERSION};
pub use limits::Limits;
pub use message::{Request, Response};
pub use rows::Tally;
pub use service::{ModelFacts, Service};

//! The serving protocols as pure functions: method, path, headers and body in; status, headers and body out.
//!
//! One implementation answers on every HTTP door (the Lambda function, the edge worker, `skewless serve`), so the
//! doors only carry bytes. Nothing here does IO, reads a clock or knows an async runtime.
//!
//! A [`Service`] holds one verified bundle. [`Service::respond`] speaks
//!
//! - the Open Inference Protocol v2 (`/v2…`),
//! - MLflow's and SageMaker's `/invocations` and `/ping`; JSON lines there are answered line by line, by [`Lines`]
//!   while they arrive,
//! - what all of it takes and answers, as an OpenAPI document at `/openapi.json`,
//!
//! and [`Service::answer`] takes a bare record or a list of records, as a direct Lambda invocation sends them.
//!
//! A [`Host`] keeps state around it: counters for Prometheus at `/metrics`, and a bundle that is replaced while requests
//! are under way. [`Settings`] are limits and the origins of CORS.
//!
//! Every HTTP answer names the bundle in the headers `x-skewless-model`, `x-skewless-version` and
//! `x-skewless-digest`; a failed one also its code in `x-skewless-error`. [`STATUS_TABLE`] says which HTTP status
//! belongs to which code.
//!
//! Numbers are exact both ways: a JSON number becomes the nearest double, a double is written in the shortest form
//! that reads back as itself.

mod cors;
mod counters;
mod direct;
mod failure;
mod headers;
mod host;
mod invocations;
mod limits;
mod lines;
mod list;
mod message;
mod open_inference;
mod openapi;
mod route;
mod rows;
mod service;
mod settings;
mod together;
mod values;
mod witness;

pub use cors::Cors;
pub use counters::Observation;
pub use direct::Answer;
pub use failure::{STATUS_TABLE, error_json, status, unavailable};
pub use headers::{DIGEST, ERROR, Headers, IGNORED_FIELDS, MODEL, VERSION};
pub use host::{Clock, Host, RefusedBundle};
pub use limits::Limits;
pub use lines::Lines;
pub use message::{Request, Response};
pub use rows::Tally;
pub use service::{Admission, ModelFacts, Service};
pub use settings::Settings;
pub use values::{InputCounts, ValueCounts};
pub use witness::{Witness, WitnessCount};

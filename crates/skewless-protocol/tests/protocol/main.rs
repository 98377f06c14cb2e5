//! The protocols at their public border: requests in, statuses, headers and bodies out, on bundles made here.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

mod bundles;
mod cors;
mod direct;
mod host;
mod invocations;
mod lines;
mod open_inference;
mod openapi;
mod promises;
mod refusals;
mod together;

use serde_json::Value;
use skewless_protocol::{Headers, Request, Response, Service};

/// Sends JSON and reads JSON; the body is `null` where there is none.
fn send(service: &Service, method: &str, path: &str, body: &str) -> (Response, Value) {
    let headers: Headers = [("Content-Type", "application/json")].into_iter().collect();
    let response = service.respond(&Request {
        method,
        path,
        headers,
        body: body.as_bytes(),
    });
    let json = match response.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body).unwrap(),
    };
    (response, json)
}

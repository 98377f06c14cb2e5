//! What the protocols take and answer for one bundle, as an OpenAPI 3.1 document.
//!
//! What is the same for every bundle stands in `template.json`; the bundle gives names, the record's schema, the
//! prediction's, and the limits.

mod schema;

use serde_json::{Map, Value, json};
use skewless_core::{Error, Result};

use crate::message::Response;
use crate::service::Service;

const TEMPLATE: &str = include_str!("template.json");

/// Paths of the template that begin so stand for the model's own, with and without its version.
const MODEL: &str = "MODEL";

/// The answer of `/openapi.json`.
///
/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn document(service: &Service) -> Result<Response> {
    Response::json(200, &made(service)?)
}

fn made(service: &Service) -> Result<Value> {
    let mut document: Value = serde_json::from_str(TEMPLATE).map_err(|error| {
        Error::internal("internal.json", "the template is no JSON").with_source(error)
    })?;
    let facts = service.facts();
    if let Some(info) = document.get_mut("info") {
        info["title"] = json!(facts.name);
        info["version"] = json!(facts.version);
        info["x-digest"] = json!(facts.digest);
    }
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        *paths = with_model(std::mem::take(paths), &facts.name, &facts.version);
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        let limits = service.limits();
        schemas["Record"] = schema::record(service);
        schemas["Prediction"] = schema::prediction(service.output());
        schemas["Records"]["maxItems"] = json!(limits.max_rows);
    }
    let limits = service.limits();
    document["x-limits"] = json!({
        "max_body": limits.max_body,
        "max_rows": limits.max_rows,
        "max_line": limits.max_line,
        "max_stream_body": limits.max_stream_body,
        "max_stream_rows": limits.max_stream_rows,
    });
    Ok(document)
}

/// The paths in their order, those of the model under its name, and under its version besides.
fn with_model(paths: Map<String, Value>, name: &str, version: &str) -> Map<String, Value> {
    let mut named = Map::new();
    for (path, item) in paths {
        let Some(rest) = path.strip_prefix(MODEL) else {
            named.insert(path, item);
            continue;
        };
        let mut versioned = item.clone();
        if let Some(operations) = versioned.as_object_mut() {
            for operation in operations.values_mut() {
                let id = operation["operationId"].as_str().unwrap_or_default();
                operation["operationId"] = json!(format!("{id}OfVersion"));
            }
        }
        named.insert(format!("/v2/models/{name}{rest}"), item);
        named.insert(
            format!("/v2/models/{name}/versions/{version}{rest}"),
            versioned,
        );
    }
    named
}

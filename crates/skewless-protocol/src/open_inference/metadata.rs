//! What the server and the model say of themselves.

use serde::Serialize;
use skewless_core::Result;
use skewless_core::spec::InputType;

use super::outputs;
use crate::message::Response;
use crate::service::Service;

#[derive(Serialize)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 0],
}

#[derive(Serialize)]
struct ModelMetadata<'a> {
    name: &'a str,
    versions: [&'a str; 1],
    platform: &'static str,
    inputs: Vec<TensorMetadata<'a>>,
    outputs: Vec<TensorMetadata<'a>>,
    parameters: ModelParameters<'a>,
}

#[derive(Serialize)]
struct ModelParameters<'a> {
    digest: &'a str,
}

/// A tensor's name, datatype and shape; −1 stands for the number of rows.
#[derive(Serialize)]
struct TensorMetadata<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Labels<'a>>,
}

/// The labels in the model's order.
#[derive(Serialize)]
struct Labels<'a> {
    labels: &'a [String],
}

/// `GET /v2`.
///
/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn server_metadata() -> Result<Response> {
    let metadata = ServerMetadata {
        name: "skewless",
        version: env!("CARGO_PKG_VERSION"),
        extensions: [],
    };
    Response::json(200, &metadata)
}

/// `GET /v2/models/{name}`: the inputs that a feature needs, and the task's outputs.
///
/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn model_metadata(service: &Service) -> Result<Response> {
    let facts = service.facts();
    let inputs = service
        .predictor()
        .pipeline()
        .inputs()
        .map(|input| TensorMetadata {
            name: &input.name,
            datatype: datatype(input.kind),
            shape: vec![-1],
            parameters: None,
        });
    let outputs = outputs::columns(service.output())
        .into_iter()
        .map(|column| TensorMetadata {
            name: column.name,
            datatype: column.datatype,
            shape: std::iter::once(-1)
                .chain(column.width.and_then(|width| i64::try_from(width).ok()))
                .collect(),
            parameters: column.labels.map(|labels| Labels { labels }),
        });
    let metadata = ModelMetadata {
        name: &facts.name,
        versions: [&facts.version],
        platform: "skewless_plan",
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        parameters: ModelParameters {
            digest: &facts.digest,
        },
    };
    Response::json(200, &metadata)
}

/// Times travel as text: the protocol has no datatype for them.
fn datatype(kind: InputType) -> &'static str {
    match kind {
        InputType::Number | InputType::Tensor => "FP64",
        InputType::Integer => "INT64",
        InputType::Boolean => "BOOL",
        InputType::Category | InputType::Text | InputType::Timestamp | InputType::Date => "BYTES",
    }
}

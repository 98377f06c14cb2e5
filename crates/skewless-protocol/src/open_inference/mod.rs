//! The Open Inference Protocol v2 over HTTP: every input of the specification is a tensor of its own, a column.
//!
//! <https://github.com/kserve/open-inference-protocol>
//!
//! - An input tensor has shape `[n]` or `[n,1]`, the same `n` in all. `null` in `data` is a missing value, and so is a
//!   tensor that is left out, where the specification lets the input be missing.
//! - `BYTES` are strings, `BOOL` booleans, all other datatypes numbers, taken as written (an `FP32` is not rounded).
//! - Output tensors are `label` (`BYTES`), `probability` or `probabilities`, `value` and `raw` (`FP64`), by task.
//! - A failed row holds `null` in every output, and `parameters.errors` lists `{row, code, message, field, value}`.
//! - `parameters.digest` is the bundle's digest.
//! - A refused request has `error`, a string as the protocol wants it, and the same error taken apart in
//!   `parameters.error`. So has the request of a single row that failed.

mod elements;
mod metadata;
mod outputs;
mod tensor;

use serde::{Deserialize, Serialize};
use skewless_core::{Error, Result};

pub(crate) use metadata::{model_metadata, server_metadata};

use crate::failure::{ErrorObject, refusal};
use crate::message::{Request, Response};
use crate::rows::{Rows, read_object};
use crate::service::Service;

#[derive(Deserialize)]
struct InferRequest<'a> {
    id: Option<String>,
    #[serde(borrow)]
    inputs: Vec<tensor::InputTensor<'a>>,
    #[serde(default)]
    outputs: Vec<RequestedOutput>,
}

#[derive(Deserialize)]
struct RequestedOutput {
    name: String,
}

#[derive(Serialize)]
struct InferResponse<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    parameters: InferParameters<'a>,
    outputs: Vec<outputs::OutputTensor<'a>>,
}

#[derive(Serialize)]
struct InferParameters<'a> {
    digest: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorObject<'a>>,
}

/// The body of a refused request.
#[derive(Serialize)]
pub(crate) struct RefusalBody<'a> {
    error: String,
    parameters: RefusalParameters<'a>,
}

#[derive(Serialize)]
struct RefusalParameters<'a> {
    error: ErrorObject<'a>,
}

impl<'a> RefusalBody<'a> {
    pub(crate) fn new(error: &'a Error) -> Self {
        Self {
            error: error.to_string(),
            parameters: RefusalParameters {
                error: ErrorObject::new(error),
            },
        }
    }

    /// The same of an error that is only known by its members.
    pub(crate) fn of(error: ErrorObject<'a>) -> Self {
        Self {
            error: error.sentence(),
            parameters: RefusalParameters { error },
        }
    }
}

/// Answers `POST /v2/models/{name}/infer`.
///
/// # Errors
/// `request.*` and `input.*` for a body that cannot be read, and the error of a lone row.
pub(crate) fn infer(service: &Service, request: &Request<'_>) -> Result<Response> {
    if request
        .headers
        .value("inference-header-content-length")
        .is_some()
    {
        return Err(Error::input(
            "request.unsupported_media_type",
            "the binary tensor extension is not spoken here; send the data as JSON",
        ));
    }
    let asked: InferRequest<'_> = read_object(request.body)?;
    let names: Vec<&str> = asked
        .outputs
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    outputs::check_requested(service.output(), &names)?;
    let records = tensor::records(asked.inputs, service.limits())?;
    let scored =
        Rows::new(records.into_iter().map(Ok).collect(), service.limits())?.score(service)?;
    if let Some(error) = scored.lone_failure() {
        return Ok(refusal(request.path, error).of(&scored));
    }
    let facts = service.facts();
    let errors = scored
        .rows
        .iter()
        .filter_map(|row| row.as_ref().err())
        .map(ErrorObject::new)
        .collect();
    let answer = InferResponse {
        model_name: &facts.name,
        model_version: &facts.version,
        id: asked.id.as_deref(),
        parameters: InferParameters {
            digest: &facts.digest,
            errors,
        },
        outputs: outputs::tensors(service.output(), &scored.rows, &names),
    };
    Ok(Response::json(200, &answer)?.of(&scored))
}

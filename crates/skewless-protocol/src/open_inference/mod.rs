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
use serde_json::value::RawValue;
use skewless_core::{Error, Result};

pub(crate) use metadata::{model_metadata, server_metadata};

use crate::direct::to_json;
use crate::failure::{ErrorObject, refusal};
use crate::message::{Request, Response};
use crate::rows::{Rows, Scored, read_object, read_with_nan};
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
    pub(crate) fn of(error: ErrorObject<'a>) -> Self {
        Self {
            error: error.sentence(),
            parameters: RefusalParameters { error },
        }
    }
}

/// What a request asks besides its rows.
pub(crate) struct Asked {
    id: Option<String>,
    outputs: Vec<String>,
}

/// Answers `POST /v2/models/{name}/infer`.
///
/// # Errors
/// `request.*` and `input.*` for a body that cannot be read, and the error of a lone row.
pub(crate) fn infer(service: &Service, request: &Request<'_>) -> Result<Response> {
    let (asked, rows) = read(service, request)?;
    written(service, request, &asked, &rows.score(service)?)
}

/// The rows of a body, and what is asked of them.
///
/// # Errors
/// `request.*` and `input.*` for a body that cannot be read.
pub(crate) fn read(service: &Service, request: &Request<'_>) -> Result<(Asked, Rows)> {
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
    read_with_nan(request.body, |body| read_body(service, body))
}

/// Answers the text of an inference request without HTTP around it, with the rows that were scored.
///
/// # Errors
/// As [`infer`], and that of a lone row that failed.
pub(crate) fn infer_text(service: &Service, text: &str) -> Result<(serde_json::Value, Scored)> {
    let (asked, rows) = read_body(service, text.as_bytes())?;
    let mut scored = rows.score(service)?;
    if scored.lone_failure().is_some()
        && let Some(Err(error)) = scored.rows.pop()
    {
        return Err(error);
    }
    Ok((to_json(asked.answer(service, &scored))?, scored))
}

/// True for the text of an object with a list of tensors, which no record is: a record's field holds no objects.
pub(crate) fn is_inference(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Mark<'a> {
        #[serde(borrow)]
        inputs: Option<&'a RawValue>,
    }
    let Ok(Mark { inputs: Some(list) }) = serde_json::from_str(text) else {
        return false;
    };
    let rest = list.get().strip_prefix('[');
    rest.is_some_and(|rest| rest.trim_start().starts_with('{'))
}

fn read_body(service: &Service, body: &[u8]) -> Result<(Asked, Rows)> {
    let asked: InferRequest<'_> = read_object(body)?;
    let outputs: Vec<String> = asked
        .outputs
        .into_iter()
        .map(|output| output.name)
        .collect();
    outputs::check_requested(service.output(), &outputs)?;
    let records = tensor::records(asked.inputs, service.limits())?;
    let rows = Rows::new(records.into_iter().map(Ok).collect(), service.limits())?;
    let id = asked.id;
    Ok((Asked { id, outputs }, rows))
}

/// The answer with the rows as they were scored.
///
/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn written(
    service: &Service,
    request: &Request<'_>,
    asked: &Asked,
    scored: &Scored,
) -> Result<Response> {
    if let Some(error) = scored.lone_failure() {
        return Ok(refusal(request.path, error).of(scored));
    }
    Ok(Response::json(200, &asked.answer(service, scored))?.of(scored))
}

impl Asked {
    fn answer<'a>(&'a self, service: &'a Service, scored: &'a Scored) -> InferResponse<'a> {
        let facts = service.facts();
        let failed = scored.rows.iter().filter_map(|row| row.as_ref().err());
        InferResponse {
            model_name: &facts.name,
            model_version: &facts.version,
            id: self.id.as_deref(),
            parameters: InferParameters {
                digest: &facts.digest,
                errors: failed.map(ErrorObject::new).collect(),
            },
            outputs: outputs::tensors(service.output(), &scored.rows, &self.outputs),
        }
    }
}

//! Errors on the wire: the HTTP status beside the code, and the one JSON form of an error.

use serde::Serialize;
use skewless_core::Error;

use crate::headers;
use crate::message::{Request, Response};
use crate::open_inference;
use crate::route::Route;
use crate::settings::Settings;

/// HTTP statuses by error code: the first entry whose text begins the code counts.
///
/// A record that breaks the specification is 400 like any other bad input, not 422: the Open Inference Protocol
/// knows 400 alone, and the code tells the cases apart.
pub const STATUS_TABLE: &[(&str, u16)] = &[
    ("request.unknown_path", 404),
    ("request.unknown_model", 404),
    ("request.unknown_version", 404),
    ("request.origin_not_allowed", 403),
    ("request.method_not_allowed", 405),
    ("request.too_large", 413),
    ("request.answer_too_large", 413),
    ("request.unsupported_media_type", 415),
    ("request.not_ready", 503),
    ("request.overloaded", 503),
    ("request.timeout", 408),
    ("request.", 400),
    ("input.too_many_rows", 413),
    ("input.", 400),
    ("bundle.", 503),
    ("", 500),
];

/// The HTTP status that stands for an error.
pub fn status(error: &Error) -> u16 {
    let entry = STATUS_TABLE
        .iter()
        .find(|(beginning, _)| error.code().starts_with(beginning));
    entry.map_or(500, |(_, status)| *status)
}

/// An error as JSON: `{"code","field","message","row","value"}`, absent members left out.
pub fn error_json(error: &Error) -> serde_json::Value {
    serde_json::to_value(ErrorObject::new(error)).unwrap_or_default()
}

/// The same error as [`error_json`], written straight into a larger answer: its members stand in the order of their names
/// there too.
#[derive(Serialize)]
pub(crate) struct ErrorObject<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl<'a> ErrorObject<'a> {
    pub(crate) fn new(error: &'a Error) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            field: error.field(),
            value: error.value(),
            row: error.row(),
        }
    }

    /// An error of which only code and sentence are known.
    pub(crate) fn told(code: &'a str, message: &'a str) -> Self {
        Self {
            code,
            message,
            field: None,
            value: None,
            row: None,
        }
    }

    /// Code and sentence, as an error prints itself.
    pub(crate) fn sentence(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }
}

/// The body of a refused request outside the Open Inference Protocol.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) error: ErrorObject<'a>,
}

impl<'a> ErrorBody<'a> {
    pub(crate) fn new(error: &'a Error) -> Self {
        Self {
            error: ErrorObject::new(error),
        }
    }
}

/// The response to a request that was not answered.
pub(crate) fn refusal(path: &str, error: &Error) -> Response {
    let mut response = refusal_told(path, status(error), ErrorObject::new(error));
    response.code = Some(error.code());
    if let (405, Ok(route)) = (response.status, Route::parse(path)) {
        response.headers.push("allow", route.allow());
    }
    response
}

/// The same where the error is only known by its members; the response's `code` stays empty, because its door has it.
pub(crate) fn refusal_told(path: &str, status: u16, error: ErrorObject<'_>) -> Response {
    let code = error.code;
    let body = if Route::is_open_inference(path) {
        Response::json(status, &open_inference::RefusalBody::of(error))
    } else {
        Response::json(status, &ErrorBody { error })
    };
    let mut response = body.unwrap_or_else(|_| Response::empty(status));
    response.headers.push(headers::ERROR, code);
    if status == 503 {
        response.headers.push("retry-after", "1");
    }
    response
}

/// The answer of a host that has no bundle yet, with the code and the sentence of why: it lives, and is not ready.
pub fn unavailable(
    settings: &Settings,
    request: &Request<'_>,
    code: &str,
    message: &str,
) -> Response {
    let mut response = match settings.cors.preflight(request) {
        Ok(Some(answer)) => answer,
        Ok(None) if matches!(Route::parse(request.path), Ok(Route::Live)) => Response::empty(200),
        Ok(None) => refusal_told(request.path, 503, ErrorObject::told(code, message)),
        Err(error) => refusal(request.path, &error),
    };
    finish(settings, request, &mut response);
    response
}

/// What every answer has, with a bundle or without: no body for `HEAD`, and what a browser is told.
pub(crate) fn finish(settings: &Settings, request: &Request<'_>, response: &mut Response) {
    if request.method == "HEAD" {
        response.body.clear();
    }
    settings.cors.sign(&request.headers, &mut response.headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_follow_the_code() {
        for (code, expected) in [
            ("input.missing_field", 400),
            ("input.too_many_rows", 413),
            ("request.unknown_model", 404),
            ("request.origin_not_allowed", 403),
            ("request.invalid_shape", 400),
            ("bundle.golden_mismatch", 503),
            ("internal.json", 500),
            ("misuse.row_count", 500),
        ] {
            assert_eq!(status(&Error::input(code, "")), expected, "{code}");
        }
    }

    #[test]
    fn no_entry_of_the_table_is_out_of_reach() {
        for (position, (later, _)) in STATUS_TABLE.iter().enumerate() {
            for (earlier, _) in STATUS_TABLE.iter().take(position) {
                assert!(
                    !later.starts_with(earlier),
                    "`{later}` stands behind `{earlier}`"
                );
            }
        }
    }

    #[test]
    fn absent_members_are_left_out() {
        let error = Error::input("input.wrong_type", "must be a number")
            .with_field("temp")
            .with_row(3);
        assert_eq!(
            error_json(&error).to_string(),
            r#"{"code":"input.wrong_type","field":"temp","message":"must be a number","row":3}"#
        );
    }
}

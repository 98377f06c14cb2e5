//! Errors as data: JavaScript makes its `SkewlessError` of it, with the code every other door gives.

use js_sys::Array;
use skewless_core::{Error, ErrorKind};
use wasm_bindgen::JsValue;

/// The name of whose fault an error is.
fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidInput => "invalid_input",
        ErrorKind::InvalidSpec => "invalid_spec",
        ErrorKind::InvalidBundle => "invalid_bundle",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Misuse => "misuse",
        _ => "internal",
    }
}

/// The error as a thrown value: kind, code, message, field, value and row; `undefined` for what it does not have.
pub(crate) fn thrown(error: &Error) -> JsValue {
    let texts = [
        Some(kind_name(error.kind())),
        Some(error.code()),
        Some(error.message()),
        error.field(),
        error.value(),
    ];
    let data = Array::new();
    for text in texts {
        data.push(&text.map_or(JsValue::UNDEFINED, JsValue::from_str));
    }
    // A row's number is far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "a row's number")]
    let row = error.row().map(|row| JsValue::from_f64(row as f64));
    data.push(&row.unwrap_or(JsValue::UNDEFINED));
    data.into()
}

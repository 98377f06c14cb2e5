//! Errors as data: JavaScript makes its `SkewlessError` of it, with the code every other door gives.

use serde::Serialize;
use skewless_core::{Error, ErrorKind};
use tsify::Tsify;
use wasm_bindgen::JsValue;

use crate::object;

/// Whose fault an error is.
#[derive(Clone, Copy, Serialize, Tsify)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The caller's data: a record, a column.
    InvalidInput,
    /// The author of a feature specification.
    InvalidSpec,
    /// The bundle's bytes are damaged, incomplete or contradict themselves.
    InvalidBundle,
    /// Well-formed, but this build can't do it.
    Unsupported,
    /// The calling program broke the rules of the interface.
    Misuse,
    /// A fault of this library.
    Internal,
}

impl From<ErrorKind> for Kind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput => Self::InvalidInput,
            ErrorKind::InvalidSpec => Self::InvalidSpec,
            ErrorKind::InvalidBundle => Self::InvalidBundle,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::Misuse => Self::Misuse,
            _ => Self::Internal,
        }
    }
}

/// What a `SkewlessError` carries.
#[derive(Serialize, Tsify)]
pub struct ErrorData<'a> {
    /// Whose fault it is.
    pub kind: Kind,
    /// The stable code, for example `input.missing_field`.
    pub code: &'a str,
    /// A sentence for people.
    pub message: &'a str,
    /// The input field, feature or bundle part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub field: Option<&'a str>,
    /// The offending value as text, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub value: Option<&'a str>,
    /// The row of the batch, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub row: Option<usize>,
}

impl<'a> From<&'a Error> for ErrorData<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            kind: error.kind().into(),
            code: error.code(),
            message: error.message(),
            field: error.field(),
            value: error.value(),
            row: error.row(),
        }
    }
}

/// The error as a thrown value.
pub(crate) fn thrown(error: &Error) -> JsValue {
    object::of(&ErrorData::from(error))
}

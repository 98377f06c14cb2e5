//! The one error type: whose fault it is, a stable code, and a sentence that names field, value and rule.

use std::fmt;

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's data: a record, a column, a table, a model file from elsewhere.
    InvalidInput,
    /// The author of a feature specification or of a training configuration.
    InvalidSpec,
    /// The bundle's bytes are damaged, incomplete or contradict themselves.
    InvalidBundle,
    /// Well-formed, but nothing here can do it.
    Unsupported,
    /// The calling program broke the rules of the interface.
    Misuse,
    /// A fault of this library.
    Internal,
}

/// What went wrong. [`Error::code`] is public API and the same on every door.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    field: Option<String>,
    value: Option<String>,
    row: Option<usize>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Longest part of an offending value that an error repeats, in characters.
const VALUE_CHARS: usize = 60;

impl Error {
    /// An error of `kind` with a stable `code` (`group.rule`) and a sentence for people.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            code,
            message: message.into(),
            field: None,
            value: None,
            row: None,
            source: None,
        }))
    }

    /// An [`ErrorKind::InvalidInput`] error.
    pub fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, code, message)
    }

    /// An [`ErrorKind::InvalidSpec`] error.
    pub fn spec(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidSpec, code, message)
    }

    /// An [`ErrorKind::InvalidBundle`] error.
    pub fn bundle(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidBundle, code, message)
    }

    /// An [`ErrorKind::Unsupported`] error.
    pub fn unsupported(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, code, message)
    }

    /// An [`ErrorKind::Misuse`] error.
    pub fn misuse(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, code, message)
    }

    /// An [`ErrorKind::Internal`] error.
    pub fn internal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, code, message)
    }

    /// Names the input field, feature or bundle part the error is about.
    #[must_use]
    pub fn with_field(mut self, field: &str) -> Self {
        self.0.field = Some(field.to_owned());
        self
    }

    /// Repeats the offending value; more than 60 characters are cut with an ellipsis.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        let mut short: String = value.chars().take(VALUE_CHARS).collect();
        if short.len() < value.len() {
            short.push('…');
        }
        self.0.value = Some(short);
        self
    }

    /// Names the row of a batch, counted from 0.
    #[must_use]
    pub fn with_row(mut self, row: usize) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code, for example `input.missing_field`.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The sentence without the code.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The input field, feature or bundle part.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The offending value as text, shortened.
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// The row of the batch, counted from 0.
    pub fn row(&self) -> Option<usize> {
        self.0.row
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)?;
        f.write_str(": ")?;
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_level_and_source_the_next() {
        let cause = std::io::Error::other("disk gone");
        let error = Error::input("input.invalid_json", "the record is not JSON").with_source(cause);
        assert_eq!(
            error.to_string(),
            "input.invalid_json: the record is not JSON"
        );
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("disk gone"));
    }

    #[test]
    fn long_values_are_cut_on_a_character_boundary() {
        let error = Error::input("input.too_long", "").with_value(&"ä".repeat(10_000));
        let value = error.value().unwrap();
        assert_eq!(value.chars().count(), VALUE_CHARS + 1);
        assert!(value.ends_with('…'));
    }
}

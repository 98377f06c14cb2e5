//! The errors of whole tables, each naming the table.

use std::fmt::Display;

use skewless_core::Error;

use crate::Format;
use crate::block::LINE_BYTES;

/// The table could not be opened or read on.
pub(crate) fn unreadable(name: &str, error: std::io::Error) -> Error {
    Error::input("table.unreadable", format!("{name} cannot be read")).with_source(error)
}

/// A row, or the header where it is none, does not end where it must have.
pub(crate) fn line_too_long(name: &str, row: Option<usize>) -> Error {
    let line = row.map_or_else(|| "the header".to_owned(), |row| format!("row {row}"));
    let message = format!("{name}: {line} is longer than {} MiB", LINE_BYTES >> 20);
    let error = Error::input("table.line_too_long", message);
    match row {
        Some(row) => error.with_row(row),
        None => error,
    }
}

/// A name stands twice among the columns.
pub(crate) fn duplicate_column(name: &str, column: &str) -> Error {
    Error::input(
        "table.duplicate_column",
        format!("{name} has two columns named `{column}`"),
    )
    .with_field(column)
}

/// A column has a type the input cannot take.
pub(crate) fn wrong_type(name: &str, column: &str, found: impl Display, due: &str) -> Error {
    Error::input(
        "input.wrong_type",
        format!("{name}: column `{column}` is {found} where {due} is due"),
    )
    .with_field(column)
}

/// The format is known but left out of this build.
pub(crate) fn not_built(name: &str, format: Format) -> Error {
    Error::unsupported(
        "unsupported.table_format",
        format!(
            "{name} is {format}, and this build leaves {format} out; build with the feature `{format}`"
        ),
    )
}

//! Where rows of a table stand: in which file, and where in it.

use skewless_core::Error;

/// The files of a table in their order, or the view that it is.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// Each with its rows.
    Files(Vec<(String, usize)>),
    /// By name.
    View(String),
}

impl Places {
    /// The error with its row counted in its file, and the file before its message.
    pub(crate) fn located(&self, error: Error) -> Error {
        let Some(row) = error.row() else { return error };
        let (place, row) = self.place(row);
        let message = format!("{place}, row {row}: {}", error.message());
        let mut located = Error::new(error.kind(), error.code(), message).with_row(row);
        if let Some(field) = error.field() {
            located = located.with_field(field);
        }
        if let Some(value) = error.value() {
            located = located.with_value(value);
        }
        located.with_source(error)
    }

    fn place(&self, row: usize) -> (String, usize) {
        let files = match self {
            Self::View(name) => return (format!("view `{name}`"), row),
            Self::Files(files) => files,
        };
        let mut left = row;
        for (path, rows) in files {
            if left < *rows {
                return (format!("`{path}`"), left);
            }
            left -= rows;
        }
        ("the data".to_owned(), row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_in_their_file() {
        let places = Places::Files(vec![("a.csv".to_owned(), 2), ("b.csv".to_owned(), 3)]);
        let error = || Error::input("input.out_of_range", "`x` is 7").with_field("x");
        let located = places.located(error().with_row(3));
        assert_eq!(
            (located.message(), located.row(), located.field()),
            ("`b.csv`, row 1: `x` is 7", Some(1), Some("x"))
        );
        assert_eq!(places.located(error()).row(), None);
    }
}

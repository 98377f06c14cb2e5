//! Where rows of a table stand: in which file, and where in it.

use skewless_core::Error;

/// Where the rows of a table stand.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    origin: Origin,
    /// The place of each row among all, where some were drawn.
    drawn: Option<Vec<usize>>,
}

/// The files of a table in their order, or the view that it is.
#[derive(Clone, Debug)]
enum Origin {
    /// Each with its rows.
    Files(Vec<(String, usize)>),
    /// By name.
    View(String),
}

impl Places {
    /// All rows of files, each given with its number of rows.
    pub(super) fn of_files(files: impl IntoIterator<Item = (String, usize)>) -> Self {
        Self {
            origin: Origin::Files(files.into_iter().collect()),
            drawn: None,
        }
    }

    /// All rows of a view.
    pub(super) fn of_view(name: &str) -> Self {
        Self {
            origin: Origin::View(name.to_owned()),
            drawn: None,
        }
    }

    /// The rows that stand at these places among all.
    pub(super) fn drawn(self, rows: Vec<usize>) -> Self {
        Self {
            drawn: Some(rows),
            ..self
        }
    }

    /// The place of a row among all rows of its table.
    pub(crate) fn row(&self, row: usize) -> usize {
        let drawn = self.drawn.as_ref().and_then(|drawn| drawn.get(row));
        drawn.copied().unwrap_or(row)
    }

    /// The error with its row counted in its file, and the file before its message.
    pub(crate) fn located(&self, error: Error) -> Error {
        let (message, row) = match (error.row(), &self.origin) {
            (Some(row), _) => {
                let (place, row) = self.place(row);
                (
                    format!("{place}, row {row}: {}", error.message()),
                    Some(row),
                )
            }
            // A column as a whole; of several files it is not known which.
            (None, Origin::Files(files)) if error.field().is_some() => match files.as_slice() {
                [(path, _)] => (format!("`{path}`: {}", error.message()), None),
                _ => return error,
            },
            _ => return error,
        };
        told_again(error, message, row)
    }

    fn place(&self, row: usize) -> (String, usize) {
        let row = self.row(row);
        let files = match &self.origin {
            Origin::View(name) => return (format!("view `{name}`"), row),
            Origin::Files(files) => files,
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

/// The error with another message and row.
pub(crate) fn told_again(error: Error, message: String, row: Option<usize>) -> Error {
    let mut told = Error::new(error.kind(), error.code(), message);
    if let Some(row) = row {
        told = told.with_row(row);
    }
    if let Some(field) = error.field() {
        told = told.with_field(field);
    }
    if let Some(value) = error.value() {
        told = told.with_value(value);
    }
    told.with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_in_their_file() {
        let places = Places::of_files([("a.csv".to_owned(), 2), ("b.csv".to_owned(), 3)]);
        let error = || Error::input("input.out_of_range", "`x` is 7").with_field("x");
        let located = places.located(error().with_row(3));
        assert_eq!(
            (located.message(), located.row(), located.field()),
            ("`b.csv`, row 1: `x` is 7", Some(1), Some("x"))
        );
        assert_eq!(places.located(error()).row(), None);
        let located = places.drawn(vec![0, 4]).located(error().with_row(1));
        assert_eq!(located.message(), "`b.csv`, row 2: `x` is 7");
    }
}

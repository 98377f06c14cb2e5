//! Named columns of equal length: the batch form of records.

use std::ops::Range;

use crate::error::{Error, Result};

/// The code of a missing value in a [`TextColumn`].
pub const MISSING_CODE: u32 = u32::MAX;

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN is missing. Booleans are 0 and 1, dates are days since 1970-01-01, timestamps are seconds of
    /// wall-clock time since 1970-01-01T00:00 in the input's zone.
    Number(Vec<f64>),
    /// Strings by dictionary. For date and timestamp inputs they are parsed as in a record.
    Text(TextColumn),
    /// Tensors: `width` elements a row, rows × width, row-major.
    Tensor {
        /// Elements a row, at least 1.
        width: usize,
        /// The elements of all rows; a multiple of `width`.
        values: Vec<f64>,
    },
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Text(column) => column.codes.len(),
            Self::Tensor { width, values } => values.len() / (*width).max(1),
        }
    }

    /// Whether the column is `rows` long and its last row complete.
    fn fills(&self, rows: usize) -> bool {
        match self {
            Self::Tensor { width, values } => width.checked_mul(rows) == Some(values.len()),
            _ => self.len() == rows,
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Strings as codes into a dictionary; [`MISSING_CODE`] is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextColumn {
    dictionary: Vec<String>,
    codes: Vec<u32>,
}

impl TextColumn {
    /// One dictionary entry a row: right for columns whose values rarely repeat, and for single records.
    pub fn from_values<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut column = Self::default();
        for value in values {
            column.push(value);
        }
        column
    }

    /// Takes a dictionary and codes as they are.
    ///
    /// # Errors
    /// `misuse.dictionary_code` for a code that is neither an index of the dictionary nor [`MISSING_CODE`].
    pub fn from_dictionary(dictionary: Vec<String>, codes: Vec<u32>) -> Result<Self> {
        let known = dictionary.len();
        if let Some(row) = codes
            .iter()
            .position(|&code| code != MISSING_CODE && code as usize >= known)
        {
            return Err(Error::misuse(
                "misuse.dictionary_code",
                format!("row {row}: the code is outside a dictionary of {known} entries"),
            )
            .with_row(row));
        }
        Ok(Self { dictionary, codes })
    }

    /// Appends a row; a value equal to the last dictionary entry shares it.
    pub fn push(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            self.codes.push(MISSING_CODE);
            return;
        };
        if self.dictionary.last().is_none_or(|last| last != value) {
            self.dictionary.push(value.to_owned());
        }
        self.codes.push(index_to_code(self.dictionary.len() - 1));
    }

    /// The distinct strings; entries may repeat and may be unused.
    pub fn dictionary(&self) -> &[String] {
        &self.dictionary
    }

    /// A code a row.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// A row's string; `None` is missing.
    pub fn value(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.dictionary.get(code as usize).map(String::as_str)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a dictionary of 2^32 strings does not fit in memory"
)]
pub(crate) fn index_to_code(index: usize) -> u32 {
    index as u32
}

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    rows: usize,
    names: Vec<String>,
    columns: Vec<Column>,
}

impl Columns {
    /// No columns yet, for `rows` rows.
    pub fn new(rows: usize) -> Self {
        Self {
            rows,
            names: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// Adds a column.
    ///
    /// # Errors
    /// `input.ragged_columns` for another length, `input.duplicate_field` for a name that stands already.
    pub fn push(&mut self, name: &str, column: Column) -> Result<()> {
        if !column.fills(self.rows) {
            let (found, rows) = (column.len(), self.rows);
            return Err(Error::input(
                "input.ragged_columns",
                format!("column `{name}` has {found} rows where the batch has {rows}"),
            )
            .with_field(name));
        }
        if self.column(name).is_some() {
            return Err(Error::input(
                "input.duplicate_field",
                format!("column `{name}` stands twice"),
            )
            .with_field(name));
        }
        self.names.push(name.to_owned());
        self.columns.push(column);
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns' names in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let index = self.names.iter().position(|known| known == name)?;
        self.columns.get(index)
    }

    /// The rows of `range` as columns of their own; what lies outside is left out.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.rows);
        let start = range.start.min(end);
        let rows: Vec<usize> = (start..end).collect();
        self.select(&rows)
    }

    /// The given rows in the given order; a row that does not exist is left out.
    pub fn select(&self, rows: &[usize]) -> Self {
        let rows: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|&row| row < self.rows)
            .collect();
        let columns = self.columns.iter().map(|column| match column {
            Column::Number(values) => Column::Number(
                rows.iter()
                    .filter_map(|&row| values.get(row).copied())
                    .collect(),
            ),
            Column::Text(text) => Column::Text(TextColumn {
                dictionary: text.dictionary.clone(),
                codes: rows
                    .iter()
                    .filter_map(|&row| text.codes.get(row).copied())
                    .collect(),
            }),
            Column::Tensor { width, values } => Column::Tensor {
                width: *width,
                values: rows
                    .iter()
                    .filter_map(|&row| values.get(row * width..(row + 1) * width))
                    .flatten()
                    .copied()
                    .collect(),
            },
        });
        Self {
            rows: rows.len(),
            names: self.names.clone(),
            columns: columns.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_length_and_one_name() {
        let mut columns = Columns::new(2);
        columns.push("a", Column::Number(vec![1.0, 2.0])).unwrap();
        let short = columns.push("b", Column::Number(vec![1.0])).unwrap_err();
        assert_eq!(short.code(), "input.ragged_columns");
        let twice = columns
            .push("a", Column::Number(vec![1.0, 2.0]))
            .unwrap_err();
        assert_eq!(twice.code(), "input.duplicate_field");
    }

    #[test]
    fn codes_stay_inside_the_dictionary() {
        let error =
            TextColumn::from_dictionary(vec!["a".into()], vec![0, MISSING_CODE, 1]).unwrap_err();
        assert_eq!(
            (error.code(), error.row()),
            ("misuse.dictionary_code", Some(2))
        );
    }

    #[test]
    fn slices_keep_values() {
        let mut columns = Columns::new(3);
        let text = TextColumn::from_values([Some("x"), None, Some("y")]);
        columns.push("t", Column::Text(text)).unwrap();
        let part = columns.slice(1..9);
        let Some(Column::Text(text)) = part.column("t") else {
            unreachable!()
        };
        assert_eq!(
            (part.rows(), text.value(0), text.value(1)),
            (2, None, Some("y"))
        );
    }
}

//! Columns under construction, and CSV cells becoming typed values.

use std::collections::HashMap;

use skewless_core::columns::MISSING_CODE;
use skewless_core::{Column, Error, Result, TextColumn};

use crate::{Cells, Wanted};

/// A column that grows row by row.
pub(crate) enum Growing {
    Number(Vec<f64>),
    Text(GrowingText),
    Tensor { width: usize, values: Vec<f64> },
}

impl Growing {
    /// An empty column for cells of this kind. Dates and timestamps stay text; the core parses them.
    pub(crate) fn of(cells: Cells) -> Self {
        match cells {
            Cells::Number | Cells::Boolean => Self::Number(Vec::new()),
            Cells::Text | Cells::Timestamp | Cells::Date => Self::Text(GrowingText::default()),
            Cells::Tensor(width) => Self::Tensor {
                width,
                values: Vec::new(),
            },
        }
    }

    pub(crate) fn push_missing(&mut self) {
        match self {
            Self::Number(values) => values.push(f64::NAN),
            Self::Text(text) => text.push(None),
            // The core says that a tensor may not be missing: NaN is no element.
            Self::Tensor { width, values } => values.resize(values.len() + *width, f64::NAN),
        }
    }

    /// Appends all rows of `column`; false when it is of the other form.
    pub(crate) fn append(&mut self, column: &Column) -> bool {
        match (self, column) {
            (Self::Number(values), Column::Number(more)) => values.extend_from_slice(more),
            (Self::Text(text), Column::Text(more)) => text.append(more),
            (
                Self::Tensor { width, values },
                Column::Tensor {
                    width: more_width,
                    values: more,
                },
            ) if width == more_width => values.extend_from_slice(more),
            _ => return false,
        }
        true
    }

    pub(crate) fn finish(self) -> Result<Column> {
        match self {
            Self::Number(values) => Ok(Column::Number(values)),
            Self::Text(text) => text.finish().map(Column::Text),
            Self::Tensor { width, values } => Ok(Column::Tensor { width, values }),
        }
    }
}

/// Text by a dictionary in order of first appearance.
#[derive(Default)]
pub(crate) struct GrowingText {
    codes_by_text: HashMap<String, u32>,
    dictionary: Vec<String>,
    codes: Vec<u32>,
}

impl GrowingText {
    pub(crate) fn push(&mut self, value: Option<&str>) {
        let code = value.map_or(MISSING_CODE, |value| self.code(value));
        self.codes.push(code);
    }

    fn append(&mut self, more: &TextColumn) {
        let mut codes = vec![None; more.dictionary().len()];
        for &code in more.codes() {
            let Some(text) = more.dictionary().get(code as usize) else {
                self.codes.push(MISSING_CODE);
                continue;
            };
            let code = match codes.get(code as usize).copied().flatten() {
                Some(known) => known,
                None => {
                    let new = self.code(text);
                    if let Some(slot) = codes.get_mut(code as usize) {
                        *slot = Some(new);
                    }
                    new
                }
            };
            self.codes.push(code);
        }
    }

    fn code(&mut self, value: &str) -> u32 {
        if let Some(&code) = self.codes_by_text.get(value) {
            return code;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "2^32 distinct strings do not fit in memory"
        )]
        let code = self.dictionary.len() as u32;
        self.dictionary.push(value.to_owned());
        self.codes_by_text.insert(value.to_owned(), code);
        code
    }

    pub(crate) fn finish(self) -> Result<TextColumn> {
        TextColumn::from_dictionary(self.dictionary, self.codes)
    }
}

/// Appends a CSV cell. The empty cell is missing, and so is a listed token where text cannot stand.
///
/// # Errors
/// `input.wrong_type` for a cell that is not what the column holds; nothing is appended then.
pub(crate) fn push_cell(column: &mut Growing, wanted: &Wanted, cell: &str) -> Result<()> {
    match column {
        Growing::Text(text) => text.push((!cell.is_empty()).then_some(cell)),
        Growing::Number(values) => values.push(number(wanted, cell)?),
        Growing::Tensor { .. } => return Err(no_cell(wanted)),
    }
    Ok(())
}

/// A CSV cell holds one value.
fn no_cell(wanted: &Wanted) -> Error {
    let name = &wanted.name;
    Error::input(
        "table.unsupported_type",
        format!("field `{name}` is a tensor, which CSV cannot hold; JSON lines and Parquet can"),
    )
    .with_field(name)
}

fn number(wanted: &Wanted, cell: &str) -> Result<f64> {
    if cell.is_empty() || wanted.missing.iter().any(|token| token == cell) {
        return Ok(f64::NAN);
    }
    let value = match wanted.cells {
        Cells::Boolean if cell.eq_ignore_ascii_case("true") => Some(1.0),
        Cells::Boolean if cell.eq_ignore_ascii_case("false") => Some(0.0),
        Cells::Boolean => None,
        _ => cell.parse().ok(),
    };
    value.ok_or_else(|| {
        let (name, due) = (&wanted.name, wanted.cells.described());
        Error::input(
            "input.wrong_type",
            format!(
                "field `{name}` must be {due}, not the string {:?}",
                shortened(cell)
            ),
        )
        .with_field(name)
        .with_value(cell)
    })
}

/// The beginning of a cell, enough to recognise it.
fn shortened(cell: &str) -> &str {
    cell.char_indices()
        .nth(60)
        .and_then(|(end, _)| cell.get(..end))
        .unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_cell(cells: Cells, cell: &str) -> Result<f64> {
        let wanted = Wanted {
            missing: vec!["NA".to_owned()],
            ..Wanted::new("x", cells)
        };
        let mut column = Growing::of(cells);
        push_cell(&mut column, &wanted, cell)?;
        let Growing::Number(values) = column else {
            unreachable!()
        };
        Ok(values[0])
    }

    #[test]
    fn numbers_are_strict() {
        for (cell, value) in [
            ("1", 1.0_f64),
            ("-2.5e3", -2500.0),
            ("0.1", 0.1),
            ("5e-324", 5e-324),
        ] {
            assert_eq!(
                number_cell(Cells::Number, cell).unwrap().to_bits(),
                value.to_bits(),
                "{cell}"
            );
        }
        for cell in ["", "NA", "NaN", "nan"] {
            assert!(number_cell(Cells::Number, cell).unwrap().is_nan(), "{cell}");
        }
        assert_eq!(number_cell(Cells::Number, "inf").unwrap(), f64::INFINITY);
        for cell in [" 1", "1 ", "1,5", "0x10", "1_000", "true", "na", "twelve"] {
            let error = number_cell(Cells::Number, cell).unwrap_err();
            assert_eq!(
                (error.code(), error.value()),
                ("input.wrong_type", Some(cell))
            );
        }
    }

    #[test]
    fn booleans_are_true_and_false() {
        assert_eq!(number_cell(Cells::Boolean, "true").unwrap(), 1.0);
        assert_eq!(number_cell(Cells::Boolean, "False").unwrap(), 0.0);
        for cell in ["1", "yes", "t"] {
            assert_eq!(
                number_cell(Cells::Boolean, cell).unwrap_err().code(),
                "input.wrong_type"
            );
        }
    }

    #[test]
    fn dictionaries_merge_by_text() {
        let mut text = Growing::of(Cells::Text);
        let first = TextColumn::from_values([Some("a"), None, Some("b")]);
        let second = TextColumn::from_values([Some("b"), Some("a"), Some("c")]);
        assert!(text.append(&Column::Text(first)) && text.append(&Column::Text(second)));
        assert!(!text.append(&Column::Number(vec![1.0])));
        let Column::Text(text) = text.finish().unwrap() else {
            unreachable!()
        };
        assert_eq!(text.dictionary(), ["a", "b", "c"]);
        assert_eq!(text.codes(), [0, MISSING_CODE, 1, 1, 0, 2]);
    }
}

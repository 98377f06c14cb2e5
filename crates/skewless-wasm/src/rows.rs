//! Raw rows as JavaScript writes them: into this module's memory, without a call for each value.

use skewless_core::{Cell, Cells, Error};

/// Memory that JavaScript fills before it asks for predictions.
#[derive(Default)]
pub(crate) struct Rows {
    inputs: usize,
    rows: usize,
    /// rows × inputs: what each value is.
    pub(crate) kinds: Vec<u8>,
    /// rows × inputs × 2: the number itself, or where text or elements begin and how many there are.
    pub(crate) cells: Vec<f64>,
    /// All strings, as UTF-8.
    pub(crate) text: Vec<u8>,
    /// All elements of arrays.
    pub(crate) elements: Vec<f64>,
    /// The shapes of arrays of arrays, by their place in `kinds`.
    nested: Vec<(usize, Vec<usize>)>,
    /// What is wrong with whole records.
    refused: Vec<Error>,
}

/// What `kinds` says from this place on.
const KINDS: [&str; 12] = [
    "missing",
    "number",
    "boolean",
    "text",
    "numbers",
    "nested",
    "array",
    "bigint",
    "function",
    "symbol",
    "object",
    "unreadable",
];

impl Rows {
    pub(crate) fn new(inputs: usize) -> Self {
        Self {
            inputs,
            ..Self::default()
        }
    }

    /// Makes room for so many rows, bytes of text and elements, and keeps what stands there.
    pub(crate) fn reserve(&mut self, rows: usize, text: usize, elements: usize) {
        let values = rows * self.inputs;
        if self.kinds.len() < values {
            self.kinds.resize(values, 0);
            self.cells.resize(2 * values, 0.0);
        }
        if self.text.len() < text {
            self.text.resize(text, 0);
        }
        if self.elements.len() < elements {
            self.elements.resize(elements, 0.0);
        }
    }

    /// States the shape of an array of arrays.
    pub(crate) fn nest(&mut self, place: usize, shape: Vec<usize>) {
        self.nested.push((place, shape));
    }

    /// Notes a fault of a whole record; rows come in their order.
    pub(crate) fn refuse(&mut self, error: Error) {
        self.refused.push(error);
    }

    /// Takes the first `rows` rows as they stand, and gives the faults noted for them.
    pub(crate) fn filled(&mut self, rows: usize) -> Vec<Error> {
        self.rows = rows;
        std::mem::take(&mut self.refused)
    }

    /// Forgets what was noted for these rows.
    pub(crate) fn clear(&mut self) {
        self.nested.clear();
        self.refused.clear();
    }
}

impl Cells for Rows {
    fn rows(&self) -> usize {
        self.rows
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "JavaScript writes places; whatever else stands there is none"
    )]
    fn cell(&self, row: usize, input: usize) -> Cell<'_> {
        let place = row * self.inputs + input;
        let kind = self.kinds.get(place).copied().unwrap_or_default();
        let pair = self.cells.get(2 * place..).unwrap_or_default();
        let [first, count, ..] = *pair else {
            return Cell::Missing;
        };
        let range = first as usize..(first as usize).saturating_add(count as usize);
        match kind {
            0 => Cell::Missing,
            1 => Cell::Number(first),
            2 => Cell::Bool(first != 0.0),
            3 => match std::str::from_utf8(self.text.get(range).unwrap_or_default()) {
                Ok(text) => Cell::Text(text),
                Err(_) => Cell::Other("unreadable"),
            },
            4 => Cell::Numbers(self.elements.get(range).unwrap_or_default()),
            5 => self.nested_cell(place, self.elements.get(range).unwrap_or_default()),
            kind => Cell::Other(
                KINDS
                    .get(usize::from(kind))
                    .copied()
                    .unwrap_or("unreadable"),
            ),
        }
    }
}

impl Rows {
    fn nested_cell<'a>(&'a self, place: usize, values: &'a [f64]) -> Cell<'a> {
        let known = self.nested.iter().find(|(known, _)| *known == place);
        match known {
            Some((_, shape)) => Cell::Tensor { shape, values },
            None => Cell::Numbers(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut rows = Rows::new(2);
        rows.reserve(4, 3, 4);
        rows.kinds[..8].copy_from_slice(&[1, 3, 2, 4, 5, 8, 0, 200]);
        rows.cells[..2].copy_from_slice(&[2.5, 0.0]);
        rows.cells[2..4].copy_from_slice(&[1.0, 2.0]);
        rows.cells[4..6].copy_from_slice(&[1.0, 0.0]);
        rows.cells[6..8].copy_from_slice(&[1.0, 2.0]);
        rows.cells[8..10].copy_from_slice(&[0.0, 4.0]);
        rows.text.copy_from_slice("xß".as_bytes());
        rows.elements.copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        rows.nest(4, vec![2, 2]);
        rows.filled(4);
        let found: Vec<Cell<'_>> = (0..8).map(|at| rows.cell(at / 2, at % 2)).collect();
        let nested = Cell::Tensor {
            shape: &[2, 2],
            values: &[1.0, 2.0, 3.0, 4.0],
        };
        let expected = [
            Cell::Number(2.5),
            Cell::Text("ß"),
            Cell::Bool(true),
            Cell::Numbers(&[2.0, 3.0]),
            nested,
            Cell::Other("function"),
            Cell::Missing,
            Cell::Other("unreadable"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn places_outside_are_nothing() {
        let mut rows = Rows::new(1);
        rows.reserve(3, 2, 0);
        rows.kinds.copy_from_slice(&[3, 4, 3]);
        rows.cells
            .copy_from_slice(&[1.0, 9.0, f64::NAN, -1.0, f64::INFINITY, 1e300]);
        rows.filled(4);
        assert_eq!(rows.cell(0, 0), Cell::Text(""));
        assert_eq!(rows.cell(1, 0), Cell::Numbers(&[]));
        assert_eq!(rows.cell(2, 0), Cell::Text(""));
        assert_eq!(rows.cell(3, 0), Cell::Missing);
    }
}

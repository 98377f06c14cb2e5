//! The working memory of one batch: numeric slots side by side, text slots, and the rows' problems.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::Error;

/// Where a text slot's strings stand.
#[derive(Clone)]
pub(crate) enum Dictionary<'a> {
    /// In a column.
    Column(&'a [String]),
    /// In the rows' cells.
    Cells(Vec<&'a str>),
}

impl Dictionary<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Column(entries) => entries.len(),
            Self::Cells(entries) => entries.len(),
        }
    }

    fn entry(&self, index: usize) -> Option<&str> {
        match self {
            Self::Column(entries) => entries.get(index).map(String::as_str),
            Self::Cells(entries) => entries.get(index).copied(),
        }
    }
}

/// Strings of one slot by dictionary.
#[derive(Clone)]
pub(crate) struct TextSlot<'a> {
    pub(crate) dictionary: Dictionary<'a>,
    pub(crate) codes: Cow<'a, [u32]>,
    /// Stands in the rows whose code is no entry's: what was missing has been imputed.
    pub(crate) filled: Option<Arc<str>>,
}

impl TextSlot<'_> {
    pub(crate) fn value(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.dictionary
            .entry(code as usize)
            .or(self.filled.as_deref())
    }

    /// How many of the rows hold each entry, and how many are missing.
    pub(crate) fn tally(
        &self,
        rows: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = (Option<&str>, u64)> {
        let entries = self.dictionary.len();
        let mut counts = vec![0_u64; entries + 1];
        for row in rows {
            let code = self.codes.get(row).map_or(entries, |&code| code as usize);
            if let Some(count) = counts.get_mut(code.min(entries)) {
                *count += 1;
            }
        }
        let entry = |at| self.dictionary.entry(at).or(self.filled.as_deref());
        let counts = counts.into_iter().enumerate();
        let found = counts.filter(|(_, count)| *count > 0);
        found.map(move |(at, count)| (entry(at), count))
    }
}

/// The elements of one tensor input, row-major.
pub(crate) struct TensorSlot<'a> {
    pub(crate) width: usize,
    pub(crate) values: Cow<'a, [f64]>,
}

impl TensorSlot<'_> {
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        let cells = row * self.width..(row + 1) * self.width;
        self.values.get(cells).unwrap_or_default()
    }
}

pub(crate) struct Frame<'a> {
    pub(crate) rows: usize,
    /// Slot after slot, each `rows` long.
    numbers: Vec<f64>,
    pub(crate) texts: Vec<TextSlot<'a>>,
    pub(crate) tensors: Vec<TensorSlot<'a>>,
    /// One error for each fault of each row, with the row.
    pub(crate) problems: Vec<Error>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(rows: usize, number_slots: usize) -> Self {
        Self::reusing(rows, number_slots, Vec::new())
    }

    /// As [`Frame::new`], in memory that was used before.
    pub(crate) fn reusing(rows: usize, number_slots: usize, mut numbers: Vec<f64>) -> Self {
        numbers.clear();
        numbers.resize(rows * number_slots, f64::NAN);
        Self {
            rows,
            numbers,
            texts: Vec::new(),
            tensors: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(crate) fn number(&self, slot: usize) -> &[f64] {
        self.numbers
            .get(slot * self.rows..(slot + 1) * self.rows)
            .unwrap_or_default()
    }

    pub(crate) fn set(&mut self, slot: usize, row: usize, value: f64) {
        if let Some(cell) = self.numbers.get_mut(slot * self.rows + row) {
            *cell = value;
        }
    }

    /// The memory of the numbers, for the next frame.
    #[inline(always)]
    pub(crate) fn into_numbers(self) -> Vec<f64> {
        self.numbers
    }

    pub(crate) fn number_mut(&mut self, slot: usize) -> &mut [f64] {
        self.numbers
            .get_mut(slot * self.rows..(slot + 1) * self.rows)
            .unwrap_or_default()
    }

    /// Makes room for more numeric slots.
    pub(crate) fn grow(&mut self, number_slots: usize) {
        self.numbers.resize(self.rows * number_slots, f64::NAN);
    }

    /// dst[i] = f(src[i]); the destination stands after the source.
    pub(super) fn map(&mut self, src: usize, dst: usize, f: impl Fn(f64) -> f64) {
        let rows = self.rows;
        let Some((before, after)) = self.numbers.split_at_mut_checked(dst * rows) else {
            return;
        };
        let src = before.get(src * rows..(src + 1) * rows).unwrap_or_default();
        for (to, &from) in after.iter_mut().zip(src) {
            *to = f(from);
        }
    }

    /// dst[i] = f(a[i], b[i]); the destination stands after both.
    pub(super) fn map2(&mut self, a: usize, b: usize, dst: usize, f: impl Fn(f64, f64) -> f64) {
        let rows = self.rows;
        let Some((before, after)) = self.numbers.split_at_mut_checked(dst * rows) else {
            return;
        };
        let slot = |slot: usize| {
            before
                .get(slot * rows..(slot + 1) * rows)
                .unwrap_or_default()
        };
        for ((to, &a), &b) in after.iter_mut().zip(slot(a)).zip(slot(b)) {
            *to = f(a, b);
        }
    }

    /// dst[i] = f(text[i]), or `missing`. A dictionary shorter than the batch is evaluated entry by entry.
    pub(super) fn map_text(
        &mut self,
        src: usize,
        dst: usize,
        missing: f64,
        f: &dyn Fn(&str) -> f64,
    ) {
        let rows = self.rows;
        let cells = self.numbers.get_mut(dst * rows..(dst + 1) * rows);
        let (Some(text), Some(cells)) = (self.texts.get(src), cells) else {
            return;
        };
        if text.dictionary.len() >= rows {
            for (row, cell) in cells.iter_mut().enumerate() {
                *cell = text.value(row).map_or(missing, f);
            }
            return;
        }
        let entries = (0..text.dictionary.len()).map(|at| text.dictionary.entry(at));
        let table: Vec<f64> = entries.map(|entry| entry.map_or(missing, f)).collect();
        let other = text.filled.as_deref().map_or(missing, f);
        for (cell, &code) in cells.iter_mut().zip(text.codes.iter()) {
            *cell = table.get(code as usize).copied().unwrap_or(other);
        }
    }

    /// Appends a text slot in which missing rows hold `value`.
    pub(super) fn impute_text(&mut self, src: usize, value: &Arc<str>) {
        let Some(mut text) = self.texts.get(src).cloned() else {
            return;
        };
        text.filled.get_or_insert_with(|| Arc::clone(value));
        self.texts.push(text);
    }
}

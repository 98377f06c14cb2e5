//! The working memory of one batch: numeric slots side by side, text slots, and the rows' problems.

use std::borrow::Cow;

use crate::columns::MISSING_CODE;
use crate::error::Error;

/// Strings of one slot by dictionary.
pub(crate) struct TextSlot<'a> {
    pub(crate) dictionary: Cow<'a, [String]>,
    pub(crate) codes: Cow<'a, [u32]>,
}

impl TextSlot<'_> {
    pub(crate) fn value(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.dictionary.get(code as usize).map(String::as_str)
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
        Self {
            rows,
            numbers: vec![f64::NAN; rows * number_slots],
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

    /// dst[i] = f(text[i]), or `missing`. A dictionary no longer than the batch is evaluated entry by entry.
    pub(super) fn map_text(
        &mut self,
        src: usize,
        dst: usize,
        missing: f64,
        f: impl Fn(&str) -> f64,
    ) {
        let Some(text) = self.texts.get(src) else {
            return;
        };
        let values: Vec<f64> = if text.dictionary.len() <= self.rows {
            let table: Vec<f64> = text.dictionary.iter().map(|entry| f(entry)).collect();
            text.codes
                .iter()
                .map(|&code| table.get(code as usize).copied().unwrap_or(missing))
                .collect()
        } else {
            (0..self.rows)
                .map(|row| text.value(row).map_or(missing, &f))
                .collect()
        };
        self.number_mut(dst).copy_from_slice(&values);
    }

    /// Appends a copy of a text slot in which missing rows hold `value`.
    pub(super) fn impute_text(&mut self, src: usize, value: &str) {
        let Some(text) = self.texts.get(src) else {
            return;
        };
        let mut dictionary = text.dictionary.to_vec();
        let code = crate::columns::index_to_code(dictionary.len());
        dictionary.push(value.to_owned());
        let codes = text
            .codes
            .iter()
            .map(|&old| if old == MISSING_CODE { code } else { old })
            .collect();
        self.texts.push(TextSlot {
            dictionary: Cow::Owned(dictionary),
            codes: Cow::Owned(codes),
        });
    }
}

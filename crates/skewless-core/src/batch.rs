//! The answers for a batch, column-wise.

use crate::error::Error;
use crate::output::{NO_LABEL, Prediction};

/// The predictions of a batch, column-wise.
#[derive(Debug, Default)]
pub struct BatchPrediction {
    rows: usize,
    outputs: usize,
    values_per_row: usize,
    /// rows × outputs raw scores, row-major; NaN in a failed row.
    pub raw: Vec<f64>,
    /// rows × values, row-major (see [`Prediction::values`]); NaN in a failed row.
    pub values: Vec<f64>,
    /// A label a row; [`NO_LABEL`] for regression and in a failed row.
    pub labels: Vec<u32>,
    /// The conformal quantile of each row (see [`Prediction::quantile`]); empty for an output without, NaN in a failed row.
    pub quantiles: Vec<f64>,
    /// One error for each failed row, with its row, in the rows' order.
    pub errors: Vec<Error>,
}

impl BatchPrediction {
    /// Forgets all rows; the next ones have so many scores and values each.
    pub(crate) fn clear(&mut self, outputs: usize, values_per_row: usize) {
        (self.rows, self.outputs, self.values_per_row) = (0, outputs, values_per_row);
        self.raw.clear();
        self.values.clear();
        self.labels.clear();
        self.quantiles.clear();
        self.errors.clear();
    }

    /// Adds rows of zeros, without labels yet, and gives their raw scores and values.
    pub(crate) fn grow(&mut self, rows: usize) -> (&mut [f64], &mut [f64]) {
        let (raw, values) = (self.raw.len(), self.values.len());
        self.rows += rows;
        self.raw.resize(self.rows * self.outputs, 0.0);
        self.values.resize(self.rows * self.values_per_row, 0.0);
        (
            self.raw.get_mut(raw..).unwrap_or_default(),
            self.values.get_mut(values..).unwrap_or_default(),
        )
    }

    /// Puts an error in the place of its row's answer; errors come in the rows' order.
    pub(crate) fn fail(&mut self, error: Error) {
        let row = error.row().unwrap_or_default();
        let blank = |cells: &mut [f64], width: usize| {
            let cells = cells.get_mut(row * width..(row + 1) * width);
            cells.unwrap_or_default().fill(f64::NAN);
        };
        blank(&mut self.raw, self.outputs);
        blank(&mut self.values, self.values_per_row);
        if let Some(label) = self.labels.get_mut(row) {
            *label = NO_LABEL;
        }
        if let Some(quantile) = self.quantiles.get_mut(row) {
            *quantile = f64::NAN;
        }
        self.errors.push(error);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Raw scores per row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Values per row.
    pub fn values_per_row(&self) -> usize {
        self.values_per_row
    }

    /// One row's prediction.
    ///
    /// # Errors
    /// The row's error.
    pub fn row(&self, row: usize) -> std::result::Result<Prediction, &Error> {
        if let Ok(at) = self.errors.binary_search_by_key(&Some(row), Error::row)
            && let Some(error) = self.errors.get(at)
        {
            return Err(error);
        }
        let slice = |cells: &[f64], width: usize| {
            cells
                .get(row * width..(row + 1) * width)
                .unwrap_or_default()
                .to_vec()
        };
        Ok(Prediction {
            raw: slice(&self.raw, self.outputs),
            values: slice(&self.values, self.values_per_row),
            label: self
                .labels
                .get(row)
                .copied()
                .filter(|&label| label != NO_LABEL),
            quantile: self.quantiles.get(row).copied(),
        })
    }

    /// Appends another batch of the same model; its rows are counted on.
    pub fn append(&mut self, mut other: Self) {
        if self.rows == 0 {
            *self = other;
            return;
        }
        let first_row = self.rows;
        self.rows += other.rows;
        self.raw.append(&mut other.raw);
        self.values.append(&mut other.values);
        self.labels.append(&mut other.labels);
        self.quantiles.append(&mut other.quantiles);
        self.errors.extend(other.errors.into_iter().map(|error| {
            let row = error.row().unwrap_or_default();
            error.with_row(first_row + row)
        }));
    }
}

//! The sample of raw records that golden rows and the reference profile come from.

use std::path::Path;

use skewless_core::{Column, Columns, Error, Input, Predictor, Record, Result};
use skewless_table::{Cells, Wanted, read_columns, records};

/// Rows that are offered as golden rows, spread evenly over the sample.
const CANDIDATES: usize = 20_000;

/// Raw records as columns and, some of them, as records.
pub(super) struct Sample {
    pub(super) columns: Columns,
    pub(super) records: Vec<Record>,
}

impl Sample {
    /// Reads the columns that features are made from.
    pub(super) fn read(path: &Path, predictor: &Predictor) -> Result<Self> {
        let inputs: Vec<_> = predictor.pipeline().inputs().cloned().collect();
        let wanted: Vec<Wanted> = inputs.iter().map(Wanted::from).collect();
        Ok(Self::of(read_columns(path, None, &wanted)?, &inputs))
    }

    /// Reads the columns that features are made from, and the raw scores that stand in another beside them, row after row
    /// for the records.
    ///
    /// # Errors
    /// `pack.library_scores` where the column is an input, or a row has not as many scores as the model.
    pub(super) fn with_scores(
        path: &Path,
        predictor: &Predictor,
        column: &str,
    ) -> Result<(Self, Vec<f64>)> {
        let refused = |message: String| Error::input("pack.library_scores", message);
        let inputs: Vec<_> = predictor.pipeline().inputs().cloned().collect();
        if inputs.iter().any(|input| input.name == column) {
            return Err(refused(format!("column `{column}` is an input")));
        }
        let outputs = predictor.engine().outputs();
        let cells = match outputs {
            1 => Cells::Number,
            several => Cells::Tensor(several),
        };
        let mut wanted: Vec<Wanted> = inputs.iter().map(Wanted::from).collect();
        wanted.push(Wanted::new(column, cells));
        let columns = read_columns(path, None, &wanted)?;
        let candidates = candidates(columns.rows());
        let scores = match columns.select(&candidates).column(column) {
            Some(Column::Number(scores) | Column::Tensor { values: scores, .. }) => scores.clone(),
            _ => Vec::new(),
        };
        if scores.len() != candidates.len() * outputs || scores.iter().any(|score| score.is_nan()) {
            let message = format!("column `{column}` has a row without {outputs} raw scores");
            return Err(refused(message));
        }
        Ok((Self::of(columns, &inputs), scores))
    }

    /// Rows of the inputs' columns.
    pub(super) fn of(columns: Columns, inputs: &[Input]) -> Self {
        let records = records(&columns.select(&candidates(columns.rows())), inputs);
        Self { columns, records }
    }
}

/// At most [`CANDIDATES`] rows, spread evenly.
fn candidates(rows: usize) -> Vec<usize> {
    let step = rows.div_ceil(CANDIDATES).max(1);
    (0..rows).step_by(step).collect()
}

//! The sample of raw records that golden rows and the reference profile come from.

use std::path::Path;

use skewless_core::{Columns, Input, Predictor, Record, Result};
use skewless_table::{Wanted, read_columns, records};

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

    /// Rows of the inputs' columns.
    pub(super) fn of(columns: Columns, inputs: &[Input]) -> Self {
        let step = columns.rows().div_ceil(CANDIDATES).max(1);
        let candidates: Vec<usize> = (0..columns.rows()).step_by(step).collect();
        let records = records(&columns.select(&candidates), inputs);
        Self { columns, records }
    }
}

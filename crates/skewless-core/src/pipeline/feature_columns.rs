//! Features of a batch column by column, for whoever writes and counts them without scoring.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::cells::RecordCells;
use super::{Frame, Pipeline, Slot};
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::plan::{Group, one_hot_column};
use crate::predictor::{block_rows, first_faults};
use crate::profile::Counter;
use crate::record::Record;

/// The columns of a batch's feature rows; kept by a caller who transforms often, so that little is allocated each time.
#[derive(Debug, Default)]
pub struct FeatureColumns {
    /// Number of rows.
    pub rows: usize,
    /// One column a name of [`Pipeline::column_names`], each `rows` long. NaN is missing; a failed row is NaN in all.
    pub columns: Vec<Vec<f64>>,
    /// The first fault of each failed row, with its row, in the rows' order.
    pub errors: Vec<Error>,
    numbers: Vec<f64>,
}

impl Pipeline {
    /// Transforms columns, in place of what `features` held; a faulty row fails alone. `refused` are faults that the caller
    /// found, each with its row, in the rows' order; they come before those found here. A counter counts the rows, without
    /// predictions.
    ///
    /// # Errors
    /// As [`Pipeline::transform`].
    pub fn feature_columns(
        &self,
        columns: &Columns,
        refused: Vec<Error>,
        mut counter: Option<&mut Counter>,
        features: &mut FeatureColumns,
    ) -> Result<()> {
        let mut making = Making::new(self, features, refused);
        let size = block_rows(self.cells_per_row());
        for start in (0..columns.rows()).step_by(size) {
            let numbers = std::mem::take(&mut making.features.numbers);
            let frame = self.run_reusing(columns, start..start + size, numbers)?;
            making.append(frame, Vec::new(), counter.as_deref_mut());
        }
        Ok(())
    }

    /// The same of records.
    pub fn feature_columns_of_records(
        &self,
        records: &[Record],
        refused: Vec<Error>,
        mut counter: Option<&mut Counter>,
        features: &mut FeatureColumns,
    ) {
        let mut making = Making::new(self, features, refused);
        for records in records.chunks(block_rows(self.cells_per_row())) {
            let numbers = std::mem::take(&mut making.features.numbers);
            let cells = RecordCells::new(records, self);
            let frame = self.run_cells(&cells, numbers);
            let unknown = self.unknown_fields(records);
            making.append(frame, unknown, counter.as_deref_mut());
        }
    }
}

/// Feature columns that grow frame by frame.
struct Making<'a> {
    pipeline: &'a Pipeline,
    features: &'a mut FeatureColumns,
    refused: Peekable<IntoIter<Error>>,
}

impl<'a> Making<'a> {
    fn new(pipeline: &'a Pipeline, features: &'a mut FeatureColumns, refused: Vec<Error>) -> Self {
        features.rows = 0;
        features.columns.resize_with(pipeline.width(), Vec::new);
        features.columns.iter_mut().for_each(Vec::clear);
        features.errors.clear();
        Self {
            pipeline,
            features,
            refused: refused.into_iter().peekable(),
        }
    }

    /// Appends the rows of a frame, of which some may be `refused`, and takes its memory back.
    fn append(
        &mut self,
        mut frame: Frame<'_>,
        mut refused: Vec<Error>,
        counter: Option<&mut Counter>,
    ) {
        let (first, rows) = (self.features.rows, frame.rows);
        let mut faults = Vec::new();
        while let Some(error) = (self.refused).next_if(|error| error.row() < Some(first + rows)) {
            let row = error.row().unwrap_or_default().saturating_sub(first);
            faults.push(error.with_row(row));
        }
        faults.append(&mut refused);
        faults.append(&mut frame.problems);
        let faults = match faults.is_empty() {
            true => Vec::new(),
            false => first_faults(faults, rows),
        };
        if let Some(counter) = counter {
            let mut good = vec![true; rows];
            let failed = good.iter_mut().zip(&faults);
            failed.for_each(|(good, fault)| *good = fault.is_none());
            counter.count_columns(self.pipeline, &frame, &good);
        }
        self.append_values(&frame);
        self.features.rows += rows;
        for (row, fault) in faults.into_iter().enumerate() {
            if let Some(error) = fault {
                let cells = (self.features.columns.iter_mut())
                    .filter_map(|column| column.get_mut(first + row));
                cells.for_each(|cell| *cell = f64::NAN);
                self.features.errors.push(error.with_row(first + row));
            }
        }
        self.features.numbers = frame.into_numbers();
    }

    fn append_values(&mut self, frame: &Frame<'_>) {
        let mut columns = self.features.columns.iter_mut();
        let groups = self.pipeline.layout.groups();
        for (&slot, group) in self.pipeline.emitted.iter().zip(groups) {
            let mut columns: Vec<&mut Vec<f64>> = columns.by_ref().take(group.width()).collect();
            match (slot, group) {
                (Slot::Number(slot), Group::OneHot { .. }) => {
                    append_one_hot(&mut columns, frame.number(slot));
                }
                (Slot::Number(slot), _) => {
                    let values = frame.number(slot);
                    columns
                        .iter_mut()
                        .for_each(|column| column.extend_from_slice(values));
                }
                (Slot::Tensor(slot), _) => {
                    let Some(tensor) = frame.tensors.get(slot) else {
                        continue;
                    };
                    for (at, column) in columns.iter_mut().enumerate() {
                        let elements = tensor.values.iter().skip(at).step_by(tensor.width.max(1));
                        column.extend(elements.take(frame.rows));
                    }
                }
                (Slot::Text(_), _) => {}
            }
        }
    }
}

/// Appends rows of zeros with a 1 in the column that each row's code names.
fn append_one_hot(columns: &mut [&mut Vec<f64>], codes: &[f64]) {
    let Some(first) = columns.first().map(|column| column.len()) else {
        return;
    };
    columns
        .iter_mut()
        .for_each(|column| column.resize(first + codes.len(), 0.0));
    for (row, &code) in codes.iter().enumerate() {
        let column = one_hot_column(&[code]).and_then(|at| columns.get_mut(at));
        if let Some(cell) = column.and_then(|column| column.get_mut(first + row)) {
            *cell = 1.0;
        }
    }
}

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
    /// The first fault of each failed row, with its row, in the rows' order.
    pub errors: Vec<Error>,
    groups: Vec<Values>,
    numbers: Vec<f64>,
}

/// What stands in a group of columns.
#[derive(Debug)]
enum Values {
    /// Columns, each `rows` long.
    Columns(Vec<Vec<f64>>),
    /// The codes of so many one-hot columns, which are written out only for those who ask for the columns.
    Codes(usize, Vec<f64>),
}

impl FeatureColumns {
    /// One column a name of [`Pipeline::column_names`], each `rows` long. NaN is missing; a failed row is NaN in all.
    pub fn columns(&self) -> Vec<Vec<f64>> {
        let mut columns = Vec::new();
        for values in &self.groups {
            match values {
                Values::Columns(numbers) => columns.extend(numbers.iter().cloned()),
                Values::Codes(width, codes) => columns.extend(one_hot(*width, codes)),
            }
        }
        for row in self.errors.iter().filter_map(Error::row) {
            let cells = columns
                .iter_mut()
                .filter_map(|column: &mut Vec<f64>| column.get_mut(row));
            cells.for_each(|cell| *cell = f64::NAN);
        }
        columns
    }
}

impl Values {
    fn new(group: &Group) -> Self {
        match group {
            Group::OneHot { .. } => Self::Codes(group.width(), Vec::new()),
            _ => Self::Columns(vec![Vec::new(); group.width()]),
        }
    }

    /// The number of columns, and whether they are codes.
    fn width(&self) -> (usize, bool) {
        match self {
            Self::Columns(columns) => (columns.len(), false),
            Self::Codes(width, _) => (*width, true),
        }
    }

    fn width_of(group: &Group) -> (usize, bool) {
        (group.width(), matches!(group, Group::OneHot { .. }))
    }

    fn clear(&mut self) {
        match self {
            Self::Columns(columns) => columns.iter_mut().for_each(Vec::clear),
            Self::Codes(_, codes) => codes.clear(),
        }
    }
}

/// Columns of zeros with a 1 in the column that each row's code names.
fn one_hot(width: usize, codes: &[f64]) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![0.0; codes.len()]; width];
    for (row, &code) in codes.iter().enumerate() {
        let column = one_hot_column(&[code]).and_then(|at| columns.get_mut(at));
        if let Some(cell) = column.and_then(|column| column.get_mut(row)) {
            *cell = 1.0;
        }
    }
    columns
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
        let groups = pipeline.layout.groups();
        let held = features.groups.iter().map(Values::width);
        if !held.eq(groups.iter().map(Values::width_of)) {
            features.groups = groups.iter().map(Values::new).collect();
        }
        features.rows = 0;
        features.groups.iter_mut().for_each(Values::clear);
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
            let fault = fault.map(|error| error.with_row(first + row));
            self.features.errors.extend(fault);
        }
        self.features.numbers = frame.into_numbers();
    }

    fn append_values(&mut self, frame: &Frame<'_>) {
        let emitted = self.pipeline.emitted.iter();
        for (&slot, values) in emitted.zip(&mut self.features.groups) {
            match (slot, values) {
                (Slot::Number(slot), Values::Codes(_, codes)) => {
                    codes.extend_from_slice(frame.number(slot));
                }
                (Slot::Number(slot), Values::Columns(columns)) => {
                    let values = frame.number(slot);
                    let columns = columns.iter_mut();
                    columns.for_each(|column| column.extend_from_slice(values));
                }
                (Slot::Tensor(slot), Values::Columns(columns)) => {
                    let Some(tensor) = frame.tensors.get(slot) else {
                        continue;
                    };
                    for (at, column) in columns.iter_mut().enumerate() {
                        let elements = tensor.values.iter().skip(at).step_by(tensor.width.max(1));
                        column.extend(elements.take(frame.rows));
                    }
                }
                _ => {}
            }
        }
    }
}

//! The predictor: pipeline, engine and output as one; records or columns in, predictions out.

use crate::bundle::Bundle;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::golden::GoldenRow;
use crate::output::{NO_LABEL, Output, Prediction};
use crate::pipeline::{FeatureRows, Pipeline};
use crate::plan::{Engine, EngineScratch, Model, Simd, decode, decode_with};
use crate::record::Record;
use crate::spec::FittedSpec;

/// Most rows that go through the pipeline at a time: enough to share work over a dictionary.
const MOST_ROWS: usize = 4_096;
/// Numbers that a block of rows may take (8 MiB): wide models go through in smaller blocks.
const MOST_CELLS: usize = 1 << 20;

/// Turns raw records into predictions; the crate's page has an example.
pub struct Predictor {
    pipeline: Pipeline,
    engine: Box<dyn Engine>,
    output: Output,
}

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
    /// One error for each failed row, with its row, in the rows' order.
    pub errors: Vec<Error>,
}

impl Predictor {
    /// Compiles a bundle.
    ///
    /// # Errors
    /// `bundle.invalid_features`, `bundle.invalid_plan`, `bundle.invalid_output`, `bundle.width_mismatch`,
    /// `unsupported.*`: see [`Bundle`]. Golden rows are a check of their own: [`Predictor::check_golden`].
    pub fn new(bundle: &Bundle) -> Result<Self> {
        Self::new_with(bundle, Simd::Auto)
    }

    /// Compiles a bundle for an engine that uses certain instructions; the predictions are the same.
    ///
    /// # Errors
    /// As [`Predictor::new`].
    pub fn new_with(bundle: &Bundle, simd: Simd) -> Result<Self> {
        bundle.manifest().check_plan()?;
        Self::with_engine(bundle, decode_with(bundle.model(), simd)?)
    }

    /// Compiles a bundle whose model another crate's engine has read from [`Bundle::model`].
    ///
    /// # Errors
    /// As [`Predictor::new`], the plan's aside.
    pub fn with_engine(bundle: &Bundle, engine: Box<dyn Engine>) -> Result<Self> {
        let pipeline = Pipeline::new(bundle.features()).map_err(|error| {
            Error::bundle("bundle.invalid_features", error.to_string()).with_field("features.json")
        })?;
        Self::assemble(pipeline, engine, bundle.output().clone())
    }

    /// Puts parts together that are not in a bundle yet.
    ///
    /// # Errors
    /// As [`Predictor::new`], and as [`Model::encode`].
    pub fn from_parts(spec: &FittedSpec, model: &Model, output: Output) -> Result<Self> {
        Self::assemble(Pipeline::new(spec)?, decode(&model.encode()?)?, output)
    }

    /// Puts parts together that are not in a bundle yet, with another crate's engine.
    ///
    /// # Errors
    /// As [`Predictor::new`], the plan's aside.
    pub fn from_engine(spec: &FittedSpec, engine: Box<dyn Engine>, output: Output) -> Result<Self> {
        Self::assemble(Pipeline::new(spec)?, engine, output)
    }

    fn assemble(pipeline: Pipeline, mut engine: Box<dyn Engine>, output: Output) -> Result<Self> {
        output.check(engine.outputs())?;
        let (columns, inputs) = (pipeline.width(), engine.inputs());
        if columns != inputs {
            return Err(Error::bundle(
                "bundle.width_mismatch",
                format!("the features give {columns} columns, and the model takes {inputs}"),
            ));
        }
        if let Some(column) = pipeline
            .may_be_missing()
            .filter(|_| !engine.accepts_missing())
        {
            return Err(Error::bundle(
                "bundle.missing_not_accepted",
                format!("column `{column}` may be missing, and the model takes no missing values; impute it"),
            )
            .with_field(column));
        }
        engine.bind(pipeline.layout());
        Ok(Self {
            pipeline,
            engine,
            output,
        })
    }

    /// The compiled features.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The engine.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Link, labels, threshold.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Predicts one record.
    ///
    /// # Errors
    /// The record's first fault, as `input.*`.
    pub fn predict(&self, record: &Record) -> Result<Prediction> {
        let mut batch = self.predict_records(std::slice::from_ref(record))?;
        match batch.errors.pop() {
            Some(error) => Err(error),
            None => batch
                .row(0)
                .map_err(|_| Error::internal("internal.batch", "a failed row has no error")),
        }
    }

    /// Predicts records; a faulty one fails alone.
    ///
    /// # Errors
    /// None that depends on the records' values.
    pub fn predict_records(&self, records: &[Record]) -> Result<BatchPrediction> {
        let mut batch = self.empty_batch();
        let size = self.block_rows();
        for (block, records) in records.chunks(size).enumerate() {
            let (columns, problems) = self.pipeline.columns_of(records)?;
            self.predict_block(
                &columns,
                0..records.len(),
                problems,
                block * size,
                &mut batch,
            )?;
        }
        Ok(batch)
    }

    /// Predicts columns; a faulty row fails alone.
    ///
    /// # Errors
    /// `input.wrong_type` and `input.unknown_field` for whole columns; `input.empty_batch` without rows.
    pub fn predict_columns(&self, columns: &Columns) -> Result<BatchPrediction> {
        if columns.rows() == 0 {
            return Err(Error::input("input.empty_batch", "the batch has no rows"));
        }
        let mut batch = self.empty_batch();
        let size = self.block_rows();
        for start in (0..columns.rows()).step_by(size) {
            let end = columns.rows().min(start + size);
            self.predict_block(columns, start..end, Vec::new(), start, &mut batch)?;
        }
        Ok(batch)
    }

    /// All faults of a record at once, at most one a field; none means that [`Predictor::predict`] answers.
    pub fn validate(&self, record: &Record) -> Vec<Error> {
        let mut errors = match self.record_rows(record) {
            Ok(rows) => rows.errors,
            Err(error) => vec![error],
        };
        let mut fields: Vec<Option<String>> = Vec::new();
        errors.retain(|error| {
            let field = error.field().map(str::to_owned);
            let new = !fields.contains(&field);
            fields.push(field);
            new
        });
        errors
    }

    /// One record's feature row.
    ///
    /// # Errors
    /// The record's first fault.
    pub fn feature_row(&self, record: &Record) -> Result<Vec<f64>> {
        let rows = self.record_rows(record)?;
        match rows.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(rows.values),
        }
    }

    /// Checks that each golden record still gives its feature row, to the bit, and its prediction, to the bit or, where
    /// the engine has one, within its [`Engine::tolerance`].
    ///
    /// # Errors
    /// `bundle.golden_mismatch` naming the row and whether features or prediction differ.
    pub fn check_golden(&self, golden: &[GoldenRow]) -> Result<()> {
        for (row, expected) in golden.iter().enumerate() {
            let found = self.golden_row(&expected.record);
            let part = match &found {
                Err(error) => Some(format!("the record fails with {error}")),
                Ok(found) if !found.same_features(expected) => {
                    Some("the feature row differs".to_owned())
                }
                Ok(found)
                    if !found.same_prediction(expected, self.engine.tolerance(), &self.output) =>
                {
                    Some("the prediction differs".to_owned())
                }
                Ok(_) => None,
            };
            if let Some(part) = part {
                return Err(Error::bundle(
                    "bundle.golden_mismatch",
                    format!("golden row {row}: {part}"),
                )
                .with_field("golden.jsonl")
                .with_row(row));
            }
        }
        Ok(())
    }

    pub(crate) fn golden_row(&self, record: &Record) -> Result<GoldenRow> {
        let row = self.feature_row(record)?;
        let features = self.pipeline.without_tensors(&row);
        let prediction = self.predict(record)?;
        Ok(GoldenRow::new(record.clone(), &features, prediction))
    }

    pub(crate) fn record_rows(&self, record: &Record) -> Result<FeatureRows> {
        let (columns, mut problems) = self.pipeline.columns_of(std::slice::from_ref(record))?;
        let mut rows = self.pipeline.transform(&columns, 0..1)?;
        problems.append(&mut rows.errors);
        Ok(FeatureRows {
            errors: problems,
            ..rows
        })
    }

    fn block_rows(&self) -> usize {
        let cells = self.pipeline.cells_per_row().max(self.engine.outputs());
        (MOST_CELLS / cells.max(1)).clamp(1, MOST_ROWS)
    }

    fn empty_batch(&self) -> BatchPrediction {
        BatchPrediction {
            outputs: self.engine.outputs(),
            values_per_row: self.output.values(),
            ..Default::default()
        }
    }

    /// Appends the predictions of one block. `problems` came up while the rows were laid out; rows are counted from
    /// the block's start and become the batch's.
    fn predict_block(
        &self,
        columns: &Columns,
        range: std::ops::Range<usize>,
        mut problems: Vec<Error>,
        first_row: usize,
        batch: &mut BatchPrediction,
    ) -> Result<()> {
        let mut features = self.pipeline.compact_rows(columns, range.clone())?;
        problems.append(&mut features.errors);
        let mut raw = vec![0.0; range.len() * batch.outputs];
        self.engine.score_compact(
            self.pipeline.layout(),
            &features.values,
            &mut EngineScratch::default(),
            &mut raw,
        )?;
        let mut values = vec![0.0; range.len() * batch.values_per_row];
        let mut labels = Vec::with_capacity(range.len());
        let cells = raw
            .chunks_exact(batch.outputs)
            .zip(values.chunks_exact_mut(batch.values_per_row));
        for (row, (raw, values)) in cells.enumerate() {
            labels.push(self.output.apply(raw, values));
            if raw
                .iter()
                .chain(values.iter())
                .any(|number| !number.is_finite())
            {
                let message =
                    "the prediction is not a finite number: the inputs are too large for the model";
                problems.push(Error::input("input.out_of_domain", message).with_row(row));
            }
        }
        problems.sort_by_key(Error::row);
        problems.dedup_by_key(|error| error.row());
        for error in problems {
            let row = error.row().unwrap_or_default();
            blank(&mut raw, row, batch.outputs);
            blank(&mut values, row, batch.values_per_row);
            labels
                .iter_mut()
                .skip(row)
                .take(1)
                .for_each(|label| *label = NO_LABEL);
            batch.errors.push(error.with_row(first_row + row));
        }
        batch.rows += range.len();
        batch.raw.append(&mut raw);
        batch.values.append(&mut values);
        batch.labels.append(&mut labels);
        Ok(())
    }
}

fn blank(cells: &mut [f64], row: usize, width: usize) {
    cells
        .iter_mut()
        .skip(row * width)
        .take(width)
        .for_each(|cell| *cell = f64::NAN);
}

impl BatchPrediction {
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
        self.errors.extend(other.errors.into_iter().map(|error| {
            let row = error.row().unwrap_or_default();
            error.with_row(first_row + row)
        }));
    }
}

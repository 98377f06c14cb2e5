//! The predictor: pipeline, engine and output as one; records or columns in, predictions out.

use crate::batch::BatchPrediction;
use crate::bundle::{Bundle, Contents};
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::golden::GoldenRow;
use crate::output::{Output, Prediction};
use crate::pipeline::{Cell, Cells, Frame, Pipeline, RecordCells, Slot};
use crate::plan::{Engine, EngineScratch, Model, Simd, decode, decode_with};
use crate::profile::Counter;
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
    /// Where the texts stand that choose a row's conformal quantile.
    group: Option<usize>,
}

/// Memory that predictions use; kept by a caller who predicts often, so that little is allocated each time.
#[derive(Debug, Default)]
pub struct Scratch {
    numbers: Vec<f64>,
    compact: Vec<f64>,
    engine: EngineScratch,
    /// Counts every row that is answered with this memory, where there is one.
    pub counter: Option<Counter>,
}

impl Predictor {
    /// Compiles a bundle.
    ///
    /// # Errors
    /// `bundle.invalid_features`, `bundle.invalid_plan`, `bundle.invalid_explain`, `bundle.invalid_output`,
    /// `bundle.width_mismatch`, `unsupported.*`: see [`Bundle`]. Golden rows are a check of their own:
    /// [`Predictor::check_golden`].
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
        let engine = with_shares(engine, bundle.explain())?;
        Self::assemble(pipeline, engine, bundle.output().clone())
    }

    /// Compiles a bundle of which only `spec.plan`, `model.plan` and `explain.plan` are read, as a page does. What others
    /// read of it is the same: see [`Bundle`].
    ///
    /// # Errors
    /// As [`Predictor::new`].
    pub fn of_contents(contents: &Contents<'_>) -> Result<Self> {
        contents.manifest().check_plan()?;
        Self::of_contents_with_engine(contents, decode(contents.model())?)
    }

    /// As [`Predictor::of_contents`], with an engine that another crate has read from [`Contents::model`].
    ///
    /// # Errors
    /// As [`Predictor::new`], the plan's aside.
    pub fn of_contents_with_engine(
        contents: &Contents<'_>,
        engine: Box<dyn Engine>,
    ) -> Result<Self> {
        let (features, output) = contents.compiled()?;
        let pipeline = Pipeline::new(&features).map_err(|error| {
            Error::bundle("bundle.invalid_features", error.message()).with_field("spec.plan")
        })?;
        let engine = with_shares(engine, contents.explain())?;
        Self::assemble(pipeline, engine, output)
    }

    /// Puts parts together that are not in a bundle yet.
    ///
    /// # Errors
    /// As [`Predictor::new`], and as [`Model::encode`].
    pub fn from_parts(spec: &FittedSpec, model: &Model, output: Output) -> Result<Self> {
        let engine = decode(&model.encode()?)?;
        let engine = with_shares(engine, model.encode_explain()?.as_deref())?;
        Self::assemble(Pipeline::new(spec)?, engine, output)
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
        let by = output
            .conformal
            .as_ref()
            .and_then(|conformal| conformal.by.as_ref());
        let group = by.map(|by| group_slot(&pipeline, by)).transpose()?;
        Ok(Self {
            pipeline,
            engine,
            output,
            group,
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
        self.predict_records_with(records, &mut Scratch::default())
    }

    /// As [`Predictor::predict_records`], with memory of the caller's.
    ///
    /// # Errors
    /// As [`Predictor::predict_records`].
    pub fn predict_records_with(
        &self,
        records: &[Record],
        scratch: &mut Scratch,
    ) -> Result<BatchPrediction> {
        let mut batch = BatchPrediction::default();
        let refused = self.pipeline.unknown_fields(records);
        let cells = RecordCells::new(records, &self.pipeline);
        self.predict_cells(&cells, refused, scratch, &mut batch)?;
        Ok(batch)
    }

    /// Predicts rows of cells, in place of what `batch` held; a faulty row fails alone. `refused` are faults that the
    /// caller found, each with its row, in the rows' order; they come before those found here.
    ///
    /// # Errors
    /// None that depends on the cells' values.
    pub fn predict_cells(
        &self,
        cells: &dyn Cells,
        refused: Vec<Error>,
        scratch: &mut Scratch,
        batch: &mut BatchPrediction,
    ) -> Result<()> {
        batch.clear(self.engine.outputs(), self.output.values());
        let mut refused = refused.into_iter().peekable();
        let size = self.block_rows();
        for first in (0..cells.rows()).step_by(size) {
            let rows = size.min(cells.rows() - first);
            let block = Block { cells, first, rows };
            let numbers = std::mem::take(&mut scratch.numbers);
            let mut frame = self.pipeline.run_cells(&block, numbers);
            let mut found = std::mem::take(&mut frame.problems);
            while let Some(error) = refused.next_if(|error| error.row() < Some(first + rows)) {
                let row = error.row().unwrap_or_default() - first;
                frame.problems.push(error.with_row(row));
            }
            frame.problems.append(&mut found);
            self.predict_frame(frame, first, scratch, batch)?;
        }
        Ok(())
    }

    /// Predicts columns; a faulty row fails alone.
    ///
    /// # Errors
    /// `input.wrong_type` and `input.unknown_field` for whole columns; `input.empty_batch` without rows.
    pub fn predict_columns(&self, columns: &Columns) -> Result<BatchPrediction> {
        self.predict_columns_with(columns, &mut Scratch::default())
    }

    /// As [`Predictor::predict_columns`], with memory of the caller's.
    ///
    /// # Errors
    /// As [`Predictor::predict_columns`].
    pub fn predict_columns_with(
        &self,
        columns: &Columns,
        scratch: &mut Scratch,
    ) -> Result<BatchPrediction> {
        if columns.rows() == 0 {
            return Err(Error::input("input.empty_batch", "the batch has no rows"));
        }
        let mut batch = BatchPrediction::default();
        batch.clear(self.engine.outputs(), self.output.values());
        let size = self.block_rows();
        for start in (0..columns.rows()).step_by(size) {
            let end = columns.rows().min(start + size);
            let frame = self.pipeline.run(columns, start..end)?;
            self.predict_frame(frame, start, scratch, &mut batch)?;
        }
        Ok(batch)
    }

    /// All faults of a record at once, at most one a field; none means that [`Predictor::predict`] answers.
    pub fn validate(&self, record: &Record) -> Vec<Error> {
        let records = std::slice::from_ref(record);
        let refused = self.pipeline.unknown_fields(records);
        let cells = RecordCells::new(records, &self.pipeline);
        self.faults_of_cells(&cells, refused)
    }

    /// As [`Predictor::validate`], of a row of cells, with faults that the caller found.
    pub fn faults_of_cells(&self, cells: &dyn Cells, refused: Vec<Error>) -> Vec<Error> {
        let mut errors = refused;
        errors.append(&mut self.pipeline.run_cells(cells, Vec::new()).problems);
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
        let records = std::slice::from_ref(record);
        if let Some(error) = self.pipeline.unknown_fields(records).into_iter().next() {
            return Err(error);
        }
        let cells = RecordCells::new(records, &self.pipeline);
        self.feature_row_of_cells(&cells)
    }

    /// A golden row's features of a row of cells: see [`GoldenRow::features`].
    ///
    /// # Errors
    /// The row's first fault.
    pub fn golden_features(&self, cells: &dyn Cells) -> Result<Vec<f64>> {
        let row = self.feature_row_of_cells(cells)?;
        Ok(self.pipeline.without_tensors(&row))
    }

    /// The feature row of one row of cells.
    pub(crate) fn feature_row_of_cells(&self, cells: &dyn Cells) -> Result<Vec<f64>> {
        let mut frame = self.pipeline.run_cells(cells, Vec::new());
        if !frame.problems.is_empty() {
            return Err(frame.problems.swap_remove(0));
        }
        let layout = self.pipeline.layout();
        let mut compact = Vec::new();
        self.pipeline.write_compact(&frame, &mut compact);
        let mut row = vec![0.0; layout.width()];
        layout.expand(&compact, &mut row);
        Ok(row)
    }

    /// Checks that each golden record still gives its feature row, to the bit, and its prediction, to the bit or, where
    /// the engine has one, within its [`Engine::tolerance`].
    ///
    /// # Errors
    /// `bundle.golden_mismatch` naming the row and whether features or prediction differ.
    pub fn check_golden(&self, golden: &[GoldenRow]) -> Result<()> {
        if self.all_golden(golden) {
            return Ok(());
        }
        // Row by row, to tell which one differs and how.
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

    /// Whether all golden rows hold, scored as one batch; false where that is to be looked at row by row.
    fn all_golden(&self, golden: &[GoldenRow]) -> bool {
        if self.pipeline.refuses_unknown_fields() {
            return false;
        }
        let cells = GoldenCells {
            golden,
            pipeline: &self.pipeline,
        };
        let frame = self.pipeline.run_cells(&cells, Vec::new());
        if !frame.problems.is_empty() {
            return false;
        }
        let found = self.pipeline.feature_rows(frame);
        let mut batch = BatchPrediction::default();
        let scored = self.predict_cells(&cells, Vec::new(), &mut Scratch::default(), &mut batch);
        if scored.is_err() || !batch.errors.is_empty() {
            return false;
        }
        let rows = found.values.chunks_exact(found.width.max(1));
        let mut rows = rows.enumerate().zip(golden);
        rows.len() == golden.len()
            && rows.all(|((row, features), expected)| {
                let features = self.pipeline.without_tensors(features);
                let Ok(prediction) = batch.row(row) else {
                    return false;
                };
                let found = GoldenRow::new(Record::new(), &features, prediction);
                found.same_features(expected)
                    && found.same_prediction(expected, self.engine.tolerance(), &self.output)
            })
    }

    pub(crate) fn golden_row(&self, record: &Record) -> Result<GoldenRow> {
        let row = self.feature_row(record)?;
        let features = self.pipeline.without_tensors(&row);
        let prediction = self.predict(record)?;
        Ok(GoldenRow::new(record.clone(), &features, prediction))
    }

    fn block_rows(&self) -> usize {
        block_rows(self.pipeline.cells_per_row().max(self.engine.outputs()))
    }

    /// Appends the predictions of one frame, whose rows become the batch's from `first_row` on.
    fn predict_frame(
        &self,
        mut frame: Frame<'_>,
        first_row: usize,
        scratch: &mut Scratch,
        batch: &mut BatchPrediction,
    ) -> Result<()> {
        self.pipeline.write_compact(&frame, &mut scratch.compact);
        let mut problems = std::mem::take(&mut frame.problems);
        let rows = frame.rows;
        if let Some(conformal) = &self.output.conformal {
            let groups = self.group.and_then(|slot| frame.texts.get(slot));
            let quantile = |row| conformal.quantile_of(groups.and_then(|groups| groups.value(row)));
            batch.quantiles.extend((0..rows).map(quantile));
        }
        let (raw, values) = batch.grow(rows);
        let layout = self.pipeline.layout();
        self.engine
            .score_compact(layout, &scratch.compact, &mut scratch.engine, raw)?;
        let cells = raw
            .chunks_exact(self.engine.outputs().max(1))
            .zip(values.chunks_exact_mut(self.output.values().max(1)));
        let mut labels = Vec::with_capacity(rows);
        for (row, (raw, values)) in cells.enumerate() {
            labels.push(self.output.apply(raw, values));
            let mut numbers = raw.iter().chain(values.iter());
            if numbers.any(|number| !number.is_finite()) {
                let message =
                    "the prediction is not a finite number: the inputs are too large for the model";
                problems.push(Error::input("input.out_of_domain", message).with_row(row));
            }
        }
        let faults = match problems.is_empty() {
            true => Vec::new(),
            false => first_faults(problems, rows),
        };
        if let Some(counter) = &mut scratch.counter {
            let mut good = vec![true; rows];
            let failed = good.iter_mut().zip(&faults);
            failed.for_each(|(good, fault)| *good = fault.is_none());
            let firsts = values.chunks(self.output.values().max(1));
            let firsts = firsts.filter_map(|values| values.first().copied());
            counter.count(&self.pipeline, &frame, &good, firsts);
        }
        scratch.numbers = frame.into_numbers();
        batch.labels.append(&mut labels);
        for (row, error) in faults.into_iter().enumerate() {
            error
                .into_iter()
                .for_each(|error| batch.fail(error.with_row(first_row + row)));
        }
        Ok(())
    }
}

/// Rows that go through the pipeline at a time, where a row takes so many numbers.
pub(crate) fn block_rows(cells: usize) -> usize {
    (MOST_CELLS / cells.max(1)).clamp(1, MOST_ROWS)
}

/// The text slot of the input whose values have conformal quantiles of their own.
///
/// # Errors
/// `bundle.invalid_output` where no feature reads such an input.
fn group_slot(pipeline: &Pipeline, by: &str) -> Result<usize> {
    let mut slots = pipeline.input_slots().iter();
    match slots
        .find(|target| target.input.name == by)
        .map(|target| target.slot)
    {
        Some(Slot::Text(slot)) => Ok(slot),
        _ => Err(Error::bundle(
            "bundle.invalid_output",
            format!(
                "output.json: no feature reads a category `{by}`, by which the quantiles differ"
            ),
        )
        .with_field("output.json")),
    }
}

/// An engine with the part `explain.plan`, where there is one.
fn with_shares(mut engine: Box<dyn Engine>, part: Option<&[u8]>) -> Result<Box<dyn Engine>> {
    part.map_or(Ok(()), |part| engine.take_shares(part))?;
    Ok(engine)
}

/// The first fault of each row, by row.
#[inline(always)]
pub(crate) fn first_faults(faults: Vec<Error>, rows: usize) -> Vec<Option<Error>> {
    let mut first: Vec<Option<Error>> = (0..rows).map(|_| None).collect();
    for fault in faults {
        let row = fault.row().unwrap_or_default();
        if let Some(slot @ None) = first.get_mut(row) {
            *slot = Some(fault);
        }
    }
    first
}

/// Golden rows' records as cells.
struct GoldenCells<'a> {
    golden: &'a [GoldenRow],
    pipeline: &'a Pipeline,
}

impl Cells for GoldenCells<'_> {
    fn rows(&self) -> usize {
        self.golden.len()
    }

    fn cell(&self, row: usize, input: usize) -> Cell<'_> {
        let target = self.pipeline.input_slots().get(input);
        let golden = self.golden.get(row);
        let value = target.and_then(|target| golden?.record.value(&target.input.name));
        value.map_or(Cell::Missing, Cell::from)
    }
}

/// Some of the rows of cells.
struct Block<'a> {
    cells: &'a dyn Cells,
    first: usize,
    rows: usize,
}

impl Cells for Block<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn cell(&self, row: usize, input: usize) -> Cell<'_> {
        self.cells.cell(self.first + row, input)
    }
}

//! One chunk answered: decoded, predicted, encoded. Runs on any thread, and is the same for every door that answers tables.

use std::collections::BTreeSet;

use skewless_core::output::NO_LABEL;
use skewless_core::{BatchPrediction, Columns, Error, Pipeline, Predictor, Record, Result};

use crate::{Block, Chunk, Encoded, Encoder, Extra, Reader, Rows, Source, Wanted};

/// What a chunk became.
pub struct Answer {
    /// The place of its first row in the table, counted from 0.
    pub first_row: usize,
    /// A prediction or an error a row; the errors' rows are counted within the chunk.
    pub predictions: BatchPrediction,
    /// The same encoded, where there is an encoder.
    pub encoded: Option<Encoded>,
    /// Fields of records that no input has.
    pub unknown_fields: BTreeSet<String>,
}

/// Opens a table for a predictor: of columns, those that some feature is made from; the others may hold what they like,
/// unless the specification refuses fields that it does not know.
///
/// # Errors
/// As [`Reader::new`].
pub fn reader(predictor: &Predictor, input: Source) -> Result<Reader> {
    reader_of(predictor.pipeline(), input)
}

/// The same for features alone.
///
/// # Errors
/// As [`Reader::new`].
pub fn reader_of(pipeline: &Pipeline, input: Source) -> Result<Reader> {
    let wanted: Vec<Wanted> = pipeline.inputs().map(Wanted::from).collect();
    let extra = match pipeline.refuses_unknown_fields() {
        true => Extra::Keep,
        false => Extra::Skip,
    };
    Reader::new(input, &wanted, extra)
}

/// Scores the rows of a table: a predictor, or what stands around one and wants to know what it scores.
pub trait Scores: Sync {
    /// The predictor.
    fn predictor(&self) -> &Predictor;

    /// Scores records.
    ///
    /// # Errors
    /// As [`Predictor::predict_records`].
    fn score_records(&self, records: &[Record]) -> Result<BatchPrediction> {
        self.predictor().predict_records(records)
    }

    /// Scores columns.
    ///
    /// # Errors
    /// As [`Predictor::predict_columns`].
    fn score_columns(&self, columns: &Columns) -> Result<BatchPrediction> {
        self.predictor().predict_columns(columns)
    }

    /// Is told of rows with what they are answered; rows that fail are among them.
    fn answered(&self, _rows: &Rows, _predictions: &BatchPrediction) {}
}

impl Scores for Predictor {
    fn predictor(&self) -> &Predictor {
        self
    }
}

/// Answers chunks.
pub struct Answerer<'a> {
    scores: &'a dyn Scores,
    encoder: Option<Encoder>,
    inputs: BTreeSet<&'a str>,
}

impl<'a> Answerer<'a> {
    /// Answers with what scores; encodes where there is an encoder.
    pub fn new(scores: &'a dyn Scores, encoder: Option<Encoder>) -> Self {
        Self {
            scores,
            encoder,
            inputs: names_of_inputs(scores.predictor().pipeline()),
        }
    }

    /// Decodes, predicts and encodes a chunk; a bad row fails alone.
    ///
    /// # Errors
    /// What makes the whole table unusable: `table.*`, `input.wrong_type` and `input.unknown_field` of a column.
    pub fn answer(&self, chunk: Chunk) -> Result<Answer> {
        let block = chunk.decode()?;
        let first_row = block.first_row;
        let unknown_fields = match &block.rows {
            Rows::Records(records) => unknown_fields(&self.inputs, records),
            // Columns that no input takes are noted when the table is opened.
            Rows::Columns(_) => BTreeSet::new(),
        };
        let predictions = self.predict(block)?;
        let encoder = self.encoder.as_ref();
        let encoded = encoder
            .map(|encoder| encoder.encode(first_row, &predictions))
            .transpose()?;
        Ok(Answer {
            first_row,
            predictions,
            encoded,
            unknown_fields,
        })
    }

    fn predict(&self, block: Block) -> Result<BatchPrediction> {
        let mut predictions = match &block.rows {
            Rows::Records(records) => self.scores.score_records(records)?,
            Rows::Columns(columns) => self.scores.score_columns(columns)?,
        };
        for error in block.unreadable {
            fail_row(&mut predictions, error);
        }
        self.scores.answered(&block.rows, &predictions);
        Ok(predictions)
    }
}

/// The names of all inputs of a specification.
pub(crate) fn names_of_inputs(pipeline: &Pipeline) -> BTreeSet<&str> {
    let inputs = pipeline.declared_inputs().iter();
    inputs.map(|input| input.name.as_str()).collect()
}

/// Fields of records that are none of the inputs.
pub(crate) fn unknown_fields(inputs: &BTreeSet<&str>, records: &[Record]) -> BTreeSet<String> {
    let names = records
        .iter()
        .flat_map(Record::fields)
        .map(|(name, _)| name);
    let unknown: BTreeSet<&str> = names.filter(|name| !inputs.contains(name)).collect();
    unknown.into_iter().map(str::to_owned).collect()
}

/// Puts the error of a row that could not be read in the place of what the empty row gave.
fn fail_row(predictions: &mut BatchPrediction, error: Error) {
    let row = error.row().unwrap_or_default();
    let (outputs, values) = (predictions.outputs(), predictions.values_per_row());
    predictions
        .raw
        .iter_mut()
        .skip(row * outputs)
        .take(outputs)
        .for_each(|cell| *cell = f64::NAN);
    predictions
        .values
        .iter_mut()
        .skip(row * values)
        .take(values)
        .for_each(|cell| *cell = f64::NAN);
    predictions
        .labels
        .iter_mut()
        .skip(row)
        .take(1)
        .for_each(|label| *label = NO_LABEL);
    let errors = &mut predictions.errors;
    match errors.binary_search_by_key(&Some(row), Error::row) {
        Ok(at) => {
            if let Some(slot) = errors.get_mut(at) {
                *slot = error;
            }
        }
        Err(at) => errors.insert(at, error),
    }
}

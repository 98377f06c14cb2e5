//! One chunk answered: decoded, predicted, encoded. Runs on any thread.

use std::collections::BTreeSet;

use skewless_core::output::NO_LABEL;
use skewless_core::{BatchPrediction, Bundle, Error, Predictor, Record, Result};
use skewless_table::{Block, Chunk, Encoded, Encoder, Rows};

/// What a chunk became.
pub(super) struct Answer {
    pub(super) first_row: usize,
    pub(super) predictions: BatchPrediction,
    pub(super) encoded: Option<Encoded>,
    pub(super) unknown_fields: BTreeSet<String>,
}

/// Answers chunks.
pub(super) struct Answerer<'a> {
    predictor: &'a Predictor,
    encoder: Option<Encoder>,
    inputs: BTreeSet<&'a str>,
}

impl<'a> Answerer<'a> {
    pub(super) fn new(
        predictor: &'a Predictor,
        encoder: Option<Encoder>,
        bundle: &'a Bundle,
    ) -> Self {
        let inputs = bundle
            .features()
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        Self {
            predictor,
            encoder,
            inputs,
        }
    }

    pub(super) fn answer(&self, chunk: Chunk) -> Result<Answer> {
        let block = chunk.decode()?;
        let first_row = block.first_row;
        let unknown_fields = match &block.rows {
            Rows::Records(records) => self.unknown_fields(records),
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
            Rows::Records(records) => self.predictor.predict_records(records)?,
            Rows::Columns(columns) => self.predictor.predict_columns(columns)?,
        };
        for error in block.unreadable {
            fail_row(&mut predictions, error);
        }
        Ok(predictions)
    }

    fn unknown_fields(&self, records: &[Record]) -> BTreeSet<String> {
        let names = records
            .iter()
            .flat_map(Record::fields)
            .map(|(name, _)| name);
        let unknown: BTreeSet<&str> = names.filter(|name| !self.inputs.contains(name)).collect();
        unknown.into_iter().map(str::to_owned).collect()
    }
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

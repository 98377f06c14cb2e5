//! Records without HTTP around them: one record in, one prediction out, or a list for a list.

use serde_json::Value;
use skewless_core::{Error, Prediction, Record, Result};

use crate::failure::{ErrorBody, ErrorObject};
use crate::open_inference;
use crate::rows::{Rows, Tally};
use crate::service::Service;

/// The answer to a record or a list of records.
#[derive(Debug)]
pub struct Answer {
    /// A prediction for a record; a list of predictions and `{"error":{…}}` objects, row by row, for a list.
    pub outcome: Result<Value>,
    /// How many rows there were, and how many failed; none where a list could not be read as one.
    pub tally: Tally,
}

impl Service {
    /// Answers the JSON text of a record, of a list of records, or of an Open Inference request, which is an object with a
    /// list of tensors as its `inputs`.
    ///
    /// The outcome is an error (`input.*`) for a single record that cannot be scored, for text that is no JSON and for
    /// an empty list; in a list a bad record is an object `{"error":{…}}` in its place.
    pub fn answer(&self, text: &str) -> Answer {
        let is_list = text.trim_start().starts_with('[');
        if is_list || open_inference::is_inference(text) {
            let list = match is_list {
                true => self.answer_list(text),
                false => open_inference::infer_text(self, text),
            };
            let tally = list
                .as_ref()
                .map_or_else(|_| Tally::default(), |(_, tally)| *tally);
            Answer {
                outcome: list.map(|(predictions, _)| predictions),
                tally,
            }
        } else {
            let outcome = self.answer_record(text);
            let failures = usize::from(outcome.is_err());
            Answer {
                outcome,
                tally: Tally { rows: 1, failures },
            }
        }
    }

    fn answer_record(&self, text: &str) -> Result<Value> {
        let row = vec![Ok(Record::from_json(text)?)];
        let scored = Rows::new(row, self.limits())?.score(self)?;
        let mut rows = scored.rows.into_iter();
        let prediction = rows.next().unwrap_or_else(|| {
            Err(Error::internal(
                "internal.row_count",
                "the row was not answered",
            ))
        });
        Ok(self.output().prediction_json(&prediction?))
    }

    fn answer_list(&self, text: &str) -> Result<(Value, Tally)> {
        let scored = Rows::from_list(text, self.limits())?.score(self)?;
        Ok((
            Value::Array(self.predictions_json(&scored.rows)),
            scored.tally(),
        ))
    }

    /// Each row's prediction, or its error object.
    pub(crate) fn predictions_json(&self, rows: &[Result<Prediction>]) -> Vec<Value> {
        rows.iter().map(|row| self.prediction_json(row)).collect()
    }

    /// A row's prediction, or its error object.
    pub(crate) fn prediction_json(&self, row: &Result<Prediction>) -> Value {
        match row {
            Ok(prediction) => self.output().prediction_json(prediction),
            Err(error) => {
                let body = ErrorBody {
                    error: ErrorObject::new(error),
                };
                serde_json::to_value(body).unwrap_or_default()
            }
        }
    }
}

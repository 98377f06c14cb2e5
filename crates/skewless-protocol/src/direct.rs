//! Records without HTTP around them: one record in, one prediction out, or a list for a list.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;
use skewless_core::{Error, Output, Prediction, Record, Result};

use crate::failure::ErrorBody;
use crate::open_inference;
use crate::rows::{Rows, Scored, Tally};
use crate::service::Service;

/// The answer to a record or a list of records.
#[derive(Debug)]
pub struct Answer {
    /// A prediction for a record; a list of predictions and `{"error":{…}}` objects, row by row, for a list.
    pub outcome: Result<Value>,
    /// How many rows there were, and how many failed; none where a list could not be read as one.
    pub tally: Tally,
    /// How many rows failed with each code.
    pub failures: BTreeMap<&'static str, usize>,
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
            match list {
                Ok((predictions, scored)) => Answer {
                    outcome: Ok(predictions),
                    tally: scored.tally(),
                    failures: scored.failures(),
                },
                Err(error) => Answer {
                    outcome: Err(error),
                    tally: Tally::default(),
                    failures: BTreeMap::new(),
                },
            }
        } else {
            let outcome = self.answer_record(text);
            let failed = outcome.as_ref().err().map(|error| (error.code(), 1));
            let tally = Tally {
                rows: 1,
                failures: usize::from(failed.is_some()),
            };
            Answer {
                outcome,
                tally,
                failures: failed.into_iter().collect(),
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
        to_json(self.output().prediction_json(&prediction?))
    }

    fn answer_list(&self, text: &str) -> Result<(Value, Scored)> {
        let scored = Rows::from_list(text, self.limits())?.score(self)?;
        Ok((to_json(self.answers(&scored.rows))?, scored))
    }

    /// Each row's prediction, or its error object.
    pub(crate) fn answers<'a>(&'a self, rows: &'a [Result<Prediction>]) -> Answers<'a> {
        Answers(self.output(), rows)
    }
}

/// A list of predictions and error objects, written row by row.
pub(crate) struct Answers<'a>(&'a Output, &'a [Result<Prediction>]);

impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self(output, rows) = self;
        serializer.collect_seq(rows.iter().map(|row| RowAnswer(output, row)))
    }
}

/// A row's prediction, or its error object.
pub(crate) struct RowAnswer<'a>(pub(crate) &'a Output, pub(crate) &'a Result<Prediction>);

impl Serialize for RowAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.1 {
            Ok(prediction) => self.0.prediction_json(prediction).serialize(serializer),
            Err(error) => ErrorBody::new(error).serialize(serializer),
        }
    }
}

/// # Errors
/// `internal.json`, which does not happen.
pub(crate) fn to_json(answer: impl Serialize) -> Result<Value> {
    serde_json::to_value(answer).map_err(|error| {
        Error::internal("internal.json", "the answer has no JSON form").with_source(error)
    })
}

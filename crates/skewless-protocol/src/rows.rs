//! The rows of one request: read one by one so that a bad row fails alone, then scored as one batch.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use skewless_core::{BatchPrediction, Error, Prediction, Record, Result};

use crate::limits::Limits;
use crate::list::{check_count, read_list};
use crate::service::Service;

/// How many rows a request had and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Rows asked for.
    pub rows: usize,
    /// Rows answered with an error.
    pub failures: usize,
}

/// The rows of a request in their order; one that is no record is a failed row already.
pub(crate) struct Rows(Vec<Result<Record>>);

/// A prediction or an error for each row; every error carries its row.
pub(crate) struct Scored {
    pub(crate) rows: Vec<Result<Prediction>>,
    /// Names of fields that no input has, in the order they were met; at most [`IGNORED_NAMES`].
    pub(crate) ignored: Vec<String>,
}

/// Most names of ignored fields that an answer repeats.
const IGNORED_NAMES: usize = 16;

impl Rows {
    /// Takes rows that were read already.
    ///
    /// # Errors
    /// `input.empty_batch` for none, `input.too_many_rows` for more than the limit.
    pub(crate) fn new(rows: Vec<Result<Record>>, limits: Limits) -> Result<Self> {
        check_count(rows.len(), limits)?;
        Ok(Self(rows))
    }

    /// Takes rows whose number somebody else holds to a limit.
    pub(crate) fn unchecked(rows: Vec<Result<Record>>) -> Self {
        Self(rows)
    }

    /// Reads the JSON text of a list of records.
    ///
    /// # Errors
    /// As [`read_list`].
    pub(crate) fn from_list(text: &str, limits: Limits) -> Result<Self> {
        // As a rule all are records: then the text is read once.
        if let Ok(records) = read_list::<Record>(text.as_bytes(), limits) {
            return Ok(Self(records.into_iter().map(Ok).collect()));
        }
        let rows: Vec<&RawValue> = read_list(text.as_bytes(), limits)?;
        Ok(Self(
            rows.iter()
                .map(|row| Record::from_json(row.get()))
                .collect(),
        ))
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Scores the readable rows together.
    ///
    /// # Errors
    /// What fails the batch as a whole; a failed row does not.
    pub(crate) fn score(self, service: &Service) -> Result<Scored> {
        let mut scored = Self::score_all(vec![self], service)?;
        scored
            .pop()
            .ok_or_else(|| Error::internal("internal.row_count", "the batch came back empty"))
    }

    /// Scores the readable rows of several requests together, and gives each its own.
    ///
    /// # Errors
    /// As [`Rows::score`].
    pub(crate) fn score_all(requests: Vec<Self>, service: &Service) -> Result<Vec<Scored>> {
        let mut records = Vec::with_capacity(requests.iter().map(Self::len).sum());
        let read: Vec<(Vec<Result<()>>, Range<usize>)> = requests
            .into_iter()
            .map(|Self(rows)| {
                let begin = records.len();
                let read = rows
                    .into_iter()
                    .map(|row| row.map(|record| records.push(record)))
                    .collect();
                (read, begin..records.len())
            })
            .collect();
        let answers = if records.is_empty() {
            Vec::new()
        } else {
            by_row(&mut service.predict(&records)?)
        };
        show(service, &records, &answers);
        let mut answers = answers.into_iter();
        let missing = || {
            Err(Error::internal(
                "internal.row_count",
                "the batch came back with too few rows",
            ))
        };
        let scored = read.into_iter().map(|(read, range)| {
            let rows = read.into_iter().enumerate().map(|(row, read)| {
                read.and_then(|()| answers.next().unwrap_or_else(missing))
                    .map_err(|error| error.with_row(row))
            });
            Scored {
                rows: rows.collect(),
                ignored: ignored_fields(service, records.get(range).unwrap_or_default()),
            }
        });
        Ok(scored.collect())
    }
}

impl Scored {
    /// The count of rows and of failed ones.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            rows: self.rows.len(),
            failures: self.rows.iter().filter(|row| row.is_err()).count(),
        }
    }

    /// How many rows failed with each code.
    pub(crate) fn failures(&self) -> BTreeMap<&'static str, usize> {
        let mut failures = BTreeMap::new();
        for error in self.rows.iter().filter_map(|row| row.as_ref().err()) {
            *failures.entry(error.code()).or_default() += 1;
        }
        failures
    }

    /// The error of a request whose only row failed: its caller asked for one prediction and gets none.
    pub(crate) fn lone_failure(&self) -> Option<&Error> {
        match self.rows.as_slice() {
            [Err(error)] => Some(error),
            _ => None,
        }
    }
}

/// Reads a JSON body into its outer form.
///
/// # Errors
/// `input.invalid_json` for text that is no JSON, `request.invalid_shape` for JSON of another form.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| json_error(&error))
}

/// Reads a body; where it is no JSON but for a bare `NaN` in the place of a value, once more with `null` there: Python's
/// writers, those of MLflow's and Triton's clients among them, send a missing number so.
///
/// # Errors
/// Those of `read`.
pub(crate) fn read_with_nan<T>(body: &[u8], read: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    match read(body) {
        Err(error) if error.code() == "input.invalid_json" => match nan_as_null(body) {
            Some(body) => read(&body),
            None => Err(error),
        },
        outcome => outcome,
    }
}

/// The text with `null` for each `NaN` outside of strings; nothing where there is none.
fn nan_as_null(body: &[u8]) -> Option<Vec<u8>> {
    const NAN: &[u8] = b"NaN";
    let mut replaced = Vec::new();
    let (mut rest, mut quoted, mut found) = (body, false, false);
    while let Some((&byte, behind)) = rest.split_first() {
        if !quoted && rest.starts_with(NAN) {
            replaced.extend_from_slice(b"null");
            rest = rest.get(NAN.len()..).unwrap_or_default();
            found = true;
            continue;
        }
        replaced.push(byte);
        rest = behind;
        match (byte, rest.split_first()) {
            (b'"', _) => quoted = !quoted,
            (b'\\', Some((&escaped, behind))) if quoted => {
                replaced.push(escaped);
                rest = behind;
            }
            _ => {}
        }
    }
    found.then_some(replaced)
}

/// The coded error of a body that was not read.
pub(crate) fn json_error(error: &serde_json::Error) -> Error {
    if error.is_data() {
        Error::input(
            "request.invalid_shape",
            format!("the body has another form: {error}"),
        )
    } else {
        Error::input(
            "input.invalid_json",
            format!("the body is not JSON: {error}"),
        )
    }
}

/// Reads a JSON body that must be an object; a derived reader would take a list for one.
///
/// # Errors
/// As [`read_json`].
pub(crate) fn read_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Error::input(
            "request.invalid_shape",
            "the body must be an object",
        ));
    }
    read_json(body)
}

/// Shows the rows that were answered to whoever wants to see them.
fn show(service: &Service, records: &[Record], answers: &[Result<Prediction>]) {
    let Some(witness) = service.witness() else {
        return;
    };
    let rows = records.iter().zip(answers);
    let rows: Vec<_> = rows
        .filter_map(|(record, answer)| Some((record, answer.as_ref().ok()?)))
        .collect();
    if !rows.is_empty() {
        witness.scored(service, &rows);
    }
}

/// Each row's prediction or error, taken out of the batch.
fn by_row(batch: &mut BatchPrediction) -> Vec<Result<Prediction>> {
    let mut failed = std::mem::take(&mut batch.errors).into_iter().peekable();
    let answers = (0..batch.rows()).map(|row| {
        if let Some(error) = failed.next_if(|error| error.row() == Some(row)) {
            return Err(error);
        }
        batch
            .row(row)
            .map_err(|_| Error::internal("internal.batch", "an error has no row"))
    });
    answers.collect()
}

fn ignored_fields(service: &Service, records: &[Record]) -> Vec<String> {
    let mut ignored: Vec<String> = Vec::new();
    let pipeline = service.predictor().pipeline();
    for name in records
        .iter()
        .flat_map(|record| pipeline.unknown_fields_of(record))
    {
        if ignored.len() == IGNORED_NAMES {
            break;
        }
        if !ignored.iter().any(|known| known == name) {
            ignored.push(name.to_owned());
        }
    }
    ignored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_nan_is_null_and_a_quoted_one_text() {
        let replaced = |text: &str| {
            nan_as_null(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        for (text, expected) in [
            ("[NaN,1,NaN]", Some("[null,1,null]")),
            (r#"{"NaN":NaN}"#, Some(r#"{"NaN":null}"#)),
            (
                r#"{"a\\":NaN,"b\"NaN":"NaN\\\""}"#,
                Some(r#"{"a\\":null,"b\"NaN":"NaN\\\""}"#),
            ),
            (r#"["NaN"]"#, None),
            ("[1,2", None),
            ("", None),
        ] {
            assert_eq!(replaced(text).as_deref(), expected, "{text}");
        }
    }
}

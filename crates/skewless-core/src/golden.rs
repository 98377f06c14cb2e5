//! Golden rows: records with the feature row and the prediction they must give, on every target: to the bit,
//! or within the tolerance of an engine that has one.

mod cover;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::output::{Output, Prediction};
use crate::record::Record;
pub use cover::choose;

/// One line of `golden.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRow {
    /// The raw record.
    pub record: Record,
    /// The feature row without the columns of tensors, which are the record's own numbers; `null` is missing.
    pub features: Vec<Option<f64>>,
    /// The prediction.
    pub prediction: Prediction,
}

impl GoldenRow {
    pub(crate) fn new(record: Record, features: &[f64], prediction: Prediction) -> Self {
        let features = features
            .iter()
            .map(|&value| (!value.is_nan()).then_some(value))
            .collect();
        Self {
            record,
            features,
            prediction,
        }
    }

    /// The feature rows' bits are equal.
    pub(crate) fn same_features(&self, other: &Self) -> bool {
        let bits = |row: &Self| {
            row.features
                .iter()
                .map(|value| value.map(f64::to_bits))
                .collect::<Vec<_>>()
        };
        bits(self) == bits(other)
    }

    /// The predictions' bits are equal or, with a tolerance, its numbers lie within it; a label may then differ only
    /// where the numbers that decide it lie within it too.
    pub(crate) fn same_prediction(&self, other: &Self, tolerance: f64, output: &Output) -> bool {
        let numbers = |row: &Self| {
            let Prediction { raw, values, .. } = &row.prediction;
            raw.iter().chain(values).copied().collect::<Vec<_>>()
        };
        let (found, expected) = (numbers(self), numbers(other));
        let label = (self.prediction.label, other.prediction.label);
        if tolerance == 0.0 {
            let bits = |numbers: &[f64]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
            return bits(&found) == bits(&expected) && label.0 == label.1;
        }
        let mut pairs = found.iter().zip(&expected);
        found.len() == expected.len()
            && pairs.all(|(&found, &expected)| near(found, expected, tolerance))
            && (label.0 == label.1 || undecided(label, &other.prediction.values, tolerance, output))
    }
}

/// Whether two numbers lie within a tolerance, relative to the greater of 1 and the second.
fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// Whether the values could give either label.
fn undecided(
    (found, expected): (Option<u32>, Option<u32>),
    values: &[f64],
    tolerance: f64,
    output: &Output,
) -> bool {
    let value = |label: Option<u32>| values.get(label? as usize).copied();
    let (first, second) = match values {
        [probability] => (Some(*probability), Some(output.threshold.unwrap_or(0.5))),
        _ => (value(found), value(expected)),
    };
    first
        .zip(second)
        .is_some_and(|(first, second)| near(first, second, 2.0 * tolerance))
}

/// The text of `golden.jsonl`.
///
/// # Errors
/// `internal.json` where a row cannot be written.
pub fn to_jsonl(rows: &[GoldenRow]) -> Result<String> {
    let mut text = String::new();
    for row in rows {
        let line = serde_json::to_string(row).map_err(|error| {
            Error::internal("internal.json", "a golden row cannot be written").with_source(error)
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Reads `golden.jsonl`.
///
/// # Errors
/// `bundle.invalid_golden` naming the line, or where there is none: a bundle without golden rows proves nothing.
pub fn from_jsonl(text: &str) -> Result<Vec<GoldenRow>> {
    if text.is_empty() {
        return Err(
            Error::bundle("bundle.invalid_golden", "golden.jsonl holds no rows")
                .with_field("golden.jsonl"),
        );
    }
    let lines = text.lines().enumerate();
    lines
        .map(|(line, text)| {
            serde_json::from_str(text).map_err(|error| {
                Error::bundle(
                    "bundle.invalid_golden",
                    format!("golden.jsonl, line {}: {error}", line + 1),
                )
                .with_field("golden.jsonl")
                .with_row(line)
            })
        })
        .collect()
}

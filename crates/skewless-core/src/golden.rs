//! Golden rows: records with the feature row and the prediction they must give, on every target, to the bit.

mod cover;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::output::Prediction;
use crate::record::Record;
pub use cover::choose;

/// One line of `golden.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRow {
    /// The raw record.
    pub record: Record,
    /// The feature row; `null` is missing.
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

    /// The predictions' bits are equal.
    pub(crate) fn same_prediction(&self, other: &Self) -> bool {
        let bits = |row: &Self| {
            let Prediction { raw, values, .. } = &row.prediction;
            raw.iter()
                .chain(values)
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        bits(self) == bits(other) && self.prediction.label == other.prediction.label
    }
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

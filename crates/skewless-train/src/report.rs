//! What a training run found out, for programs and for people.

use serde::{Deserialize, Serialize};

use crate::bootstrap::Estimates;
use crate::canvas::Canvas;
use crate::data::SourceFile;
use crate::metrics::{CalibrationBin, Metric, Metrics};
use crate::recipe::TreeParameters;

/// The whole run. It holds no time of day and no duration, so that equal runs give equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the model.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the bundle's manifest.
    pub digest: String,
    /// Size of the bundle in bytes.
    pub bytes: usize,
    /// What the model is for; absent where the configuration does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canvas: Option<Canvas>,
    /// What was read.
    pub files: Vec<SourceFile>,
    /// Rows after each step.
    pub steps: Vec<Step>,
    /// Parts of the split by time.
    pub parts: Vec<Part>,
    /// Every candidate, in the order of the grid.
    pub candidates: Vec<Candidate>,
    /// The measure that chose.
    pub select_by: Metric,
    /// Place of the chosen candidate, counted from 0.
    pub chosen: usize,
    /// Number of trees and leaves of the model.
    pub trees: usize,
    /// Leaves of all trees.
    pub leaves: usize,
    /// The measures on the test rows.
    pub test: Comparison,
    /// The same model and parameters under a random split of the same sizes.
    pub random_split: Comparison,
}

/// Rows left after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The step.
    pub step: String,
    /// Rows after it.
    pub rows: usize,
}

/// A part of the split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `train`, `validate` or `test`.
    pub name: String,
    /// Rows with a label.
    pub rows: usize,
    /// Of these, positive ones.
    pub positive: usize,
}

impl Part {
    /// Positive rows among all, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts of rows")]
    pub fn share(&self) -> f64 {
        self.positive as f64 / self.rows.max(1) as f64
    }
}

/// One combination of parameters and how it did on the validation rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The parameters.
    pub parameters: TreeParameters,
    /// Measures on the validation rows.
    pub validation: Metrics,
}

/// The model beside the baseline on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Rows measured.
    pub rows: usize,
    /// Share of positive rows, from 0 to 1.
    pub positive_share: f64,
    /// The trees.
    pub model: Estimates,
    /// The logistic regression.
    pub baseline: Estimates,
    /// The trees less the baseline, on the same resamples.
    pub difference: Estimates,
    /// The trees' predictions against what happened.
    pub calibration: Vec<CalibrationBin>,
}

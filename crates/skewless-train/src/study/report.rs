//! What a study found out, for programs and for people.

use serde::{Deserialize, Deserializer, Serialize};
use skewless_core::output::Task;

use super::confidence::{Calibrated, Coverage};
use super::measure::Measure;
use super::plots::Plots;
use super::recipe::Candidate;
use super::threshold::Threshold;
use crate::bootstrap::{Estimate, null_as_nan};
use crate::canvas::Canvas;
use crate::data::SourceFile;
use crate::metrics::CalibrationBin;
use crate::report::Step;

/// The whole study. It holds no time of day, no duration and no path but those of the configuration, so that equal runs
/// give equal reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyReport {
    /// Name of the model.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What is predicted.
    pub task: Task,
    /// SHA-256 of the configuration's bytes.
    pub configuration: String,
    /// SHA-256 of the bundle's manifest; empty where a gate failed.
    pub digest: String,
    /// Size of the bundle in bytes, also where a gate failed.
    pub bytes: usize,
    /// What the model is for; absent where the configuration does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canvas: Option<Canvas>,
    /// What was read.
    pub files: Vec<SourceFile>,
    /// SHA-256 over their digests.
    pub data: String,
    /// Named sources and views, as far as they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceFacts>,
    /// What was joined, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<JoinFacts>,
    /// Rows after each step.
    pub steps: Vec<Step>,
    /// Parts of the split.
    pub parts: Vec<Part>,
    /// The feature sets.
    pub feature_sets: Vec<FeatureSetFacts>,
    /// What the checks before training found, the gravest first.
    pub findings: Vec<Finding>,
    /// Missing and unseen values of each input.
    pub inputs: Vec<InputShares>,
    /// Every candidate, in the order of the configuration.
    pub candidates: Vec<CandidateReport>,
    /// How the winner was found.
    pub selection: Selection,
    /// The sigmoid that calibrates the winner.
    pub calibration: Option<Calibrated>,
    /// The threshold, where it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// The winner on the test rows.
    pub test: TestReport,
    /// Coverage of its intervals or sets.
    pub coverage: Option<Coverage>,
    /// Measures of groups of test rows.
    pub slices: Vec<Slice>,
    /// The gates in their order; without failure a bundle is written.
    pub gates: Vec<Gate>,
    /// What a page draws; a report of an earlier version has none.
    #[serde(default)]
    pub plots: Option<Plots>,
}

/// Where a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Files.
    Files,
    /// A query.
    View,
}

/// A named source or view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Its name.
    pub name: String,
    /// Where its rows come from.
    pub kind: SourceKind,
    /// What it holds.
    pub doc: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Paths of its files; of a view the names of what it is made from.
    pub files: Vec<String>,
    /// SHA-256 over its files' names and digests; of a view over the query and the digests of what it is made from.
    pub digest: String,
    /// Its rows.
    pub rows: usize,
    /// The newest time at which a row was known.
    pub newest: Option<String>,
}

/// A join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinFacts {
    /// The source or view.
    pub source: String,
    /// The keys: `NAME`, or `LEFT = RIGHT`.
    pub on: Vec<String>,
    /// The input up to whose time a row must have been known.
    pub as_of: Option<String>,
    /// Seconds after its time from which a row counts as known.
    pub lateness: f64,
    /// Greatest age of a row in seconds.
    pub within: Option<f64>,
    /// Columns that came in, as they are called now.
    pub columns: Vec<String>,
    /// Rows after the join: as many as before.
    pub rows: usize,
    /// Rows that nothing matched.
    pub unmatched: usize,
    /// Their share.
    pub unmatched_share: f64,
    /// Those of them that lack a key.
    pub without_key: usize,
    /// Rows that have no time to match at.
    pub without_time: usize,
}

/// A part of the split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `train 1`, `validate 1`, … and `test`.
    pub name: String,
    /// Rows with a label.
    pub rows: usize,
    /// Mean of the label; of a classification, each label's share.
    pub level: Vec<f64>,
}

/// A feature set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureSetFacts {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub doc: Option<String>,
    /// SHA-256 over its specification.
    pub digest: String,
    /// Features that a model sees.
    pub features: Vec<String>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Stops the run.
    Error,
    /// Is to be looked at.
    Warning,
    /// Is as it should be, or harmless.
    Info,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check, as the error's code: `check.target_leak`, ….
    pub check: String,
    /// How grave it is.
    pub level: Level,
    /// The input or the source it is about.
    pub input: Option<String>,
    /// What was found, in a sentence.
    pub message: String,
}

/// Shares of an input with Wilson's 95 % intervals, on the winner's training rows and on the validation rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputShares {
    /// The input.
    pub name: String,
    /// Missing among training rows, of the last fold where there are several.
    pub missing_train: Estimate,
    /// Missing among its validation rows.
    pub missing_validate: Estimate,
    /// Categories: validation rows whose value no training row of their fold has.
    pub unseen: Option<Estimate>,
    /// How well the input alone tells the label, from 0 to 1; `None` where it feeds no feature.
    pub strength: Option<f64>,
}

/// A candidate on the validation rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// What it is.
    pub candidate: Candidate,
    /// Measures by fold, in the order of [`Measure::of_task`].
    #[serde(deserialize_with = "nulls_as_nan")]
    pub folds: Vec<Vec<f64>>,
    /// The same over all folds' rows together.
    #[serde(deserialize_with = "null_as_nan_each")]
    pub measures: Vec<f64>,
    /// The rung of halving, counted from 1, after which it was not trained on; its measures are that rung's.
    pub left_at: Option<usize>,
}

/// How the winner was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The measure.
    pub by: Measure,
    /// What a more complex model must gain.
    pub margin: f64,
    /// Best of each family and feature set, from the simplest on, each against the best so far.
    pub duels: Vec<Duel>,
    /// Place of the winner among the candidates, counted from 0.
    pub winner: usize,
}

/// A more complex candidate against the best so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duel {
    /// Place of the more complex one among the candidates.
    pub challenger: usize,
    /// Place of the best so far.
    pub incumbent: usize,
    /// By how much the challenger is better, paired on the same resamples of the validation rows.
    pub gain: Estimate,
    /// Whether the gain is at least the margin and its interval lies above 0.
    pub won: bool,
}

/// A measure with its interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub measure: Measure,
    /// Its value.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// The test, opened once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Digest of the only candidate that saw the test rows.
    pub opened_by: String,
    /// How often they were predicted.
    pub times: usize,
    /// Rows of the test.
    pub rows: usize,
    /// SHA-256 over their numbers.
    pub digest: String,
    /// The winner's measures.
    pub measures: Vec<Measured>,
    /// Binary: predictions against what happened.
    pub calibration: Vec<CalibrationBin>,
    /// Of a network that is served in int8: the same measures of it in floating point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_int8: Vec<f64>,
}

impl Gate {
    /// Whether it bounds a count.
    pub fn is_count(&self) -> bool {
        ["max_bytes", "max_warnings"].contains(&self.gate.as_str())
    }
}

/// A group of test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// The input that groups.
    pub input: String,
    /// Its value; `None` is missing.
    pub value: Option<String>,
    /// Rows of the group.
    pub rows: usize,
    /// Measures; empty where the group is too small or holds a single label.
    pub measures: Vec<Measured>,
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is bounded: `test.rmse`, `worst_slice.accuracy`, `max_bytes`, ….
    pub gate: String,
    /// What was found.
    #[serde(deserialize_with = "null_as_nan")]
    pub found: f64,
    /// The least that is allowed.
    pub min: Option<f64>,
    /// The greatest that is allowed.
    pub max: Option<f64>,
    /// Whether it holds; NaN never does.
    pub passed: bool,
}

/// How long a fit took: beside the report, never in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The candidate's digest.
    pub candidate: String,
    /// The fold, counted from 0.
    pub fold: usize,
    /// Training rows.
    pub rows: usize,
    /// Seconds when it was fitted.
    pub seconds: f64,
    /// Whether that was in an earlier run.
    pub reused: bool,
}

fn null_as_nan_each<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let each: Vec<Option<f64>> = Vec::deserialize(from)?;
    Ok(each
        .into_iter()
        .map(|one| one.unwrap_or(f64::NAN))
        .collect())
}

fn nulls_as_nan<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<f64>>, D::Error> {
    let rows: Vec<Vec<Option<f64>>> = Vec::deserialize(from)?;
    let row = |row: Vec<Option<f64>>| row.into_iter().map(|one| one.unwrap_or(f64::NAN)).collect();
    Ok(rows.into_iter().map(row).collect())
}

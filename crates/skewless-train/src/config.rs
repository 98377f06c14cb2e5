//! The training configuration as people write it: `skewless.toml`.
//!
//! Everything here is as it stands in the file. [`crate::recipe::Recipe`] is what has been checked.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skewless_core::output::Task;
use skewless_core::spec::{FeatureAsWritten, Input, LookupSource, UnknownFields};
use skewless_core::{Error, Result};

use crate::canvas::Canvas;
use crate::metrics::Metric;

/// A `skewless.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is made.
    pub model: ModelConfig,
    /// What it is for.
    #[serde(default)]
    pub canvas: Option<Canvas>,
    /// The table to learn from.
    pub data: DataConfig,
    /// What is predicted.
    pub label: LabelConfig,
    /// Which rows train, choose and judge.
    pub split: SplitConfig,
    /// How the model is judged.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// What records may hold besides the inputs.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The fields of a record and the label's column; none with `role = "weight"`, which training does not support.
    #[serde(default)]
    pub input: Vec<Input>,
    /// The features of the trees.
    #[serde(default)]
    pub feature: Vec<FeatureAsWritten>,
    /// Tables that travel in the bundle.
    #[serde(default)]
    pub lookup: Vec<LookupSource>,
    /// The grid of tree parameters.
    pub trees: TreesConfig,
    /// The model to beat.
    pub baseline: BaselineConfig,
}

/// `[model]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Name of the model and of its bundle: letters, digits, `-`, `_` and `.`, not dots alone.
    pub name: String,
    /// MAJOR.MINOR.PATCH.
    pub version: String,
    /// `binary`, `multiclass` or `regression`; without experiments only `binary`.
    pub task: Task,
    /// What the prediction is called.
    pub target: String,
    /// Binary: the negative label, then the positive one. Multi-class: all of them. They differ. Regression: none.
    #[serde(default)]
    pub labels: Vec<String>,
    /// From which probability on the positive label is given; 0.5 if absent.
    pub threshold: Option<f64>,
    /// Unit of a regression's value.
    #[serde(default)]
    pub unit: Option<String>,
    /// Heading of the card.
    pub title: String,
    /// What the model predicts, for the card.
    pub summary: String,
    /// What it cannot do, for the card.
    #[serde(default)]
    pub limits: Vec<String>,
    /// License of data and model, for the card.
    #[serde(default)]
    pub license: Option<String>,
    /// Date for the provenance, `YYYY-MM-DD`.
    pub date: String,
    /// Seed of everything random: column samples, shuffles, resamples.
    pub seed: u64,
}

/// `[data]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The file, relative to the configuration.
    pub source: String,
    /// What it holds, for the card.
    #[serde(default)]
    pub doc: Option<String>,
    /// Studies: of more rows than these as many are drawn by the model's seed while they are read; all if absent.
    #[serde(default)]
    pub max_rows: Option<usize>,
}

/// `[label]`: positive where the input's value is greater than `above`; a row without a value has no label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelConfig {
    /// An input with `role = "label"`.
    pub input: String,
    /// The bound; it is itself negative.
    pub above: f64,
}

/// `[split]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// The kind of split.
    pub by: SplitBy,
    /// The timestamp or date that rows are ordered by.
    pub input: String,
    /// First day of validation, `YYYY-MM-DD`.
    pub validate_from: String,
    /// First day of the test.
    pub test_from: String,
}

/// The kinds of split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// Training before validation before test.
    Time,
}

/// `[evaluate]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// Bootstrap resamples behind each interval.
    pub resamples: usize,
    /// Share of resamples inside an interval.
    pub confidence: f64,
    /// Bins of equal width for the calibration error.
    pub calibration_bins: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            resamples: 500,
            confidence: 0.95,
            calibration_bins: 15,
        }
    }
}

/// `[trees]`: every combination of the lists is a candidate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreesConfig {
    /// Number of trees.
    pub iterations: Vec<usize>,
    /// Step of each tree.
    pub learning_rate: Vec<f32>,
    /// Greatest depth, in splits.
    pub max_depth: Vec<usize>,
    /// Greatest number of leaves.
    #[serde(default = "default_leaves")]
    pub max_leaves: Vec<usize>,
    /// Smallest sum of Hessians in a leaf.
    #[serde(default = "one")]
    pub min_leaf_weight: Vec<f32>,
    /// L2 penalty of leaf values.
    #[serde(default = "one")]
    pub l2: Vec<f32>,
    /// Share of columns that each tree sees.
    #[serde(default = "one")]
    pub columns_by_tree: Vec<f32>,
    /// Bins of a column while training.
    #[serde(default = "default_bins")]
    pub bins: u16,
    /// The measure on the validation rows that chooses.
    pub select_by: Metric,
}

fn default_leaves() -> Vec<usize> {
    vec![31]
}

fn one() -> Vec<f32> {
    vec![1.0]
}

fn default_bins() -> u16 {
    256
}

/// `[baseline]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineConfig {
    /// The kind of model.
    pub kind: BaselineKind,
    /// L2 penalty of the weights; the intercept has none.
    #[serde(default = "default_l2")]
    pub l2: f64,
    /// Most steps of the optimiser.
    #[serde(default = "default_steps")]
    pub max_iterations: u64,
    /// Its features, from the same inputs and tables.
    pub feature: Vec<FeatureAsWritten>,
}

/// The kinds of baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineKind {
    /// Logistic regression.
    Logistic,
}

fn default_l2() -> f64 {
    1.0
}

fn default_steps() -> u64 {
    100
}

impl Config {
    /// Reads the text of a `skewless.toml`.
    ///
    /// # Errors
    /// `train.config` with the line and what is wrong there.
    pub fn from_toml(text: &str) -> Result<Self> {
        parse(text)
    }
}

/// Reads TOML into a configuration.
///
/// # Errors
/// `train.config` with the line and what is wrong there.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let message = error.message().trim().to_owned();
        let line = error.span().map(|span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|&byte| byte == b'\n')
                .count()
        });
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        Error::spec(
            "train.config",
            format!("the configuration cannot be read: {place}{message}"),
        )
    })
}

//! A configuration with experiments, as people write it: feature sets, families of models, splits, checks, gates.
//!
//! Everything here is as it stands in the file. [`super::recipe::Recipe`] is what has been checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skewless_core::Result;
use skewless_core::output::ConformalMethod;
use skewless_core::spec::{FeatureAsWritten, Input, LookupSource, UnknownFields};

use super::measure::Measure;
use super::models::config::Family;
use super::sources::config::{JoinConfig, SourceConfig, ViewConfig};
use crate::canvas::Canvas;
use crate::config::{DataConfig, EvaluateConfig, ModelConfig, parse};

/// A `skewless.toml` with `[[experiment]]`.
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
    /// Files with a name, an owner and a time.
    #[serde(default)]
    pub source: Vec<SourceConfig>,
    /// Queries over them.
    #[serde(default)]
    pub view: Vec<ViewConfig>,
    /// What stands beside the rows to learn from.
    #[serde(default)]
    pub join: Vec<JoinConfig>,
    /// What is predicted.
    pub label: LabelConfig,
    /// Which rows train, choose and judge.
    pub split: SplitConfig,
    /// How measures get their intervals.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// What records may hold besides the inputs.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The fields of a record and the label's column.
    #[serde(default)]
    pub input: Vec<Input>,
    /// Features that the sets choose from.
    #[serde(default)]
    pub feature: Vec<FeatureAsWritten>,
    /// Tables that travel in the bundle.
    #[serde(default)]
    pub lookup: Vec<LookupSource>,
    /// Named sets of features; without any there is one, `all`, of everything in `[[feature]]`.
    #[serde(default)]
    pub feature_set: Vec<FeatureSetConfig>,
    /// Which models are tried on which sets.
    pub experiment: Vec<ExperimentConfig>,
    /// What chooses among them.
    pub select: SelectConfig,
    /// Bounds of the checks before training.
    #[serde(default)]
    pub checks: ChecksConfig,
    /// How a binary winner's scores become probabilities; as they are if absent.
    #[serde(default)]
    pub calibrate: Option<CalibrateConfig>,
    /// From which probability on a binary winner gives the positive label, by its validation rows; `model.threshold`, or 0.5,
    /// if absent.
    #[serde(default)]
    pub threshold: Option<ThresholdConfig>,
    /// Intervals or sets, whose coverage the report states.
    #[serde(default)]
    pub conformal: Option<ConformalConfig>,
    /// What must hold for a bundle to be written.
    #[serde(default)]
    pub gates: GatesConfig,
    /// Groups whose measures are reported apart.
    #[serde(default)]
    pub slices: SlicesConfig,
    /// When `skewless retrain` promotes.
    #[serde(default)]
    pub retrain: RetrainConfig,
}

/// `[label]`; a row without a value has no label and takes no part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelConfig {
    /// An input with `role = "label"`. Regression: a number. Otherwise a category whose values are the model's labels.
    pub input: String,
    /// Binary with a number as label: positive where the value is greater.
    #[serde(default)]
    pub above: Option<f64>,
}

/// `[split]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// The kind of split.
    pub by: SplitBy,
    /// Time: the timestamp or date that rows are ordered by. Hash and group: the key.
    pub input: String,
    /// Time: first day of validation, or the first days of several validation windows, each of which ends where the next
    /// begins and is judged by a model fitted on everything before it.
    #[serde(default)]
    pub validate_from: Option<Days>,
    /// Time: first day of the test.
    #[serde(default)]
    pub test_from: Option<String>,
    /// Time: how long the validation lasts, counted back from the test; with `test_last` instead of dates.
    #[serde(default)]
    pub validate_last: Option<String>,
    /// Time: how long the test lasts, counted back from the end of the newest labelled row's day, such as `"30d"`.
    #[serde(default)]
    pub test_last: Option<String>,
    /// Time: how long before each boundary rows are left out, such as `"1d"` or `"12h"`.
    #[serde(default)]
    pub gap: Option<String>,
    /// Hash and group: share of keys in the test, between 0 and 1.
    #[serde(default)]
    pub test: Option<f64>,
    /// Hash and group: share of keys in the validation; instead of `folds`.
    #[serde(default)]
    pub validate: Option<f64>,
    /// Hash and group: number of folds outside the test, each validated once.
    #[serde(default)]
    pub folds: Option<usize>,
}

/// One day or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Days {
    /// One validation period.
    One(String),
    /// An expanding window for each.
    Several(Vec<String>),
}

/// The kinds of split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// Training before validation before test.
    Time,
    /// By the hash of a key: rows that are added change no other row's part.
    Hash,
    /// As `hash`, by a key that many rows share: all of them come to one part.
    Group,
}

/// `[[feature_set]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSetConfig {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub doc: Option<String>,
    /// Names out of `[[feature]]`; what they are made from comes along unseen by the model.
    #[serde(default)]
    pub features: Vec<String>,
    /// Features of this set alone, which may be made from those.
    #[serde(default)]
    pub feature: Vec<FeatureAsWritten>,
}

/// `[[experiment]]`: every family on every set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// Its name.
    pub name: String,
    /// Names of feature sets; all of them if absent.
    #[serde(default)]
    pub feature_sets: Option<Vec<String>>,
    /// Seed of its models and of its random search; that of `[model]` if absent.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Training rows that a fit takes at most; where there are more, the seed draws them. What fits into memory.
    #[serde(default)]
    pub max_rows: Option<usize>,
    /// The families of models with their parameters.
    pub model: Vec<FamilyConfig>,
}

/// `[[experiment.model]]`
#[derive(Clone, Debug, Deserialize)]
pub struct FamilyConfig {
    /// Sets for this family alone.
    #[serde(default)]
    pub feature_sets: Option<Vec<String>>,
    /// The family with its lists of parameters.
    #[serde(flatten)]
    pub family: Family,
}

/// `[select]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectConfig {
    /// The measure on the validation rows that chooses.
    pub by: Measure,
    /// By how much a more complex model must be better than a simpler one, in the measure's unit; not negative.
    #[serde(default)]
    pub margin: f64,
}

/// `[checks]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChecksConfig {
    /// From which strength on a single input is a target leak: area under the ROC curve, or the share of the label's
    /// variance it explains.
    pub leak: f64,
    /// From which strength on it is suspicious.
    pub suspicious: f64,
    /// Greatest share of test rows that also stand among the training rows.
    pub duplicates: f64,
    /// Least share of the rarest class among the training rows.
    pub rarest_class: f64,
    /// Inputs and sources whose findings are known and accepted; their errors become warnings.
    pub accept: Vec<String>,
}

impl Default for ChecksConfig {
    fn default() -> Self {
        Self {
            leak: 0.995,
            suspicious: 0.95,
            duplicates: 0.01,
            rarest_class: 0.01,
            accept: Vec::new(),
        }
    }
}

/// `[calibrate]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrateConfig {
    /// The method.
    pub method: CalibrationMethod,
}

/// How scores are calibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// A sigmoid of the raw score; it goes into the model's level and its link, so that serving pays nothing.
    Platt,
    /// A rising broken line over the probability, a table in the bundle.
    Isotonic,
    /// Inductive Venn-Abers, a table of steps; fits small validation sets.
    VennAbers,
}

/// `[threshold]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum ThresholdConfig {
    /// The greatest F1.
    F1 {},
    /// The least mean cost.
    Costs {
        /// Of a row that is said to be positive and is not.
        false_positive: f64,
        /// Of a positive row that is not said to be.
        false_negative: f64,
    },
}

/// `[conformal]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformalConfig {
    /// How scores are made; by quantiles for the families that have them.
    pub method: ConformalMethod,
    /// Share of truths that intervals or sets promise to hold, between 0 and 1.
    pub confidence: f64,
    /// A category input that every feature set reads: a quantile for each of its values.
    #[serde(default)]
    pub by: Option<String>,
}

/// Least and greatest values that are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Least.
    pub min: Option<f64>,
    /// Greatest.
    pub max: Option<f64>,
}

/// `[gates]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatesConfig {
    /// Bounds of the winner's measures on the test rows.
    pub test: BTreeMap<Measure, Bounds>,
    /// Bounds of the same measures on the worst slice.
    pub worst_slice: BTreeMap<Measure, Bounds>,
    /// Greatest size of the bundle in bytes.
    pub max_bytes: Option<usize>,
    /// Most warnings of the checks; a promise that is kept by saying nothing is one more.
    pub max_warnings: Option<usize>,
    /// Bounds of the share of test rows whose truth lies in the interval or the set that `[conformal]` makes.
    pub coverage: Option<Bounds>,
    /// Most microseconds that one record may take from its fields to its prediction, by the median of 200 test rows one
    /// after the other on the machine that trains.
    pub max_latency_us: Option<f64>,
    /// Agreement with a bundle in use.
    pub champion: Option<ChampionGate>,
}

/// `[gates.champion]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChampionGate {
    /// The bundle, relative to the configuration.
    pub bundle: String,
    /// Classification: least share of test rows with the same label. Regression: least correlation of the values.
    pub agreement: f64,
}

/// `[slices]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlicesConfig {
    /// Category inputs; each of their values is a slice.
    pub by: Vec<String>,
    /// Test rows that a slice needs to be measured.
    pub least_rows: usize,
}

impl Default for SlicesConfig {
    fn default() -> Self {
        Self {
            by: Vec::new(),
            least_rows: 100,
        }
    }
}

/// `[retrain]`: when the winner on fresh data takes the place of the bundle in use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrainConfig {
    /// The measure that decides; that of `[select]` if absent.
    pub by: Option<Measure>,
    /// What the winner must show.
    pub promote: Promote,
    /// In the measure's unit, not negative. `better`: the least gain. `no_worse`: the greatest loss that is borne.
    pub margin: f64,
}

/// What a challenger must show on the rows that both it and the champion answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// A gain of at least the margin, whose paired interval lies above 0.
    #[default]
    Better,
    /// A gain whose paired interval lies above −margin.
    NoWorse,
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

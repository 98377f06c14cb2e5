//! Families of models as people write them: lists of parameters, and how they are searched.

use serde::{Deserialize, Serialize};

/// `[[experiment.model]]` by its `kind`; every list is one axis of a grid.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Family {
    /// One prediction for every row: the training rows' mean or shares.
    Constant(NoParameters),
    /// Rules that a person wrote.
    Rules(RulesConfig),
    /// Linear or logistic regression with an elastic net.
    Linear(LinearGrid),
    /// Gradient boosted trees.
    Trees(TreesGrid),
    /// A small network of dense layers, quantised to int8.
    Mlp(MlpGrid),
    /// A bundle that `skewless pack` made of a model trained elsewhere.
    External(ExternalConfig),
}

impl Family {
    /// The name of a family that has no quantiles beside its value.
    pub(crate) fn without_quantiles(&self) -> Option<&'static str> {
        match self {
            Self::Constant(_) | Self::Rules(_) | Self::Trees(_) => None,
            Self::Linear(_) => Some("linear"),
            Self::Mlp(_) => Some("mlp"),
            Self::External(_) => Some("external"),
        }
    }
}

/// No parameters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// `kind = "rules"`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesConfig {
    /// The rules in their order; the first that holds decides, and what it predicts is what its training rows show.
    pub rule: Vec<Rule>,
}

/// A rule: holds where its feature lies in the bounds. A missing value holds for none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Column of the feature set.
    pub feature: String,
    /// Holds from this value on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Holds below this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

/// `kind = "linear"`: mean loss + penalty · (l1_ratio · |w|₁ + (1 − l1_ratio) / 2 · |w|²), the intercept free.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearGrid {
    /// Strength of the penalty; not negative.
    #[serde(default = "default_penalty")]
    pub penalty: Vec<f64>,
    /// From 0 (ridge) to 1 (lasso).
    #[serde(default = "zero")]
    pub l1_ratio: Vec<f64>,
    /// Most steps of the optimiser; where labels have an L1 part, each stands for 25 gradient steps.
    #[serde(default = "default_steps")]
    pub max_iterations: u32,
    /// How the grid is searched.
    #[serde(default)]
    pub search: Search,
}

/// `kind = "trees"`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreesGrid {
    /// Number of trees; multi-class: of each class.
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
    /// How the grid is searched.
    #[serde(default)]
    pub search: Search,
}

/// `kind = "mlp"`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpGrid {
    /// Widths of the hidden layers, a list for each candidate.
    pub hidden: Vec<Vec<usize>>,
    /// Passes over the training rows; with `patience` at most.
    pub epochs: Vec<usize>,
    /// Step of Adam.
    pub learning_rate: Vec<f64>,
    /// L2 penalty of the weights: mean loss + l2 / 2 · |w|².
    #[serde(default = "zero")]
    pub l2: Vec<f64>,
    /// Rows of a step.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Epochs without a lower loss on the training rows that are kept aside for it, a tenth, after which training ends.
    /// Without it all rows are learned from, for all epochs.
    pub patience: Option<usize>,
    /// How the grid is searched.
    #[serde(default)]
    pub search: Search,
}

/// `kind = "external"`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalConfig {
    /// The bundle, relative to the configuration. Its model saw the training rows alone, and its author answers for that.
    pub bundle: String,
}

/// How a grid is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Search {
    /// Every combination.
    #[default]
    Grid,
    /// That many combinations, drawn without replacement by the experiment's seed.
    Random {
        /// How many.
        samples: usize,
    },
    /// All on few rows, the best share on more, until the last are fitted on all rows (Jamieson and Talwalkar 2016).
    Halving {
        /// By how much candidates shrink and rows grow at each rung; at least 2.
        factor: usize,
        /// Training rows of the first rung, at least.
        least_rows: usize,
    },
}

/// Parameters of trees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearParameters {
    /// See [`LinearGrid::penalty`].
    pub penalty: f64,
    /// See [`LinearGrid::l1_ratio`].
    pub l1_ratio: f64,
    /// See [`LinearGrid::max_iterations`].
    pub max_iterations: u32,
}

/// Parameters of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MlpParameters {
    /// See [`MlpGrid::hidden`].
    pub hidden: Vec<usize>,
    /// See [`MlpGrid::epochs`].
    pub epochs: usize,
    /// See [`MlpGrid::learning_rate`].
    pub learning_rate: f64,
    /// See [`MlpGrid::l2`].
    pub l2: f64,
    /// See [`MlpGrid::batch`].
    pub batch: usize,
    /// See [`MlpGrid::patience`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
}

fn zero() -> Vec<f64> {
    vec![0.0]
}

fn one() -> Vec<f32> {
    vec![1.0]
}

fn default_penalty() -> Vec<f64> {
    vec![0.001]
}

fn default_steps() -> u32 {
    200
}

fn default_leaves() -> Vec<usize> {
    vec![31]
}

fn default_bins() -> u16 {
    256
}

fn default_batch() -> usize {
    64
}

//! The specification as people write it: the `[[input]]`, `[[feature]]` and `[[lookup]]` tables of `skewless.toml`.

use serde::{Deserialize, Serialize};

use super::fitted::{Closed, DatePart, Encode, Norm, UnknownFields};
use super::input::Input;

/// Inputs, features and lookup tables as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// What happens to a field that no input names.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The fields of a raw record.
    #[serde(default)]
    pub input: Vec<Input>,
    /// The features in the order of evaluation.
    #[serde(default)]
    pub feature: Vec<FeatureAsWritten>,
    /// Tables that `lookup` features read.
    #[serde(default)]
    pub lookup: Vec<LookupSource>,
}

/// One feature as written: its op's parameters stand beside its name. A parameter that the op does not take is an
/// error; a parameter that fitting can find may be given instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureAsWritten {
    /// Its name; columns are called after it.
    pub name: String,
    /// How it is made.
    pub op: OpName,
    /// One or more inputs or earlier features.
    pub from: From,
    /// An intermediate that the model does not see.
    #[serde(default)]
    pub hidden: bool,
    /// What it means.
    pub doc: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// `impute`: where the value comes from.
    pub strategy: Option<Strategy>,
    /// `impute` with `strategy = "constant"`: the value.
    pub value: Option<super::input::Token>,
    /// `impute`: adds the column `NAME_missing`.
    pub indicator: Option<bool>,
    /// `clip`, `min_max`: lower bound.
    pub min: Option<f64>,
    /// `clip`, `min_max`: upper bound.
    pub max: Option<f64>,
    /// `standardize`: mean, if it is not to be fitted.
    pub mean: Option<f64>,
    /// `standardize`: standard deviation, if it is not to be fitted.
    pub std: Option<f64>,
    /// `bucketize`: rising edges, if they are not to be fitted.
    pub edges: Option<Vec<f64>>,
    /// `bucketize`: number of buckets whose edges are fitted as quantiles.
    pub quantiles: Option<usize>,
    /// `bucketize`: which side of a bucket belongs to it.
    pub closed: Option<Closed>,
    /// `bucketize`, `hash`, `cross`: one number or one column a bucket.
    pub encode: Option<Encode>,
    /// `one_hot`, `ordinal`: the categories, if they are not to be fitted.
    pub vocabulary: Option<Vec<String>>,
    /// `one_hot`, `ordinal`: how often a category must occur to be fitted.
    pub min_count: Option<usize>,
    /// `one_hot`, `ordinal`: how many categories are kept, the most frequent first.
    pub max_size: Option<usize>,
    /// `one_hot`: adds a column for what is out of vocabulary.
    pub unknown_column: Option<bool>,
    /// `one_hot`: adds a column for what is missing.
    pub missing_column: Option<bool>,
    /// `hash`, `cross`: number of buckets.
    pub buckets: Option<u32>,
    /// `hash`, `cross`: seed of the hash.
    pub seed: Option<u32>,
    /// `normalize`: which norm.
    pub norm: Option<Norm>,
    /// `date_part`: which part.
    pub part: Option<DatePart>,
    /// `cyclic`: the period in the source's unit.
    pub period: Option<f64>,
    /// `lookup`: name of the table.
    pub table: Option<String>,
    /// `lookup`: name of the column.
    pub column: Option<String>,
    /// `lookup`: value for keys that the table does not have.
    pub default: Option<f64>,
}

/// The ops by name; [`super::FittedOp`] documents each formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OpName {
    /// The number as it is.
    #[default]
    Number,
    /// The number, missing or not.
    PassthroughMissing,
    /// A value in place of missing ones.
    Impute,
    /// Bounds.
    Clip,
    /// Zero mean, unit variance.
    Standardize,
    /// From 0 to 1.
    MinMax,
    /// ln(1 + x).
    Log1p,
    /// Buckets by edges.
    Bucketize,
    /// One column a category.
    OneHot,
    /// Position in the vocabulary.
    Ordinal,
    /// Bucket by hash.
    Hash,
    /// Bucket by hash of several categories.
    Cross,
    /// a − b.
    Difference,
    /// a / b.
    Ratio,
    /// a · b · …
    Product,
    /// a / norm(b, c, …).
    Normalize,
    /// Part of a date or timestamp.
    DatePart,
    /// Sine and cosine.
    Cyclic,
    /// Value from a table.
    Lookup,
}

/// Where an imputed value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The given `value`.
    Constant,
    /// Arithmetic mean of the training values.
    Mean,
    /// Median; of an even number of values the mean of the middle two.
    Median,
    /// The most frequent; of equally frequent ones the smallest.
    MostFrequent,
}

/// One source or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum From {
    /// `from = "x"`
    One(String),
    /// `from = ["x", "y"]`
    Several(Vec<String>),
}

impl Default for From {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl From {
    /// The names in their order.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// A lookup table as written: a file that training reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LookupSource {
    /// The table's name.
    pub name: String,
    /// The file, relative to the configuration.
    pub source: String,
    /// The key column.
    pub key: String,
    /// The value columns.
    pub columns: Vec<String>,
    /// What it holds.
    #[serde(default)]
    pub doc: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
}

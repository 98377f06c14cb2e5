//! The fitted specification: the part `features.json`.

use serde::{Deserialize, Serialize};

use super::input::Input;

/// Inputs, tables and features with everything that training found out about them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedSpec {
    /// What happens to a field that no input names.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The fields of a raw record.
    pub inputs: Vec<Input>,
    /// Tables that `lookup` features read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<LookupTable>,
    /// The features in the order of evaluation; those not hidden are the model's columns, in this order.
    pub features: Vec<FittedFeature>,
}

/// What happens to a field that no input names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// It is left out; doors may note it.
    #[default]
    Ignore,
    /// The record fails with `input.unknown_field`.
    Reject,
}

/// One feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedFeature {
    /// Its name; columns are called after it.
    pub name: String,
    /// Inputs or earlier features it is made from.
    pub from: Vec<String>,
    /// How it is made.
    pub op: FittedOp,
    /// An intermediate that the model does not see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// An op with its fitted parameters. x is the source's value; NaN is missing and stays missing unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FittedOp {
    /// x; the source may not be nullable.
    #[default]
    Number,
    /// x; a missing value stays missing.
    PassthroughMissing,
    /// x, or `value` where x is missing; `indicator` adds the column `NAME_missing` (1 missing, 0 not).
    Impute {
        /// The value for missing.
        value: f64,
        /// Whether the indicator column is added.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        indicator: bool,
    },
    /// The category, or `value` where it is missing.
    ImputeCategory {
        /// The category for missing.
        value: String,
    },
    /// min(max(x, min), max).
    Clip {
        /// Lower bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// Upper bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
    },
    /// (x − mean) / std, with std the population's (divided by n); a std of 0 counts as 1.
    Standardize {
        /// Arithmetic mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// (x − min) / (max − min), not clipped; max − min of 0 counts as 1.
    MinMax {
        /// Smallest training value.
        min: f64,
        /// Greatest training value.
        max: f64,
    },
    /// ln(1 + x); x ≤ −1 fails with `input.out_of_domain`.
    Log1p,
    /// The number of edges below x (`closed = left`: edges ≤ x, so that buckets are [a, b); `right`: edges < x, (a, b]).
    Bucketize {
        /// Rising edges.
        edges: Vec<f64>,
        /// Which side of a bucket belongs to it.
        closed: Closed,
        /// One number or one column a bucket.
        encode: Encode,
    },
    /// One column a category, 1 where it is x. Missing and out-of-vocabulary values give zeros everywhere, or a 1 in
    /// their own column where that is asked for.
    OneHot {
        /// The categories in column order.
        vocabulary: Vec<String>,
        /// Adds the column `NAME=?unknown`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown_column: bool,
        /// Adds the column `NAME=?missing`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        missing_column: bool,
    },
    /// The category's position in the vocabulary; out of vocabulary gives the vocabulary's size.
    Ordinal {
        /// The categories in order.
        vocabulary: Vec<String>,
    },
    /// MurmurHash3 (x86, 32 bits) of the UTF-8 text, modulo `buckets`.
    Hash {
        /// Number of buckets.
        buckets: u32,
        /// Seed of the hash.
        #[serde(default)]
        seed: u32,
        /// One number or one column a bucket.
        encode: Encode,
    },
    /// As `hash`, of the sources' texts joined by U+001F; missing where one of them is.
    Cross {
        /// Number of buckets.
        buckets: u32,
        /// Seed of the hash.
        #[serde(default)]
        seed: u32,
        /// One number or one column a bucket.
        encode: Encode,
    },
    /// First source − second; of two dates in days, of two timestamps of one zone in seconds.
    Difference,
    /// First source / second; missing where the second is 0.
    Ratio,
    /// The sources multiplied from left to right.
    Product,
    /// The first source divided by the norm of the others; the first source itself where that is 0.
    Normalize {
        /// Which norm.
        norm: Norm,
    },
    /// A part of a date or timestamp, in the input's zone.
    DatePart {
        /// Which part.
        part: DatePart,
    },
    /// Two columns: `NAME_sin` = sin(2π·x / period), `NAME_cos` = cos(2π·x / period).
    Cyclic {
        /// The period, in x's unit.
        period: f64,
    },
    /// The value of a table's column in the row that x names; `default` (or missing) where there is no such row.
    Lookup {
        /// Name of the table.
        table: String,
        /// Name of the column.
        column: String,
        /// For keys that the table does not have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<f64>,
    },
}

/// Which side of a bucket belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// [a, b)
    #[default]
    Left,
    /// (a, b]
    Right,
}

/// How a bucket number reaches the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encode {
    /// As one number, counted from 0.
    #[default]
    Index,
    /// As one column a bucket.
    OneHot,
}

/// The size of several numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Sum of their absolute values.
    L1,
    /// Root of the sum of their squares.
    #[default]
    L2,
    /// The greatest of them.
    Max,
}

/// A part of a date or timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// 1–12.
    Month,
    /// 1–31.
    Day,
    /// 0 Monday – 6 Sunday.
    DayOfWeek,
    /// 1–366.
    DayOfYear,
    /// 0–23.
    Hour,
    /// 0–59.
    Minute,
    /// 0–1439.
    MinuteOfDay,
}

/// A small table that travels in the bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupTable {
    /// Its name.
    pub name: String,
    /// The keys, rising in byte order.
    pub keys: Vec<String>,
    /// The columns.
    pub columns: Vec<LookupColumn>,
}

/// A column of a [`LookupTable`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupColumn {
    /// Its name.
    pub name: String,
    /// One value a key; `null` is missing.
    pub values: Vec<Option<f64>>,
}

impl DatePart {
    /// Whether a date without a clock lacks the part.
    pub(crate) fn needs_clock(self) -> bool {
        matches!(self, Self::Hour | Self::Minute | Self::MinuteOfDay)
    }
}

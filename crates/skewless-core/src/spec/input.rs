//! Inputs: what a raw record holds, with types, units, ranges and the rule for missing values.

use serde::{Deserialize, Serialize};

use crate::pipeline::time;

/// One field of a raw record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The field's name in records and the column's in tables.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: InputType,
    /// Unit, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Must be present and not missing. Default: the opposite of `nullable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// May be missing: absent, null, NaN or one of the `missing` tokens.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// Values that mean "missing", compared before anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Token>,
    /// Bounds of a number, and what happens outside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What the field is for.
    #[serde(default, skip_serializing_if = "Role::is_feature")]
    pub role: Role,
    /// False for what is known only after the event: it may not feed a feature.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub known_at_prediction: bool,
    /// Personal data: kept out of logs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pii: bool,
    /// How old the value may be when it is used, for example `"1h"`, `"15m"`, `"7d"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
    /// Timestamps: `"local"` (wall-clock text without an offset), `"utc"` or a fixed offset such as `"+05:30"` (text
    /// with an offset, converted to that zone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Longest text in characters. Default: 256 for `category`, 4,096 for `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// Tensors: the lengths of the dimensions, for example `[49, 10, 1]`. A record holds a flat array of all elements,
    /// row-major, or arrays nested as the shape says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
}

/// The type of an input's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// A finite f64.
    #[default]
    Number,
    /// A whole number of at most 2^53 in size.
    Integer,
    /// `true` or `false`; the feature value is 1 or 0.
    Boolean,
    /// A string out of a vocabulary.
    Category,
    /// A string.
    Text,
    /// ISO 8601 `YYYY-MM-DDThh:mm[:ss[.fff]]`, with or without offset as `zone` says.
    Timestamp,
    /// ISO 8601 `YYYY-MM-DD`.
    Date,
    /// Finite numbers in the `shape`; never missing.
    Tensor,
}

impl InputType {
    /// The name as the specification writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Category => "category",
            Self::Text => "text",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Tensor => "tensor",
        }
    }

    /// Whether values are strings all the way to the features.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Category | Self::Text)
    }
}

/// A value that means "missing".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Token {
    /// A number such as -999.
    Number(f64),
    /// A string such as "NA"; allowed for every type.
    Text(String),
}

impl Default for Token {
    fn default() -> Self {
        Self::Number(0.0)
    }
}

/// Bounds of a number; both ends belong to the range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Smallest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// What to do with a value outside.
    #[serde(default)]
    pub outside: Outside,
}

/// What to do with a number outside its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// The record fails with `input.out_of_range`.
    #[default]
    Reject,
    /// The nearer bound takes its place.
    Clip,
    /// It counts as missing.
    Missing,
}

/// What a field is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May feed features.
    #[default]
    Feature,
    /// What is predicted.
    Label,
    /// A training weight.
    Weight,
    /// Names the record.
    Id,
    /// Orders the records for splits by time; may feed features too.
    Time,
}

impl Role {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature serde asks for"
    )]
    fn is_feature(&self) -> bool {
        *self == Self::Feature
    }
}

/// A timestamp's time zone, parsed from [`Input::zone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Wall-clock time as it is written; an offset is refused.
    Local,
    /// Seconds east of UTC; the text must carry an offset or `Z`.
    Offset(i32),
}

impl Zone {
    /// Reads `local`, `utc` or `±hh:mm`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "local" => Some(Self::Local),
            "utc" => Some(Self::Offset(0)),
            _ => time::parse_offset(text).map(Self::Offset),
        }
    }
}

impl Input {
    /// Longest text in characters.
    pub fn longest_text(&self) -> usize {
        self.max_length.unwrap_or(if self.kind == InputType::Text {
            4_096
        } else {
            256
        })
    }

    /// Elements of a tensor; 0 for inputs of other types.
    pub fn elements(&self) -> usize {
        let shape = self.shape.as_deref();
        shape.map_or(0, |shape| shape.iter().product())
    }

    /// What `text` says for a date (days since 1970-01-01) or a timestamp (seconds of wall clock in the input's zone);
    /// `None` for other text, and for inputs of other types.
    pub fn time(&self, text: &str) -> Option<f64> {
        match self.kind {
            InputType::Date => time::parse_date(text),
            InputType::Timestamp => {
                time::parse_timestamp(text, Zone::parse(self.zone.as_deref()?)?)
            }
            _ => None,
        }
    }

    /// The text of a date or a timestamp, which [`Input::time`] reads back; `None` for inputs of other types.
    pub fn time_text(&self, value: f64) -> Option<String> {
        match self.kind {
            InputType::Date => Some(time::write_date(value)),
            InputType::Timestamp => {
                let zone = Zone::parse(self.zone.as_deref()?)?;
                Some(time::write_timestamp(value, zone))
            }
            _ => None,
        }
    }

    pub(crate) fn is_missing_text(&self, text: &str) -> bool {
        self.missing
            .iter()
            .any(|token| matches!(token, Token::Text(known) if known == text))
    }

    pub(crate) fn is_missing_number(&self, value: f64) -> bool {
        value.is_nan()
            || self
                .missing
                .iter()
                .any(|token| matches!(token, Token::Number(known) if *known == value))
    }
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_true(value: &bool) -> bool {
    *value
}

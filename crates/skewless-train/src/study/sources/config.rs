//! `[[source]]`, `[[view]]` and `[[join]]` as people write them.

use std::collections::BTreeMap;

use serde::Deserialize;
use skewless_core::spec::InputType;

/// `[[source]]`: files with a name, an owner and the time at which each row was known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Its name: letters, digits and `_`, no digit first.
    pub name: String,
    /// The files, relative to the configuration or by address; `*` and `?` stand for parts of a name.
    pub path: OneOrMore,
    /// What it holds.
    #[serde(default)]
    pub doc: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The column with the time at which a row was known: dates, or with `zone` timestamps.
    #[serde(default)]
    pub time: Option<String>,
    /// Of timestamps: `local`, `utc` or `±hh:mm`, as an input's.
    #[serde(default)]
    pub zone: Option<String>,
    /// True where rows never change, so that it does not matter when they were known.
    #[serde(default, rename = "static")]
    pub fixed: bool,
    /// How long before the configuration's date its newest row may lie, as in `"36h"`.
    #[serde(default)]
    pub fresh_within: Option<String>,
    /// Types of columns that no input has.
    #[serde(default)]
    pub types: BTreeMap<String, InputType>,
}

/// `[[view]]`: a query over sources and the views before it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewConfig {
    /// Its name, as a source's.
    pub name: String,
    /// One SELECT; SQLite's dialect.
    pub sql: String,
    /// What it holds.
    #[serde(default)]
    pub doc: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The column with the time at which a row was known: dates, or with `zone` timestamps.
    #[serde(default)]
    pub time: Option<String>,
    /// Of timestamps: `local`, `utc` or `±hh:mm`, as an input's.
    #[serde(default)]
    pub zone: Option<String>,
    /// True where rows never change, so that it does not matter when they were known.
    #[serde(default, rename = "static")]
    pub fixed: bool,
    /// Types of columns that no input has.
    #[serde(default)]
    pub types: BTreeMap<String, InputType>,
}

/// `[[join]]`: columns of a source or a view beside the rows to learn from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinConfig {
    /// The source or view.
    pub source: String,
    /// Columns that must be equal on both sides.
    pub on: Vec<Key>,
    /// The input with the time up to which a row must have been known.
    #[serde(default)]
    pub as_of: Option<String>,
    /// How long after its time a row counts as known, as in `"30m"`.
    #[serde(default)]
    pub lateness: Option<String>,
    /// How old a row may be.
    #[serde(default)]
    pub within: Option<String>,
    /// The columns that are taken.
    pub columns: Vec<String>,
    /// Stands before the names of those columns.
    #[serde(default)]
    pub prefix: String,
}

/// A column of both sides.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// Of one name.
    Same(String),
    /// Of two.
    Two(Two),
}

/// Two names of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Two {
    /// On the side of the rows to learn from.
    pub left: String,
    /// In the source.
    pub right: String,
}

impl Key {
    /// The names on both sides.
    pub fn names(&self) -> (&str, &str) {
        match self {
            Self::Same(name) => (name, name),
            Self::Two(two) => (&two.left, &two.right),
        }
    }
}

/// A text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several, in this order.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(all) => all,
        }
    }
}

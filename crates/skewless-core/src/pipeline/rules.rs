//! What a feature's sources, parameters and tables must be, said in one form.

use super::compile::{Kind, Source};
use super::step::Index;
use crate::error::{Error, Result};
use crate::spec::{FittedFeature, LookupTable};

/// The rules that ops share about their sources.
pub(super) struct Rules<'a> {
    pub(super) feature: &'a FittedFeature,
    pub(super) sources: &'a [Source],
}

impl Rules<'_> {
    pub(super) fn fault<T>(&self, rule: &str) -> Result<T> {
        let name = &self.feature.name;
        Err(
            Error::spec("spec.invalid_feature", format!("feature `{name}`: {rule}"))
                .with_field(name),
        )
    }

    pub(super) fn only(&self) -> Result<Source> {
        match self.sources {
            [source] => Ok(*source),
            sources => self.fault(&format!("it needs one source, not {}", sources.len())),
        }
    }

    pub(super) fn one(&self, kind: Kind) -> Result<Source> {
        let source = self.only()?;
        match source.kind == kind {
            true => Ok(source),
            false => self.fault(&format!(
                "its source must be {}, not {}",
                described(kind),
                described(source.kind)
            )),
        }
    }

    /// Whether one of several sources of one kind may be missing.
    pub(super) fn several(
        &self,
        count: std::ops::RangeInclusive<usize>,
        kind: Kind,
    ) -> Result<bool> {
        if !count.contains(&self.sources.len()) {
            return self.fault(&format!(
                "it cannot be made from {} sources",
                self.sources.len()
            ));
        }
        match self.sources.iter().find(|source| source.kind != kind) {
            Some(other) => self.fault(&format!(
                "its sources must be {}, not {}",
                described(kind),
                described(other.kind)
            )),
            None => Ok(self.sources.iter().any(|source| source.nullable)),
        }
    }

    pub(super) fn index(&self, entries: &[String]) -> Result<Index> {
        match Index::new(entries) {
            Some(index) if !entries.is_empty() => Ok(index),
            _ => self.fault("its vocabulary is empty, or holds an entry twice"),
        }
    }

    pub(super) fn positive(&self, buckets: u32) -> Result<u32> {
        match buckets {
            1..=1_048_576 => Ok(buckets),
            _ => self.fault("`buckets` must lie between 1 and 1,048,576"),
        }
    }
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "a number",
        Kind::Days => "a date",
        Kind::Seconds(_) => "a timestamp",
        Kind::Text => "a category",
        Kind::OneHot { .. } => "one-hot columns",
        Kind::Several => "several columns",
        Kind::Tensor { .. } => "a tensor",
    }
}

pub(super) fn check_table(table: &LookupTable) -> Result<()> {
    let complete = table
        .columns
        .iter()
        .all(|column| column.values.len() == table.keys.len());
    match complete && table.keys.is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => Err(Error::spec(
            "spec.invalid_lookup",
            format!(
                "lookup table `{}`: keys must rise, and every column needs one value a key",
                table.name
            ),
        )
        .with_field(&table.name)),
    }
}

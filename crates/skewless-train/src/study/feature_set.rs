//! Named sets of features: each is a specification of its own over shared inputs, features and tables.

use std::collections::BTreeSet;

use serde_json::json;
use skewless_core::Result;
use skewless_core::digest::sha256_hex;
use skewless_core::spec::{FeatureAsWritten, FeatureSpec, OpName};

use super::config::{Config, FeatureSetConfig};
use crate::recipe::fault;

/// A checked feature set.
#[derive(Clone, Debug)]
pub(crate) struct FeatureSet {
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) spec: FeatureSpec,
    /// SHA-256 over the specification as JSON.
    pub(crate) digest: String,
}

/// All sets; without any written there is one, `all`.
///
/// # Errors
/// `train.config` for a name that stands twice or is not there; `spec.*` for what a set's features get wrong.
pub(crate) fn feature_sets(config: &Config) -> Result<Vec<FeatureSet>> {
    if config.feature_set.is_empty() {
        return Ok(vec![checked(config, "all", None, config.feature.clone())?]);
    }
    let mut sets: Vec<FeatureSet> = Vec::new();
    for written in &config.feature_set {
        if sets.iter().any(|set| set.name == written.name) {
            return fault(
                "feature_set.name",
                &format!("`{}` stands twice", written.name),
            );
        }
        let features = chosen(&config.feature, written)?;
        sets.push(checked(
            config,
            &written.name,
            written.doc.clone(),
            features,
        )?);
    }
    Ok(sets)
}

fn checked(
    config: &Config,
    name: &str,
    doc: Option<String>,
    feature: Vec<FeatureAsWritten>,
) -> Result<FeatureSet> {
    let used = |table: &str| {
        feature
            .iter()
            .any(|one| one.table.as_deref() == Some(table))
    };
    let spec = FeatureSpec {
        unknown_fields: config.unknown_fields,
        input: config.input.clone(),
        lookup: config
            .lookup
            .iter()
            .filter(|lookup| used(&lookup.name))
            .cloned()
            .collect(),
        feature,
    };
    spec.check()?;
    Ok(FeatureSet {
        name: name.to_owned(),
        doc,
        digest: sha256_hex(json!(spec).to_string().as_bytes()),
        spec,
    })
}

/// The named features with all that they are made from, in the order of evaluation; what is not named is hidden.
fn chosen(pool: &[FeatureAsWritten], set: &FeatureSetConfig) -> Result<Vec<FeatureAsWritten>> {
    let named: BTreeSet<&str> = set.features.iter().map(String::as_str).collect();
    if let Some(name) = named
        .iter()
        .find(|name| pool.iter().all(|feature| feature.name != **name))
    {
        return fault(
            "feature_set.features",
            &format!("set `{}`: there is no feature `{name}`", set.name),
        );
    }
    let mut needed = named.clone();
    let own = set.feature.iter().flat_map(|feature| feature.from.names());
    needed.extend(own.map(String::as_str));
    // A feature is made from earlier ones alone, so that one pass from the end finds all.
    for feature in pool.iter().rev() {
        if needed.contains(feature.name.as_str()) {
            needed.extend(feature.from.names().iter().map(String::as_str));
        }
    }
    let kept = pool
        .iter()
        .filter(|feature| needed.contains(feature.name.as_str()));
    let shown = kept.map(|feature| FeatureAsWritten {
        hidden: feature.hidden || !named.contains(feature.name.as_str()),
        ..feature.clone()
    });
    Ok(shown.chain(set.feature.iter().cloned()).collect())
}

impl FeatureSet {
    /// Names of the features that a model sees.
    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = self.spec.feature.iter().filter(|feature| !feature.hidden);
        shown.map(|feature| feature.name.clone()).collect()
    }

    /// About how many columns the set has: a one-hot feature counts for eight.
    pub(crate) fn columns_at_most(&self) -> usize {
        let columns = |feature: &FeatureAsWritten| match (feature.hidden, feature.op) {
            (true, _) => 1,
            (false, OpName::OneHot) => feature.max_size.unwrap_or(8),
            (false, _) => feature
                .quantiles
                .or(feature.edges.as_ref().map(Vec::len))
                .unwrap_or(1),
        };
        self.spec.feature.iter().map(columns).sum()
    }
}

//! What a bundle says of itself, laid out for pages: everything a form needs, and what people read.

use js_sys::JSON;
use serde::Serialize;
use skewless_core::profile::{Counts, Profile};
use skewless_core::spec::{FittedFeature, FittedOp, FittedSpec, Input, InputType};
use skewless_core::{Bundle, GoldenRow, Predictor, Record, Task};
use tsify::Tsify;
use wasm_bindgen::JsValue;

/// The probability from which a binary model without a threshold of its own gives the second label.
const HALF: f64 = 0.5;

/// What the bundle says of itself.
#[derive(Serialize, Tsify)]
pub struct ModelInfo<'a> {
    /// The model's name.
    pub name: &'a str,
    /// The model's version (semver).
    pub version: &'a str,
    /// SHA-256 of the manifest, which names the digest of every other part.
    pub digest: &'a str,
    /// Size of the bundle in bytes.
    pub size: usize,
    /// What is predicted.
    #[tsify(type = "\"regression\" | \"binary\" | \"multiclass\"")]
    pub task: Task,
    /// What the prediction is called.
    pub target: &'a str,
    /// Unit of a regression's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub unit: Option<&'a str>,
    /// The labels; empty for regression.
    pub labels: &'a [String],
    /// Binary: the second label is given from this probability on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub threshold: Option<f64>,
    /// The fields that a record needs, in the specification's order.
    pub inputs: Vec<InputInfo<'a>>,
    /// How the inputs become what the model sees.
    pub features: Vec<FeatureInfo<'a>>,
    /// The columns that the model sees.
    pub columns: Vec<String>,
    /// A record that the model answers: one of the bundle's golden rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional, type = "RawRecord")]
    pub example: Option<&'a Record>,
    /// The model card, in Markdown.
    pub card: &'a str,
    /// Where the model comes from: data, configuration, code, metrics.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "unknown")]
    pub provenance: JsValue,
}

/// One field of a record.
#[derive(Serialize, Tsify)]
pub struct InputInfo<'a> {
    /// The field's name.
    pub name: &'a str,
    /// The type of its values.
    #[serde(rename = "type")]
    #[tsify(
        type = "\"number\" | \"integer\" | \"boolean\" | \"category\" | \"text\" | \"timestamp\" | \"date\""
    )]
    pub kind: InputType,
    /// Unit, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub unit: Option<&'a str>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub doc: Option<&'a str>,
    /// May be missing: absent, `null` or `NaN`.
    pub nullable: bool,
    /// Smallest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub min: Option<f64>,
    /// Greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub max: Option<f64>,
    /// The tenth and the ninetieth percentile of the training data, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub usual: Option<(f64, f64)>,
    /// The time zone of a timestamp: `local`, `utc` or `±hh:mm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub zone: Option<&'a str>,
    /// The values that the model knows; it answers for others too, as out of vocabulary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[tsify(optional)]
    pub vocabulary: Vec<&'a str>,
}

/// One feature.
#[derive(Serialize, Tsify)]
pub struct FeatureInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// The inputs or earlier features it is made from.
    pub from: &'a [String],
    /// How it is made, for example `one_hot`.
    pub op: &'static str,
    /// An intermediate that the model does not see.
    pub hidden: bool,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub doc: Option<&'a str>,
}

impl<'a> ModelInfo<'a> {
    pub(crate) fn new(
        bundle: &'a Bundle,
        predictor: &'a Predictor,
        golden: &'a [GoldenRow],
        profile: &Profile,
    ) -> Self {
        let (manifest, output, spec) = (bundle.manifest(), bundle.output(), bundle.features());
        let pipeline = predictor.pipeline();
        Self {
            name: &manifest.name,
            version: &manifest.version,
            digest: bundle.digest(),
            size: bundle.size(),
            task: output.task,
            target: &output.name,
            unit: output.unit.as_deref(),
            labels: &output.labels,
            threshold: (output.task == Task::Binary).then(|| output.threshold.unwrap_or(HALF)),
            inputs: pipeline
                .inputs()
                .map(|input| InputInfo::new(input, spec, profile))
                .collect(),
            features: spec.features.iter().map(FeatureInfo::new).collect(),
            columns: pipeline.column_names(),
            example: golden.first().map(|row| &row.record),
            card: bundle.card(),
            provenance: JSON::parse(bundle.provenance()).unwrap_or(JsValue::NULL),
        }
    }
}

impl<'a> InputInfo<'a> {
    fn new(input: &'a Input, spec: &'a FittedSpec, profile: &Profile) -> Self {
        let range = input.range.as_ref();
        Self {
            name: &input.name,
            kind: input.kind,
            unit: input.unit.as_deref(),
            doc: input.doc.as_deref(),
            nullable: input.nullable,
            min: range.and_then(|range| range.min),
            max: range.and_then(|range| range.max),
            usual: usual(input, profile),
            zone: input.zone.as_deref(),
            vocabulary: vocabulary(&input.name, spec),
        }
    }
}

impl<'a> FeatureInfo<'a> {
    fn new(feature: &'a FittedFeature) -> Self {
        Self {
            name: &feature.name,
            from: &feature.from,
            op: op_name(&feature.op),
            hidden: feature.hidden,
            doc: feature.doc.as_deref(),
        }
    }
}

/// The outermost edges of the reference's ten bins of equal share.
fn usual(input: &Input, profile: &Profile) -> Option<(f64, f64)> {
    if !matches!(input.kind, InputType::Number | InputType::Integer) {
        return None;
    }
    let counted = profile
        .inputs
        .iter()
        .find(|counted| counted.name == input.name)?;
    let Counts::Numbers(bins) = &counted.counts else {
        return None;
    };
    let (low, high) = (*bins.edges.first()?, *bins.edges.last()?);
    (low < high).then_some((low, high))
}

/// The categories that features know of an input, directly or where only the missing ones were replaced before.
fn vocabulary<'a>(input: &'a str, spec: &'a FittedSpec) -> Vec<&'a str> {
    let mut carriers = vec![input];
    let mut known: Vec<&str> = Vec::new();
    for feature in &spec.features {
        if !feature
            .from
            .iter()
            .any(|from| carriers.contains(&from.as_str()))
        {
            continue;
        }
        match &feature.op {
            FittedOp::ImputeCategory { .. } => carriers.push(&feature.name),
            FittedOp::OneHot { vocabulary, .. } | FittedOp::Ordinal { vocabulary } => {
                known.extend(vocabulary.iter().map(String::as_str));
            }
            FittedOp::Lookup { table, .. } => {
                let keys = spec
                    .lookups
                    .iter()
                    .filter(|lookup| lookup.name == *table)
                    .flat_map(|lookup| &lookup.keys);
                known.extend(keys.map(String::as_str));
            }
            _ => {}
        }
    }
    known.sort_unstable();
    known.dedup();
    known
}

fn op_name(op: &FittedOp) -> &'static str {
    match op {
        FittedOp::Number => "number",
        FittedOp::PassthroughMissing => "passthrough_missing",
        FittedOp::Impute { .. } | FittedOp::ImputeCategory { .. } => "impute",
        FittedOp::Clip { .. } => "clip",
        FittedOp::Standardize { .. } => "standardize",
        FittedOp::MinMax { .. } => "min_max",
        FittedOp::Log1p => "log1p",
        FittedOp::Bucketize { .. } => "bucketize",
        FittedOp::OneHot { .. } => "one_hot",
        FittedOp::Ordinal { .. } => "ordinal",
        FittedOp::Hash { .. } => "hash",
        FittedOp::Cross { .. } => "cross",
        FittedOp::Difference => "difference",
        FittedOp::Ratio => "ratio",
        FittedOp::Product => "product",
        FittedOp::DatePart { .. } => "date_part",
        FittedOp::Cyclic { .. } => "cyclic",
        FittedOp::Lookup { .. } => "lookup",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{
        "inputs": [{"name": "tail", "type": "category", "nullable": true}, {"name": "dest", "type": "category"}],
        "lookups": [{"name": "planes", "keys": ["N1", "N2"], "columns": [{"name": "seats", "values": [1.0, 2.0]}]}],
        "features": [
            {"name": "filled", "from": ["tail"], "op": {"impute_category": {"value": "?"}}, "hidden": true},
            {"name": "code", "from": ["filled"], "op": {"ordinal": {"vocabulary": ["?", "N2", "N3"]}}},
            {"name": "seats", "from": ["tail"], "op": {"lookup": {"table": "planes", "column": "seats"}}}
        ]
    }"#;

    #[test]
    fn a_vocabulary_is_what_all_features_know() {
        let spec: FittedSpec = serde_json::from_str(SPEC).unwrap();
        assert_eq!(vocabulary("tail", &spec), ["?", "N1", "N2", "N3"]);
        assert!(vocabulary("dest", &spec).is_empty());
        let ops: Vec<_> = spec
            .features
            .iter()
            .map(|feature| FeatureInfo::new(feature).op)
            .collect();
        assert_eq!(ops, ["impute", "ordinal", "lookup"]);
    }

    #[test]
    fn usual_values_are_the_outermost_edges() {
        let profile = |edges: &str| -> Profile {
            let bins = format!(r#"{{"edges": {edges}, "counts": [1, 1, 1]}}"#);
            let input =
                format!(r#"{{"name": "x", "missing": 0, "counts": {{"numbers": {bins}}}}}"#);
            let text = format!(
                r#"{{"rows": 3, "failed": 0, "inputs": [{input}], "predictions": {bins}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let input = |name: &str, kind: &str| -> Input {
            serde_json::from_str(&format!(r#"{{"name": "{name}", "type": "{kind}"}}"#)).unwrap()
        };
        let two = profile("[1.0, 5.0]");
        assert_eq!(usual(&input("x", "number"), &two), Some((1.0, 5.0)));
        assert_eq!(usual(&input("x", "number"), &profile("[2.0]")), None);
        assert_eq!(usual(&input("x", "date"), &two), None);
        assert_eq!(usual(&input("y", "number"), &two), None);
    }
}

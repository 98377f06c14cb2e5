//! A bundle whose features matter and whose model does not.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use skewless_core::plan::{Accumulate, Aggregate, LeafPrecision, Model, Node, Tree, TreeModel};
use skewless_core::{
    BundleParts, FeatureSpec, Output, Pipeline, Predictor, Profile, Record, golden,
};
use skewless_table::{Wanted, read_columns, records};

/// Most golden rows, and the rows that they are chosen from.
const GOLDEN: usize = 32;
const CANDIDATES: usize = 2_000;

/// Fits the specification on the whole sample, and writes bundle and, beside it, the fitted specification.
pub(crate) fn write(spec: &Path, sample: &Path, out: &Path) -> Result<()> {
    let text = std::fs::read_to_string(spec)?;
    let spec: FeatureSpec = toml::from_str(&text)?;
    let wanted: Vec<Wanted> = spec.input.iter().map(Wanted::from).collect();
    let columns = read_columns(sample, None, &wanted)?;
    let features = spec.fit(&columns, Vec::new())?;
    let pipeline = Pipeline::new(&features)?;
    let model = Model::Trees(TreeModel {
        inputs: pipeline.width(),
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.0],
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees: vec![Tree {
            output: 0,
            nodes: vec![Node::Leaf { value: 0.0 }],
            covers: vec![1.0],
        }],
    });
    let output: Output =
        serde_json::from_value(json!({"name": "y", "task": "regression", "link": "identity"}))?;
    let predictor = Predictor::from_parts(&features, &model, output.clone())?;
    let inputs: Vec<_> = pipeline.inputs().cloned().collect();
    let candidates: Vec<Record> = records(&columns.slice(0..CANDIDATES), &inputs);
    let predictions = predictor.predict_columns(&columns)?;
    let fitted = serde_json::to_string_pretty(&features)?;
    let parts = BundleParts {
        name: "scale".to_owned(),
        version: "1.0.0".to_owned(),
        profile: Profile::reference(&features, &columns, &predictions)?,
        golden: golden::choose(&predictor, &candidates, GOLDEN)?,
        features,
        model: model.into(),
        output,
        card: "# scale 1.0.0\n".to_owned(),
        provenance: json!({}),
    };
    std::fs::write(out, parts.to_bytes()?).with_context(|| format!("{}", out.display()))?;
    std::fs::write(out.with_extension("json"), fitted + "\n")?;
    Ok(())
}

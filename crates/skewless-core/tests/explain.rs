//! Explanations through the public border: features by name, in a bundle with and without what they need.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use skewless_core::explanation::Method;
use skewless_core::plan::{
    Accumulate, Aggregate, LeafPrecision, LinearModel, Missing, Model, Node, Test, Tree, TreeModel,
};
use skewless_core::{
    Bundle, BundleParts, Column, Columns, Explanation, FeatureSpec, FittedSpec, Link, Output,
    Predictor, Profile, Record, Task, TextColumn, golden,
};

/// Columns: size, size_missing, kinds=flat, kinds=house, density.
const SPEC: &str = r#"
[[input]]
name = "people"
type = "number"
[[input]]
name = "size"
type = "number"
nullable = true
[[input]]
name = "kind"
type = "category"
[[feature]]
name = "filled"
op = "impute"
strategy = "constant"
value = 20
from = "size"
hidden = true
[[feature]]
name = "size_or_not"
op = "impute"
strategy = "constant"
value = 20
indicator = true
from = "size"
[[feature]]
name = "kinds"
op = "one_hot"
from = "kind"
[[feature]]
name = "density"
op = "product"
from = ["filled", "people"]
"#;

fn training() -> Columns {
    let mut columns = Columns::new(2);
    let numbers = |values: [f64; 2]| Column::Number(values.to_vec());
    columns.push("people", numbers([1.0, 4.0])).unwrap();
    columns.push("size", numbers([10.0, f64::NAN])).unwrap();
    let kinds = TextColumn::from_values([Some("flat"), Some("house")]);
    columns.push("kind", Column::Text(kinds)).unwrap();
    columns
}

fn spec() -> FittedSpec {
    let spec: FeatureSpec = toml::from_str(SPEC).unwrap();
    spec.fit(&training(), Vec::new()).unwrap()
}

fn split(input: usize, threshold: f64, [left, right]: [usize; 2]) -> Node {
    Node::Split {
        input,
        test: Test::AtMost(threshold),
        missing: Missing::Left,
        left,
        right,
    }
}

/// Two outputs; the first has a tree on both one-hot columns and on the density, the second one on the size.
fn trees() -> TreeModel {
    let leaf = |value| Node::Leaf { value };
    TreeModel {
        inputs: 5,
        outputs: 2,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.5, 0.0],
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees: vec![
            Tree {
                output: 0,
                nodes: vec![
                    split(2, 0.5, [1, 2]),
                    split(3, 0.5, [3, 4]),
                    split(4, 50.0, [5, 6]),
                    leaf(1.0),
                    leaf(2.0),
                    leaf(4.0),
                    leaf(8.0),
                ],
                covers: vec![8.0, 4.0, 4.0, 1.0, 3.0, 2.0, 2.0],
            },
            Tree {
                output: 1,
                nodes: vec![split(0, 15.0, [1, 2]), leaf(-1.0), leaf(1.0)],
                covers: vec![8.0, 6.0, 2.0],
            },
        ],
    }
}

fn linear() -> LinearModel {
    LinearModel {
        inputs: 5,
        outputs: 2,
        weights: vec![1.0, 2.0, 3.0, 4.0, 0.5, 0.0, 0.0, -1.0, 1.0, 0.25],
        intercept: vec![10.0, -10.0],
        accumulate: Accumulate::F64,
    }
}

fn output() -> Output {
    Output {
        name: "pair".into(),
        task: Task::Vector,
        link: Link::Identity,
        length: Some(2),
        ..Output::default()
    }
}

fn record() -> Record {
    Record::from_json(r#"{"people": 3, "size": 30, "kind": "flat"}"#).unwrap()
}

fn bundle(model: Model) -> Vec<u8> {
    let predictor = Predictor::from_parts(&spec(), &model, output()).unwrap();
    let predictions = predictor.predict_columns(&training()).unwrap();
    let parts = BundleParts {
        name: "pair".into(),
        version: "1.0.0".into(),
        profile: Profile::reference(&spec(), &training(), &predictions).unwrap(),
        golden: golden::choose(&predictor, &[record()], 1).unwrap(),
        features: spec(),
        model: model.into(),
        output: output(),
        card: "# Pair\n".into(),
        provenance: serde_json::json!({}),
    };
    parts.to_bytes().unwrap()
}

fn explain(model: Model) -> Explanation {
    let bundle = Bundle::from_bytes(&bundle(model)).unwrap();
    Predictor::new(&bundle).unwrap().explain(&record()).unwrap()
}

/// Name, inputs and contributions of each feature.
type Told<'a> = Vec<(&'a str, Vec<&'a str>, &'a [f64])>;

fn told(explanation: &Explanation) -> Told<'_> {
    let features = explanation.features.iter().map(|feature| {
        let inputs = feature.inputs.iter().map(String::as_str).collect();
        let contributions = feature.contributions.as_slice();
        (feature.feature.as_str(), inputs, contributions)
    });
    features.collect()
}

#[test]
fn linear_models_are_explained_exactly() {
    let found = explain(Model::Linear(linear()));
    assert_eq!(
        (found.method, &*found.base),
        (Method::Linear, &[10.0, -10.0][..])
    );
    assert_eq!(
        told(&found),
        [
            ("size_or_not", vec!["size"], &[30.0, 0.0][..]),
            ("kinds", vec!["kind"], &[3.0, -1.0]),
            ("density", vec!["people", "size"], &[45.0, 22.5]),
        ]
    );
    assert_eq!(found.raw, [88.0, 11.5]);
}

#[test]
fn the_columns_of_a_feature_are_one_contribution() {
    let found = explain(Model::Trees(trees()));
    assert_eq!(found.method, Method::TreeShap);
    // A share of ½ is off by half a step, 2⁻¹⁷; so is ¾.
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-4;
    // Half go each way; on the left 1 of 4 to the leaf 1, and so on.
    assert!(near(found.base[0], 0.5 + (1.75 + 6.0) / 2.0), "{found:?}");
    assert!(near(found.base[1], -0.5), "{found:?}");
    let [size, kinds, density] = &found.features[..] else {
        panic!("{found:?}");
    };
    assert_eq!(size.contributions[0], 0.0);
    assert!(near(size.contributions[1], 1.5));
    assert_eq!(
        (kinds.contributions[1], density.contributions[1]),
        (0.0, 0.0)
    );
    // Knowing the density adds 1 while the kind is unknown, 2 when it is known: as often before as after.
    assert!(
        near(density.contributions[0], (2.0 + 1.0) / 2.0),
        "{found:?}"
    );
    for output in 0..2 {
        let added = found
            .features
            .iter()
            .map(|feature| feature.contributions[output]);
        let sum = added.fold(found.base[output], |sum, added| sum + added);
        assert!((sum - found.raw[output]).abs() < 1e-12);
    }
}

#[test]
fn an_explanation_is_json_for_every_door() {
    let json = serde_json::to_value(explain(Model::Linear(linear()))).unwrap();
    let expected = serde_json::json!({
        "method": "linear",
        "raw": [88.0, 11.5],
        "base": [10.0, -10.0],
        "features": [
            {"feature": "size_or_not", "inputs": ["size"], "contributions": [30.0, 0.0]},
            {"feature": "kinds", "inputs": ["kind"], "contributions": [3.0, -1.0]},
            {"feature": "density", "inputs": ["people", "size"], "contributions": [45.0, 22.5]},
        ],
    });
    assert_eq!(json, expected);
}

/// An output of three is a value with quantiles beside it.
#[test]
fn quantiles_are_not_explained() {
    let mut model = trees();
    let [output, output_of_two] = [
        r#"{"name": "y", "task": "regression", "link": "identity", "conformal": {"method": "cqr", "confidence": 0.9, "quantile": 1}}"#,
        r#"{"name": "y", "task": "vector", "link": "identity", "length": 2}"#,
    ]
    .map(|text| serde_json::from_str::<Output>(text).unwrap());
    let explained = |model: &TreeModel, output| {
        let model = Model::Trees(model.clone());
        let predictor = Predictor::from_parts(&spec(), &model, output).unwrap();
        predictor.explain(&record()).unwrap()
    };
    let whole = explained(&model, output_of_two);
    model.outputs = 3;
    model.base.push(7.0);
    model.trees.push(Tree {
        output: 2,
        ..model.trees[0].clone()
    });
    let found = explained(&model, output);
    assert_eq!(
        (found.raw, found.base),
        (whole.raw[..1].to_vec(), whole.base[..1].to_vec())
    );
    for (found, whole) in found.features.iter().zip(&whole.features) {
        assert_eq!(found.contributions, whole.contributions[..1]);
    }
}

#[test]
fn without_training_rows_trees_are_not_explained() {
    let mut model = trees();
    for tree in &mut model.trees {
        tree.covers.clear();
    }
    let bundle = Bundle::from_bytes(&bundle(Model::Trees(model))).unwrap();
    assert_eq!(bundle.explain(), None);
    let predictor = Predictor::new(&bundle).unwrap();
    let error = predictor.explain(&record()).unwrap_err();
    assert_eq!(error.code(), "unsupported.explain");
    predictor.predict(&record()).unwrap();
}

#[test]
fn a_faulty_record_is_refused_as_by_predict() {
    let predictor = Predictor::from_parts(&spec(), &Model::Trees(trees()), output()).unwrap();
    let mut bad = record();
    bad.set("kind", serde_json::from_str("7").unwrap());
    let told = |error: skewless_core::Error| (error.code(), error.message().to_owned());
    let (explained, predicted) = (predictor.explain(&bad), predictor.predict(&bad));
    assert_eq!(told(explained.unwrap_err()), told(predicted.unwrap_err()));
}

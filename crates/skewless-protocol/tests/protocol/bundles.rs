//! Three small bundles, one a task, with every kind of input between them.

use serde_json::json;
use skewless_core::bundle::{Bundle, BundleParts};
use skewless_core::plan::{
    Accumulate, Aggregate, LinearModel, Missing, Model, Node, Test, Tree, TreeModel,
};
use skewless_core::profile::Profile;
use skewless_core::{Columns, FeatureSpec, Link, Output, Predictor, Record, Task, golden};
use skewless_protocol::Service;

/// A record that the binary bundle answers.
pub(crate) const DELAYED: &str = r#"{"wind":30.5,"carrier":"UA","stops":1,"holiday":true,"departure":"2013-11-01T18:30","day":"2013-11-01"}"#;

/// Binary: trees over a number, a category, an integer, a boolean, a timestamp and a date.
pub(crate) fn binary() -> Service {
    let spec = json!({
        "input": [
            {"name": "wind", "type": "number", "nullable": true, "range": {"min": 0}},
            {"name": "carrier", "type": "category"},
            {"name": "stops", "type": "integer", "nullable": true},
            {"name": "holiday", "type": "boolean", "nullable": true},
            {"name": "departure", "type": "timestamp", "zone": "local"},
            {"name": "day", "type": "date", "nullable": true},
            {"name": "delay", "type": "number", "role": "label", "nullable": true},
        ],
        "feature": [
            {"name": "wind_value", "op": "passthrough_missing", "from": "wind"},
            {"name": "carrier_value", "op": "ordinal", "from": "carrier", "vocabulary": ["AA", "UA"]},
            {"name": "stops_value", "op": "passthrough_missing", "from": "stops"},
            {"name": "holiday_value", "op": "passthrough_missing", "from": "holiday"},
            {"name": "hour", "op": "date_part", "from": "departure", "part": "hour"},
            {"name": "weekday", "op": "date_part", "from": "day", "part": "day_of_week"},
        ],
    });
    let trees = [(0, 20.0), (1, 0.5), (2, 0.5), (3, 0.5), (4, 12.0), (5, 4.5)];
    let trees = trees
        .into_iter()
        .enumerate()
        .map(|(place, (input, threshold))| {
            let step = 0.1 + place as f64 / 7.0;
            stump(input, threshold, -step, step)
        });
    let model = Model::Trees(TreeModel {
        inputs: 6,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![-0.3],
        aggregate: Aggregate::Sum,
        leaves: skewless_core::plan::LeafPrecision::Exact,
        trees: trees.collect(),
    });
    let output = output(
        "late",
        Task::Binary,
        Link::Logistic { scale: 1.0 },
        &["on_time", "late"],
    );
    service(
        "delays",
        spec,
        &model,
        output,
        &[
            DELAYED,
            r#"{"carrier":"AA","departure":"2013-11-02T06:00"}"#,
        ],
    )
}

/// Regression: 2 · size + 1.
pub(crate) fn regression() -> Service {
    let spec = json!({
        "unknown_fields": "reject",
        "input": [{"name": "size", "type": "number"}],
        "feature": [{"name": "size_value", "op": "number", "from": "size"}],
    });
    let output = Output {
        unit: Some("m2".into()),
        ..output("area", Task::Regression, Link::Identity, &[])
    };
    service(
        "areas",
        spec,
        &linear(1, vec![2.0], vec![1.0]),
        output,
        &[r#"{"size":3}"#, r#"{"size":0.1}"#],
    )
}

/// Regression that promises an interval, by a group of which one has too few rows.
pub(crate) fn promising_regression() -> Service {
    let spec = json!({
        "input": [{"name": "size", "type": "number"}, {"name": "place", "type": "category", "nullable": true}],
        "feature": [
            {"name": "size_value", "op": "number", "from": "size"},
            {"name": "place_value", "op": "ordinal", "from": "place", "vocabulary": ["a", "b"]},
        ],
    });
    let conformal = json!({
        "method": "split", "confidence": 0.9, "quantile": 0.5, "by": "place",
        "groups": [{"value": "a", "quantile": 0.25}, {"value": "b", "quantile": null}],
    });
    let output = Output {
        conformal: Some(serde_json::from_value(conformal).unwrap()),
        ..output("area", Task::Regression, Link::Identity, &[])
    };
    let trees = vec![stump(0, 1.5, 3.0, 7.0)];
    let model = Model::Trees(TreeModel {
        inputs: 2,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.0],
        aggregate: Aggregate::Sum,
        leaves: skewless_core::plan::LeafPrecision::Exact,
        trees,
    });
    service(
        "areas",
        spec,
        &model,
        output,
        &[r#"{"size":3,"place":"a"}"#],
    )
}

/// Regression whose interval is made from quantiles: 2 · size with 1 · size below and 4 · size above.
pub(crate) fn quantiles() -> Service {
    let spec = json!({
        "input": [{"name": "size", "type": "number"}],
        "feature": [{"name": "size_value", "op": "number", "from": "size"}],
    });
    let conformal = json!({"method": "cqr", "confidence": 0.9, "quantile": -0.5});
    let output = Output {
        conformal: Some(serde_json::from_value(conformal).unwrap()),
        ..output("area", Task::Regression, Link::Identity, &[])
    };
    let model = linear(1, vec![2.0, 1.0, 4.0], vec![0.0; 3]);
    service("areas", spec, &model, output, &[r#"{"size":3}"#])
}

/// Three classes with least ambiguous sets.
pub(crate) fn promising_multiclass() -> Service {
    let plain = multiclass();
    let conformal = json!({"method": "lac", "confidence": 0.9, "quantile": 0.75});
    let output = Output {
        conformal: Some(serde_json::from_value(conformal).unwrap()),
        ..plain.predictor().output().clone()
    };
    three_classes(output)
}

/// Three classes over two numbers, linear.
pub(crate) fn multiclass() -> Service {
    three_classes(output(
        "side",
        Task::Multiclass,
        Link::Softmax,
        &["east", "north", "none"],
    ))
}

fn three_classes(output: Output) -> Service {
    let spec = json!({
        "input": [{"name": "x", "type": "number"}, {"name": "y", "type": "number"}],
        "feature": [{"name": "x_value", "op": "number", "from": "x"}, {"name": "y_value", "op": "number", "from": "y"}],
    });
    let model = linear(2, vec![1.0, 0.0, 0.0, 1.0, -1.0, -1.0], vec![0.0, 0.0, 0.5]);
    service(
        "sides",
        spec,
        &model,
        output,
        &[r#"{"x":1,"y":0}"#, r#"{"x":0,"y":1}"#, r#"{"x":-1,"y":-1}"#],
    )
}

fn output(name: &str, task: Task, link: Link, labels: &[&str]) -> Output {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    Output {
        name: name.to_owned(),
        task,
        link,
        labels,
        ..Output::default()
    }
}

fn stump(input: usize, threshold: f64, left: f64, right: f64) -> Tree {
    let split = Node::Split {
        input,
        test: Test::AtMost(threshold),
        missing: Missing::Left,
        left: 1,
        right: 2,
    };
    Tree {
        output: 0,
        nodes: vec![
            split,
            Node::Leaf { value: left },
            Node::Leaf { value: right },
        ],
        covers: vec![],
    }
}

fn linear(inputs: usize, weights: Vec<f64>, intercept: Vec<f64>) -> Model {
    let outputs = intercept.len();
    Model::Linear(LinearModel {
        inputs,
        outputs,
        weights,
        intercept,
        accumulate: Accumulate::F64,
    })
}

fn service(
    name: &str,
    spec: serde_json::Value,
    model: &Model,
    output: Output,
    records: &[&str],
) -> Service {
    let spec: FeatureSpec = serde_json::from_value(spec).unwrap();
    let features = spec.fit(&Columns::new(0), Vec::new()).unwrap();
    let predictor = Predictor::from_parts(&features, model, output.clone()).unwrap();
    let records: Vec<Record> = records
        .iter()
        .map(|text| Record::from_json(text).unwrap())
        .collect();
    let parts = BundleParts {
        name: name.to_owned(),
        version: "1.2.0".to_owned(),
        features,
        model: model.clone().into(),
        output,
        profile: Profile::default(),
        golden: golden::choose(&predictor, &records, records.len()).unwrap(),
        card: format!("# {name}\n"),
        provenance: json!({}),
    };
    Service::new(&Bundle::from_bytes(&parts.to_bytes().unwrap()).unwrap()).unwrap()
}

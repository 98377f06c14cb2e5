//! Pipelines with their heads answer like ONNX Runtime, from the raw record on.
//!
//! The specification works in f64 where ONNX Runtime works in f32, so linear models are compared within a bound. Trees
//! round the specification's columns to f32 and ask only for their order: their raw scores are equal to the last bit
//! in all of these rows, and would differ only where a scaled value lies within its rounding of a threshold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use skewless_compile::{Compiled, Source, compile};
use skewless_core::{Predictor, Record};

/// |ours − theirs| ≤ bound × (1 + |theirs|), for raw scores and for values.
const CASES: &[(&str, f64, f64)] = &[
    ("pipeline_columns", 2e-6, 1e-6),
    ("pipeline_ordinal", 0.0, 5e-7),
    ("pipeline_dropped", 0.0, 0.0),
    ("pipeline_scalers", 2e-6, 1e-6),
    ("pipeline_scaled_encoding", 2e-6, 2e-6),
    ("pipeline_forest", 0.0, 0.0),
    ("pipeline_matrix", 0.0, 0.0),
    ("pipeline_normalizer", 0.0, 5e-7),
    ("pipeline_normalizer_l1", 2e-6, 2e-6),
    ("pipeline_poisson", 2e-6, 4e-6),
];

#[derive(Deserialize)]
struct Reference {
    record: Map<String, Json>,
    raw: Vec<f64>,
    values: Vec<f64>,
}

#[test]
fn records_get_the_answers_of_onnx_runtime() {
    let mut failures = Vec::new();
    for &(name, raw, values) in CASES {
        let references = references(name);
        assert_eq!(references.len(), 40, "{name}");
        let predictor = predictor(&read(name));
        for (index, reference) in references.into_iter().enumerate() {
            let found = predictor.predict(&record(&reference.record)).unwrap();
            if !near(&found.raw, &reference.raw, raw)
                || !near(&found.values, &reference.values, values)
            {
                failures.push(format!(
                    "{name} row {index}: {found:?}, theirs {:?} {:?}",
                    reference.raw, reference.values
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_pipeline_is_a_case() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = file
            .strip_suffix(".onnx")
            .filter(|name| name.starts_with("pipeline_"))
        {
            assert!(CASES.iter().any(|case| case.0 == name), "{name} is no case");
        }
    }
}

#[test]
fn the_record_has_the_pipelines_own_inputs() {
    let head = read("pipeline_columns").head.unwrap();
    let inputs: Vec<(&str, &str, bool)> = head
        .inputs
        .iter()
        .map(|input| (input.name.as_str(), input.kind.name(), input.nullable))
        .collect();
    let due = [
        ("age", "number", true),
        ("fare", "number", true),
        ("sex", "category", false),
        ("port", "category", false),
        ("deck", "integer", false),
    ];
    assert_eq!(inputs, due);
    let visible: Vec<&str> = head
        .features
        .iter()
        .filter(|feature| !feature.hidden)
        .map(|feature| feature.name.as_str())
        .collect();
    assert_eq!(visible.len(), 5, "{visible:?}");
}

#[test]
fn a_field_of_another_type_is_refused() {
    let predictor = predictor(&read("pipeline_columns"));
    let mut fields = references("pipeline_columns").swap_remove(0).record;
    for (field, value, code) in [
        ("sex", json!(null), "input.missing_field"),
        ("deck", json!(1.5), "input.not_integer"),
        ("age", json!("40"), "input.wrong_type"),
    ] {
        let before = fields.insert(field.to_owned(), value).unwrap();
        let error = predictor.predict(&record(&fields)).unwrap_err();
        assert_eq!(error.code(), code, "{field}: {error}");
        fields.insert(field.to_owned(), before);
    }
}

fn near(ours: &[f64], theirs: &[f64], bound: f64) -> bool {
    let within =
        |(ours, theirs): (&f64, &f64)| (ours - theirs).abs() <= bound * (1.0 + theirs.abs());
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(within)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references")
}

fn read(name: &str) -> Compiled {
    let bytes = std::fs::read(folder().join(format!("{name}.onnx"))).unwrap();
    compile(&bytes, Source::Onnx).unwrap()
}

fn references(name: &str) -> Vec<Reference> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.rows.jsonl"))).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn predictor(compiled: &Compiled) -> Predictor {
    let head = compiled.head.as_ref().unwrap();
    Predictor::from_parts(head, &compiled.model, compiled.output.clone()).unwrap()
}

fn record(fields: &Map<String, Json>) -> Record {
    serde_json::from_value(Json::Object(fields.clone())).unwrap()
}

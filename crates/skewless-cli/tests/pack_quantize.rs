//! `skewless pack --quantize`: float networks become int8 bundles, and a drop over the bound writes none.
#![cfg(feature = "pack")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::path::{Path, PathBuf};

use fixture::{Fixture, Run};
use serde_json::{Value as Json, json};

fn network(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/references/networks")
        .join(name)
}

/// The reference's rows as records of one tensor, and the float network's outputs.
fn rows(name: &str) -> Vec<(Json, Vec<f64>)> {
    let text = std::fs::read_to_string(network(&format!("{name}.json"))).unwrap();
    let case: Json = serde_json::from_str(&text).unwrap();
    let (rows, due) = (
        case["rows"].as_array().unwrap(),
        case["due"].as_array().unwrap(),
    );
    let numbers = |due: &Json| {
        due.as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    rows.iter().cloned().zip(due.iter().map(numbers)).collect()
}

fn lines(records: impl Iterator<Item = Json>) -> String {
    records.map(|record| format!("{record}\n")).collect()
}

fn top(scores: &[f64]) -> usize {
    (0..scores.len())
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
        .unwrap()
}

fn pack(fixture: &Fixture, model: &str, more: &[&str]) -> Run {
    let model = network(&format!("{model}.onnx"));
    let mut arguments = vec!["pack", "--model", model.to_str().unwrap(), "--quantize"];
    arguments.extend([
        "--calibration",
        "rows.jsonl",
        "--name",
        "small",
        "--version",
        "0.1.0",
        "-o",
        "q.skw",
    ]);
    arguments.extend(more);
    fixture.run(&arguments)
}

#[test]
fn a_classifier_is_quantised_and_measured() {
    let fixture = Fixture::new();
    let rows = rows("float_residual");
    fixture.write(
        "rows.jsonl",
        lines(rows.iter().map(|(row, _)| json!({"x": row}))),
    );
    let labelled = rows
        .iter()
        .map(|(row, due)| json!({"x": row, "class": top(due)}));
    fixture.write("labelled.jsonl", lines(labelled));
    let measured = ["--labelled", "labelled.jsonl", "--label-column", "class"];

    let run = pack(
        &fixture,
        "float_residual",
        &[&measured[..], &["--max-drop", "0.2"]].concat(),
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("accuracy on 12 labelled rows: 1.000000 before"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("plan (int8 network), quantised here"),
        "{}",
        run.stdout
    );
    assert_eq!(fixture.run(&["verify", "q.skw"]).status, 0);
    let answers = fixture.run(&["predict", "q.skw", "rows.jsonl"]).lines();
    let right = answers
        .iter()
        .zip(&rows)
        .filter(|(answer, (_, due))| answer["label"] == json!(top(due).to_string()));
    assert!(right.count() >= 10);

    std::fs::remove_file(fixture.path("q.skw")).unwrap();
    let run = pack(
        &fixture,
        "float_residual",
        &[&measured[..], &["--max-drop=-1"]].concat(),
    );
    assert_eq!(run.status, 4, "{}", run.stderr);
    assert!(run.stderr.contains("quantize.drop"), "{}", run.stderr);
    assert!(!fixture.path("q.skw").exists());
}

#[test]
fn numbers_need_labels_to_be_measured_and_rows_to_be_quantised() {
    let fixture = Fixture::new();
    let rows = rows("float_dense");
    fixture.write(
        "rows.jsonl",
        lines(rows.iter().map(|(row, _)| json!({"x": row}))),
    );
    let labelled = rows
        .iter()
        .map(|(row, due)| json!({"x": row, "class": format!("c{}", top(due))}));
    fixture.write("labelled.jsonl", lines(labelled));
    let measured = ["--labelled", "labelled.jsonl", "--label-column", "class"];

    let run = pack(&fixture, "float_dense", &measured);
    assert_eq!(run.status, 4, "{}", run.stderr);
    assert!(run.stderr.contains("quantize.labels"), "{}", run.stderr);

    let classes = [
        "--labels",
        "c0,c1,c2,c3,c4",
        "--max-drop",
        "0.2",
        "--range",
        "least-error",
    ];
    let run = pack(&fixture, "float_dense", &[&measured[..], &classes].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);

    let model = network("float_dense.onnx");
    let model = model.to_str().unwrap();
    let arguments = [
        "pack",
        "--model",
        model,
        "--quantize",
        "--name",
        "n",
        "--version",
        "0.1.0",
        "-o",
        "n.skw",
    ];
    let run = fixture.run(&arguments);
    assert_eq!(run.status, 4, "{}", run.stderr);
    assert!(run.stderr.contains("quantize.rows"), "{}", run.stderr);
}

//! `skewless pack`: graphs that the plan cannot hold become bundles that the general engine answers.
#![cfg(all(feature = "pack", feature = "tract"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::path::{Path, PathBuf};

use fixture::{Fixture, Run};
use serde_json::{Value as Json, json};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/references/tract")
        .join(name)
}

fn pack(fixture: &Fixture, model: &str, more: &[&str]) -> Run {
    let model = reference(model).display().to_string();
    let mut arguments = vec!["pack", "--model", &model, "--name", "graph"];
    arguments.extend(["--version", "1.0.0", "-o", "graph.skw"]);
    arguments.extend(more);
    fixture.run(&arguments)
}

/// The reference's rows as records of the inputs, which have these many numbers, and its raw scores.
fn records(rows: &str, inputs: &[(&str, usize)]) -> (String, Vec<Vec<f64>>) {
    let numbers = |cells: &Json| -> Vec<f64> {
        let cells = cells.as_array().unwrap();
        cells.iter().map(|cell| cell.as_f64().unwrap()).collect()
    };
    let text = std::fs::read_to_string(reference(rows)).unwrap();
    let mut records = String::new();
    let mut scores = Vec::new();
    for line in text.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let row = numbers(&line["row"]);
        let mut rest = row.as_slice();
        let mut record = serde_json::Map::new();
        for &(name, width) in inputs {
            let (values, after) = rest.split_at(width);
            record.insert(name.to_owned(), json!(values));
            rest = after;
        }
        records.push_str(&format!("{}\n", Json::Object(record)));
        scores.push(numbers(&line["raw"]));
    }
    (records, scores)
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-4 * expected.abs().max(1.0)
}

#[test]
fn a_packed_graph_answers_like_onnx_runtime() {
    let fixture = Fixture::new();
    let run = pack(&fixture, "two_inputs.onnx", &["--fix", "scale=3"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("engine  tract, because the plan cannot hold the model: unsupported."),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("source  the same on 64 rows"),
        "{}",
        run.stdout
    );
    let verified = fixture.run(&["verify", "graph.skw"]);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    assert!(
        verified.stdout.contains("predictions to 1e-4 of"),
        "{}",
        verified.stdout
    );
    let (rows, scores) = records("two_inputs.rows.jsonl", &[("tokens", 6), ("numbers", 3)]);
    fixture.write("rows.jsonl", rows);
    let answers = fixture.run(&["predict", "graph.skw", "rows.jsonl"]);
    assert_eq!(answers.status, 0, "{}", answers.stderr);
    assert_eq!(answers.lines().len(), scores.len());
    for (answer, scores) in answers.lines().iter().zip(&scores) {
        let found = answer["values"].as_array().unwrap();
        assert_eq!(found.len(), scores.len());
        for (found, expected) in found.iter().zip(scores) {
            assert!(
                near(found.as_f64().unwrap(), *expected),
                "{found} and {expected}"
            );
        }
    }
    let report = fixture.run(&["inspect", "graph.skw", "--json"]).stdout;
    let report: Json = serde_json::from_str(&report).unwrap();
    assert_eq!(report["engine"], "tract");
}

#[test]
fn a_token_outside_the_table_fails_its_row_alone() {
    let fixture = Fixture::new();
    pack(&fixture, "two_inputs.onnx", &["--fix", "scale=3"]);
    let (rows, _) = records("two_inputs.rows.jsonl", &[("tokens", 6), ("numbers", 3)]);
    let good = rows.lines().next().unwrap();
    let mut bad: Json = serde_json::from_str(good).unwrap();
    bad["tokens"][3] = json!(20);
    let run = fixture.run_with_input(
        &["predict", "graph.skw"],
        format!("{bad}\n{good}\n").as_bytes(),
    );
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert_eq!(run.lines()[0]["error"]["code"], "input.out_of_domain");
    assert!(run.lines()[1]["values"].is_array());
}

#[test]
fn labels_and_link_make_a_classifier() {
    let fixture = Fixture::new();
    let (rows, scores) = records("attention.rows.jsonl", &[("x", 48)]);
    fixture.write("rows.jsonl", rows);
    let run = pack(
        &fixture,
        "attention.onnx",
        &[
            "--labels",
            "a,b,c",
            "--link",
            "softmax",
            "--calibration",
            "rows.jsonl",
        ],
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.contains("the same on 12 rows"), "{}", run.stdout);
    let answers = fixture.run(&["predict", "graph.skw", "rows.jsonl"]);
    for (answer, scores) in answers.lines().iter().zip(&scores) {
        let best = (0..3)
            .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
            .unwrap();
        assert_eq!(answer["label"], ["a", "b", "c"][best]);
        let sum: f64 = ["a", "b", "c"]
            .iter()
            .map(|label| answer["probabilities"][label].as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
}

#[test]
fn the_same_file_gives_the_same_bundle() {
    let fixture = Fixture::new();
    let mut bundles = Vec::new();
    for _ in 0..2 {
        assert_eq!(pack(&fixture, "lstm.onnx", &[]).status, 0);
        bundles.push(std::fs::read(fixture.path("graph.skw")).unwrap());
    }
    assert!(bundles[0] == bundles[1]);
}

#[test]
fn what_cannot_be_wired_is_refused_by_name() {
    let fixture = Fixture::new();
    for (model, more, told) in [
        (
            "gru.onnx",
            &[][..],
            "pack.wiring: input `x` leaves the size `length` of axis 1 open",
        ),
        (
            "gru.onnx",
            &["--size", "length"],
            "pack.wiring: --size takes NAME=NUMBER",
        ),
        (
            "gru.onnx",
            &["--size", "length=7", "--engine", "plan"],
            "unsupported.onnx_input",
        ),
        (
            "lstm.onnx",
            &["--scores", "y"],
            "pack.wiring: the graph has no output `y`",
        ),
        (
            "lstm.onnx",
            &["--labels", "a,b,c"],
            "pack.labels: --labels names 3 labels, and the model gives 13",
        ),
        (
            "lstm.onnx",
            &["--link", "softmax"],
            "pack.link: the link softmax is not for this model",
        ),
        (
            "../lightgbm_binary.txt",
            &["--engine", "tract"],
            "unsupported.engine: tract runs ONNX graphs",
        ),
    ] {
        let run = pack(&fixture, model, more);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (4, ""),
            "{more:?}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(told), "{more:?}: {}", run.stderr);
        assert!(!fixture.path("graph.skw").exists());
    }
}

//! `skewless pack`: each int8 network of the references becomes a bundle, compared with its graph where it has one.
#![cfg(all(feature = "pack", feature = "tract"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::path::PathBuf;

use fixture::Fixture;

/// The networks whose graph tract runs, those of ONNX Runtime's own quantised operators among them.
const COMPARED: [&str; 23] = [
    "activations.onnx",
    "activations_operators.onnx",
    "branches.onnx",
    "branches_operators.onnx",
    "computed_shape.onnx",
    "convolutions_1d.onnx",
    "convolutions_2d.onnx",
    "convolutions_2d_operators.onnx",
    "dense.onnx",
    "dense_operators.onnx",
    "dense_unsigned.onnx",
    "dense_unsigned_weights.onnx",
    "depthwise_and_grouped.onnx",
    "depthwise_operators.onnx",
    "embedding.onnx",
    "flights_network.onnx",
    "integer_products.onnx",
    "integers_in_and_out.onnx",
    "means.onnx",
    "means_in_turn.onnx",
    "residual.onnx",
    "residual_operators.onnx",
    "self_gated.onnx",
];

/// The networks that nothing here runs but the plan.
const NOT_COMPARED: [&str; 4] = [
    "lite_functions.tflite",
    "lite_positions.tflite",
    "lite_residual.tflite",
    "lite_windows.tflite",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references/networks")
}

/// What `pack` says of the source, without any rows but made-up ones.
fn source(fixture: &Fixture, file: &str) -> Result<String, String> {
    let model = folder().join(file).display().to_string();
    let arguments = ["pack", "--model", &model, "--name", "network"];
    let run = fixture.run(&[&arguments[..], &["--version", "1.0.0", "-o", "network.skw"]].concat());
    if run.status != 0 {
        return Err(format!("{file}: {}", run.stderr));
    }
    let line = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("  source  "));
    Ok(line.unwrap_or_default().to_owned())
}

#[test]
fn every_network_is_packed_and_compared_where_its_graph_runs() {
    let fixture = Fixture::new();
    let mut failures = Vec::new();
    let compared = COMPARED.map(|file| (file, "the same on 64 rows: "));
    let not = "not compared: tract runs ONNX graphs, and the file is a TensorFlow Lite model";
    for (file, due) in compared
        .into_iter()
        .chain(NOT_COMPARED.map(|file| (file, not)))
    {
        match source(&fixture, file) {
            Ok(said) if said.starts_with(due) => {}
            Ok(said) => failures.push(format!("{file}: {said}")),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn equal_scores_are_counted_only_where_they_are_steps() {
    let fixture = Fixture::new();
    let dense = source(&fixture, "dense.onnx").unwrap();
    assert!(
        dense.contains(" of 320 scores equal, the greatest"),
        "{dense}"
    );
    // Its last sigmoid is the bundle's link, whose values differ from the graph's in their last digits.
    let gated = source(&fixture, "self_gated.onnx").unwrap();
    let digits = "the same on 64 rows: the greatest difference ";
    assert!(gated.starts_with(digits), "{gated}");
}

#[test]
fn every_committed_network_is_listed() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_network = name.ends_with(".tflite") || name.ends_with(".onnx");
        let listed = COMPARED.contains(&name.as_str()) || NOT_COMPARED.contains(&name.as_str());
        assert!(
            listed || !is_network || name.starts_with("float_"),
            "{name} is not listed"
        );
    }
}

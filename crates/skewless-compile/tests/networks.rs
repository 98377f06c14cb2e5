//! Small int8 networks answer like ONNX Runtime without optimisations and like TensorFlow Lite's reference kernels.
//!
//! `tests/references/networks/make.py` writes the files and the libraries' answers, `tests/parity/make.py` the network
//! of `cargo xtask parity`; each failing case is printed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::print_stderr,
    reason = "how far the answers agree is worth a line"
)]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skewless_compile::{Compiled, Source, compile};
use skewless_core::output::Link;
use skewless_core::plan::{EngineScratch, Model, decode};

/// Networks in ONNX, from quantisers of ONNX Runtime and by hand.
const ONNX: [&str; 23] = [
    "activations",
    "activations_operators",
    "branches",
    "branches_operators",
    "computed_shape",
    "convolutions_1d",
    "convolutions_2d",
    "convolutions_2d_operators",
    "dense",
    "dense_operators",
    "dense_unsigned",
    "dense_unsigned_weights",
    "depthwise_and_grouped",
    "depthwise_operators",
    "embedding",
    "flights_network",
    "integer_products",
    "integers_in_and_out",
    "means",
    "means_in_turn",
    "residual",
    "residual_operators",
    "self_gated",
];

const TFLITE: [&str; 4] = [
    "lite_functions",
    "lite_positions",
    "lite_residual",
    "lite_windows",
];

#[derive(Deserialize)]
struct Case {
    /// What a step of the output is worth; 0 where a link computes the output.
    step: f64,
    rows: Vec<Vec<f64>>,
    due: Vec<Vec<f64>>,
}

/// To the step: sums of these sizes round alike in f32 and as integers, and means are added in ONNX Runtime's order.
#[test]
fn onnx_networks_answer_like_a_float_run() {
    let mut failures = Vec::new();
    for name in ONNX {
        match differences(name, "onnx") {
            Ok(found) => failures.extend(differing(name, &found)),
            Err(failure) => failures.push(format!("{name}: {failure}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The network whose predictions every target repeats, on its 200 rows.
#[test]
fn the_parity_network_answers_like_a_float_run() {
    #[derive(Deserialize)]
    struct Row {
        row: Vec<f64>,
        values: Vec<f64>,
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity");
    let lines = std::fs::read_to_string(folder.join("network.rows.jsonl")).unwrap();
    let read = |line: &str| serde_json::from_str::<Row>(line).unwrap();
    let (mut rows, mut due) = (Vec::new(), Vec::new());
    for Row { row, values } in lines.lines().map(read) {
        rows.push(row);
        due.extend(values);
    }
    let compiled = compiled(&folder.join("network.onnx")).unwrap();
    let found = values(&compiled, &rows).unwrap();
    assert_eq!(found.len(), due.len());
    let pairs = found.iter().zip(&due);
    let steps: Vec<f64> = pairs.map(|(a, b)| (a - b).abs() * 255.0).collect();
    assert_eq!(differing("parity", &steps), None);
}

/// Says how far values are apart, and complains unless all are equal.
fn differing(name: &str, steps: &[f64]) -> Option<String> {
    let equal = steps.iter().filter(|&&steps| steps < 0.01).count();
    let most = steps.iter().copied().fold(0.0, f64::max);
    let all = steps.len();
    let line = format!("{name}: {equal} of {all} values equal, at most {most:.2} steps away");
    eprintln!("{line}");
    (equal < all).then_some(line)
}

#[test]
fn tflite_networks_answer_like_the_reference_kernels() {
    let mut failures = Vec::new();
    for name in TFLITE {
        match differences(name, "tflite") {
            Ok(found) => {
                let differing = found.iter().filter(|&&steps| steps > 0.01).count();
                if differing > 0 {
                    failures.push(format!("{name}: {differing} of {} values", found.len()));
                }
            }
            Err(failure) => failures.push(format!("{name}: {failure}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_flights_network_is_small() {
    let compiled = read("flights_network", "onnx").unwrap();
    let plan = compiled.model.encode().unwrap();
    assert!(plan.len() <= 30 * 1024, "{} bytes", plan.len());
}

#[test]
fn every_committed_network_is_a_case() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let listed = match path.extension().and_then(|end| end.to_str()) {
            Some("onnx") => ONNX.contains(&name) || name.starts_with("float_"),
            Some("tflite") => TFLITE.contains(&name),
            _ => true,
        };
        assert!(listed, "{} is no case", path.display());
    }
}

/// |ours − theirs| of every value, in steps of the output.
fn differences(name: &str, end: &str) -> Result<Vec<f64>, String> {
    let compiled = read(name, end)?;
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let case: Case = serde_json::from_str(&text).unwrap();
    let found = values(&compiled, &case.rows)?;
    let due: Vec<f64> = case.due.concat();
    if found.len() != due.len() {
        return Err(format!("{} values, {} are due", found.len(), due.len()));
    }
    // A value behind a link has no steps: 1e-6 is the float noise of the library's own sigmoid.
    let step = if case.step > 0.0 { case.step } else { 1e-4 };
    let all = found.iter().zip(&due);
    Ok(all
        .map(|(ours, theirs)| (ours - theirs).abs() / step)
        .collect())
}

/// What the plan of a model gives: raw scores, through the link where the network ends in one.
fn values(compiled: &Compiled, rows: &[Vec<f64>]) -> Result<Vec<f64>, String> {
    let plan = compiled.model.encode().map_err(|error| error.to_string())?;
    let engine = decode(&plan).map_err(|error| error.to_string())?;
    let mut raw = vec![0.0; rows.len() * engine.outputs()];
    engine
        .score(&rows.concat(), &mut EngineScratch::default(), &mut raw)
        .map_err(|error| error.to_string())?;
    if compiled.output.link == Link::Identity {
        return Ok(raw);
    }
    let predictions = raw.chunks(engine.outputs()).map(|scores| {
        let mut values = vec![0.0; compiled.output.values()];
        compiled.output.apply(scores, &mut values);
        values
    });
    Ok(predictions.flatten().collect())
}

fn read(name: &str, end: &str) -> Result<Compiled, String> {
    compiled(&folder().join(format!("{name}.{end}")))
}

fn compiled(path: &Path) -> Result<Compiled, String> {
    let bytes = std::fs::read(path).unwrap();
    let source = Source::detect(&bytes).map_err(|error| error.to_string())?;
    let compiled = compile(&bytes, source).map_err(|error| error.to_string())?;
    let is_network = matches!(compiled.model, Model::Network(_));
    assert!(is_network, "{}", path.display());
    Ok(compiled)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references/networks")
}

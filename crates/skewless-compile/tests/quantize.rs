//! Float networks run as ONNX Runtime runs them, and answer nearly the same once they are quantised here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use serde::Deserialize;
use skewless_compile::{Calibration, Compiled, FloatNetwork, quantize};
use skewless_core::output::Link;
use skewless_core::plan::{EngineScratch, Model, decode};

const NETWORKS: [&str; 7] = [
    "float_computed_shape",
    "float_convolutions_1d",
    "float_convolutions_2d",
    "float_dense",
    "float_depthwise",
    "float_embedding",
    "float_residual",
];

#[derive(Deserialize)]
struct Case {
    rows: Vec<Vec<f64>>,
    due: Vec<Vec<f64>>,
}

#[test]
fn float_networks_run_as_in_onnx_runtime() {
    for name in NETWORKS {
        let (bytes, case) = read(name);
        let network = FloatNetwork::read(&bytes).unwrap();
        let found = network.run(&case.rows.concat()).unwrap();
        let due = case.due.concat();
        assert_eq!(found.len(), due.len(), "{name}");
        for (ours, theirs) in found.iter().zip(&due) {
            // Sums of up to a hundred f32 products, in another order.
            assert!(
                (ours - theirs).abs() <= 1e-5 * (1.0 + theirs.abs()),
                "{name}: {ours}, {theirs} is due"
            );
        }
    }
}

#[test]
fn quantised_networks_answer_nearly_the_same() {
    for calibration in [
        Calibration::MinMax,
        Calibration::Percentile(0.9999),
        Calibration::LeastError,
    ] {
        for name in NETWORKS {
            let (bytes, case) = read(name);
            let compiled = quantize(&bytes, &case.rows.concat(), calibration).unwrap();
            let found = values(&compiled, &case.rows);
            let due = case.due.concat();
            assert_eq!(found.len(), due.len(), "{name}");
            let spread = due
                .iter()
                .copied()
                .fold(0.0, |most: f64, value| most.max(value.abs()));
            let square = found
                .iter()
                .zip(&due)
                .map(|(ours, theirs)| (ours - theirs).powi(2));
            let error = (square.sum::<f64>() / due.len() as f64).sqrt() / spread;
            assert!(
                error < 0.02,
                "{name} by {calibration:?}: {error} of the greatest value"
            );
        }
    }
}

#[test]
fn what_cannot_be_quantised_is_refused_by_code() {
    let (bytes, case) = read("float_dense");
    let rows = case.rows.concat();
    let code = |bytes: &[u8], rows: &[f64]| {
        quantize(bytes, rows, Calibration::MinMax)
            .unwrap_err()
            .code()
    };
    assert_eq!(code(&bytes, &rows[1..]), "quantize.rows");
    assert_eq!(code(&bytes, &[]), "quantize.rows");
    assert_eq!(code(b"\xff", &rows), "model.invalid_onnx");
    let quantized = std::fs::read(folder().join("dense.onnx")).unwrap();
    assert_eq!(code(&quantized, &rows), "quantize.already_quantized");
    let mut infinite = rows.clone();
    infinite[0] = f64::INFINITY;
    assert_eq!(code(&bytes, &infinite), "quantize.not_finite");
}

fn values(compiled: &Compiled, rows: &[Vec<f64>]) -> Vec<f64> {
    assert!(matches!(compiled.model, Model::Network(_)));
    let engine = decode(&compiled.model.encode().unwrap()).unwrap();
    let mut raw = vec![0.0; rows.len() * engine.outputs()];
    engine
        .score(&rows.concat(), &mut EngineScratch::default(), &mut raw)
        .unwrap();
    if compiled.output.link == Link::Identity {
        return raw;
    }
    let predictions = raw.chunks(engine.outputs()).map(|scores| {
        let mut values = vec![0.0; compiled.output.values()];
        compiled.output.apply(scores, &mut values);
        values
    });
    predictions.flatten().collect()
}

fn read(name: &str) -> (Vec<u8>, Case) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let bytes = std::fs::read(folder().join(format!("{name}.onnx"))).unwrap();
    (bytes, serde_json::from_str(&text).unwrap())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references/networks")
}

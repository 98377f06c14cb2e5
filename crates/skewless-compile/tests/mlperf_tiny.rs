//! The int8 networks of MLPerf Tiny answer like ONNX Runtime (optimisations off) and like TensorFlow Lite's reference
//! kernels.
//!
//! The files are not part of the repository: the test reads the folder that `SKEWLESS_MLPERF_TINY` names, or
//! `../shared/mlperf-tiny` beside the repository, and says on stderr where neither is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::print_stderr,
    reason = "whether the files were there is worth a line"
)]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skewless_compile::{Source, compile};
use skewless_core::plan::{EngineScratch, decode};

const NETWORKS: [&str; 4] = ["kws", "ic", "vww", "ad"];

#[derive(Deserialize)]
struct Case {
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    cases: usize,
    input_scale_zero: (f64, i32),
    output_scale_zero: (f64, i32),
}

#[test]
fn quantized_onnx_graphs_answer_like_a_float_run() {
    let Some(folder) = folder() else { return };
    let (mut equal_in_all, mut in_all) = (0, 0);
    for name in NETWORKS {
        let case = case(&folder, name);
        let x: Vec<f64> = steps(&folder, name, "x")
            .into_iter()
            .map(f64::from)
            .collect();
        let due = steps(&folder, name, "y-onnx");
        let found: Vec<i32> = scores(&folder.join(format!("{name}.onnx")), Source::Onnx, &x)
            .into_iter()
            .map(whole)
            .collect();
        let outputs: usize = case.output_shape.iter().product();
        assert_eq!(found.len(), case.cases * outputs, "{name}");
        let differences: Vec<u32> = found
            .iter()
            .zip(&due)
            .map(|(a, b)| a.abs_diff(*b))
            .collect();
        let equal = differences
            .iter()
            .filter(|&&difference| difference == 0)
            .count();
        let most = differences.iter().copied().max().unwrap();
        eprintln!(
            "{name}.onnx: {equal} of {} values equal, at most {most} steps away",
            due.len()
        );
        (equal_in_all, in_all) = (equal_in_all + equal, in_all + due.len());
        assert!(most <= 3, "{name}: {most} steps");
        for (row, (ours, theirs)) in found.chunks(outputs).zip(due.chunks(outputs)).enumerate() {
            assert_eq!(top(ours), top(theirs), "{name}, row {row}");
        }
    }
    // Over all four: `vww` has 64 values, and sums of its first layer that lie within 5e-5 of half a step fall to
    // either side by the order in which a float convolution adds.
    assert!(
        equal_in_all * 100 >= in_all * 99,
        "{equal_in_all} of {in_all}"
    );
}

#[test]
fn tflite_files_answer_like_the_reference_kernels() {
    let Some(folder) = folder() else { return };
    for name in NETWORKS {
        let case = case(&folder, name);
        let (scale, zero) = case.input_scale_zero;
        let x: Vec<f64> = steps(&folder, name, "x")
            .into_iter()
            .map(|q| f64::from(q - zero) * scale)
            .collect();
        let (scale, zero) = case.output_scale_zero;
        let found: Vec<i32> = scores(&folder.join(format!("{name}.tflite")), Source::TfLite, &x)
            .into_iter()
            .map(|real| whole((real / scale * 1e4).round() / 1e4) + zero)
            .collect();
        let due = steps(&folder, name, "y-tflite");
        let differing = found.iter().zip(&due).filter(|(a, b)| a != b).count();
        eprintln!("{name}.tflite: {differing} of {} values differ", due.len());
        assert_eq!(found, due, "{name}");
    }
}

/// Class of the greatest score, the first of equals.
fn top(scores: &[i32]) -> Option<usize> {
    let greatest = scores.iter().max()?;
    scores.iter().position(|score| score == greatest)
}

fn whole(score: f64) -> i32 {
    let rounded = score.round();
    assert!((score - rounded).abs() < 1e-9, "{score} is no whole number");
    #[expect(clippy::cast_possible_truncation, reason = "a step of int8")]
    let whole = rounded as i32;
    whole
}

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mlperf-tiny");
    let folder = std::env::var_os("SKEWLESS_MLPERF_TINY").map_or(beside, PathBuf::from);
    if folder.join("cases.json").is_file() {
        return Some(folder);
    }
    eprintln!(
        "MLPerf Tiny: no files in {}; nothing is compared",
        folder.display()
    );
    None
}

fn case(folder: &Path, name: &str) -> Case {
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let mut cases: std::collections::BTreeMap<String, Case> = serde_json::from_str(&text).unwrap();
    let case = cases.remove(name).unwrap();
    let elements = case.cases * case.input_shape.iter().product::<usize>();
    assert_eq!(steps(folder, name, "x").len(), elements, "{name}");
    case
}

fn steps(folder: &Path, name: &str, part: &str) -> Vec<i32> {
    let bytes = std::fs::read(folder.join(format!("{name}.{part}.i8"))).unwrap();
    bytes
        .iter()
        .map(|byte| i32::from(byte.cast_signed()))
        .collect()
}

/// The raw scores of rows, by the plan of a model file.
fn scores(file: &Path, source: Source, rows: &[f64]) -> Vec<f64> {
    let compiled = compile(&std::fs::read(file).unwrap(), source).unwrap();
    let plan = compiled.model.encode().unwrap();
    let engine = decode(&plan).unwrap();
    let mut raw = vec![0.0; rows.len() / engine.inputs() * engine.outputs()];
    engine
        .score(rows, &mut EngineScratch::default(), &mut raw)
        .unwrap();
    raw
}

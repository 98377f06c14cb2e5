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

/// A network, and how its ONNX file must agree with ONNX Runtime's float run: values equal, of all, and the greatest
/// distance in steps. The top class is the same in every row.
struct Due {
    name: &'static str,
    equal: usize,
    of: usize,
    most: u32,
}

/// `vww` has two values a row, so that 99 % are all 64, and no other run has them all. One sum in a million lies so near
/// to half a step that the order of adding in f32 decides; a row has 230,000 sums, and in rows 9 and 19 such a one
/// reaches the output. A float run that adds backwards has 58 equal values, one that adds in f64 has 60, ONNX Runtime
/// itself with its optimisations has 62 (`tests/references/networks/float_runs.py`).
const NETWORKS: [Due; 4] = [
    due("kws", 382, 384, 2),
    due("ic", 320, 320, 0),
    due("vww", 60, 64, 2),
    due("ad", 20_480, 20_480, 0),
];

const fn due(name: &'static str, equal: usize, of: usize, most: u32) -> Due {
    Due {
        name,
        equal,
        of,
        most,
    }
}

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
    for Due {
        name,
        equal: equal_due,
        of,
        most: most_due,
    } in NETWORKS
    {
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
        assert_eq!(found.len(), of, "{name}");
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
        let rows = found.chunks(outputs).zip(due.chunks(outputs));
        let same_top = rows
            .filter(|(ours, theirs)| top(ours) == top(theirs))
            .count();
        eprintln!(
            "{name}.onnx: top class of {same_top} of {} rows, {equal} of {of} values equal ({:.2} %), at most {most} \
             steps away",
            case.cases,
            percent(equal, of)
        );
        assert_eq!(same_top, case.cases, "{name}: rows with the same top class");
        assert!(equal >= equal_due, "{name}: {equal} values equal");
        assert!(most <= most_due, "{name}: {most} steps");
    }
}

#[test]
fn tflite_files_answer_like_the_reference_kernels() {
    let Some(folder) = folder() else { return };
    for Due { name, .. } in NETWORKS {
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

#[expect(clippy::cast_precision_loss, reason = "numbers of values")]
fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all as f64
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

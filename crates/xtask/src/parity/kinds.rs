//! The bundles whose predictions must be the same everywhere: trees, a linear model, int8 networks.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::built;
use crate::command::{at, command, output, run};
use crate::tiny;

/// A bundle and the records that it answers.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Path of the bundle below the workspace's folder.
    pub(super) bundle: String,
    /// Path of the records, JSON lines.
    pub(super) rows: String,
}

const FLIGHTS: &str = "trees";
/// Rows on which `pack` compares a network with tract, whose roundings between the layers of an eight-bit network are others
/// than ONNX Runtime's, by as much as four steps on rare rows. `skewless-compile` holds this network to ONNX Runtime itself.
const COMPARED: usize = 32;
/// How many of the inputs of a network of MLPerf Tiny are answered: on every target, under an emulator too.
const TINY_ROWS: usize = 8;
/// Models that are packed here: the kind, the model and its reference rows, whose `row` is the feature row.
const PACKED: [(&str, &str, &str); 2] = [
    (
        "linear",
        "tests/references/sklearn_logistic_multiclass.onnx",
        "tests/references/sklearn_logistic_multiclass.rows.jsonl",
    ),
    (
        "network",
        "tests/parity/network.onnx",
        "tests/parity/network.rows.jsonl",
    ),
];

impl Kind {
    /// Whether it is the committed bundle, which also goes through the Lambda function.
    pub(super) fn is_flights(&self) -> bool {
        self.name == FLIGHTS
    }
}

/// Every kind, packed where it is not committed.
pub(super) fn all(profile: &str) -> Result<Vec<Kind>> {
    let mut kinds = vec![Kind {
        name: FLIGHTS,
        bundle: "models/flights/flights.skw".to_owned(),
        rows: "target/parity/trees.jsonl".to_owned(),
    }];
    for (name, model, rows) in PACKED {
        let rows = references(rows).with_context(|| name.to_owned())?;
        kinds.push(packed(profile, name, model, rows).with_context(|| name.to_owned())?);
    }
    let Some(folder) = tiny::folder() else {
        println!("  skipped: {}", tiny::absent());
        return Ok(kinds);
    };
    for name in tiny::NAMES {
        let rows = tiny_rows(&folder, name).with_context(|| name.to_owned())?;
        let model = folder.join(format!("{name}.onnx")).display().to_string();
        kinds.push(packed(profile, name, &model, rows).with_context(|| name.to_owned())?);
    }
    Ok(kinds)
}

/// Writes the flights of the test months as records, and gives the digests of the predictions for them.
pub(super) fn write_flights(profile: &str) -> Result<String> {
    let mut parity = built::parity(profile)?;
    parity.args([
        "models/flights/flights.skw",
        "models/flights/skewless.toml",
        "target/parity/trees.jsonl",
    ]);
    output(parity)
}

/// The feature rows of a file of references.
fn references(path: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(at(path))?;
    text.lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["row"].take()))
        .collect()
}

/// Inputs of a network of MLPerf Tiny: its graph takes the steps themselves, whole numbers, and not what they stand for.
fn tiny_rows(folder: &Path, name: &str) -> Result<Vec<Value>> {
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("cases.json"))?)?;
    let shape = cases[name]["input_shape"].as_array();
    let shape = shape.context("no input_shape")?;
    let width = shape.iter().filter_map(Value::as_u64).product::<u64>();
    let width = usize::try_from(width)?.max(1);
    let steps = std::fs::read(folder.join(format!("{name}.x.i8")))?;
    Ok(steps
        .chunks_exact(width)
        .take(TINY_ROWS)
        .map(|row| row.iter().map(|&step| step.cast_signed()).collect())
        .collect())
}

/// Packs a model whose feature row is one tensor.
fn packed(profile: &str, name: &'static str, model: &str, inputs: Vec<Value>) -> Result<Kind> {
    let path = |suffix: &str| format!("target/parity/{name}.{suffix}");
    let (bundle, rows, features) = (path("skw"), path("jsonl"), path("toml"));
    let compared = path("compared.jsonl");
    let columns = inputs.first().and_then(Value::as_array).map_or(0, Vec::len);
    let mut records = String::new();
    for row in inputs {
        records += &serde_json::json!({"x": row}).to_string();
        records.push('\n');
    }
    let first: String = records.split_inclusive('\n').take(COMPARED).collect();
    std::fs::write(at(&compared), first)?;
    std::fs::write(at(&rows), records)?;
    let specification = format!(
        "[[input]]\nname = \"x\"\ntype = \"tensor\"\nshape = [{columns}]\n\n[[feature]]\nname = \"columns\"\nop = \"number\"\nfrom = \"x\"\n"
    );
    std::fs::write(at(&features), specification)?;
    let mut pack = command(built::skewless(profile)?, &[]);
    pack.args(["pack", "--model", model, "--features", &features]);
    pack.args(["--golden-from", &rows, "--name", name, "--version=1.0.0"]);
    pack.args(["--calibration", &compared, "--output", &bundle]);
    run(pack)?;
    Ok(Kind { name, bundle, rows })
}

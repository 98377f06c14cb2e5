//! The bundles whose predictions must be the same everywhere: trees, a linear model, an int8 network.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{at, cargo, output, run};

/// A bundle and the records that it answers.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Path of the bundle below the workspace's folder.
    pub(super) bundle: String,
    /// Path of the records, JSON lines.
    pub(super) rows: String,
}

const FLIGHTS: &str = "trees";
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
        kinds.push(packed(profile, name, model, rows).with_context(|| name.to_owned())?);
    }
    Ok(kinds)
}

/// Writes the flights of the test months as records, and gives the digests of the predictions for them.
pub(super) fn write_flights(profile: &str) -> Result<String> {
    output(cargo(&[
        "run",
        "--quiet",
        profile,
        "--package=skewless-conformance",
        "--bin=parity",
        "--",
        "models/flights/flights.skw",
        "models/flights/skewless.toml",
        "target/parity/trees.jsonl",
    ]))
}

/// The program; with the features of training, which builds it too, and without tract, which builds for minutes.
pub(super) fn skewless(profile: &str) -> Command {
    cargo(&[
        "run",
        "--quiet",
        &format!("--profile={profile}"),
        "--package=skewless-cli",
        "--no-default-features",
        "--features=train,pack",
        "--",
    ])
}

/// Packs a model whose feature row is one tensor.
fn packed(profile: &str, name: &'static str, model: &str, reference: &str) -> Result<Kind> {
    let path = |suffix: &str| format!("target/parity/{name}.{suffix}");
    let (bundle, rows, features) = (path("skw"), path("jsonl"), path("toml"));
    let text = std::fs::read_to_string(at(reference))?;
    let mut records = String::new();
    let mut columns = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line)?;
        columns = line["row"]
            .as_array()
            .context("a line without a row")?
            .len();
        records += &serde_json::json!({"x": line["row"]}).to_string();
        records.push('\n');
    }
    std::fs::write(at(&rows), records)?;
    let specification = format!(
        "[[input]]\nname = \"x\"\ntype = \"tensor\"\nshape = [{columns}]\n\n[[feature]]\nname = \"columns\"\nop = \"number\"\nfrom = \"x\"\n"
    );
    std::fs::write(at(&features), specification)?;
    let mut pack = skewless(profile);
    pack.args(["pack", "--model", model, "--features", &features]);
    pack.args(["--golden-from", &rows, "--name", name, "--version=1.0.0"]);
    pack.args(["--output", &bundle]);
    run(pack)?;
    Ok(Kind { name, bundle, rows })
}

//! One digest a kind of model, over the predictions of every target: natively, on another processor, in Node, in a
//! browser, in workerd, in the Lambda emulator, with vector instructions and without.

mod arm;
mod arm_lambda;
mod judge;
mod kinds;
mod lambda;
mod scalar_wasm;

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{at, command, output};
use crate::{built, setup, web};
pub(crate) use arm_lambda::arm64_lambda;
use kinds::Kind;
pub(crate) use lambda::path_with;

const RESULT: &str = "target/parity.json";
const SCRIPTS: [&str; 3] = [
    "parity-node.mjs",
    "parity-chromium.mjs",
    "parity-worker.mjs",
];

/// Builds the package, runs every target, prints the table.
pub(crate) fn run() -> Result<()> {
    web::build()?;
    setup::npm("tests/web")?;
    setup::chromium()?;
    compare("release")
}

/// Runs every target with what is built already, natively in `profile`.
pub(crate) fn compare(profile: &str) -> Result<()> {
    std::fs::create_dir_all(at("target/parity"))?;
    let arm = arm::runner(profile);
    let scalar = scalar_wasm::package()?;
    let mut results = Vec::new();
    for kind in kinds::all(profile)? {
        println!("\n  {}: {}", kind.name, kind.bundle);
        let mut collected = Collected::new(kind.name);
        collected.lines(&native(profile, &kind)?)?;
        collected.lines(&cli(profile, &kind)?)?;
        for script in SCRIPTS {
            collected.lines(&output(node(script, &kind))?)?;
        }
        let mut without_vectors = node("parity-node.mjs", &kind);
        without_vectors.env("SKEWLESS_PACKAGE", &scalar);
        collected.lines(&output(without_vectors)?.replace("wasm-node-", "wasm-node-scalar-"))?;
        match &arm {
            Ok(arm) => collected.lines(&arm.digests(&kind)?)?,
            Err(error) => collected.skip("aarch64", error),
        }
        if kind.is_flights() {
            collected.lines(&lambda::digest(profile, &kind.bundle, &kind.rows)?)?;
        }
        results.append(&mut collected.results);
    }
    std::fs::write(at(RESULT), serde_json::to_string_pretty(&results)? + "\n")?;
    judge::judge(&results)?;
    println!("\n  {RESULT} holds it all.");
    Ok(())
}

/// The core with vector instructions and without; for the flights also as the trainer reads them, in columns.
fn native(profile: &str, kind: &Kind) -> Result<String> {
    let mut text = String::new();
    if kind.is_flights() {
        text += &kinds::write_flights(profile)?;
    }
    for (target, options) in [("native", None), ("native-scalar", Some("--simd=off"))] {
        if kind.is_flights() && options.is_none() {
            continue;
        }
        let mut runner = built::runner(profile)?;
        runner.args(["digest", target, &kind.bundle, &kind.rows]);
        runner.args(options);
        text += &output(runner)?;
    }
    Ok(text)
}

/// The command line over the same rows.
fn cli(profile: &str, kind: &Kind) -> Result<String> {
    let mut predict = command(built::skewless(profile)?, &[]);
    predict.args(["predict", &kind.bundle, &kind.rows, "--digest-only"]);
    let digest = output(predict)?;
    let rows = std::fs::read_to_string(at(&kind.rows))?.lines().count();
    Ok(
        serde_json::json!({"target": "cli-jsonl", "rows": rows, "sha256": digest.trim()})
            .to_string(),
    )
}

fn node(script: &str, kind: &Kind) -> Command {
    let script = format!("tests/web/{script}");
    command(
        "node",
        &[&script, "--bundle", &kind.bundle, "--rows", &kind.rows],
    )
}

/// What the targets say about one bundle.
struct Collected {
    kind: &'static str,
    results: Vec<Value>,
}

impl Collected {
    fn new(kind: &'static str) -> Self {
        Self {
            kind,
            results: Vec::new(),
        }
    }

    /// Takes the JSON lines that a target prints.
    fn lines(&mut self, text: &str) -> Result<()> {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut result: Value =
                serde_json::from_str(line).with_context(|| format!("not a parity line: {line}"))?;
            println!("  {line}");
            result["bundle"] = self.kind.into();
            self.results.push(result);
        }
        Ok(())
    }

    /// A target that this machine cannot run.
    fn skip(&mut self, target: &str, why: &anyhow::Error) {
        println!("  skipped: {target}: {why:#}");
        self.results.push(serde_json::json!({
            "bundle": self.kind, "target": target, "skipped": format!("{why:#}"),
        }));
    }
}

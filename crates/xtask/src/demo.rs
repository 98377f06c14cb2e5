//! The main job, start to end: one bundle, natively and in WebAssembly, the same digest, then the playground.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{at, cargo, command, exists, output, run, step};
use crate::{built, web};

const BUNDLE: &str = "models/flights/flights.skw";
const SAMPLE: &str = "models/flights/sample.jsonl";
/// The program without training, Parquet and importers, which the demo does not need.
const LEAN: [&str; 5] = [
    "--quiet",
    "--release",
    "--package=skewless-cli",
    "--no-default-features",
    "--features=serve",
];

pub(crate) fn run_demo(once: bool) -> Result<()> {
    if !exists("node") {
        bail!("Node 20 or later is needed and not found");
    }
    let mut native = String::new();
    step("predict the sample flights natively", || {
        let mut build = vec!["build"];
        build.extend(LEAN);
        run(cargo(&build))?;
        native = predict_natively(&at("target/release/skewless"))?;
        Ok(())
    })?;
    step("build the browser's package", web::build)?;
    compare(&native)?;
    if once {
        return Ok(());
    }
    println!("\n  Now the playground; Ctrl-C ends it.");
    let playground = at("web/dist/playground").display().to_string();
    let mut arguments = vec!["run"];
    arguments.extend(LEAN);
    arguments.extend(["--", "serve", BUNDLE, "--playground", &playground]);
    run(cargo(&arguments))
}

/// The same with the program and the package that the tests have built.
pub(crate) fn test(profile: &str) -> Result<()> {
    compare(&predict_natively(&built::skewless(profile)?)?)
}

/// Predicts the sample in WebAssembly, which must give the digest `native`.
fn compare(native: &str) -> Result<()> {
    let mut wasm = String::new();
    step("predict the same flights in WebAssembly", || {
        let line = output(command(
            "node",
            &[
                "tests/web/demo-node.mjs",
                "--bundle",
                BUNDLE,
                "--rows",
                SAMPLE,
            ],
        ))?;
        wasm = line.trim().to_owned();
        Ok(())
    })?;
    println!("\n  native       {native}\n  WebAssembly  {wasm}\n");
    if native != wasm {
        bail!("the two digests differ");
    }
    println!("  The same bundle, the same predictions, to the bit.");
    Ok(())
}

/// Shows the first predictions and gives the digest of all.
fn predict_natively(program: &Path) -> Result<String> {
    let text = output(command(program, &["predict", BUNDLE, SAMPLE]))?;
    let sample = std::fs::read_to_string(at(SAMPLE)).context("the sample cannot be read")?;
    for (record, prediction) in sample.lines().zip(text.lines()).take(5) {
        println!("  {}\n    → {prediction}", shortened(record));
    }
    println!("  … {} flights", text.lines().count());
    let digest = output(command(
        program,
        &["predict", BUNDLE, SAMPLE, "--digest-only"],
    ))?;
    Ok(digest.trim().to_owned())
}

fn shortened(record: &str) -> String {
    let short: String = record.chars().take(110).collect();
    if short.len() < record.len() {
        format!("{short} …")
    } else {
        short
    }
}

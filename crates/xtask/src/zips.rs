//! The zips of the Lambda function as `cargo lambda build` makes them for both processors, against their limit.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::bench::table;
use crate::command::{at, command, run};
use crate::parity::path_with;
use crate::setup;
use crate::size::grouped;

const BUNDLE: &str = "models/flights/flights.skw";
const BUDGET: &str = "lambda/budget.toml";

/// A processor of Lambda.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    Arm64,
    X86_64,
}

impl Processor {
    /// As AWS and the documents write it.
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86-64",
        }
    }

    /// What cargo-lambda names the build.
    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds both zips, prints their bytes, writes them into the document, and fails above the limit.
pub(crate) fn measure() -> Result<()> {
    let budget: toml::Table = std::fs::read_to_string(at(BUDGET))?.parse()?;
    let limit = budget.get("zip_mb").and_then(toml::Value::as_integer);
    let limit = usize::try_from(limit.context("zip_mb")?)? << 20;
    let mut text = String::from("| `cargo lambda build` for | bytes | limit |\n|---|---:|---:|\n");
    let mut over = Vec::new();
    for processor in [Processor::Arm64, Processor::X86_64] {
        let bytes = usize::try_from(build(processor)?.metadata()?.len())?;
        let name = processor.name();
        println!("  {name} {bytes} of {limit} bytes");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {} | {} |", grouped(bytes), grouped(limit));
        if bytes > limit {
            over.push(name);
        }
    }
    match over.is_empty() {
        true => table::replace("zips", &text),
        false => bail!("{BUDGET}: {} is over", over.join(" and ")),
    }
}

/// Builds a zip with the flights bundle, as somebody deploys it.
pub(crate) fn build(processor: Processor) -> Result<PathBuf> {
    let programs = setup::venv("lambda", "tests/lambda/requirements.txt")?;
    setup::rust_target(processor.target())?;
    let zips = at("target").join(format!("lambda-{}", processor.name()));
    let mut build = command(programs.join("cargo-lambda"), &["lambda", "build"]);
    build
        .args(["--profile=lambda", "--package=skewless-lambda"])
        .args(["--output-format=zip", "--include", BUNDLE, "--lambda-dir"])
        .arg(&zips)
        .args((processor == Processor::Arm64).then_some("--arm64"))
        .args((processor == Processor::X86_64).then_some("--x86-64"))
        .env("PATH", path_with(&programs)?);
    run(build)?;
    Ok(zips.join("bootstrap/bootstrap.zip"))
}

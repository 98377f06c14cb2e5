//! `cargo xtask onnx`: ONNX's node tests of every operator that the importers know, and their table in docs/onnx.md.

use anyhow::{Context, Result};

use crate::command::{at, cargo, command, run};
use crate::setup;

const REQUIREMENTS: &str = "tests/onnx-nodes/requirements.txt";
const EXTRACT: &str = "tests/onnx-nodes/extract.py";
const SMALL: &str = "tests/onnx-nodes/cases.jsonl";

pub(crate) fn nodes() -> Result<()> {
    let python = setup::venv("onnx", REQUIREMENTS)?.join("python");
    let folder = at("target/onnx");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let all = folder.join("cases.jsonl");
    let mut extract = command(python, &[EXTRACT]);
    extract.arg(&all).arg(at(SMALL));
    run(extract)?;
    let mut test = cargo(&["test", "--profile", "ci", "-p", "skewless-compile"]);
    test.args(["--test", "onnx_nodes"])
        .env("SKEWLESS_ONNX_NODES", &all);
    run(test)
}

//! Who takes part: the targets, the peers on each, what each peer can do, and the process that runs it.

use std::process::Command;

use anyhow::{Result, bail};

use super::works::{self, Works};
use crate::built;
use crate::command::{at, cargo, command};

/// Every target, in the order of the table.
pub(crate) const TARGETS: [&str; 3] = ["native", "wasm", "wasm-chromium"];

/// A peer and the works that it can do.
struct Peer {
    target: &'static str,
    name: &'static str,
    works: &'static [&'static str],
}

const fn peer(target: &'static str, name: &'static str, works: &'static [&'static str]) -> Peer {
    Peer {
        target,
        name,
        works,
    }
}

const TREES: &[&str] = &["gbdt-200x31"];
const TREES_FROM_RECORDS: &[&str] = &["gbdt-200x31", "record-to-prediction"];
const NETWORK: &[&str] = &["mlp-int8"];
const TINY: &[&str] = &["kws", "ic", "vww", "ad"];
const NETWORKS: &[&str] = &["mlp-int8", "kws", "ic", "vww", "ad"];
/// tract, which the project's own general engine runs.
const TRACT_NAME: &str = "tract";
/// What tract answers as the graph means it, which `pack` finds out.
pub(crate) const TRACT: &[&str] = &["gbdt-200x31", "mlp-int8", "ad"];
const ALL: &[&str] = &[
    "gbdt-200x31",
    "record-to-prediction",
    "mlp-int8",
    "kws",
    "ic",
    "vww",
    "ad",
];
const ROWS_ONLY: &[&str] = &["gbdt-200x31", "mlp-int8", "kws", "ic", "vww", "ad"];

const PEERS: [Peer; 14] = [
    peer("native", "onnxruntime", ROWS_ONLY),
    peer("native", "onnxruntime-qoperator", NETWORK),
    peer("native", "lightgbm", TREES),
    peer("native", "xgboost", TREES),
    peer("native", "tl2cgen", TREES),
    peer("native", "ydf", TREES),
    peer("native", "litert", TINY),
    peer("native", TRACT_NAME, TRACT),
    peer("wasm", "onnxruntime-web", ALL),
    peer("wasm", "onnxruntime-web-qoperator", NETWORK),
    peer("wasm", "ydf-inference", TREES_FROM_RECORDS),
    peer("wasm", "tfjs-backend-wasm", NETWORKS),
    peer("wasm", TRACT_NAME, TRACT),
    peer("wasm-chromium", "litertjs", NETWORKS),
];

/// The peers that do a work on a target.
pub(crate) fn peers(target: &str, work: &str) -> Vec<&'static str> {
    let able = PEERS
        .iter()
        .filter(|peer| peer.target == target && peer.works.contains(&work));
    able.map(|peer| peer.name).collect()
}

/// The process that runs an engine on a target.
pub(crate) fn command_of(works: &Works, target: &str, engine: &str) -> Result<Command> {
    let folder = works.folder.display().to_string();
    let modules = works::modules().display().to_string();
    let ours = engine == "skewless";
    let node = |script: &str| {
        let mut command = command("node", &[script, &folder, &modules, engine]);
        // A peer's pages of advice on the console are not for this run.
        command.env("NODE_NO_WARNINGS", "1");
        command
    };
    Ok(match target {
        "native" if ours => native_runner(works)?,
        "native" if engine == TRACT_NAME => {
            let mut runner = cargo(&["run", "--quiet", "--package=skewless-runner"]);
            runner
                .arg(format!("--profile={}", works.profile))
                .args(["--features=tract", "--", "serve"])
                .arg(&works.folder)
                .arg("--tract");
            runner
        }
        "native" => {
            let mut python = Command::new(works::python()?);
            python.args([
                &at("tests/peers/native.py").display().to_string(),
                &folder,
                engine,
            ]);
            python
        }
        "wasm" => node("tests/peers/runner.mjs"),
        "wasm-chromium" => node("tests/peers/chromium.mjs"),
        other => bail!("no target {other}"),
    })
}

/// The project's native engine over the works.
pub(crate) fn native_runner(works: &Works) -> Result<Command> {
    let mut runner = built::runner(works.profile)?;
    runner.arg("serve").arg(&works.folder);
    Ok(runner)
}

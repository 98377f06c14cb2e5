//! The verdict: every target ran or says why not, and for each bundle there is one digest.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Every target of every bundle; one that is missing from the results is a failure.
const TARGETS: [&str; 12] = [
    "native-single",
    "native-batch",
    "native-scalar-single",
    "native-scalar-batch",
    "cli-jsonl",
    "wasm-node-single",
    "wasm-node-batch",
    "wasm-node-scalar-single",
    "wasm-node-scalar-batch",
    "wasm-chromium-single",
    "wasm-chromium-batch",
    "worker-workerd",
];
/// What also must have run for the bundle of this name.
const FLIGHTS: (&str, &str) = ("trees", "lambda-watch");
/// Either all of these or `aarch64` as skipped.
const ARM: [&str; 4] = [
    "aarch64-single",
    "aarch64-batch",
    "aarch64-scalar-single",
    "aarch64-scalar-batch",
];

/// Prints the table, and fails where a target is missing or differs.
pub(super) fn judge(results: &[Value]) -> Result<()> {
    println!(
        "\n  {:<10} {:<24} {:>7}  sha256",
        "bundle", "target", "rows"
    );
    for result in results {
        let text = |key: &str| result[key].as_str().unwrap_or_default();
        let outcome = match result["skipped"].as_str() {
            Some(_) => "skipped",
            None => text("sha256"),
        };
        println!(
            "  {:<10} {:<24} {:>7}  {outcome}",
            text("bundle"),
            text("target"),
            result["rows"].as_u64().unwrap_or_default(),
        );
    }
    let mut bundles: Vec<&str> = results
        .iter()
        .filter_map(|result| result["bundle"].as_str())
        .collect();
    bundles.dedup();
    for bundle in bundles {
        let of_bundle: Vec<&Value> = results
            .iter()
            .filter(|result| result["bundle"] == bundle)
            .collect();
        one_digest(bundle, &of_bundle)?;
    }
    Ok(())
}

fn one_digest(bundle: &str, results: &[&Value]) -> Result<()> {
    let ran = |target: &str| results.iter().any(|result| result["target"] == target);
    let due = TARGETS
        .iter()
        .chain((bundle == FLIGHTS.0).then_some(&FLIGHTS.1))
        .chain(ARM.iter().filter(|_| !ran("aarch64")));
    for target in due {
        if !ran(target) {
            bail!("the target {target} did not run for {bundle}");
        }
    }
    let digests: Vec<&&Value> = results
        .iter()
        .filter(|result| !result["skipped"].is_string())
        .collect();
    let first = digests.first().context("no target ran")?;
    if first["rows"].as_u64().is_none_or(|rows| rows == 0) {
        bail!("{bundle}: {} scored no rows", first["target"]);
    }
    let different = digests
        .iter()
        .find(|result| result["sha256"] != first["sha256"] || result["rows"] != first["rows"]);
    if let Some(result) = different {
        bail!(
            "{bundle}: {} differs from {}",
            result["target"],
            first["target"]
        );
    }
    println!(
        "\n  {bundle}: {} targets, {} rows, one digest.",
        digests.len(),
        first["rows"]
    );
    Ok(())
}

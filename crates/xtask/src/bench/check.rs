//! Whether an engine answers right: one whose answers are wrong is not timed.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::runner::Runner;
use super::works::Works;

/// Rows whose answers are compared.
const ROWS: usize = 256;

/// Compares an engine's answers with those that lie beside the work in the file that it names. No answer may differ by
/// more than the bound that `bounds` has for the file, or for `ours`.
pub(crate) fn check(
    works: &Works,
    work: &str,
    runner: &mut Runner,
    bounds: &Value,
    ours: bool,
) -> Result<()> {
    let answer = runner.answer(work, ROWS)?;
    let bound = if ours { "ours" } else { &answer.expected };
    let bound = bounds[bound]
        .as_f64()
        .with_context(|| format!("work.json states no bound for {bound}"))?;
    let due = numbers(&works.path(work, &answer.expected))?;
    if answer.values.is_empty() || answer.values.len() > due.len() {
        bail!(
            "{} answers where {} are due",
            answer.values.len(),
            due.len()
        );
    }
    for (place, (&found, &due)) in answer.values.iter().zip(&due).enumerate() {
        let difference = (found - due).abs();
        if difference > bound || difference.is_nan() {
            bail!("answer {place} is {found}, {due} is due, and they may differ by {bound}");
        }
    }
    Ok(())
}

fn numbers(path: &Path) -> Result<Vec<f64>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let (cells, _) = bytes.as_chunks::<8>();
    Ok(cells.iter().map(|cell| f64::from_le_bytes(*cell)).collect())
}

//! `target/bench/peers.json`: one object a work, target, batch and peer.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::FOLDER;
use super::contest::{Measured, Spread};
use crate::command::at;

/// The measurements as they stand in the file. Without a peer, its fields are `null`.
pub(crate) fn to_json(measured: &[Measured]) -> Value {
    measured.iter().map(object).collect()
}

/// Writes the file.
pub(crate) fn write(json: &Value) -> Result<()> {
    let path = format!("{FOLDER}/peers.json");
    std::fs::create_dir_all(at(FOLDER))?;
    std::fs::write(at(&path), serde_json::to_string_pretty(json)? + "\n")?;
    println!("\n  {path} holds it all.");
    Ok(())
}

/// Whether every object has its fields, and times that can be: a run without assertion on time still proves this.
pub(crate) fn check_shape(json: &Value) -> Result<()> {
    let rows = json.as_array().context("no list")?;
    if rows.is_empty() {
        bail!("nothing was measured");
    }
    for row in rows {
        for name in ["work", "target"] {
            row[name]
                .as_str()
                .with_context(|| format!("no {name} in {row}"))?;
        }
        row["batch"]
            .as_u64()
            .with_context(|| format!("no batch in {row}"))?;
        check_spread(&row["ours_us_per_row"], &row["ours"])?;
        if row["peer"].is_string() {
            check_spread(&row["peer_us_per_row"], &row["peer_spread"])?;
        }
    }
    Ok(())
}

fn check_spread(median: &Value, spread: &Value) -> Result<()> {
    let [least, middle, greatest] =
        ["min", "median", "max"].map(|name| spread[name].as_f64().unwrap_or(f64::NAN));
    if least > 0.0 && least <= middle && middle <= greatest && median.as_f64() == Some(middle) {
        return Ok(());
    }
    bail!("{median} and {spread} are no times")
}

fn object(row: &Measured) -> Value {
    let (peer, times) = row.peer.clone().unzip();
    json!({
        "work": row.work,
        "target": row.target,
        "batch": row.batch,
        "ours_us_per_row": row.ours.median,
        "ours": spread(row.ours),
        "peer": peer,
        "peer_us_per_row": times.map(|times| times.median),
        "peer_spread": times.map(spread),
        "ratio": times.map(|times| times.median / row.ours.median),
    })
}

fn spread(times: Spread) -> Value {
    json!({"min": times.min, "median": times.median, "max": times.max})
}

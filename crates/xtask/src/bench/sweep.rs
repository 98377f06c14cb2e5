//! How cost grows with trees, depth and rows: one native run of the engine over models made for it.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::table::{self, figure};
use super::{FOLDER, plot};
use crate::command::{at, cargo, output};

/// Seconds for each point.
const SECONDS: &str = "0.3";
const PLOT: &str = "docs/performance-sweep.svg";

/// One line of the plot.
pub(crate) struct Sweep {
    pub(crate) along: String,
    /// The varied count, and microseconds a call.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Measures, writes `target/bench/sweep.json`, the plot and its table.
pub(crate) fn run() -> Result<()> {
    let text = measured("--release", SECONDS)?;
    std::fs::create_dir_all(at(FOLDER))?;
    std::fs::write(at(&format!("{FOLDER}/sweep.json")), &text)?;
    let (held, sweeps) = parsed(&text)?;
    std::fs::write(at(PLOT), plot::svg(&held, &sweeps))?;
    println!("  {FOLDER}/sweep.json and {PLOT} are written.");
    let rows: String = sweeps.iter().map(row).collect();
    table::replace(
        "sweep",
        &format!(
            "| along | points | cost at the ends, µs a call | growth of the count | growth of the cost |\n|---|---|---|---:|---:|\n{rows}"
        ),
    )
}

/// The same in little time, for its shape alone.
pub(crate) fn small() -> Result<()> {
    let (held, sweeps) = parsed(&measured("--profile=ci", "0.0001")?)?;
    let drawn = plot::svg(&held, &sweeps);
    match drawn.matches("<polyline").count() {
        count if count == sweeps.len() => Ok(()),
        count => bail!("the plot has {count} lines for {} sweeps", sweeps.len()),
    }
}

fn measured(profile: &str, seconds: &str) -> Result<String> {
    output(cargo(&[
        "run",
        "--quiet",
        profile,
        "--package=skewless-runner",
        "--",
        "sweep",
        seconds,
    ]))
}

/// What is held, in words, and the sweeps.
fn parsed(text: &str) -> Result<(String, Vec<Sweep>)> {
    let document: Value = serde_json::from_str(text)?;
    let held = &document["held"];
    let held = format!(
        "where not varied: {} trees, depth {}, {} rows of {} columns",
        held["trees"], held["depth"], held["rows"], held["inputs"]
    );
    let sweeps = document["sweeps"].as_array().context("no sweeps")?;
    let sweeps = sweeps.iter().map(|sweep| {
        let points = sweep["points"].as_array().context("no points")?;
        let points = points.iter().map(|point| {
            let pair = point["at"].as_f64().zip(point["us_per_call"].as_f64());
            pair.context("a point without its numbers")
        });
        Ok(Sweep {
            along: sweep["along"].as_str().context("no name")?.to_owned(),
            points: points.collect::<Result<_>>()?,
        })
    });
    Ok((held, sweeps.collect::<Result<_>>()?))
}

fn row(sweep: &Sweep) -> String {
    let (Some(first), Some(last)) = (sweep.points.first(), sweep.points.last()) else {
        return String::new();
    };
    format!(
        "| {} | {}–{} | {}–{} | {}× | {}× |\n",
        sweep.along,
        first.0,
        last.0,
        figure(first.1),
        figure(last.1),
        figure(last.0 / first.0),
        figure(last.1 / first.1)
    )
}

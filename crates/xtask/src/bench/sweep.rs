//! How cost grows with trees, depth and rows: one native run of the engine over models made for it.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::table::{self, figure};
use super::{FOLDER, plot};
use crate::built;
use crate::command::{at, output};

/// Seconds for each point.
const SECONDS: &str = "0.3";
const HEADING: &str = "\
| along | model | counts | cost at the ends, µs a call | growth of the count | growth of the cost |
|---|---|---|---|---:|---:|
";
const PLOT: &str = "docs/performance-sweep.svg";

/// One panel of the plot.
pub(crate) struct Sweep {
    pub(crate) along: String,
    pub(crate) series: Vec<Series>,
}

/// One line of a panel.
pub(crate) struct Series {
    /// The model's shape.
    pub(crate) name: String,
    /// The varied count, and microseconds a call.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Measures, writes `target/bench/sweep.json`, the plot and its table.
pub(crate) fn run() -> Result<()> {
    let text = measured("release", SECONDS)?;
    std::fs::create_dir_all(at(FOLDER))?;
    std::fs::write(at(&format!("{FOLDER}/sweep.json")), &text)?;
    let (held, sweeps) = parsed(&text)?;
    std::fs::write(at(PLOT), plot::svg(&held, &sweeps))?;
    println!("  {FOLDER}/sweep.json and {PLOT} are written.");
    let rows: String = sweeps
        .iter()
        .flat_map(|sweep| sweep.series.iter().map(|series| row(&sweep.along, series)))
        .collect();
    table::replace("sweep", &format!("{HEADING}{rows}"))
}

/// The same in little time, for its shape alone.
pub(crate) fn small() -> Result<()> {
    let (held, sweeps) = parsed(&measured(built::CI, "0.0001")?)?;
    let drawn = plot::svg(&held, &sweeps).matches("<polyline").count();
    let due: usize = sweeps.iter().map(|sweep| sweep.series.len()).sum();
    match drawn == due && due > 0 {
        true => Ok(()),
        false => bail!("the plot has {drawn} lines for {due} series"),
    }
}

fn measured(profile: &str, seconds: &str) -> Result<String> {
    let mut runner = built::runner(profile)?;
    runner.args(["sweep", seconds]);
    output(runner)
}

/// What is held, in words, and the sweeps.
fn parsed(text: &str) -> Result<(String, Vec<Sweep>)> {
    let document: Value = serde_json::from_str(text)?;
    let held = &document["held"];
    let held = format!(
        "where not varied: {} trees, depth {}, {} rows",
        held["trees"], held["depth"], held["rows"]
    );
    let sweeps = document["sweeps"].as_array().context("no sweeps")?;
    let sweeps = sweeps.iter().map(|sweep| {
        let all = sweep["series"].as_array().context("no series")?;
        Ok(Sweep {
            along: sweep["along"].as_str().context("no name")?.to_owned(),
            series: all.iter().map(series).collect::<Result<_>>()?,
        })
    });
    Ok((held, sweeps.collect::<Result<_>>()?))
}

fn series(document: &Value) -> Result<Series> {
    let points = document["points"].as_array().context("no points")?;
    let points = points.iter().map(|point| {
        let pair = point["at"].as_f64().zip(point["us_per_call"].as_f64());
        pair.context("a point without its numbers")
    });
    Ok(Series {
        name: format!(
            "{} columns, {} thresholds",
            document["inputs"], document["thresholds"]
        ),
        points: points.collect::<Result<_>>()?,
    })
}

fn row(along: &str, series: &Series) -> String {
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else {
        return String::new();
    };
    format!(
        "| {along} | {} | {}–{} | {}–{} | {}× | {}× |\n",
        series.name,
        first.0,
        last.0,
        figure(first.1),
        figure(last.1),
        figure(last.0 / first.0),
        figure(last.1 / first.1)
    )
}

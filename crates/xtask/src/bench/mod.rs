//! Time, measured beside the peers: the project's engine and theirs in turn, on the same rows, in one run.

mod check;
mod cold;
mod contest;
mod edge;
mod field;
mod load;
mod plot;
mod report;
mod runner;
mod scale;
mod serve;
mod start;
mod sweep;
pub(crate) mod table;
mod works;

use anyhow::{Result, bail};

use contest::{Contest, Settings};

/// The folder of everything that a bench makes.
const FOLDER: &str = "target/bench";
/// The document whose tables are made again.
const DOCUMENT: &str = "docs/performance.md";

/// What `bench peers` is asked for.
#[derive(Default)]
pub(crate) struct Options<'a> {
    /// Stands in the table's heading; the clock is never read for it.
    pub(crate) date: Option<&'a str>,
    /// Keeps what `WORK on TARGET` contains it.
    pub(crate) only: Option<&'a str>,
    /// Take package, runner and bundles as they were built before.
    pub(crate) built: bool,
}

/// `bench peers`: installs the peers, makes the models, measures, writes `target/bench/peers.json` and the table.
pub(crate) fn peers(options: &Options<'_>) -> Result<()> {
    let works = works::all(options.built)?;
    let mut contest = Contest::new(Settings::FULL, options.only);
    contest.run(&works)?;
    if contest.wants("start", "wasm") {
        contest.add(start::measure(&works, Settings::FULL)?);
    }
    finish(contest, options.date)
}

/// `bench --small`: the same scripts on the committed bundle, in few rounds and without any peer that is not there.
pub(crate) fn small() -> Result<()> {
    let works = works::committed()?;
    let mut contest = Contest::new(Settings::SMALL, None);
    contest.run(&works)?;
    contest.add(start::measure(&works, Settings::SMALL)?);
    let (measured, failures) = contest.finish();
    report::check_shape(&report::to_json(&measured))?;
    sweep::small()?;
    edge::small()?;
    serve::small()?;
    cold::small()?;
    scale::small()?;
    refuse(&failures)
}

/// `bench edge`: the serving handler on workerd, Node, Bun and Deno, as JSON and as a table in the docs.
pub(crate) fn serving(date: Option<&str>, built: bool) -> Result<()> {
    edge::run(date, built)
}

/// `bench serve`: `skewless serve` beside servers in Python under the same load, as JSON and as a table in the docs.
pub(crate) fn throughput(date: Option<&str>) -> Result<()> {
    serve::run_bench(date)
}

/// `bench lambda`: cold starts of the Lambda function beside others, as JSON and as a table in the docs.
pub(crate) fn cold_starts(date: Option<&str>, built: bool) -> Result<()> {
    cold::run_bench(date, built)
}

/// `bench scale`: rows a second and memory of `skewless transform`, as JSON and as a table in the docs.
pub(crate) fn scale(rows: Option<&str>, date: Option<&str>) -> Result<()> {
    scale::run_bench(rows.map_or(Ok(scale::ROWS), str::parse)?, date)
}

/// `bench sweep`: how cost grows, as JSON and as a plot in the docs.
pub(crate) fn sweep() -> Result<()> {
    sweep::run()
}

fn finish(contest: Contest, date: Option<&str>) -> Result<()> {
    let complete = contest.is_complete();
    let (measured, failures) = contest.finish();
    let json = report::to_json(&measured);
    report::check_shape(&json)?;
    report::write(&json)?;
    table::print(&measured);
    if complete && failures.is_empty() {
        table::write(&measured, date)?;
    }
    refuse(&failures)
}

fn refuse(failures: &[String]) -> Result<()> {
    match failures {
        [] => Ok(()),
        all => bail!("what could not be measured:\n  {}", all.join("\n  ")),
    }
}

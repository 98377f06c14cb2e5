//! `skewless runs`: recorded runs of training as a list, side by side, or as bars.

mod compare;
mod plot;

use comfy_table::Table;
use skewless_core::{Error, Result};

use crate::args::{RunsArgs, RunsCommand};
use crate::destination::print;
use crate::exit::Outcome;
use crate::inspect::{section, table, width};
use crate::records::{Run, Status, place, runs};

pub(crate) fn run(args: &RunsArgs) -> anyhow::Result<Outcome> {
    let (of, json) = match &args.command {
        Some(RunsCommand::Compare(args)) => (&args.of.of, args.of.json),
        Some(RunsCommand::Plot(args)) => (&args.of.of, args.of.json),
        None => (&args.place, args.json),
    };
    let path = place(of)?;
    let runs = runs(&path)?;
    let text = match &args.command {
        None if json => lines(&runs)?,
        None => section(&format!("Runs in {}", path.display()), &list(&runs)),
        Some(RunsCommand::Compare(args)) => {
            let (a, b) = (found(&runs, &args.a)?, found(&runs, &args.b)?);
            if json {
                lines(&compare::differences(a, b))?
            } else {
                compare::text(a, b)
            }
        }
        Some(RunsCommand::Plot(args)) => {
            let bars = plot::bars(&runs, &args.metric)?;
            if json {
                lines(&bars)?
            } else {
                plot::text(&args.metric, &bars, width())
            }
        }
    };
    print(&text)?;
    Ok(Outcome::Done)
}

fn lines<T: serde::Serialize>(what: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(what).map_err(|error| {
        Error::internal("internal.json", "the runs cannot be written as JSON").with_source(error)
    })?;
    Ok(format!("{text}\n"))
}

/// A run by its number or by the first eight or more characters of its id.
fn found<'a>(runs: &'a [Run], name: &str) -> Result<&'a Run> {
    let is = |run: &&Run| {
        run.number.to_string() == name || (name.len() >= 8 && run.id.starts_with(name))
    };
    let mut found = runs.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => Err(Error::input(
            "records.ambiguous",
            format!("several runs have ids that begin with `{name}`"),
        )),
        (None, _) => Err(Error::input(
            "records.unknown_run",
            format!("there is no run `{name}`"),
        )),
    }
}

fn list(runs: &[Run]) -> Table {
    let mut table = table(width());
    table.set_header([
        "run", "started", "model", "status", "winner", "test", "bundle",
    ]);
    for run in runs {
        let model = [run.model.as_deref(), run.version.as_deref()];
        table.add_row([
            run.number.to_string(),
            run.started.clone(),
            model.into_iter().flatten().collect::<Vec<_>>().join(" "),
            status(run),
            winner(run),
            tested(run),
            run.bundle
                .as_deref()
                .unwrap_or("–")
                .chars()
                .take(12)
                .collect(),
        ]);
    }
    table
}

fn status(run: &Run) -> String {
    match (run.status, &run.code, &run.message) {
        (Status::Error, Some(code), _) => format!("error {code}"),
        (Status::GateFailed, _, Some(gates)) => format!("gate failed: {gates}"),
        (status, ..) => status.name().replace('_', " "),
    }
}

fn winner(run: &Run) -> String {
    let winner = run
        .candidates
        .iter()
        .find(|one| Some(one.place) == run.winner);
    winner.map_or_else(
        || "–".to_owned(),
        |one| match &one.feature_set {
            Some(set) => format!("{} on {set}", one.kind),
            None => one.kind.clone(),
        },
    )
}

fn tested(run: &Run) -> String {
    let measured = run.measured().filter_map(|(name, value)| {
        let name = name.strip_prefix("test.")?;
        Some(format!("{name} {value:.4}"))
    });
    measured.collect::<Vec<_>>().join("\n")
}

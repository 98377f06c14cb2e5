//! Reading runs back out of the SQLite file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde_json::Value as Json;
use skewless_core::{Error, Result};

use super::database::{open, refused};
use super::{
    Artefact, Candidate, Direction, FILE, Gate, Metric, Parameter, Part, Run, STORE, Status,
};

/// The file of a configuration, of a project's folder, of a folder that `--store` named, or itself.
///
/// # Errors
/// `records.absent` where there is none.
pub(crate) fn place(of: &Path) -> Result<PathBuf> {
    let folder = if of.is_file() {
        if of
            .extension()
            .is_some_and(|extension| extension == "sqlite")
        {
            return Ok(of.to_owned());
        }
        of.parent().unwrap_or(Path::new(""))
    } else {
        of
    };
    let places = [folder.join(STORE).join(FILE), folder.join(FILE)];
    places
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| {
            let message = format!(
                "no run is recorded at `{}`; `skewless train` does it",
                of.display()
            );
            Error::input("records.absent", message)
        })
}

/// Every run, in the order in which they began.
///
/// # Errors
/// `records.*`
pub(crate) fn runs(path: &Path) -> Result<Vec<Run>> {
    let mut connection = open(path)?;
    let mut read = || -> rusqlite::Result<Vec<Run>> {
        // One view of all tables, whatever other runs write meanwhile.
        let inside = connection.transaction()?;
        let mut runs = each(&inside, "SELECT * FROM run ORDER BY number", run)?;
        let places: HashMap<String, usize> = runs
            .iter()
            .enumerate()
            .map(|(place, run)| (run.id.clone(), place))
            .collect();
        details(&inside, "candidate", candidate, |id, one| {
            with(&mut runs, &places, id, |run| run.candidates.push(one))
        })?;
        details(&inside, "parameter", parameter, |id, one| {
            with(&mut runs, &places, id, |run| run.parameters.push(one))
        })?;
        details(&inside, "metric", metric, |id, one| {
            with(&mut runs, &places, id, |run| run.metrics.push(one))
        })?;
        details(&inside, "gate", gate, |id, one| {
            with(&mut runs, &places, id, |run| run.gates.push(one))
        })?;
        details(&inside, "artefact", artefact, |id, one| {
            with(&mut runs, &places, id, |run| run.artefacts.push(one))
        })?;
        Ok(runs)
    };
    read().map_err(|error| refused(path, error))
}

fn with(runs: &mut [Run], places: &HashMap<String, usize>, id: &str, add: impl FnOnce(&mut Run)) {
    if let Some(run) = places.get(id).and_then(|&place| runs.get_mut(place)) {
        add(run);
    }
}

fn each<T>(
    inside: &Connection,
    text: &str,
    of: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    inside
        .prepare(text)?
        .query_map([], |row| of(row))?
        .collect()
}

fn details<T>(
    inside: &Connection,
    table: &str,
    of: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut add: impl FnMut(&str, T),
) -> rusqlite::Result<()> {
    let rows = each(
        inside,
        &format!("SELECT * FROM {table} ORDER BY rowid"),
        |row| Ok((row.get::<_, String>("run")?, of(row)?)),
    )?;
    rows.into_iter().for_each(|(run, one)| add(&run, one));
    Ok(())
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let status: String = row.get("status")?;
    Ok(Run {
        number: row.get("number")?,
        id: row.get("id")?,
        started: row.get("started")?,
        ended: row.get("ended")?,
        status: known(Status::ALL.into_iter().find(|known| known.name() == status))?,
        code: row.get("code")?,
        message: row.get("message")?,
        program: row.get("program")?,
        configuration: row.get("configuration")?,
        configuration_sha256: row.get("configuration_sha256")?,
        model: row.get("model")?,
        version: row.get("version")?,
        task: row.get("task")?,
        seed: seed(row)?,
        data: row.get("data")?,
        winner: count(row, "winner")?,
        bundle: row.get("bundle")?,
        candidates: Vec::new(),
        parameters: Vec::new(),
        metrics: Vec::new(),
        gates: Vec::new(),
        artefacts: Vec::new(),
    })
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        place: known(count(row, "place")?)?,
        experiment: row.get("experiment")?,
        feature_set: row.get("feature_set")?,
        kind: row.get("kind")?,
        seed: seed(row)?,
        digest: row.get("digest")?,
        left_at: count(row, "left_at")?,
    })
}

fn parameter(row: &Row<'_>) -> rusqlite::Result<Parameter> {
    let value: String = row.get("value")?;
    Ok(Parameter {
        candidate: known(count(row, "candidate")?)?,
        name: row.get("name")?,
        value: serde_json::from_str(&value).unwrap_or(Json::String(value)),
    })
}

fn metric(row: &Row<'_>) -> rusqlite::Result<Metric> {
    let part: String = row.get("part")?;
    let parts = [Part::Validate, Part::Test];
    Ok(Metric {
        candidate: known(count(row, "candidate")?)?,
        part: known(parts.into_iter().find(|known| known.name() == part))?,
        fold: count(row, "fold")?,
        name: row.get("name")?,
        value: row.get::<_, Option<f64>>("value")?.unwrap_or(f64::NAN),
        low: row.get("low")?,
        high: row.get("high")?,
    })
}

fn gate(row: &Row<'_>) -> rusqlite::Result<Gate> {
    Ok(Gate {
        gate: row.get("gate")?,
        found: row.get::<_, Option<f64>>("found")?.unwrap_or(f64::NAN),
        min: row.get("min")?,
        max: row.get("max")?,
        passed: row.get("passed")?,
    })
}

fn artefact(row: &Row<'_>) -> rusqlite::Result<Artefact> {
    let direction: String = row.get("direction")?;
    let directions = [Direction::Input, Direction::Output];
    let bytes: i64 = row.get("bytes")?;
    Ok(Artefact {
        direction: known(
            directions
                .into_iter()
                .find(|known| known.name() == direction),
        )?,
        path: row.get("path")?,
        sha256: row.get("sha256")?,
        bytes: bytes.unsigned_abs(),
        rows: count(row, "rows")?,
    })
}

fn seed(row: &Row<'_>) -> rusqlite::Result<Option<u64>> {
    let text: Option<String> = row.get("seed")?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// A number of things; none for NULL.
fn count(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<usize>> {
    let number: Option<i64> = row.get(name)?;
    number
        .map(|number| known(usize::try_from(number).ok()))
        .transpose()
}

fn known<T>(found: Option<T>) -> rusqlite::Result<T> {
    let message = "a value that the schema does not have";
    found.ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, message.into()))
}

//! The SQLite file of records: its schema, and how a run gets in whole or not at all.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use skewless_core::{Error, Result};

use super::{Candidate, Run};

/// Version of the schema, in `PRAGMA user_version`.
const VERSION: i64 = 1;

/// How long to wait for another run that is writing.
const BUSY: Duration = Duration::from_secs(20);

const SCHEMA: &str = "
CREATE TABLE run (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  started TEXT NOT NULL,
  ended TEXT,
  status TEXT NOT NULL CHECK (status IN ('running', 'done', 'gate_failed', 'error')),
  code TEXT,
  message TEXT,
  program TEXT NOT NULL,
  configuration TEXT NOT NULL,
  configuration_sha256 TEXT NOT NULL,
  model TEXT,
  version TEXT,
  task TEXT,
  seed TEXT,
  data TEXT,
  winner INTEGER,
  bundle TEXT
) STRICT;
CREATE TABLE candidate (
  run TEXT NOT NULL REFERENCES run (id),
  place INTEGER NOT NULL,
  experiment TEXT,
  feature_set TEXT,
  kind TEXT NOT NULL,
  seed TEXT,
  digest TEXT,
  left_at INTEGER,
  PRIMARY KEY (run, place)
) STRICT;
CREATE TABLE parameter (
  run TEXT NOT NULL REFERENCES run (id),
  candidate INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, candidate, name)
) STRICT;
CREATE TABLE metric (
  run TEXT NOT NULL REFERENCES run (id),
  candidate INTEGER NOT NULL,
  part TEXT NOT NULL CHECK (part IN ('validate', 'test')),
  fold INTEGER,
  name TEXT NOT NULL,
  value REAL,
  low REAL,
  high REAL
) STRICT;
CREATE INDEX metric_of_run ON metric (run);
CREATE TABLE gate (
  run TEXT NOT NULL REFERENCES run (id),
  gate TEXT NOT NULL,
  found REAL,
  min REAL,
  max REAL,
  passed INTEGER NOT NULL
) STRICT;
CREATE INDEX gate_of_run ON gate (run);
CREATE TABLE artefact (
  run TEXT NOT NULL REFERENCES run (id),
  direction TEXT NOT NULL CHECK (direction IN ('input', 'output')),
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  rows INTEGER
) STRICT;
CREATE INDEX artefact_of_run ON artefact (run);
";

/// What holds a run's details, beside the table `run`.
const DETAILS: [&str; 5] = ["candidate", "parameter", "metric", "gate", "artefact"];

/// Writes a run in one transaction, in place of what was known of it; makes the file where there is none.
///
/// # Errors
/// `records.unwritable`, `records.damaged`, `records.busy`, and `records.newer` for a file of a newer version.
pub(super) fn save(path: &Path, run: &Run) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(|error| unwritable(path).with_source(error))?;
    let write = || -> rusqlite::Result<std::result::Result<(), Error>> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        let inside = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Err(error) = prepare(&inside, path)? {
            return Ok(Err(error));
        }
        put(&inside, run)?;
        inside.commit()?;
        Ok(Ok(()))
    };
    write().map_err(|error| refused(path, error))?
}

/// How many other runs over the same data have measured the test, with another configuration.
///
/// # Errors
/// As [`save`].
pub(super) fn openings(path: &Path, run: &Run) -> Result<u64> {
    let text = "SELECT count(*) FROM run WHERE data = ?1 AND configuration_sha256 <> ?2 AND id <> ?3 \
        AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND part = 'test')";
    let given = params![run.data, run.configuration_sha256, run.id];
    let count: i64 = open(path)?
        .query_row(text, given, |row| row.get(0))
        .map_err(|error| refused(path, error))?;
    Ok(count.unsigned_abs())
}

/// Opens the file of earlier runs; nothing is written.
///
/// # Errors
/// As [`save`].
pub(super) fn open(path: &Path) -> Result<Connection> {
    let open = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        let version = version(&connection)?;
        Ok((connection, version))
    };
    match open().map_err(|error| refused(path, error))? {
        (connection, VERSION) => Ok(connection),
        (_, version) => Err(unknown(path, version)),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables of an empty file; refuses a file of another version or of another program.
fn prepare(inside: &Transaction<'_>, path: &Path) -> rusqlite::Result<Result<()>> {
    let tables: i64 =
        inside.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (version(inside)?, tables) {
        (VERSION, 1..) => {}
        (0, 0) => {
            inside.execute_batch(SCHEMA)?;
            inside.pragma_update(None, "user_version", VERSION)?;
        }
        (version, _) => return Ok(Err(unknown(path, version))),
    }
    Ok(Ok(()))
}

fn put(inside: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    for table in DETAILS {
        inside.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [&run.id])?;
    }
    let text = "INSERT INTO run (id, started, ended, status, code, message, program, configuration, \
        configuration_sha256, model, version, task, seed, data, winner, bundle) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
        ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, status = excluded.status, code = excluded.code, \
        message = excluded.message, model = excluded.model, version = excluded.version, task = excluded.task, \
        seed = excluded.seed, data = excluded.data, winner = excluded.winner, bundle = excluded.bundle";
    inside.execute(
        text,
        params![
            run.id,
            run.started,
            run.ended,
            run.status.name(),
            run.code,
            run.message,
            run.program,
            run.configuration,
            run.configuration_sha256,
            run.model,
            run.version,
            run.task,
            run.seed.map(|seed| seed.to_string()),
            run.data,
            run.winner.map(integer),
            run.bundle,
        ],
    )?;
    put_candidates(inside, &run.id, &run.candidates)?;
    put_details(inside, run)
}

fn put_candidates(
    inside: &Transaction<'_>,
    run: &str,
    candidates: &[Candidate],
) -> rusqlite::Result<()> {
    let text = "INSERT INTO candidate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut statement = inside.prepare(text)?;
    for one in candidates {
        statement.execute(params![
            run,
            integer(one.place),
            one.experiment,
            one.feature_set,
            one.kind,
            one.seed.map(|seed| seed.to_string()),
            one.digest,
            one.left_at.map(integer),
        ])?;
    }
    Ok(())
}

fn put_details(inside: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    let mut statement = inside.prepare("INSERT INTO parameter VALUES (?1, ?2, ?3, ?4)")?;
    for one in &run.parameters {
        let value = one.value.to_string();
        statement.execute(params![run.id, integer(one.candidate), one.name, value])?;
    }
    let text = "INSERT INTO metric VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut statement = inside.prepare(text)?;
    for one in &run.metrics {
        let (candidate, fold) = (integer(one.candidate), one.fold.map(integer));
        let part = one.part.name();
        statement.execute(params![
            run.id, candidate, part, fold, one.name, one.value, one.low, one.high
        ])?;
    }
    let mut statement = inside.prepare("INSERT INTO gate VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for one in &run.gates {
        statement.execute(params![
            run.id, one.gate, one.found, one.min, one.max, one.passed
        ])?;
    }
    let mut statement = inside.prepare("INSERT INTO artefact VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for one in &run.artefacts {
        let bytes = i64::try_from(one.bytes).unwrap_or(i64::MAX);
        let (direction, rows) = (one.direction.name(), one.rows.map(integer));
        statement.execute(params![
            run.id, direction, one.path, one.sha256, bytes, rows
        ])?;
    }
    Ok(())
}

fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unwritable(path: &Path) -> Error {
    let message = format!("the records in `{}` cannot be written", path.display());
    Error::input("records.unwritable", message)
}

fn unknown(path: &Path, version: i64) -> Error {
    let path = path.display();
    if version > VERSION {
        let message = format!(
            "the records in `{path}` have version {version}; this program knows versions up to {VERSION}"
        );
        return Error::unsupported("records.newer", message);
    }
    let message = format!("`{path}` is a database, but not one of training runs");
    Error::input("records.damaged", message)
}

/// The code of what SQLite refuses.
pub(super) fn refused(path: &Path, error: rusqlite::Error) -> Error {
    let path_text = path.display();
    let refused = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let message = format!("another run holds the records in `{path_text}`");
            Error::input("records.busy", message)
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::PermissionDenied,
        ) => unwritable(path),
        _ => {
            let message = format!("the records in `{path_text}` are damaged");
            Error::input("records.damaged", message)
        }
    };
    refused.with_source(error)
}

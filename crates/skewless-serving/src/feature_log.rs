//! A sampled log of the feature rows as they were used, bounded in size: JSON lines on standard output, or Parquet
//! objects under a folder or a prefix of S3.
//!
//! An entry holds the time, the bundle, the inputs that are declared and not personal (`pii`), the feature row without
//! the columns of tensors, and the prediction. Scoring the feature row again gives the same bits.

mod entry;
mod parquet_object;

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use object_store::{ObjectStoreExt, PutPayload};
use skewless_core::{Error, Prediction, Record, Result};
use skewless_protocol::Service;

use self::entry::Entry;
use crate::clock::{seconds_since_epoch, utc};
use crate::config::{Config, LogTarget};
use crate::location::{Location, Store};
use crate::sampling::Sampling;

/// The log's `event` on standard output.
pub const LOG_TARGET: &str = "features";

/// The log, and the rows that wait to be written.
pub struct FeatureLog {
    sink: Sink,
    sampling: Sampling,
    key: Option<String>,
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    writing: tokio::sync::Mutex<()>,
}

enum Sink {
    Stdout,
    Folder(std::path::PathBuf),
    Prefix(Store),
}

#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    bytes: usize,
    since: Option<Instant>,
    counts: LogCounts,
}

/// What the log has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Rows that were written.
    pub written: u64,
    /// Rows for which there was no room.
    pub dropped: u64,
    /// Writes that failed; their rows wait for the next one.
    pub failures: u64,
}

/// How long rows wait for more of them before an object is written.
const PATIENCE: Duration = Duration::from_secs(60);

impl FeatureLog {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let sink = match &config.feature_log {
            LogTarget::Prefix(Location::Path(folder)) => Sink::Folder(folder.clone()),
            LogTarget::Prefix(Location::Address(url)) => Sink::Prefix(Location::open(url)?),
            LogTarget::Stdout | LogTarget::Off => Sink::Stdout,
        };
        let key = config.feature_log_key.clone();
        Ok(Self {
            sink,
            sampling: Sampling::new(config.feature_log_share, key.clone()),
            key,
            max_bytes: config.feature_log_max_bytes,
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Checks that a bundle has the field that decides what is logged.
    pub(crate) fn check(&self, service: &Service) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let inputs = service.predictor().pipeline().declared_inputs();
        let rule = match inputs.iter().find(|input| input.name == *key) {
            None => "must be an input of the bundle",
            Some(input) if input.pii => "must not be a personal input (`pii`)",
            Some(_) => return Ok(()),
        };
        let error = Error::misuse("config.invalid_value", rule);
        Err(error.with_field("feature_log_key").with_value(key))
    }

    /// True where objects are written and not lines.
    pub(crate) fn writes_objects(&self) -> bool {
        !matches!(self.sink, Sink::Stdout)
    }

    /// Takes the sampled ones of a batch's rows.
    pub(crate) fn take(&self, service: &Service, rows: &[(&Record, &Prediction)]) {
        let chosen = match self.sampling.choose(rows.iter().map(|(record, _)| *record)) {
            Ok(chosen) => chosen,
            Err(error) => return tracing::error!(code = error.code(), "{}", error.message()),
        };
        let time = seconds_since_epoch();
        for ((record, prediction), _) in rows.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
            let entry = Entry::new(service, record, prediction, self.key.as_deref(), time);
            match entry {
                Ok(entry) => self.keep(entry),
                Err(error) => tracing::error!(code = error.code(), "{}", error.message()),
            }
        }
    }

    /// Writes the log where enough rows wait, or have waited long; lines at once.
    pub(crate) async fn write_if_due(&self) {
        let due = {
            let waiting = self.waiting();
            let aged = waiting
                .since
                .is_some_and(|since| since.elapsed() >= PATIENCE);
            !self.writes_objects() || aged || waiting.bytes > self.max_bytes / 2
        };
        if due {
            self.write().await;
        }
    }

    /// Writes all rows that wait.
    pub(crate) async fn write(&self) {
        let _one_at_a_time = self.writing.lock().await;
        let entries = {
            let mut waiting = self.waiting();
            waiting.since = None;
            std::mem::take(&mut waiting.entries)
        };
        if entries.is_empty() {
            return;
        }
        let bytes: usize = entries.iter().map(Entry::size).sum();
        let failed = match &self.sink {
            Sink::Stdout => print(&entries)
                .err()
                .map(|error| (error, entries.as_slice())),
            _ => self.write_objects(&entries).await.err(),
        };
        let lost: Vec<Entry> = failed
            .as_ref()
            .map_or_else(Vec::new, |(_, rest)| rest.to_vec());
        let mut waiting = self.waiting();
        waiting.counts.written += (entries.len() - lost.len()) as u64;
        // What was not written stands before what came since, and waits on.
        waiting.bytes -= bytes - lost.iter().map(Entry::size).sum::<usize>();
        if let Some((error, _)) = failed {
            waiting.counts.failures += 1;
            waiting.since.get_or_insert_with(Instant::now);
            waiting.entries.splice(0..0, lost);
            drop(waiting);
            tracing::error!(
                event = "feature_log",
                code = error.code(),
                "{}",
                error.message()
            );
        }
    }

    pub(crate) fn counts(&self) -> LogCounts {
        self.waiting().counts
    }

    fn keep(&self, entry: Entry) {
        let mut waiting = self.waiting();
        if waiting.bytes + entry.size() > self.max_bytes {
            waiting.counts.dropped += 1;
            return;
        }
        waiting.bytes += entry.size();
        waiting.since.get_or_insert_with(Instant::now);
        waiting.entries.push(entry);
    }

    /// Writes an object for the rows of each bundle; on failure, what was not written.
    async fn write_objects<'a>(
        &self,
        entries: &'a [Entry],
    ) -> std::result::Result<(), (Error, &'a [Entry])> {
        let mut rest = entries;
        for group in entries.chunk_by(|one, other| one.facts.digest == other.facts.digest) {
            let written = match parquet_object::encode(group) {
                Ok(bytes) => self.put(&object_name(group), bytes).await,
                Err(error) => Err(error),
            };
            written.map_err(|error| (error, rest))?;
            rest = rest.get(group.len()..).unwrap_or_default();
        }
        Ok(())
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        match &self.sink {
            Sink::Folder(folder) => {
                let path = folder.join(name);
                put_file(&path, &bytes)
                    .map_err(|error| failed(&path.display().to_string(), &error).with_source(error))
            }
            Sink::Prefix(store) => {
                let parts = name.split('/');
                let path = parts.fold(store.path.clone(), |path, part| path.join(part));
                let put = store.store.put(&path, PutPayload::from(bytes)).await;
                put.map(drop)
                    .map_err(|error| failed(path.as_ref(), &error).with_source(error))
            }
            Sink::Stdout => Ok(()),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn print(entries: &[Entry]) -> Result<()> {
    let mut lines = Vec::new();
    for entry in entries {
        entry.write_json(&mut lines)?;
        lines.push(b'\n');
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&lines).and_then(|()| stdout.flush());
    written.map_err(|error| failed("standard output", &error).with_source(error))
}

/// Appears whole or not at all.
fn put_file(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension("part");
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(&unfinished, path)
}

/// `date=2026-11-28/DIGEST-MILLISECONDS-RANDOM.parquet`, by the time of the first row.
fn object_name(entries: &[Entry]) -> String {
    let first = entries.first();
    let (time, digest) = first.map_or((0.0, ""), |entry| (entry.time, &entry.facts.digest));
    let date: String = utc(time).chars().take(10).collect();
    let digest: String = digest.chars().take(12).collect();
    let unique = getrandom::u64().unwrap_or_default();
    format!(
        "date={date}/{digest}-{:.0}-{unique:016x}.parquet",
        time * 1e3
    )
}

fn failed(place: &str, error: &dyn std::error::Error) -> Error {
    Error::internal(
        "internal.feature_log",
        format!("the feature log cannot be written to {place}: {error}"),
    )
}

//! Records of training runs: what was tried with which data, and what came of it.
//!
//! One SQLite file beside the project holds them. The clock belongs here and never in a bundle: a run's record differs
//! each time where its bundle does not.

mod database;
mod facts;
mod instant;
pub(crate) mod lineage;
mod mlflow;
mod read;
mod recording;

use serde::Serialize;
use serde_json::Value as Json;

pub(crate) use read::{place, runs};
pub(crate) use recording::Recording;

/// The file's name in its folder.
pub(crate) const FILE: &str = "runs.sqlite";

/// Folder of kept results and records, beside the configuration.
pub(crate) const STORE: &str = ".skewless";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It is under way, or was killed.
    Running,
    Done,
    /// It ended without a bundle, because a gate failed.
    GateFailed,
    Error,
}

impl Status {
    pub(crate) const ALL: [Self; 4] = [Self::Running, Self::Done, Self::GateFailed, Self::Error];

    /// As in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::GateFailed => "gate_failed",
            Self::Error => "error",
        }
    }
}

/// A run of `skewless train`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// Its number in the file, counted from 1; 0 before it is there.
    pub(crate) number: i64,
    /// A UUID of version 7.
    pub(crate) id: String,
    /// When it began, RFC 3339 in UTC.
    pub(crate) started: String,
    pub(crate) ended: Option<String>,
    pub(crate) status: Status,
    /// An error's code.
    pub(crate) code: Option<String>,
    /// What went wrong, or which gates failed.
    pub(crate) message: Option<String>,
    /// Version of the program.
    pub(crate) program: String,
    /// The configuration's path as it was given, and the SHA-256 of its bytes.
    pub(crate) configuration: String,
    pub(crate) configuration_sha256: String,
    pub(crate) model: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) seed: Option<u64>,
    /// SHA-256 over the digests of the files that were read.
    pub(crate) data: Option<String>,
    /// Place of the winner among the candidates.
    pub(crate) winner: Option<usize>,
    /// SHA-256 of the bundle's manifest, as `skewless inspect` shows it.
    pub(crate) bundle: Option<String>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) gates: Vec<Gate>,
    /// What went in and what came out.
    pub(crate) artefacts: Vec<Artefact>,
}

/// A model that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Candidate {
    /// Counted from 0.
    pub(crate) place: usize,
    pub(crate) experiment: Option<String>,
    pub(crate) feature_set: Option<String>,
    pub(crate) kind: String,
    pub(crate) seed: Option<u64>,
    pub(crate) digest: Option<String>,
    /// The rung of halving after which it was left.
    pub(crate) left_at: Option<usize>,
}

/// A parameter of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Parameter {
    pub(crate) candidate: usize,
    pub(crate) name: String,
    pub(crate) value: Json,
}

/// A measure of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Metric {
    pub(crate) candidate: usize,
    pub(crate) part: Part,
    /// Counted from 0; none is all folds' rows together.
    pub(crate) fold: Option<usize>,
    pub(crate) name: String,
    /// NaN where it could not be taken.
    pub(crate) value: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// The rows of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Validate,
    Test,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Test => "test",
        }
    }
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Gate {
    pub(crate) gate: String,
    pub(crate) found: f64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) passed: bool,
}

/// A file that went into a run or came out of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Artefact {
    pub(crate) direction: Direction,
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Rows of a table.
    pub(crate) rows: Option<usize>,
}

/// Whether a file was read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Input,
    Output,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

impl Run {
    /// Measures of the winner over all folds, by `test.NAME` and `validate.NAME`.
    pub(crate) fn measured(&self) -> impl Iterator<Item = (String, f64)> {
        let of_winner = |one: &&Metric| Some(one.candidate) == self.winner && one.fold.is_none();
        let named = |one: &Metric| (format!("{}.{}", one.part.name(), one.name), one.value);
        self.metrics.iter().filter(of_winner).map(named)
    }

    /// One of them; a name without a part is the test's.
    pub(crate) fn measure(&self, name: &str) -> Option<f64> {
        let mut all = self.measured();
        let is = |known: &str| known == name || known.strip_prefix("test.") == Some(name);
        all.find(|(known, _)| is(known)).map(|(_, value)| value)
    }
}

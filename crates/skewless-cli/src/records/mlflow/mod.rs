//! A finished run on an MLflow tracking server, over its REST API
//! (<https://mlflow.org/docs/latest/api_reference/rest-api.html>).
//!
//! The run is a run there, its candidates are runs nested in it, and the bundle is a model folder with its signature.

mod client;
mod model;

use std::path::Path;

use serde_json::{Value as Json, json};
use skewless_core::digest::sha256_hex;
use skewless_core::{Error, Result};

use super::{Artefact, Candidate, Direction, Metric, Run, Status, instant};
use client::Client;

/// What MLflow takes at once: 100 tags, 100 params, and 1,000 of everything together.
const METRICS: usize = 800;
const PARAMETERS: usize = 100;
const TAGS: usize = 100;
const DATASETS: usize = 1_000;
/// What it takes of a text, in characters.
const PARAMETER_LENGTH: usize = 6_000;
const TAG_LENGTH: usize = 8_000;
const DATASET_NAME_LENGTH: usize = 500;
const DIGEST_LENGTH: usize = 36;

/// The folder of the bundle among a run's artefacts.
const MODEL: &str = "model";
/// The run as `skewless runs --json` has it.
const RECORD: &str = "record.json";

/// A tracking server.
pub(super) struct Server(Client);

/// What is logged of a run.
#[derive(Default)]
struct Facts {
    tags: Vec<Json>,
    parameters: Vec<Json>,
    metrics: Vec<Json>,
}

/// A run of the server: its id there, and where its artefacts go.
struct Begun {
    id: String,
    artefacts: String,
}

impl Server {
    /// # Errors
    /// `config.invalid_value` for what is no address of a server.
    pub(super) fn new(address: &str) -> Result<Self> {
        Client::new(address).map(Self)
    }

    /// Sends a run that has ended. Where a part is refused, the run is ended there all the same, and its tag
    /// `skewless.unsent` says why.
    ///
    /// # Errors
    /// `records.mlflow` where the server cannot be reached or refuses.
    pub(super) fn send(&self, run: &Run) -> Result<()> {
        let experiment = self.experiment(run.model.as_ref().unwrap_or(&run.configuration))?;
        let begun = self.begin(run, &experiment, &name(run), Vec::new())?;
        let sent = self.tell(run, &experiment, &begun);
        if let Err(error) = &sent {
            self.tag(&begun, tag("skewless.unsent", error.message()))?;
        }
        let status = match run.status {
            Status::Done => "FINISHED",
            Status::Running | Status::GateFailed | Status::Error => "FAILED",
        };
        self.end(run, &begun, status)?;
        sent
    }

    /// Everything but the end.
    fn tell(&self, run: &Run, experiment: &str, begun: &Begun) -> Result<()> {
        let mut facts = Facts::of(run, run.winner, |one| one.fold.is_none());
        facts.tags = tags(run);
        self.log(begun, &facts)?;
        let inputs = of(run, Direction::Input).map(dataset).collect::<Vec<_>>();
        for some in inputs.chunks(DATASETS) {
            let datasets = json!({"run_id": begun.id, "datasets": some});
            self.0.post("runs/log-inputs", &datasets)?;
        }
        for candidate in &run.candidates {
            self.send_candidate(run, experiment, begun, candidate)?;
        }
        self.upload(run, begun)
    }

    fn send_candidate(
        &self,
        run: &Run,
        experiment: &str,
        parent: &Begun,
        candidate: &Candidate,
    ) -> Result<()> {
        let nested = vec![tag("mlflow.parentRunId", &parent.id)];
        let begun = self.begin(run, experiment, &name_of(candidate), nested)?;
        let mut facts = Facts::of(run, Some(candidate.place), |_| true);
        facts.tags = tags_of(run, candidate);
        self.log(&begun, &facts)?;
        self.end(run, &begun, "FINISHED")
    }

    /// The id of the experiment of that name, which is made where there is none.
    fn experiment(&self, name: &str) -> Result<String> {
        if let Some(id) = self.0.experiment(name)? {
            return Ok(id);
        }
        match self.0.post("experiments/create", &json!({"name": name})) {
            Ok(made) => client::text(&made, "/experiment_id"),
            // Another run may have made it in between.
            Err(refused) => self.0.experiment(name)?.ok_or(refused),
        }
    }

    fn begin(&self, run: &Run, experiment: &str, name: &str, tags: Vec<Json>) -> Result<Begun> {
        let made = self.0.post(
            "runs/create",
            &json!({
                "experiment_id": experiment,
                "run_name": name,
                "start_time": instant::milliseconds(&run.started),
                "tags": tags,
            }),
        )?;
        Ok(Begun {
            id: client::text(&made, "/run/info/run_id")?,
            artefacts: client::text(&made, "/run/info/artifact_uri")?,
        })
    }

    fn end(&self, run: &Run, begun: &Begun, status: &str) -> Result<()> {
        let ended = json!({"run_id": begun.id, "status": status, "end_time": ended(run)});
        self.0.post("runs/update", &ended).map(drop)
    }

    fn tag(&self, begun: &Begun, tag: Json) -> Result<()> {
        let facts = Facts {
            tags: vec![tag],
            ..Facts::default()
        };
        self.log(begun, &facts)
    }

    /// Logs no more at once than MLflow takes.
    fn log(&self, begun: &Begun, facts: &Facts) -> Result<()> {
        let mut tags = facts.tags.chunks(TAGS);
        let mut parameters = facts.parameters.chunks(PARAMETERS);
        let mut metrics = facts.metrics.chunks(METRICS);
        loop {
            let next = [tags.next(), parameters.next(), metrics.next()];
            if next.iter().all(Option::is_none) {
                return Ok(());
            }
            let [tags, params, metrics] = next.map(Option::unwrap_or_default);
            let batch =
                json!({"run_id": begun.id, "tags": tags, "params": params, "metrics": metrics});
            self.0.post("runs/log-batch", &batch)?;
        }
    }

    /// Uploads what the run wrote, the bundle as a model folder, and the record.
    fn upload(&self, run: &Run, begun: &Begun) -> Result<()> {
        let put = |folder: &[&str], name: &str, bytes: Vec<u8>| {
            self.0.upload(&begun.artefacts, folder, name, bytes)
        };
        for one in of(run, Direction::Output) {
            let bytes = unchanged(one)?;
            let name = file_name(&one.path);
            match model::folder(run, &begun.id, name, &bytes)? {
                None => put(&[], name, bytes)?,
                Some(folder) => {
                    let description = folder.description.to_string();
                    put(&[MODEL], name, bytes)?;
                    put(&[MODEL], "MLmodel", description.into_bytes())?;
                    let history = tag("mlflow.log-model.history", &folder.history.to_string());
                    self.tag(begun, history)?;
                }
            }
        }
        let record = serde_json::to_vec_pretty(run).map_err(|error| {
            Error::internal("internal.json", "the record is no JSON").with_source(error)
        })?;
        put(&[], RECORD, record)
    }
}

impl Facts {
    /// Parameters and those measures of a candidate that are wanted.
    fn of(run: &Run, candidate: Option<usize>, wanted: impl Fn(&Metric) -> bool) -> Self {
        let own = run.parameters.iter();
        let own = own.filter(|one| Some(one.candidate) == candidate);
        let parameters = own.map(|one| {
            let value = shortened(&shown(&one.value), PARAMETER_LENGTH);
            json!({"key": one.name, "value": value})
        });
        let own = run.metrics.iter();
        let own = own.filter(|one| Some(one.candidate) == candidate && wanted(one));
        let time = ended(run);
        Self {
            tags: Vec::new(),
            parameters: parameters.collect(),
            metrics: own.flat_map(|one| measured(one, time)).collect(),
        }
    }
}

fn name(run: &Run) -> String {
    let model = run.model.as_ref().unwrap_or(&run.configuration);
    let version = run.version.as_deref().unwrap_or_default();
    format!("{model} {version}").trim_end().to_owned()
}

fn name_of(candidate: &Candidate) -> String {
    let Candidate { place, kind, .. } = candidate;
    match &candidate.feature_set {
        Some(set) => format!("{place}: {kind} on {set}"),
        None => format!("{place}: {kind}"),
    }
}

fn of(run: &Run, direction: Direction) -> impl Iterator<Item = &Artefact> {
    let all = run.artefacts.iter();
    all.filter(move |one| one.direction == direction)
}

/// When the run ended, in milliseconds since 1970.
fn ended(run: &Run) -> i64 {
    instant::milliseconds(run.ended.as_ref().unwrap_or(&run.started))
}

fn tags(run: &Run) -> Vec<Json> {
    let seed = run.seed.map(|seed| seed.to_string());
    let known = [
        ("run", Some(&run.id)),
        ("program", Some(&run.program)),
        ("configuration", Some(&run.configuration)),
        ("configuration_sha256", Some(&run.configuration_sha256)),
        ("model", run.model.as_ref()),
        ("version", run.version.as_ref()),
        ("task", run.task.as_ref()),
        ("seed", seed.as_ref()),
        ("data", run.data.as_ref()),
        ("bundle", run.bundle.as_ref()),
        ("code", run.code.as_ref()),
        ("message", run.message.as_ref()),
    ];
    let mut tags = vec![tag("skewless.status", run.status.name())];
    tags.extend(named(known));
    tags.extend(of(run, Direction::Output).map(|one| {
        let key = format!("skewless.sha256.{}", key(file_name(&one.path)));
        tag(&key, &one.sha256)
    }));
    tags.extend(run.gates.iter().map(|gate| {
        let found = json!({"found": number(gate.found), "min": gate.min, "max": gate.max, "passed": gate.passed});
        tag(&format!("skewless.gate.{}", key(&gate.gate)), &found.to_string())
    }));
    tags
}

fn tags_of(run: &Run, candidate: &Candidate) -> Vec<Json> {
    let (place, seed) = (
        candidate.place.to_string(),
        candidate.seed.map(|seed| seed.to_string()),
    );
    let left_at = candidate.left_at.map(|rung| rung.to_string());
    let winner = (run.winner == Some(candidate.place)).to_string();
    named([
        ("run", Some(&run.id)),
        ("candidate", Some(&place)),
        ("winner", Some(&winner)),
        ("kind", Some(&candidate.kind)),
        ("experiment", candidate.experiment.as_ref()),
        ("feature_set", candidate.feature_set.as_ref()),
        ("seed", seed.as_ref()),
        ("digest", candidate.digest.as_ref()),
        ("left_at", left_at.as_ref()),
    ])
    .collect()
}

/// Those of the tags that are known, under the program's name.
fn named<'a>(
    tags: impl IntoIterator<Item = (&'a str, Option<&'a String>)>,
) -> impl Iterator<Item = Json> {
    let known = tags
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| tag(&format!("skewless.{name}"), value))
}

fn tag(key: &str, value: &str) -> Json {
    json!({"key": key, "value": shortened(value, TAG_LENGTH)})
}

/// A measure with its interval's ends: `test.rmse`, `test.rmse.low`, `test.rmse.high`; of a fold `validate.rmse.fold`,
/// with the fold as its step.
fn measured(one: &Metric, time: i64) -> impl Iterator<Item = Json> {
    let fold = if one.fold.is_some() { ".fold" } else { "" };
    let name = format!("{}.{}{fold}", one.part.name(), one.name);
    let step = one.fold.unwrap_or(0);
    let values = [
        ("", Some(one.value)),
        (".low", one.low),
        (".high", one.high),
    ];
    let known = values
        .into_iter()
        .filter_map(|(end, value)| Some((end, value?)));
    known.map(move |(end, value)| {
        let key = format!("{name}{end}");
        json!({"key": key, "value": number(value), "timestamp": time, "step": step})
    })
}

/// A file that was read, by the beginning of its digest and the whole one as a tag.
fn dataset(one: &Artefact) -> Json {
    let (kind, source) = match one.path.split_once("://") {
        Some(("s3", _)) => ("s3", json!({"uri": one.path})),
        Some(_) => ("http", json!({"url": one.path})),
        None => ("local", json!({"uri": one.path})),
    };
    let profile = json!({"num_rows": one.rows, "bytes": one.bytes}).to_string();
    json!({
        "tags": [
            {"key": "mlflow.data.context", "value": "training"},
            {"key": "sha256", "value": one.sha256},
        ],
        "dataset": {
            "name": shortened(&one.path, DATASET_NAME_LENGTH),
            "digest": shortened(&one.sha256, DIGEST_LENGTH),
            "source_type": kind,
            "source": source.to_string(),
            "profile": profile,
        },
    })
}

/// A number in JSON, or as Protocol Buffers write one that JSON lacks.
fn number(value: f64) -> Json {
    match value {
        value if value.is_finite() => json!(value),
        value if value.is_nan() => json!("NaN"),
        value if value > 0.0 => json!("Infinity"),
        _ => json!("-Infinity"),
    }
}

/// A parameter as text.
fn shown(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A text in the characters that MLflow allows in names.
fn key(text: &str) -> String {
    let allowed = |sign: char| sign.is_alphanumeric() || "_.- ".contains(sign);
    text.replace(|sign| !allowed(sign), "_")
}

fn file_name(path: &str) -> &str {
    let name = Path::new(path).file_name();
    name.and_then(|name| name.to_str()).unwrap_or("bundle.skw")
}

/// The bytes of a file that the run wrote.
///
/// # Errors
/// `records.mlflow` where it is no longer there, or no longer the same.
fn unchanged(one: &Artefact) -> Result<Vec<u8>> {
    let bytes = std::fs::read(&one.path).ok();
    let bytes = bytes.filter(|bytes| sha256_hex(bytes) == one.sha256);
    bytes
        .ok_or_else(|| client::failure(&format!("`{}` has changed since it was written", one.path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Part;

    #[test]
    fn a_fold_is_a_step_and_numbers_that_json_lacks_are_words() {
        let metric = |fold, value, low| Metric {
            candidate: 0,
            part: Part::Validate,
            fold,
            name: "rmse".to_owned(),
            value,
            low,
            high: None,
        };
        let logged = |one: &Metric| -> Vec<Json> {
            let fields = |one: Json| json!([one["key"], one["value"], one["step"]]);
            measured(one, 5).map(fields).collect()
        };
        assert_eq!(
            logged(&metric(None, f64::NAN, Some(f64::NEG_INFINITY))),
            [
                json!(["validate.rmse", "NaN", 0]),
                json!(["validate.rmse.low", "-Infinity", 0])
            ]
        );
        assert_eq!(
            logged(&metric(Some(2), 0.5, None)),
            [json!(["validate.rmse.fold", 0.5, 2])]
        );
    }

    #[test]
    fn texts_are_cut_at_characters_and_names_keep_to_mlflows() {
        assert_eq!(shortened("größer", 4), "größ");
        assert_eq!(key("my model (1).skw"), "my model _1_.skw");
        assert_eq!(
            (shown(&json!("gini")), shown(&json!(0.01))),
            ("gini".to_owned(), "0.01".to_owned())
        );
    }
}

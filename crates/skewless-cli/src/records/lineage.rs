//! OpenLineage events of a run as JSON lines (<https://openlineage.io/spec/2-0-2/OpenLineage.json>).

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value as Json, json};
use skewless_core::{Error, Result};

use super::{Artefact, Direction, Run, Status};

const PRODUCER: &str = env!("CARGO_PKG_REPOSITORY");
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// Appends the event of the run's status: START while it runs, COMPLETE or FAIL after that.
///
/// # Errors
/// `train.unwritable`
pub(super) fn append(path: &Path, run: &Run, folder: &Path) -> Result<()> {
    let line = format!("{}\n", event(run, folder));
    let open = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path);
    let written = open.and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| {
        let message = format!(
            "the lineage events in `{}` cannot be written",
            path.display()
        );
        Error::input("train.unwritable", message).with_source(error)
    })
}

fn event(run: &Run, folder: &Path) -> Json {
    let kind = match run.status {
        Status::Running => "START",
        Status::Done => "COMPLETE",
        Status::GateFailed | Status::Error => "FAIL",
    };
    let datasets = |direction: Direction| -> Vec<Json> {
        let of = run
            .artefacts
            .iter()
            .filter(|one| one.direction == direction);
        of.map(|one| dataset(one, folder)).collect()
    };
    json!({
        "eventType": kind,
        "eventTime": run.ended.as_ref().unwrap_or(&run.started),
        "run": {"runId": run.id, "facets": run_facets(run)},
        "job": {"namespace": "skewless", "name": job(run), "facets": job_facets()},
        "inputs": datasets(Direction::Input),
        "outputs": datasets(Direction::Output),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    })
}

fn job(run: &Run) -> String {
    let model = run.model.as_ref().unwrap_or(&run.configuration);
    format!("train.{model}")
}

fn job_facets() -> Json {
    let fields = json!({"processingType": "BATCH", "integration": "SKEWLESS", "jobType": "JOB"});
    json!({"jobType": facet("2-0-4/JobTypeJobFacet", fields)})
}

fn run_facets(run: &Run) -> Json {
    let engine = json!({"version": run.program, "name": "skewless"});
    let mut facets = json!({"processing_engine": facet("1-1-1/ProcessingEngineRunFacet", engine)});
    if let (Status::GateFailed | Status::Error, Json::Object(facets)) = (run.status, &mut facets) {
        let code = run.code.as_deref().unwrap_or("gate failed");
        let message = format!("{code}: {}", run.message.as_deref().unwrap_or_default());
        let fields = json!({"message": message, "programmingLanguage": "Rust"});
        facets.insert(
            "errorMessage".to_owned(),
            facet("1-0-1/ErrorMessageRunFacet", fields),
        );
    }
    facets
}

/// A file with its digest as its version; inputs lie relative to the configuration.
fn dataset(one: &Artefact, folder: &Path) -> Json {
    let (namespace, place) = place(one, folder);
    let version = json!({"datasetVersion": one.sha256});
    let mut size = json!({"size": one.bytes, "fileCount": 1});
    if let (Some(rows), Json::Object(size)) = (one.rows, &mut size) {
        size.insert("rowCount".to_owned(), rows.into());
    }
    let (facets, name, schema) = match one.direction {
        Direction::Input => (
            "inputFacets",
            "inputStatistics",
            "1-0-0/InputStatisticsInputDatasetFacet",
        ),
        Direction::Output => (
            "outputFacets",
            "outputStatistics",
            "1-0-2/OutputStatisticsOutputDatasetFacet",
        ),
    };
    json!({
        "namespace": namespace,
        "name": place,
        "facets": {"version": facet("1-0-1/DatasetVersionDatasetFacet", version)},
        facets: {name: facet(schema, size)},
    })
}

/// Namespace and name of a file: of this machine its path, of an object its bucket and key, of the web host and path
/// (<https://openlineage.io/docs/spec/naming>).
fn place(one: &Artefact, folder: &Path) -> (String, String) {
    let address = one.path.split_once("://");
    let in_host = address.and_then(|(_, rest)| rest.split_once('/'));
    if let (Some((scheme, _)), Some((host, name))) = (address, in_host) {
        return (format!("{scheme}://{host}"), name.to_owned());
    }
    let relative = match one.direction {
        Direction::Input => folder.join(&one.path),
        Direction::Output => one.path.clone().into(),
    };
    let path = std::fs::canonicalize(&relative).unwrap_or(relative);
    ("file".to_owned(), path.display().to_string())
}

/// A facet with who made it and the address of its schema, `VERSION/NAME`.
fn facet(schema: &str, fields: Json) -> Json {
    let name = schema.rsplit('/').next().unwrap_or(schema);
    let mut all = Map::new();
    all.insert("_producer".to_owned(), PRODUCER.into());
    let address = format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{name}");
    all.insert("_schemaURL".to_owned(), address.into());
    if let Json::Object(fields) = fields {
        all.extend(fields);
    }
    Json::Object(all)
}

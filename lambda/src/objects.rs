//! Objects of S3: tables of records that were created are answered by tables of predictions below the configured output.
//!
//! `BUCKET/KEY` becomes `OUTPUT/KEY` in the same format (JSON lines, CSV, Parquet, told by the key's ending), the same bytes that
//! `skewless predict` writes. JSON lines and CSV stream through; of Parquet the object in and a row group out are in memory.
//! The object appears when it is whole; the same event again writes the same object again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use object_store::buffered::BufWriter;
use object_store::{ObjectStoreExt, PutPayload};
use serde_json::{Value, json};
use skewless_core::{BatchPrediction, Columns, Error, Predictor, Record, Result};
use skewless_protocol::Service;
use skewless_serving::{Location, Store};
use skewless_table::{Answerer, Encoder, Format, PredictionWriter, Rows, Scores, Source as Table};
use tokio_util::io::{StreamReader, SyncIoBridge};
use url::Url;

use crate::function::{Answer, Outcome};
use crate::queue::invalid;
use crate::streamed::Ended;

/// Where predictions are written, and the buckets that are read.
pub(crate) struct Objects {
    output: Option<Output>,
    buckets: Mutex<BTreeMap<String, Store>>,
}

/// The configured output.
pub(crate) struct Output {
    store: Store,
    bucket: String,
}

impl Objects {
    pub(crate) fn new(output: Option<&Location>) -> Result<Self> {
        let output = match output {
            Some(Location::Address(url)) => Some(Output {
                store: Location::open(url)?,
                bucket: url.host_str().unwrap_or_default().to_owned(),
            }),
            _ => None,
        };
        Ok(Self {
            output,
            buckets: Mutex::default(),
        })
    }

    /// The configured output.
    ///
    /// # Errors
    /// `config.missing_value` where none is configured.
    pub(crate) fn output(&self) -> Result<&Output> {
        self.output.as_ref().ok_or_else(|| {
            Error::misuse(
                "config.missing_value",
                "SKEWLESS_OUTPUT must say where predictions of this event go",
            )
            .with_field("SKEWLESS_OUTPUT")
        })
    }

    fn bucket(&self, name: &str) -> Result<Store> {
        let buckets = || self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets().get(name) {
            return Ok(known.clone());
        }
        let url = Url::parse(&format!("s3://{name}/")).map_err(|error| {
            Error::input(
                "request.invalid_event",
                format!("no bucket has this name: {error}"),
            )
            .with_value(name)
        })?;
        let store = Location::open(&url)?;
        buckets().insert(name.to_owned(), store.clone());
        Ok(store)
    }
}

impl Output {
    /// Writes an object below the output.
    ///
    /// # Errors
    /// `internal.output`.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.path(name);
        let put = self.store.store.put(&path, PutPayload::from(bytes)).await;
        put.map(drop)
            .map_err(|error| unwritten(path.as_ref(), &error.to_string()).with_source(error))
    }

    fn path(&self, name: &str) -> object_store::path::Path {
        let parts = name.split('/').filter(|part| !part.is_empty());
        parts.fold(self.store.path.clone(), |path, part| path.join(part))
    }

    /// An object below the output would be answered again, and its answer too.
    fn refuse_own(&self, bucket: &str, key: &str) -> Result<()> {
        let prefix = self.store.path.as_ref();
        let rest = key.strip_prefix(prefix);
        let is_below = rest.is_some_and(|rest| prefix.is_empty() || rest.starts_with('/'));
        if bucket != self.bucket || !is_below {
            return Ok(());
        }
        Err(Error::misuse(
            "config.invalid_value",
            "the object lies below the output, so that its answer would be answered without end",
        )
        .with_field("SKEWLESS_OUTPUT")
        .with_value(key))
    }
}

/// Answers S3's event: `{"objects":[{"input","output","rows","failures"}]}`.
///
/// # Errors
/// `request.invalid_event`, `config.*`, `table.*`, `input.unreachable`, `internal.output`: of the first object that fails. The
/// service then sends the event again, and objects that were answered are written again.
pub(crate) async fn answer(
    objects: &Objects,
    service: &Arc<Service>,
    event: &str,
) -> Result<Outcome> {
    let (mut answered, mut ended) = (Vec::new(), Ended::default());
    for record in records(event)? {
        let object = answer_object(objects, service, &record).await?;
        ended.add(object.ended.tally, object.ended.failures);
        answered.push(object.json);
    }
    Ok(Outcome {
        answer: Answer::Whole(json!({"objects": answered})),
        ended,
    })
}

/// The created objects; none in the event that S3 sends to try a notification.
fn records(event: &str) -> Result<Vec<S3EventRecord>> {
    let read: Value = serde_json::from_str(event).map_err(invalid)?;
    if read.get("Records").is_none() {
        return Ok(Vec::new());
    }
    let event: S3Event = serde_json::from_value(read).map_err(invalid)?;
    let created = |record: &S3EventRecord| {
        let name = record.event_name.as_deref().unwrap_or_default();
        name.trim_start_matches("s3:").starts_with("ObjectCreated:")
    };
    match event.records.iter().find(|record| !created(record)) {
        Some(other) => Err(Error::unsupported(
            "unsupported.event",
            "of S3 only created objects are answered",
        )
        .with_value(other.event_name.as_deref().unwrap_or_default())),
        None => Ok(event.records),
    }
}

struct Answered {
    json: Value,
    ended: Ended,
}

async fn answer_object(
    objects: &Objects,
    service: &Arc<Service>,
    record: &S3EventRecord,
) -> Result<Answered> {
    let bucket = record.s3.bucket.name.as_deref().unwrap_or_default();
    let key = decoded(record.s3.object.key.as_deref().unwrap_or_default())?;
    let output = objects.output()?;
    output.refuse_own(bucket, &key)?;
    let format = Format::of_path(Path::new(&key))?;
    let input = objects.bucket(bucket)?;
    let place = format!("s3://{bucket}/{key}");
    let path = object_store::path::Path::parse(&key).map_err(|error| {
        Error::input(
            "request.invalid_event",
            format!("no object has this key: {error}"),
        )
        .with_value(&key)
    })?;
    let found = input.store.get(&path).await.map_err(|error| {
        Error::input(
            "input.unreachable",
            format!("{place} can't be read: {error}"),
        )
        .with_source(error)
    })?;
    let target = output.path(&key);
    let writer = BufWriter::new(Arc::clone(&output.store.store), target.clone());
    let reader = SyncIoBridge::new(StreamReader::new(IoErrors(found.into_stream())));
    let service = Arc::clone(service);
    let written = format!("s3://{}/{target}", output.bucket);
    let name = written.clone();
    let work = move || {
        let mut writer = SyncIoBridge::new(writer);
        let table = Table::stream(&place, format, reader)?;
        match answer_table(&service, format, table, &mut writer, &name) {
            Ok(ended) => {
                let whole = writer.shutdown();
                whole.map_err(|error| unwritten(&name, &error.to_string()).with_source(error))?;
                Ok(ended)
            }
            Err(error) => {
                let mut writer = writer.into_inner();
                // What was begun is given up; a failure of that changes nothing for the caller.
                let _ = tokio::runtime::Handle::current().block_on(writer.abort());
                Err(error)
            }
        }
    };
    let ended = tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::internal("internal.output", "the table could not be answered").with_source(error)
    })??;
    Ok(Answered {
        json: json!({
            "input": format!("s3://{bucket}/{key}"),
            "output": written,
            "rows": ended.tally.rows,
            "failures": ended.tally.failures,
        }),
        ended,
    })
}

fn answer_table(
    service: &Service,
    format: Format,
    table: Table,
    writer: impl std::io::Write + Send,
    name: &str,
) -> Result<Ended> {
    let predictor = service.predictor();
    let failed = |error: std::io::Error| unwritten(name, &error.to_string()).with_source(error);
    let reader = skewless_table::reader(predictor, table)?;
    let encoder = Encoder::new(format, predictor.output())?;
    let mut writer = PredictionWriter::new(writer, &encoder).map_err(failed)?;
    let scores = Counted(service);
    let answerer = Answerer::new(&scores, Some(encoder));
    let mut ended = Ended::default();
    for chunk in reader {
        let answer = answerer.answer(chunk?)?;
        ended.tally.rows += answer.predictions.rows();
        ended.tally.failures += answer.predictions.errors.len();
        for error in &answer.predictions.errors {
            *ended.failures.entry(error.code()).or_default() += 1;
        }
        if let Some(encoded) = answer.encoded {
            writer.write(encoded).map_err(failed)?;
        }
    }
    if ended.tally.rows == 0 {
        return Err(Error::input("input.empty_batch", "the object has no rows"));
    }
    writer.finish().map_err(failed)?;
    Ok(ended)
}

/// Rows of tables are counted, logged and shown to the shadow as those of requests are; a block of rows is drawn as one request.
struct Counted<'a>(&'a Service);

impl Scores for Counted<'_> {
    fn predictor(&self) -> &Predictor {
        self.0.predictor()
    }

    fn score_records(&self, records: &[Record]) -> Result<BatchPrediction> {
        self.0.predict(records)
    }

    fn score_columns(&self, columns: &Columns) -> Result<BatchPrediction> {
        self.0.predict_columns(columns)
    }

    fn answered(&self, rows: &Rows, predictions: &BatchPrediction) {
        let inputs = || self.0.predictor().pipeline().inputs();
        let records = || match rows {
            Rows::Records(records) => records.clone(),
            Rows::Columns(columns) => skewless_table::records(columns, inputs()),
        };
        self.0.show(records, predictions);
    }
}

/// A key as S3 writes it into events: a space is `+`, everything unusual percent-encoded.
fn decoded(key: &str) -> Result<String> {
    let query = format!("k={key}");
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let key = pairs.next().map(|(_, key)| key.into_owned());
    key.filter(|key| !key.is_empty())
        .ok_or_else(|| Error::input("request.invalid_event", "the event names no object"))
}

fn unwritten(place: &str, why: &str) -> Error {
    Error::internal(
        "internal.output",
        format!("predictions cannot be written to {place}: {why}"),
    )
}

/// A stream of pieces whose errors are the operating system's kind.
struct IoErrors<S>(S);

impl<S, E> futures_core::Stream for IoErrors<S>
where
    S: futures_core::Stream<Item = std::result::Result<bytes::Bytes, E>> + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    type Item = std::io::Result<bytes::Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let polled = std::pin::Pin::new(&mut self.0).poll_next(context);
        polled.map(|piece| piece.map(|piece| piece.map_err(std::io::Error::other)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn keys_are_decoded() {
        for (written, key) in [
            ("a.jsonl", "a.jsonl"),
            ("Happy+Face%281%29.csv", "Happy Face(1).csv"),
            ("a%26b%3Dc%2B.parquet", "a&b=c+.parquet"),
            ("%C3%A4/x.jsonl", "ä/x.jsonl"),
        ] {
            assert_eq!(decoded(written).unwrap(), key);
        }
        assert_eq!(decoded("").unwrap_err().code(), "request.invalid_event");
    }

    #[test]
    fn an_output_does_not_answer_itself() {
        let output = |place: &str| {
            let location = Location::parse(place).unwrap();
            Objects::new(Some(&location)).unwrap()
        };
        for (place, bucket, key, refused) in [
            ("s3://b/out", "b", "out/a.jsonl", true),
            ("s3://b/out", "b", "in/a.jsonl", false),
            ("s3://b/out", "b", "output/a.jsonl", false),
            ("s3://b/out", "c", "out/a.jsonl", false),
            ("s3://b", "b", "a.jsonl", true),
        ] {
            let objects = output(place);
            let found = objects.output().unwrap().refuse_own(bucket, key);
            assert_eq!(found.is_err(), refused, "{place} {bucket} {key}");
        }
    }
}

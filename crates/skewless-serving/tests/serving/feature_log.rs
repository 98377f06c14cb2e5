//! The feature log: what it holds, what it leaves out, and that its rows score to the same bits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use skewless_core::plan::EngineScratch;
use skewless_core::{Bundle, Predictor};
use skewless_serving::config::LogTarget;
use skewless_serving::{Aside, Config, Door, Location, Source, Supply};

use crate::bundles::{RECORDS, body, bundle, engine};
use crate::supply::ask;

struct Logged {
    supply: Supply,
    aside: Arc<Aside>,
    folder: tempfile::TempDir,
}

async fn open(change: impl FnOnce(&mut Config)) -> skewless_core::Result<Logged> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.skw");
    std::fs::write(&path, bundle("1.0.0", 0.1)).unwrap();
    let mut config = Config::new(Door::Serve);
    config.bundle = Location::Path(path);
    config.feature_log = LogTarget::Prefix(Location::Path(folder.path().join("log")));
    config.feature_log_share = 1.0;
    change(&mut config);
    let aside = Aside::new(&config, &[], engine)?.unwrap();
    let source = Source::new(&config.bundle, &[])?;
    let fetched = source.read(None).await?.unwrap();
    let supply = Supply::open(&config, source, fetched, engine, Some(Arc::clone(&aside)))?;
    Ok(Logged {
        supply,
        aside,
        folder,
    })
}

impl Logged {
    fn invoke(&self, records: &[&str]) -> Value {
        let service = self.supply.host().service();
        let response = ask(&self.supply, &service, "/invocations", &body(records));
        serde_json::from_slice(&response.body).unwrap()
    }

    fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files(&self.folder.path().join("log"), &mut found);
        found.sort();
        found
    }

    fn rows(&self) -> Vec<RecordBatch> {
        let objects = self.objects().into_iter();
        objects.flat_map(|path| read(&path)).collect()
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

fn text<'a>(rows: &'a RecordBatch, column: &str, row: usize) -> &'a str {
    rows.column_by_name(column)
        .unwrap()
        .as_string::<i32>()
        .value(row)
}

fn numbers(rows: &RecordBatch, column: &str, row: usize) -> Vec<f64> {
    let lists = rows.column_by_name(column).unwrap().as_list::<i32>();
    lists
        .value(row)
        .as_primitive::<Float64Type>()
        .values()
        .to_vec()
}

fn features(rows: &RecordBatch, row: usize) -> Vec<f64> {
    let features = rows.column_by_name("features").unwrap().as_struct();
    let columns = features
        .columns()
        .iter()
        .map(|column| column.as_primitive::<Float64Type>());
    columns
        .map(|column| {
            if column.is_null(row) {
                f64::NAN
            } else {
                column.value(row)
            }
        })
        .collect()
}

#[tokio::test]
async fn a_logged_row_scores_to_the_same_bits() {
    let logged = open(|_| {}).await.unwrap();
    let answers = logged.invoke(&RECORDS);
    assert!(
        logged.objects().is_empty(),
        "objects are written after the answer"
    );
    logged.aside.close().await;
    let rows = logged.rows();
    let [rows] = rows.as_slice() else {
        unreachable!("one object")
    };
    assert_eq!(rows.num_rows(), 2);
    let predictor = Predictor::new(&Bundle::from_bytes(&bundle("1.0.0", 0.1)).unwrap()).unwrap();
    for (row, answer) in answers["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        let mut raw = [0.0];
        let engine = predictor.engine();
        engine
            .score(
                &features(rows, row),
                &mut EngineScratch::default(),
                &mut raw,
            )
            .unwrap();
        let logged = numbers(rows, "raw", row);
        assert_eq!(raw[0].to_bits(), logged[0].to_bits());
        assert_eq!(raw[0].to_bits(), answer["raw"].as_f64().unwrap().to_bits());
        assert_eq!(
            numbers(rows, "values", row)[0],
            answer["probability"].as_f64().unwrap()
        );
        assert_eq!(text(rows, "label", row), answer["label"].as_str().unwrap());
        assert_eq!(text(rows, "version", row), "1.0.0");
        assert_eq!(text(rows, "digest", row), predictor_digest());
    }
    assert_eq!(features(rows, 0)[0], 30.5);
    let negative_zero = features(rows, 0).last().copied().unwrap();
    assert_eq!(negative_zero.to_bits(), (-0.0_f64).to_bits());
}

fn predictor_digest() -> String {
    Bundle::from_bytes(&bundle("1.0.0", 0.1))
        .unwrap()
        .digest()
        .to_owned()
}

#[tokio::test]
async fn personal_and_undeclared_fields_stay_out() {
    let logged = open(|_| {}).await.unwrap();
    logged.invoke(&[r#"{"id":"f1","name":"Ada Lovelace","carrier":"UA","stops":1,"card":"4111"}"#]);
    logged.aside.close().await;
    for path in logged.objects() {
        let bytes = std::fs::read(path).unwrap();
        let holds = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(!holds("Lovelace") && !holds("4111"));
    }
    let rows = logged.rows();
    let inputs: Value = serde_json::from_str(text(&rows[0], "inputs", 0)).unwrap();
    assert_eq!(
        inputs,
        serde_json::json!({"id": "f1", "carrier": "UA", "stops": 1})
    );
}

#[tokio::test]
async fn a_key_takes_the_same_records_everywhere() {
    let record = |id: usize| format!(r#"{{"id":"r{id}","carrier":"UA","stops":{id}}}"#);
    let records: Vec<String> = (0..400).map(record).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let mut taken = Vec::new();
    for _ in 0..2 {
        let logged = open(|config| {
            config.feature_log_share = 0.25;
            config.feature_log_key = Some("id".into());
        })
        .await
        .unwrap();
        logged.invoke(&records);
        logged.aside.close().await;
        let keys = logged
            .rows()
            .iter()
            .flat_map(|rows| {
                (0..rows.num_rows())
                    .map(|row| text(rows, "key", row).to_owned())
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>();
        taken.push(keys);
    }
    assert_eq!(taken[0], taken[1]);
    assert!((60..=140).contains(&taken[0].len()), "{}", taken[0].len());
}

#[tokio::test]
async fn a_key_that_is_no_input_or_personal_is_refused() {
    for key in ["flight", "name"] {
        let error = open(|config| config.feature_log_key = Some(key.into()))
            .await
            .err()
            .unwrap();
        assert_eq!(
            (error.code(), error.value()),
            ("config.invalid_value", Some(key))
        );
    }
}

#[tokio::test]
async fn what_has_no_room_is_dropped_and_counted() {
    let logged = open(|config| config.feature_log_max_bytes = 2_000)
        .await
        .unwrap();
    logged.invoke(&[RECORDS[0]; 100]);
    logged.aside.close().await;
    let counts = logged.aside.counts().log.unwrap();
    assert_eq!(counts.written + counts.dropped, 100);
    assert!((1..30).contains(&counts.written), "{counts:?}");
}

#[tokio::test]
async fn what_cannot_be_written_waits_for_the_next_write() {
    let logged = open(|_| {}).await.unwrap();
    let log = logged.folder.path().join("log");
    // A file stands where the folder should be.
    std::fs::write(&log, "").unwrap();
    logged.invoke(&RECORDS);
    logged.aside.close().await;
    let counts = logged.aside.counts().log.unwrap();
    assert_eq!((counts.written, counts.failures, counts.dropped), (0, 1, 0));
    std::fs::remove_file(&log).unwrap();
    logged.invoke(&RECORDS[..1]);
    logged.aside.close().await;
    let rows: usize = logged.rows().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 3);
    assert_eq!(logged.aside.counts().log.unwrap().written, 3);
}

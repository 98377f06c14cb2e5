//! Rows of the feature log as a Parquet object.
//!
//! Columns: `time` (timestamp, milliseconds, UTC), `model`, `version`, `digest`, `key` (JSON text, may be null), `inputs`
//! (a JSON object), `features` (a struct, one double a column of the feature row, null where missing), `label` (may be
//! null), `values` and `raw` (lists of doubles).

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{
    Array, ArrayRef, Float64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use skewless_core::{Error, Result};

use super::entry::Entry;

/// The object of rows that one bundle answered.
///
/// # Errors
/// `internal.feature_log`.
pub(super) fn encode(entries: &[Entry]) -> Result<Vec<u8>> {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(times(entries))),
        ("model", strings(entries, |entry| Some(&entry.facts.name))),
        (
            "version",
            strings(entries, |entry| Some(&entry.facts.version)),
        ),
        (
            "digest",
            strings(entries, |entry| Some(&entry.facts.digest)),
        ),
        ("key", strings(entries, |entry| entry.key.as_deref())),
        ("inputs", strings(entries, |entry| Some(&entry.inputs))),
        ("features", Arc::new(features(entries)?)),
        ("label", strings(entries, |entry| entry.label.as_deref())),
        ("values", lists(entries, |entry| &entry.values)),
        ("raw", lists(entries, |entry| &entry.raw)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            let nullable = matches!(*name, "key" | "label");
            Field::new(*name, array.data_type().clone(), nullable)
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(failed)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

fn times(entries: &[Entry]) -> TimestampMillisecondArray {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a clock")]
    let times = entries.iter().map(|entry| (entry.time * 1e3) as i64);
    TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")
}

fn strings(entries: &[Entry], of: impl Fn(&Entry) -> Option<&str>) -> ArrayRef {
    let texts: StringArray = entries.iter().map(of).collect();
    Arc::new(texts)
}

fn features(entries: &[Entry]) -> Result<StructArray> {
    let names = entries.first().map(|entry| Arc::clone(&entry.names));
    let names = names.as_deref().unwrap_or_default();
    let fields: Fields = names
        .iter()
        .map(|name| Field::new(name, DataType::Float64, true))
        .collect();
    let columns = (0..names.len()).map(|column| {
        let values = entries.iter().map(|entry| {
            let value = entry.features.get(column).copied();
            value.filter(|value| !value.is_nan())
        });
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    });
    StructArray::try_new_with_length(fields, columns.collect(), None, entries.len()).map_err(failed)
}

fn lists(entries: &[Entry], of: impl Fn(&Entry) -> &[f64]) -> ArrayRef {
    let item = Field::new("item", DataType::Float64, false);
    let mut lists = ListBuilder::new(Float64Builder::new()).with_field(item);
    for entry in entries {
        lists.values().append_slice(of(entry));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal(
        "internal.feature_log",
        format!("the feature log has no Parquet form: {error}"),
    )
    .with_source(error)
}

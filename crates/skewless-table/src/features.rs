//! Features as lines, cells or Arrow columns; a failed row has its error in its place.

use std::io::{self, Write};

use serde_json::json;
use skewless_core::pipeline::FeatureColumns;
use skewless_core::{Error, Result};

use crate::encode::{Form, error_json, fault, number_text};
use crate::sink::Sink;
use crate::{Encoded, Format, failure};

/// Names of the columns after the features: the code and the message of a failed row.
const ERROR: [&str; 2] = ["error", "message"];

/// Turns features into the bytes or rows of a format. It may be shared between threads.
#[derive(Clone, Debug)]
pub struct FeatureEncoder {
    format: Format,
    names: Vec<String>,
}

impl FeatureEncoder {
    /// An encoder for features of these names.
    ///
    /// # Errors
    /// `unsupported.table_format` for Parquet in a build without it; `table.duplicate_column` for a feature named `error` or
    /// `message`, which CSV and Parquet have beside the features.
    pub fn new(format: Format, names: Vec<String>) -> Result<Self> {
        if !format.is_built() {
            return Err(failure::not_built("the output", format));
        }
        let taken = |name: &&String| ERROR.contains(&name.as_str());
        match names.iter().find(taken) {
            Some(name) if format != Format::JsonLines => {
                Err(failure::duplicate_column("the output", name))
            }
            _ => Ok(Self { format, names }),
        }
    }

    /// The columns of CSV and Parquet: the features, then `error` (the code) and `message`, empty where the row did not fail.
    pub fn column_names(&self) -> Vec<String> {
        let names = self.names.iter().cloned();
        names.chain(ERROR.map(str::to_owned)).collect()
    }

    /// Encodes a block whose first row is row `first_row` of the table.
    ///
    /// # Errors
    /// `internal.encode` if the features do not have the names' width.
    pub fn encode(&self, first_row: usize, features: &FeatureColumns) -> Result<Encoded> {
        let form = match self.format {
            Format::JsonLines => Form::Bytes(self.lines(first_row, features)?),
            Format::Csv => Form::Bytes(self.cells(features)?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Form::Batch(parquet::batch(self, features)?),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(failure::not_built("the output", self.format)),
        };
        Ok(Encoded(form))
    }

    fn lines(&self, first_row: usize, features: &FeatureColumns) -> Result<Vec<u8>> {
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| json!(name).to_string())
            .collect();
        let columns = features.columns();
        let mut bytes = Vec::new();
        for (row, error) in rows(features) {
            if let Some(error) = error {
                let json = json!({ "error": error_json(error, first_row + row) });
                serde_json::to_writer(&mut bytes, &json).map_err(fault)?;
                bytes.push(b'\n');
                continue;
            }
            for (at, (name, value)) in names.iter().zip(cells(&columns, row)).enumerate() {
                bytes.push(if at == 0 { b'{' } else { b',' });
                bytes.extend_from_slice(name.as_bytes());
                bytes.push(b':');
                serde_json::to_writer(&mut bytes, &value).map_err(fault)?;
            }
            bytes.extend_from_slice(b"}\n");
        }
        Ok(bytes)
    }

    fn cells(&self, features: &FeatureColumns) -> Result<Vec<u8>> {
        let columns = features.columns();
        let mut writer = csv::Writer::from_writer(Vec::new());
        for (row, error) in rows(features) {
            let numbers =
                cells(&columns, row).map(|cell| cell.map_or_else(String::new, number_text));
            let error = error.map(|error| [error.code().to_owned(), error.message().to_owned()]);
            writer
                .write_record(numbers.chain(error.unwrap_or_default()))
                .map_err(fault)?;
        }
        writer
            .into_inner()
            .map_err(|error| fault(error.into_error()))
    }
}

/// The rows, each with its error where it failed.
fn rows(features: &FeatureColumns) -> impl Iterator<Item = (usize, Option<&Error>)> {
    let mut errors = features.errors.iter().peekable();
    (0..features.rows).map(move |row| (row, errors.next_if(|error| error.row() == Some(row))))
}

/// The cells of a row; none is missing.
fn cells(columns: &[Vec<f64>], row: usize) -> impl Iterator<Item = Option<f64>> {
    let columns = columns.iter();
    columns.map(move |column| column.get(row).copied().filter(|value| !value.is_nan()))
}

/// Writes the blocks of a [`FeatureEncoder`] in the order they are given.
pub struct FeatureWriter<W: Write + Send>(Sink<W>);

impl<W: Write + Send> FeatureWriter<W> {
    /// Begins a table; CSV gets its header. Parquet is written in row groups of at most `group_rows`, one of which is held
    /// in memory, its columns encoded by so many threads.
    ///
    /// # Errors
    /// What the writer gives.
    pub fn new(
        writer: W,
        encoder: &FeatureEncoder,
        group_rows: usize,
        threads: usize,
    ) -> io::Result<Self> {
        match encoder.format {
            Format::JsonLines => Ok(Self(Sink::Bytes(writer))),
            Format::Csv => Sink::csv(writer, &encoder.column_names()).map(Self),
            #[cfg(feature = "parquet")]
            Format::Parquet => parquet::sink(writer, encoder, (group_rows, threads)).map(Self),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                let message = format!("no groups of {group_rows} rows by {threads} threads");
                Err(io::Error::other(message))
            }
        }
    }

    /// Writes a block; lines leave at once.
    ///
    /// # Errors
    /// What the writer gives; [`io::ErrorKind::InvalidInput`] for a block of another format.
    pub fn write(&mut self, block: Encoded) -> io::Result<()> {
        self.0.write(block)
    }

    /// Ends the table and gives the writer back.
    ///
    /// # Errors
    /// What the writer gives.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::sync::Arc;

    use arrow_array::builder::StringBuilder;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};

    use super::*;
    use crate::parquet_groups::ParquetGroups;

    pub(super) fn sink<W: Write + Send>(
        writer: W,
        encoder: &FeatureEncoder,
        (group_rows, threads): (usize, usize),
    ) -> io::Result<Sink<W>> {
        let sink = ParquetGroups::new(writer, schema(encoder), group_rows, threads)?;
        Ok(Sink::Groups(Box::new(sink)))
    }

    pub(super) fn batch(
        encoder: &FeatureEncoder,
        features: &FeatureColumns,
    ) -> Result<RecordBatch> {
        let column = |values: Vec<f64>| {
            let array = match values.iter().any(|value| value.is_nan()) {
                true => {
                    let cells = values.iter();
                    let cells = cells.map(|&value| (!value.is_nan()).then_some(value));
                    cells.collect::<Float64Array>()
                }
                false => Float64Array::from(values),
            };
            Arc::new(array) as ArrayRef
        };
        let mut arrays: Vec<ArrayRef> = features.columns().into_iter().map(column).collect();
        let (mut codes, mut messages) = (StringBuilder::new(), StringBuilder::new());
        for (_, error) in rows(features) {
            codes.append_option(error.map(Error::code));
            messages.append_option(error.map(Error::message));
        }
        arrays.push(Arc::new(codes.finish()));
        arrays.push(Arc::new(messages.finish()));
        RecordBatch::try_new(schema(encoder), arrays).map_err(fault)
    }

    fn schema(encoder: &FeatureEncoder) -> Arc<Schema> {
        let numbers = encoder
            .names
            .iter()
            .map(|name| Field::new(name, DataType::Float64, true));
        let texts = ERROR.map(|name| Field::new(name, DataType::Utf8, true));
        Arc::new(Schema::new(numbers.chain(texts).collect::<Vec<_>>()))
    }
}

//! Columns of numbers as a table: Parquet or CSV.

use skewless_core::{Column, Columns, Error, Result};

use crate::Format;

/// The bytes of a table with the given columns, equally long; NaN is missing: null in Parquet, an empty cell in CSV. A
/// CSV number reads back as the same f64.
///
/// # Errors
/// `table.unknown_format` for JSON lines; `unsupported.table_format` for Parquet without the feature;
/// `internal.columns` for columns that have no name or another length.
pub fn write_numbers(format: Format, names: &[String], columns: &[Vec<f64>]) -> Result<Vec<u8>> {
    let rows = columns.first().map_or(0, Vec::len);
    if names.len() != columns.len() || columns.iter().any(|column| column.len() != rows) {
        return Err(Error::internal(
            "internal.columns",
            "columns do not fit each other",
        ));
    }
    match format {
        Format::Csv => csv(names, columns, rows),
        #[cfg(feature = "parquet")]
        Format::Parquet => parquet(names, columns),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(Error::unsupported(
            "unsupported.table_format",
            "this build has no Parquet",
        )),
        Format::JsonLines => Err(Error::input(
            "table.unknown_format",
            "columns of numbers are Parquet or CSV",
        )),
    }
}

/// The bytes of a table of numbers and text, as CSV or JSON lines; a missing value is an empty cell, or null.
///
/// # Errors
/// `table.unknown_format` for Parquet, `table.unsupported_type` for tensors.
pub fn write_columns(format: Format, columns: &Columns) -> Result<Vec<u8>> {
    let fault = |error: String| Error::internal("internal.columns", error);
    let each: Vec<(&String, &Column)> = (columns.names().iter())
        .filter_map(|name| Some((name, columns.column(name)?)))
        .collect();
    let is_tensor = |(_, column): &&(&String, &Column)| matches!(column, Column::Tensor { .. });
    if let Some((name, _)) = each.iter().find(is_tensor) {
        let message = format!("column `{name}` holds tensors, which are not written here");
        return Err(Error::input("table.unsupported_type", message).with_field(name));
    }
    match format {
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer
                .write_record(columns.names())
                .map_err(|error| fault(error.to_string()))?;
            for row in 0..columns.rows() {
                let cell = |&(_, column): &(&String, &Column)| match column {
                    Column::Text(text) => text.value(row).unwrap_or_default().to_owned(),
                    _ => number(column, row).map_or_else(String::new, |value| value.to_string()),
                };
                writer
                    .write_record(each.iter().map(cell))
                    .map_err(|error| fault(error.to_string()))?;
            }
            writer
                .into_inner()
                .map_err(|error| fault(error.to_string()))
        }
        Format::JsonLines => {
            let mut lines = Vec::new();
            for row in 0..columns.rows() {
                let field = |&(name, column): &(&String, &Column)| match column {
                    Column::Text(text) => (name.clone(), text.value(row).into()),
                    _ => (name.clone(), number(column, row).into()),
                };
                let record: serde_json::Map<String, serde_json::Value> =
                    each.iter().map(field).collect();
                lines.extend(serde_json::Value::Object(record).to_string().into_bytes());
                lines.push(b'\n');
            }
            Ok(lines)
        }
        Format::Parquet => Err(Error::input(
            "table.unknown_format",
            "text and numbers are written as CSV or JSON lines",
        )),
    }
}

fn number(column: &Column, row: usize) -> Option<f64> {
    match column {
        Column::Number(values) => values.get(row).copied().filter(|value| !value.is_nan()),
        _ => None,
    }
}

fn csv(names: &[String], columns: &[Vec<f64>], rows: usize) -> Result<Vec<u8>> {
    let fault = |error: String| Error::internal("internal.columns", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(names)
        .map_err(|error| fault(error.to_string()))?;
    for row in 0..rows {
        let cells = columns.iter().map(|column| match column.get(row) {
            Some(value) if !value.is_nan() => value.to_string(),
            _ => String::new(),
        });
        writer
            .write_record(cells)
            .map_err(|error| fault(error.to_string()))?;
    }
    writer
        .into_inner()
        .map_err(|error| fault(error.to_string()))
}

#[cfg(feature = "parquet")]
fn parquet(names: &[String], columns: &[Vec<f64>]) -> Result<Vec<u8>> {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    let fields = names
        .iter()
        .map(|name| Field::new(name, DataType::Float64, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let array = |column: &Vec<f64>| {
        let values = column
            .iter()
            .map(|&value| (!value.is_nan()).then_some(value));
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    };
    let write = || -> parquet::errors::Result<Vec<u8>> {
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.iter().map(array).collect())?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        writer.write(&batch)?;
        writer.into_inner()
    };
    write().map_err(|error| Error::internal("internal.columns", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cells, Wanted, read_columns};

    #[test]
    fn numbers_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a", "b"].map(str::to_owned);
        let columns = [vec![0.1, -3e-300, 5.0], vec![f64::NAN, 1.0 / 3.0, 2.0]];
        let formats = [Format::Csv, Format::Parquet];
        for format in formats.into_iter().filter(|format| format.is_built()) {
            let path = folder.path().join(format!("numbers.{}", format.name()));
            std::fs::write(&path, write_numbers(format, &names, &columns).unwrap()).unwrap();
            let wanted = names
                .each_ref()
                .map(|name| Wanted::new(name, Cells::Number));
            let read = read_columns(&path, Some(format), &wanted).unwrap();
            for (name, column) in names.iter().zip(&columns) {
                let Some(skewless_core::Column::Number(values)) = read.column(name) else {
                    panic!("{name} is no column of numbers");
                };
                let bits = |values: &[f64]| {
                    values
                        .iter()
                        .map(|value| (!value.is_nan()).then_some(value.to_bits()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(bits(values), bits(column));
            }
        }
    }
}

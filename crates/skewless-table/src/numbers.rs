//! Columns of numbers as a table: Parquet or CSV.

use skewless_core::{Error, Result};

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

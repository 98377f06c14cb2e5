//! Parquet: record batches of the columns asked for, converted to the core's columns.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use skewless_core::{Columns, Error, Result};

use crate::block::{Chunk, Rows};
use crate::parquet_values::column;
use crate::reader::{Extra, Source, Stream};
use crate::{Cells, Wanted, failure};

/// The chunks, and the names of all columns.
pub(crate) fn chunks(
    source: Source,
    wanted: &[Wanted],
    extra: Extra,
) -> Result<(
    impl Iterator<Item = Result<Chunk>> + Send + use<>,
    Vec<String>,
)> {
    let name = source.name;
    let rows = source.block_rows;
    let (batches, names) = match source.input {
        Stream::File(file) => open::<File>(&name, file, rows, wanted, extra)?,
        Stream::Read(mut read) => {
            let mut bytes = Vec::new();
            read.read_to_end(&mut bytes)
                .map_err(|error| failure::unreadable(&name, error))?;
            open(&name, Bytes::from(bytes), rows, wanted, extra)?
        }
    };
    let wanted = wanted.to_vec();
    Ok((
        ParquetRows {
            name,
            batches,
            wanted,
            next_row: 0,
        },
        names,
    ))
}

fn open<R: ChunkReader + 'static>(
    name: &str,
    input: R,
    rows: usize,
    wanted: &[Wanted],
    extra: Extra,
) -> Result<(ParquetRecordBatchReader, Vec<String>)> {
    let invalid = |error| invalid(name, error);
    let metadata = ArrowReaderMetadata::load(&input, ArrowReaderOptions::default());
    let metadata = metadata.map_err(invalid)?;
    let schema = by_dictionary(metadata.schema(), wanted);
    let options = ArrowReaderOptions::default().with_schema(schema);
    // A file whose schema cannot be said again is read as it is.
    let metadata =
        ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata);
    let names: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    for (at, column) in names.iter().enumerate() {
        if names.iter().take(at).any(|known| known == column) {
            return Err(failure::duplicate_column(name, column));
        }
    }
    let taken = names.iter().enumerate().filter_map(|(at, column)| {
        let taken = extra == Extra::Keep || wanted.iter().any(|wanted| wanted.name == *column);
        taken.then_some(at)
    });
    let mask = ProjectionMask::roots(builder.parquet_schema(), taken);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(rows)
        .build()
        .map_err(invalid)?;
    Ok((reader, names))
}

/// The schema with texts that are wanted by dictionary, as Parquet holds them where they repeat.
fn by_dictionary(schema: &SchemaRef, wanted: &[Wanted]) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let is_wanted =
            |wanted: &Wanted| wanted.name == *field.name() && wanted.cells == Cells::Text;
        match field.data_type() {
            DataType::Utf8 if wanted.iter().any(is_wanted) => {
                let text =
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(text))
            }
            _ => Arc::clone(field),
        }
    });
    let fields: Vec<FieldRef> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn invalid(name: &str, error: ParquetError) -> Error {
    Error::input(
        "table.invalid_parquet",
        format!("{name} is not a Parquet file that can be read"),
    )
    .with_source(error)
}

struct ParquetRows {
    name: String,
    batches: ParquetRecordBatchReader,
    wanted: Vec<Wanted>,
    next_row: usize,
}

impl Iterator for ParquetRows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(invalid(&self.name, error.into()))),
        };
        let (name, wanted, first_row) = (self.name.clone(), self.wanted.clone(), self.next_row);
        self.next_row += batch.num_rows();
        Some(Ok(Chunk::new(first_row, move || {
            Ok((Rows::Columns(columns(&name, &batch, &wanted)?), Vec::new()))
        })))
    }
}

fn columns(name: &str, batch: &RecordBatch, wanted: &[Wanted]) -> Result<Columns> {
    let mut columns = Columns::new(batch.num_rows());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let wanted = wanted.iter().find(|wanted| wanted.name == *field.name());
        columns.push(field.name(), column(name, field.name(), array, wanted)?)?;
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, Int32Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use skewless_core::Column;

    use super::*;
    use crate::block::BLOCK_ROWS;
    use crate::{Format, Reader};

    fn table(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn reader(bytes: Vec<u8>, extra: Extra) -> Result<Reader> {
        let source = Source::stream(
            "standard input",
            Format::Parquet,
            std::io::Cursor::new(bytes),
        )?;
        Reader::new(
            source,
            &[
                Wanted::new("x", Cells::Number),
                Wanted::new("c", Cells::Text),
            ],
            extra,
        )
    }

    #[test]
    fn only_wanted_columns_are_read_in_blocks() {
        let many = i32::try_from(BLOCK_ROWS + 5).unwrap();
        let bytes = table(vec![
            (
                "c",
                Arc::new(StringArray::from_iter(
                    (0..many).map(|i| (i != 1).then_some("UA")),
                )) as ArrayRef,
            ),
            (
                "note",
                Arc::new(Float64Array::from_iter_values((0..many).map(f64::from))),
            ),
            ("x", Arc::new(Int32Array::from_iter_values(0..many))),
        ]);
        let blocks: Vec<_> = reader(bytes.clone(), Extra::Skip)
            .unwrap()
            .map(|chunk| chunk.unwrap().decode().unwrap())
            .collect();
        let found: Vec<_> = blocks
            .iter()
            .map(|block| (block.first_row, block.rows.len()))
            .collect();
        assert_eq!(found, [(0, BLOCK_ROWS), (BLOCK_ROWS, 5)]);
        let Rows::Columns(columns) = &blocks[0].rows else {
            unreachable!()
        };
        assert_eq!(columns.names(), ["c", "x"]);
        let Some(Column::Text(text)) = columns.column("c") else {
            unreachable!()
        };
        assert_eq!((text.value(0), text.value(1)), (Some("UA"), None));

        let kept = reader(bytes, Extra::Keep)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .decode()
            .unwrap();
        let Rows::Columns(columns) = &kept.rows else {
            unreachable!()
        };
        assert_eq!(columns.names(), ["c", "note", "x"]);
    }

    #[test]
    fn cut_files_are_refused() {
        let bytes = table(vec![(
            "x",
            Arc::new(Float64Array::from(vec![1.0])) as ArrayRef,
        )]);
        for end in [0, 4, bytes.len() / 2, bytes.len() - 1] {
            let error = reader(bytes[..end].to_vec(), Extra::Skip).err().unwrap();
            assert_eq!(error.code(), "table.invalid_parquet", "{end} bytes");
        }
    }
}

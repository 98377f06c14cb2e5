//! A Parquet file being written.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

pub(crate) struct ParquetSink<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> ParquetSink<W> {
    pub(crate) fn new(writer: W, schema: Arc<Schema>) -> io::Result<Self> {
        ArrowWriter::try_new(writer, schema, Some(properties().build()))
            .map(Self)
            .map_err(io_error)
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.0.write(batch).map_err(io_error)
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(io_error)
    }
}

/// What all tables are written with.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // The library's version would otherwise stand in the file and change its bytes.
        .set_created_by("skewless".to_owned())
}

/// The writer's own error where there is one, so that a closed pipe is known as such.
pub(crate) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    }
}

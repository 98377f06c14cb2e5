//! Encoded blocks written one after the other, in each format.

use std::io::{self, Write};

use crate::Encoded;
use crate::encode::Form;

/// A table being written.
pub(crate) enum Sink<W: Write + Send> {
    /// Lines of JSON or CSV.
    Bytes(W),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::parquet_sink::ParquetSink<W>>),
    /// Parquet of many columns.
    #[cfg(feature = "parquet")]
    Groups(Box<crate::parquet_groups::ParquetGroups<W>>),
}

impl<W: Write + Send> Sink<W> {
    /// CSV, which begins with its header.
    pub(crate) fn csv(mut writer: W, names: &[String]) -> io::Result<Self> {
        let mut header = csv::Writer::from_writer(Vec::new());
        header.write_record(names)?;
        writer.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
        Ok(Self::Bytes(writer))
    }

    /// Writes a block; lines leave at once, so that a reader at the other end of a pipe sees them.
    pub(crate) fn write(&mut self, block: Encoded) -> io::Result<()> {
        match (self, block.0) {
            (Self::Bytes(writer), Form::Bytes(bytes)) => {
                writer.write_all(&bytes)?;
                writer.flush()
            }
            #[cfg(feature = "parquet")]
            (Self::Parquet(sink), Form::Batch(batch)) => sink.write(&batch),
            #[cfg(feature = "parquet")]
            (Self::Groups(sink), Form::Batch(batch)) => sink.write(&batch),
            #[cfg(feature = "parquet")]
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Ends the table and gives the writer back.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Bytes(mut writer) => {
                writer.flush()?;
                Ok(writer)
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(sink) => sink.finish(),
            #[cfg(feature = "parquet")]
            Self::Groups(sink) => sink.finish(),
        }
    }
}

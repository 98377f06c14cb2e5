//! Encoded predictions written one block after the other.

use std::io::{self, Write};

use crate::encode::Form;
use crate::{Encoded, Encoder, Format};

/// Writes the blocks of an [`Encoder`] in the order they are given.
pub struct PredictionWriter<W: Write + Send>(Sink<W>);

enum Sink<W: Write + Send> {
    Bytes(W),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::parquet_predictions::ParquetSink<W>>),
}

impl<W: Write + Send> PredictionWriter<W> {
    /// Begins a table; CSV gets its header.
    ///
    /// # Errors
    /// What the writer gives.
    pub fn new(mut writer: W, encoder: &Encoder) -> io::Result<Self> {
        match encoder.format {
            Format::JsonLines => Ok(Self(Sink::Bytes(writer))),
            Format::Csv => {
                let mut header = csv::Writer::from_writer(Vec::new());
                header.write_record(encoder.column_names())?;
                writer.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
                Ok(Self(Sink::Bytes(writer)))
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let sink = crate::parquet_predictions::ParquetSink::new(writer, encoder)?;
                Ok(Self(Sink::Parquet(Box::new(sink))))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes a block; lines leave at once, so that a reader at the other end of a pipe sees them.
    ///
    /// # Errors
    /// What the writer gives; [`io::ErrorKind::InvalidInput`] for a block of another format.
    pub fn write(&mut self, block: Encoded) -> io::Result<()> {
        match (&mut self.0, block.0) {
            (Sink::Bytes(writer), Form::Bytes(bytes)) => {
                writer.write_all(&bytes)?;
                writer.flush()
            }
            #[cfg(feature = "parquet")]
            (Sink::Parquet(sink), Form::Batch(batch)) => sink.write(&batch),
            #[cfg(feature = "parquet")]
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Ends the table and gives the writer back.
    ///
    /// # Errors
    /// What the writer gives.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Sink::Bytes(mut writer) => {
                writer.flush()?;
                Ok(writer)
            }
            #[cfg(feature = "parquet")]
            Sink::Parquet(sink) => sink.finish(),
        }
    }
}

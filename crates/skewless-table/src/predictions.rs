//! Encoded predictions written one block after the other.

use std::io::{self, Write};

use crate::sink::Sink;
use crate::{Encoded, Encoder, Format};

/// Writes the blocks of an [`Encoder`] in the order they are given.
pub struct PredictionWriter<W: Write + Send>(Sink<W>);

impl<W: Write + Send> PredictionWriter<W> {
    /// Begins a table; CSV gets its header.
    ///
    /// # Errors
    /// What the writer gives.
    pub fn new(writer: W, encoder: &Encoder) -> io::Result<Self> {
        match encoder.format {
            Format::JsonLines => Ok(Self(Sink::Bytes(writer))),
            Format::Csv => Sink::csv(writer, &encoder.column_names()).map(Self),
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let schema = crate::parquet_predictions::schema(encoder);
                let sink = crate::parquet_sink::ParquetSink::new(writer, schema)?;
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

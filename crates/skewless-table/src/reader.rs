//! A table opened for reading: a stream of chunks in order.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use skewless_core::Result;

use crate::block::BLOCK_ROWS;
use crate::{Chunk, Format, TableFile, Wanted, failure};

/// Where a table comes from.
pub struct Source {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) input: Stream,
    /// Most rows of a block.
    pub(crate) block_rows: usize,
}

pub(crate) enum Stream {
    File(File),
    Read(Box<dyn Read + Send>),
}

impl Source {
    /// Opens a file; without a `format` its extension says which.
    ///
    /// # Errors
    /// `table.unknown_format`, `table.unreadable`, `unsupported.table_format`.
    pub fn file(path: &Path, format: Option<Format>) -> Result<Self> {
        let format = format.map_or_else(|| Format::of_path(path), Ok)?;
        Self::open(&TableFile::new(path.to_owned()), format)
    }

    /// Opens a file under its name; its extension says which format it has.
    ///
    /// # Errors
    /// As [`Source::file`].
    pub fn named(file: &TableFile) -> Result<Self> {
        Self::open(file, Format::of_path(file.path())?)
    }

    fn open(file: &TableFile, format: Format) -> Result<Self> {
        let name = format!("`{}`", file.name());
        let opened = File::open(file.path());
        let opened = opened.map_err(|error| failure::unreadable(&name, error))?;
        Self::opened(&name, format, opened)
    }

    /// Takes a file that is open, at its beginning; `name` is what errors call it.
    ///
    /// # Errors
    /// `unsupported.table_format`.
    pub fn opened(name: &str, format: Format, file: File) -> Result<Self> {
        Self {
            name: name.to_owned(),
            format,
            input: Stream::File(file),
            block_rows: BLOCK_ROWS,
        }
        .checked()
    }

    /// Reads a stream; `name` is what errors call it. Parquet is read to the end before its first row is known.
    ///
    /// # Errors
    /// `unsupported.table_format`.
    pub fn stream(name: &str, format: Format, read: impl Read + Send + 'static) -> Result<Self> {
        Self {
            name: name.to_owned(),
            format,
            input: Stream::Read(Box::new(read)),
            block_rows: BLOCK_ROWS,
        }
        .checked()
    }

    /// In blocks of at most so many rows, where that is fewer than [`BLOCK_ROWS`].
    #[must_use]
    pub fn in_blocks_of(mut self, rows: usize) -> Self {
        self.block_rows = rows.clamp(1, BLOCK_ROWS);
        self
    }

    fn checked(self) -> Result<Self> {
        if self.format.is_built() {
            Ok(self)
        } else {
            Err(failure::not_built(&self.name, self.format))
        }
    }
}

impl Stream {
    pub(crate) fn into_read(self) -> Box<dyn Read + Send> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Read(read) => read,
        }
    }
}

/// What happens to the columns of CSV and Parquet that nobody asked for. JSON lines keep every field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// They are not read.
    Skip,
    /// They are read too, for a specification that refuses unknown fields.
    Keep,
}

/// Chunks of a table in their order. After an error there is nothing more.
pub struct Reader {
    chunks: Box<dyn Iterator<Item = Result<Chunk>> + Send>,
    columns: Option<Vec<String>>,
}

impl Reader {
    /// Starts to read the columns `wanted`, in the order of the table.
    ///
    /// A wanted column that the table does not have is left to whoever uses the rows.
    ///
    /// # Errors
    /// `table.unreadable`, `table.no_header`, `table.invalid_utf8` and `table.duplicate_column` for a CSV header;
    /// `table.invalid_parquet`.
    pub fn new(source: Source, wanted: &[Wanted], extra: Extra) -> Result<Self> {
        match source.format {
            Format::JsonLines => Ok(Self::of(crate::json_lines::chunks(source), None)),
            Format::Csv => {
                let (chunks, columns) = crate::csv_rows::chunks(source, wanted, extra)?;
                Ok(Self::of(chunks, Some(columns)))
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let (chunks, columns) = crate::parquet_rows::chunks(source, wanted, extra)?;
                Ok(Self::of(chunks, Some(columns)))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(failure::not_built(&source.name, source.format)),
        }
    }

    fn of(
        chunks: impl Iterator<Item = Result<Chunk>> + Send + 'static,
        columns: Option<Vec<String>>,
    ) -> Self {
        Self {
            chunks: Box::new(chunks),
            columns,
        }
    }

    /// All column names of the table; none are known in advance for JSON lines.
    pub fn column_names(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }
}

impl Iterator for Reader {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.chunks.next()
    }
}

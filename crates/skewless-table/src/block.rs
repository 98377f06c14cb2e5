//! A block of rows: as cut from the table, and decoded for the core.

use skewless_core::{Columns, Error, Record, Result};

/// Most rows of a block: enough to spread the cost of a batch, few enough to stay in the cache.
pub const BLOCK_ROWS: usize = 8192;

/// Bytes of long rows after which a block ends, however few they are.
pub(crate) const BLOCK_BYTES: usize = 8 << 20;

/// Longest row of JSON lines and CSV, in bytes. A stream in which no row ends must not fill the memory.
pub(crate) const LINE_BYTES: usize = 64 << 20;

/// The rows of a block in the form the core takes.
#[derive(Clone, Debug)]
pub enum Rows {
    /// One record a row, from JSON lines.
    Records(Vec<Record>),
    /// Named columns, from CSV and Parquet.
    Columns(Columns),
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Records(records) => records.len(),
            Self::Columns(columns) => columns.rows(),
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Decoded rows.
#[derive(Debug)]
pub struct Block {
    /// Where the block's first row stands in the table.
    pub first_row: usize,
    /// All rows of the block; a row that could not be read stands as an empty one.
    pub rows: Rows,
    /// The rows that could not be read, ascending; [`Error::row`] counts from the block's first row.
    pub unreadable: Vec<Error>,
}

/// Rows as cut from the table, not decoded yet.
pub struct Chunk {
    first_row: usize,
    decode: Box<dyn FnOnce() -> Result<(Rows, Vec<Error>)> + Send>,
}

impl Chunk {
    pub(crate) fn new(
        first_row: usize,
        decode: impl FnOnce() -> Result<(Rows, Vec<Error>)> + Send + 'static,
    ) -> Self {
        Self {
            first_row,
            decode: Box::new(decode),
        }
    }

    /// Decodes the rows: parses JSON, types CSV cells, converts Parquet columns.
    ///
    /// # Errors
    /// Those that concern the table as a whole, such as a column of a type that its input cannot take.
    pub fn decode(self) -> Result<Block> {
        let (rows, unreadable) = (self.decode)()?;
        Ok(Block {
            first_row: self.first_row,
            rows,
            unreadable,
        })
    }
}

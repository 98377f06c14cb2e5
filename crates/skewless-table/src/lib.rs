//! Tables of records as streams of blocks: JSON lines, CSV and, with the feature `parquet`, Parquet.
//!
//! A [`Reader`] cuts a file or a stream into [`Chunk`]s, cheaply and in order; [`Chunk::decode`] does the work and may
//! run on another thread. The result is a [`Block`]: rows for the core, and the rows that could not be read, each with
//! its error. [`Encoder`] and [`PredictionWriter`] are the way back, and [`Answerer`] is what stands between the two;
//! [`Transformer`], [`FeatureEncoder`] and [`FeatureWriter`] are the same for features. [`read_columns`] reads a whole table
//! for training, [`read_files`] several files as one; [`Files`] are several that no memory has to hold,
//! of which [`read_sample`] draws rows.
//!
//! Rows are counted from 0 over the whole table, in every format; a header and blank lines do not count.

mod answer;
mod block;
mod csv_rows;
mod encode;
mod failure;
mod features;
mod files;
mod format;
mod json_lines;
mod lookup;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet_groups;
#[cfg(feature = "parquet")]
mod parquet_predictions;
#[cfg(feature = "parquet")]
mod parquet_rows;
#[cfg(feature = "parquet")]
mod parquet_sink;
#[cfg(feature = "parquet")]
mod parquet_values;
mod predictions;
mod reader;
mod records;
mod sink;
mod table_file;
mod transform;
mod typed;
mod wanted;
mod whole;

pub use answer::{Answer, Answerer, Scores, reader, reader_of};
pub use block::{BLOCK_ROWS, Block, Chunk, Rows};
pub use encode::{Encoded, Encoder, error_json};
pub use features::{FeatureEncoder, FeatureWriter};
pub use files::{FileBlock, FileChunk, Files, Sample, read_sample};
pub use format::Format;
pub use lookup::read_lookup;
pub use numbers::{write_columns, write_numbers};
pub use predictions::PredictionWriter;
pub use reader::{Extra, Reader, Source};
pub use records::records;
pub use table_file::TableFile;
pub use transform::{Transformed, Transformer};
pub use wanted::{Cells, Wanted};
pub use whole::{column_names, read_columns, read_files, scan};

//! Features, engine, output, profile and bundle: a raw record in, a prediction out, the same bits on every target.

pub mod columns;
pub mod error;
pub mod plan;
pub mod record;

pub use columns::{Column, Columns, TextColumn};
pub use error::{Error, ErrorKind, Result};
pub use record::{Record, Value};

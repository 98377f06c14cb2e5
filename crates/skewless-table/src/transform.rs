//! One chunk transformed: decoded, made into features, counted, encoded. Runs on any thread.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use skewless_core::pipeline::FeatureColumns;
use skewless_core::{Counter, Error, Pipeline, Result};

use crate::answer::{names_of_inputs, unknown_fields};
use crate::{Chunk, Encoded, FeatureEncoder, Rows};

/// What a chunk became.
pub struct Transformed {
    /// The place of its first row in the table, counted from 0.
    pub first_row: usize,
    /// Number of rows.
    pub rows: usize,
    /// One error for each failed row; its row is counted within the chunk.
    pub errors: Vec<Error>,
    /// The features encoded, where there is an encoder.
    pub encoded: Option<Encoded>,
    /// The counts of the rows, where they are counted.
    pub counter: Option<Counter>,
    /// Fields of records that no input has.
    pub unknown_fields: BTreeSet<String>,
}

/// Transforms chunks.
pub struct Transformer<'a> {
    pipeline: &'a Pipeline,
    encoder: Option<FeatureEncoder>,
    counter: Option<Counter>,
    inputs: BTreeSet<&'a str>,
    /// Memory of features that are encoded and dropped.
    spare: Mutex<Vec<FeatureColumns>>,
}

impl<'a> Transformer<'a> {
    /// Transforms with a pipeline; encodes and counts where there is an encoder and a counter, which begins at nothing.
    pub fn new(
        pipeline: &'a Pipeline,
        encoder: Option<FeatureEncoder>,
        counter: Option<Counter>,
    ) -> Self {
        Self {
            pipeline,
            encoder,
            counter,
            inputs: names_of_inputs(pipeline),
            spare: Mutex::default(),
        }
    }

    /// Decodes, transforms, counts and encodes a chunk; a bad row fails alone.
    ///
    /// # Errors
    /// What makes the whole table unusable: `table.*`, `input.wrong_type` and `input.unknown_field` of a column.
    pub fn transform(&self, chunk: Chunk) -> Result<Transformed> {
        let block = chunk.decode()?;
        let first_row = block.first_row;
        let mut counter = self.counter.clone();
        let mut features = self.spare().pop().unwrap_or_default();
        let unknown_fields = match &block.rows {
            Rows::Records(records) => {
                self.pipeline.feature_columns_of_records(
                    records,
                    block.unreadable,
                    counter.as_mut(),
                    &mut features,
                );
                unknown_fields(&self.inputs, records)
            }
            Rows::Columns(columns) => {
                self.pipeline.feature_columns(
                    columns,
                    block.unreadable,
                    counter.as_mut(),
                    &mut features,
                )?;
                // Columns that no input takes are noted when the table is opened.
                BTreeSet::new()
            }
        };
        let encoder = self.encoder.as_ref();
        let encoded = encoder
            .map(|encoder| encoder.encode(first_row, &features))
            .transpose()?;
        let transformed = Transformed {
            first_row,
            rows: features.rows,
            errors: std::mem::take(&mut features.errors),
            encoded,
            counter,
            unknown_fields,
        };
        self.spare().push(features);
        Ok(transformed)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<FeatureColumns>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

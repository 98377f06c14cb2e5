//! Predictions as the rows of a Parquet file.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use skewless_core::{BatchPrediction, Result};

use crate::Encoder;
use crate::encode::{Cells, fault};

pub(crate) fn schema(encoder: &Encoder) -> Arc<Schema> {
    let fields = encoder.columns().map(|(name, cells)| {
        let kind = match cells {
            Cells::Text => DataType::Utf8,
            Cells::Number => DataType::Float64,
            Cells::Truth => DataType::Boolean,
        };
        Field::new(name, kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of a block; a failed row is null but for its error.
pub(crate) fn batch(encoder: &Encoder, predictions: &BatchPrediction) -> Result<RecordBatch> {
    let schema = schema(encoder);
    let count = |wanted| {
        encoder
            .columns()
            .filter(|(_, cells)| *cells == wanted)
            .count()
    };
    let mut labels = StringBuilder::new();
    let mut numbers: Vec<Float64Builder> = vec_of(count(Cells::Number));
    let mut truths: Vec<BooleanBuilder> = vec_of(count(Cells::Truth));
    let (mut codes, mut messages) = (StringBuilder::new(), StringBuilder::new());
    for row in 0..predictions.rows() {
        match predictions.row(row) {
            Ok(prediction) => {
                labels.append_option(encoder.label(prediction.label));
                let raw = prediction.raw.iter().take(encoder.raw_columns());
                let cells = (prediction.values.iter().chain(raw))
                    .map(|&value| Some(value))
                    .chain(encoder.ends(&prediction));
                let columns = numbers.iter_mut().zip(cells);
                columns.for_each(|(column, cell)| column.append_option(cell));
                let columns = truths.iter_mut().zip(encoder.truths(&prediction));
                columns.for_each(|(column, truth)| column.append_value(truth));
                codes.append_null();
                messages.append_null();
            }
            Err(error) => {
                labels.append_null();
                numbers.iter_mut().for_each(Float64Builder::append_null);
                truths.iter_mut().for_each(BooleanBuilder::append_null);
                codes.append_value(error.code());
                messages.append_value(error.message());
            }
        }
    }
    let mut arrays: Vec<ArrayRef> = Vec::new();
    if encoder.has_label() {
        arrays.push(Arc::new(labels.finish()));
    }
    let numbers = numbers
        .iter_mut()
        .map(|column| Arc::new(column.finish()) as ArrayRef);
    let truths = truths
        .iter_mut()
        .map(|column| Arc::new(column.finish()) as ArrayRef);
    arrays.extend(numbers.chain(truths));
    arrays.extend([
        Arc::new(codes.finish()) as ArrayRef,
        Arc::new(messages.finish()),
    ]);
    RecordBatch::try_new(schema, arrays).map_err(fault)
}

fn vec_of<T: Default>(count: usize) -> Vec<T> {
    std::iter::repeat_with(T::default).take(count).collect()
}

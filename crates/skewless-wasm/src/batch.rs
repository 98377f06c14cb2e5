//! Columns on their way from JavaScript to a prediction.

use js_sys::Array;
use skewless_core::output::NO_LABEL;
use skewless_core::spec::InputType;
use skewless_core::{
    BatchPrediction, Column, Columns, Error, Predictor, Record, Result, Tensor, TextColumn, Value,
};
use wasm_bindgen::prelude::*;

use crate::error::thrown;
use crate::record::{from_js, from_value};

/// Named columns of one length.
#[wasm_bindgen]
pub struct Batch {
    columns: Columns,
    /// Columns whose values are judged one by one, as in records.
    mixed: Vec<(String, Vec<Value>)>,
}

#[wasm_bindgen]
impl Batch {
    /// No columns yet, for `rows` rows.
    #[wasm_bindgen(constructor)]
    pub fn new(rows: usize) -> Self {
        Self {
            columns: Columns::new(rows),
            mixed: Vec::new(),
        }
    }

    /// Adds a column of numbers; `NaN` is missing.
    ///
    /// # Errors
    /// `input.ragged_columns`, `input.duplicate_field`.
    pub fn numbers(&mut self, name: &str, values: Vec<f64>) -> std::result::Result<(), JsValue> {
        self.columns
            .push(name, Column::Number(values))
            .map_err(|error| thrown(&error))
    }

    /// Adds a column of strings by dictionary; the code 4294967295 is missing.
    ///
    /// # Errors
    /// `input.ragged_columns`, `input.duplicate_field`, `misuse.dictionary_code`.
    pub fn text(
        &mut self,
        name: &str,
        dictionary: Vec<String>,
        codes: Vec<u32>,
    ) -> std::result::Result<(), JsValue> {
        let column = TextColumn::from_dictionary(dictionary, codes).map(Column::Text);
        column
            .and_then(|column| self.columns.push(name, column))
            .map_err(|error| thrown(&error))
    }

    /// Adds a column of booleans, or one that mixes types.
    pub fn values(
        &mut self,
        name: String,
        #[wasm_bindgen(unchecked_param_type = "RawValue[]")] values: &Array,
    ) {
        self.mixed.push((
            name,
            values.iter().map(|value| from_value(&value)).collect(),
        ));
    }
}

impl Batch {
    /// Scores the batch. One with a column that mixes types is laid out as records, whose values are judged one by one.
    ///
    /// # Errors
    /// Those of the whole batch: `input.ragged_columns`, `input.empty_batch`, `input.wrong_type` for a column.
    pub(crate) fn score(mut self, predictor: &Predictor) -> Result<BatchPrediction> {
        let booleans =
            |(name, values): &mut (String, Vec<Value>)| takes_booleans(predictor, name, values);
        let whole: Vec<_> = self.mixed.extract_if(.., booleans).collect();
        for (name, values) in whole {
            self.columns.push(
                &name,
                Column::Number(values.iter().map(zero_or_one).collect()),
            )?;
        }
        if self.mixed.is_empty() {
            return predictor.predict_columns(&self.columns);
        }
        predictor.predict_records(&self.into_records()?)
    }

    fn into_records(mut self) -> Result<Vec<Record>> {
        let rows = self.columns.rows();
        let mut records = vec![Record::new(); rows];
        for (name, values) in std::mem::take(&mut self.mixed) {
            // Columns know the rule on lengths and names; a column of nothing asks them.
            self.columns
                .push(&name, Column::Number(vec![f64::NAN; values.len()]))?;
            for (record, value) in records.iter_mut().zip(values) {
                record.set(&name, value);
            }
        }
        for name in self.columns.names() {
            for (row, record) in records.iter_mut().enumerate() {
                if record.value(name).is_none() {
                    record.set(name, self.value(name, row));
                }
            }
        }
        Ok(records)
    }

    fn value(&self, name: &str, row: usize) -> Value {
        match self.columns.column(name) {
            Some(Column::Number(values)) => values
                .get(row)
                .map_or(Value::Missing, |&value| Value::Number(value)),
            Some(Column::Text(text)) => text
                .value(row)
                .map_or(Value::Missing, |value| Value::Text(value.to_owned())),
            Some(Column::Tensor { width, values }) => values
                .get(row * width..(row + 1) * width)
                .map_or(Value::Missing, |elements| {
                    Value::Tensor(Tensor::flat(elements.to_vec()))
                }),
            None => Value::Missing,
        }
    }
}

/// Scores an array of records; an element that is no object fails alone.
///
/// # Errors
/// `input.empty_batch`.
pub(crate) fn score_records(records: &Array, predictor: &Predictor) -> Result<BatchPrediction> {
    if records.length() == 0 {
        return Err(Error::input("input.empty_batch", "the batch has no rows"));
    }
    let mut refused: Vec<Error> = Vec::new();
    let read = records.iter().enumerate().map(|(row, value)| {
        from_js(&value).unwrap_or_else(|error| {
            refused.push(error.with_row(row));
            Record::new()
        })
    });
    let read: Vec<Record> = read.collect();
    let mut answers = predictor.predict_records(&read)?;
    for error in refused {
        refuse(&mut answers, error);
    }
    Ok(answers)
}

/// Puts `error` in the place of its row's answer.
fn refuse(answers: &mut BatchPrediction, error: Error) {
    let row = error.row().unwrap_or_default();
    let blank = |cells: &mut [f64], width: usize| {
        cells
            .iter_mut()
            .skip(row * width)
            .take(width)
            .for_each(|cell| *cell = f64::NAN);
    };
    let (outputs, values) = (answers.outputs(), answers.values_per_row());
    blank(&mut answers.raw, outputs);
    blank(&mut answers.values, values);
    answers
        .labels
        .iter_mut()
        .skip(row)
        .take(1)
        .for_each(|label| *label = NO_LABEL);
    match answers.errors.binary_search_by_key(&Some(row), Error::row) {
        Ok(at) => answers.errors.splice(at..=at, [error]).for_each(drop),
        Err(at) => answers.errors.insert(at, error),
    }
}

/// True for booleans where a boolean is due, or where nobody reads them.
fn takes_booleans(predictor: &Predictor, name: &str, values: &[Value]) -> bool {
    let input = predictor
        .pipeline()
        .declared_inputs()
        .iter()
        .find(|input| input.name == name);
    input.is_none_or(|input| input.kind == InputType::Boolean)
        && values
            .iter()
            .all(|value| matches!(value, Value::Bool(_) | Value::Missing))
}

fn zero_or_one(value: &Value) -> f64 {
    match value {
        Value::Bool(true) => 1.0,
        Value::Bool(false) => 0.0,
        _ => f64::NAN,
    }
}

//! Rows of columns as records: what JSON lines would have held.

use skewless_core::spec::{Input, InputType};
use skewless_core::{Column, Columns, Record, Tensor, Value};

/// The rows of `columns` as records with the fields of `inputs`; a missing value is `null`, and a field without a
/// column is absent. Dates and timestamps are written in ISO 8601, in the input's zone.
pub fn records<'a>(columns: &Columns, inputs: impl IntoIterator<Item = &'a Input>) -> Vec<Record> {
    let present: Vec<(&Input, &Column)> = inputs
        .into_iter()
        .filter_map(|input| Some((input, columns.column(&input.name)?)))
        .collect();
    let record = |row| {
        present
            .iter()
            .map(|(input, column)| (input.name.clone(), value(input, column, row)))
            .collect()
    };
    (0..columns.rows()).map(record).collect()
}

fn value(input: &Input, column: &Column, row: usize) -> Value {
    match column {
        Column::Text(text) => text
            .value(row)
            .map_or(Value::Missing, |text| Value::Text(text.to_owned())),
        Column::Number(values) => match values.get(row) {
            Some(&number) if !number.is_nan() => of_number(input, number),
            _ => Value::Missing,
        },
        Column::Tensor { width, values } => values
            .get(row * width..(row + 1) * width)
            .map_or(Value::Missing, |elements| {
                Value::Tensor(Tensor::flat(elements.to_vec()))
            }),
    }
}

fn of_number(input: &Input, number: f64) -> Value {
    match input.kind {
        InputType::Boolean => Value::Bool(number != 0.0),
        _ => input
            .time_text(number)
            .map_or(Value::Number(number), Value::Text),
    }
}

//! Records to columns: the one place where JSON's types meet the inputs' types.

use super::check::{missing, visible, wrong_shape, wrong_type};
use super::{InputSlot, Pipeline};
use crate::columns::{Column, Columns, TextColumn};
use crate::error::{Error, Result};
use crate::record::{Record, Value};
use crate::spec::{Input, InputType, UnknownFields};
use crate::tensor::shown_shape;

impl Pipeline {
    /// Lays records out as columns, with the faults of single rows beside them. A wrongly typed value counts as
    /// missing in the columns; its error stands in the list.
    pub(crate) fn columns_of(&self, records: &[Record]) -> Result<(Columns, Vec<Error>)> {
        let mut columns = Columns::new(records.len());
        let mut problems = Vec::new();
        if self.unknown_fields == UnknownFields::Reject {
            for (row, record) in records.iter().enumerate() {
                problems.extend(
                    self.unknown_fields_of(record)
                        .map(|name| unknown_field(name).with_row(row)),
                );
            }
        }
        for target in &self.inputs {
            columns.push(
                &target.input.name,
                column_of(target, records, &mut problems),
            )?;
        }
        Ok((columns, problems))
    }

    /// The fields of a record that no input names.
    pub fn unknown_fields_of<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = &'a str> {
        record
            .fields()
            .map(|(name, _)| name)
            .filter(|name| !self.knows(name))
    }
}

pub(super) fn unknown_field(name: &str) -> Error {
    Error::input(
        "input.unknown_field",
        format!("field `{name}` is not an input of this model"),
    )
    .with_field(name)
}

fn column_of(target: &InputSlot, records: &[Record], problems: &mut Vec<Error>) -> Column {
    let input = &target.input;
    let values = records
        .iter()
        .map(|record| record.value(&input.name).unwrap_or(&Value::Missing));
    if input.kind.is_text() || matches!(input.kind, InputType::Timestamp | InputType::Date) {
        let mut text = TextColumn::default();
        for (row, value) in values.enumerate() {
            text.push(match value {
                Value::Text(value) => Some(value),
                other => fault_unless_missing(input, other, row, problems),
            });
        }
        return Column::Text(text);
    }
    if input.kind == InputType::Tensor {
        return tensors_of(input, values, problems);
    }
    let number = |(row, value): (usize, &Value)| match value {
        Value::Number(value) if input.kind != InputType::Boolean => *value,
        Value::Bool(value) if input.kind == InputType::Boolean => f64::from(u8::from(*value)),
        Value::Text(text) if input.is_missing_text(text) => f64::NAN,
        other => {
            fault_unless_missing(input, other, row, problems);
            f64::NAN
        }
    };
    Column::Number(values.enumerate().map(number).collect())
}

/// A row without a tensor of the right shape has its error in the list, and zeros in the column.
fn tensors_of<'a>(
    input: &Input,
    values: impl Iterator<Item = &'a Value>,
    problems: &mut Vec<Error>,
) -> Column {
    let width = input.elements();
    let shape = input.shape.as_deref().unwrap_or_default();
    let mut elements = Vec::new();
    for (row, value) in values.enumerate() {
        match value {
            Value::Tensor(tensor) if tensor.fits(shape) => {
                elements.extend_from_slice(tensor.values());
                continue;
            }
            Value::Tensor(tensor) => {
                let error = wrong_shape(input, &shown_shape(tensor.shape()));
                problems.push(error.with_row(row));
            }
            Value::Missing => problems.push(missing(input).with_row(row)),
            other => {
                fault_unless_missing(input, other, row, problems);
            }
        }
        elements.resize((row + 1) * width, 0.0);
    }
    Column::Tensor {
        width,
        values: elements,
    }
}

fn fault_unless_missing<'a>(
    input: &Input,
    value: &Value,
    row: usize,
    problems: &mut Vec<Error>,
) -> Option<&'a str> {
    let missing = match value {
        Value::Missing => true,
        Value::Number(number) => number.is_nan(),
        _ => false,
    };
    if !missing {
        let found = format!(
            "the {} {}",
            value.type_name(),
            visible(input, &shown(value))
        );
        problems.push(
            wrong_type(input, found.trim_end())
                .with_value(visible(input, &value.shown()))
                .with_row(row),
        );
    }
    None
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        Value::Other(_) | Value::Tensor(_) => String::new(),
        other => other.shown(),
    }
}

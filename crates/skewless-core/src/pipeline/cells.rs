//! Rows of cells to checked slots: the one place where JSON's types meet the inputs' types.

use super::check::{
    checked_number, finite_elements, long_text, missing, parse_time, too_long, visible,
    wrong_shape, wrong_type,
};
use super::frame::{Dictionary, Frame, TensorSlot, TextSlot};
use super::{InputSlot, Pipeline, Slot};
use crate::columns::{MISSING_CODE, index_to_code};
use crate::decimal::shown_number;
use crate::error::{Error, Result};
use crate::record::{Record, Value};
use crate::spec::{Input, InputType, UnknownFields};
use crate::tensor::{fits, shown_shape};

/// One value of a record, borrowed from whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Absent, or known to be.
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// Any number; NaN counts as missing.
    Number(f64),
    /// A string.
    Text(&'a str),
    /// Numbers side by side.
    Numbers(&'a [f64]),
    /// Numbers, row-major, in the shape in which they were given.
    Tensor {
        /// The lengths of the dimensions; their product is the number of values.
        shape: &'a [usize],
        /// The elements.
        values: &'a [f64],
    },
    /// Something no input takes; the name says what it is.
    Other(&'static str),
}

/// Raw rows: a cell for each of [`Pipeline::inputs`], in their order.
pub trait Cells {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// The value of input number `input` in a row.
    fn cell(&self, row: usize, input: usize) -> Cell<'_>;
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Missing => Self::Missing,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text),
            Value::Tensor(tensor) => Self::Tensor {
                shape: tensor.shape(),
                values: tensor.values(),
            },
            Value::Other(name) => Self::Other(name),
        }
    }
}

impl Cell<'_> {
    fn type_name(self) -> &'static str {
        match self {
            Self::Missing => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Numbers(_) | Self::Tensor { .. } => "array",
            Self::Other(name) => name,
        }
    }

    /// The value as an error shows it.
    fn shown(self) -> String {
        match self {
            Self::Bool(true) => "true".to_owned(),
            Self::Bool(false) => "false".to_owned(),
            Self::Number(value) => shown_number(value),
            Self::Text(value) => value.to_owned(),
            Self::Numbers(values) => shown_shape(&[values.len()]) + " numbers",
            Self::Tensor { shape, .. } => shown_shape(shape) + " numbers",
            other => other.type_name().to_owned(),
        }
    }

    /// The value behind its type's name in a sentence.
    fn described(self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", text.chars().take(60).collect::<String>()),
            Self::Other(_) | Self::Numbers(_) | Self::Tensor { .. } => String::new(),
            other => other.shown(),
        }
    }

    fn is_missing(self) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(number) => number.is_nan(),
            _ => false,
        }
    }
}

/// Records as cells.
pub(crate) struct RecordCells<'a> {
    records: &'a [Record],
    pipeline: &'a Pipeline,
    /// Where the first record has each input; others have it there too, as a rule.
    places: Vec<usize>,
}

impl<'a> RecordCells<'a> {
    pub(crate) fn new(records: &'a [Record], pipeline: &'a Pipeline) -> Self {
        // A record alone is searched once either way.
        let first = records.first().filter(|_| records.len() > 1);
        let inputs = first.map(|first| (first, &pipeline.inputs)).into_iter();
        let places = inputs.flat_map(|(first, inputs)| {
            inputs
                .iter()
                .map(|target| first.place(&target.input.name).unwrap_or_default())
        });
        Self {
            records,
            pipeline,
            places: places.collect(),
        }
    }
}

impl Cells for RecordCells<'_> {
    fn rows(&self) -> usize {
        self.records.len()
    }

    fn cell(&self, row: usize, input: usize) -> Cell<'_> {
        let place = self.places.get(input).copied().unwrap_or(input);
        let target = self.pipeline.inputs.get(input);
        let record = self.records.get(row);
        let value = target.and_then(|target| record?.value_near(place, &target.input.name));
        value.map_or(Cell::Missing, Cell::from)
    }
}

impl Pipeline {
    /// Checks rows of cells, and runs the steps over them. `numbers` is memory to use again.
    pub(crate) fn run_cells<'a>(&'a self, cells: &'a dyn Cells, numbers: Vec<f64>) -> Frame<'a> {
        let mut frame = Frame::reusing(cells.rows(), self.number_slots, numbers);
        for (at, target) in self.inputs.iter().enumerate() {
            fill(&mut frame, target, cells, at);
        }
        self.steps.iter().for_each(|step| step.run(&mut frame));
        frame
    }

    /// The faults of records with fields that no input names, where the specification refuses them.
    pub(crate) fn unknown_fields(&self, records: &[Record]) -> Vec<Error> {
        if self.unknown_fields != UnknownFields::Reject {
            return Vec::new();
        }
        let rows = records.iter().enumerate();
        rows.flat_map(|(row, record)| {
            let names = self.unknown_fields_of(record);
            names.map(move |name| unknown_field(name).with_row(row))
        })
        .collect()
    }

    /// The fields of a record that no input names.
    pub fn unknown_fields_of<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = &'a str> {
        // As a rule the fields stand in the order of the inputs.
        let mut next = 0;
        let names = record.fields().map(|(name, _)| name);
        names.filter(move |name| {
            let place = self.place_near(next, name);
            next = place.map_or(next, |place| place + 1);
            place.is_none()
        })
    }
}

pub(crate) fn unknown_field(name: &str) -> Error {
    Error::input(
        "input.unknown_field",
        format!("field `{name}` is not an input of this model"),
    )
    .with_field(name)
}

fn fill<'a>(frame: &mut Frame<'a>, target: &'a InputSlot, cells: &'a dyn Cells, at: usize) {
    match target.slot {
        Slot::Number(slot) => {
            for row in 0..frame.rows {
                match number(target, cells.cell(row, at)) {
                    Ok(value) => frame.set(slot, row, value),
                    Err(error) => frame.problems.push(error.with_row(row)),
                }
            }
        }
        Slot::Text(_) => fill_text(frame, &target.input, cells, at),
        Slot::Tensor(_) => fill_tensors(frame, &target.input, cells, at),
    }
}

/// A number, a boolean as 0 or 1, or a date's or timestamp's text as a number.
fn number(target: &InputSlot, cell: Cell<'_>) -> Result<f64> {
    let input = &target.input;
    let timed = matches!(input.kind, InputType::Date | InputType::Timestamp);
    match cell {
        cell if cell.is_missing() => checked_number(input, f64::NAN),
        Cell::Text(text) if input.is_missing_text(text) => checked_number(input, f64::NAN),
        Cell::Text(text) if timed => parse_time(target, text),
        Cell::Number(value) if !timed && input.kind != InputType::Boolean => {
            checked_number(input, value)
        }
        Cell::Bool(truth) if input.kind == InputType::Boolean => Ok(f64::from(u8::from(truth))),
        other => Err(mistyped(input, other)),
    }
}

fn fill_text<'a>(frame: &mut Frame<'a>, input: &Input, cells: &'a dyn Cells, at: usize) {
    let mut entries: Vec<&'a str> = Vec::with_capacity(frame.rows);
    let mut codes = Vec::with_capacity(frame.rows);
    for row in 0..frame.rows {
        let problem = match cells.cell(row, at) {
            Cell::Text(text) if !input.is_missing_text(text) => {
                if entries.last() != Some(&text) {
                    entries.push(text);
                }
                codes.push(index_to_code(entries.len() - 1));
                match long_text(input, text) {
                    true => too_long(input, text),
                    false => continue,
                }
            }
            cell => {
                codes.push(MISSING_CODE);
                match cell {
                    Cell::Text(_) if input.nullable => continue,
                    Cell::Text(_) => missing(input),
                    cell if cell.is_missing() && input.nullable => continue,
                    cell if cell.is_missing() => missing(input),
                    other => mistyped(input, other),
                }
            }
        };
        frame.problems.push(problem.with_row(row));
    }
    frame.texts.push(TextSlot {
        dictionary: Dictionary::Cells(entries),
        codes: codes.into(),
        filled: None,
    });
}

/// A row without a tensor of the right shape has zeros beside its error. One row is taken as it stands.
fn fill_tensors<'a>(frame: &mut Frame<'a>, input: &Input, cells: &'a dyn Cells, at: usize) {
    let width = input.elements();
    let mut elements = Vec::new();
    for row in 0..frame.rows {
        match tensor(input, cells.cell(row, at)) {
            Ok(values) if frame.rows == 1 => {
                let values = values.into();
                frame.tensors.push(TensorSlot { width, values });
                return;
            }
            Ok(values) => elements.extend_from_slice(values),
            Err(error) => {
                frame.problems.push(error.with_row(row));
                elements.resize((row + 1) * width, 0.0);
            }
        }
    }
    let values = elements.into();
    frame.tensors.push(TensorSlot { width, values });
}

fn tensor<'a>(input: &Input, cell: Cell<'a>) -> Result<&'a [f64]> {
    let due = input.shape.as_deref().unwrap_or_default();
    match cell {
        Cell::Numbers(values) if values.len() == input.elements() => {
            finite_elements(input, values).map(|()| values)
        }
        Cell::Tensor { shape, values } if fits(shape, due) => {
            finite_elements(input, values).map(|()| values)
        }
        Cell::Numbers(values) => Err(wrong_shape(input, &values.len().to_string())),
        Cell::Tensor { shape, .. } => Err(wrong_shape(input, &shown_shape(shape))),
        cell if cell.is_missing() => Err(missing(input)),
        other => Err(mistyped(input, other)),
    }
}

fn mistyped(input: &Input, cell: Cell<'_>) -> Error {
    let described = cell.described();
    let found = format!("the {} {}", cell.type_name(), visible(input, &described));
    wrong_type(input, found.trim_end()).with_value(visible(input, &cell.shown()))
}

//! From raw columns to checked slots: types, missing tokens, ranges; every fault names field, value and rule.

use std::borrow::Cow;
use std::ops::Range as Rows;

use super::frame::{Dictionary, Frame, TensorSlot, TextSlot};
use super::time::{parse_date, parse_timestamp};
use super::{InputSlot, Slot};
use crate::columns::{Column, MISSING_CODE, TextColumn};
use crate::decimal::shown_number;
use crate::error::{Error, Result};
use crate::spec::{Input, InputType, Outside};
use crate::tensor::shown_shape;

/// Days since 1970-01-01 of the years that text can name.
const DAYS: std::ops::RangeInclusive<f64> = -719_528.0..=2_932_896.0;
/// The largest size up to which every whole number is an f64.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Checks `rows` of a column and stores it in the input's slot.
///
/// # Errors
/// `input.wrong_type` and `input.wrong_shape` where no row of the column can be the input's; single rows' faults go to
/// the frame.
pub(super) fn check_column<'a>(
    frame: &mut Frame<'a>,
    target: &InputSlot,
    column: &'a Column,
    rows: Rows<usize>,
) -> Result<()> {
    let input = &target.input;
    match (column, target.slot) {
        (Column::Number(values), Slot::Number(slot)) => {
            check_numbers(frame, input, values.get(rows).unwrap_or_default(), slot);
        }
        (Column::Text(text), Slot::Text(_)) => check_text(frame, input, text, rows),
        (Column::Text(text), Slot::Number(slot))
            if target.zone.is_some() || input.kind == InputType::Date =>
        {
            parse_times(frame, target, text, rows, slot);
        }
        (Column::Tensor { width, values }, Slot::Tensor(_)) => {
            if *width != input.elements() {
                return Err(wrong_shape(input, &width.to_string()));
            }
            let cells = rows.start * width..rows.end * width;
            check_tensors(frame, input, values.get(cells).unwrap_or_default());
        }
        (column, _) => {
            let found = match column {
                Column::Number(_) => "numbers",
                Column::Text(_) => "strings",
                Column::Tensor { .. } => "tensors",
            };
            return Err(wrong_type(input, &format!("a column of {found}")));
        }
    }
    Ok(())
}

/// The slot of an input that a batch does not have: missing in every row.
pub(super) fn absent(frame: &mut Frame<'_>, target: &InputSlot) {
    let rows = frame.rows;
    match target.slot {
        Slot::Number(_) => {}
        Slot::Text(_) => frame.texts.push(TextSlot {
            dictionary: Dictionary::Column(&[]),
            codes: Cow::Owned(vec![MISSING_CODE; rows]),
            filled: None,
        }),
        Slot::Tensor(_) => {
            let width = target.input.elements();
            frame.tensors.push(TensorSlot {
                width,
                values: Cow::Owned(vec![0.0; rows * width]),
            });
        }
    }
    if !target.input.nullable {
        frame
            .problems
            .extend((0..rows).map(|row| missing(&target.input).with_row(row)));
    }
}

/// `input.wrong_type` with what was found.
pub(super) fn wrong_type(input: &Input, found: &str) -> Error {
    let (name, kind) = (&input.name, input.kind.name());
    Error::input(
        "input.wrong_type",
        format!("field `{name}` must be a {kind}, not {found}"),
    )
    .with_field(name)
}

/// `input.wrong_shape` with the number of elements, or the shape, that was found.
pub(super) fn wrong_shape(input: &Input, found: &str) -> Error {
    let (name, elements) = (&input.name, input.elements());
    let shape = shown_shape(input.shape.as_deref().unwrap_or_default());
    Error::input(
        "input.wrong_shape",
        format!("field `{name}` must be {shape} numbers ({elements} in all), not {found}"),
    )
    .with_field(name)
}

/// Stands for the value of an input that is personal data: errors reach logs.
const WITHHELD: &str = "withheld";

/// A text as errors show it.
pub(super) fn visible<'a>(input: &Input, text: &'a str) -> &'a str {
    if input.pii { WITHHELD } else { text }
}

fn shown(input: &Input, value: f64) -> String {
    match input.pii {
        true => WITHHELD.to_owned(),
        false => shown_number(value),
    }
}

pub(super) fn missing(input: &Input) -> Error {
    let name = &input.name;
    Error::input(
        "input.missing_field",
        format!("field `{name}` is required and missing"),
    )
    .with_field(name)
}

fn check_numbers(frame: &mut Frame<'_>, input: &Input, values: &[f64], slot: usize) {
    if all_plain(input, values) {
        let cells = frame.number_mut(slot).iter_mut().zip(values);
        cells.for_each(|(cell, &value)| *cell = value);
        return;
    }
    for (row, &value) in values.iter().enumerate() {
        match checked_number(input, value) {
            Ok(checked) => frame.set(slot, row, checked),
            Err(error) => frame.problems.push(error.with_row(row)),
        }
    }
}

/// Whether all values are surely good as they are: found without a branch on any of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number that an i64 does not hold saturates to one that differs or is out of bounds"
)]
fn all_plain(input: &Input, values: &[f64]) -> bool {
    if !input.missing.is_empty() || input.range.is_some() {
        return false;
    }
    let good = |least: f64, most: f64, whole: bool| {
        let fits = |&value: &f64| {
            let inside =
                (value >= least) & (value <= most) & (!whole | (value as i64 as f64 == value));
            inside | (input.nullable & value.is_nan())
        };
        // Not `all`, which leaves at the first that does not.
        values.iter().fold(true, |all, value| all & fits(value))
    };
    match input.kind {
        InputType::Number => good(f64::MIN, f64::MAX, false),
        InputType::Integer => good(-MAX_INTEGER, MAX_INTEGER, true),
        InputType::Timestamp => good(DAYS.start() * 86_400.0, DAYS.end() * 86_400.0, false),
        _ => false,
    }
}

/// The value by the input's rules; NaN is missing.
pub(super) fn checked_number(input: &Input, value: f64) -> Result<f64> {
    if input.is_missing_number(value) {
        return if input.nullable {
            Ok(f64::NAN)
        } else {
            Err(missing(input))
        };
    }
    let fault = |code, rule: &str| {
        let name = &input.name;
        Err(Error::input(
            code,
            format!("field `{name}` is {}, {rule}", shown(input, value)),
        )
        .with_field(name)
        .with_value(&shown(input, value)))
    };
    if value.is_infinite() {
        return fault("input.not_finite", "which is not a finite number");
    }
    let whole = value == libm::trunc(value);
    match input.kind {
        InputType::Integer | InputType::Date if !whole || value.abs() > MAX_INTEGER => fault(
            "input.not_integer",
            "which is not a whole number of at most 2^53 in size",
        ),
        InputType::Date if !DAYS.contains(&value) => fault(
            "input.invalid_date",
            "which is not a day of the years 0 to 9999",
        ),
        InputType::Timestamp if !DAYS.contains(&libm::floor(value / 86_400.0)) => fault(
            "input.invalid_timestamp",
            "which is not a moment of the years 0 to 9999",
        ),
        InputType::Boolean if value != 0.0 && value != 1.0 => Err(wrong_type(
            input,
            &format!("the number {}", shown(input, value)),
        )),
        _ => in_range(input, value),
    }
}

fn in_range(input: &Input, value: f64) -> Result<f64> {
    let Some(range) = &input.range else {
        return Ok(value);
    };
    let (min, max) = (
        range.min.unwrap_or(f64::NEG_INFINITY),
        range.max.unwrap_or(f64::INFINITY),
    );
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    match range.outside {
        Outside::Clip => Ok(value.max(min).min(max)),
        Outside::Missing => Ok(f64::NAN),
        Outside::Reject => {
            let (name, unit) = (
                &input.name,
                input
                    .unit
                    .as_deref()
                    .map(|unit| format!(" {unit}"))
                    .unwrap_or_default(),
            );
            let (least, most) = (shown_number(min), shown_number(max));
            let rule = match (range.min, range.max) {
                (Some(_), Some(_)) => format!("between {least} and {most}{unit}"),
                (Some(_), None) => format!("at least {least}{unit}"),
                _ => format!("at most {most}{unit}"),
            };
            Err(Error::input(
                "input.out_of_range",
                format!(
                    "field `{name}` is {}, and must be {rule}",
                    shown(input, value)
                ),
            )
            .with_field(name)
            .with_value(&shown(input, value)))
        }
    }
}

fn check_text<'a>(frame: &mut Frame<'a>, input: &Input, text: &'a TextColumn, rows: Rows<usize>) {
    let codes = text.codes().get(rows).unwrap_or_default();
    // An entry that is a missing token or too long changes the rows that use it; most columns have none.
    let special = |entry: &String| input.is_missing_text(entry) || long_text(input, entry);
    let plain = |code: &u32| match text.dictionary().get(*code as usize) {
        Some(entry) => !special(entry),
        None => input.nullable,
    };
    // Of a dictionary that is shorter than the batch each entry is looked at once.
    let entries = text.dictionary();
    let all_plain = match entries.len() < codes.len() && !entries.iter().any(special) {
        true => input.nullable || codes.iter().all(|&code| code != MISSING_CODE),
        false => codes.iter().all(plain),
    };
    if all_plain {
        frame.texts.push(TextSlot {
            dictionary: Dictionary::Column(text.dictionary()),
            codes: Cow::Borrowed(codes),
            filled: None,
        });
        return;
    }
    let mut checked = Vec::with_capacity(codes.len());
    for (row, &code) in codes.iter().enumerate() {
        let entry = text
            .dictionary()
            .get(code as usize)
            .filter(|entry| !input.is_missing_text(entry));
        let problem = match entry {
            None if input.nullable => None,
            None => Some(missing(input)),
            Some(entry) if special(entry) => Some(too_long(input, entry)),
            Some(_) => None,
        };
        frame
            .problems
            .extend(problem.map(|error| error.with_row(row)));
        checked.push(if entry.is_some() { code } else { MISSING_CODE });
    }
    frame.texts.push(TextSlot {
        dictionary: Dictionary::Column(text.dictionary()),
        codes: Cow::Owned(checked),
        filled: None,
    });
}

/// `input.not_finite` with the first element that is no finite number.
pub(super) fn finite_elements(input: &Input, elements: &[f64]) -> Result<()> {
    let name = &input.name;
    match elements.iter().position(|element| !element.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let message = format!("field `{name}`: element {at} is not a finite number");
            Err(Error::input("input.not_finite", message).with_field(name))
        }
    }
}

fn check_tensors<'a>(frame: &mut Frame<'a>, input: &Input, values: &'a [f64]) {
    let width = input.elements();
    for (row, elements) in values.chunks_exact(width.max(1)).enumerate() {
        if let Err(error) = finite_elements(input, elements) {
            frame.problems.push(error.with_row(row));
        }
    }
    frame.tensors.push(TensorSlot {
        width,
        values: Cow::Borrowed(values),
    });
}

/// Whether a text has more characters than its input takes.
pub(super) fn long_text(input: &Input, entry: &str) -> bool {
    let longest = input.longest_text();
    entry.len() > longest && entry.chars().nth(longest).is_some()
}

pub(super) fn too_long(input: &Input, entry: &str) -> Error {
    let (name, longest) = (&input.name, input.longest_text());
    let found = entry.chars().count();
    Error::input(
        "input.too_long",
        format!("field `{name}` has {found} characters, and may have {longest}"),
    )
    .with_field(name)
    .with_value(visible(input, entry))
}

fn parse_times(
    frame: &mut Frame<'_>,
    target: &InputSlot,
    text: &TextColumn,
    rows: Rows<usize>,
    slot: usize,
) {
    for (row, index) in rows.enumerate() {
        let entry = text
            .value(index)
            .filter(|entry| !target.input.is_missing_text(entry));
        let value = match entry {
            None => checked_number(&target.input, f64::NAN),
            Some(entry) => parse_time(target, entry),
        };
        match value {
            Ok(value) => frame.set(slot, row, value),
            Err(error) => frame.problems.push(error.with_row(row)),
        }
    }
}

pub(super) fn parse_time(target: &InputSlot, text: &str) -> Result<f64> {
    let (parsed, code, form) = match target.zone {
        None => (parse_date(text), "input.invalid_date", "a date YYYY-MM-DD"),
        Some(zone @ crate::spec::Zone::Local) => (
            parse_timestamp(text, zone),
            "input.invalid_timestamp",
            "local time YYYY-MM-DDThh:mm[:ss] without an offset",
        ),
        Some(zone) => (
            parse_timestamp(text, zone),
            "input.invalid_timestamp",
            "a time YYYY-MM-DDThh:mm[:ss] with an offset (Z or ±hh:mm)",
        ),
    };
    let name = &target.input.name;
    parsed.ok_or_else(|| {
        Error::input(code, format!("field `{name}` must be {form}"))
            .with_field(name)
            .with_value(visible(&target.input, text))
    })
}

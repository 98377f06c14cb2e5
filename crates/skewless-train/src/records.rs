//! Table rows as the raw records that a caller would send: the material of golden rows and of conformance runs.

use jiff::civil::{Date, DateTime};
use jiff::{Span, ToSpan};
use skewless_core::columns::Columns;
use skewless_core::spec::{Input, InputType};
use skewless_core::{Column, Error, Record, Result, Value};

/// Row `row` of `columns` as a record with `inputs`. Missing cells become [`Value::Missing`].
///
/// # Errors
/// `internal.record` for a time outside the calendar.
pub(crate) fn record<'a>(
    columns: &Columns,
    inputs: impl IntoIterator<Item = &'a Input>,
    row: usize,
) -> Result<Record> {
    let mut record = Record::new();
    for input in inputs {
        let value = match columns.column(&input.name) {
            Some(Column::Text(text)) => text
                .value(row)
                .map_or(Value::Missing, |text| Value::Text(text.to_owned())),
            Some(Column::Number(values)) => {
                number(input, values.get(row).copied().unwrap_or(f64::NAN))?
            }
            None => Value::Missing,
        };
        record.set(&input.name, value);
    }
    Ok(record)
}

fn number(input: &Input, value: f64) -> Result<Value> {
    if value.is_nan() {
        return Ok(Value::Missing);
    }
    let text = match input.kind {
        InputType::Timestamp => timestamp(value),
        InputType::Date => date(value),
        InputType::Boolean => return Ok(Value::Bool(value != 0.0)),
        _ => return Ok(Value::Number(value)),
    };
    text.map(Value::Text).ok_or_else(|| {
        let message = format!(
            "input `{}`: {value} is not a time of the calendar",
            input.name
        );
        Error::internal("internal.record", message).with_field(&input.name)
    })
}

/// Wall-clock seconds as `YYYY-MM-DDThh:mm`, with seconds where they are not 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number that does not fit saturates outside the calendar"
)]
fn timestamp(seconds: f64) -> Option<String> {
    let since = Span::new().try_seconds(seconds as i64).ok()?;
    let time = DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
        .checked_add(since)
        .ok()?;
    let format = if time.second() == 0 {
        "%Y-%m-%dT%H:%M"
    } else {
        "%Y-%m-%dT%H:%M:%S"
    };
    Some(time.strftime(format).to_string())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number that does not fit saturates outside the calendar"
)]
fn date(days: f64) -> Option<String> {
    let since = 0.days().try_days(days as i64).ok()?;
    Some(
        Date::constant(1970, 1, 1)
            .checked_add(since)
            .ok()?
            .to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!(
            timestamp(1_383_282_900.0).as_deref(),
            Some("2013-11-01T05:15")
        );
        assert_eq!(timestamp(1.0).as_deref(), Some("1970-01-01T00:00:01"));
        assert_eq!(timestamp(-60.0).as_deref(), Some("1969-12-31T23:59"));
        assert_eq!(timestamp(1e30), None);
        assert_eq!(date(16_010.0).as_deref(), Some("2013-11-01"));
        assert_eq!(date(1e30), None);
    }
}

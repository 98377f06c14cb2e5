//! Rows of columns as records: what JSON lines would have held.

use skewless_core::spec::{Input, InputType, Zone};
use skewless_core::{Column, Columns, Record, Value};

/// The rows of `columns` as records with the fields of `inputs`; a missing value is `null`, and a field without a
/// column is absent. Dates and timestamps are written in ISO 8601, in the input's zone.
pub fn records(columns: &Columns, inputs: &[Input]) -> Vec<Record> {
    let present: Vec<(&Input, &Column)> = inputs
        .iter()
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
    }
}

fn of_number(input: &Input, number: f64) -> Value {
    match input.kind {
        InputType::Boolean => Value::Bool(number != 0.0),
        InputType::Date => Value::Text(date(number)),
        InputType::Timestamp => Value::Text(timestamp(
            number,
            input.zone.as_deref().and_then(Zone::parse),
        )),
        _ => Value::Number(number),
    }
}

const DAY: f64 = 86_400.0;

/// `YYYY-MM-DD` of days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`).
#[expect(
    clippy::cast_possible_truncation,
    reason = "calendar days are far below 2^63"
)]
fn date(days: f64) -> String {
    let shifted = days.floor() as i64 + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn timestamp(seconds: f64, zone: Option<Zone>) -> String {
    let days = (seconds / DAY).floor();
    let clock = seconds - days * DAY;
    let whole = clock.floor();
    let (minutes, second) = (whole as i64 / 60, whole as i64 % 60);
    let mut text = format!("{}T{:02}:{:02}", date(days), minutes / 60, minutes % 60);
    let fraction = fraction(days, whole, seconds);
    if second != 0 || !fraction.is_empty() {
        text.push_str(&format!(":{second:02}{fraction}"));
    }
    if let Some(Zone::Offset(offset)) = zone {
        text.push_str(&zone_text(offset));
    }
    text
}

/// The shortest decimal fraction that reads back as the same moment, with its point.
fn fraction(days: f64, whole: f64, seconds: f64) -> String {
    let clock = seconds - days * DAY;
    if clock == whole {
        return String::new();
    }
    let written = (1..=9).map(|digits| format!("{:.digits$}", clock - whole));
    let mut reads_back = written.filter(|text| {
        text.parse::<f64>()
            .is_ok_and(|fraction| fraction < 1.0 && days * DAY + (whole + fraction) == seconds)
    });
    let text = reads_back
        .next()
        .unwrap_or_else(|| format!("{:.9}", (clock - whole).min(0.999_999_999)));
    text.trim_start_matches('0').to_owned()
}

fn zone_text(offset: i32) -> String {
    if offset == 0 {
        return "Z".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_iso_8601() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00"),
            (-1.0, "1969-12-31T23:59:59"),
            (951_782_400.0, "2000-02-29T00:00"),
            (1_383_282_900.0, "2013-11-01T05:15"),
            (1_383_282_900.25, "2013-11-01T05:15:00.25"),
            (1_383_282_901.001, "2013-11-01T05:15:01.001"),
            (253_402_300_799.0, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(timestamp(seconds, Some(Zone::Local)), text);
        }
        assert_eq!(
            timestamp(19_800.0, Some(Zone::Offset(19_800))),
            "1970-01-01T05:30+05:30"
        );
        assert_eq!(timestamp(0.0, Some(Zone::Offset(0))), "1970-01-01T00:00Z");
    }

    #[test]
    fn days_are_dates() {
        for (days, text) in [
            (0.0, "1970-01-01"),
            (-1.0, "1969-12-31"),
            (11_016.0, "2000-02-29"),
            (-719_162.0, "0001-01-01"),
        ] {
            assert_eq!(date(days), text);
        }
    }
}

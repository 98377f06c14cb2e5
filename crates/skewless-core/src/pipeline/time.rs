//! Dates and timestamps: ISO 8601 text to numbers, and numbers to calendar parts.
//!
//! The calendar is the proleptic Gregorian one; the day arithmetic follows Howard Hinnant, "chrono-Compatible
//! Low-Level Date Algorithms" (2021), sections `days_from_civil` and `civil_from_days`.

use crate::spec::{DatePart, Zone};

const DAY: f64 = 86_400.0;

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (
        digits(bytes, 0, 4)?,
        digits(bytes, 5, 2)?,
        digits(bytes, 8, 2)?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "four-digit years: a few million days"
    )]
    Some(days_from_civil(year, month, day) as f64)
}

/// Seconds of wall-clock time in `zone` since 1970-01-01T00:00 of `YYYY-MM-DDThh:mm[:ss[.fff]]` with an offset (`Z`,
/// `±hh:mm`) exactly where the zone is not local.
pub(crate) fn parse_timestamp(text: &str, zone: Zone) -> Option<f64> {
    let (date, rest) = text.split_once('T')?;
    let (clock, offset) = split_offset(rest);
    let shift = match (zone, offset) {
        (Zone::Local, None) => 0,
        (Zone::Offset(to), Some(written)) => to - parse_offset(written)?,
        _ => return None,
    };
    Some(parse_date(date)? * DAY + parse_clock(clock)? + f64::from(shift))
}

/// Seconds since 1970-01-01T00:00Z of a timestamp with an offset: ISO 8601, as a specification's timestamps are written.
pub fn utc_seconds(text: &str) -> Option<f64> {
    parse_timestamp(text, Zone::Offset(0))
}

/// Seconds east of UTC of `Z` or `±hh:mm`.
pub(crate) fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    if bytes.len() != 6 || bytes.get(3) != Some(&b':') {
        return None;
    }
    let (hours, minutes) = (digits(bytes, 1, 2)?, digits(bytes, 4, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    i32::try_from(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn split_offset(text: &str) -> (&str, Option<&str>) {
    match text.find(['Z', '+', '-']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..)),
        None => (text, None),
    }
}

fn parse_clock(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let (hours, minutes) = (digits(bytes, 0, 2)?, digits(bytes, 3, 2)?);
    if bytes.get(2) != Some(&b':') || hours > 23 || minutes > 59 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    let whole = |seconds: i64| (hours * 3_600 + minutes * 60 + seconds) as f64;
    if bytes.len() == 5 {
        return Some(whole(0));
    }
    let seconds = digits(bytes, 6, 2)?;
    if bytes.get(5) != Some(&b':') || seconds > 59 {
        return None;
    }
    match bytes.get(8) {
        None => Some(whole(seconds)),
        Some(b'.') => Some(whole(seconds) + parse_fraction(bytes.get(9..)?)?),
        Some(_) => None,
    }
}

/// One to nine digits after the decimal point.
fn parse_fraction(bytes: &[u8]) -> Option<f64> {
    let count = u32::try_from(bytes.len())
        .ok()
        .filter(|count| (1..=9).contains(count))?;
    #[expect(clippy::cast_precision_loss, reason = "nine digits")]
    Some(digits(bytes, 0, bytes.len())? as f64 / 10_i64.pow(count) as f64)
}

fn digits(bytes: &[u8], start: usize, count: usize) -> Option<i64> {
    bytes
        .get(start..start + count)?
        .iter()
        .try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
}

/// A calendar part of days or seconds since 1970-01-01.
pub(crate) fn date_part(value: f64, is_seconds: bool, part: DatePart) -> f64 {
    let days = if is_seconds {
        floor(value / DAY)
    } else {
        value
    };
    let second = if is_seconds { value - days * DAY } else { 0.0 };
    let minute_of_day = floor(second / 60.0);
    match part {
        DatePart::MinuteOfDay => minute_of_day,
        DatePart::Hour => floor(minute_of_day / 60.0),
        DatePart::Minute => minute_of_day - floor(minute_of_day / 60.0) * 60.0,
        // 1970-01-01 was a Thursday.
        DatePart::DayOfWeek => days + 3.0 - floor((days + 3.0) / 7.0) * 7.0,
        DatePart::Year | DatePart::Month | DatePart::Day | DatePart::DayOfYear => {
            calendar_part(days, part)
        }
    }
}

/// [`libm::floor`], which on most processors takes longer than to go through an i64, where one holds the number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the number is below 2^52 in size"
)]
#[inline]
fn floor(x: f64) -> f64 {
    // WebAssembly has an instruction.
    if cfg!(target_arch = "wasm32") {
        return libm::floor(x);
    }
    let cut = x as i64 as f64;
    // Zero keeps its sign; NaN is below nothing.
    match x.abs() < 4_503_599_627_370_496.0 && x != 0.0 {
        true if cut > x => cut - 1.0,
        true => cut,
        false => libm::floor(x),
    }
}

/// `YYYY-MM-DD` of days since 1970-01-01: what [`parse_date`] reads back. Days outside of years 0000–9999 give a text
/// that it does not.
#[expect(
    clippy::cast_possible_truncation,
    reason = "beyond the days that an i64 holds the cast saturates, which is defined"
)]
pub(crate) fn write_date(days: f64) -> String {
    let (year, month, day) = civil_from_days(bounded_days(libm::floor(days) as i64));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `YYYY-MM-DDThh:mm[:ss[.fff]]` with the zone's offset, of wall-clock seconds in `zone` since 1970-01-01T00:00: what
/// [`parse_timestamp`] reads back.
#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
pub(crate) fn write_timestamp(seconds: f64, zone: Zone) -> String {
    let days = libm::floor(seconds / DAY);
    let clock = seconds - days * DAY;
    let whole = libm::floor(clock) as i64;
    let (hour, minute, second) = (whole / 3_600, whole / 60 % 60, whole % 60);
    let mut text = format!("{}T{hour:02}:{minute:02}", write_date(days));
    let fraction = fraction(days, libm::floor(clock), seconds);
    if second != 0 || !fraction.is_empty() {
        text.push_str(&format!(":{second:02}{fraction}"));
    }
    match zone {
        Zone::Local => {}
        Zone::Offset(0) => text.push('Z'),
        Zone::Offset(offset) => {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
    }
    text
}

/// The shortest decimal fraction that reads back as the same moment, with its point.
fn fraction(days: f64, whole: f64, seconds: f64) -> String {
    let part = seconds - days * DAY - whole;
    if part == 0.0 {
        return String::new();
    }
    let written = (1..=9).map(|digits| format!("{part:.digits$}"));
    let mut reads_back = written.filter(|text| {
        text.parse::<f64>()
            .is_ok_and(|fraction| fraction < 1.0 && days * DAY + (whole + fraction) == seconds)
    });
    let nearest = || format!("{:.9}", part.min(0.999_999_999));
    reads_back
        .next()
        .unwrap_or_else(nearest)
        .trim_start_matches('0')
        .to_owned()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "beyond the days that an i64 holds the cast saturates, which is defined"
)]
fn calendar_part(days: f64, part: DatePart) -> f64 {
    let days = bounded_days(days as i64);
    let (year, month, day) = civil_from_days(days);
    let number = match part {
        DatePart::Year => year,
        DatePart::Month => month,
        DatePart::Day => day,
        _ => days - days_from_civil(year, 1, 1) + 1,
    };
    number as f64
}

/// Days for which the arithmetic below stays inside i64: years of up to eight digits.
fn bounded_days(days: i64) -> i64 {
    days.clamp(-36_500_000_000, 36_500_000_000)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
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
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, DateTime};
    use proptest::prelude::*;

    #[test]
    fn only_iso_8601_is_read() {
        for text in [
            "2013-1-1",
            "2013-02-29",
            "2013-13-01",
            "2013-00-10",
            "2013-01-00",
            "13-01-01",
            "2013/01/01",
            "",
            "2013-01-01T",
            "２０１３-01-01",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for text in [
            "2013-01-01",
            "2013-01-01 05:15",
            "2013-01-01T5:15",
            "2013-01-01T24:00",
            "2013-01-01T05:60",
            "2013-01-01T05:15:60",
            "2013-01-01T05:15:00.",
            "2013-01-01T05:15:00.1234567890",
            "2013-01-01T05:15Z",
            "2013-01-01T05:15+00:00",
        ] {
            assert_eq!(parse_timestamp(text, Zone::Local), None, "{text}");
        }
        for text in [
            "2013-01-01T05:15",
            "2013-01-01T05:15+24:00",
            "2013-01-01T05:15+0100",
            "2013-01-01T05:15ZZ",
        ] {
            assert_eq!(parse_timestamp(text, Zone::Offset(0)), None, "{text}");
        }
    }

    #[test]
    fn offsets_shift_to_the_stated_zone() {
        let utc = parse_timestamp("2013-01-01T00:30:15.5Z", Zone::Offset(0)).unwrap();
        assert_eq!(
            utc,
            parse_timestamp("2013-01-01T06:00:15.5+05:30", Zone::Offset(0)).unwrap()
        );
        let delhi =
            parse_timestamp("2013-01-01T00:30:15.5Z", Zone::parse("+05:30").unwrap()).unwrap();
        assert_eq!(delhi - utc, 19_800.0);
        assert_eq!(date_part(delhi, true, DatePart::Hour), 6.0);
    }

    #[test]
    fn moments_are_written_as_iso_8601() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00"),
            (-1.0, "1969-12-31T23:59:59"),
            (951_782_400.0, "2000-02-29T00:00"),
            (1_383_282_900.25, "2013-11-01T05:15:00.25"),
            (1_383_282_901.001, "2013-11-01T05:15:01.001"),
            (253_402_300_799.0, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(write_timestamp(seconds, Zone::Local), text);
        }
        assert_eq!(
            write_timestamp(19_800.0, Zone::Offset(19_800)),
            "1970-01-01T05:30+05:30"
        );
        assert_eq!(write_timestamp(0.0, Zone::Offset(0)), "1970-01-01T00:00Z");
    }

    proptest! {
        #[test]
        fn floors_are_those_of_libm(bits: u64, near in -1e6..1e6) {
            for x in [f64::from_bits(bits), near, libm::rint(near), libm::rint(near) * 0.5, near * 1e10] {
                let (ours, theirs) = (floor(x), libm::floor(x));
                prop_assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(), "{x}: {ours}, {theirs}");
            }
        }

        #[test]
        fn what_is_written_reads_back(milliseconds in -50_000_000_000_000_i64..200_000_000_000_000, minutes in -1_439..=1_439_i32) {
            let seconds = milliseconds as f64 / 1000.0;
            for zone in [Zone::Local, Zone::Offset(minutes * 60)] {
                prop_assert_eq!(parse_timestamp(&write_timestamp(seconds, zone), zone), Some(seconds));
            }
            let days = libm::floor(seconds / DAY);
            prop_assert_eq!(parse_date(&write_date(days)), Some(days));
        }

        #[test]
        fn days_agree_with_jiff(days in -700_000_i32..2_900_000) {
            let date = Date::constant(1970, 1, 1) + jiff::Span::new().days(days);
            prop_assert_eq!(parse_date(&date.to_string()), Some(f64::from(days)));
            let parts = [
                (DatePart::Year, f64::from(date.year())),
                (DatePart::Month, f64::from(date.month())),
                (DatePart::Day, f64::from(date.day())),
                (DatePart::DayOfWeek, f64::from(date.weekday().to_monday_zero_offset())),
                (DatePart::DayOfYear, f64::from(date.day_of_year())),
            ];
            for (part, expected) in parts {
                prop_assert_eq!(date_part(f64::from(days), false, part), expected);
                prop_assert_eq!(date_part(f64::from(days) * DAY + 86_399.0, true, part), expected);
            }
        }

        #[test]
        fn clocks_agree_with_jiff(seconds in -50_000_000_000_i64..200_000_000_000) {
            let moment = DateTime::constant(1970, 1, 1, 0, 0, 0, 0) + jiff::Span::new().seconds(seconds);
            let value = parse_timestamp(&moment.to_string(), Zone::Local);
            prop_assert_eq!(value, Some(seconds as f64));
            prop_assert_eq!(date_part(seconds as f64, true, DatePart::Hour), f64::from(moment.hour()));
            prop_assert_eq!(date_part(seconds as f64, true, DatePart::Minute), f64::from(moment.minute()));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            parse_date(&text);
            parse_timestamp(&text, Zone::Local);
            parse_timestamp(&text, Zone::Offset(0));
        }
    }
}

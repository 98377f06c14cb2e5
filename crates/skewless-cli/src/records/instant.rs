//! Times and names of runs: the only place of training that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use skewless_core::{Error, Result};

/// Now, RFC 3339 in UTC with milliseconds.
pub(super) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Milliseconds since 1970 of such a text; 0 for any other.
pub(super) fn milliseconds(text: &str) -> i64 {
    let time = text.parse::<jiff::Timestamp>();
    time.map_or(0, jiff::Timestamp::as_millisecond)
}

/// Such a text as `2026-01-01 00:00:00.000000`; any other as it is.
pub(super) fn spaced(text: &str) -> String {
    let time = text.parse::<jiff::Timestamp>();
    time.map_or_else(
        |_| text.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    )
}

/// A UUID of version 7 (RFC 9562): the time in milliseconds, then random bits, so that names sort by time.
///
/// # Errors
/// `internal.random` where the machine has no random numbers.
pub(super) fn uuid() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::internal("internal.random", "the machine has no random numbers").with_source(error)
    })?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(hyphenated(dated(
        u128::from_be_bytes(bytes),
        since.as_millis(),
    )))
}

/// The random bits with the time above them, and version and variant in their places.
fn dated(random: u128, milliseconds: u128) -> u128 {
    let random = random & !(0xf << 76) & !(0b11 << 62) & ((1 << 80) - 1);
    milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | random
}

fn hyphenated(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9562, appendix A.6.
    #[test]
    fn a_uuid_is_as_the_rfc_has_it() {
        let random = 0x0cc3_18c4_dc0c_0c07_398f;
        let uuid = hyphenated(dated(random, 0x017f_22e2_79b0));
        assert_eq!(uuid, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn times_are_read_back() {
        let text = "2026-01-01T00:00:00.250Z";
        assert_eq!(milliseconds(text), 1_767_225_600_250);
        assert_eq!(spaced(text), "2026-01-01 00:00:00.250000");
        assert_eq!(spaced("2026-01-01T00:00:00Z"), "2026-01-01 00:00:00.000000");
        assert_eq!((milliseconds("once"), spaced("once").as_str()), (0, "once"));
    }
}

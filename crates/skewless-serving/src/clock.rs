//! The wall clock, as logs and metrics have it.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Seconds since 1970-01-01T00:00Z; 0 where the clock stands before that.
pub fn seconds_since_epoch() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// A time as `2026-11-28T07:00:00.123Z`, to the millisecond.
pub fn utc(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a saturating cast; what no calendar has is the epoch"
    )]
    let milliseconds = (seconds * 1e3) as i64;
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_text() {
        assert_eq!(utc(0.0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(1_795_849_200.25), "2026-11-28T07:00:00.250Z");
        assert_eq!(utc(f64::INFINITY), "1970-01-01T00:00:00.000Z");
    }
}

//! Numbers as a reader wants them: as many digits as tell something, and the same ones every time.

use skewless_train::bootstrap::Estimate;
use skewless_train::study::report::Gate;

use crate::inspect::grouped;

/// Four significant digits at most; NaN is a dash.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let decimals = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 4,
    };
    signed(&format!("{value:.decimals$}"))
}

/// A number of a gate: a count as it is.
pub(super) fn of_gate(gate: &Gate, value: f64) -> String {
    match gate.is_count() {
        true => value.to_string(),
        false => short(value),
    }
}

/// The value and, in brackets, its interval.
pub(super) fn interval(estimate: Estimate) -> String {
    format!("{} ({})", short(estimate.value), ends(estimate))
}

/// The interval alone.
pub(super) fn ends(estimate: Estimate) -> String {
    format!("{} to {}", short(estimate.low), short(estimate.high))
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1} %", 100.0 * share)
    } else {
        "–".to_owned()
    }
}

/// Seconds in the largest unit that takes them whole.
pub(super) fn duration(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")];
    let (unit, word) = (units.into_iter())
        .find(|(unit, _)| seconds != 0.0 && seconds % unit == 0.0)
        .unwrap_or((1.0, "second"));
    let count = seconds / unit;
    let s = if count == 1.0 { "" } else { "s" };
    format!("{count} {word}{s}")
}

/// A tick's label: no more digits than the step between ticks asks for.
pub(super) fn tick(value: f64, step: f64) -> String {
    let decimals = (0..6).find(|&digits| {
        let scaled = step * 10_f64.powi(digits);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let decimals = usize::try_from(decimals.unwrap_or(6)).unwrap_or_default();
    let value = if value.abs() < step * 1e-6 {
        0.0
    } else {
        value
    };
    signed(&format!("{value:.decimals$}"))
}

/// With the sign that is as wide as a plus, no minus before zero, and commas in numbers of five digits and more.
fn signed(text: &str) -> String {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|sign| matches!(sign, '0' | '.')) => ("", digits),
        Some(digits) => ("−", digits),
        None => ("", text),
    };
    let whole: Option<usize> = digits.parse().ok().filter(|whole| *whole >= 10_000);
    let digits = whole.map_or_else(|| digits.to_owned(), grouped);
    format!("{minus}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_size() {
        for (value, text) in [
            (0.68456, "0.6846"),
            (-50.5301, "−50.53"),
            (-0.000_001, "0.0000"),
            (12_345.6, "12,346"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(
            [7_200.0, 86_400.0, 90.0, 0.0].map(duration),
            ["2 hours", "1 day", "90 seconds", "0 seconds"]
        );
        assert_eq!(
            (tick(0.25, 0.05), tick(-50.0, 50.0)),
            ("0.25".to_owned(), "−50".to_owned())
        );
    }
}

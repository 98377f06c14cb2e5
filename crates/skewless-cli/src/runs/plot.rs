//! A measure over runs, as bars of plain text.

use std::collections::BTreeSet;

use serde::Serialize;
use skewless_core::{Error, Result};

use crate::records::Run;

/// A run's measure.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    run: i64,
    started: String,
    value: f64,
}

/// The measure of every run that has it.
///
/// # Errors
/// `records.unknown_metric` where no run has it, with those that there are.
pub(super) fn bars(runs: &[Run], metric: &str) -> Result<Vec<Bar>> {
    let bar = |run: &Run| {
        let value = run.measure(metric).filter(|value| value.is_finite())?;
        let started = run.started.clone();
        Some(Bar {
            run: run.number,
            started,
            value,
        })
    };
    let bars: Vec<Bar> = runs.iter().filter_map(bar).collect();
    if bars.is_empty() {
        let known: BTreeSet<String> = runs
            .iter()
            .flat_map(|run| run.measured().map(|(name, _)| name))
            .collect();
        let known: Vec<String> = known.into_iter().collect();
        let message = format!(
            "no run has the measure `{metric}`; there are: {}",
            known.join(", ")
        );
        return Err(Error::input("records.unknown_metric", message));
    }
    Ok(bars)
}

/// A bar for each run, on a scale that is fitted to the values: from 0 only where 0 is among them. A bar of light blocks is
/// negative.
pub(super) fn text(metric: &str, bars: &[Bar], width: u16) -> String {
    let scale = Scale::of(bars);
    let label = |bar: &Bar| {
        format!(
            "{:>5}  {}",
            bar.run,
            bar.started.get(..19).unwrap_or(&bar.started)
        )
    };
    let value = |bar: &Bar| format!("{:.4}", bar.value);
    let widest = bars
        .iter()
        .map(|bar| label(bar).len() + value(bar).len() + 4)
        .max()
        .unwrap_or(0);
    let room = usize::from(width).saturating_sub(widest).max(10);
    let mut text = format!("{metric}, {}\n", scale.said());
    for bar in bars {
        let block = if bar.value < 0.0 { "░" } else { "█" };
        let drawn = block.repeat(scale.length(bar.value, room));
        text.push_str(&format!("{}  {drawn} {}\n", label(bar), value(bar)));
    }
    text
}

/// Where bars begin, and where the longest ends.
struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    /// The value nearest to 0 has a bar of a tenth, so that differences fill the width; with both signs, 0, or a single
    /// value bars begin at 0.
    fn of(bars: &[Bar]) -> Self {
        let sizes = || bars.iter().map(|bar| bar.value.abs());
        let least = sizes().fold(f64::INFINITY, f64::min);
        let most = sizes().fold(0.0, f64::max);
        let is_negative = |bar: &Bar| bar.value < 0.0;
        let of_one_sign = bars.iter().all(is_negative) || !bars.iter().any(is_negative);
        let from = match of_one_sign && most > least {
            true => (least - (most - least) / 9.0).max(0.0),
            false => 0.0,
        };
        Self { from, to: most }
    }

    fn said(&self) -> String {
        match self.from > 0.0 {
            true => format!("bars begin at {:.4}, not at 0", self.from),
            false => "bars begin at 0".to_owned(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "columns of a terminal"
    )]
    fn length(&self, value: f64, room: usize) -> usize {
        if self.to > self.from {
            ((value.abs() - self.from) / (self.to - self.from) * room as f64).round() as usize
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64]) -> (String, Vec<usize>) {
        let bar = |&value: &f64| Bar {
            run: 1,
            started: "2026-01-01T00:00:00Z".to_owned(),
            value,
        };
        let bars: Vec<Bar> = values.iter().map(bar).collect();
        let text = text("test.rmse", &bars, 100);
        let blocks = |line: &str| line.matches(['█', '░']).count();
        (text.clone(), text.lines().skip(1).map(blocks).collect())
    }

    #[test]
    fn near_values_are_told_apart_and_the_scale_is_said() {
        let (text, lengths) = drawn(&[0.8134, 0.8152, 0.8143]);
        assert!(
            text.starts_with("test.rmse, bars begin at 0.8132, not at 0\n"),
            "{text}"
        );
        assert!(lengths[1] > 9 * lengths[0], "{text}");
        assert!(
            lengths[0] > 0 && lengths[0] < lengths[2] && lengths[2] < lengths[1],
            "{text}"
        );
    }

    #[test]
    fn other_values_begin_at_zero() {
        for values in [&[-1.0, 3.0][..], &[0.0, 2.0], &[2.0], &[0.0, 0.0]] {
            let (text, lengths) = drawn(values);
            assert!(text.contains(", bars begin at 0\n"), "{text}");
            assert_eq!(values[0] == 0.0, lengths[0] == 0, "{text}");
        }
        let (_, lengths) = drawn(&[-0.9, -0.8]);
        assert!(lengths[0] > lengths[1] && lengths[1] > 0);
    }
}

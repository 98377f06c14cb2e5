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

/// A bar from 0 for each run; one of light blocks is negative.
pub(super) fn text(metric: &str, bars: &[Bar], width: u16) -> String {
    let most = bars.iter().map(|bar| bar.value.abs()).fold(0.0, f64::max);
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
    let mut text = format!("{metric}\n");
    for bar in bars {
        let block = if bar.value < 0.0 { "░" } else { "█" };
        let drawn = block.repeat(length(bar.value.abs(), most, room));
        text.push_str(&format!("{}  {drawn} {}\n", label(bar), value(bar)));
    }
    text
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns of a terminal"
)]
fn length(value: f64, most: f64, room: usize) -> usize {
    if most > 0.0 {
        (value / most * room as f64).round() as usize
    } else {
        0
    }
}

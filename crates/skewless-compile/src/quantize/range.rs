//! The range that an activation's steps cover, by what calibration rows show.

use std::collections::BTreeMap;

use skewless_core::error::{Error, Result};

use super::float::FloatNetwork;

/// How the range of an activation is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Calibration {
    /// From the least to the greatest value.
    #[default]
    MinMax,
    /// The share of values (between 0.5 and 1) that lies within, cut evenly at both ends.
    Percentile(f64),
    /// The range whose steps have the least mean square error.
    LeastError,
}

/// From the least to the greatest value that is told apart; 0 lies between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) low: f32,
    pub(super) high: f32,
}

/// Bars of the histogram that percentiles and errors are read from.
const BARS: usize = 2048;

/// The range of every wanted value over the rows.
pub(super) fn observe(
    network: &FloatNetwork,
    rows: &[f64],
    wanted: &[String],
    calibration: Calibration,
) -> Result<BTreeMap<String, Range>> {
    let mut ranges: BTreeMap<String, Range> = BTreeMap::new();
    network.each_row(rows, |name, values| {
        let range = ranges.entry(name.to_owned()).or_insert(Range {
            low: 0.0,
            high: 0.0,
        });
        for &value in values {
            if !value.is_finite() {
                return Err(Error::input(
                    "quantize.not_finite",
                    format!("value `{name}` is {value} on a calibration row"),
                ));
            }
            range.low = range.low.min(value);
            range.high = range.high.max(value);
        }
        Ok(())
    })?;
    ranges.retain(|name, _| wanted.contains(name));
    if calibration == Calibration::MinMax {
        return Ok(ranges);
    }
    let mut histograms: BTreeMap<String, Histogram> = ranges
        .iter()
        .map(|(name, &range)| (name.clone(), Histogram::new(range)))
        .collect();
    network.each_row(rows, |name, values| {
        if let Some(histogram) = histograms.get_mut(name) {
            values.iter().for_each(|&value| histogram.add(value));
        }
        Ok(())
    })?;
    Ok(histograms
        .into_iter()
        .map(|(name, histogram)| (name, histogram.range(calibration)))
        .collect())
}

/// How often values fall into each of [`BARS`] equal parts of their range.
struct Histogram {
    range: Range,
    counts: Vec<u64>,
}

impl Histogram {
    fn new(range: Range) -> Self {
        Self {
            range,
            counts: vec![0; BARS],
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place among few bars"
    )]
    fn add(&mut self, value: f32) {
        let width = self.range.high - self.range.low;
        if width > 0.0 {
            let at = (value - self.range.low) / width * BARS as f32;
            self.counts[(at as usize).min(BARS - 1)] += 1;
        }
    }

    /// The middle of a bar.
    #[expect(clippy::cast_precision_loss, reason = "few bars")]
    fn middle(&self, bar: usize) -> f32 {
        let width = self.range.high - self.range.low;
        self.range.low + (bar as f32 + 0.5) / BARS as f32 * width
    }

    fn range(&self, calibration: Calibration) -> Range {
        match calibration {
            Calibration::MinMax => self.range,
            Calibration::Percentile(share) => self.percentile(share),
            Calibration::LeastError => self.least_error(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of values")]
    fn percentile(&self, share: f64) -> Range {
        let total: u64 = self.counts.iter().sum();
        let cut = (1.0 - share.clamp(0.5, 1.0)) / 2.0 * total as f64;
        let end = |bars: Vec<usize>| {
            let mut seen = 0;
            bars.into_iter().find(|&bar| {
                seen += self.counts[bar];
                seen as f64 > cut
            })
        };
        let low = end((0..BARS).collect());
        let high = end((0..BARS).rev().collect());
        Range {
            low: low.map_or(self.range.low, |bar| self.middle(bar)).min(0.0),
            high: high
                .map_or(self.range.high, |bar| self.middle(bar))
                .max(0.0),
        }
    }

    /// The best of ranges that cut both ends alike, down to 30 % of the width.
    #[expect(clippy::cast_precision_loss, reason = "few candidates")]
    fn least_error(&self) -> Range {
        const CANDIDATES: u16 = 71;
        let candidates = (0..CANDIDATES).map(|candidate| {
            let share = 1.0 - f32::from(candidate) / 100.0;
            Range {
                low: self.range.low * share,
                high: self.range.high * share,
            }
        });
        let error = |range: &Range| {
            let step = (range.high - range.low) / 255.0;
            let bars = self
                .counts
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0);
            bars.map(|(bar, &count)| {
                let value = self.middle(bar);
                let near = (value.clamp(range.low, range.high) / step).round() * step;
                let off = f64::from(value - near);
                off * off * count as f64
            })
            .sum::<f64>()
        };
        let best = candidates.min_by(|a, b| error(a).total_cmp(&error(b)));
        best.unwrap_or(self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl Iterator<Item = f32> + Clone) -> Histogram {
        let mut histogram = Histogram::new(Range {
            low: values.clone().fold(0.0, f32::min),
            high: values.clone().fold(0.0, f32::max),
        });
        values.for_each(|value| histogram.add(value));
        histogram
    }

    #[test]
    fn a_percentile_leaves_out_what_is_rare() {
        let values = (0..1000).map(|at| {
            if at == 0 {
                100.0
            } else {
                (at % 100) as f32 / 100.0
            }
        });
        let range = histogram(values.clone()).range(Calibration::Percentile(0.99));
        assert!(range.high < 1.1 && range.low == 0.0, "{range:?}");
        let all = histogram(values).range(Calibration::Percentile(1.0));
        assert!(all.high > 99.0, "{all:?}");
    }

    #[test]
    fn the_least_error_weighs_what_is_cut_against_the_steps() {
        let even = (0..1000).map(|at| at as f32 / 1000.0 - 0.5);
        let range = histogram(even).range(Calibration::LeastError);
        assert!(range.high > 0.45 && range.low < -0.45, "{range:?}");
        let rare = (0..100_000).map(|at| {
            if at == 0 {
                3.0
            } else {
                (at % 1000) as f32 / 1000.0
            }
        });
        let range = histogram(rare).range(Calibration::LeastError);
        assert!(range.high < 2.9, "{range:?}");
    }
}

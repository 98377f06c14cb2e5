//! Bootstrap intervals for any task: rows drawn again with replacement, all models measured on the same draws.
//!
//! Percentile intervals (Efron and Tibshirani 1993, chapter 13), as in [`crate::bootstrap`].

use skewless_core::{Error, Result};

use super::measure::{Judged, Measure};
use super::report::Measured;
use crate::bootstrap::{Estimate, Resampling, draw, quantile};
use crate::random::Random;

/// Several models' measures on the rows themselves and on every draw.
pub(crate) struct Resampled {
    measures: &'static [Measure],
    point: Vec<Vec<f64>>,
    draws: Vec<Vec<Vec<f64>>>,
    confidence: f64,
}

impl Resampled {
    /// Measures models that judged the same rows.
    ///
    /// # Errors
    /// `train.metric_rows` where the models' rows differ in number.
    pub(crate) fn new(
        measures: &'static [Measure],
        models: &[&Judged],
        resampling: Resampling,
    ) -> Result<Self> {
        let rows = models.first().map_or(0, |model| model.rows());
        if rows == 0 || models.iter().any(|model| model.rows() != rows) {
            return Err(Error::misuse(
                "train.metric_rows",
                "models are compared on the same rows, at least one",
            ));
        }
        let mut random = Random::new(resampling.seed, 0);
        let mut weights = vec![0_u32; rows];
        let mut draws = vec![Vec::with_capacity(resampling.resamples); models.len()];
        let groups = models.first().and_then(|model| model.groups());
        for _ in 0..resampling.resamples {
            match groups {
                None => draw(&mut random, &mut weights),
                Some(groups) => draw_groups(&mut random, groups, &mut weights),
            }
            for (model, draws) in models.iter().zip(&mut draws) {
                draws.push(model.weighted(&weights));
            }
        }
        Ok(Self {
            measures,
            point: models.iter().map(|model| model.measures()).collect(),
            draws,
            confidence: resampling.confidence,
        })
    }

    /// A model's measures with intervals; models count from 0.
    pub(crate) fn measured(&self, model: usize) -> Vec<Measured> {
        let measures = self.measures.iter().enumerate();
        let each = measures.filter_map(|(place, &measure)| {
            let value = *self.point.get(model)?.get(place)?;
            let draws = self.draws.get(model)?.iter();
            let found = self.estimate(value, draws.filter_map(|draw| draw.get(place).copied()));
            // Drawing again only adds to a calibration error, so that all draws may lie above the value itself.
            let estimate = Estimate {
                low: if found.low > value { value } else { found.low },
                high: if found.high < value {
                    value
                } else {
                    found.high
                },
                ..found
            };
            Some(Measured { measure, estimate })
        });
        each.collect()
    }

    /// By how much a model is better than another, on the same draws.
    pub(crate) fn gain(&self, measure: Measure, model: usize, other: usize) -> Option<Estimate> {
        let place = self.measures.iter().position(|&one| one == measure)?;
        let of = |measures: &Vec<f64>| measures.get(place).copied().unwrap_or(f64::NAN);
        let value = measure.gain(of(self.point.get(model)?), of(self.point.get(other)?));
        let pairs = self.draws.get(model)?.iter().zip(self.draws.get(other)?);
        Some(self.estimate(value, pairs.map(|(a, b)| measure.gain(of(a), of(b)))))
    }

    fn estimate(&self, value: f64, draws: impl Iterator<Item = f64>) -> Estimate {
        let mut draws: Vec<f64> = draws.filter(|draw| !draw.is_nan()).collect();
        draws.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Estimate {
            value,
            low: quantile(&draws, tail),
            high: quantile(&draws, 1.0 - tail),
        }
    }
}

/// Draws as many groups as there are, each with all its rows (Field and Welsh 2007): rows of a group are alike, and drawn one
/// by one they would make intervals too narrow.
fn draw_groups(random: &mut Random, groups: &[usize], weights: &mut [u32]) {
    let count = groups.iter().max().map_or(0, |last| last + 1);
    let mut drawn = vec![0_u32; count];
    draw(random, &mut drawn);
    for (weight, group) in weights.iter_mut().zip(groups) {
        *weight = drawn.get(*group).copied().unwrap_or_default();
    }
}

/// Wilson's 95 % interval of a share (Wilson 1927); without rows from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
pub fn wilson(count: usize, rows: usize) -> Estimate {
    /// The normal distribution's 97.5 % quantile.
    const Z: f64 = 1.959_963_984_540_054;
    if rows == 0 {
        return Estimate {
            value: 0.0,
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, p) = (rows as f64, count as f64 / rows as f64);
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * libm::sqrt(p * (1.0 - p) / n + Z * Z / (4.0 * n * n));
    let scale = 1.0 + Z * Z / n;
    Estimate {
        value: p,
        low: ((middle - half) / scale).max(0.0),
        high: ((middle + half) / scale).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use skewless_core::output::Task;

    use super::*;

    #[test]
    fn groups_are_drawn_whole_and_make_intervals_wider() {
        let groups = [0, 0, 1, 2, 2, 2];
        let mut weights = [9; 6];
        draw_groups(&mut Random::new(1, 0), &groups, &mut weights);
        assert!(weights[0] == weights[1] && weights[3] == weights[5] && weights[3] == weights[4]);
        assert_eq!(weights[0] + weights[2] + weights[3], 3);
        // Forty groups of five rows that are all the same.
        let value = |row: usize| f64::from(u8::from((row / 5).is_multiple_of(2)));
        let values: Vec<f64> = (0..200).map(value).collect();
        let judged = || Judged::new(Task::Regression, 0, &values, &[0.0; 200], 0.5, 1).unwrap();
        let width = |judged: &Judged| {
            let resampling = Resampling {
                resamples: 500,
                confidence: 0.95,
                seed: 3,
            };
            let measures = Measure::of_task(Task::Regression);
            let found = Resampled::new(measures, &[judged], resampling)
                .unwrap()
                .measured(0);
            let mae = found
                .iter()
                .find(|one| one.measure == Measure::Mae)
                .unwrap();
            mae.estimate.high - mae.estimate.low
        };
        let by_row = width(&judged());
        let by_group = width(&judged().in_groups(Some((0..200).map(|row| row / 5).collect())));
        let ratio = by_group / by_row;
        assert!((1.8..2.8).contains(&ratio), "{ratio} where √5 is due");
    }

    /// By statsmodels 0.15: `proportion_confint(5, 50, method="wilson")`.
    #[test]
    fn wilson_agrees_with_statsmodels() {
        let found = wilson(5, 50);
        assert!((found.low - 0.0434757649318904).abs() < 1e-12, "{found:?}");
        assert!(
            (found.high - 0.21360231437479657).abs() < 1e-12,
            "{found:?}"
        );
        assert_eq!(wilson(0, 10).low, 0.0);
        assert!(wilson(10, 10).high > 0.999_999);
    }
}

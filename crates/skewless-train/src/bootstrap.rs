//! Bootstrap intervals: the test rows drawn again with replacement, and the measures taken again each time.
//!
//! Percentile intervals (Efron and Tibshirani 1993, chapter 13). Two models are measured on the same draws, so that the
//! interval of their difference is the paired one.

use serde::{Deserialize, Deserializer, Serialize};
use skewless_core::{Error, Result};

use crate::metrics::{Metric, Metrics, Scored};
use crate::random::Random;

/// A measure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The measure on the rows themselves.
    #[serde(deserialize_with = "null_as_nan")]
    pub value: f64,
    /// Lower end.
    #[serde(deserialize_with = "null_as_nan")]
    pub low: f64,
    /// Upper end.
    #[serde(deserialize_with = "null_as_nan")]
    pub high: f64,
}

/// JSON has no NaN: a measure that could not be taken is written `null`, and read back as NaN.
pub(crate) fn null_as_nan<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// The four measures with their intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// See [`Metrics::roc_auc`].
    pub roc_auc: Estimate,
    /// See [`Metrics::average_precision`].
    pub average_precision: Estimate,
    /// See [`Metrics::log_loss`].
    pub log_loss: Estimate,
    /// See [`Metrics::calibration_error`].
    pub calibration_error: Estimate,
}

impl Estimates {
    /// One of them.
    pub fn of(&self, metric: Metric) -> Estimate {
        match metric {
            Metric::RocAuc => self.roc_auc,
            Metric::AveragePrecision => self.average_precision,
            Metric::LogLoss => self.log_loss,
            Metric::CalibrationError => self.calibration_error,
        }
    }
}

/// How intervals are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Number of draws.
    pub resamples: usize,
    /// Share of draws inside the interval, between 0 and 1.
    pub confidence: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// Measures of several models on the same rows: on the rows themselves and on every draw.
pub struct Resampled {
    /// One a model.
    point: Vec<Metrics>,
    /// One list of draws a model.
    draws: Vec<Vec<Metrics>>,
    confidence: f64,
}

impl Resampled {
    /// Measures `models`, which must have scored the same rows.
    ///
    /// # Errors
    /// `train.metric_rows` where the models' rows differ in number or there is none.
    pub fn new(models: &[&Scored], resampling: Resampling) -> Result<Self> {
        let rows = models.first().map_or(0, |model| model.rows());
        if rows == 0 || models.iter().any(|model| model.rows() != rows) {
            return Err(Error::misuse(
                "train.metric_rows",
                "models are compared on the same rows, at least one",
            ));
        }
        let mut random = Random::new(resampling.seed, 0);
        let mut draws = vec![Vec::with_capacity(resampling.resamples); models.len()];
        let mut weights = vec![0_u32; rows];
        for _ in 0..resampling.resamples {
            draw(&mut random, &mut weights);
            for (model, draws) in models.iter().zip(&mut draws) {
                draws.push(model.weighted(&weights));
            }
        }
        let point = models.iter().map(|model| model.metrics()).collect();
        Ok(Self {
            point,
            draws,
            confidence: resampling.confidence,
        })
    }

    /// A model's measures with intervals; models count from 0. `None` for one that is not there.
    pub fn estimates(&self, model: usize) -> Option<Estimates> {
        let (point, draws) = (self.point.get(model)?, self.draws.get(model)?);
        Some(self.each(|metric| {
            (
                metric.of(point),
                draws.iter().map(|draw| metric.of(draw)).collect(),
            )
        }))
    }

    /// A model's measures less another's, with intervals of the difference.
    pub fn difference(&self, model: usize, other: usize) -> Option<Estimates> {
        let (point, draws) = (self.point.get(model)?, self.draws.get(model)?);
        let (other_point, other_draws) = (self.point.get(other)?, self.draws.get(other)?);
        Some(self.each(|metric| {
            let pairs = draws.iter().zip(other_draws);
            let value = metric.of(point) - metric.of(other_point);
            (
                value,
                pairs.map(|(a, b)| metric.of(a) - metric.of(b)).collect(),
            )
        }))
    }

    fn each(&self, values: impl Fn(Metric) -> (f64, Vec<f64>)) -> Estimates {
        let estimate = |metric| {
            let (value, mut draws) = values(metric);
            draws.retain(|draw| !draw.is_nan());
            draws.sort_by(f64::total_cmp);
            let tail = (1.0 - self.confidence) / 2.0;
            Estimate {
                value,
                low: quantile(&draws, tail),
                high: quantile(&draws, 1.0 - tail),
            }
        };
        Estimates {
            roc_auc: estimate(Metric::RocAuc),
            average_precision: estimate(Metric::AveragePrecision),
            log_loss: estimate(Metric::LogLoss),
            calibration_error: estimate(Metric::CalibrationError),
        }
    }
}

/// Counts how often each row is drawn in as many draws as there are rows.
pub(crate) fn draw(random: &mut Random, weights: &mut [u32]) {
    weights.fill(0);
    for _ in 0..weights.len() {
        let row = random.below(weights.len());
        if let Some(weight) = weights.get_mut(row) {
            *weight += 1;
        }
    }
}

/// Linear between the order statistics (type 7 of Hyndman and Fan 1996); NaN without values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "positions in a list"
)]
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let (Some(low), Some(high)) = (sorted.get(below), sorted.get((below + 1).min(last))) else {
        return f64::NAN;
    };
    low + (high - low) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(rows: usize) -> (Scored, Scored) {
        let mut random = Random::new(3, 9);
        let positive: Vec<bool> = (0..rows).map(|_| random.below(4) == 0).collect();
        let mut probability = |signal: f64| -> Vec<f64> {
            let noise = |random: &mut Random| {
                f64::from(u32::try_from(random.below(1000)).unwrap()) / 1000.0
            };
            positive
                .iter()
                .map(|&is| signal * f64::from(u8::from(is)) / 2.0 + noise(&mut random) / 2.0)
                .collect()
        };
        let (good, poor) = (probability(0.5), probability(0.1));
        (
            Scored::new(&good, &positive, 10).unwrap(),
            Scored::new(&poor, &positive, 10).unwrap(),
        )
    }

    #[test]
    fn a_seed_fixes_the_intervals() {
        let (good, poor) = models(500);
        let run = |seed| {
            let resampling = Resampling {
                resamples: 60,
                confidence: 0.9,
                seed,
            };
            let resampled = Resampled::new(&[&good, &poor], resampling).unwrap();
            (
                resampled.estimates(0).unwrap(),
                resampled.difference(0, 1).unwrap(),
            )
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5).0.roc_auc.low, run(6).0.roc_auc.low);
    }

    #[test]
    fn intervals_hold_the_value_and_the_paired_difference_is_clear() {
        let (good, poor) = models(2000);
        let resampling = Resampling {
            resamples: 200,
            confidence: 0.95,
            seed: 1,
        };
        let resampled = Resampled::new(&[&good, &poor], resampling).unwrap();
        let auc = resampled.estimates(0).unwrap().roc_auc;
        assert!(auc.low < auc.value && auc.value < auc.high, "{auc:?}");
        let difference = resampled.difference(0, 1).unwrap().roc_auc;
        assert!(difference.low > 0.0, "{difference:?}");
    }

    #[test]
    fn quantiles_lie_between_the_order_statistics() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, value) in [(0.0, 1.0), (1.0, 8.0), (0.5, 3.0), (0.25, 1.75)] {
            assert_eq!(quantile(&sorted, share), value);
        }
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn models_must_have_scored_the_same_rows() {
        let (good, _) = models(500);
        let (_, other) = models(400);
        let resampling = Resampling {
            resamples: 2,
            confidence: 0.9,
            seed: 0,
        };
        let error = Resampled::new(&[&good, &other], resampling).err().unwrap();
        assert_eq!(error.code(), "train.metric_rows");
    }
}

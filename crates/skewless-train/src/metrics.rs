//! Measures of a binary prediction, over rows with whole weights so that a bootstrap resample is a vector of counts.

use serde::{Deserialize, Serialize};
use skewless_core::{Error, Result};

/// Four measures of predicted probabilities against what happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Area under the receiver operating characteristic: how often a positive row is ranked above a negative one, ties
    /// counting half. 0.5 is chance, 1 is perfect.
    pub roc_auc: f64,
    /// Average precision: Σ (recall_n − recall_{n−1}) · precision_n over the distinct probabilities, falling. Chance is
    /// the share of positive rows.
    pub average_precision: f64,
    /// Mean of −ln(probability given to what happened), probabilities kept 2.2e-16 away from 0 and 1. Lower is better.
    pub log_loss: f64,
    /// Expected calibration error: over bins of equal width, the mean distance between predicted and observed share,
    /// weighted by rows (Naeini et al. 2015). Lower is better.
    pub calibration_error: f64,
}

/// Rows with similar predictions: a dot of a calibration plot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean of their predicted probabilities.
    pub predicted: f64,
    /// Share of them that was positive.
    pub observed: f64,
    /// How many there are.
    pub rows: usize,
}

/// A measure by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// [`Metrics::roc_auc`].
    RocAuc,
    /// [`Metrics::average_precision`].
    AveragePrecision,
    /// [`Metrics::log_loss`].
    LogLoss,
    /// [`Metrics::calibration_error`].
    CalibrationError,
}

impl Metric {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [
        Self::RocAuc,
        Self::AveragePrecision,
        Self::LogLoss,
        Self::CalibrationError,
    ];

    /// The name as the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RocAuc => "roc_auc",
            Self::AveragePrecision => "average_precision",
            Self::LogLoss => "log_loss",
            Self::CalibrationError => "calibration_error",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::RocAuc => "ROC AUC",
            Self::AveragePrecision => "average precision",
            Self::LogLoss => "log loss",
            Self::CalibrationError => "calibration error",
        }
    }

    /// Its value.
    pub fn of(self, metrics: &Metrics) -> f64 {
        match self {
            Self::RocAuc => metrics.roc_auc,
            Self::AveragePrecision => metrics.average_precision,
            Self::LogLoss => metrics.log_loss,
            Self::CalibrationError => metrics.calibration_error,
        }
    }

    /// Whether `a` is better than `b`.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Self::RocAuc | Self::AveragePrecision => a > b,
            Self::LogLoss | Self::CalibrationError => a < b,
        }
    }
}

/// Predictions and what happened, sorted once so that measuring with other weights is a single pass.
pub struct Scored {
    /// By falling probability; of equal ones the earlier row first.
    rows: Vec<ScoredRow>,
    bins: usize,
}

struct ScoredRow {
    /// Its place in the given order, where the weights stand.
    row: usize,
    probability: f64,
    is_positive: bool,
    loss: f64,
    bin: usize,
}

impl Scored {
    /// Probabilities of the positive label and, row by row, whether it was positive; `bins` are for the calibration
    /// error.
    ///
    /// # Errors
    /// `train.metric_rows` for unequal lengths, a probability outside [0, 1], no bins, or rows of one label only.
    pub fn new(probabilities: &[f64], positive: &[bool], bins: usize) -> Result<Self> {
        let fault = |rule: &str| {
            Err(Error::misuse(
                "train.metric_rows",
                format!("measures cannot be taken: {rule}"),
            ))
        };
        if probabilities.len() != positive.len() || bins == 0 {
            return fault("one label a probability and at least one bin are needed");
        }
        if probabilities
            .iter()
            .any(|probability| !(0.0..=1.0).contains(probability))
        {
            return fault("a probability is not between 0 and 1");
        }
        if positive.iter().all(|&label| label) || !positive.iter().any(|&label| label) {
            return fault("all rows have the same label");
        }
        let mut rows: Vec<ScoredRow> = (probabilities.iter().zip(positive).enumerate())
            .map(|(row, (&probability, &is_positive))| ScoredRow {
                row,
                probability,
                is_positive,
                loss: loss(probability, is_positive),
                bin: bin(probability, bins),
            })
            .collect();
        rows.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Self { rows, bins })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The bins of the calibration error that hold rows, by rising probability.
    #[expect(clippy::cast_precision_loss, reason = "counts of rows")]
    pub fn calibration(&self) -> Vec<CalibrationBin> {
        let mut bins = vec![(Bin::default(), 0_usize); self.bins];
        for row in &self.rows {
            if let Some((bin, rows)) = bins.get_mut(row.bin) {
                bin.predicted += row.probability;
                bin.observed += if row.is_positive { 1.0 } else { 0.0 };
                *rows += 1;
            }
        }
        bins.retain(|(_, rows)| *rows > 0);
        let mean = |(bin, rows): (Bin, usize)| CalibrationBin {
            predicted: bin.predicted / rows as f64,
            observed: bin.observed / rows as f64,
            rows,
        };
        bins.into_iter().map(mean).collect()
    }

    /// The measures with every row counted once.
    pub fn metrics(&self) -> Metrics {
        self.weighted(&vec![1; self.rows.len()])
    }

    /// The measures with row i counted `weights[i]` times; NaN where the weights leave a single label.
    pub fn weighted(&self, weights: &[u32]) -> Metrics {
        let mut ranking = Ranking::default();
        let mut bins = vec![Bin::default(); self.bins];
        let (mut loss, mut count) = (0.0, 0_u64);
        for group in self
            .rows
            .chunk_by(|a, b| a.probability.total_cmp(&b.probability).is_eq())
        {
            let (mut positive, mut negative) = (0, 0);
            for row in group {
                let weight = weights.get(row.row).copied().unwrap_or_default();
                let times = f64::from(weight);
                if row.is_positive {
                    positive += u64::from(weight)
                } else {
                    negative += u64::from(weight)
                }
                loss += times * row.loss;
                if let Some(bin) = bins.get_mut(row.bin) {
                    bin.predicted += times * row.probability;
                    bin.observed += if row.is_positive { times } else { 0.0 };
                }
            }
            count += positive + negative;
            ranking.add(positive, negative);
        }
        let count = as_f64(count);
        let gap: f64 = bins
            .iter()
            .map(|bin| (bin.predicted - bin.observed).abs())
            .sum();
        Metrics {
            roc_auc: ranking.roc_auc(),
            average_precision: ranking.average_precision(),
            log_loss: loss / count,
            calibration_error: gap / count,
        }
    }
}

/// −ln of the probability given to what happened, with scikit-learn's guard against infinity.
fn loss(probability: f64, is_positive: bool) -> f64 {
    let kept = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    -libm::log(if is_positive { kept } else { 1.0 - kept })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the number of bins"
)]
fn bin(probability: f64, bins: usize) -> usize {
    ((probability * as_f64(bins as u64)) as usize).min(bins - 1)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows are far below 2^53"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[derive(Clone, Default)]
struct Bin {
    predicted: f64,
    observed: f64,
}

/// The two measures of order, fed with the groups of equal probability from the highest down.
#[derive(Default)]
struct Ranking {
    positive: u64,
    negative: u64,
    /// Twice the pairs ranked right; a tie adds one. Whole numbers, so the area is exact up to its one division.
    twice_pairs: u128,
    precision_sum: f64,
}

impl Ranking {
    fn add(&mut self, positive: u64, negative: u64) {
        self.twice_pairs += u128::from(negative) * u128::from(2 * self.positive + positive);
        self.positive += positive;
        self.negative += negative;
        if positive > 0 {
            let precision = as_f64(self.positive) / as_f64(self.positive + self.negative);
            self.precision_sum += as_f64(positive) * precision;
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the pairs are rounded once, to f64"
    )]
    fn roc_auc(&self) -> f64 {
        self.twice_pairs as f64 / (2.0 * as_f64(self.positive) * as_f64(self.negative))
    }

    fn average_precision(&self) -> f64 {
        self.precision_sum / as_f64(self.positive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(probabilities: &[f64], positive: &[u8], bins: usize) -> Scored {
        let positive: Vec<bool> = positive.iter().map(|&label| label == 1).collect();
        Scored::new(probabilities, &positive, bins).unwrap()
    }

    /// Expected values from scikit-learn 1.9.1 (`roc_auc_score`, `average_precision_score`, `log_loss`).
    #[test]
    fn order_and_loss_agree_with_scikit_learn() {
        let plain = scored(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 10).metrics();
        assert_eq!(plain.roc_auc, 0.75);
        assert!((plain.average_precision - 0.833_333_333_333_333_3).abs() < 1e-15);
        assert!((plain.log_loss - 0.472_287_953_809_176_15).abs() < 1e-15);
        let ties = scored(
            &[0.2, 0.2, 0.5, 0.5, 0.5, 0.9, 0.0, 1.0],
            &[0, 1, 1, 0, 1, 0, 0, 1],
            10,
        )
        .metrics();
        assert_eq!(ties.roc_auc, 0.656_25);
        assert!((ties.average_precision - 0.692_857_142_857_142_8).abs() < 1e-15);
        assert!((ties.log_loss - 0.776_826_012_302_774).abs() < 1e-14);
    }

    #[test]
    fn calibration_has_the_bins_that_hold_rows() {
        let bins = scored(&[0.1, 0.9, 0.7, 1.0], &[0, 1, 0, 1], 2).calibration();
        let found: Vec<_> = bins.iter().map(|bin| (bin.observed, bin.rows)).collect();
        assert_eq!(found, [(0.0, 1), (2.0 / 3.0, 3)]);
        assert!((bins[1].predicted - (0.9 + 0.7 + 1.0) / 3.0).abs() < 1e-15);
        assert_eq!(scored(&[0.1, 0.9], &[0, 1], 5).calibration().len(), 2);
    }

    #[test]
    fn calibration_error_is_the_weighted_gap() {
        // Two bins: [0, ½) predicts 0.1 + 0.3 and sees one positive of two; [½, 1] predicts 1.6 and sees two of two.
        let metrics = scored(&[0.1, 0.3, 0.7, 0.9], &[0, 1, 1, 1], 2).metrics();
        assert!((metrics.calibration_error - ((1.0_f64 - 0.4) + (2.0 - 1.6)) / 4.0).abs() < 1e-15);
    }

    #[test]
    fn a_weight_is_a_repeated_row() {
        let weighted = scored(&[0.2, 0.6, 0.4], &[0, 1, 1], 5).weighted(&[2, 1, 3]);
        let repeated = scored(&[0.2, 0.2, 0.6, 0.4, 0.4, 0.4], &[0, 0, 1, 1, 1, 1], 5).metrics();
        assert_eq!(weighted.roc_auc, repeated.roc_auc);
        assert!((weighted.average_precision - repeated.average_precision).abs() < 1e-15);
        assert!((weighted.log_loss - repeated.log_loss).abs() < 1e-15);
        assert!((weighted.calibration_error - repeated.calibration_error).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (probabilities, positive, bins) in [
            (&[0.5][..], &[true][..], 10),
            (&[0.5, 0.5], &[true, true], 10),
            (&[0.5, 1.5], &[true, false], 10),
            (&[0.5, f64::NAN], &[true, false], 10),
            (&[0.5], &[true, false], 10),
            (&[0.5, 0.4], &[true, false], 0),
        ] {
            let error = Scored::new(probabilities, positive, bins).err().unwrap();
            assert_eq!(error.code(), "train.metric_rows");
        }
    }
}

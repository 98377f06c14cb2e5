//! Measures of predictions by task, over rows with whole weights so that a bootstrap resample is a vector of counts.

use serde::{Deserialize, Serialize};
use skewless_core::output::Task;
use skewless_core::{Error, Result};

use super::models::class;
use crate::metrics::{CalibrationBin, Metric, Metrics, Scored};

/// A measure by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Binary: area under the ROC curve.
    RocAuc,
    /// Binary: average precision.
    AveragePrecision,
    /// Binary and multi-class: mean −ln of the probability given to what happened.
    LogLoss,
    /// Binary: expected calibration error.
    CalibrationError,
    /// Binary and multi-class: share of rows with the right label.
    Accuracy,
    /// Multi-class: mean over classes of the harmonic mean of precision and recall; a class without rows and
    /// predictions counts 0.
    MacroF1,
    /// Regression: root of the mean squared error, in the label's unit.
    Rmse,
    /// Regression: mean absolute error, in the label's unit.
    Mae,
    /// Regression: 1 − squared error / squared distance from the rows' mean.
    R2,
}

impl Measure {
    /// The measures of a task in the order of reports.
    pub fn of_task(task: Task) -> &'static [Self] {
        match task {
            Task::Binary => &[
                Self::RocAuc,
                Self::AveragePrecision,
                Self::LogLoss,
                Self::CalibrationError,
                Self::Accuracy,
            ],
            Task::Multiclass => &[Self::LogLoss, Self::Accuracy, Self::MacroF1],
            Task::Regression => &[Self::Rmse, Self::Mae, Self::R2],
            Task::Vector => &[],
        }
    }

    /// The name as the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RocAuc => "roc_auc",
            Self::AveragePrecision => "average_precision",
            Self::LogLoss => "log_loss",
            Self::CalibrationError => "calibration_error",
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro_f1",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::R2 => "r2",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::RocAuc => "ROC AUC",
            Self::AveragePrecision => "average precision",
            Self::LogLoss => "log loss",
            Self::CalibrationError => "calibration error",
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro F1",
            Self::Rmse => "RMSE",
            Self::Mae => "MAE",
            Self::R2 => "R²",
        }
    }

    /// Whether more is better.
    pub fn rises(self) -> bool {
        !matches!(
            self,
            Self::LogLoss | Self::CalibrationError | Self::Rmse | Self::Mae
        )
    }

    /// By how much `a` is better than `b`; negative where it is worse.
    pub fn gain(self, a: f64, b: f64) -> f64 {
        if self.rises() { a - b } else { b - a }
    }
}

/// Predictions and the truth of the same rows.
pub(crate) struct Judged {
    task: Task,
    rows: usize,
    kind: Kind,
    /// The rows of each fold, of which scores are compared only within it.
    folds: Vec<Scored>,
    /// The group of each row, where rows belong together.
    groups: Option<Vec<usize>>,
}

enum Kind {
    Binary {
        scored: Scored,
        right: Vec<bool>,
    },
    Multiclass {
        classes: usize,
        truth: Vec<usize>,
        label: Vec<usize>,
        loss: Vec<f64>,
    },
    Regression {
        truth: Vec<f64>,
        error: Vec<f64>,
    },
}

impl Judged {
    /// `values` holds one value a row, or for several classes a probability each, row-major; `threshold` is the binary
    /// label's; `bins` are those of the calibration error.
    ///
    /// # Errors
    /// `train.metric_rows` for lengths that contradict each other, or what [`Scored::new`] refuses.
    pub(crate) fn new(
        task: Task,
        classes: usize,
        values: &[f64],
        truth: &[f64],
        threshold: f64,
        bins: usize,
    ) -> Result<Self> {
        let width = if task == Task::Multiclass { classes } else { 1 };
        if truth.is_empty() || values.len() != truth.len() * width {
            return Err(Error::misuse(
                "train.metric_rows",
                "measures cannot be taken: one prediction a row and at least one row are needed",
            ));
        }
        let kind = match task {
            Task::Binary => {
                let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
                let pairs = values.iter().zip(&positive);
                let right = pairs.map(|(&value, &positive)| (value >= threshold) == positive);
                Kind::Binary {
                    right: right.collect(),
                    scored: Scored::new(values, &positive, bins)?,
                }
            }
            Task::Multiclass => {
                let truth: Vec<usize> = truth.iter().map(|&truth| class(truth)).collect();
                let rows = values.chunks_exact(classes);
                Kind::Multiclass {
                    classes,
                    label: rows.clone().map(first_greatest).collect(),
                    loss: rows
                        .zip(&truth)
                        .map(|(row, &truth)| loss(row, truth))
                        .collect(),
                    truth,
                }
            }
            _ => Kind::Regression {
                truth: truth.to_vec(),
                error: values
                    .iter()
                    .zip(truth)
                    .map(|(value, truth)| value - truth)
                    .collect(),
            },
        };
        Ok(Self {
            task,
            rows: truth.len(),
            kind,
            folds: Vec::new(),
            groups: None,
        })
    }

    /// The same, with rows that were predicted by models of different folds, one after the other: scores of different
    /// models are not ranked against each other, and measures of ranking are the mean of the folds'.
    pub(crate) fn in_folds(self, folds: Vec<Self>) -> Self {
        let scored = folds.into_iter().filter_map(|fold| match fold.kind {
            Kind::Binary { scored, .. } => Some(scored),
            _ => None,
        });
        let folds: Vec<Scored> = scored.collect();
        Self {
            folds: if folds.len() > 1 { folds } else { Vec::new() },
            ..self
        }
    }

    /// The same, with rows that are drawn by their groups, counted from 0.
    pub(crate) fn in_groups(self, groups: Option<Vec<usize>>) -> Self {
        Self { groups, ..self }
    }

    pub(crate) fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The measures in the order of [`Measure::of_task`].
    pub(crate) fn measures(&self) -> Vec<f64> {
        self.weighted(&vec![1; self.rows])
    }

    /// One measure; NaN for one of another task.
    pub(crate) fn measure(&self, measure: Measure) -> f64 {
        let place = Measure::of_task(self.task)
            .iter()
            .position(|&one| one == measure);
        let measures = self.measures();
        place
            .and_then(|place| measures.get(place).copied())
            .unwrap_or(f64::NAN)
    }

    /// The measures with row i counted `weights[i]` times.
    pub(crate) fn weighted(&self, weights: &[u32]) -> Vec<f64> {
        match &self.kind {
            Kind::Binary { scored, right } => {
                let mut metrics = scored.weighted(weights);
                if !self.folds.is_empty() {
                    let each = self.of_folds(weights);
                    metrics.roc_auc = mean_of(each.iter().map(|fold| fold.roc_auc));
                    metrics.average_precision =
                        mean_of(each.iter().map(|fold| fold.average_precision));
                }
                let mut measures: Vec<f64> = Metric::ALL
                    .iter()
                    .map(|metric| metric.of(&metrics))
                    .collect();
                measures.push(share(right.iter().copied(), weights));
                measures
            }
            Kind::Multiclass {
                classes,
                truth,
                label,
                loss,
            } => {
                let pairs = truth.iter().zip(label);
                vec![
                    mean(loss.iter().copied(), weights),
                    share(pairs.clone().map(|(truth, label)| truth == label), weights),
                    macro_f1(*classes, pairs, weights),
                ]
            }
            Kind::Regression { truth, error } => {
                let square = mean(error.iter().map(|error| error * error), weights);
                let level = mean(truth.iter().copied(), weights);
                let spread = mean(
                    truth.iter().map(|truth| (truth - level) * (truth - level)),
                    weights,
                );
                vec![
                    libm::sqrt(square),
                    mean(error.iter().map(|error| error.abs()), weights),
                    1.0 - square / spread,
                ]
            }
        }
    }

    fn of_folds(&self, weights: &[u32]) -> Vec<Metrics> {
        let mut rest = weights;
        let each = self.folds.iter().map(|fold| {
            let (of_fold, after) = rest.split_at(fold.rows().min(rest.len()));
            rest = after;
            fold.weighted(of_fold)
        });
        each.collect()
    }

    /// The dots of a calibration plot; none but for binary models.
    pub(crate) fn calibration(&self) -> Vec<CalibrationBin> {
        match &self.kind {
            Kind::Binary { scored, .. } => scored.calibration(),
            _ => Vec::new(),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>, weights: &[u32]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (value, &weight) in values.zip(weights) {
        sum += f64::from(weight) * value;
        count += f64::from(weight);
    }
    sum / count
}

/// Of those that are numbers: a draw may leave a fold with one label.
fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values.filter(|value| !value.is_nan()) {
        sum += value;
        count += 1.0;
    }
    sum / count
}

fn share(holds: impl Iterator<Item = bool>, weights: &[u32]) -> f64 {
    mean(holds.map(|holds| f64::from(u8::from(holds))), weights)
}

fn macro_f1<'a>(
    classes: usize,
    pairs: impl Iterator<Item = (&'a usize, &'a usize)>,
    weights: &[u32],
) -> f64 {
    // Per class: rows that are it, rows that are called it, and both.
    let mut counts = vec![[0_u64; 3]; classes];
    for ((&truth, &label), &weight) in pairs.zip(weights) {
        let mut add = |class: usize, what: usize| {
            if let Some(count) = counts
                .get_mut(class)
                .and_then(|counts| counts.get_mut(what))
            {
                *count += u64::from(weight);
            }
        };
        add(truth, 0);
        add(label, 1);
        if truth == label {
            add(truth, 2);
        }
    }
    let scores = counts
        .iter()
        .map(|&[are, called, both]| f1(are + called, both));
    scores.sum::<f64>() / counts.len().max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn f1(are_and_called: u64, both: u64) -> f64 {
    match are_and_called {
        0 => 0.0,
        total => 2.0 * both as f64 / total as f64,
    }
}

/// With scikit-learn's guard against infinity.
fn loss(probabilities: &[f64], truth: usize) -> f64 {
    let given = probabilities.get(truth).copied().unwrap_or_default();
    -libm::log(given.clamp(f64::EPSILON, 1.0))
}

/// Place of the greatest value; of equals the first.
pub(crate) fn first_greatest(values: &[f64]) -> usize {
    let best = values
        .iter()
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (place, &value)| {
            if value > best.1 { (place, value) } else { best }
        });
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-12,
                "{found} is not {expected}"
            );
        }
    }

    /// Expected values by scikit-learn 1.9 (`mean_squared_error`, `mean_absolute_error`, `r2_score`).
    #[test]
    fn regression_agrees_with_scikit_learn() {
        let judged = Judged::new(
            Task::Regression,
            0,
            &[2.5, 0.0, 2.0, 8.0],
            &[3.0, -0.5, 2.0, 7.0],
            0.5,
            1,
        )
        .unwrap();
        close(
            &judged.measures(),
            &[0.375_f64.sqrt(), 0.5, 0.948_608_137_044_967_9],
        );
    }

    /// By scikit-learn 1.9 (`log_loss`, `accuracy_score`, `f1_score(average="macro")`).
    #[test]
    fn classes_agree_with_scikit_learn() {
        let values = [0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.1, 0.1, 0.8, 0.5, 0.4, 0.1];
        let judged =
            Judged::new(Task::Multiclass, 3, &values, &[0.0, 1.0, 2.0, 1.0], 0.5, 1).unwrap();
        close(
            &judged.measures(),
            &[
                -(0.7_f64.ln() + 0.4_f64.ln() + 0.8_f64.ln() + 0.4_f64.ln()) / 4.0,
                0.75,
                (2.0 / 3.0 + 2.0 / 3.0 + 1.0) / 3.0,
            ],
        );
        let twice = judged.weighted(&[2, 0, 1, 1]);
        close(&twice[1..2], &[0.75]);
    }

    #[test]
    fn binary_labels_follow_the_threshold() {
        let judged = |threshold| {
            Judged::new(
                Task::Binary,
                2,
                &[0.2, 0.6, 0.4],
                &[0.0, 1.0, 1.0],
                threshold,
                5,
            )
            .unwrap()
            .measure(Measure::Accuracy)
        };
        close(&[judged(0.5), judged(0.4)], &[2.0 / 3.0, 1.0]);
        assert_eq!(Measure::LogLoss.gain(0.3, 0.5), 0.2);
        assert_eq!(Measure::RocAuc.gain(0.75, 0.5), 0.25);
    }

    #[test]
    fn lengths_must_fit() {
        let error = Judged::new(Task::Multiclass, 3, &[0.1; 4], &[0.0], 0.5, 1)
            .err()
            .unwrap();
        assert_eq!(error.code(), "train.metric_rows");
    }
}

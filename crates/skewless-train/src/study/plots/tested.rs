//! Curves of the test: of the predictions that its measures are of, with at most 200 points each.

use serde::{Deserialize, Serialize};
use skewless_core::output::Task;

use crate::metrics::{CalibrationBin, Scored};
use crate::study::measure::first_greatest;
use crate::study::models::class;
use crate::study::recipe::Recipe;

/// Points that a curve keeps.
const POINTS: usize = 200;
/// Labels that have curves against the rest, where there are many.
const LABELS: usize = 10;
/// Points that a curve of one of them keeps.
const REST_POINTS: usize = 100;
/// Dots that a scatter keeps.
const DOTS: usize = 500;
/// Bins of a histogram of probabilities.
const BINS: usize = 20;

/// The winner on the test rows, drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestPlots {
    /// Binary: false positive share and true positive share, as the threshold falls.
    pub roc: Vec<[f64; 2]>,
    /// Binary: recall and precision, as the threshold falls.
    pub precision_recall: Vec<[f64; 2]>,
    /// Several labels: each against the rest, in the labels' order; those with the most test rows, where there are many.
    #[serde(default)]
    pub rest: Vec<AgainstRest>,
    /// Several labels: probability of the label that is given, against how often it is right.
    pub top_label: Vec<CalibrationBin>,
    /// Labels: what was against what was said.
    pub confusion: Option<Confusion>,
    /// Labels: probability of the positive label, or of the label that was right, by the label that was.
    pub scores: Option<Histogram>,
    /// With a promised confidence: rows whose interval has no end, or whose set has all labels.
    #[serde(default)]
    pub silent: Option<usize>,
    /// Regression: predicted and actual.
    pub scatter: Vec<[f64; 2]>,
}

/// A label against all others, by its own probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgainstRest {
    /// Its place among the labels, counted from 0.
    pub label: usize,
    /// Test rows that are it.
    pub rows: usize,
    /// As [`TestPlots::roc`].
    pub roc: Vec<[f64; 2]>,
    /// As [`TestPlots::precision_recall`].
    pub precision_recall: Vec<[f64; 2]>,
    /// Area under the ROC curve.
    pub roc_auc: f64,
    /// Average precision.
    pub average_precision: f64,
}

/// Counts of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Binary: from which probability on the positive label is given. Otherwise the likeliest label is.
    pub threshold: Option<f64>,
    /// A row a true label, a column a given label.
    pub rows: Vec<Vec<usize>>,
}

/// Counts of rows in bins of equal width from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// A list of bins a true label.
    pub labels: Vec<Vec<usize>>,
}

pub(super) fn plots(recipe: &Recipe, values: &[f64], truth: &[f64]) -> TestPlots {
    let classes = recipe.classes();
    let labels: Vec<usize> = truth.iter().map(|&truth| class(truth)).collect();
    match recipe.task() {
        Task::Binary => {
            let (roc, precision_recall) = curves(values, &labels, POINTS);
            let threshold = recipe.threshold();
            let given = values.iter().map(|&value| usize::from(value >= threshold));
            TestPlots {
                roc,
                precision_recall,
                confusion: Some(confusion(2, &labels, given, Some(threshold))),
                scores: Some(histogram(2, &labels, values.iter().copied())),
                ..TestPlots::default()
            }
        }
        Task::Multiclass => {
            let given: Vec<usize> = values.chunks_exact(classes).map(first_greatest).collect();
            let rows = || values.chunks_exact(classes);
            let at = |(row, &label): (&[f64], &usize)| row.get(label).copied().unwrap_or_default();
            TestPlots {
                rest: against_rest(values, classes, &labels),
                top_label: top_label(rows().zip(&given).map(at), &given, &labels),
                scores: Some(histogram(classes, &labels, rows().zip(&labels).map(at))),
                confusion: Some(confusion(classes, &labels, given.into_iter(), None)),
                ..TestPlots::default()
            }
        }
        _ => TestPlots {
            scatter: thinned(pairs(values, truth), DOTS),
            ..TestPlots::default()
        },
    }
}

fn pairs(values: &[f64], truth: &[f64]) -> Vec<[f64; 2]> {
    let pairs = values.iter().zip(truth);
    pairs.map(|(&value, &truth)| [value, truth]).collect()
}

/// The labels that some test rows are and some are not.
fn against_rest(values: &[f64], classes: usize, labels: &[usize]) -> Vec<AgainstRest> {
    let rows_of = |class: usize| labels.iter().filter(|&&label| label == class).count();
    let mut by_rows: Vec<(usize, usize)> =
        (0..classes).map(|class| (class, rows_of(class))).collect();
    by_rows.sort_by_key(|&(_, rows)| std::cmp::Reverse(rows));
    by_rows.truncate(LABELS);
    by_rows.sort_unstable();
    let of = |(class, rows): (usize, usize)| {
        let own: Vec<f64> = (values.chunks_exact(classes))
            .map(|row| row.get(class).copied().unwrap_or_default())
            .collect();
        let is_it: Vec<bool> = labels.iter().map(|&label| label == class).collect();
        let metrics = Scored::new(&own, &is_it, 1).ok()?.metrics();
        let is_it: Vec<usize> = is_it.into_iter().map(usize::from).collect();
        let (roc, precision_recall) = curves(&own, &is_it, REST_POINTS);
        Some(AgainstRest {
            label: class,
            rows,
            roc,
            precision_recall,
            roc_auc: metrics.roc_auc,
            average_precision: metrics.average_precision,
        })
    };
    by_rows.into_iter().filter_map(of).collect()
}

/// ROC and precision–recall, a point a distinct score, at most `most` of them.
#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn curves(values: &[f64], labels: &[usize], most: usize) -> (Vec<[f64; 2]>, Vec<[f64; 2]>) {
    let mut sorted: Vec<(f64, usize)> =
        values.iter().copied().zip(labels.iter().copied()).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positive = labels.iter().sum::<usize>().max(1) as f64;
    let negative = (labels.len() as f64 - positive).max(1.0);
    let (mut right, mut wrong) = (0.0, 0.0);
    let (mut roc, mut precision_recall) = (vec![[0.0, 0.0]], Vec::new());
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        let hits = group.iter().map(|(_, label)| label).sum::<usize>() as f64;
        right += hits;
        wrong += group.len() as f64 - hits;
        roc.push([wrong / negative, right / positive]);
        precision_recall.push([right / positive, right / (right + wrong)]);
    }
    (thinned(roc, most), thinned(precision_recall, most))
}

/// At most `most` of the points, evenly by their number, the first and the last among them.
fn thinned(points: Vec<[f64; 2]>, most: usize) -> Vec<[f64; 2]> {
    if points.len() <= most {
        return points;
    }
    let place = |step: usize| step * (points.len() - 1) / (most - 1);
    (0..most)
        .filter_map(|step| points.get(place(step)).copied())
        .collect()
}

fn confusion(
    classes: usize,
    labels: &[usize],
    given: impl Iterator<Item = usize>,
    threshold: Option<f64>,
) -> Confusion {
    let mut rows = vec![vec![0; classes]; classes];
    for (&label, given) in labels.iter().zip(given) {
        if let Some(count) = rows.get_mut(label).and_then(|row| row.get_mut(given)) {
            *count += 1;
        }
    }
    Confusion { threshold, rows }
}

fn histogram(classes: usize, labels: &[usize], shares: impl Iterator<Item = f64>) -> Histogram {
    let mut counts = vec![vec![0; BINS]; classes];
    for (&label, share) in labels.iter().zip(shares) {
        let bins = counts.get_mut(label);
        if let Some(count) = bins.and_then(|bins| bins.get_mut(bin(share, BINS))) {
            *count += 1;
        }
    }
    Histogram { labels: counts }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "from 0 to the number of bins"
)]
fn bin(share: f64, bins: usize) -> usize {
    ((share * bins as f64) as usize).min(bins - 1)
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn top_label(
    shares: impl Iterator<Item = f64>,
    given: &[usize],
    labels: &[usize],
) -> Vec<CalibrationBin> {
    const WIDE: usize = 10;
    let mut bins = vec![(0.0, 0_usize, 0_usize); WIDE];
    for ((share, given), label) in shares.zip(given).zip(labels) {
        if let Some(found) = bins.get_mut(bin(share, WIDE)) {
            found.0 += share;
            found.1 += usize::from(given == label);
            found.2 += 1;
        }
    }
    let mean = |(share, right, rows): (f64, usize, usize)| CalibrationBin {
        predicted: share / rows as f64,
        observed: right as f64 / rows as f64,
        rows,
    };
    bins.into_iter().filter(|bin| bin.2 > 0).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_step_once_for_rows_of_one_score() {
        let (roc, precision_recall) = curves(&[0.9, 0.5, 0.5, 0.1], &[1, 1, 0, 0], POINTS);
        assert_eq!(roc, [[0.0, 0.0], [0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]);
        assert_eq!(precision_recall, [[0.5, 1.0], [1.0, 2.0 / 3.0], [1.0, 0.5]]);
    }

    #[test]
    fn each_label_is_drawn_against_the_rest_within_bounds() {
        let values = [0.7, 0.3, 0.0, 0.2, 0.8, 0.0, 0.6, 0.4, 0.0];
        let found = against_rest(&values, 3, &[0, 1, 1]);
        let told: Vec<_> = (found.iter())
            .map(|one| (one.label, one.rows, one.roc_auc))
            .collect();
        assert_eq!(
            told,
            [(0, 1, 1.0), (1, 2, 1.0)],
            "a label without rows has no curve"
        );
        let labels: Vec<usize> = (0..1_200).map(|row| row % 12).collect();
        let values: Vec<f64> = (0..1_200 * 12)
            .map(|place| f64::from(place * 7_919 % 10_007) / 10_007.0)
            .collect();
        let found = against_rest(&values, 12, &labels);
        assert_eq!(found.len(), LABELS);
        assert!(found.iter().all(|one| one.roc.len() <= REST_POINTS));
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let points: Vec<[f64; 2]> = (0..1_000).map(|place| [f64::from(place), 0.0]).collect();
        let thin = thinned(points, POINTS);
        assert_eq!((thin.len(), thin[0][0], thin[199][0]), (200, 0.0, 999.0));
    }

    #[test]
    fn counts_add_up_to_the_rows() {
        let labels = [0, 1, 1, 0];
        let found = confusion(2, &labels, [0, 0, 1, 1].into_iter(), Some(0.5));
        assert_eq!(found.rows, [[1, 1], [1, 1]]);
        let found = histogram(2, &labels, [0.0, 1.0, 0.97, 0.51].into_iter());
        assert_eq!(
            (found.labels[0][0], found.labels[0][10], found.labels[1][19]),
            (1, 1, 2)
        );
        let found = top_label([0.95, 1.0].into_iter(), &[0, 1], &[0, 0]);
        assert_eq!((found.len(), found[0].observed, found[0].rows), (1, 0.5, 2));
    }
}

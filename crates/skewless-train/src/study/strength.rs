//! How well one input alone tells the label: what a leak looks like before anything is trained.

use std::collections::BTreeMap;

use skewless_core::Column;
use skewless_core::output::Task;

use super::gates::correlation;
use super::models::class;
use crate::metrics::{Metric, Scored};

/// Groups that the values of a number are cut into, by rank.
const GROUPS: usize = 64;

/// From 0 to 1, measured on every second row by a model of one input that the other rows fitted: the label's mean in each
/// group of values, where missing is a group too. Binary: the area under the ROC curve. Multi-class: the least such area
/// of a class against the rest. Regression: the share of the label's variance; for numbers also their squared correlation
/// with it, by value and by rank.
///
/// `rows` and `truth` go together. Halves without two classes, or a label that does not vary, give 0.
pub(crate) fn strength(
    task: Task,
    classes: usize,
    column: &Column,
    rows: &[usize],
    truth: &[f64],
) -> f64 {
    let Some(groups) = groups(column, rows) else {
        return 0.0;
    };
    let found = match task {
        Task::Binary => area(&groups, truth, |truth| truth > 0.5),
        Task::Multiclass => (0..classes)
            .map(|wanted| area(&groups, truth, |truth| class(truth) == wanted))
            .fold(1.0, f64::min),
        _ => explained(&groups, truth).max(linear(column, rows, truth)),
    };
    if found.is_nan() { 0.0 } else { found }
}

/// The class that the column tells best from the others, with its area; see [`strength`].
pub(crate) fn sharpest(
    classes: usize,
    column: &Column,
    rows: &[usize],
    truth: &[f64],
) -> Option<(usize, f64)> {
    let groups = groups(column, rows)?;
    let areas = (0..classes).map(|wanted| area(&groups, truth, |truth| class(truth) == wanted));
    let known = areas.enumerate().filter(|(_, area)| !area.is_nan());
    known.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// A group for each row; `None` for tensors.
fn groups(column: &Column, rows: &[usize]) -> Option<Vec<usize>> {
    match column {
        Column::Tensor { .. } => None,
        Column::Text(text) => {
            // Entries of a dictionary may repeat.
            let mut places: BTreeMap<Option<&str>, usize> = BTreeMap::new();
            let group = |&row: &usize| {
                let next = places.len();
                *places.entry(text.value(row)).or_insert(next)
            };
            Some(rows.iter().map(group).collect())
        }
        Column::Number(values) => {
            let ranks = ranks(&taken(values, rows));
            let most = ranks.iter().copied().max().unwrap_or_default() + 1;
            let group = |(&rank, &row): (&usize, &usize)| match values.get(row) {
                Some(value) if !value.is_nan() => 1 + rank * GROUPS / most,
                _ => 0,
            };
            Some(ranks.iter().zip(rows).map(group).collect())
        }
    }
}

fn taken(values: &[f64], rows: &[usize]) -> Vec<f64> {
    (rows.iter())
        .map(|&row| values.get(row).copied().unwrap_or(f64::NAN))
        .collect()
}

/// The place of each value among the sorted ones; equal values share the first of their places. Missing values are last.
fn ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    let mut ranks = vec![0; values.len()];
    let mut first = 0;
    for (at, &place) in order.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| order.get(before));
        if before.is_none_or(|&before| value(before) != value(place)) {
            first = at;
        }
        if let Some(rank) = ranks.get_mut(place) {
            *rank = first;
        }
    }
    ranks
}

/// The label's mean in each group on even rows, as the prediction of the odd rows; with what is true of them.
fn predicted(groups: &[usize], truth: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let most = groups.iter().copied().max().unwrap_or_default() + 1;
    let mut sums = vec![(0.0, 0.0); most];
    let mut all = (0.0, 0.0);
    let half = |odd: usize| groups.iter().zip(truth).skip(odd).step_by(2);
    for (&group, truth) in half(0) {
        if let Some(sum) = sums.get_mut(group) {
            *sum = (sum.0 + truth, sum.1 + 1.0);
        }
        all = (all.0 + truth, all.1 + 1.0);
    }
    let level = |group: usize| match sums.get(group) {
        Some(&(sum, count)) if count > 0.0 => sum / count,
        _ => all.0 / all.1,
    };
    half(1)
        .map(|(&group, &truth)| (level(group), truth))
        .unzip()
}

fn area(groups: &[usize], truth: &[f64], is: impl Fn(f64) -> bool) -> f64 {
    let truth: Vec<f64> = truth
        .iter()
        .map(|&truth| f64::from(u8::from(is(truth))))
        .collect();
    let (predicted, truth) = predicted(groups, &truth);
    let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
    let scored = Scored::new(&predicted, &positive, 1);
    scored.map_or(f64::NAN, |scored| Metric::RocAuc.of(&scored.metrics()))
}

fn explained(groups: &[usize], truth: &[f64]) -> f64 {
    let (predicted, truth) = predicted(groups, truth);
    let count = truth.len() as f64;
    let mean = truth.iter().sum::<f64>() / count;
    let spread: f64 = truth
        .iter()
        .map(|truth| (truth - mean) * (truth - mean))
        .sum();
    let left: f64 = predicted
        .iter()
        .zip(&truth)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    1.0 - left / spread
}

fn linear(column: &Column, rows: &[usize], truth: &[f64]) -> f64 {
    let Column::Number(values) = column else {
        return 0.0;
    };
    let values = taken(values, rows);
    let pairs = values
        .iter()
        .zip(truth)
        .filter(|(value, _)| !value.is_nan());
    let (values, truth): (Vec<f64>, Vec<f64>) = pairs.unzip();
    let as_values =
        |ranks: Vec<usize>| -> Vec<f64> { ranks.into_iter().map(|rank| rank as f64).collect() };
    let by_value = correlation(&values, &truth);
    let by_rank = correlation(&as_values(ranks(&values)), &as_values(ranks(&truth)));
    (by_value * by_value).max(by_rank * by_rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: u32) -> Vec<f64> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8)
        };
        (0..rows).map(|_| next()).collect()
    }

    #[test]
    fn copies_are_strong_and_noise_is_weak() {
        let rows: Vec<usize> = (0..2_000).collect();
        let label = noise(2_000);
        let late: Vec<f64> = label
            .iter()
            .map(|&x| f64::from(u8::from(x > 8_000_000.0)))
            .collect();
        let thirds: Vec<f64> = label.iter().map(|&x| (x / 5_592_406.0).floor()).collect();
        let other = Column::Number(noise(4_000).split_off(2_000));
        let copy = Column::Number(label.iter().map(|x| -3.0 * x).collect());
        for (task, classes, truth) in [
            (Task::Binary, 2, &late),
            (Task::Multiclass, 3, &thirds),
            (Task::Regression, 0, &label),
        ] {
            let copied = strength(task, classes, &copy, &rows, truth);
            let noisy = strength(task, classes, &other, &rows, truth);
            assert!(copied > 0.98, "{task:?}: {copied}");
            assert!(noisy < 0.6, "{task:?}: {noisy}");
        }
        // Only whether it is there tells the label.
        let present = late
            .iter()
            .map(|&late| if late > 0.5 { 1.0 } else { f64::NAN });
        assert_eq!(
            strength(
                Task::Binary,
                2,
                &Column::Number(present.collect()),
                &rows,
                &late
            ),
            1.0
        );
        let names = late
            .iter()
            .map(|&late| Some(if late > 0.5 { "a" } else { "b" }));
        let text = skewless_core::TextColumn::from_values(names);
        assert_eq!(
            strength(Task::Binary, 2, &Column::Text(text), &rows, &late),
            1.0
        );
    }
}

//! A conditional quantile by gradient boosting: TreeBoost (Friedman 2001, algorithm 1) with the pinball loss.

use forust_ml::objective::ObjectiveType;
use skewless_core::plan::{Missing, Node, Test, Tree};
use skewless_core::{Error, Result};

use super::TrainingRows;
use super::trees::boost;
use crate::bootstrap;
use crate::recipe::TreeParameters;
use crate::trees::{ColumnMajor, booster, tree};

/// Trees over a level, whose sum is the quantile.
#[derive(Debug)]
pub(super) struct Boosted {
    pub(super) base: f64,
    pub(super) trees: Vec<Tree>,
}

/// Fits the quantile of a level between 0 and 1, for which the mean of max(level · r, (level − 1) · r) over r = truth − score
/// is least. The score begins as the quantile of all truths. The splits of each tree are the trainer's, by squared loss to the
/// loss's negative gradient: `level` where the truth lies above the score, `level` − 1 elsewhere. Each leaf is then the
/// quantile of r over its rows, linear between order statistics, times the learning rate, as f32. Neither the trainer nor
/// this depends on `threads`.
///
/// # Errors
/// As [`boost`].
pub(super) fn fit(
    rows: &TrainingRows,
    features: &ColumnMajor,
    (level, output): (f64, usize),
    parameters: &TreeParameters,
    seed: u64,
    threads: usize,
) -> Result<Boosted> {
    let count = rows.truth.len();
    let base = quantile(rows.truth.clone(), level);
    let mut scores = vec![base; count];
    let (mut targets, weights) = (vec![0.0; count], vec![1.0; count]);
    let one = TreeParameters {
        iterations: 1,
        ..*parameters
    };
    let mut trees = Vec::with_capacity(parameters.iterations);
    for round in 0..parameters.iterations {
        for ((target, truth), score) in targets.iter_mut().zip(&rows.truth).zip(&scores) {
            *target = if truth > score { level } else { level - 1.0 };
        }
        // Each tree draws its own columns.
        let mut booster = booster(&one, seed.wrapping_add(round as u64), threads);
        booster.objective_type = ObjectiveType::SquaredLoss;
        booster.initialize_base_score = false;
        booster.base_score = 0.0;
        boost(&mut booster, &features.matrix(), &targets, &weights)?;
        let grown = booster.trees.first().ok_or_else(|| {
            Error::internal("internal.trees", "a round of boosting has grown no tree")
        })?;
        let mut grown = Tree {
            output,
            ..tree(grown)?
        };
        let leaves = leaves_of(&grown, rows);
        let mut rest: Vec<Vec<f64>> = vec![Vec::new(); grown.nodes.len()];
        for ((&leaf, truth), score) in leaves.iter().zip(&rows.truth).zip(&scores) {
            if let Some(rest) = rest.get_mut(leaf) {
                rest.push(truth - score);
            }
        }
        for (node, rest) in grown.nodes.iter_mut().zip(rest) {
            if let Node::Leaf { value } = node {
                *value = narrow(f64::from(parameters.learning_rate) * quantile(rest, level));
            }
        }
        for (&leaf, score) in leaves.iter().zip(&mut scores) {
            if let Some(Node::Leaf { value }) = grown.nodes.get(leaf) {
                *score += value;
            }
        }
        trees.push(grown);
    }
    Ok(Boosted { base, trees })
}

/// The quantile of numbers in any order, linear between order statistics; 0 of none.
pub(super) fn quantile(mut numbers: Vec<f64>, level: f64) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    numbers.sort_by(f64::total_cmp);
    bootstrap::quantile(&numbers, level)
}

/// The leaf that each row comes to.
fn leaves_of(tree: &Tree, rows: &TrainingRows) -> Vec<usize> {
    let width = rows.features.width;
    let row = |row: usize| rows.features.values.get(row * width..(row + 1) * width);
    let rows = 0..rows.truth.len();
    rows.map(|place| leaf_of(tree, row(place).unwrap_or_default()))
        .collect()
}

/// The walk of the plan's engine; the trainer's splits are of no other kind.
fn leaf_of(tree: &Tree, row: &[f64]) -> usize {
    let mut place = 0;
    while let Some(Node::Split {
        input,
        test: Test::Below(bound),
        missing,
        left,
        right,
    }) = tree.nodes.get(place)
    {
        let value = row.get(*input).copied().unwrap_or(f64::NAN);
        let goes_left = match value.is_nan() {
            true => *missing == Missing::Left,
            false => value < *bound,
        };
        place = if goes_left { *left } else { *right };
    }
    place
}

/// Leaves are written in half the bytes where all of a plan are f32, as the trainer's are.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what it is for"
)]
fn narrow(value: f64) -> f64 {
    f64::from(value as f32)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use skewless_core::output::Task;
    use skewless_core::pipeline::FeatureRows;
    use skewless_core::plan::{EngineScratch, decode};

    use super::super::trees;
    use super::*;
    use crate::random::Random;

    const PARAMETERS: TreeParameters = TreeParameters {
        iterations: 60,
        learning_rate: 0.1,
        max_depth: 3,
        max_leaves: 8,
        min_leaf_weight: 5.0,
        l2: 0.0,
        columns_by_tree: 1.0,
        bins: 256,
    };

    fn rows(width: usize, values: Vec<f64>, truth: Vec<f64>) -> TrainingRows {
        TrainingRows {
            features: FeatureRows {
                width,
                values,
                errors: Vec::new(),
            },
            columns: (0..width).map(|column| column.to_string()).collect(),
            truth,
            task: Task::Regression,
            classes: 0,
            levels: vec![0.05, 0.95],
        }
    }

    /// Raw scores of the value and both quantiles, as the plan's engine gives them.
    fn scores(training: &TrainingRows, values: &[f64], threads: usize) -> Vec<[f64; 3]> {
        let model = trees::fit(training, &PARAMETERS, 7, threads).unwrap();
        let engine = decode(&model.encode().unwrap()).unwrap();
        let mut raw = vec![0.0; 3 * values.len() / training.features.width];
        engine
            .score(values, &mut EngineScratch::default(), &mut raw)
            .unwrap();
        raw.as_chunks().0.to_vec()
    }

    fn pinball(truth: &[f64], scores: impl Iterator<Item = f64>, level: f64) -> f64 {
        let losses = truth.iter().zip(scores).map(|(truth, score)| {
            let rest = truth - score;
            f64::max(level * rest, (level - 1.0) * rest)
        });
        losses.sum::<f64>() / truth.len() as f64
    }

    /// `tests/references/make.py` made the losses with scikit-learn's `GradientBoostingRegressor(loss="quantile")`.
    #[test]
    fn quantiles_of_diabetes_are_as_good_as_scikit_learns() {
        let reference: Value =
            serde_json::from_str(include_str!("../../../tests/references/quantiles.json")).unwrap();
        let table = include_str!("../../../../../models/diabetes/data/diabetes.csv");
        let lines = table.lines().skip(1).map(|line| {
            let cells = line.split(',').skip(1);
            cells
                .map(|cell| cell.parse::<f64>().unwrap())
                .collect::<Vec<_>>()
        });
        let lines: Vec<Vec<f64>> = lines.collect();
        let split = |of_fold: &dyn Fn(usize) -> bool| {
            let lines = lines.iter().enumerate().filter(|(row, _)| of_fold(row % 5));
            let (features, truth): (Vec<_>, Vec<_>) =
                lines.map(|(_, line)| (&line[..10], line[10])).unzip();
            (features.concat(), truth)
        };
        let mut ours: [Vec<f64>; 2] = Default::default();
        for fold in 0..5 {
            let (features, truth) = split(&|part| part != fold);
            let training = rows(10, features, truth);
            let (features, truth) = split(&|part| part == fold);
            let scores = scores(&training, &features, 1);
            for (place, losses) in ours.iter_mut().enumerate() {
                let scores = scores.iter().map(|raw| raw[1 + place]);
                losses.push(pinball(&truth, scores, training.levels[place]));
            }
        }
        for (ours, level) in ours.iter().zip(["0.05", "0.95"]) {
            let theirs = reference["losses"][level].as_array().unwrap();
            let theirs: Vec<f64> = theirs.iter().map(|loss| loss.as_f64().unwrap()).collect();
            let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
            let centre = mean(&theirs);
            let spread = theirs
                .iter()
                .map(|loss| (loss - centre).powi(2))
                .sum::<f64>()
                / 4.0;
            assert!(
                (mean(ours) - centre).abs() < spread.sqrt(),
                "{level}: {ours:?} beside {theirs:?}"
            );
        }
    }

    /// Noise that grows with the first of two columns; some values are missing.
    fn spreading(count: usize) -> TrainingRows {
        let mut random = Random::new(3, 0);
        let (mut values, mut truth) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (x, other) = (random.unit(), random.unit());
            values.extend([
                x,
                if random.below(5) == 0 {
                    f64::NAN
                } else {
                    other
                },
            ]);
            truth.push(10.0 * x + 8.0 * x * (random.unit() - 0.5));
        }
        rows(2, values, truth)
    }

    #[test]
    fn quantiles_follow_the_noise() {
        let training = spreading(2_000);
        let scores = scores(&training, &training.features.values, 1);
        let mut below = [0.0; 2];
        let (mut narrow, mut wide) = (0.0, f64::INFINITY);
        let features = training.features.values.chunks_exact(2);
        for ((raw, truth), features) in scores.iter().zip(&training.truth).zip(features) {
            for (below, quantile) in below.iter_mut().zip(&raw[1..]) {
                *below += f64::from(u8::from(truth < quantile)) / 2_000.0;
            }
            match features[0] {
                x if x < 0.2 => narrow = f64::max(narrow, raw[2] - raw[1]),
                x if x > 0.8 => wide = f64::min(wide, raw[2] - raw[1]),
                _ => {}
            }
        }
        assert!(
            (below[0] - 0.05).abs() < 0.02 && (below[1] - 0.95).abs() < 0.02,
            "{below:?}"
        );
        assert!(narrow < 3.0 && wide > 4.5, "{narrow} {wide}");
    }

    #[test]
    fn threads_change_no_bit() {
        let training = spreading(1_500);
        let scores = [1, 2, 3].map(|threads| scores(&training, &training.features.values, threads));
        assert!(scores[0] == scores[1] && scores[0] == scores[2]);
    }

    #[test]
    fn a_level_of_no_rows_is_finite() {
        assert_eq!(quantile(Vec::new(), 0.9), 0.0);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.75), 2.5);
    }
}

//! Gradient boosted trees by `forust-ml`: squared loss with quantiles beside it, logistic loss, and softmax by Newton steps of
//! squared loss.

use forust_ml::objective::ObjectiveType;
use forust_ml::{GradientBooster, Matrix};
use skewless_core::output::Task;
use skewless_core::plan::{Accumulate, Aggregate, LeafPrecision, Model, Tree, TreeModel};
use skewless_core::{Error, Result};

use super::config::TreesGrid;
use super::{Parameters, TrainingRows, class, quantile};
use crate::recipe::{TreeParameters, fault};
use crate::trees::{ColumnMajor, booster, tree};

/// # Errors
/// `train.config` for a value out of range.
pub(super) fn expand(grid: &TreesGrid) -> Result<Vec<Parameters>> {
    let mut all = vec![TreeParameters {
        iterations: 0,
        learning_rate: 0.0,
        max_depth: 0,
        max_leaves: 0,
        min_leaf_weight: 0.0,
        l2: 0.0,
        columns_by_tree: 0.0,
        bins: grid.bins,
    }];
    axis(&mut all, &grid.iterations, |one, value| {
        one.iterations = value
    });
    axis(&mut all, &grid.learning_rate, |one, value| {
        one.learning_rate = value
    });
    axis(&mut all, &grid.max_depth, |one, value| {
        one.max_depth = value
    });
    axis(&mut all, &grid.max_leaves, |one, value| {
        one.max_leaves = value
    });
    axis(&mut all, &grid.min_leaf_weight, |one, value| {
        one.min_leaf_weight = value
    });
    axis(&mut all, &grid.l2, |one, value| one.l2 = value);
    axis(&mut all, &grid.columns_by_tree, |one, value| {
        one.columns_by_tree = value
    });
    if !all.iter().all(TreeParameters::is_possible) {
        return fault(
            "experiment.model",
            "trees: trees, depth and leaves are at least 1, 1 and 2, the rate and the share of columns above 0 and at \
             most 1, penalties finite and not negative, bins between 2 and 4096",
        );
    }
    Ok(all.into_iter().map(Parameters::Trees).collect())
}

/// Each of `all` with each value of one more list.
fn axis<T: Copy>(
    all: &mut Vec<TreeParameters>,
    values: &[T],
    set: impl Fn(&mut TreeParameters, T),
) {
    let each = all.iter().flat_map(|one| {
        values.iter().map(|&value| {
            let mut one = *one;
            set(&mut one, value);
            one
        })
    });
    *all = each.collect();
}

/// # Errors
/// `train.trees` where the trainer refuses the data.
pub(super) fn fit(
    rows: &TrainingRows,
    parameters: &TreeParameters,
    seed: u64,
    threads: usize,
) -> Result<Model> {
    let features = ColumnMajor::new(&rows.features);
    if rows.task == Task::Multiclass {
        return softmax(rows, &features, parameters, seed, threads);
    }
    let mut booster = booster(parameters, seed, threads);
    if rows.task == Task::Regression {
        booster.objective_type = ObjectiveType::SquaredLoss;
    }
    let weights = vec![1.0; rows.truth.len()];
    boost(&mut booster, &features.matrix(), &rows.truth, &weights)?;
    let mut trees: Vec<Tree> = booster.trees.iter().map(tree).collect::<Result<_>>()?;
    let mut base = vec![booster.base_score];
    for (place, &level) in rows.levels.iter().enumerate() {
        let seed = seed.wrapping_add((place * parameters.iterations) as u64);
        let of_output = (level, place + 1);
        let mut found = quantile::fit(rows, &features, of_output, parameters, seed, threads)?;
        base.push(found.base);
        trees.append(&mut found.trees);
    }
    Ok(model(rows, base, trees))
}

/// # Errors
/// `train.trees` where the trainer refuses the data.
pub(super) fn boost(
    booster: &mut GradientBooster,
    features: &Matrix<'_, f64>,
    targets: &[f64],
    weights: &[f64],
) -> Result<()> {
    booster
        .fit(features, targets, weights, None)
        .map_err(|error| {
            Error::input(
                "train.trees",
                format!("the trees cannot be trained: {error}"),
            )
        })
}

pub(super) fn model(rows: &TrainingRows, base: Vec<f64>, trees: Vec<Tree>) -> Model {
    Model::Trees(TreeModel {
        inputs: rows.features.width,
        outputs: rows.outputs(),
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base,
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees,
    })
}

/// Softmax boosting (Friedman 2001) with the Hessian bound 2 p (1 − p) of XGBoost. The trainer knows no softmax; but one
/// tree by squared loss, with the target −g / h and the weight h, has exactly the gradients g and Hessians h.
fn softmax(
    rows: &TrainingRows,
    features: &ColumnMajor,
    parameters: &TreeParameters,
    seed: u64,
    threads: usize,
) -> Result<Model> {
    let (count, classes) = (rows.truth.len(), rows.classes);
    let base = rows.level(0..count);
    let mut scores: Vec<f64> = (0..count).flat_map(|_| base.iter().copied()).collect();
    let mut trees = Vec::new();
    let (mut targets, mut weights) = (vec![0.0; count], vec![0.0; count]);
    let one = TreeParameters {
        iterations: 1,
        ..*parameters
    };
    for round in 0..parameters.iterations {
        let probabilities: Vec<f64> = scores.chunks_exact(classes).flat_map(shares).collect();
        for output in 0..classes {
            let of_class = probabilities.iter().skip(output).step_by(classes);
            let places = targets.iter_mut().zip(&mut weights);
            for ((&p, &truth), (target, weight)) in of_class.zip(&rows.truth).zip(places) {
                let due = if class(truth) == output { 1.0 } else { 0.0 };
                *weight = (2.0 * p * (1.0 - p)).max(1e-6);
                *target = (due - p) / *weight;
            }
            let mut booster = booster(
                &one,
                seed.wrapping_add((round * classes + output) as u64),
                threads,
            );
            booster.objective_type = ObjectiveType::SquaredLoss;
            booster.initialize_base_score = false;
            booster.base_score = 0.0;
            boost(&mut booster, &features.matrix(), &targets, &weights)?;
            let added = booster.predict(&features.matrix(), false);
            let of_class = scores.iter_mut().skip(output).step_by(classes);
            of_class
                .zip(&added)
                .for_each(|(score, added)| *score += added);
            for grown in &booster.trees {
                trees.push(Tree {
                    output,
                    ..tree(grown)?
                });
            }
        }
    }
    Ok(model(rows, base, trees))
}

fn shares(scores: &[f64]) -> Vec<f64> {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores
        .iter()
        .map(|score| libm::exp(score - greatest))
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

//! What a study says of its winner's confidence: calibrated on the validation rows, covered on the test rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skewless_core::output::Task;
use skewless_core::{Column, Result};

use super::calibration::Platt;
use super::config::{ConformalConfig, ConformalMethod};
use super::conformal::{aps, aps_set, lac, lac_set, quantile, quantile_by_group, residuals};
use super::data::Data;
use super::intervals::wilson;
use super::models::class;
use super::recipe::Recipe;
use crate::bootstrap::Estimate;

/// Conformal intervals or sets of the winner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// How scores are made.
    pub method: ConformalMethod,
    /// What is promised.
    pub confidence: f64,
    /// Scores that the quantiles are of: validation rows, each predicted by a model that did not see it.
    pub rows: usize,
    /// The score that is not exceeded; of each group, where there are groups. `None` where too few rows promise nothing.
    pub quantiles: BTreeMap<String, Option<f64>>,
    /// Share of the test rows whose truth lies inside, with Wilson's 95 % interval.
    pub test: Estimate,
    /// Whether the promise lies in that interval. Where not, the test rows are unlike the validation rows: time moved.
    pub holds: bool,
    /// Mean number of labels in a set; of intervals their mean width. `None` where one is without end.
    pub size: Option<f64>,
}

/// The sigmoid over the winner's raw scores, from its predictions of the validation rows.
///
/// # Errors
/// `train.calibration`.
pub(crate) fn platt(values: &[f64], truth: &[f64]) -> Result<Platt> {
    let raw: Vec<f64> = values.iter().map(|&value| logit(value)).collect();
    let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
    Platt::fit(&raw, &positive)
}

/// The raw score of a probability, kept finite.
pub(crate) fn logit(probability: f64) -> f64 {
    let kept = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    libm::log(kept / (1.0 - kept))
}

/// Rows with what is predicted for them.
pub(crate) struct Predicted<'a> {
    pub(crate) rows: &'a [usize],
    pub(crate) values: &'a [f64],
}

/// Quantiles from the validation rows, coverage on the test rows.
pub(crate) fn coverage(
    recipe: &Recipe,
    data: &Data,
    config: &ConformalConfig,
    validate: &Predicted<'_>,
    test: &Predicted<'_>,
) -> Coverage {
    const EVERYONE: &str = "all";
    let group_of = |row: usize| match config.by.as_ref().and_then(|by| data.columns.column(by)) {
        Some(Column::Text(text)) => text.value(row).unwrap_or("missing").to_owned(),
        _ => EVERYONE.to_owned(),
    };
    let scores = scores(recipe, data, config.method, validate);
    let groups: Vec<String> = validate.rows.iter().map(|&row| group_of(row)).collect();
    let quantiles = quantile_by_group(&scores, &groups, config.confidence);
    // A group that the validation does not have gets what holds for all.
    let for_all = quantile(&scores, config.confidence);
    let (mut inside, mut size) = (0, 0.0);
    let width = test.values.len() / test.rows.len().max(1);
    for (&row, values) in test.rows.iter().zip(test.values.chunks_exact(width)) {
        let quantile = quantiles.get(&group_of(row)).copied().unwrap_or(for_all);
        let truth = data.truth.get(row).copied().unwrap_or(f64::NAN);
        let (covers, how_much) = covered(recipe.task(), config.method, values, quantile, truth);
        inside += usize::from(covers);
        size += how_much;
    }
    let found = wilson(inside, test.rows.len());
    let mean = size / test.rows.len() as f64;
    Coverage {
        method: config.method,
        confidence: config.confidence,
        rows: scores.len(),
        quantiles: (quantiles.into_iter())
            .map(|(group, quantile)| (group, quantile.is_finite().then_some(quantile)))
            .collect(),
        test: found,
        holds: found.low <= config.confidence && config.confidence <= found.high,
        size: mean.is_finite().then_some(mean),
    }
}

fn scores(recipe: &Recipe, data: &Data, method: ConformalMethod, rows: &Predicted<'_>) -> Vec<f64> {
    let truth = data.truth_of(rows.rows);
    if recipe.task() == Task::Regression {
        return residuals(rows.values, &truth);
    }
    let shares = shares(recipe.task(), rows.values);
    let truth: Vec<usize> = truth.iter().map(|&truth| class(truth)).collect();
    match method {
        ConformalMethod::Aps => aps(&shares, recipe.classes(), &truth, &vec![0.0; truth.len()]),
        _ => lac(&shares, recipe.classes(), &truth),
    }
}

/// Whether the truth lies inside, and how large the interval or the set is.
fn covered(
    task: Task,
    method: ConformalMethod,
    values: &[f64],
    quantile: f64,
    truth: f64,
) -> (bool, f64) {
    if task == Task::Regression {
        let value = values.first().copied().unwrap_or(f64::NAN);
        return ((value - truth).abs() <= quantile, 2.0 * quantile);
    }
    let row = shares(task, values);
    let set = match method {
        ConformalMethod::Aps => aps_set(&row, quantile),
        _ => lac_set(&row, quantile),
    };
    let size = set.iter().filter(|&&is_in| is_in).count();
    (
        set.get(class(truth)).copied().unwrap_or_default(),
        size as f64,
    )
}

/// Probabilities of all labels; a binary model gives the positive one's alone.
fn shares(task: Task, values: &[f64]) -> Vec<f64> {
    match task {
        Task::Binary => values
            .iter()
            .flat_map(|&value| [1.0 - value, value])
            .collect(),
        _ => values.to_vec(),
    }
}

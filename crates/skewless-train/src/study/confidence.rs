//! What a study says of its winner's confidence: calibrated on the validation rows, covered on the test rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skewless_core::output::{Calibration, Conformal, ConformalMethod, Group, Output, Task};
use skewless_core::spec::Token;
use skewless_core::{Column, Prediction, Result};

use super::calibration::{Platt, isotonic};
use super::config::{CalibrationMethod, ConformalConfig};
use super::conformal::{aps, lac, outside, quantile, quantile_by_group, residuals};
use super::data::Data;
use super::intervals::wilson;
use super::models::class;
use super::recipe::Recipe;
use super::venn_abers::venn_abers;
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

/// What makes of the winner's probabilities those that are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibrated {
    /// A sigmoid of the raw score.
    Platt(Platt),
    /// A rising broken line over the probability.
    Isotonic(Calibration),
    /// Steps over the probability.
    VennAbers(Calibration),
}

impl Calibrated {
    /// Fits the method on the winner's predictions of the validation rows.
    ///
    /// # Errors
    /// `train.calibration`.
    pub(crate) fn fit(method: CalibrationMethod, values: &[f64], truth: &[f64]) -> Result<Self> {
        let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
        match method {
            CalibrationMethod::Isotonic => isotonic(values, &positive).map(Self::Isotonic),
            CalibrationMethod::VennAbers => venn_abers(values, &positive).map(Self::VennAbers),
            CalibrationMethod::Platt => {
                let raw: Vec<f64> = values.iter().map(|&value| logit(value)).collect();
                Platt::fit(&raw, &positive).map(Self::Platt)
            }
        }
    }

    /// The probability that is given for the winner's.
    pub(crate) fn at(&self, value: f64) -> f64 {
        match self {
            Self::Platt(platt) => platt.at(logit(value)),
            Self::Isotonic(table) | Self::VennAbers(table) => table.at(value),
        }
    }
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
    /// Raw scores of the rows, where the method reads them: value, lower and upper quantile.
    pub(crate) raw: &'a [f64],
}

/// Quantiles from the validation rows, for the bundle, and their coverage of the test rows.
pub(crate) fn coverage(
    recipe: &Recipe,
    data: &Data,
    config: &ConformalConfig,
    validate: &Predicted<'_>,
    test: &Predicted<'_>,
) -> (Conformal, Coverage) {
    const EVERYONE: &str = "all";
    let scores = scores(recipe, data, config.method, validate);
    let grouped = scores.iter().zip(validate.rows);
    let (of_groups, groups): (Vec<f64>, Vec<String>) = grouped
        .filter_map(|(&score, &row)| Some((score, group_of(recipe, data, config, row)?.to_owned())))
        .unzip();
    let finite = |quantile: f64| quantile.is_finite().then_some(quantile);
    let groups = quantile_by_group(&of_groups, &groups, config.confidence);
    let conformal = Conformal {
        method: config.method,
        confidence: config.confidence,
        quantile: finite(quantile(&scores, config.confidence)),
        by: config.by.clone(),
        groups: (groups.into_iter())
            .map(|(value, quantile)| Group {
                value,
                quantile: finite(quantile),
            })
            .collect(),
    };
    let output = Output {
        conformal: Some(conformal.clone()),
        ..recipe.output()
    };
    let (mut inside, mut size) = (0, 0.0);
    let width = test.values.len() / test.rows.len().max(1);
    let scores_of = config.method.raw_scores();
    let values = test.values.chunks_exact(width);
    for (place, (&row, values)) in test.rows.iter().zip(values).enumerate() {
        let raw = test.raw.get(place * scores_of..(place + 1) * scores_of);
        let prediction = Prediction {
            raw: raw.unwrap_or_default().to_vec(),
            values: values.to_vec(),
            label: None,
            quantile: Some(conformal.quantile_of(group_of(recipe, data, config, row))),
        };
        let truth = data.truth.get(row).copied().unwrap_or(f64::NAN);
        let (covers, how_much) = covered(&output, &prediction, truth);
        inside += usize::from(covers);
        size += how_much;
    }
    let found = wilson(inside, test.rows.len());
    let mean = size / test.rows.len() as f64;
    let of_groups = conformal.groups.iter();
    let mut quantiles: BTreeMap<String, Option<f64>> = of_groups
        .map(|group| (group.value.clone(), group.quantile))
        .collect();
    if quantiles.is_empty() {
        quantiles.insert(EVERYONE.to_owned(), conformal.quantile);
    }
    let coverage = Coverage {
        method: config.method,
        confidence: config.confidence,
        rows: scores.len(),
        quantiles,
        test: found,
        holds: found.low <= config.confidence && config.confidence <= found.high,
        size: mean.is_finite().then_some(mean),
    };
    (conformal, coverage)
}

/// The row's group, as the features read it: none where the value is missing.
fn group_of<'a>(
    recipe: &Recipe,
    data: &'a Data,
    config: &ConformalConfig,
    row: usize,
) -> Option<&'a str> {
    let by = config.by.as_ref()?;
    let Some(Column::Text(text)) = data.columns.column(by) else {
        return None;
    };
    let input = recipe.config.input.iter().find(|input| input.name == *by)?;
    let stands_for_missing = |value: &&str| {
        (input.missing.iter()).any(|token| *token == Token::Text((*value).to_owned()))
    };
    text.value(row).filter(|value| !stands_for_missing(value))
}

fn scores(recipe: &Recipe, data: &Data, method: ConformalMethod, rows: &Predicted<'_>) -> Vec<f64> {
    let truth = data.truth_of(rows.rows);
    match method {
        ConformalMethod::Split => return residuals(rows.values, &truth),
        ConformalMethod::Cqr => return outside(rows.raw, &truth),
        ConformalMethod::Lac | ConformalMethod::Aps => {}
    }
    let shares = shares(recipe.task(), rows.values);
    let truth: Vec<usize> = truth.iter().map(|&truth| class(truth)).collect();
    match method {
        ConformalMethod::Aps => aps(&shares, recipe.classes(), &truth, &vec![0.0; truth.len()]),
        _ => lac(&shares, recipe.classes(), &truth),
    }
}

/// Whether the truth lies inside, and how large the interval or the set is.
fn covered(output: &Output, prediction: &Prediction, truth: f64) -> (bool, f64) {
    if output.task == Task::Regression {
        // Without a promise the interval has no end.
        let Some([low, high]) = output.interval(prediction) else {
            return (true, f64::INFINITY);
        };
        return (low <= truth && truth <= high, high - low);
    }
    let set = output.set(prediction).unwrap_or_default();
    let size = set.iter().filter(|&&is_in| is_in).count();
    let covers = set.get(class(truth)).copied().unwrap_or_default();
    (covers, size as f64)
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

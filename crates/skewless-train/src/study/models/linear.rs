//! Linear and logistic regression as the core's linear model, by `linfa` where it has the penalty.
//!
//! All minimise mean loss + penalty · (l1_ratio · |w|₁ + (1 − l1_ratio) / 2 · |w|²): half the squared error by coordinate
//! descent, logistic and multinomial losses by L-BFGS, and with an L1 part by [`elastic_logistic`].

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, Axis};
use skewless_core::output::Task;
use skewless_core::plan::{Accumulate, LinearModel, Model};
use skewless_core::{Error, Result};

use super::config::{LinearGrid, LinearParameters};
use super::{Parameters, TrainingRows, class, elastic_logistic};
use crate::recipe::fault;

/// # Errors
/// `train.config` for a penalty or a ratio out of range.
pub(super) fn expand(grid: &LinearGrid) -> Result<Vec<Parameters>> {
    let penalty = |penalty: &f64| penalty.is_finite() && *penalty >= 0.0;
    if !grid.penalty.iter().all(penalty)
        || !grid
            .l1_ratio
            .iter()
            .all(|ratio| (0.0..=1.0).contains(ratio))
        || grid.max_iterations == 0
    {
        return fault(
            "experiment.model",
            "linear: penalties are finite and not negative, L1 ratios from 0 to 1, steps at least 1",
        );
    }
    let pairs = grid
        .penalty
        .iter()
        .flat_map(|&penalty| grid.l1_ratio.iter().map(move |&ratio| (penalty, ratio)));
    let parameters = pairs.map(|(penalty, l1_ratio)| {
        Parameters::Linear(LinearParameters {
            penalty,
            l1_ratio,
            max_iterations: grid.max_iterations,
        })
    });
    Ok(parameters.collect())
}

/// # Errors
/// `train.linear` where the optimiser fails or a value is not finite.
pub(super) fn fit(rows: &TrainingRows, parameters: &LinearParameters) -> Result<Model> {
    let inputs = rows.features.width;
    if rows.features.values.iter().any(|value| !value.is_finite()) {
        return Err(failed(
            "a feature is missing or not finite; impute it".into(),
        ));
    }
    let records = Array2::from_shape_vec((rows.truth.len(), inputs), rows.features.values.clone())
        .map_err(|error| failed(error.to_string()))?;
    let (weights, intercept) = match rows.task {
        Task::Regression => elastic_net(records, &rows.truth, parameters)?,
        Task::Binary | Task::Multiclass if parameters.l1_ratio > 0.0 => {
            elastic_logistic::fit(rows, parameters)?
        }
        Task::Binary => logistic(records, &rows.truth, parameters)?,
        _ => multinomial(records, rows, parameters)?,
    };
    if weights
        .iter()
        .chain(&intercept)
        .any(|weight| !weight.is_finite())
    {
        return Err(failed("a weight is not finite".into()));
    }
    Ok(Model::Linear(LinearModel {
        inputs,
        outputs: rows.outputs(),
        weights,
        intercept,
        accumulate: Accumulate::F64,
    }))
}

pub(super) fn failed(error: String) -> Error {
    Error::input(
        "train.linear",
        format!("the linear model cannot be fitted: {error}"),
    )
}

/// Columns are centred here: `linfa-elasticnet` centres the target alone.
fn elastic_net(
    mut records: Array2<f64>,
    truth: &[f64],
    parameters: &LinearParameters,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let means = records
        .mean_axis(Axis(0))
        .ok_or_else(|| failed("there is no row".into()))?;
    records -= &means;
    let dataset = Dataset::new(records, Array1::from(truth.to_vec()));
    let fitted = ElasticNet::params()
        .penalty(parameters.penalty)
        .l1_ratio(parameters.l1_ratio)
        .tolerance(1e-8)
        .max_iterations(parameters.max_iterations)
        .fit(&dataset)
        .map_err(|error| failed(error.to_string()))?;
    let weights = fitted.hyperplane();
    Ok((
        weights.to_vec(),
        vec![fitted.intercept() - weights.dot(&means)],
    ))
}

/// `linfa` sums losses, so that its penalty is the mean's times the rows.
#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn alpha(rows: usize, parameters: &LinearParameters) -> f64 {
    parameters.penalty * rows as f64
}

fn logistic(
    records: Array2<f64>,
    truth: &[f64],
    parameters: &LinearParameters,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
    let alpha = alpha(truth.len(), parameters);
    let dataset = Dataset::new(records, Array1::from(positive));
    let fitted = LogisticRegression::default()
        .alpha(alpha)
        .max_iterations(u64::from(parameters.max_iterations))
        .fit(&dataset)
        .map_err(|error| failed(error.to_string()))?;
    // linfa calls the more frequent label positive; here positive is `true`.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let weights = fitted.params().iter().map(|weight| sign * weight).collect();
    Ok((weights, vec![sign * fitted.intercept()]))
}

fn multinomial(
    records: Array2<f64>,
    rows: &TrainingRows,
    parameters: &LinearParameters,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let labels: Vec<usize> = rows.truth.iter().map(|&truth| class(truth)).collect();
    let alpha = alpha(labels.len(), parameters);
    let dataset = Dataset::new(records, Array1::from(labels));
    let fitted = MultiLogisticRegression::default()
        .alpha(alpha)
        .max_iterations(u64::from(parameters.max_iterations))
        .fit(&dataset)
        .map_err(|error| failed(error.to_string()))?;
    let inputs = rows.features.width;
    let mut weights = vec![0.0; rows.classes * inputs];
    // A class without a training row is as unlikely as scores can say without being infinite.
    let mut intercept = vec![-50.0; rows.classes];
    for (place, &label) in fitted.classes().iter().enumerate() {
        if let Some(value) = intercept.get_mut(label) {
            *value = fitted.intercept().get(place).copied().unwrap_or_default();
        }
        for (input, weight) in weights
            .iter_mut()
            .skip(label * inputs)
            .take(inputs)
            .enumerate()
        {
            *weight = fitted
                .params()
                .get((input, place))
                .copied()
                .unwrap_or_default();
        }
    }
    Ok((weights, intercept))
}

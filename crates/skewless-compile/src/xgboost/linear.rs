//! XGBoost's linear booster, `gblinear`.
//!
//! XGBoost starts at the bias plus the base margin and adds the products in f32; a plan's linear model ends with its
//! intercept. The order can't be XGBoost's, so sums are in f64, which is nearer to what was trained than either.

use skewless_core::error::Result;
use skewless_core::plan::{Accumulate, LinearModel, Model};

use super::document::Booster;
use super::invalid;

/// The model of `base.len()` outputs. XGBoost starts every one at the first output's base margin, also where each has
/// one of its own.
pub(crate) fn read(booster: &Booster, inputs: usize, base: &[f64]) -> Result<Model> {
    let outputs = base.len();
    let stored = booster
        .model
        .as_ref()
        .map_or(&[][..], |model| &model.weights);
    let due = inputs
        .checked_add(1)
        .and_then(|rows| rows.checked_mul(outputs));
    if due != Some(stored.len()) || stored.iter().any(|weight| !weight.is_finite()) {
        return Err(invalid(format!(
            "{} finite weights are not those of {inputs} features and a bias for {outputs} outputs",
            stored.len()
        )));
    }
    let weights: Vec<f64> = stored.iter().copied().map(f64::from).collect();
    let (rows, bias) = weights.split_at(inputs * outputs);
    let of_output = |output| rows.iter().skip(output).step_by(outputs).copied();
    let margin = base.first().copied().unwrap_or_default();
    Ok(Model::Linear(LinearModel {
        inputs,
        outputs,
        weights: (0..outputs).flat_map(of_output).collect(),
        intercept: bias.iter().map(|bias| bias + margin).collect(),
        accumulate: Accumulate::F64,
    }))
}

//! Linear models: dense weights, summed in column order.

use super::bytes::{PlanReader, PlanWriter};
use super::{Accumulate, Engine, EngineScratch, LinearModel, ModelSummary, check_shape};
use crate::error::{Error, Result};

pub(super) fn encode(model: &LinearModel, plan: &mut PlanWriter) -> Result<()> {
    let lengths_fit = model.weights.len() == model.inputs * model.outputs
        && model.intercept.len() == model.outputs;
    if !lengths_fit || model.outputs == 0 {
        return Err(Error::misuse(
            "misuse.model",
            "weights or intercepts do not fit the model's inputs and outputs",
        ));
    }
    if model
        .weights
        .iter()
        .chain(&model.intercept)
        .any(|value| !value.is_finite())
    {
        return Err(Error::misuse(
            "misuse.model",
            "a weight or an intercept is not a finite number",
        ));
    }
    let narrow = model.accumulate == Accumulate::F32;
    plan.u8(u8::from(narrow));
    plan.size(model.inputs)?;
    plan.size(model.outputs)?;
    plan.floats(model.weights.iter().copied(), narrow);
    plan.floats(model.intercept.iter().copied(), narrow);
    Ok(())
}

pub(super) struct LinearEngine {
    inputs: usize,
    outputs: usize,
    weights: Vec<f64>,
    intercept: Vec<f64>,
    accumulate: Accumulate,
}

impl LinearEngine {
    pub(super) fn read(plan: &mut PlanReader<'_>) -> Result<Self> {
        let narrow = match plan.u8("flags")? {
            0 => false,
            1 => true,
            flags => return Err(plan.invalid(&format!("unknown flags {flags:#x}"))),
        };
        let inputs = plan.size("inputs")?;
        let outputs = plan.size("outputs")?;
        if outputs == 0 {
            return Err(plan.invalid("a model needs at least one output"));
        }
        let count = inputs
            .checked_mul(outputs)
            .ok_or_else(|| plan.invalid("too many weights"))?;
        let weights = plan.floats(count, narrow, "weights")?;
        let intercept = plan.floats(outputs, narrow, "intercepts")?;
        let accumulate = if narrow {
            Accumulate::F32
        } else {
            Accumulate::F64
        };
        Ok(Self {
            inputs,
            outputs,
            weights,
            intercept,
            accumulate,
        })
    }

    fn output(&self, row: &[f64], output: usize) -> f64 {
        let start = output * self.inputs;
        let weights = self
            .weights
            .get(start..start + self.inputs)
            .unwrap_or_default();
        let intercept = self.intercept.get(output).copied().unwrap_or_default();
        match self.accumulate {
            Accumulate::F64 => dot(row, weights) + intercept,
            Accumulate::F32 => f64::from(dot_f32(row, weights) + narrow(intercept)),
        }
    }
}

impl Engine for LinearEngine {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn accepts_missing(&self) -> bool {
        false
    }

    fn summary(&self) -> ModelSummary {
        ModelSummary::Linear {
            nonzero: self.weights.iter().filter(|&&weight| weight != 0.0).count(),
            weights: self.weights.len(),
        }
    }

    fn score(&self, rows: &[f64], _scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        check_shape(self, rows, raw)?;
        for (index, scores) in raw.chunks_exact_mut(self.outputs).enumerate() {
            let start = index * self.inputs;
            let row = rows.get(start..start + self.inputs).unwrap_or_default();
            for (output, score) in scores.iter_mut().enumerate() {
                *score = self.output(row, output);
            }
        }
        Ok(())
    }
}

/// Products added one after the other from 0: the order is the definition.
fn dot(row: &[f64], weights: &[f64]) -> f64 {
    row.iter().zip(weights).fold(0.0, |sum, (x, w)| sum + x * w)
}

fn dot_f32(row: &[f64], weights: &[f64]) -> f32 {
    row.iter()
        .zip(weights)
        .fold(0.0, |sum, (&x, &w)| sum + narrow(x) * narrow(w))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what the model asks for"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

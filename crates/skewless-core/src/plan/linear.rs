//! Linear models: dense weights, summed in column order.
//!
//! Of a one-hot group, only the column that is 1 is added. That gives the bits of the dense sum: 1 · w is w; 0 · w is a
//! zero of either sign, because weights are finite; and adding one changes no sum, because a sum that starts at +0
//! never becomes −0 (only −0 + −0 is −0 when rounding to nearest).

use super::bytes::{PlanReader, PlanWriter};
use super::layout::{Group, Layout, one_hot_column};
use super::{
    Accumulate, Contributions, Engine, EngineScratch, LinearModel, ModelSummary,
    check_compact_shape, check_row, check_shape,
};
use crate::error::{Error, Result};
use crate::explanation::Method;

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
        if weights.iter().any(|weight| weight.is_infinite()) {
            return Err(plan.invalid("a weight is infinite"));
        }
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

    /// The raw score of an output from its weights, each with its feature.
    fn output(&self, output: usize, terms: impl Iterator<Item = (f64, f64)>) -> f64 {
        let intercept = self.intercept.get(output).copied().unwrap_or_default();
        match self.accumulate {
            Accumulate::F64 => terms.fold(0.0, |sum, (x, w)| sum + x * w) + intercept,
            Accumulate::F32 => {
                let sum = terms.fold(0.0, |sum, (x, w)| sum + narrow(x) * narrow(w));
                f64::from(sum + narrow(intercept))
            }
        }
    }

    fn weights(&self, output: usize) -> &[f64] {
        let start = output * self.inputs;
        let end = start + self.inputs;
        self.weights.get(start..end).unwrap_or_default()
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
                let terms = row.iter().zip(self.weights(output));
                *score = self.output(output, terms.map(|(&x, &w)| (x, w)));
            }
        }
        Ok(())
    }

    fn score_compact(
        &self,
        layout: &Layout,
        rows: &[f64],
        _scratch: &mut EngineScratch,
        raw: &mut [f64],
    ) -> Result<()> {
        check_compact_shape(self, layout, rows, raw)?;
        let width = layout.compact_width();
        for (index, scores) in raw.chunks_exact_mut(self.outputs).enumerate() {
            let start = index * width;
            let row = rows.get(start..start + width).unwrap_or_default();
            for (output, score) in scores.iter_mut().enumerate() {
                *score = self.output(output, compact_terms(layout, row, self.weights(output)));
            }
        }
        Ok(())
    }

    fn explains(&self) -> Result<Method> {
        Ok(Method::Linear)
    }

    fn explain(&self, row: &[f64], to: &mut Contributions) -> Result<()> {
        check_row(self, row)?;
        for (output, &intercept) in self.intercept.iter().enumerate() {
            to.add_base(output, intercept);
            for (column, (&x, &w)) in row.iter().zip(self.weights(output)).enumerate() {
                let x = match self.accumulate {
                    Accumulate::F64 => x,
                    // The product of two f32 values is exact in f64.
                    Accumulate::F32 => f64::from(narrow(x)),
                };
                to.add(column, output, x * w);
            }
        }
        Ok(())
    }
}

/// The features of a compact row that are not the zeros of one-hot groups, with their weights, in column order.
fn compact_terms<'a>(
    layout: &'a Layout,
    row: &'a [f64],
    weights: &'a [f64],
) -> impl Iterator<Item = (f64, f64)> + 'a {
    let groups = layout.groups().iter().scan((0, 0), |(column, at), group| {
        let (from, to) = (*column, *at);
        *column += group.width();
        *at += group.compact_width();
        Some((group, from..*column, to..*at))
    });
    groups.flat_map(move |(group, columns, at)| {
        let (row, weights) = (row.get(at), weights.get(columns));
        let (values, weights) = (row.unwrap_or_default(), weights.unwrap_or_default());
        let (values, weights) = match group {
            Group::Number | Group::Numbers { .. } => (values, weights),
            Group::OneHot { .. } => {
                let weight = one_hot_column(values).and_then(|code| weights.get(code..=code));
                (&[1.0][..], weight.unwrap_or_default())
            }
        };
        values.iter().copied().zip(weights.iter().copied())
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what the model asks for"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::super::{Model, decode};
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(1.0),
            -1e3..1e3,
            Just(-1e-300),
            Just(f64::INFINITY)
        ]
    }

    fn group() -> impl Strategy<Value = Group> {
        prop_oneof![
            Just(Group::Number),
            (1..4_usize).prop_map(|width| Group::Numbers { width }),
            (1..9_usize).prop_map(|width| Group::OneHot { width }),
        ]
    }

    proptest! {
        #[test]
        fn compact_rows_score_as_their_feature_rows(
            groups in prop::collection::vec(group(), 0..8),
            outputs in 1..3_usize,
            numbers in prop::collection::vec(number(), 400),
            codes in prop::collection::vec(-1..9_i32, 64),
            narrow_sums in any::<bool>(),
        ) {
            let layout = Layout::new(groups);
            let accumulate = if narrow_sums { Accumulate::F32 } else { Accumulate::F64 };
            let weight = |&number: &f64| if number.is_infinite() { -0.0 } else { f64::from(narrow(number)) };
            let model = Model::Linear(LinearModel {
                inputs: layout.width(),
                outputs,
                weights: numbers.iter().map(weight).take(layout.width() * outputs).collect(),
                intercept: numbers.iter().rev().map(weight).take(outputs).collect(),
                accumulate,
            });
            let engine = decode(&model.encode().unwrap()).unwrap();
            let (mut at, mut compact) = (0, Vec::new());
            for group in [layout.groups(), layout.groups()].concat() {
                for _ in 0..group.compact_width() {
                    compact.push(match group {
                        Group::OneHot { .. } => f64::from(codes[at % codes.len()]),
                        _ => numbers[399 - at],
                    });
                    at += 1;
                }
            }
            let mut dense = vec![0.0; 2 * layout.width()];
            layout.expand(&compact, &mut dense);
            let mut scratch = EngineScratch::default();
            let (mut expected, mut raw) = (vec![0.0; 2 * outputs], vec![9.0; 2 * outputs]);
            engine.score(&dense, &mut scratch, &mut expected).unwrap();
            engine.score_compact(&layout, &compact, &mut scratch, &mut raw).unwrap();
            // Which not-a-number ∞ − ∞ gives is the processor's choice.
            let bits = |scores: &[f64]| scores.iter().map(|score| (!score.is_nan()).then_some(score.to_bits())).collect::<Vec<_>>();
            prop_assert_eq!(bits(&raw), bits(&expected));
        }
    }
}

//! Linear models as MatMul and Gemm: weights over the head's columns.

use skewless_core::error::Result;
use skewless_core::plan::{Accumulate, LinearModel, Model};

use super::super::attributes::{Attributes, tensor_numbers};
use super::super::head::column::{Columns, Kind, Matrix};
use super::super::message::NodeProto;
use super::super::{RowInput, unsupported_op};
use super::scores::{Raw, Scores};
use super::{Formula, Value};

/// Weighted sums of columns.
#[derive(Clone)]
pub(super) struct Linear {
    pub(super) columns: Columns,
    pub(super) rows: RowInput,
    /// A row an output.
    pub(super) weights: Vec<Vec<f64>>,
    pub(super) bias: Vec<f64>,
}

impl Linear {
    /// The columns themselves.
    pub(super) fn identity(matrix: &Matrix) -> Self {
        let width = matrix.columns.len();
        let row = |output| {
            (0..width)
                .map(|column| f64::from(u8::from(column == output)))
                .collect()
        };
        Self {
            columns: matrix.columns.clone(),
            rows: RowInput {
                double: matrix.kind == Kind::Double,
                narrow: matrix.narrow,
                width: Some(width),
            },
            weights: (0..width).map(row).collect(),
            bias: vec![0.0; width],
        }
    }

    pub(super) fn model(&self) -> Model {
        Model::Linear(LinearModel {
            inputs: self.columns.len(),
            outputs: self.bias.len(),
            weights: self.weights.concat(),
            intercept: self.bias.clone(),
            accumulate: Accumulate::F64,
        })
    }

    /// Each output times one of `factors`, and one of `terms` added.
    pub(super) fn scaled(&mut self, factors: &[f64], terms: &[f64]) {
        let outputs = self.weights.iter_mut().zip(&mut self.bias);
        for ((weights, bias), (factor, term)) in outputs.zip(factors.iter().zip(terms)) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
            *bias = *bias * factor + term;
        }
    }

    /// These sums as the inputs of others: `matrix` has a row an input.
    fn times(&self, matrix: &[Vec<f64>]) -> Option<Self> {
        let outputs = matrix.first()?.len();
        let of = |output: usize, value: &dyn Fn(usize) -> f64| -> f64 {
            let rows = matrix.iter().enumerate();
            rows.map(|(at, row)| value(at) * row.get(output).copied().unwrap_or_default())
                .sum()
        };
        let weight = |output, column: usize| {
            of(output, &|at| {
                self.weights
                    .get(at)
                    .and_then(|row| row.get(column))
                    .copied()
                    .unwrap_or_default()
            })
        };
        (matrix.len() == self.bias.len()).then(|| Self {
            columns: self.columns.clone(),
            rows: self.rows,
            weights: (0..outputs)
                .map(|output| {
                    (0..self.columns.len())
                        .map(|column| weight(output, column))
                        .collect()
                })
                .collect(),
            bias: (0..outputs)
                .map(|output| of(output, &|at| self.bias.get(at).copied().unwrap_or_default()))
                .collect(),
        })
    }
}

impl<'a> Formula<'a> {
    /// `x · W`, and Gemm's `alpha · x · W + beta · c`.
    pub(super) fn product(&mut self, node: &'a NodeProto) -> Result<Value> {
        let attributes = Attributes::of(node, &["alpha", "beta", "transA", "transB"])?;
        if attributes.int("transA", 0) != 0 {
            return Err(unsupported_op(node, "a transposed record"));
        }
        let from = match self.input(node, 0) {
            Some(Value::Scores(Scores {
                raw: Raw::Columns(linear),
                steps,
                ..
            })) if steps.is_empty() => linear.clone(),
            Some(_) => return Err(unsupported_op(node, "of what is no weighted sum")),
            None => Linear::identity(&self.rows(node)?),
        };
        let name = node.input.get(1).map(String::as_str).unwrap_or_default();
        let constant = self.walk.constant(name);
        let constant =
            constant.ok_or_else(|| unsupported_op(node, "weights that are not constant"))?;
        let numbers = tensor_numbers(constant)
            .filter(|numbers| numbers.iter().all(|number| number.is_finite()));
        let numbers =
            numbers.ok_or_else(|| unsupported_op(node, "weights that are no finite numbers"))?;
        let sizes: Vec<usize> = constant
            .dims
            .iter()
            .filter_map(|&size| usize::try_from(size).ok())
            .collect();
        let (rows, columns) = match sizes[..] {
            [rows, columns]
                if rows > 0 && columns > 0 && rows.checked_mul(columns) == Some(numbers.len()) =>
            {
                (rows, columns)
            }
            // A vector gives one score; its dimension is dropped, as a batch's scores are one after the other anyway.
            [rows] if rows > 0 && rows == numbers.len() => (rows, 1),
            _ => return Err(unsupported_op(node, "weights that are no matrix")),
        };
        let stored: Vec<Vec<f64>> = numbers.chunks(columns).map(<[f64]>::to_vec).collect();
        let matrix = match attributes.int("transB", 0) {
            0 => stored,
            _ => transposed(&stored, rows, columns),
        };
        let mut linear = from
            .times(&matrix)
            .ok_or_else(|| unsupported_op(node, "weights of another width than its rows"))?;
        let outputs = linear.bias.len();
        let alpha = attributes.float("alpha").unwrap_or(1.0);
        let beta = attributes.float("beta").unwrap_or(1.0);
        let terms = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => vec![0.0; outputs],
            Some(_) => self
                .constant(node, 2)
                .and_then(|terms| super::scores::spread(terms, outputs))
                .ok_or_else(|| {
                    unsupported_op(node, "an addend that is not one number an output")
                })?,
        };
        let terms: Vec<f64> = terms.iter().map(|term| beta * term).collect();
        linear.scaled(&vec![alpha; outputs], &terms);
        Ok(Value::Scores(Scores {
            outputs,
            raw: Raw::Columns(linear),
            steps: Vec::new(),
        }))
    }
}

fn transposed(matrix: &[Vec<f64>], rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let cell = |row: usize, column: usize| matrix.get(row).and_then(|row| row.get(column)).copied();
    (0..columns)
        .map(|column| {
            (0..rows)
                .map(|row| cell(row, column).unwrap_or_default())
                .collect()
        })
        .collect()
}

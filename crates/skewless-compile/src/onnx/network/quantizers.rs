//! `QuantizeLinear` and `DequantizeLinear`: where floats become tensors of the plan, and tensors floats.

use std::rc::Rc;

use skewless_core::error::{Error, Result};
use skewless_core::plan::network::{
    AddMeaning, Conv, Dense, NetworkInput, Op, PoolMeaning, Requantize, SoftmaxMeaning, Tensor,
};

use super::Lowering;
use super::constants::{dequantized_constant, quantized_constant};
use super::value::{Grid, Kind, Linear, Pending, Real, Row, Steps, Table, Value, View};
use crate::network::builder::identity;
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::constant::{Constant, Data};
use crate::onnx::message::{INT8, INT32, NodeProto, UINT8};
use crate::onnx::{invalid, unsupported_op};

/// A quantisation as a node states it.
pub(super) struct Quantization {
    pub(super) scale: Rc<Constant>,
    /// None is 0.
    pub(super) zero: Option<Rc<Constant>>,
    /// Element type of the integers, where the zero point or an attribute says it.
    pub(super) element: Option<i32>,
}

impl Quantization {
    pub(super) fn new(scale: Rc<Constant>, zero: Option<Rc<Constant>>) -> Self {
        let element = zero.as_ref().and_then(|zero| match zero.data {
            Data::Whole(_, element) => Some(element),
            Data::Real(_) => None,
        });
        Self {
            scale,
            zero,
            element,
        }
    }

    pub(super) fn scales<'s>(&'s self, node: &NodeProto) -> Result<&'s [f32]> {
        let scales = self.scale.as_reals().unwrap_or_default();
        let usable = |scale: &f32| scale.is_finite() && *scale > 0.0;
        if scales.is_empty() || !scales.iter().all(usable) {
            let message = format!("{}: a scale that is no positive number", describe(node));
            return Err(invalid(message));
        }
        Ok(scales)
    }

    pub(super) fn zeros(&self, node: &NodeProto) -> Result<Vec<i32>> {
        let zeros: &[i64] = match &self.zero {
            None => &[0],
            Some(zero) => zero
                .as_whole()
                .ok_or_else(|| invalid(format!("{}: a zero point of floats", describe(node))))?,
        };
        let zeros: Option<Vec<i32>> = zeros
            .iter()
            .map(|&zero| {
                i32::try_from(zero)
                    .ok()
                    .filter(|zero| zero.abs() <= 1 << 20)
            })
            .collect();
        zeros.ok_or_else(|| invalid(format!("{}: a zero point beyond its type", describe(node))))
    }

    /// The one scale and zero point of an activation whose integers are the tensor's plus `shift`.
    pub(super) fn grid(&self, node: &NodeProto, shift: i32) -> Result<Grid> {
        match (self.scales(node)?, self.zeros(node)?[..].as_ref()) {
            (&[scale], &[zero]) => Ok(Grid {
                scale,
                zero: zero - shift,
            }),
            _ => Err(unsupported_op(
                node,
                "an activation with several scales; one for the whole tensor is read",
            )),
        }
    }
}

impl Lowering<'_> {
    fn quantization(&self, node: &NodeProto) -> Result<(Quantization, i64)> {
        let known = [
            "axis",
            "saturate",
            "block_size",
            "output_dtype",
            "precision",
        ];
        let attributes = Attributes::of(node, &known)?;
        if attributes.int("block_size", 0) != 0 {
            return Err(unsupported_op(node, "scales by blocks"));
        }
        let scale = self.constant(node, 1)?;
        let mut quantization = Quantization::new(scale, self.optional_constant(node, 2)?);
        if let (None, Ok(stated)) = (
            quantization.element,
            i32::try_from(attributes.int("output_dtype", 0)),
        ) {
            quantization.element = (stated != 0).then_some(stated);
        }
        Ok((quantization, attributes.int("axis", 1)))
    }

    pub(super) fn quantize_linear(&mut self, node: &NodeProto) -> Result<Value> {
        let (quantization, axis) = self.quantization(node)?;
        let value = self.input(node, 0)?;
        self.quantize(node, value, &quantization, axis)
    }

    pub(super) fn dequantize_linear(&mut self, node: &NodeProto) -> Result<Value> {
        let (quantization, axis) = self.quantization(node)?;
        let value = self.input(node, 0)?;
        self.dequantize(node, value, &quantization, axis)
    }

    /// The integers of `value`.
    pub(super) fn quantize(
        &mut self,
        node: &NodeProto,
        value: Value,
        quantization: &Quantization,
        axis: i64,
    ) -> Result<Value> {
        let shift = match quantization.element {
            Some(UINT8) | None => 128,
            Some(INT8) => 0,
            Some(INT32) if matches!(value, Value::Constant(_)) => 0,
            Some(_) => return Err(unsupported_op(node, "integers other than int8 and uint8")),
        };
        if let Value::Constant(constant) = &value {
            return quantized_constant(node, constant, quantization, axis);
        }
        let grid = quantization.grid(node, shift)?;
        let zero = grid
            .zero_point()
            .ok_or_else(|| invalid(format!("{}: a zero point beyond its type", describe(node))))?;
        let view = match value {
            Value::Real(real) => {
                let table = quantized_table(&real.table, grid);
                let name = &node.name;
                let tensor = self
                    .builder
                    .lookup(name, real.view.tensor, table, (grid.scale, zero));
                View {
                    tensor,
                    ..real.view
                }
            }
            Value::Pending(pending) => self.emit(node, &pending, grid, zero)?,
            Value::Row(row) => self.quantized_input(node, &row, grid, zero)?,
            _ => return Err(self.not_quantizable(node)),
        };
        Ok(Value::Steps(Steps { view, shift }))
    }

    fn not_quantizable(&self, node: &NodeProto) -> Error {
        unsupported_op(node, "it quantises what is no float")
    }

    /// The floats that the integers `value` stand for.
    pub(super) fn dequantize(
        &mut self,
        node: &NodeProto,
        value: Value,
        quantization: &Quantization,
        axis: i64,
    ) -> Result<Value> {
        match value {
            Value::Steps(steps) => {
                let grid = quantization.grid(node, steps.shift)?;
                Ok(Value::Real(Real::dequantized(steps.view, grid)))
            }
            Value::Constant(constant) => {
                let weights = dequantized_constant(node, &constant, quantization, axis)?;
                Ok(Value::Weights(Rc::new(weights)))
            }
            _ => Err(unsupported_op(node, "it dequantises what are no integers")),
        }
    }

    /// The tensor of a float input of the graph.
    fn quantized_input(
        &mut self,
        node: &NodeProto,
        row: &Row,
        grid: Grid,
        zero_point: i8,
    ) -> Result<View> {
        let tensor = Tensor {
            shape: self.inputs[row.input].shape(),
            scale: grid.scale,
            zero_point,
        };
        let tensor = self.input_tensor(node, row.input, tensor, |tensor| {
            NetworkInput::Quantize { tensor }
        })?;
        Ok(View::whole(tensor, row.shape.clone(), row.order.clone()))
    }

    /// The layer of a float, now that its quantisation is known.
    fn emit(
        &mut self,
        node: &NodeProto,
        pending: &Pending,
        grid: Grid,
        zero_point: i8,
    ) -> Result<View> {
        let output = Tensor {
            shape: pending.stored.clone(),
            scale: grid.scale,
            zero_point,
        };
        let bounds = (
            bound(grid, pending.clamp.0, i8::MIN),
            bound(grid, pending.clamp.1, i8::MAX),
        );
        let name = &pending.name;
        let mut tensor = match &pending.kind {
            Kind::Linear(linear) => {
                let op = linear_op(node, linear, grid, bounds)?;
                self.builder.layer(name, op, vec![linear.input], output)
            }
            Kind::Sum([a, b]) => {
                let op = Op::Add {
                    meaning: AddMeaning::Float,
                    clamp: bounds,
                };
                self.builder.layer(name, op, vec![*a, *b], output)
            }
            Kind::Average {
                input,
                window,
                include_padding,
                order,
            } => {
                let op = Op::AveragePool {
                    window: window.clone(),
                    include_padding: *include_padding,
                    meaning: PoolMeaning::Float(*order),
                    clamp: bounds,
                };
                self.builder.layer(name, op, vec![*input], output)
            }
            Kind::Softmax { input } => {
                let op = Op::Softmax(SoftmaxMeaning::Float);
                self.builder.layer(name, op, vec![*input], output)
            }
            Kind::Concat(parts) => {
                let parts = parts
                    .iter()
                    .map(|(tensor, table)| {
                        let table = quantized_table(table, grid);
                        let to = (grid.scale, zero_point);
                        self.builder.lookup(name, *tensor, table, to)
                    })
                    .collect();
                self.builder.layer(name, Op::Concat, parts, output)
            }
            Kind::Embedding { input, table } => {
                let table = table.as_reals().unwrap_or_default();
                let table = table.iter().map(|&value| grid.nearest(value)).collect();
                self.embedding_tensor(node, *input, table, output)?
            }
        };
        for (window, shape) in &pending.pools {
            let output = Tensor {
                shape: shape.clone(),
                scale: grid.scale,
                zero_point,
            };
            let op = Op::MaxPool(window.clone());
            tensor = self.builder.layer(name, op, vec![tensor], output);
        }
        Ok(View::whole(
            tensor,
            pending.shape.clone(),
            pending.order.clone(),
        ))
    }

    /// A tensor whose elements are the float's steps on its grid, so that a layer can compute with integers.
    pub(super) fn on_grid(&mut self, node: &NodeProto, real: &Real) -> Result<usize> {
        let (table, zero) = grid_steps(node, real)?;
        let to = (real.grid.scale, zero);
        Ok(self.builder.lookup(&node.name, real.view.tensor, table, to))
    }

    /// As [`Lowering::on_grid`], for a layer that reads a tensor's zero point alone.
    pub(super) fn on_grid_but_for_scale(&mut self, node: &NodeProto, real: &Real) -> Result<usize> {
        let (table, zero) = grid_steps(node, real)?;
        let tensor = real.view.tensor;
        if table == identity() && self.builder.tensor(tensor).zero_point == zero {
            return Ok(tensor);
        }
        self.on_grid(node, real)
    }
}

fn bound(grid: Grid, value: f32, unbounded: i8) -> i8 {
    if value.is_infinite() {
        unbounded
    } else {
        grid.nearest(value)
    }
}

fn quantized_table(table: &Table, grid: Grid) -> Vec<i8> {
    table.iter().map(|&value| grid.nearest(value)).collect()
}

/// The step of every value on the grid that it came from, and the grid's zero point.
fn grid_steps(node: &NodeProto, real: &Real) -> Result<(Vec<i8>, i8)> {
    let grid = real.grid;
    let zero = grid
        .zero_point()
        .ok_or_else(|| unsupported_op(node, "an input whose zero point int8 does not hold"))?;
    let of_grid = grid.table();
    let steps = quantized_table(&real.table, grid);
    let exact = steps.iter().zip(real.table.iter()).all(|(&step, value)| {
        usize::try_from(i32::from(step) + 128).is_ok_and(|at| of_grid[at] == *value)
    });
    if exact {
        Ok((steps, zero))
    } else {
        Err(unsupported_op(
            node,
            "an operator before it gives floats that are not quantised",
        ))
    }
}

fn linear_op(node: &NodeProto, linear: &Linear, grid: Grid, clamp: (i8, i8)) -> Result<Op> {
    let bias = linear
        .offset
        .iter()
        .zip(&linear.scale)
        .map(|(offset, scale)| accumulator(offset / scale))
        .collect::<Option<Vec<i32>>>()
        .ok_or_else(|| unsupported_op(node, "a bias beyond the 32 bits of an accumulator"))?;
    let requantize = Requantize::Float {
        multiplier: one_for_all(&linear.scale, f64::from(grid.scale)),
    };
    let weights = linear.weights.clone();
    Ok(match &linear.conv {
        None => Op::Dense(Dense {
            weights,
            bias,
            requantize,
            clamp,
        }),
        Some((groups, window)) => Op::Conv(Conv {
            weights,
            bias,
            groups: *groups,
            window: window.clone(),
            requantize,
            clamp,
        }),
    })
}

/// The whole number next to a bias in steps of the accumulator.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn accumulator(steps: f64) -> Option<i32> {
    let steps = steps.round_ties_even();
    (steps.abs() <= f64::from(i32::MAX)).then_some(steps as i32)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the plan multiplies in f32"
)]
fn one_for_all(scale: &[f64], output: f64) -> Vec<f32> {
    let multiplier: Vec<f32> = scale.iter().map(|scale| (scale / output) as f32).collect();
    match multiplier.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => vec![*first],
        _ => multiplier,
    }
}

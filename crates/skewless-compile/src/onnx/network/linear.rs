//! Layers of products and sums: convolutions, matrix products, and the scales and offsets that follow them.

use std::rc::Rc;

use skewless_core::error::Result;

use super::Lowering;
use super::value::{Kind, Linear, Pending, Real, Value, Weights};
use super::window::Lies;
use crate::network::elements;
use crate::network::order::{Order, arrange, row_major, stored};
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

/// Where a window lies, as attributes say it, for one or two dimensions.
const WINDOW: [&str; 5] = ["kernel_shape", "strides", "pads", "dilations", "auto_pad"];

/// No bounds.
pub(super) const UNBOUNDED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

impl Lowering<'_> {
    pub(super) fn conv(&mut self, node: &NodeProto) -> Result<Value> {
        let x = self.real(node, 0)?;
        let weights = self.weights(node, 1)?;
        let bias = self.optional(node, 2)?;
        let bias = bias
            .map(|bias| reals_of(node, &bias))
            .transpose()?
            .map(|(_, bias)| bias);
        self.convolve(node, &x, &weights, bias)
    }

    /// The quantised constant that is the node's input number `index`.
    pub(super) fn weights(&self, node: &NodeProto, index: usize) -> Result<Rc<Weights>> {
        match self.input(node, index)? {
            Value::Weights(weights) => Ok(weights),
            Value::Constant(_) => Err(unsupported_op(node, "its weights are not quantised")),
            _ => Err(unsupported_op(
                node,
                "a product of two activations; one factor must be constant",
            )),
        }
    }

    /// `weights` has the shape [outputs, inputs / groups, kernel…].
    pub(super) fn convolve(
        &mut self,
        node: &NodeProto,
        x: &Real,
        weights: &Weights,
        bias: Option<Vec<f64>>,
    ) -> Result<Value> {
        let attributes = Attributes::of(
            node,
            &[
                WINDOW[0], WINDOW[1], WINDOW[2], WINDOW[3], WINDOW[4], "group",
            ],
        )?;
        let groups = usize::try_from(attributes.int("group", 1)).unwrap_or(0);
        let (&[outputs, depth, ..], &[channels, ..]) = (&weights.shape[..], &x.view.shape[..])
        else {
            return Err(unsupported_op(node, "a convolution without channels"));
        };
        let kernel = &weights.shape[2..];
        let space = &x.view.shape[1..];
        if groups == 0
            || depth.checked_mul(groups) != Some(channels)
            || outputs % groups != 0
            || kernel.len() != space.len()
        {
            let message = format!("{}: weights that do not fit its input", describe(node));
            return Err(invalid(message));
        }
        let mut lies = Lies::read(&attributes, space, Some(kernel))?;
        if let Some(padding) = &x.view.padding {
            lies.widen(&padding.before, &padding.after);
        }
        let inner = unpadded(x);
        let out = lies.outputs(node, &inner[1..])?;
        let mut shape = vec![outputs];
        shape.extend(&out);
        bounded(node, &shape)?;
        let scale = scales(node, x, weights, outputs, 0)?;
        let offset = offsets(node, bias, outputs)?;
        let input = self.on_grid_but_for_scale(node, x)?;
        let input = self.channels_last(node, input, &inner, &x.view.order)?;
        let linear = Linear {
            input,
            weights: kernel_last(node, weights, outputs, depth)?,
            scale,
            offset,
            conv: Some((groups, lies.window())),
        };
        let axes: Vec<usize> = (1..shape.len()).chain([0]).collect();
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Linear(Rc::new(linear)),
            clamp: UNBOUNDED,
            stored: two_dimensional(&out, outputs),
            order: stored(&shape, &axes),
            shape,
            pools: Vec::new(),
            channel: Some(0),
        }))
    }

    /// Moves a tensor of a source's [channels, space…] into [height, width, channels].
    pub(super) fn channels_last(
        &mut self,
        node: &NodeProto,
        tensor: usize,
        shape: &[usize],
        order: &Order,
    ) -> Result<usize> {
        let axes: Vec<usize> = (1..shape.len()).chain([0]).collect();
        let wanted = stored(shape, &axes);
        let channels = shape.first().copied().unwrap_or(1);
        let to = two_dimensional(shape.get(1..).unwrap_or_default(), channels);
        arrange(&mut self.builder, tensor, order, &wanted, to)
            .ok_or_else(|| unsupported_op(node, "an input in an order that is no transpose"))
    }

    pub(super) fn gemm(&mut self, node: &NodeProto) -> Result<Value> {
        let x = self.real(node, 0)?;
        let weights = self.weights(node, 1)?;
        let bias = self.optional(node, 2)?;
        let bias = bias
            .map(|bias| reals_of(node, &bias))
            .transpose()?
            .map(|(_, bias)| bias);
        self.general_product(node, &x, &weights, bias)
    }

    pub(super) fn general_product(
        &mut self,
        node: &NodeProto,
        x: &Real,
        weights: &Weights,
        bias: Option<Vec<f64>>,
    ) -> Result<Value> {
        let attributes = Attributes::of(node, &["alpha", "beta", "transA", "transB"])?;
        if attributes.int("transA", 0) != 0 {
            return Err(unsupported_op(node, "a transposed batch (`transA`)"));
        }
        let beta = f64::from(attributes.float_or("beta", 1.0));
        let bias = bias.map(|bias| bias.iter().map(|value| value * beta).collect());
        let transposed = attributes.int("transB", 0) != 0;
        let alpha = f64::from(attributes.float_or("alpha", 1.0));
        self.product(node, x, weights, transposed, bias, alpha)
    }

    pub(super) fn matmul(&mut self, node: &NodeProto) -> Result<Value> {
        Attributes::of(node, &[])?;
        let x = self.real(node, 0)?;
        let weights = self.weights(node, 1)?;
        self.product(node, &x, &weights, false, None, 1.0)
    }

    /// `weights` is [inputs, outputs], or [outputs, inputs] where it is `transposed`. The product is over the last
    /// dimension; what stands before it are positions.
    pub(super) fn product(
        &mut self,
        node: &NodeProto,
        x: &Real,
        weights: &Weights,
        transposed: bool,
        bias: Option<Vec<f64>>,
        alpha: f64,
    ) -> Result<Value> {
        let (&[rows, columns], Some((&inputs, positions))) =
            (&weights.shape[..], x.view.shape.split_last())
        else {
            return Err(unsupported_op(node, "weights that are no matrix"));
        };
        let (due, outputs) = if transposed {
            (columns, rows)
        } else {
            (rows, columns)
        };
        if due != inputs || x.view.padding.is_some() {
            let message = format!("{}: weights that do not fit its input", describe(node));
            return Err(invalid(message));
        }
        let axis = usize::from(!transposed);
        let scale = scales(node, x, weights, outputs, axis)?;
        let scale = scale.iter().map(|scale| scale * alpha).collect();
        let offset = offsets(node, bias, outputs)?;
        let tensor = self.on_grid_but_for_scale(node, x)?;
        let count: usize = positions.iter().product();
        let (input, conv, order) = if positions.is_empty() {
            (tensor, None, x.view.order.clone())
        } else {
            // One position after the other: a convolution whose kernel is one element.
            let to = vec![1, count, inputs];
            let wanted = row_major(count * inputs);
            let input = arrange(&mut self.builder, tensor, &x.view.order, &wanted, to);
            let input = input
                .ok_or_else(|| unsupported_op(node, "an input in an order that is no transpose"))?;
            (
                input,
                Some((1, Lies::whole(&[1]).window())),
                row_major(inputs),
            )
        };
        bounded(node, &[count, outputs])?;
        let mut rows_last = vec![0; outputs * inputs];
        for (input, &place) in order.iter().enumerate() {
            for output in 0..outputs {
                let from = if transposed {
                    output * inputs + input
                } else {
                    input * outputs + output
                };
                rows_last[output * inputs + place] = weight(node, weights.integers[from])?;
            }
        }
        let linear = Linear {
            input,
            weights: rows_last,
            scale,
            offset,
            conv,
        };
        let mut shape = positions.to_vec();
        shape.push(outputs);
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Linear(Rc::new(linear)),
            clamp: UNBOUNDED,
            stored: if positions.is_empty() {
                vec![outputs]
            } else {
                vec![1, count, outputs]
            },
            order: row_major(count * outputs),
            channel: Some(positions.len()),
            shape,
            pools: Vec::new(),
        }))
    }

    pub(super) fn batch_normalization(&mut self, node: &NodeProto) -> Result<Value> {
        let known = ["epsilon", "momentum", "spatial", "training_mode"];
        let attributes = Attributes::of(node, &known)?;
        if attributes.int("training_mode", 0) != 0 {
            return Err(unsupported_op(node, "in training mode"));
        }
        let epsilon = f64::from(attributes.float_or("epsilon", 1e-5));
        let Value::Pending(pending) = self.input(node, 0)? else {
            return Err(unsupported_op(
                node,
                "after anything but a convolution or a product",
            ));
        };
        let mut parts = Vec::new();
        for index in 1..5 {
            parts.push(reals_of(node, &self.input(node, index)?)?.1);
        }
        let [gain, shift, mean, variance] = &parts[..] else {
            return Err(invalid(format!("{} lacks an input", describe(node))));
        };
        let factor: Vec<f64> = gain
            .iter()
            .zip(variance)
            .map(|(gain, variance)| gain / (variance + epsilon).sqrt())
            .collect();
        let term: Vec<f64> = factor
            .iter()
            .zip(shift.iter().zip(mean))
            .map(|(factor, (shift, mean))| shift - mean * factor)
            .collect();
        pending
            .scaled(&factor)
            .and_then(|scaled| scaled.moved(&term))
            .map(Value::Pending)
            .ok_or_else(|| unsupported_op(node, "after anything but a convolution or a product"))
    }
}

impl Pending {
    /// Each channel times a factor; None where this is no plain linear layer.
    pub(super) fn scaled(&self, factors: &[f64]) -> Option<Self> {
        self.with_channels(factors, |factor, scale, offset| {
            *scale *= factor;
            *offset *= factor;
        })
    }

    /// Each channel plus a term; None where this is no plain linear layer.
    pub(super) fn moved(&self, terms: &[f64]) -> Option<Self> {
        self.with_channels(terms, |term, _, offset| *offset += term)
    }

    fn with_channels(
        &self,
        values: &[f64],
        change: impl Fn(f64, &mut f64, &mut f64),
    ) -> Option<Self> {
        let Kind::Linear(linear) = &self.kind else {
            return None;
        };
        let mut linear = Linear::clone(linear);
        let fits = values.len() == 1 || values.len() == linear.scale.len();
        if !fits || self.clamp != UNBOUNDED || !self.pools.is_empty() {
            return None;
        }
        for (at, (scale, offset)) in linear.scale.iter_mut().zip(&mut linear.offset).enumerate() {
            let value = values.get(at).or(values.first())?;
            change(*value, scale, offset);
        }
        Some(Self {
            kind: Kind::Linear(Rc::new(linear)),
            ..self.clone()
        })
    }
}

/// A constant's shape and values.
pub(super) fn reals_of(node: &NodeProto, value: &Value) -> Result<(Vec<usize>, Vec<f64>)> {
    match value {
        Value::Constant(constant) => match constant.as_reals() {
            Some(reals) => Ok((
                constant.shape.clone(),
                reals.iter().copied().map(f64::from).collect(),
            )),
            None => Err(unsupported_op(
                node,
                "a constant of whole numbers among floats",
            )),
        },
        Value::Weights(weights) => Ok((weights.shape.clone(), weights.reals())),
        _ => Err(unsupported_op(
            node,
            "an input that must be constant is not",
        )),
    }
}

impl Weights {
    pub(super) fn reals(&self) -> Vec<f64> {
        let inner: usize = self.shape.iter().skip(self.axis + 1).product();
        let scale = |at: usize| match self.scale[..] {
            [one] => one,
            _ => self.scale[at / inner.max(1) % self.scale.len()],
        };
        self.integers
            .iter()
            .enumerate()
            .map(|(at, &integer)| f64::from(integer) * f64::from(scale(at)))
            .collect()
    }
}

/// Refuses an output that is beyond a small network.
pub(super) fn bounded(node: &NodeProto, shape: &[usize]) -> Result<()> {
    match elements(shape) {
        Some(_) => Ok(()),
        None => Err(unsupported_op(
            node,
            "an output too large for a small network",
        )),
    }
}

fn unpadded(x: &Real) -> Vec<usize> {
    let mut shape = x.view.shape.clone();
    if let Some(padding) = &x.view.padding {
        let both = padding.before.iter().zip(&padding.after);
        for (size, (before, after)) in shape.iter_mut().skip(1).zip(both) {
            *size -= before + after;
        }
    }
    shape
}

/// [height, width, channels] of a space of one or two dimensions.
pub(super) fn two_dimensional(space: &[usize], channels: usize) -> Vec<usize> {
    match *space {
        [] => vec![1, 1, channels],
        [length] => vec![1, length, channels],
        _ => space.iter().copied().chain([channels]).collect(),
    }
}

/// The real value of an accumulator's step, for each output.
fn scales(
    node: &NodeProto,
    x: &Real,
    weights: &Weights,
    outputs: usize,
    axis: usize,
) -> Result<Vec<f64>> {
    let step = f64::from(x.grid.scale);
    match weights.scale[..] {
        [one] => Ok(vec![step * f64::from(one); outputs]),
        _ if weights.axis == axis && weights.scale.len() == outputs => Ok(weights
            .scale
            .iter()
            .map(|&scale| step * f64::from(scale))
            .collect()),
        _ => Err(unsupported_op(
            node,
            "weights with scales along another dimension than their outputs",
        )),
    }
}

fn offsets(node: &NodeProto, bias: Option<Vec<f64>>, outputs: usize) -> Result<Vec<f64>> {
    match bias {
        None => Ok(vec![0.0; outputs]),
        Some(bias) if bias.len() == outputs => Ok(bias),
        Some(bias) if bias.len() == 1 => Ok(vec![bias[0]; outputs]),
        Some(bias) => Err(invalid(format!(
            "{}: {} biases for {outputs} outputs",
            describe(node),
            bias.len()
        ))),
    }
}

/// [outputs, inputs, kernel…] → [outputs, kernel…, inputs].
fn kernel_last(
    node: &NodeProto,
    weights: &Weights,
    outputs: usize,
    depth: usize,
) -> Result<Vec<i16>> {
    let area: usize = weights.shape.iter().skip(2).product();
    let mut moved = Vec::with_capacity(weights.integers.len());
    for output in 0..outputs {
        for place in 0..area {
            for input in 0..depth {
                let integer = weights.integers[(output * depth + input) * area + place];
                moved.push(weight(node, integer)?);
            }
        }
    }
    Ok(moved)
}

fn weight(node: &NodeProto, integer: i32) -> Result<i16> {
    i16::try_from(integer)
        .ok()
        .filter(|weight| (-255..=255).contains(weight))
        .ok_or_else(|| unsupported_op(node, "weights of more than 8 bits"))
}

//! Functions of single elements. On an int8 tensor any of them is a table of 256 values, and so is any chain of them.

use std::rc::Rc;

use skewless_core::error::Result;

use super::Lowering;
use super::functions::{Function, function, operation};
use super::linear::{UNBOUNDED, reals_of};
use super::value::{Kind, Last, Linear, Pending, Real, Value};
use super::window::Lies;
use crate::network::order::{row_major_strides, walk};
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

impl Lowering<'_> {
    pub(super) fn unary(&mut self, node: &NodeProto) -> Result<Value> {
        if node.op_type == "Clip" {
            return self.clip(node);
        }
        if node.op_type == "PRelu" {
            return self.parametric_relu(node);
        }
        match self.input(node, 0)? {
            Value::Real(real) => self.unary_of(node, &real),
            Value::Pending(pending) if node.op_type == "Relu" => {
                self.clamped(node, pending, (0.0, f32::INFINITY))
            }
            Value::Pending(pending) => match pending.mapped(narrow(function(node)?)) {
                Some(mapped) => Ok(Value::Pending(mapped)),
                None => Err(self.not_quantized(node, 0)),
            },
            _ => {
                // An operator that nothing here knows is refused as such, whatever it reads.
                drop(function(node)?);
                Err(self.not_quantized(node, 0))
            }
        }
    }

    pub(super) fn unary_of(&self, node: &NodeProto, real: &Real) -> Result<Value> {
        let sigmoid = node.op_type == "Sigmoid" && real.last == Last::Dequantized;
        let last = if sigmoid { Last::Sigmoid } else { Last::Other };
        Ok(Value::Real(real.map(last, narrow(function(node)?))))
    }

    fn clip(&mut self, node: &NodeProto) -> Result<Value> {
        let attributes = Attributes::of(node, &["min", "max"])?;
        let mut bounds = (
            attributes.float_or("min", f32::NEG_INFINITY),
            attributes.float_or("max", f32::INFINITY),
        );
        for (index, bound) in [(1, &mut bounds.0), (2, &mut bounds.1)] {
            if let Some(value) = self.optional(node, index)? {
                *bound = scalar(node, &value)?;
            }
        }
        self.bounded_by(node, bounds)
    }

    fn bounded_by(&mut self, node: &NodeProto, (low, high): (f32, f32)) -> Result<Value> {
        if low > high || low.is_nan() || high.is_nan() {
            return Err(invalid(format!(
                "{}: bounds that leave nothing",
                describe(node)
            )));
        }
        match self.input(node, 0)? {
            Value::Real(real) => {
                let clip = |value: f32| value.max(low).min(high);
                Ok(Value::Real(real.map(Last::Other, clip)))
            }
            Value::Pending(pending) => self.clamped(node, pending, (low, high)),
            _ => Err(self.not_quantized(node, 0)),
        }
    }

    /// The value between bounds, which a layer applies to its quantised output.
    fn clamped(
        &self,
        node: &NodeProto,
        pending: Pending,
        (low, high): (f32, f32),
    ) -> Result<Value> {
        let clip = |value: f32| value.max(low).min(high);
        if let Some(mapped) = pending.mapped(clip) {
            return Ok(Value::Pending(mapped));
        }
        match pending.kind {
            Kind::Softmax { .. } if low <= 0.0 && high >= 1.0 => Ok(Value::Pending(pending)),
            Kind::Softmax { .. } => Err(self.not_quantized(node, 0)),
            _ => {
                let clamp = (clip(pending.clamp.0), clip(pending.clamp.1));
                Ok(Value::Pending(Pending { clamp, ..pending }))
            }
        }
    }

    fn parametric_relu(&mut self, node: &NodeProto) -> Result<Value> {
        Attributes::of(node, &[])?;
        let slope = scalar(node, &self.input(node, 1)?)
            .map_err(|_| unsupported_op(node, "several slopes; one for all is read"))?;
        let real = self.real(node, 0)?;
        let leaky = |x: f32| if x < 0.0 { x * slope } else { x };
        Ok(Value::Real(real.map(Last::Other, leaky)))
    }

    pub(super) fn binary(&mut self, node: &NodeProto) -> Result<Value> {
        Attributes::of(node, &[])?;
        if matches!(node.op_type.as_str(), "Min" | "Max") && node.input.len() != 2 {
            return Err(unsupported_op(node, "other than two inputs"));
        }
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        self.combine(node, a, b)
    }

    /// Two values by the function that the node's type names.
    pub(super) fn combine(&mut self, node: &NodeProto, a: Value, b: Value) -> Result<Value> {
        use Value::{Constant, Pending as Later, Weights};
        match (a, b) {
            (Value::Real(a), Value::Real(b)) => self.combine_reals(node, &a, &b),
            (Value::Real(real), constant @ (Constant(_) | Weights(_))) => {
                if values_of(&constant) > 1 {
                    return self.real_and_constants(node, &real, &constant, false);
                }
                let b = scalar(node, &constant)?;
                let apply = operation(node)?;
                Ok(Value::Real(real.map(Last::Other, |a| apply(a, b))))
            }
            (constant @ (Constant(_) | Weights(_)), Value::Real(real)) => {
                if values_of(&constant) > 1 {
                    return self.real_and_constants(node, &real, &constant, true);
                }
                let a = scalar(node, &constant)?;
                let apply = operation(node)?;
                Ok(Value::Real(real.map(Last::Other, |b| apply(a, b))))
            }
            (Later(pending), constant @ (Constant(_) | Weights(_))) => {
                self.linear_and_constant(node, &pending, &constant, false)
            }
            (constant @ (Constant(_) | Weights(_)), Later(pending)) => {
                self.linear_and_constant(node, &pending, &constant, true)
            }
            (Later(_), _) => Err(self.not_quantized(node, 0)),
            (_, Later(_)) => Err(self.not_quantized(node, 1)),
            _ => Err(unsupported_op(node, "inputs that are not quantised")),
        }
    }

    fn combine_reals(&mut self, node: &NodeProto, a: &Real, b: &Real) -> Result<Value> {
        let same_elements = a.view.tensor == b.view.tensor
            && a.view.order == b.view.order
            && a.view.shape == b.view.shape;
        if same_elements && node.op_type != "Add" {
            let apply = operation(node)?;
            let mut combined = a.map(Last::Other, |a| a);
            let values = a.table.iter().zip(b.table.iter());
            let table = Rc::make_mut(&mut combined.table);
            for (value, (&a, &b)) in table.iter_mut().zip(values) {
                *value = apply(a, b);
            }
            return Ok(Value::Real(combined));
        }
        match node.op_type.as_str() {
            "Add" | "QLinearAdd" => self.sum(node, a, b),
            _ => Err(unsupported_op(node, "of two activations")),
        }
    }

    fn sum(&mut self, node: &NodeProto, a: &Real, b: &Real) -> Result<Value> {
        if a.view.shape != b.view.shape || a.view.padding.is_some() || b.view.padding.is_some() {
            return Err(unsupported_op(node, "of activations of different shapes"));
        }
        let (first, second) = (self.on_grid(node, a)?, self.on_grid(node, b)?);
        let stored = self.builder.tensor(first).shape.clone();
        let second = crate::network::order::arrange(
            &mut self.builder,
            second,
            &b.view.order,
            &a.view.order,
            stored.clone(),
        )
        .ok_or_else(|| unsupported_op(node, "of activations whose orders are no transposes"))?;
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Sum([first, second]),
            clamp: UNBOUNDED,
            stored,
            shape: a.view.shape.clone(),
            order: a.view.order.clone(),
            pools: Vec::new(),
            channel: None,
        }))
    }

    /// A tensor and a constant that is not the same for all elements: a layer of one product an element, whose scales
    /// and offsets are the constant's.
    fn real_and_constants(
        &mut self,
        node: &NodeProto,
        real: &Real,
        constant: &Value,
        constant_first: bool,
    ) -> Result<Value> {
        let (shape, values) = reals_of(node, constant)?;
        let view = &real.view;
        let values = broadcast(&shape, &values, &view.shape)
            .filter(|_| view.padding.is_none())
            .ok_or_else(|| {
                unsupported_op(node, "of an activation and a constant of another shape")
            })?;
        let mut stored = vec![0.0; values.len()];
        for (&place, value) in view.order.iter().zip(values) {
            stored[place] = value;
        }
        let last = self.builder.tensor(view.tensor).shape.last().copied();
        // One value a channel, where the channels lie last; else one an element.
        let period = last.filter(|&last| {
            let repeats = |(at, value): (usize, &f64)| *value == stored[at % last];
            last > 0 && stored.iter().enumerate().all(repeats)
        });
        let channels = period.unwrap_or(stored.len());
        stored.truncate(channels);
        let tensor = self.on_grid_but_for_scale(node, real)?;
        let to = vec![1, view.order.len() / channels, channels];
        let step = f64::from(real.grid.scale) / f64::from(FINE);
        let linear = Linear {
            input: self.builder.reshape(tensor, to.clone()),
            weights: vec![FINE; channels],
            scale: vec![step; channels],
            offset: vec![0.0; channels],
            conv: Some((channels, Lies::whole(&[1]).window())),
        };
        let layer = Pending {
            name: node.name.clone(),
            kind: Kind::Linear(Rc::new(linear)),
            clamp: UNBOUNDED,
            stored: to,
            shape: view.shape.clone(),
            order: view.order.clone(),
            pools: Vec::new(),
            channel: None,
        };
        self.layer_and_constant(node, &layer, &stored, constant_first)
    }

    /// Scales and offsets of a linear layer's channels.
    fn linear_and_constant(
        &self,
        node: &NodeProto,
        pending: &Pending,
        constant: &Value,
        constant_first: bool,
    ) -> Result<Value> {
        let place = usize::from(constant_first);
        let (shape, values) = reals_of(node, constant)?;
        let values =
            per_channel(&shape, values, pending).ok_or_else(|| self.not_quantized(node, place))?;
        self.layer_and_constant(node, pending, &values, constant_first)
    }

    fn layer_and_constant(
        &self,
        node: &NodeProto,
        pending: &Pending,
        values: &[f64],
        constant_first: bool,
    ) -> Result<Value> {
        let place = usize::from(constant_first);
        let opposite: Vec<f64> = values.iter().map(|value| -value).collect();
        let inverse: Vec<f64> = values.iter().map(|value| 1.0 / value).collect();
        let changed = match (node.op_type.as_str(), constant_first) {
            ("Add" | "QLinearAdd", _) => pending.moved(values),
            ("Sub", false) => pending.moved(&opposite),
            ("Sub", true) => pending
                .scaled(&[-1.0])
                .and_then(|minus| minus.moved(values)),
            ("Mul" | "QLinearMul", _) => pending.scaled(values),
            ("Div", false) => pending.scaled(&inverse),
            ("Max", _) if values.len() == 1 => {
                return self.clamped(node, pending.clone(), (single(values[0]), f32::INFINITY));
            }
            ("Min", _) if values.len() == 1 => {
                let bounds = (f32::NEG_INFINITY, single(values[0]));
                return self.clamped(node, pending.clone(), bounds);
            }
            _ => None,
        };
        changed
            .map(Value::Pending)
            .ok_or_else(|| self.not_quantized(node, place))
    }
}

impl Pending {
    /// The same function of every part of a concatenation; None for other layers.
    fn mapped(&self, function: impl Fn(f32) -> f32) -> Option<Self> {
        let Kind::Concat(parts) = &self.kind else {
            return None;
        };
        let parts = parts.iter().map(|(tensor, table)| {
            let mut table = **table;
            table.iter_mut().for_each(|value| *value = function(*value));
            (*tensor, Rc::new(table))
        });
        self.pools.is_empty().then(|| Self {
            kind: Kind::Concat(parts.collect()),
            ..self.clone()
        })
    }
}

/// The weight of a layer of one product an element: the greatest, so that offsets are rounded least.
const FINE: i16 = 255;

/// The values of a constant, repeated so that there is one for each element of a row.
fn broadcast(shape: &[usize], values: &[f64], row: &[usize]) -> Option<Vec<f64>> {
    let mut own = shape.to_vec();
    if own.len() > row.len() {
        // The batch's dimension.
        let extra = own.len() - row.len();
        if extra > 1 || own.first() != Some(&1) {
            return None;
        }
        own.remove(0);
    }
    let missing = row.len() - own.len();
    let strides = row_major_strides(&own);
    let strides: Option<Vec<usize>> = row
        .iter()
        .enumerate()
        .map(|(axis, &size)| match axis.checked_sub(missing) {
            None => Some(0),
            Some(at) if own[at] == 1 => Some(0),
            Some(at) => (own[at] == size).then_some(strides[at]),
        })
        .collect();
    walk(row, &strides?)
        .into_iter()
        .map(|at| values.get(at).copied())
        .collect()
}

fn values_of(constant: &Value) -> usize {
    match constant {
        Value::Constant(constant) => constant.len(),
        Value::Weights(weights) => weights.integers.len(),
        _ => 0,
    }
}

/// The constant as one value a channel of the layer, or one for all.
fn per_channel(shape: &[usize], values: Vec<f64>, pending: &Pending) -> Option<Vec<f64>> {
    if values.len() == 1 {
        return Some(values);
    }
    let channel = pending.channel?;
    // Dimensions are aligned at the end; the batch stands before the layer's.
    let behind = pending.shape.len() - channel;
    let place = shape.len().checked_sub(behind)?;
    let alone = shape
        .iter()
        .enumerate()
        .all(|(at, &size)| at == place || size == 1);
    (alone && shape.get(place) == pending.shape.get(channel)).then_some(values)
}

/// A constant of one number.
pub(super) fn scalar(node: &NodeProto, value: &Value) -> Result<f32> {
    match reals_of(node, value)?.1[..] {
        [value] => Ok(single(value)),
        _ => Err(unsupported_op(
            node,
            "of an activation and a constant of several numbers",
        )),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "networks are computed in f32"
)]
pub(super) fn single(value: f64) -> f32 {
    value as f32
}

fn narrow(function: Function) -> impl Fn(f32) -> f32 {
    move |x| single(function(f64::from(x)))
}

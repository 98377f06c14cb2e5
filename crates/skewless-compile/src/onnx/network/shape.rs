//! Operators that move nothing but the look at a tensor: reshapes, transposes, concatenation, padding, rows of a table.

use std::rc::Rc;

use skewless_core::error::Result;

use super::Lowering;
use super::linear::UNBOUNDED;
use super::value::{Kind, Padding, Pending, Real, Row, Steps, Table, Value, View, Weights};
use crate::network::elements;
use crate::network::order::{Order, arrange, row_major, stored, transposed, with_last};
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::constant::Constant;
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

impl Lowering<'_> {
    pub(super) fn reshape(&mut self, node: &NodeProto) -> Result<Value> {
        let value = self.input(node, 0)?;
        let reshaped = match &value {
            Value::Constant(constant) => {
                let shape = self.target(node, &constant.shape, None)?;
                Constant::clone(constant)
                    .reshaped(shape)
                    .map(|constant| Value::Constant(Rc::new(constant)))
            }
            Value::Weights(weights) if weights.scale.len() == 1 => {
                let shape = self.target(node, &weights.shape, None)?;
                let fits = elements(&shape) == Some(weights.integers.len());
                fits.then(|| {
                    Value::Weights(Rc::new(Weights {
                        shape,
                        ..Weights::clone(weights)
                    }))
                })
            }
            Value::Weights(_) => {
                return Err(unsupported_op(node, "of weights with several scales"));
            }
            _ => {
                let (shape, order) = look(node, &value)?;
                let to = self.target(node, &shape, Some(()))?;
                (elements(&to) == Some(order.len())).then(|| value.seen_as(to, order))
            }
        };
        reshaped.ok_or_else(|| {
            let message = format!("{}: a shape that does not hold its input", describe(node));
            invalid(message)
        })
    }

    /// The shape that a node gives; `batch` says that `from` and the result stand without the batch.
    fn target(&self, node: &NodeProto, from: &[usize], batch: Option<()>) -> Result<Vec<usize>> {
        // Dimension 0 is the batch, whose size is not known: −1 stands for it.
        let mut full: Vec<i64> = from.iter().map(|&size| whole(size)).collect();
        if batch.is_some() {
            full.insert(0, -1);
        }
        let listed = |name: &str| -> Result<Option<Vec<i64>>> {
            let known = ["axes", "axis", "shape", "allowzero"];
            let attributes = Attributes::of(node, &known)?;
            match self.optional_constant(node, 1)? {
                Some(list) => Ok(Some(list.as_whole().unwrap_or_default().to_vec())),
                None => Ok(attributes.has(name).then(|| attributes.ints(name).to_vec())),
            }
        };
        let rank = whole(full.len());
        let place = |axis: i64, rank: i64| {
            let axis = if axis < 0 { axis + rank } else { axis };
            usize::try_from(axis).unwrap_or(usize::MAX)
        };
        let to = match node.op_type.as_str() {
            "Flatten" => {
                let axis = place(Attributes::of(node, &["axis"])?.int("axis", 1), rank);
                if batch.is_some() && axis != 1 {
                    return Err(unsupported_op(node, "a dimension merged with the batch"));
                }
                let (before, after) = full.split_at(axis.min(full.len()));
                vec![product(before), product(after)]
            }
            "Squeeze" => {
                let axes = listed("axes")?;
                let gone: Vec<usize> = match axes {
                    Some(axes) => axes.iter().map(|&axis| place(axis, rank)).collect(),
                    None => (0..full.len()).filter(|&axis| full[axis] == 1).collect(),
                };
                let kept = full
                    .iter()
                    .enumerate()
                    .filter(|(axis, _)| !gone.contains(axis));
                kept.map(|(_, &size)| size).collect()
            }
            "Unsqueeze" => {
                let axes = listed("axes")?.unwrap_or_default();
                let grown = rank + whole(axes.len());
                let new: Vec<usize> = axes.iter().map(|&axis| place(axis, grown)).collect();
                let mut rest = full.iter();
                let size = |axis| match new.contains(&axis) {
                    true => Some(1),
                    false => rest.next().copied(),
                };
                (0..full.len() + axes.len()).map_while(size).collect()
            }
            _ => {
                let shape = listed("shape")?.unwrap_or_default();
                let copied = |(axis, &size): (usize, &i64)| match size {
                    0 => full.get(axis).copied().unwrap_or(0),
                    size => size,
                };
                shape.iter().enumerate().map(copied).collect::<Vec<_>>()
            }
        };
        if batch.is_none() {
            return sized(&to, elements(from).unwrap_or(0))
                .ok_or_else(|| invalid(format!("{}: no possible shape", describe(node))));
        }
        // A stated batch of one is as good as an unknown one; every other size would mix rows.
        match to.split_first() {
            Some((&(-1 | 1), row)) => sized(row, elements(from).unwrap_or(0))
                .ok_or_else(|| unsupported_op(node, "a dimension merged with the batch")),
            _ => Err(unsupported_op(node, "a dimension merged with the batch")),
        }
    }

    pub(super) fn transpose(&mut self, node: &NodeProto) -> Result<Value> {
        let attributes = Attributes::of(node, &["perm"])?;
        let value = self.input(node, 0)?;
        let permutation = |rank: usize| -> Result<Vec<usize>> {
            let axes = match attributes.has("perm") {
                true => attributes.indices("perm", Some(rank))?,
                false => (0..rank).rev().collect(),
            };
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if sorted.into_iter().eq(0..rank) {
                Ok(axes)
            } else {
                Err(attributes.invalid("`perm` is no permutation"))
            }
        };
        match &value {
            Value::Constant(constant) => {
                let axes = permutation(constant.shape.len())?;
                Ok(Value::Constant(Rc::new(constant.transposed(&axes))))
            }
            Value::Weights(weights) => {
                let axes = permutation(weights.shape.len())?;
                Ok(Value::Weights(Rc::new(weights.transposed(&axes))))
            }
            _ => {
                let (shape, order) = look(node, &value)?;
                let axes = permutation(shape.len() + 1)?;
                let Some((0, axes)) = axes.split_first() else {
                    return Err(unsupported_op(node, "a dimension exchanged with the batch"));
                };
                let axes: Vec<usize> = axes.iter().map(|axis| axis - 1).collect();
                let to = axes.iter().map(|&axis| shape[axis]).collect();
                Ok(value.seen_as(to, transposed(&shape, &axes, &order)))
            }
        }
    }

    pub(super) fn concat(&mut self, node: &NodeProto) -> Result<Value> {
        let axis = Attributes::of(node, &["axis"])?.int("axis", 1);
        if let Some(list) = self.concatenated_list(node)? {
            return Ok(list);
        }
        let mut parts = Vec::new();
        for index in 0..node.input.len() {
            parts.push(self.real(node, index)?);
        }
        self.concat_of(node, &parts, axis)
    }

    pub(super) fn concat_of(
        &mut self,
        node: &NodeProto,
        parts: &[Real],
        axis: i64,
    ) -> Result<Value> {
        let Some(first) = parts.first() else {
            return Err(invalid(format!("{} has no input", describe(node))));
        };
        let rank = first.view.shape.len();
        let axis = if axis < 0 {
            axis + whole(rank)
        } else {
            axis - 1
        };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < rank);
        let axis = axis.ok_or_else(|| unsupported_op(node, "of batches"))?;
        let axes = with_last(rank, axis);
        let mut shape = first.view.shape.clone();
        shape[axis] = 0;
        let mut tensors: Vec<(usize, Table)> = Vec::new();
        for part in parts {
            let view = &part.view;
            let fits = view.shape.len() == rank
                && (0..rank).all(|at| at == axis || view.shape[at] == first.view.shape[at]);
            if !fits || view.padding.is_some() {
                let message = format!("{}: parts that do not fit each other", describe(node));
                return Err(invalid(message));
            }
            shape[axis] += view.shape[axis];
            let to = axes.iter().map(|&axis| view.shape[axis]).collect();
            let wanted = stored(&view.shape, &axes);
            let tensor = arrange(&mut self.builder, view.tensor, &view.order, &wanted, to);
            let tensor = tensor
                .ok_or_else(|| unsupported_op(node, "a part in an order that is no transpose"))?;
            tensors.push((tensor, part.table.clone()));
        }
        super::linear::bounded(node, &shape)?;
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Concat(tensors),
            clamp: UNBOUNDED,
            stored: axes.iter().map(|&axis| shape[axis]).collect(),
            order: stored(&shape, &axes),
            shape,
            pools: Vec::new(),
            channel: None,
        }))
    }

    /// Zeros around the input, which the convolution that follows adds.
    pub(super) fn pad(&mut self, node: &NodeProto) -> Result<Value> {
        let attributes = Attributes::of(node, &["mode", "pads", "value"])?;
        if attributes.text("mode", "constant")? != "constant" {
            return Err(unsupported_op(node, "a mode other than `constant`"));
        }
        let value = self.input(node, 0)?;
        let pads = match self.optional_constant(node, 1)? {
            Some(pads) => pads.as_whole().unwrap_or_default().to_vec(),
            None => attributes.ints("pads").to_vec(),
        };
        let (shape, _) = look(node, &value)?;
        let rank = shape.len() + 1;
        let pads: Option<Vec<usize>> = pads
            .iter()
            .map(|&size| usize::try_from(size).ok().filter(|&size| size < 1 << 16))
            .collect();
        let pads = pads.filter(|pads| {
            pads.len() == 2 * rank && self.optional(node, 3).is_ok_and(|axes| axes.is_none())
        });
        let pads =
            pads.ok_or_else(|| unsupported_op(node, "of listed axes, or by less than nothing"))?;
        let (before, after) = pads.split_at(rank);
        if before
            .iter()
            .take(2)
            .chain(after.iter().take(2))
            .any(|&size| size > 0)
        {
            return Err(unsupported_op(node, "of the batch or the channels"));
        }
        let padding = Padding {
            before: before.iter().skip(2).copied().collect(),
            after: after.iter().skip(2).copied().collect(),
        };
        let fill = self.optional(node, 2)?;
        match value {
            Value::Real(mut real) if real.view.padding.is_none() => {
                let fill = match fill {
                    Some(fill) => super::elementwise::scalar(node, &fill)?,
                    None => attributes.float_or("value", 0.0),
                };
                if fill != 0.0 {
                    return Err(unsupported_op(node, "with another value than 0"));
                }
                for (size, (before, after)) in real
                    .view
                    .shape
                    .iter_mut()
                    .skip(1)
                    .zip(padding.before.iter().zip(&padding.after))
                {
                    *size += before + after;
                }
                super::linear::bounded(node, &real.view.shape)?;
                real.view.padding = Some(padding);
                Ok(Value::Real(real))
            }
            _ => Err(unsupported_op(node, "of anything but dequantised values")),
        }
    }
}

/// Shape and order of a value that an input changes.
pub(super) fn look(node: &NodeProto, value: &Value) -> Result<(Vec<usize>, Order)> {
    let (shape, order, padded) = match value {
        Value::Row(row) | Value::Indices(row) => (&row.shape, &row.order, false),
        Value::Steps(Steps { view, .. }) | Value::Real(Real { view, .. }) => {
            (&view.shape, &view.order, view.padding.is_some())
        }
        Value::Pending(pending) => (&pending.shape, &pending.order, false),
        Value::Constant(_) | Value::Weights(_) => {
            return Err(unsupported_op(node, "of a constant"));
        }
    };
    if padded {
        return Err(unsupported_op(node, "of what a `Pad` gives"));
    }
    Ok((shape.clone(), order.clone()))
}

impl Value {
    /// The same elements in another shape and order.
    fn seen_as(&self, to: Vec<usize>, from: Order) -> Self {
        let mut value = self.clone();
        match &mut value {
            Self::Row(Row { shape, order, .. })
            | Self::Indices(Row { shape, order, .. })
            | Self::Steps(Steps {
                view: View { shape, order, .. },
                ..
            })
            | Self::Real(Real {
                view: View { shape, order, .. },
                ..
            }) => (*shape, *order) = (to, from),
            Self::Pending(pending) => {
                (pending.shape, pending.order, pending.channel) = (to, from, None);
            }
            Self::Constant(_) | Self::Weights(_) => {}
        }
        value
    }
}

impl Weights {
    fn transposed(&self, axes: &[usize]) -> Self {
        let order = transposed(&self.shape, axes, &row_major(self.integers.len()));
        Self {
            shape: axes.iter().map(|&axis| self.shape[axis]).collect(),
            integers: order.iter().map(|&at| self.integers[at]).collect(),
            scale: self.scale.clone(),
            axis: axes.iter().position(|&axis| axis == self.axis).unwrap_or(0),
        }
    }
}

/// Sizes with at most one −1, which takes what is left of `count`.
fn sized(sizes: &[i64], count: usize) -> Option<Vec<usize>> {
    let known = sizes.iter().filter(|&&size| size != -1);
    let known: Option<usize> = known
        .map(|&size| usize::try_from(size).ok())
        .try_fold(1_usize, |product, size| product.checked_mul(size?));
    let known = known?;
    let open = sizes.iter().filter(|&&size| size == -1).count();
    if open > 1
        || (open == 1 && (known == 0 || !count.is_multiple_of(known)))
        || (open == 0 && known != count)
    {
        return None;
    }
    sizes
        .iter()
        .map(|&size| match size {
            -1 => Some(count / known),
            size => usize::try_from(size).ok(),
        })
        .collect()
}

pub(super) fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// −1 where a factor is unknown.
fn product(sizes: &[i64]) -> i64 {
    if sizes.contains(&-1) {
        -1
    } else {
        sizes
            .iter()
            .fold(1, |product: i64, &size| product.saturating_mul(size))
    }
}

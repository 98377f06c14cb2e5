//! The operators of a float network, plainly: each reads tensors with a batch of one and gives one.

use std::rc::Rc;

use skewless_core::error::Result;
use skewless_core::plan::network::Window;

use super::tensor::Floats;
use crate::onnx::attributes::Attributes;
use crate::onnx::message::NodeProto;
use crate::onnx::network::{Lies, function, operation};
use crate::onnx::{describe, invalid, unsupported_op};

/// A value of a row.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Reals(Floats),
    Whole(Vec<usize>, Vec<i64>),
}

/// A node with its inputs; None is left out.
pub(super) struct Operands<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) opset: i64,
    pub(super) inputs: &'a [Option<Rc<Value>>],
}

impl Operands<'_> {
    fn reals(&self, index: usize) -> Result<&Floats> {
        match self.inputs.get(index).and_then(|input| input.as_deref()) {
            Some(Value::Reals(floats)) => Ok(floats),
            _ => Err(self.invalid(&format!("input {index} holds no floats"))),
        }
    }

    fn optional(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index)?.as_deref()
    }

    /// A list of whole numbers, from an input or from an attribute.
    fn list(&self, index: usize, name: &str) -> Option<Vec<i64>> {
        match self.optional(index) {
            Some(Value::Whole(_, values)) => Some(values.clone()),
            _ => {
                let attribute = self.node.attribute.iter().find(|found| found.name == name);
                attribute.map(|attribute| attribute.ints.clone())
            }
        }
    }

    fn invalid(&self, what: &str) -> skewless_core::Error {
        invalid(format!("{}: {what}", describe(self.node)))
    }
}

pub(super) fn apply(operands: &Operands<'_>) -> Result<Value> {
    let node = operands.node;
    match node.op_type.as_str() {
        "Identity" | "Dropout" | "Cast" => {
            let value = operands.optional(0).cloned();
            value.ok_or_else(|| operands.invalid("no input"))
        }
        "Constant" => {
            let constant = Attributes { node }.constant()?;
            let constant = constant.ok_or_else(|| operands.invalid("no value"))?;
            Ok(match constant.as_whole() {
                Some(values) => Value::Whole(constant.shape.clone(), values.to_vec()),
                None => Value::Reals(Floats::new(
                    constant.shape.clone(),
                    constant.as_reals().unwrap_or_default().to_vec(),
                )),
            })
        }
        "Conv" => conv(operands).map(Value::Reals),
        "Gemm" => gemm(operands).map(Value::Reals),
        "MatMul" => {
            let (a, b) = (operands.reals(0)?, operands.reals(1)?);
            product(operands, a, b).map(Value::Reals)
        }
        "BatchNormalization" => batch_normalization(operands).map(Value::Reals),
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Pow" => {
            let combined = operands
                .reals(0)?
                .combined(operands.reals(1)?, operation(node)?);
            combined
                .map(Value::Reals)
                .ok_or_else(|| operands.invalid("shapes that do not fit each other"))
        }
        "Clip" => clip(operands).map(Value::Reals),
        "MaxPool" | "AveragePool" | "GlobalAveragePool" => pool(operands).map(Value::Reals),
        "ReduceMean" => reduce_mean(operands).map(Value::Reals),
        "Softmax" => softmax(operands).map(Value::Reals),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => reshape(operands),
        "Transpose" => transpose(operands).map(Value::Reals),
        "Concat" => concat(operands),
        "Pad" => pad(operands).map(Value::Reals),
        "Gather" => gather(operands),
        "Shape" => shape(operands),
        _ => {
            let function = function(node)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "networks are computed in f32"
            )]
            let narrow = |x: f32| function(f64::from(x)) as f32;
            Ok(Value::Reals(operands.reals(0)?.clone().map(narrow)))
        }
    }
}

/// [1, channels, space…] as channels, height and width.
fn plane(operands: &Operands<'_>, x: &Floats) -> Result<(usize, usize, usize)> {
    match x.shape[..] {
        [1, channels, length] => Ok((channels, 1, length)),
        [1, channels, height, width] => Ok((channels, height, width)),
        _ => Err(unsupported_op(
            operands.node,
            "of other than one or two dimensions of space",
        )),
    }
}

/// The elements of a window that lie on the input: (row of the kernel, column of the kernel, place on the input).
fn taps(
    window: &Window,
    (y, x): (usize, usize),
    (height, width): (usize, usize),
) -> impl Iterator<Item = (usize, usize, usize)> {
    let (kernel, dilation, before) = (window.kernel, window.dilation, window.before);
    let start = (y * window.stride.0, x * window.stride.1);
    let lies = |padded: usize, before: usize, size: usize| {
        padded.checked_sub(before).filter(|&at| at < size)
    };
    (0..kernel.0)
        .filter_map(move |down| Some((down, lies(start.0 + down * dilation.0, before.0, height)?)))
        .flat_map(move |(down, y)| {
            (0..kernel.1).filter_map(move |across| {
                let x = lies(start.1 + across * dilation.1, before.1, width)?;
                Some((down, across, y * width + x))
            })
        })
}

/// [1, channels, out…] of a layer of windows.
fn windowed(channels: usize, out: &[usize]) -> Vec<usize> {
    [1, channels]
        .into_iter()
        .chain(out.iter().copied())
        .collect()
}

fn size_2d(out: &[usize]) -> (usize, usize) {
    match *out {
        [height, width] => (height, width),
        _ => (1, out.iter().product()),
    }
}

fn conv(operands: &Operands<'_>) -> Result<Floats> {
    let known = [
        "kernel_shape",
        "strides",
        "pads",
        "dilations",
        "auto_pad",
        "group",
    ];
    let attributes = Attributes::of(operands.node, &known)?;
    let (x, w) = (operands.reals(0)?, operands.reals(1)?);
    let (channels, height, width) = plane(operands, x)?;
    let groups = usize::try_from(attributes.int("group", 1)).unwrap_or(0);
    let fits = w.shape.len() == x.shape.len()
        && groups > 0
        && w.shape[1].checked_mul(groups) == Some(channels)
        && w.shape[0].is_multiple_of(groups);
    if !fits {
        return Err(operands.invalid("weights that do not fit its input"));
    }
    let (outputs, depth) = (w.shape[0], w.shape[1]);
    let lies = Lies::read(&attributes, &x.shape[2..], Some(&w.shape[2..]))?;
    let out = lies.outputs(operands.node, &x.shape[2..])?;
    let window = lies.window();
    let bias = match operands.optional(2) {
        Some(Value::Reals(bias)) if bias.values.len() == outputs => bias.values.clone(),
        Some(_) => return Err(operands.invalid("a bias that does not fit its outputs")),
        None => vec![0.0; outputs],
    };
    let (rows, columns) = size_2d(&out);
    let area = window.kernel.0 * window.kernel.1;
    let mut values = vec![0.0; outputs * rows * columns];
    let at = |y: usize, x: usize| -> Vec<(usize, usize)> {
        taps(&window, (y, x), (height, width))
            .map(|(down, across, place)| (down * window.kernel.1 + across, place))
            .collect()
    };
    for y in 0..rows {
        for column in 0..columns {
            let taps = at(y, column);
            for (output, bias) in bias.iter().enumerate() {
                let first = output / (outputs / groups) * depth;
                let mut sum = 0.0_f32;
                for input in 0..depth {
                    let kernel = &w.values[(output * depth + input) * area..][..area];
                    let pixels = &x.values[(first + input) * height * width..][..height * width];
                    for &(tap, place) in &taps {
                        sum += kernel[tap] * pixels[place];
                    }
                }
                values[(output * rows + y) * columns + column] = sum + bias;
            }
        }
    }
    Ok(Floats::new(windowed(outputs, &out), values))
}

/// The product over the last dimension of `a` and the first of a matrix.
fn product(operands: &Operands<'_>, a: &Floats, b: &Floats) -> Result<Floats> {
    let (Some((&inner, positions)), &[rows, columns]) = (a.shape.split_last(), &b.shape[..]) else {
        return Err(unsupported_op(operands.node, "a factor that is no matrix"));
    };
    if inner != rows || inner == 0 {
        return Err(operands.invalid("factors that do not fit each other"));
    }
    let mut values = Vec::with_capacity(a.values.len() / inner * columns);
    for row in a.values.chunks_exact(inner) {
        let mut sums = vec![0.0_f32; columns];
        for (x, weights) in row.iter().zip(b.values.chunks_exact(columns.max(1))) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += x * weight;
            }
        }
        values.extend(sums);
    }
    let mut shape = positions.to_vec();
    shape.push(columns);
    Ok(Floats::new(shape, values))
}

fn gemm(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &["alpha", "beta", "transA", "transB"])?;
    if attributes.int("transA", 0) != 0 {
        return Err(unsupported_op(
            operands.node,
            "a transposed batch (`transA`)",
        ));
    }
    let (alpha, beta) = (
        attributes.float_or("alpha", 1.0),
        attributes.float_or("beta", 1.0),
    );
    let weights = operands.reals(1)?;
    let result = if attributes.int("transB", 0) != 0 && weights.shape.len() == 2 {
        product(operands, operands.reals(0)?, &weights.transposed(&[1, 0]))?
    } else {
        product(operands, operands.reals(0)?, weights)?
    };
    let result = result.map(|value| value * alpha);
    match operands.optional(2) {
        None => Ok(result),
        Some(_) => result
            .combined(operands.reals(2)?, |value, bias| value + bias * beta)
            .ok_or_else(|| operands.invalid("a bias that does not fit its outputs")),
    }
}

fn batch_normalization(operands: &Operands<'_>) -> Result<Floats> {
    let known = ["epsilon", "momentum", "spatial", "training_mode"];
    let attributes = Attributes::of(operands.node, &known)?;
    let epsilon = attributes.float_or("epsilon", 1e-5);
    let x = operands.reals(0)?;
    let channels = x.shape.get(1).copied().unwrap_or(0);
    let mut parts = Vec::new();
    for index in 1..5 {
        let part = operands.reals(index)?;
        if part.values.len() != channels || channels == 0 {
            return Err(operands.invalid("statistics that do not fit its channels"));
        }
        parts.push(&part.values);
    }
    let inner: usize = x.shape.iter().skip(2).product();
    let mut result = x.clone();
    for (at, value) in result.values.iter_mut().enumerate() {
        let channel = at / inner.max(1) % channels;
        let spread = (parts[3][channel] + epsilon).sqrt();
        *value = (*value - parts[2][channel]) / spread * parts[0][channel] + parts[1][channel];
    }
    Ok(result)
}

fn clip(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &["min", "max"])?;
    let bound = |index: usize, name: &str, default: f32| match operands.optional(index) {
        Some(Value::Reals(bound)) => bound.values.first().copied().unwrap_or(default),
        _ => attributes.float_or(name, default),
    };
    let low = bound(1, "min", f32::NEG_INFINITY);
    let high = bound(2, "max", f32::INFINITY);
    Ok(operands.reals(0)?.clone().map(|x| x.max(low).min(high)))
}

fn pool(operands: &Operands<'_>) -> Result<Floats> {
    let known = [
        "kernel_shape",
        "strides",
        "pads",
        "dilations",
        "auto_pad",
        "ceil_mode",
        "count_include_pad",
        "storage_order",
    ];
    let attributes = Attributes::of(operands.node, &known)?;
    let x = operands.reals(0)?;
    let (channels, height, width) = plane(operands, x)?;
    let space = &x.shape[2..];
    let mut lies = match operands.node.op_type.as_str() {
        "GlobalAveragePool" => Lies::whole(space),
        _ => Lies::read(&attributes, space, None)?,
    };
    if attributes.int("ceil_mode", 0) != 0 {
        lies.round_up(space);
    }
    let out = lies.outputs(operands.node, space)?;
    let window = lies.window();
    let (rows, columns) = size_2d(&out);
    let include = attributes.int("count_include_pad", 0) != 0;
    let maximum = operands.node.op_type == "MaxPool";
    let mut values = Vec::with_capacity(channels * rows * columns);
    for channel in 0..channels {
        let pixels = &x.values[channel * height * width..][..height * width];
        for y in 0..rows {
            for column in 0..columns {
                let lying = taps(&window, (y, column), (height, width));
                let lying = lying.map(|(_, _, place)| pixels[place]);
                values.push(if maximum {
                    lying.fold(f32::NEG_INFINITY, f32::max)
                } else {
                    mean(lying, include.then_some(window.kernel.0 * window.kernel.1))
                });
            }
        }
    }
    Ok(Floats::new(windowed(channels, &out), values))
}

#[expect(clippy::cast_precision_loss, reason = "a count of a window's elements")]
fn mean(values: impl Iterator<Item = f32>, count: Option<usize>) -> f32 {
    let (sum, found) = values.fold((0.0, 0), |(sum, found), value| (sum + value, found + 1));
    sum / count.unwrap_or(found).max(1) as f32
}

fn reduce_mean(operands: &Operands<'_>) -> Result<Floats> {
    let known = ["axes", "keepdims", "noop_with_empty_axes"];
    let attributes = Attributes::of(operands.node, &known)?;
    let x = operands.reals(0)?;
    let axes = operands.list(1, "axes").unwrap_or_default();
    let reduced = places(operands, &axes, x.shape.len())?;
    let kept: Vec<usize> = (0..x.shape.len())
        .filter(|axis| !reduced.contains(axis))
        .collect();
    let order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
    let count: usize = reduced.iter().map(|&axis| x.shape[axis]).product();
    let values = x
        .transposed(&order)
        .values
        .chunks(count.max(1))
        .map(|chunk| mean(chunk.iter().copied(), None))
        .collect();
    let shape = match attributes.int("keepdims", 1) {
        0 => kept.iter().map(|&axis| x.shape[axis]).collect(),
        _ => (0..x.shape.len())
            .map(|axis| {
                if reduced.contains(&axis) {
                    1
                } else {
                    x.shape[axis]
                }
            })
            .collect(),
    };
    Ok(Floats::new(shape, values))
}

/// Axes counted from the front, each within the rank.
fn places(operands: &Operands<'_>, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    let place = |&axis: &i64| {
        let axis = if axis < 0 { axis + signed } else { axis };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    };
    let places: Option<Vec<usize>> = axes.iter().map(place).collect();
    places.ok_or_else(|| operands.invalid("an axis that its input has not"))
}

fn softmax(operands: &Operands<'_>) -> Result<Floats> {
    let default = if operands.opset < 13 { 1 } else { -1 };
    let axis = Attributes::of(operands.node, &["axis"])?.int("axis", default);
    let x = operands.reals(0)?;
    let axis = places(operands, &[axis], x.shape.len())?[0];
    let axes = crate::network::order::with_last(x.shape.len(), axis);
    let mut moved = x.transposed(&axes);
    let width = moved.shape.last().copied().unwrap_or(1).max(1);
    for row in moved.values.chunks_mut(width) {
        let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut()
            .for_each(|value| *value = libm::expf(*value - greatest));
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= sum);
    }
    let mut back = vec![0; axes.len()];
    for (place, &axis) in axes.iter().enumerate() {
        back[axis] = place;
    }
    Ok(moved.transposed(&back))
}

fn reshape(operands: &Operands<'_>) -> Result<Value> {
    let node = operands.node;
    let (shape, count) = match operands.optional(0) {
        Some(Value::Reals(floats)) => (&floats.shape, floats.values.len()),
        Some(Value::Whole(shape, values)) => (shape, values.len()),
        None => return Err(operands.invalid("no input")),
    };
    let rank = shape.len();
    let to: Vec<usize> = match node.op_type.as_str() {
        "Flatten" => {
            let axis = Attributes::of(node, &["axis"])?.int("axis", 1);
            let before: usize = if usize::try_from(axis) == Ok(rank) {
                count
            } else {
                let axis = places(operands, &[axis], rank)?[0];
                shape.iter().take(axis).product()
            };
            vec![before, count.checked_div(before).unwrap_or(0)]
        }
        "Squeeze" => {
            let gone = match operands.list(1, "axes") {
                Some(axes) => places(operands, &axes, rank)?,
                None => (0..rank).filter(|&axis| shape[axis] == 1).collect(),
            };
            let kept = (0..rank).filter(|axis| !gone.contains(axis));
            kept.map(|axis| shape[axis]).collect()
        }
        "Unsqueeze" => {
            let axes = operands.list(1, "axes").unwrap_or_default();
            let new = places(operands, &axes, rank + axes.len())?;
            let mut rest = shape.iter();
            let sizes = (0..rank + axes.len()).filter_map(|axis| match new.contains(&axis) {
                true => Some(1),
                false => rest.next().copied(),
            });
            sizes.collect()
        }
        _ => {
            let wanted = operands.list(1, "shape").unwrap_or_default();
            let known = wanted.iter().enumerate().map(|(axis, &size)| match size {
                0 => shape.get(axis).copied(),
                size => usize::try_from(size).ok(),
            });
            let known: Vec<Option<usize>> = known.collect();
            let product: usize = known.iter().flatten().product();
            let open = count.checked_div(product).unwrap_or(0);
            known.iter().map(|size| size.unwrap_or(open)).collect()
        }
    };
    let fits = to.iter().product::<usize>() == count;
    match operands.optional(0) {
        Some(Value::Reals(floats)) if fits => floats.clone().reshaped(to).map(Value::Reals),
        Some(Value::Whole(_, values)) if fits => Some(Value::Whole(to, values.clone())),
        _ => None,
    }
    .ok_or_else(|| operands.invalid("a shape that does not hold its input"))
}

fn transpose(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &["perm"])?;
    let x = operands.reals(0)?;
    let rank = x.shape.len();
    let axes = match attributes.has("perm") {
        true => attributes.indices("perm", Some(rank))?,
        false => (0..rank).rev().collect(),
    };
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(attributes.invalid("`perm` is no permutation"));
    }
    Ok(x.transposed(&axes))
}

/// The dimensions, the batch of one among them.
fn shape(operands: &Operands<'_>) -> Result<Value> {
    Attributes::of(operands.node, &[])?;
    let shape = match operands.optional(0) {
        Some(Value::Reals(Floats { shape, .. }) | Value::Whole(shape, _)) => shape,
        None => return Err(operands.invalid("no input")),
    };
    let sizes: Option<Vec<i64>> = shape.iter().map(|&size| i64::try_from(size).ok()).collect();
    let sizes = sizes.ok_or_else(|| operands.invalid("a dimension beyond all bounds"))?;
    Ok(Value::Whole(vec![sizes.len()], sizes))
}

fn concat(operands: &Operands<'_>) -> Result<Value> {
    let lists = operands.inputs.iter().map(|input| match input.as_deref() {
        Some(Value::Whole(shape, values)) if shape.len() == 1 => Some(values.clone()),
        _ => None,
    });
    match lists.collect::<Option<Vec<_>>>() {
        Some(lists) => {
            let list = lists.concat();
            Ok(Value::Whole(vec![list.len()], list))
        }
        None => concat_reals(operands).map(Value::Reals),
    }
}

fn concat_reals(operands: &Operands<'_>) -> Result<Floats> {
    let axis = Attributes::of(operands.node, &["axis"])?.int("axis", 1);
    let parts: Vec<&Floats> = (0..operands.inputs.len())
        .map(|index| operands.reals(index))
        .collect::<Result<_>>()?;
    let Some(first) = parts.first() else {
        return Err(operands.invalid("no input"));
    };
    let axis = places(operands, &[axis], first.shape.len())?[0];
    let outer: usize = first.shape.iter().take(axis).product();
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    for part in &parts {
        let fits = part.shape.len() == shape.len()
            && (0..shape.len()).all(|at| at == axis || part.shape[at] == shape[at]);
        if !fits {
            return Err(operands.invalid("parts that do not fit each other"));
        }
        shape[axis] += part.shape[axis];
    }
    let mut values = Vec::new();
    for position in 0..outer {
        for part in &parts {
            let size = part.values.len() / outer;
            values.extend_from_slice(&part.values[position * size..][..size]);
        }
    }
    Ok(Floats::new(shape, values))
}

fn pad(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &["mode", "pads", "value"])?;
    if attributes.text("mode", "constant")? != "constant" || operands.optional(3).is_some() {
        return Err(unsupported_op(
            operands.node,
            "a mode other than `constant`, or listed axes",
        ));
    }
    let x = operands.reals(0)?;
    let rank = x.shape.len();
    let pads: Option<Vec<usize>> = operands
        .list(1, "pads")
        .unwrap_or_default()
        .into_iter()
        .map(|size| usize::try_from(size).ok().filter(|&size| size < 1 << 16))
        .collect();
    let pads = pads
        .filter(|pads| pads.len() == 2 * rank)
        .ok_or_else(|| unsupported_op(operands.node, "by less than nothing"))?;
    let shape: Vec<usize> = (0..rank)
        .map(|axis| x.shape[axis] + pads[axis] + pads[rank + axis])
        .collect();
    let count = crate::network::elements(&shape)
        .ok_or_else(|| operands.invalid("an output too large for a small network"))?;
    let fill = match operands.optional(2) {
        Some(Value::Reals(fill)) => fill.values.first().copied().unwrap_or(0.0),
        _ => attributes.float_or("value", 0.0),
    };
    let strides = crate::network::order::row_major_strides(&shape);
    let first: usize = (0..rank).map(|axis| pads[axis] * strides[axis]).sum();
    let mut values = vec![fill; count];
    let inside = crate::network::order::walk(&x.shape, &strides);
    for (at, &value) in inside.into_iter().zip(&x.values) {
        values[first + at] = value;
    }
    Ok(Floats::new(shape, values))
}

fn gather(operands: &Operands<'_>) -> Result<Value> {
    match (operands.optional(0), operands.optional(1)) {
        (Some(Value::Whole(shape, list)), Some(Value::Whole(to, indices))) if shape.len() == 1 => {
            let places = places(operands, indices, list.len())?;
            Ok(Value::Whole(
                to.clone(),
                places.iter().map(|&at| list[at]).collect(),
            ))
        }
        _ => gather_rows(operands).map(Value::Reals),
    }
}

fn gather_rows(operands: &Operands<'_>) -> Result<Floats> {
    let axis = Attributes::of(operands.node, &["axis"])?.int("axis", 0);
    let table = operands.reals(0)?;
    let (Some(Value::Whole(shape, indices)), 0, &[rows, width]) =
        (operands.optional(1), axis, &table.shape[..])
    else {
        return Err(unsupported_op(
            operands.node,
            "of other than rows of a table by whole numbers",
        ));
    };
    let mut values = Vec::with_capacity(indices.len() * width);
    for &index in indices {
        let row = usize::try_from(index).ok().filter(|&row| row < rows);
        let row = row.ok_or_else(|| {
            let message = format!("row {index} of a table of {rows}");
            skewless_core::Error::input("input.out_of_domain", message)
        })?;
        values.extend_from_slice(&table.values[row * width..][..width]);
    }
    let mut shape = shape.clone();
    shape.push(width);
    Ok(Floats::new(shape, values))
}

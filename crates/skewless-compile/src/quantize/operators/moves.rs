//! Operators that move elements and compute none.

use skewless_core::error::{Error, Result};

use super::axes::places;
use super::{Floats, Operands, Value};
use crate::network::elements;
use crate::network::order::{row_major_strides, walk};
use crate::onnx::attributes::Attributes;
use crate::onnx::unsupported_op;

pub(super) fn reshape(operands: &Operands<'_>) -> Result<Value> {
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

pub(super) fn transpose(operands: &Operands<'_>) -> Result<Floats> {
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
pub(super) fn shape(operands: &Operands<'_>) -> Result<Value> {
    Attributes::of(operands.node, &[])?;
    let shape = match operands.optional(0) {
        Some(Value::Reals(Floats { shape, .. }) | Value::Whole(shape, _)) => shape,
        None => return Err(operands.invalid("no input")),
    };
    let sizes: Option<Vec<i64>> = shape.iter().map(|&size| i64::try_from(size).ok()).collect();
    let sizes = sizes.ok_or_else(|| operands.invalid("a dimension beyond all bounds"))?;
    Ok(Value::Whole(vec![sizes.len()], sizes))
}

pub(super) fn concat(operands: &Operands<'_>) -> Result<Value> {
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

pub(super) fn pad(operands: &Operands<'_>) -> Result<Floats> {
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
    let count = elements(&shape)
        .ok_or_else(|| operands.invalid("an output too large for a small network"))?;
    let fill = match operands.optional(2) {
        Some(Value::Reals(fill)) => fill.values.first().copied().unwrap_or(0.0),
        _ => attributes.float_or("value", 0.0),
    };
    let strides = row_major_strides(&shape);
    let first: usize = (0..rank).map(|axis| pads[axis] * strides[axis]).sum();
    let mut values = vec![fill; count];
    let inside = walk(&x.shape, &strides);
    for (at, &value) in inside.into_iter().zip(&x.values) {
        values[first + at] = value;
    }
    Ok(Floats::new(shape, values))
}

pub(super) fn gather(operands: &Operands<'_>) -> Result<Value> {
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
            Error::input("input.out_of_domain", message)
        })?;
        values.extend_from_slice(&table.values[row * width..][..width]);
    }
    let mut shape = shape.clone();
    shape.push(width);
    Ok(Floats::new(shape, values))
}

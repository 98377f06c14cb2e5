//! Operators that compute along axes: means and softmax.

use skewless_core::error::Result;

use super::{Floats, Operands};
use crate::network::order::with_last;
use crate::onnx::attributes::Attributes;

pub(super) fn reduce_mean(operands: &Operands<'_>) -> Result<Floats> {
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

pub(super) fn softmax(operands: &Operands<'_>) -> Result<Floats> {
    let default = if operands.opset < 13 { 1 } else { -1 };
    let axis = Attributes::of(operands.node, &["axis"])?.int("axis", default);
    let x = operands.reals(0)?;
    let axis = places(operands, &[axis], x.shape.len())?[0];
    let axes = with_last(x.shape.len(), axis);
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

/// Axes counted from the front, each within the rank.
pub(super) fn places(operands: &Operands<'_>, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    let place = |&axis: &i64| {
        let axis = if axis < 0 { axis + signed } else { axis };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    };
    let places: Option<Vec<usize>> = axes.iter().map(place).collect();
    places.ok_or_else(|| operands.invalid("an axis that its input has not"))
}

#[expect(clippy::cast_precision_loss, reason = "a count of a window's elements")]
pub(super) fn mean(values: impl Iterator<Item = f32>, count: Option<usize>) -> f32 {
    let (sum, found) = values.fold((0.0, 0), |(sum, found), value| (sum + value, found + 1));
    sum / count.unwrap_or(found).max(1) as f32
}

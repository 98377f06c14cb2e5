//! Constants that pass quantisers: weights, biases and tables, quantised or dequantised while the graph is read.

use std::rc::Rc;

use skewless_core::error::Result;

use super::quantizers::Quantization;
use super::value::{Value, Weights};
use crate::onnx::attributes::describe;
use crate::onnx::constant::{Constant, Data};
use crate::onnx::message::{INT8, NodeProto, UINT8};
use crate::onnx::{invalid, unsupported_op};

/// Which entry of a per-channel list each element of a constant belongs to.
fn channels(
    node: &NodeProto,
    shape: &[usize],
    count: usize,
    axis: i64,
) -> Result<(usize, Vec<usize>)> {
    let elements: usize = shape.iter().product();
    if count == 1 {
        return Ok((0, vec![0; elements]));
    }
    let rank = i64::try_from(shape.len()).unwrap_or(i64::MAX);
    let axis = if axis < 0 { axis + rank } else { axis };
    let axis = usize::try_from(axis).unwrap_or(usize::MAX);
    if shape.get(axis) != Some(&count) {
        let message = format!("{}: {count} scales do not fit its tensor", describe(node));
        return Err(invalid(message));
    }
    let inner: usize = shape.iter().skip(axis + 1).product();
    let channel = |at: usize| at / inner.max(1) % count;
    Ok((axis, (0..elements).map(channel).collect()))
}

pub(super) fn dequantized_constant(
    node: &NodeProto,
    constant: &Constant,
    quantization: &Quantization,
    axis: i64,
) -> Result<Weights> {
    let scale = quantization.scales(node)?.to_vec();
    let zeros = quantization.zeros(node)?;
    if zeros.len() != 1 && zeros.len() != scale.len() {
        let message = format!("{}: as many zero points as scales are due", describe(node));
        return Err(invalid(message));
    }
    let (axis, channel) = channels(node, &constant.shape, scale.len(), axis)?;
    let values = constant
        .as_whole()
        .ok_or_else(|| unsupported_op(node, "it dequantises what are no integers"))?;
    let integers = values.iter().zip(channel).map(|(&value, channel)| {
        let zero = zeros.get(channel).or(zeros.first()).copied().unwrap_or(0);
        i32::try_from(value - i64::from(zero)).ok()
    });
    Ok(Weights {
        shape: constant.shape.clone(),
        integers: integers
            .collect::<Option<_>>()
            .ok_or_else(|| invalid(format!("{}: an integer beyond 32 bits", describe(node))))?,
        scale,
        axis,
    })
}

pub(super) fn quantized_constant(
    node: &NodeProto,
    constant: &Constant,
    quantization: &Quantization,
    axis: i64,
) -> Result<Value> {
    let element = quantization.element.unwrap_or(UINT8);
    let (low, high) = match element {
        UINT8 => (0, 255),
        INT8 => (-128, 127),
        _ => (i64::from(i32::MIN), i64::from(i32::MAX)),
    };
    let scale = quantization.scales(node)?;
    let zeros = quantization.zeros(node)?;
    let (_, channel) = channels(node, &constant.shape, scale.len(), axis)?;
    let reals = constant
        .as_reals()
        .ok_or_else(|| unsupported_op(node, "it quantises what is no float"))?;
    let integers = reals.iter().zip(channel).map(|(&value, channel)| {
        let zero = zeros.get(channel).or(zeros.first()).copied().unwrap_or(0);
        whole((value / scale[channel]).round_ties_even())
            .saturating_add(i64::from(zero))
            .clamp(low, high)
    });
    Ok(Value::Constant(Rc::new(Constant {
        shape: constant.shape.clone(),
        data: Data::Whole(integers.collect(), element),
    })))
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn whole(value: f32) -> i64 {
    value as i64
}

//! Operators that compute each element alone: by its channel's statistics, or within bounds.

use skewless_core::error::Result;

use super::{Floats, Operands, Value};
use crate::onnx::attributes::Attributes;

pub(super) fn batch_normalization(operands: &Operands<'_>) -> Result<Floats> {
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

pub(super) fn clip(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &["min", "max"])?;
    let bound = |index: usize, name: &str, default: f32| match operands.optional(index) {
        Some(Value::Reals(bound)) => bound.values.first().copied().unwrap_or(default),
        _ => attributes.float_or(name, default),
    };
    let low = bound(1, "min", f32::NEG_INFINITY);
    let high = bound(2, "max", f32::INFINITY);
    Ok(operands.reals(0)?.clone().map(|x| x.max(low).min(high)))
}

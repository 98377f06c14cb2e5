//! Products with a matrix.

use skewless_core::error::Result;

use super::{Floats, Operands};
use crate::onnx::attributes::Attributes;
use crate::onnx::unsupported_op;

pub(super) fn gemm(operands: &Operands<'_>) -> Result<Floats> {
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

/// The product over the last dimension of `a` and the first of a matrix.
pub(super) fn product(operands: &Operands<'_>, a: &Floats, b: &Floats) -> Result<Floats> {
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

//! Layers that only move elements: concatenation and transposition.

use super::check::MAX_RANK;
use super::model::Tensor;

/// Copies an input's stretches of the last dimension to their place in the output's, `(first, width)` of `total`.
pub(super) fn concatenate(
    input: &[i8],
    (first, width): (usize, usize),
    total: usize,
    output: &mut [i8],
) {
    let stretches = input.chunks_exact(width.max(1));
    for (from, to) in stretches.zip(output.chunks_exact_mut(total.max(1))) {
        if let Some(to) = to.get_mut(first..first + width) {
            to.copy_from_slice(from);
        }
    }
}

/// A transposition: for each element of the output, where it is in the input.
pub(super) struct Transpose {
    shape: [usize; MAX_RANK],
    strides: [usize; MAX_RANK],
}

impl Transpose {
    /// Dimension d of the output is dimension `permutation[d]` of the input.
    pub(super) fn new(permutation: &[usize], input: &Tensor) -> Self {
        let mut stride = 1;
        let mut strides = vec![0; input.shape.len()];
        for (to, &size) in strides.iter_mut().zip(&input.shape).rev() {
            *to = stride;
            stride *= size;
        }
        let mut transpose = Self {
            shape: [1; MAX_RANK],
            strides: [0; MAX_RANK],
        };
        let start = MAX_RANK - permutation.len().min(MAX_RANK);
        let places = transpose
            .shape
            .iter_mut()
            .zip(&mut transpose.strides)
            .skip(start);
        for ((size, stride), &axis) in places.zip(permutation) {
            *size = input.shape.get(axis).copied().unwrap_or(1);
            *stride = strides.get(axis).copied().unwrap_or_default();
        }
        transpose
    }

    /// One row.
    pub(super) fn run(&self, input: &[i8], output: &mut [i8]) {
        let mut place = [0usize; MAX_RANK];
        for cell in output {
            let index: usize = place
                .iter()
                .zip(&self.strides)
                .map(|(at, by)| at * by)
                .sum();
            *cell = input.get(index).copied().unwrap_or_default();
            for (at, &size) in place.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < size {
                    break;
                }
                *at = 0;
            }
        }
    }
}

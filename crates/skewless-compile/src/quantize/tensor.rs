//! A tensor of floats with its shape, and the loops over it.

use crate::network::order::{row_major_strides, walk};

/// f32 elements, row-major. Activations have a first dimension of 1, the batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Floats {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Floats {
    pub(super) fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values }
    }

    pub(super) fn map(mut self, function: impl Fn(f32) -> f32) -> Self {
        for value in &mut self.values {
            *value = function(*value);
        }
        self
    }

    /// The same elements in another shape, where they fit.
    pub(super) fn reshaped(mut self, shape: Vec<usize>) -> Option<Self> {
        if shape.iter().product::<usize>() != self.values.len() {
            return None;
        }
        self.shape = shape;
        Some(self)
    }

    pub(super) fn transposed(&self, axes: &[usize]) -> Self {
        let strides = row_major_strides(&self.shape);
        let sizes: Vec<usize> = axes.iter().map(|&axis| self.shape[axis]).collect();
        let steps: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
        let values = walk(&sizes, &steps).into_iter().map(|at| self.values[at]);
        Self {
            values: values.collect(),
            shape: sizes,
        }
    }

    /// Two tensors, each repeated along dimensions of 1, by numpy's rule.
    pub(super) fn combined(&self, other: &Self, apply: impl Fn(f32, f32) -> f32) -> Option<Self> {
        let rank = self.shape.len().max(other.shape.len());
        let size = |shape: &[usize], axis: usize| {
            let missing = rank - shape.len();
            axis.checked_sub(missing).map_or(1, |axis| shape[axis])
        };
        let shape: Option<Vec<usize>> = (0..rank)
            .map(
                |axis| match (size(&self.shape, axis), size(&other.shape, axis)) {
                    (a, b) if a == b => Some(a),
                    (1, size) | (size, 1) => Some(size),
                    _ => None,
                },
            )
            .collect();
        let shape = shape?;
        let places = |of: &Self| {
            let strides = row_major_strides(&of.shape);
            let missing = rank - of.shape.len();
            let steps: Vec<usize> = (0..rank)
                .map(|axis| match axis.checked_sub(missing) {
                    Some(axis) if of.shape[axis] > 1 => strides[axis],
                    _ => 0,
                })
                .collect();
            walk(&shape, &steps)
        };
        let (a, b) = (places(self), places(other));
        let values = a
            .into_iter()
            .zip(b)
            .map(|(a, b)| apply(self.values[a], other.values[b]))
            .collect();
        Some(Self { shape, values })
    }
}

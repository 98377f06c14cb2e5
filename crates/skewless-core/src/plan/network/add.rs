//! The sum of two activations of one shape.

use super::epilogue::Bounds;
use super::kernel::Kernel;
use super::model::{AddMeaning, Tensor};
use super::rounding::multiply_twice_rounded;

/// An addition with what both inputs and the output need.
pub(super) enum Add {
    Real(RealTerms),
    Fixed(FixedTerms),
}

/// `(x_a · scale_a + x_b · scale_b) / scale`, each step in f32.
pub(super) struct RealTerms {
    pub(super) scales: [f32; 2],
    pub(super) zero_points: [i8; 2],
    pub(super) scale: f32,
    pub(super) bounds: Bounds,
}

/// TensorFlow Lite's quantised ADD: both terms shifted to the left, scaled, added, and the sum scaled.
pub(super) struct FixedTerms {
    pub(super) zero_points: [i8; 2],
    pub(super) left_shift: u32,
    /// Of a, b and their sum.
    pub(super) multiplier: [i32; 3],
    pub(super) shift: [i8; 3],
    pub(super) bounds: Bounds,
}

impl RealTerms {
    /// An input's element as a real number.
    #[inline]
    pub(super) fn term(&self, input: usize, value: i8) -> f32 {
        let (scale, zero_point) = self.input(input);
        f32::from(i16::from(value) - i16::from(zero_point)) * scale
    }

    /// Scale and zero point of an input.
    #[inline]
    pub(super) fn input(&self, input: usize) -> (f32, i8) {
        let ([a, b], [zero_a, zero_b]) = (self.scales, self.zero_points);
        if input == 0 { (a, zero_a) } else { (b, zero_b) }
    }
}

impl FixedTerms {
    /// An input's element, scaled.
    #[inline]
    pub(super) fn term(&self, input: usize, value: i8) -> i32 {
        let ([a, b], [by_a, by_b, _]) = (self.zero_points, self.multiplier);
        let [shift_a, shift_b, _] = self.shift;
        let (zero_point, multiplier, shift) = match input {
            0 => (a, by_a, shift_a),
            _ => (b, by_b, shift_b),
        };
        let x = i32::from(value) - i32::from(zero_point);
        multiply_twice_rounded(x << self.left_shift, multiplier, shift)
    }

    /// The output's steps of a sum of terms.
    #[inline]
    pub(super) fn sum(&self, sum: i32) -> i32 {
        let ([_, _, multiplier], [_, _, shift]) = (self.multiplier, self.shift);
        multiply_twice_rounded(sum, multiplier, shift)
    }
}

impl Add {
    pub(super) fn new(
        meaning: AddMeaning,
        clamp: (i8, i8),
        (a, b): (&Tensor, &Tensor),
        output: &Tensor,
    ) -> Self {
        let zero_points = [a.zero_point, b.zero_point];
        let bounds = Bounds::new(clamp, output.zero_point);
        match meaning {
            AddMeaning::Float => Self::Real(RealTerms {
                scales: [a.scale, b.scale],
                zero_points,
                scale: output.scale,
                bounds,
            }),
            AddMeaning::Fixed {
                left_shift,
                multiplier,
                shift,
            } => Self::Fixed(FixedTerms {
                zero_points,
                left_shift: left_shift.into(),
                multiplier,
                shift,
                bounds,
            }),
        }
    }

    /// The sums of all elements.
    pub(super) fn run(&self, kernel: Kernel, inputs: (&[i8], &[i8]), output: &mut [i8]) {
        match self {
            Self::Real(terms) => kernel.add_real(terms, inputs, output),
            Self::Fixed(terms) => kernel.add_fixed(terms, inputs, output),
        }
    }
}

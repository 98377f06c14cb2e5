//! The sum of two activations of one shape.

use super::model::{AddMeaning, Tensor};
use super::rounding::{bounded_steps, multiply_twice_rounded, step};

/// An addition with what both inputs and the output need.
pub(super) struct Add {
    meaning: AddMeaning,
    /// Scale and zero point.
    a: (f32, i8),
    b: (f32, i8),
    output: (f32, i8),
    clamp: (i8, i8),
}

impl Add {
    pub(super) fn new(
        meaning: AddMeaning,
        clamp: (i8, i8),
        (a, b): (&Tensor, &Tensor),
        output: &Tensor,
    ) -> Self {
        let quantisation = |tensor: &Tensor| (tensor.scale, tensor.zero_point);
        Self {
            meaning,
            a: quantisation(a),
            b: quantisation(b),
            output: quantisation(output),
            clamp,
        }
    }

    /// The sum of two elements.
    #[expect(clippy::cast_precision_loss, reason = "differences of two int8")]
    fn sum(&self, a: i8, b: i8) -> i8 {
        let x_a = i32::from(a) - i32::from(self.a.1);
        let x_b = i32::from(b) - i32::from(self.b.1);
        let (scale, zero_point) = self.output;
        let steps = match self.meaning {
            AddMeaning::Float => {
                let real = x_a as f32 * self.a.0 + x_b as f32 * self.b.0;
                bounded_steps(real / scale, -255.0, 255.0)
            }
            AddMeaning::Fixed {
                left_shift,
                multiplier: [by_a, by_b, by_sum],
                shift: [shift_a, shift_b, shift_sum],
            } => {
                let scaled_a = multiply_twice_rounded(x_a << left_shift, by_a, shift_a);
                let scaled_b = multiply_twice_rounded(x_b << left_shift, by_b, shift_b);
                multiply_twice_rounded(scaled_a.wrapping_add(scaled_b), by_sum, shift_sum)
            }
        };
        step(steps, zero_point).clamp(self.clamp.0, self.clamp.1)
    }

    /// The sums of all elements.
    pub(super) fn run(&self, a: &[i8], b: &[i8], output: &mut [i8]) {
        for ((&a, &b), sum) in a.iter().zip(b).zip(output) {
            *sum = self.sum(a, b);
        }
    }
}

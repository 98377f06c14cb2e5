//! Softmax, whose steps TensorFlow Lite fixes.

use skewless_core::error::Result;
use skewless_core::plan::network::{Op, SoftmaxMeaning};

use super::file::Operator;
use super::fixed::{Factor, input_radius};
use super::operator::options;
use super::{Lowering, unsupported};

impl Lowering<'_> {
    pub(super) fn softmax(&mut self, operator: &Operator<'_>) -> Result<usize> {
        const INTEGER_BITS: i32 = 5;
        let beta = options(operator)?.f32(0);
        let input = self.input(operator, 0)?;
        let (from, to) = self.ends(operator)?;
        if to.scale != 1.0 / 256.0 || to.zero_point != i8::MIN {
            return Err(unsupported(
                operator,
                "an output other than in steps of 1/256 from 0",
            ));
        }
        let scaled = f64::from(beta) * f64::from(from.scale) * f64::from(1 << (31 - INTEGER_BITS));
        let factor = Factor::of(scaled.min(f64::from(i32::MAX)));
        if factor.exponent < 0 || factor.mantissa == 0 {
            return Err(unsupported(operator, "an input of very small steps"));
        }
        let op = Op::Softmax(SoftmaxMeaning::Fixed {
            multiplier: factor.mantissa,
            shift: factor.exponent,
            minimum_difference: -input_radius(INTEGER_BITS, factor.exponent),
        });
        Ok(self.layer(operator, op, vec![input], to))
    }
}

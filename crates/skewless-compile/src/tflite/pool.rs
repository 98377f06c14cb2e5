//! Pooling, and means over height and width.

use skewless_core::error::Result;
use skewless_core::plan::network::{Conv, Op, PoolMeaning, Requantize, Tensor, Window};

use super::file::Operator;
use super::fixed::Factor;
use super::operator::{activation, options};
use super::window::{ONE, size, window};
use super::{Lowering, unsupported};

impl Lowering<'_> {
    pub(super) fn average_pool(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let (input, window, to, fused) = self.pool(operator)?;
        let op = Op::AveragePool {
            window,
            include_padding: false,
            meaning: PoolMeaning::Fixed,
            clamp: activation(operator, fused, &to)?,
        };
        Ok(self.layer(operator, op, vec![input], to))
    }

    pub(super) fn max_pool(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let (input, window, to, fused) = self.pool(operator)?;
        let bounds = activation(operator, fused, &to)?;
        let pooled = self.layer(operator, Op::MaxPool(window), vec![input], to);
        Ok(self.clamped(pooled, bounds))
    }

    fn pool(&mut self, operator: &Operator<'_>) -> Result<(usize, Window, Tensor, i8)> {
        let options = options(operator)?;
        let input = self.input(operator, 0)?;
        let (from, to) = self.ends(operator)?;
        let &[height, width, _] = &from.shape[..] else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        if (from.scale, from.zero_point) != (to.scale, to.zero_point) {
            return Err(unsupported(operator, "that changes the quantisation"));
        }
        let kernel = (
            size(operator, options.i32(4, 1))?,
            size(operator, options.i32(3, 1))?,
        );
        let window = window(
            operator,
            (options.i8(0), (height, width)),
            kernel,
            (options.i32(2, 1), options.i32(1, 1)),
            (1, 1),
        )?;
        let input = self.restated(input, operator.input(0)?)?;
        Ok((input, window, to, options.i8(5)))
    }

    /// The mean over height and width: a sum of products with 1, whose factor holds the division.
    pub(super) fn mean(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let input = self.input(operator, 0)?;
        let (from, to) = self.ends(operator)?;
        let mut axes = self.integers(operator, 1)?;
        let &[height, width, channels] = &from.shape[..] else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        for axis in &mut axes {
            *axis += if *axis < 0 { 4 } else { 0 };
        }
        axes.sort_unstable();
        let (down, across) = match axes[..] {
            [1, 2] => (height, width),
            [1] => (height, 1),
            [2] => (1, width),
            _ => {
                return Err(unsupported(
                    operator,
                    "over other dimensions than height and width",
                ));
            }
        };
        let count = down * across;
        let full = Factor::of(f64::from(from.scale) / f64::from(to.scale));
        let (multiplier, shift) = divided(full, count);
        let op = Op::Conv(Conv {
            weights: vec![1; count * channels],
            bias: vec![0; channels],
            groups: channels,
            window: Window {
                kernel: (down, across),
                ..ONE
            },
            requantize: Requantize::Fixed {
                multiplier: vec![multiplier],
                shift: vec![shift],
            },
            clamp: (i8::MIN, i8::MAX),
        });
        let wide = Tensor {
            shape: vec![height / down, width / across, channels],
            ..to.clone()
        };
        let output = self.layer(operator, op, vec![input], wide);
        Ok(self.builder.reshape(output, to.shape))
    }
}

/// A factor divided by a count, as the kernel of MEAN divides it: with as many bits as fit before the division.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the quotient is below 2^31"
)]
fn divided(factor: Factor, count: usize) -> (i32, i8) {
    let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let shift = (63 - count.leading_zeros()).min(32);
    let room = u32::try_from(31 + i32::from(factor.exponent)).unwrap_or(0);
    let shift = shift.min(room);
    let mantissa = (i64::from(factor.mantissa) << shift) / count;
    let exponent = i32::from(factor.exponent) - i32::try_from(shift).unwrap_or(0);
    (mantissa as i32, i8::try_from(exponent).unwrap_or(i8::MIN))
}

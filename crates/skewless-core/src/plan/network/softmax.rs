//! Softmax over the last dimension, in f32 with the portable exponential or in TensorFlow Lite's fixed point
//! (`reference/softmax.h` over gemmlowp's `fixedpoint.h`, whose functions keep their constants here).

use super::model::{SoftmaxMeaning, Tensor};
use super::rounding::{bounded_steps, doubling_high_product, rounding_shift, step};

/// A softmax with what input and output need.
pub(super) struct Softmax {
    meaning: SoftmaxMeaning,
    width: usize,
    /// By the difference to the greatest input, from 0 to 255; unused in fixed point.
    exponentials: Vec<f32>,
    output: (f32, i8),
}

impl Softmax {
    #[expect(clippy::cast_precision_loss, reason = "differences of two int8")]
    pub(super) fn new(meaning: SoftmaxMeaning, input: &Tensor, output: &Tensor) -> Self {
        let beta = match meaning {
            SoftmaxMeaning::Float => Some(input.scale),
            SoftmaxMeaning::Table { beta } => Some(beta),
            SoftmaxMeaning::Fixed { .. } => None,
        };
        let table = |beta: f32| (0..256).map(|it| libm::expf(-beta * it as f32)).collect();
        Self {
            meaning,
            width: output.shape.last().copied().unwrap_or(1).max(1),
            exponentials: beta.map(table).unwrap_or_default(),
            output: (output.scale, output.zero_point),
        }
    }

    /// All stretches of the last dimension.
    pub(super) fn run(&self, input: &[i8], output: &mut [i8]) {
        let stretches = input.chunks_exact(self.width);
        for (input, output) in stretches.zip(output.chunks_exact_mut(self.width)) {
            let greatest = input.iter().copied().max().unwrap_or_default();
            match self.meaning {
                SoftmaxMeaning::Float => self.float(input, greatest, output),
                SoftmaxMeaning::Table { .. } => self.table(input, greatest, output),
                SoftmaxMeaning::Fixed {
                    multiplier,
                    shift,
                    minimum_difference,
                } => {
                    let term = |value: i8| {
                        let difference = i32::from(value) - i32::from(greatest);
                        (difference >= minimum_difference).then(|| {
                            let shifted = difference.wrapping_shl(u32::from(shift.unsigned_abs()));
                            exponential(doubling_high_product(shifted, multiplier))
                        })
                    };
                    fixed(input, term, output);
                }
            }
        }
    }

    fn exponential_of(&self, value: i8, greatest: i8) -> f32 {
        let difference = usize::from(greatest.abs_diff(value));
        self.exponentials
            .get(difference)
            .copied()
            .unwrap_or_default()
    }

    fn float(&self, input: &[i8], greatest: i8, output: &mut [i8]) {
        let sum = (input.iter()).fold(0.0, |sum, &it| sum + self.exponential_of(it, greatest));
        let (scale, zero_point) = self.output;
        for (&value, cell) in input.iter().zip(output) {
            let share = self.exponential_of(value, greatest) / sum;
            *cell = step(bounded_steps(share / scale, 0.0, 255.0), zero_point);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded first")]
    fn table(&self, input: &[i8], greatest: i8, output: &mut [i8]) {
        let sum = (input.iter()).fold(0.0, |sum, &it| sum + self.exponential_of(it, greatest));
        let (scale, zero_point) = self.output;
        let factor = 1.0 / (sum * scale);
        for (&value, cell) in input.iter().zip(output) {
            // TensorFlow Lite rounds half away from zero here.
            let steps = (self.exponential_of(value, greatest) * factor).min(255.0);
            *cell = step(steps.round() as i32, zero_point);
        }
    }
}

/// Bits before the point of the sum of exponentials.
const SUM_BITS: u32 = 12;

fn fixed(input: &[i8], term: impl Fn(i8) -> Option<i32>, output: &mut [i8]) {
    let terms = input.iter().filter_map(|&value| term(value));
    let sum = terms.fold(0i32, |sum, it| {
        sum.wrapping_add(rounding_shift(it, SUM_BITS))
    });
    // The sum is at least the greatest input's 1.
    let headroom = sum.leading_zeros();
    let fraction = (sum.wrapping_shl(headroom)).wrapping_sub(i32::MIN);
    let scale = one_over_one_plus(fraction);
    let exponent = (SUM_BITS + 31 - 8).saturating_sub(headroom);
    for (&value, cell) in input.iter().zip(output) {
        *cell = term(value).map_or(i8::MIN, |term| {
            let share = rounding_shift(doubling_high_product(scale, term), exponent);
            step(share.clamp(0, 255), i8::MIN)
        });
    }
}

/// `x · 2^exponent`, bounded to i32.
fn saturating_left(x: i32, exponent: u32) -> i32 {
    let bounded = (i64::from(x) << exponent).clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(bounded).unwrap_or_default()
}

/// exp(x) for x ≤ 0 with 5 bits before the point; the result has none.
fn exponential(x: i32) -> i32 {
    const QUARTER: i32 = 1 << 24;
    /// exp(−2^k) for k from −2 to 4.
    const FACTORS: [i32; 7] = [
        1_672_461_947,
        1_302_514_674,
        790_015_084,
        290_630_308,
        39_332_535,
        720_401,
        242,
    ];
    if x == 0 {
        return i32::MAX;
    }
    let within = (x & (QUARTER - 1)) - QUARTER;
    let rest = within.wrapping_sub(x);
    let mut result = exponential_of_quarter(saturating_left(within, 5));
    for (bit, factor) in (24..).zip(FACTORS) {
        if rest & (1 << bit) != 0 {
            result = doubling_high_product(result, factor);
        }
    }
    result
}

/// exp(x) for −1/4 ≤ x < 0, no bits before the point: a Taylor series around −1/8.
fn exponential_of_quarter(x: i32) -> i32 {
    /// exp(−1/8).
    const CENTRE: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x.wrapping_add(1 << 28);
    let square = doubling_high_product(x, x);
    let cube = doubling_high_product(square, x);
    let fourth = rounding_shift(doubling_high_product(square, square), 2);
    let tail = doubling_high_product(fourth.wrapping_add(cube), THIRD).wrapping_add(square);
    let series = x.wrapping_add(rounding_shift(tail, 1));
    CENTRE.wrapping_add(doubling_high_product(CENTRE, series))
}

/// 1 / (1 + x) for 0 ≤ x < 1, no bits before the point: Newton's iteration from 48/17 − 32/17 · (1 + x)/2.
fn one_over_one_plus(x: i32) -> i32 {
    const FORTY_EIGHT_SEVENTEENTHS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_SEVENTEENTHS: i32 = -1_010_580_540;
    /// 1 with two bits before the point.
    const ONE: i32 = 1 << 29;
    let sum = i64::from(x) + i64::from(i32::MAX);
    let half = i32::try_from((sum + 1) / 2).unwrap_or(i32::MAX);
    let first = doubling_high_product(half, MINUS_THIRTY_TWO_SEVENTEENTHS);
    let mut result = FORTY_EIGHT_SEVENTEENTHS.wrapping_add(first);
    for _ in 0..3 {
        let error = ONE.wrapping_sub(doubling_high_product(half, result));
        let correction = saturating_left(doubling_high_product(result, error), 2);
        result = result.wrapping_add(correction);
    }
    saturating_left(result, 1)
}

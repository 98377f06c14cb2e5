//! The fixed-point arithmetic of TensorFlow Lite's kernels, as far as tables are made with it.
//!
//! Sources: `tensorflow/lite/kernels/internal/quantization_util.cc` and `common.h`, gemmlowp's `fixedpoint.h`.

/// A positive factor as a Q31 mantissa and an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factor {
    pub(super) mantissa: i32,
    pub(super) exponent: i8,
}

impl Factor {
    /// `QuantizeMultiplier`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mantissa is below 2^31"
    )]
    pub(super) fn of(factor: f64) -> Self {
        const ZERO: Factor = Factor {
            mantissa: 0,
            exponent: 0,
        };
        if factor <= 0.0 || !factor.is_finite() {
            return ZERO;
        }
        let (fraction, mut exponent) = libm::frexp(factor);
        let mut mantissa = (fraction * f64::from(1_u32 << 31)).round() as i64;
        if mantissa == 1 << 31 {
            mantissa /= 2;
            exponent += 1;
        }
        match (i32::try_from(mantissa), i8::try_from(exponent)) {
            (Ok(_), Ok(exponent)) if exponent > 30 => Factor {
                mantissa: i32::MAX,
                exponent: 30,
            },
            (Ok(mantissa), Ok(exponent)) if exponent >= -31 => Factor { mantissa, exponent },
            _ => ZERO,
        }
    }

    /// `MultiplyByQuantizedMultiplier` with two roundings.
    pub(super) fn times(self, value: i32) -> i32 {
        let left = u32::try_from(self.exponent).unwrap_or(0);
        let right = u32::from(self.exponent.min(0).unsigned_abs());
        rounding_shift(
            doubling_high(value.wrapping_shl(left), self.mantissa),
            right,
        )
    }
}

/// `SaturatingRoundingDoublingHighMul`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the high half of a product"
)]
fn doubling_high(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// `RoundingDivideByPOT`: half away from zero.
fn rounding_shift(value: i32, by: u32) -> i32 {
    if by == 0 {
        return value;
    }
    let mask = (1_i64 << by) - 1;
    let rest = i64::from(value) & mask;
    let threshold = (mask >> 1) + i64::from(value < 0);
    (value >> by) + i32::from(rest > threshold)
}

/// `CalculateInputRadius`: the greatest input whose scaled value fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the radius of an int8 input is small or clamped"
)]
pub(super) fn input_radius(integer_bits: i32, left_shift: i8) -> i32 {
    let greatest = f64::from((1 << integer_bits) - 1) * f64::from(1 << (31 - integer_bits));
    (greatest / libm::exp2(f64::from(left_shift))).floor() as i32
}

/// exp(a) for a ≤ 0 in Q4.27 … Q5.26 (`integer_bits`), in Q0.31.
fn exp_on_negative(a: i32, integer_bits: u32) -> i32 {
    const STEPS: [(i32, i32); 7] = [
        (-2, 1_672_461_947),
        (-1, 1_302_514_674),
        (0, 790_015_084),
        (1, 290_630_308),
        (2, 39_332_535),
        (3, 720_401),
        (4, 242),
    ];
    if a == 0 {
        return i32::MAX;
    }
    let fraction_bits = 31 - integer_bits;
    let quarter = 1 << (fraction_bits - 2);
    let modulo = (a & (quarter - 1)) - quarter;
    let mut result = exp_between_minus_quarter_and_0(modulo << integer_bits);
    let rest = modulo.wrapping_sub(a);
    for (exponent, factor) in STEPS {
        let bit = i32::try_from(fraction_bits).unwrap_or(0) + exponent;
        if i32::try_from(integer_bits).unwrap_or(0) > exponent && rest & (1 << bit) != 0 {
            result = doubling_high(result, factor);
        }
    }
    result
}

fn exp_between_minus_quarter_and_0(a: i32) -> i32 {
    const CONSTANT_TERM: i32 = 1_895_147_668;
    const ONE_THIRD: i32 = 715_827_883;
    let x = a + (1 << 28);
    let x2 = doubling_high(x, x);
    let x3 = doubling_high(x2, x);
    let x4 = doubling_high(x2, x2);
    let x4_over_4 = rounding_shift(x4, 2);
    let term = doubling_high(x4_over_4 + x3, ONE_THIRD) + x2;
    let half = rounding_shift(term, 1);
    CONSTANT_TERM.saturating_add(doubling_high(CONSTANT_TERM, x + half))
}

/// The reciprocal of (1 + a) / 2 by three Newton steps, in Q2.29.
#[expect(clippy::cast_possible_truncation, reason = "half a sum of two i32")]
fn newton_reciprocal(a: i32) -> i32 {
    const FORTY_EIGHT_17THS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_17THS: i32 = -1_010_580_540;
    let half = ((i64::from(a) + i64::from(i32::MAX) + 1) / 2) as i32;
    let mut x = FORTY_EIGHT_17THS + doubling_high(half, MINUS_THIRTY_TWO_17THS);
    for _ in 0..3 {
        let half_times_x = doubling_high(half, x);
        let error = (1 << 29) - half_times_x;
        x = x.saturating_add(doubling_high(x, error).saturating_mul(4));
    }
    x
}

/// 1 / (1 + exp(−a)) of a in Q4.27, in Q0.31.
pub(super) fn logistic(a: i32) -> i32 {
    if a == 0 {
        return 1 << 30;
    }
    let exponential = exp_on_negative(-a.saturating_abs(), 4);
    // 1 / (1 + x) is half of the reciprocal of (1 + x) / 2, which has two integer bits.
    let positive = newton_reciprocal(exponential).saturating_mul(2);
    if a > 0 { positive } else { i32::MAX - positive }
}

/// tanh of a in Q4.27, in Q0.31.
pub(super) fn tanh(a: i32) -> i32 {
    if a == 0 {
        return 0;
    }
    // exp(−2 |a|): the same bits with one more integer bit.
    let exponential = exp_on_negative(-a.saturating_abs(), 5);
    let reciprocal = newton_reciprocal(exponential);
    // (1 − x) / (1 + x) is the reciprocal of (1 + x) / 2, minus 1.
    let magnitude = (reciprocal - (1 << 29)).saturating_mul(4);
    if a > 0 { magnitude } else { -magnitude }
}

/// The last step of [`logistic`] and [`tanh`]: the nearest multiple of 2^−`bits`.
pub(super) fn rounded(value: i32, bits: u32) -> i32 {
    rounding_shift(value, 31 - bits)
}

//! From accumulators to int8 steps: the roundings, each as its source defines it.
//!
//! `Float` is what an ONNX QDQ graph means: one f32 product, rounded half to even. `Fixed` is TensorFlow Lite's
//! `MultiplyByQuantizedMultiplier` (Jacob et al. 2018, section 2.2; gemmlowp `fixedpoint.h`): a doubling high product
//! rounded half up, then a shift rounded half away from zero.

/// `round(a · b / 2^31)`, half up; the one product that does not fit is the greatest i32.
pub(super) fn doubling_high_product(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    // gemmlowp adds a nudge of the product's sign and divides towards zero, which is this.
    low_word((i64::from(a) * i64::from(b) + (1 << 30)) >> 31)
}

/// `round(x / 2^exponent)`, half away from zero.
pub(super) fn rounding_shift(x: i32, exponent: u32) -> i32 {
    if exponent == 0 {
        return x;
    }
    let half = 1i64 << (exponent.min(62) - 1);
    let magnitude = (i64::from(x).abs() + half) >> exponent.min(62);
    low_word(if x < 0 { -magnitude } else { magnitude })
}

/// `x · multiplier / 2^31 · 2^shift` with both roundings. A shift to the left wraps.
pub(super) fn multiply_twice_rounded(x: i32, multiplier: i32, shift: i8) -> i32 {
    let (left, right) = (shift.max(0).unsigned_abs(), shift.min(0).unsigned_abs());
    let product = doubling_high_product(x.wrapping_shl(left.into()), multiplier);
    rounding_shift(product, right.into())
}

/// `x · multiplier / 2^31 · 2^shift` rounded once, half up, and bounded to i32.
pub(super) fn multiply_once_rounded(x: i32, multiplier: i32, shift: i8) -> i32 {
    let total = 31 - i32::from(shift);
    let half = 1i64 << (total - 1).clamp(0, 62);
    let rounded = (i64::from(x) * i64::from(multiplier) + half) >> total.clamp(1, 63);
    low_word(rounded.clamp(i32::MIN.into(), i32::MAX.into()))
}

/// 1.5 · 2^23: a sum with it has no bits behind the point, so that adding it rounds half to even.
pub(super) const ROUNDING: f32 = 12_582_912.0;

/// A real number of steps, bounded and then rounded half to even; not-a-number is the lower bound. Bounds are whole
/// and small, so that bounding first changes nothing and keeps the rounding exact.
pub(super) fn bounded_steps(value: f32, lower: f32, upper: f32) -> i32 {
    let above = if value > lower { value } else { lower };
    let within = if above < upper { above } else { upper };
    let rounded = (within + ROUNDING).to_bits().cast_signed();
    rounded.wrapping_sub(ROUNDING.to_bits().cast_signed())
}

#[expect(clippy::cast_possible_truncation, reason = "the callers' values fit")]
fn low_word(value: i64) -> i32 {
    value as i32
}

/// Steps from zero, within int8 after the zero point is added.
#[expect(clippy::cast_possible_truncation, reason = "bounded to i8 first")]
pub(super) fn step(steps: i32, zero_point: i8) -> i8 {
    steps
        .saturating_add(zero_point.into())
        .clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

//! From accumulators to int8 steps: the roundings, each as its source defines it.
//!
//! `Float` is what an ONNX QDQ graph means: one f32 product, rounded half to even. `Fixed` is TensorFlow Lite's
//! `MultiplyByQuantizedMultiplier` (Jacob et al. 2018, section 2.2; gemmlowp `fixedpoint.h`): a doubling high product
//! rounded half up, then a shift rounded half away from zero.

use super::model::Requantize;

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

/// A real number of steps, bounded and then rounded half to even; not-a-number is the lower bound. Bounds are whole,
/// so that bounding first changes nothing and keeps the rounding exact.
#[expect(clippy::cast_possible_truncation, reason = "bounded by whole bounds")]
pub(super) fn bounded_steps(value: f32, lower: f32, upper: f32) -> i32 {
    let above = if value > lower { value } else { lower };
    let within = if above < upper { above } else { upper };
    within.round_ties_even() as i32
}

#[expect(clippy::cast_possible_truncation, reason = "the callers' values fit")]
fn low_word(value: i64) -> i32 {
    value as i32
}

/// What follows the sums of a layer with weights: bias before, then scale, zero point and clamp.
///
/// All lists have an entry a channel, and zeros up to a whole block.
#[derive(Debug)]
pub(super) struct Epilogue {
    pub(super) bias: Vec<i32>,
    pub(super) scale: Scale,
    /// Bounds before the zero point is added.
    pub(super) lower: i32,
    pub(super) upper: i32,
    pub(super) zero_point: i8,
}

/// [`Requantize`] with an entry a channel.
#[derive(Debug)]
pub(super) enum Scale {
    Float(Vec<f32>),
    Fixed(Vec<i32>, Vec<i8>),
    FixedOnce(Vec<i32>, Vec<i8>),
}

impl Epilogue {
    /// The epilogue of `channels` outputs in groups, each filled up to a whole number of blocks.
    pub(super) fn new(
        bias: &[i32],
        requantize: &Requantize,
        (lower, upper): (i8, i8),
        zero_point: i8,
        (groups, block): (usize, usize),
    ) -> Self {
        let channels = bias.len();
        let filled = Filled {
            channels,
            groups,
            block,
        };
        Self {
            bias: filled.of(bias),
            scale: match requantize {
                Requantize::Float { multiplier } => Scale::Float(filled.of(multiplier)),
                Requantize::Fixed { multiplier, shift } => {
                    Scale::Fixed(filled.of(multiplier), filled.of(shift))
                }
                Requantize::FixedOnce { multiplier, shift } => {
                    Scale::FixedOnce(filled.of(multiplier), filled.of(shift))
                }
            },
            lower: i32::from(lower) - i32::from(zero_point),
            upper: i32::from(upper) - i32::from(zero_point),
            zero_point,
        }
    }

    /// The int8 of an accumulator that began with the bias.
    #[expect(clippy::cast_precision_loss, reason = "the meaning is f32")]
    pub(super) fn quantised(&self, channel: usize, accumulator: i32) -> i8 {
        let steps = match &self.scale {
            Scale::Float(multiplier) => {
                let real = accumulator as f32 * at(multiplier, channel);
                bounded_steps(real, self.lower as f32, self.upper as f32)
            }
            Scale::Fixed(multiplier, shift) => {
                multiply_twice_rounded(accumulator, at(multiplier, channel), at(shift, channel))
            }
            Scale::FixedOnce(multiplier, shift) => {
                multiply_once_rounded(accumulator, at(multiplier, channel), at(shift, channel))
            }
        };
        step(steps.clamp(self.lower, self.upper), self.zero_point)
    }
}

fn at<T: Copy + Default>(list: &[T], index: usize) -> T {
    list.get(index).copied().unwrap_or_default()
}

/// Steps from zero, within int8 after the zero point is added.
#[expect(clippy::cast_possible_truncation, reason = "bounded to i8 first")]
pub(super) fn step(steps: i32, zero_point: i8) -> i8 {
    steps
        .saturating_add(zero_point.into())
        .clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

/// Lists of a value a channel, each group filled up with zeros.
struct Filled {
    channels: usize,
    groups: usize,
    block: usize,
}

impl Filled {
    /// One value for all channels counts for each.
    fn of<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let each = self.channels / self.groups.max(1);
        let filled = each.next_multiple_of(self.block.max(1));
        let mut list = Vec::with_capacity(self.groups * filled);
        for group in 0..self.groups {
            for channel in 0..filled {
                let value = match values {
                    [one] => Some(one),
                    many => many.get(group * each + channel),
                };
                let inside = channel < each;
                list.push(value.filter(|_| inside).copied().unwrap_or_default());
            }
        }
        list
    }
}

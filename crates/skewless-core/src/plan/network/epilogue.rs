//! What follows the sums of a layer with weights: scale, bounds and zero point, as lists that vector kernels read.

use super::model::Requantize;
use super::rounding::{
    ROUNDING, bounded_steps, multiply_once_rounded, multiply_twice_rounded, step,
};

/// What follows the sums of a layer with weights: bias before, then scale, zero point and clamp.
///
/// All lists have an entry a channel, and zeros up to a whole block.
#[derive(Debug)]
pub(super) struct Epilogue {
    pub(super) bias: Vec<i32>,
    pub(super) scale: Scale,
    pub(super) bounds: Bounds,
}

/// What every rounding ends with: bounds, and the output's zero point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bounds before the zero point is added.
    pub(super) lower: i32,
    pub(super) upper: i32,
    pub(super) zero_point: i8,
    /// The bounds as reals.
    pub(super) lower_steps: f32,
    pub(super) upper_steps: f32,
    /// What the bits of a sum with [`ROUNDING`] exceed the steps with their zero point by.
    pub(super) rounding_bits: i32,
}

impl Bounds {
    /// The bounds of an output in its own steps.
    pub(super) fn new((lower, upper): (i8, i8), zero_point: i8) -> Self {
        let steps = |bound: i8| i16::from(bound) - i16::from(zero_point);
        let rounding = ROUNDING.to_bits().cast_signed();
        Self {
            lower: steps(lower).into(),
            upper: steps(upper).into(),
            zero_point,
            lower_steps: steps(lower).into(),
            upper_steps: steps(upper).into(),
            rounding_bits: rounding - i32::from(zero_point),
        }
    }

    /// Real steps as an int8.
    #[inline]
    pub(super) fn of_real(&self, steps: f32) -> i8 {
        let rounded = bounded_steps(steps, self.lower_steps, self.upper_steps);
        step(rounded, self.zero_point)
    }

    /// Whole steps as an int8.
    #[inline]
    pub(super) fn of_steps(&self, steps: i32) -> i8 {
        step(steps.clamp(self.lower, self.upper), self.zero_point)
    }
}

/// [`Requantize`] with an entry a channel.
#[derive(Debug)]
pub(super) enum Scale {
    Float(Vec<f32>),
    Fixed(Vec<i32>, Vec<i8>, Option<FixedLanes>),
    FixedOnce(Vec<i32>, Vec<i8>),
}

/// [`multiply_twice_rounded`] without shifts that differ from lane to lane: with e the shift to the right,
/// `p = (x · left · multiplier + 2^30) >> 31`, then `((p + (p < 0 ? away : 0)) · right + 2^29) >> 30`.
#[derive(Debug)]
pub(super) struct FixedLanes {
    /// 2^shift to the left.
    pub(super) left: Vec<i32>,
    pub(super) multiplier: Vec<i32>,
    /// 2^(30 − e).
    pub(super) right: Vec<i32>,
    /// −1, so that halves of negative numbers are rounded away from zero, where e > 0.
    pub(super) away: Vec<i32>,
    /// 2^−e where no shift is to the left or greater than [`SMALL_SHIFT`], so that the second rounding can be done in
    /// f32: the bounded quotient has at most 8 bits before and 14 behind the point, and [`AWAY_FROM_ZERO`] of its sign
    /// turns the rounding half to even into one half away from zero. Where f32 does not hold the product itself, the
    /// quotient is beyond all bounds.
    pub(super) quotient: Option<Vec<f32>>,
}

/// The greatest shift to the right that f32 has the bits for.
const SMALL_SHIFT: i8 = 14;
/// Half of 2^−[`SMALL_SHIFT`]: less than the distance of any other quotient to a half.
pub(super) const AWAY_FROM_ZERO: f32 = 1.0 / 32_768.0;

impl FixedLanes {
    /// `None` where a shift by 31 has no such form.
    fn new(multiplier: &[i32], shift: &[i8]) -> Option<Self> {
        let lanes = multiplier.iter().zip(shift);
        let lanes: Vec<[i32; 4]> = lanes
            .map(|(&multiplier, &shift)| fixed_lane(multiplier, shift))
            .collect::<Option<_>>()?;
        let list = |pick: fn(&[i32; 4]) -> i32| lanes.iter().map(pick).collect();
        Some(Self {
            left: list(|&[left, ..]| left),
            multiplier: list(|&[_, multiplier, ..]| multiplier),
            right: list(|&[_, _, right, _]| right),
            away: list(|&[.., away]| away),
            quotient: quotients(shift),
        })
    }
}

fn quotients(shift: &[i8]) -> Option<Vec<f32>> {
    let is_small = |shift: &i8| (-SMALL_SHIFT..=0).contains(shift);
    let quotient = |&shift: &i8| 1.0 / f32::from(1u16 << shift.unsigned_abs());
    let all = shift.iter().all(is_small);
    all.then(|| shift.iter().map(quotient).collect())
}

/// `[left, multiplier, right, away]` of [`FixedLanes`].
pub(super) fn fixed_lane(multiplier: i32, shift: i8) -> Option<[i32; 4]> {
    let to_the_right = u32::from(shift.min(0).unsigned_abs());
    let right = 1 << 30u32.checked_sub(to_the_right)?;
    let away = if to_the_right > 0 { -1 } else { 0 };
    Some([1 << shift.max(0), multiplier, right, away])
}

impl Epilogue {
    /// The epilogue of `channels` outputs in groups, each filled up to a whole number of blocks.
    pub(super) fn new(
        bias: &[i32],
        requantize: &Requantize,
        clamp: (i8, i8),
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
                    let (multiplier, shift) = (filled.of(multiplier), filled.of(shift));
                    let lanes = FixedLanes::new(&multiplier, &shift);
                    Scale::Fixed(multiplier, shift, lanes)
                }
                Requantize::FixedOnce { multiplier, shift } => {
                    Scale::FixedOnce(filled.of(multiplier), filled.of(shift))
                }
            },
            bounds: Bounds::new(clamp, zero_point),
        }
    }

    /// Entries of each list.
    pub(super) fn channels(&self) -> usize {
        self.bias.len()
    }

    /// The int8 of an accumulator that began with the bias.
    #[expect(clippy::cast_precision_loss, reason = "the meaning is f32")]
    #[inline]
    pub(super) fn quantised(&self, channel: usize, accumulator: i32) -> i8 {
        match &self.scale {
            Scale::Float(multiplier) => {
                let real = accumulator as f32 * at(multiplier, channel);
                self.bounds.of_real(real)
            }
            Scale::Fixed(multiplier, shift, _) => {
                let (by, shift) = (at(multiplier, channel), at(shift, channel));
                (self.bounds).of_steps(multiply_twice_rounded(accumulator, by, shift))
            }
            Scale::FixedOnce(multiplier, shift) => {
                let (by, shift) = (at(multiplier, channel), at(shift, channel));
                (self.bounds).of_steps(multiply_once_rounded(accumulator, by, shift))
            }
        }
    }
}

fn at<T: Copy + Default>(list: &[T], index: usize) -> T {
    list.get(index).copied().unwrap_or_default()
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

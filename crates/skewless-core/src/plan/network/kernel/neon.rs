//! NEON: eight outputs in two vectors, whose two products of a step are separate multiply-and-add-long instructions.

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers; the loops in `vector` check their bounds"
)]

use std::arch::aarch64::*;

use super::super::epilogue::{Bounds, FixedLanes};
use super::super::patch::Patch;
use super::super::rounding::ROUNDING;
use super::super::weights::PackedGroup;
use super::vector::{self, Depth, Lanes, Weighted};
use super::{Depthwise, Product};

/// [`super::scalar::product`].
pub(super) fn product(job: &Product, output: &mut [i8]) -> bool {
    let Patch::Words(patch) = job.patch else {
        return false;
    };
    // SAFETY: every processor of the target has the instructions.
    unsafe {
        match job.weights {
            PackedGroup::Narrow(weights) => {
                vector::product::<Neon, i8, 1, 2>(job, patch, weights, output)
            }
            PackedGroup::Wide(weights) => {
                vector::product::<Neon, i16, 1, 2>(job, patch, weights, output)
            }
        }
    }
}

/// [`super::scalar::depthwise`].
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
    // SAFETY: every processor of the target has the instructions.
    unsafe { vector::depthwise::<Neon, 2>(job, output) }
}

/// 128-bit vectors.
struct Neon;

/// Eight i32.
type Eight = (int32x4_t, int32x4_t);

impl Lanes for Neon {
    const BLOCK: usize = 8;
    const STEP: usize = 2;
    type Element = i16;
    type Sums = Eight;
    /// The step's inputs in the first two lanes.
    type Values = int16x4_t;
    /// The weights of the step's first input, and of its second.
    type Weights = (int16x8_t, int16x8_t);

    #[inline(always)]
    unsafe fn load(at: *const i32) -> Eight {
        // SAFETY: eight values are there.
        unsafe { (vld1q_s32(at), vld1q_s32(at.add(4))) }
    }

    #[inline(always)]
    unsafe fn values(at: *const i16) -> int16x4_t {
        // SAFETY: two values are there.
        unsafe { vreinterpret_s16_u32(vdup_n_u32(at.cast::<u32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn add(sums: Eight, weights: (int16x8_t, int16x8_t), values: int16x4_t) -> Eight {
        // SAFETY: every processor of the target has NEON.
        unsafe {
            let (low, high) = (vget_low_s16(weights.0), vget_low_s16(weights.1));
            let first = vmlal_lane_s16::<1>(vmlal_lane_s16::<0>(sums.0, low, values), high, values);
            let second = vmlal_high_lane_s16::<0>(sums.1, weights.0, values);
            (first, vmlal_high_lane_s16::<1>(second, weights.1, values))
        }
    }

    #[inline(always)]
    unsafe fn store_float(sums: Eight, multipliers: *const f32, bounds: &Bounds, to: *mut i8) {
        // SAFETY: eight multipliers and room for eight values are there.
        unsafe {
            let steps = (
                float_steps(sums.0, vld1q_f32(multipliers), bounds),
                float_steps(sums.1, vld1q_f32(multipliers.add(4)), bounds),
            );
            store_bytes(steps, to);
        }
    }

    #[inline(always)]
    unsafe fn store_fixed(
        sums: Eight,
        lanes: &FixedLanes,
        channel: usize,
        bounds: &Bounds,
        to: *mut i8,
    ) {
        // SAFETY: the lists have eight more values, and there is room for eight.
        unsafe {
            let steps = (
                fixed_steps(sums.0, lanes, channel, bounds),
                fixed_steps(sums.1, lanes, channel + 4, bounds),
            );
            store_bytes(steps, to);
        }
    }

    #[inline(always)]
    unsafe fn store(sums: Eight, to: *mut i32) {
        // SAFETY: there is room for eight values.
        unsafe {
            vst1q_s32(to, sums.0);
            vst1q_s32(to.add(4), sums.1);
        }
    }
}

impl Weighted<i8> for Neon {
    #[inline(always)]
    unsafe fn weights(at: *const i8) -> (int16x8_t, int16x8_t) {
        // SAFETY: sixteen values are there.
        unsafe {
            let pairs = vld2_s8(at);
            (vmovl_s8(pairs.0), vmovl_s8(pairs.1))
        }
    }
}

impl Weighted<i16> for Neon {
    #[inline(always)]
    unsafe fn weights(at: *const i16) -> (int16x8_t, int16x8_t) {
        // SAFETY: sixteen values are there.
        let pairs = unsafe { vld2q_s16(at) };
        (pairs.0, pairs.1)
    }
}

impl Depth for Neon {
    #[inline(always)]
    unsafe fn add_taps(sums: Eight, a: *const i16, b: *const i16, weights: *const i16) -> Eight {
        // SAFETY: eight values of each tap and sixteen weights are there.
        unsafe {
            let (a, b, by) = (vld1q_s16(a), vld1q_s16(b), vld2q_s16(weights));
            let first = vmlal_s16(sums.0, vget_low_s16(a), vget_low_s16(by.0));
            let second = vmlal_high_s16(sums.1, a, by.0);
            (
                vmlal_s16(first, vget_low_s16(b), vget_low_s16(by.1)),
                vmlal_high_s16(second, b, by.1),
            )
        }
    }
}

/// Bounded, rounded steps with the zero point: see [`super::super::rounding::bounded_steps`].
#[inline(always)]
unsafe fn float_steps(sums: int32x4_t, multipliers: float32x4_t, bounds: &Bounds) -> int32x4_t {
    // SAFETY: every processor of the target has NEON.
    unsafe {
        let real = vmulq_f32(vcvtq_f32_s32(sums), multipliers);
        let lower = vdupq_n_f32(bounds.lower_steps);
        let above = vbslq_f32(vcgtq_f32(real, lower), real, lower);
        let upper = vdupq_n_f32(bounds.upper_steps);
        let bounded = vbslq_f32(vcltq_f32(above, upper), above, upper);
        let rounded = vreinterpretq_s32_f32(vaddq_f32(bounded, vdupq_n_f32(ROUNDING)));
        vsubq_s32(rounded, vdupq_n_s32(bounds.rounding_bits))
    }
}

/// Both fixed roundings, bounded, with the zero point: see [`FixedLanes`].
#[inline(always)]
unsafe fn fixed_steps(
    sums: int32x4_t,
    lanes: &FixedLanes,
    channel: usize,
    bounds: &Bounds,
) -> int32x4_t {
    // SAFETY: the lists have four more values.
    unsafe {
        let list = |list: &[i32]| vld1q_s32(list.as_ptr().add(channel));
        let shifted = vmulq_s32(sums, list(&lanes.left));
        let product = rounded_product::<31>(shifted, list(&lanes.multiplier));
        let away = vandq_s32(vshrq_n_s32::<31>(product), list(&lanes.away));
        let scaled = rounded_product::<30>(vaddq_s32(product, away), list(&lanes.right));
        let above = vmaxq_s32(scaled, vdupq_n_s32(bounds.lower));
        let bounded = vminq_s32(above, vdupq_n_s32(bounds.upper));
        vaddq_s32(bounded, vdupq_n_s32(bounds.zero_point.into()))
    }
}

/// `(a · b + 2^(SHIFT − 1)) >> SHIFT`.
#[inline(always)]
unsafe fn rounded_product<const SHIFT: i32>(a: int32x4_t, b: int32x4_t) -> int32x4_t {
    // SAFETY: every processor of the target has NEON.
    unsafe {
        let low = vrshrn_n_s64::<SHIFT>(vmull_s32(vget_low_s32(a), vget_low_s32(b)));
        vrshrn_high_n_s64::<SHIFT>(low, vmull_high_s32(a, b))
    }
}

/// Stores eight steps, which fit int8.
#[inline(always)]
unsafe fn store_bytes(steps: Eight, to: *mut i8) {
    // SAFETY: there is room for eight values.
    unsafe {
        let words = vcombine_s16(vmovn_s32(steps.0), vmovn_s32(steps.1));
        vst1_s8(to, vmovn_s16(words));
    }
}

//! WebAssembly's `simd128`: eight outputs in two vectors, two products a lane (`i32x4.dot_i16x8_s`).

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers; the loops in `vector` check their bounds"
)]

use std::arch::wasm32::*;

use super::super::epilogue::{AWAY_FROM_ZERO, Bounds, FixedLanes};
use super::super::patch::Patch;
use super::super::rounding::ROUNDING;
use super::super::weights::PackedGroup;
use super::vector::{self, Depth, Lanes, Weighted};
use super::{Depthwise, Product};

/// `simd128`.
pub(super) struct Simd128;

impl Lanes for Simd128 {
    const BLOCK: usize = 8;
    const STEP: usize = 2;
    type Element = i16;
    type Sums = (v128, v128);
    type Values = v128;
    type Weights = (v128, v128);

    #[inline(always)]
    unsafe fn load(at: *const i32) -> (v128, v128) {
        // SAFETY: eight values are there.
        unsafe { (v128_load(at.cast()), v128_load(at.add(4).cast())) }
    }

    #[inline(always)]
    unsafe fn values(at: *const i16) -> v128 {
        // SAFETY: two values are there; the instruction needs no alignment.
        unsafe { v128_load32_splat(at.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sums: (v128, v128), weights: (v128, v128), values: v128) -> (v128, v128) {
        (
            i32x4_add(sums.0, i32x4_dot_i16x8(weights.0, values)),
            i32x4_add(sums.1, i32x4_dot_i16x8(weights.1, values)),
        )
    }

    #[inline(always)]
    unsafe fn store_float(
        sums: (v128, v128),
        multipliers: *const f32,
        bounds: &Bounds,
        to: *mut i8,
    ) {
        // SAFETY: eight multipliers are there.
        let by = unsafe {
            (
                v128_load(multipliers.cast()),
                v128_load(multipliers.add(4).cast()),
            )
        };
        let steps = (
            float_steps(sums.0, by.0, bounds),
            float_steps(sums.1, by.1, bounds),
        );
        // SAFETY: there is room for eight values.
        unsafe { store_bytes(steps, to) }
    }

    #[inline(always)]
    unsafe fn store_fixed(
        sums: (v128, v128),
        lanes: &FixedLanes,
        channel: usize,
        bounds: &Bounds,
        to: *mut i8,
    ) {
        // SAFETY: lists have eight more values, and there is room for eight.
        unsafe {
            let steps = (
                fixed_steps(sums.0, lanes, channel, bounds),
                fixed_steps(sums.1, lanes, channel + 4, bounds),
            );
            store_bytes(steps, to);
        }
    }

    #[inline(always)]
    unsafe fn store(sums: (v128, v128), to: *mut i32) {
        // SAFETY: there is room for eight values.
        unsafe {
            v128_store(to.cast(), sums.0);
            v128_store(to.add(4).cast(), sums.1);
        }
    }
}

impl Weighted<i8> for Simd128 {
    #[inline(always)]
    unsafe fn weights(at: *const i8) -> (v128, v128) {
        // SAFETY: sixteen values are there.
        unsafe {
            (
                i16x8_load_extend_i8x8(at),
                i16x8_load_extend_i8x8(at.add(8)),
            )
        }
    }
}

impl Weighted<i16> for Simd128 {
    #[inline(always)]
    unsafe fn weights(at: *const i16) -> (v128, v128) {
        // SAFETY: sixteen values are there.
        unsafe { (v128_load(at.cast()), v128_load(at.add(8).cast())) }
    }
}

impl Depth for Simd128 {
    #[inline(always)]
    unsafe fn add_taps(
        sums: (v128, v128),
        a: *const i16,
        b: *const i16,
        weights: *const i16,
    ) -> (v128, v128) {
        // SAFETY: eight values of each tap and sixteen weights are there.
        unsafe {
            let (a, b) = (v128_load(a.cast()), v128_load(b.cast()));
            let by = (v128_load(weights.cast()), v128_load(weights.add(8).cast()));
            let low = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
            let high = i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b);
            (
                i32x4_add(sums.0, i32x4_dot_i16x8(low, by.0)),
                i32x4_add(sums.1, i32x4_dot_i16x8(high, by.1)),
            )
        }
    }
}

/// Bounded, rounded steps with the zero point: see [`super::super::rounding::bounded_steps`].
#[inline(always)]
fn float_steps(sums: v128, multipliers: v128, bounds: &Bounds) -> v128 {
    real_steps(f32x4_mul(f32x4_convert_i32x4(sums), multipliers), bounds)
}

#[inline(always)]
pub(super) fn real_steps(real: v128, bounds: &Bounds) -> v128 {
    rounded(bounded(real, bounds), bounds)
}

/// As [`real_steps`], but half away from zero: see [`FixedLanes::quotient`].
#[inline(always)]
fn away_steps(real: v128, bounds: &Bounds) -> v128 {
    let real = bounded(real, bounds);
    let sign = v128_and(real, f32x4_splat(-0.0));
    let away = v128_or(sign, f32x4_splat(AWAY_FROM_ZERO));
    rounded(f32x4_add(real, away), bounds)
}

#[inline(always)]
fn bounded(real: v128, bounds: &Bounds) -> v128 {
    let above = f32x4_pmax(f32x4_splat(bounds.lower_steps), real);
    f32x4_pmin(f32x4_splat(bounds.upper_steps), above)
}

#[inline(always)]
fn rounded(real: v128, bounds: &Bounds) -> v128 {
    let rounded = f32x4_add(real, f32x4_splat(ROUNDING));
    i32x4_sub(rounded, i32x4_splat(bounds.rounding_bits))
}

/// Both fixed roundings, bounded, with the zero point.
#[inline(always)]
unsafe fn fixed_steps(sums: v128, lanes: &FixedLanes, channel: usize, bounds: &Bounds) -> v128 {
    // SAFETY: the lists have four more values.
    let list = |list: &[i32]| unsafe { v128_load(list.as_ptr().add(channel).cast()) };
    if let Some(quotient) = &lanes.quotient {
        let product = rounded_product::<31>(sums, list(&lanes.multiplier));
        // SAFETY: as above.
        let by = unsafe { v128_load(quotient.as_ptr().add(channel).cast()) };
        return away_steps(f32x4_mul(f32x4_convert_i32x4(product), by), bounds);
    }
    let by = [&lanes.left, &lanes.multiplier, &lanes.right, &lanes.away].map(|it| list(it));
    bounded_fixed(twice_rounded(sums, by), bounds)
}

#[inline(always)]
pub(super) fn bounded_fixed(steps: v128, bounds: &Bounds) -> v128 {
    let above = i32x4_max(steps, i32x4_splat(bounds.lower));
    let bounded = i32x4_min(above, i32x4_splat(bounds.upper));
    i32x4_add(bounded, i32x4_splat(bounds.zero_point.into()))
}

/// Both fixed roundings by `[left, multiplier, right, away]`: see [`FixedLanes`].
#[inline(always)]
pub(super) fn twice_rounded(x: v128, [left, multiplier, right, away]: [v128; 4]) -> v128 {
    let product = rounded_product::<31>(i32x4_mul(x, left), multiplier);
    let away = v128_and(i32x4_shr(product, 31), away);
    rounded_product::<30>(i32x4_add(product, away), right)
}

/// `(a · b + 2^(SHIFT − 1)) >> SHIFT`, whose result fits i32, so that the shift need not know the sign.
#[inline(always)]
fn rounded_product<const SHIFT: u32>(a: v128, b: v128) -> v128 {
    let half = i64x2_splat(1 << (SHIFT - 1));
    let low = u64x2_shr(i64x2_add(i64x2_extmul_low_i32x4(a, b), half), SHIFT);
    let high = u64x2_shr(i64x2_add(i64x2_extmul_high_i32x4(a, b), half), SHIFT);
    i32x4_shuffle::<0, 2, 4, 6>(low, high)
}

/// Stores eight steps, which fit int8.
#[inline(always)]
pub(super) unsafe fn store_bytes(steps: (v128, v128), to: *mut i8) {
    let words = i16x8_narrow_i32x4(steps.0, steps.1);
    // SAFETY: there is room for eight values.
    unsafe { v128_store64_lane::<0>(i8x16_narrow_i16x8(words, words), to.cast()) }
}

/// [`super::scalar::product`].
pub(super) fn product(job: &Product, output: &mut [i8]) -> bool {
    let Patch::Words(patch) = job.patch else {
        return false;
    };
    // SAFETY: the module is built with the instructions.
    unsafe {
        match job.weights {
            PackedGroup::Narrow(weights) => {
                vector::product::<Simd128, i8, 1, 2>(job, patch, weights, output)
            }
            PackedGroup::Wide(weights) => {
                vector::product::<Simd128, i16, 1, 2>(job, patch, weights, output)
            }
        }
    }
}

/// [`super::scalar::depthwise`].
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
    // SAFETY: the module is built with the instructions.
    unsafe { vector::depthwise::<Simd128, 2>(job, output) }
}

//! Element by element on WebAssembly's `simd128`: eight at a time, and the rest by the scalar code.

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers; each loop stops eight elements before its lists' ends"
)]

use std::arch::wasm32::*;

use super::super::add::{FixedTerms, RealTerms};
use super::super::epilogue::{Bounds, fixed_lane};
use super::scalar;
use super::wasm::{bounded_fixed, real_steps, store_bytes, twice_rounded};

/// Elements that a vector loop takes at once.
const LANES: usize = 8;

/// The elements of lists of these lengths that fill whole vectors.
fn whole(lengths: [usize; 3]) -> usize {
    let shortest = lengths.into_iter().min().unwrap_or_default();
    shortest - shortest % LANES
}

fn rest<T>(list: &[T], from: usize) -> &[T] {
    list.get(from..).unwrap_or_default()
}

fn rest_mut<T>(list: &mut [T], from: usize) -> &mut [T] {
    list.get_mut(from..).unwrap_or_default()
}

/// [`scalar::widen`].
pub(super) fn widen(from: &[i8], zero_point: i8, to: &mut [i16]) {
    let zero = i16x8_splat(zero_point.into());
    let count = whole([from.len(), to.len(), usize::MAX]);
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in both.
        unsafe {
            let values = i16x8_load_extend_i8x8(from.as_ptr().add(at));
            v128_store(to.as_mut_ptr().add(at).cast(), i16x8_sub(values, zero));
        }
    }
    scalar::widen(rest(from, count), zero_point, rest_mut(to, count));
}

/// [`scalar::quantise`].
pub(super) fn quantise(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
    let count = whole([values.len(), cells.len(), usize::MAX]);
    let by = f32x4_splat(scale);
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in both.
        unsafe {
            let from = values.as_ptr().add(at);
            let steps = |from| real_steps(f32x4_div(four_reals(from), by), bounds);
            let steps = (steps(from), steps(from.add(4)));
            store_bytes(steps, cells.as_mut_ptr().add(at));
        }
    }
    scalar::quantise(rest(values, count), scale, bounds, rest_mut(cells, count));
}

/// Four f64, rounded to f32.
#[inline(always)]
unsafe fn four_reals(from: *const f64) -> v128 {
    // SAFETY: four values are there.
    let (low, high) = unsafe { (v128_load(from.cast()), v128_load(from.add(2).cast())) };
    let (low, high) = (f32x4_demote_f64x2_zero(low), f32x4_demote_f64x2_zero(high));
    i64x2_shuffle::<0, 2>(low, high)
}

/// [`scalar::accumulate`].
pub(super) fn accumulate(sums: &mut [i32], pixel: &[i8]) {
    let count = whole([sums.len(), pixel.len(), usize::MAX]);
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in both.
        unsafe {
            let values = i16x8_load_extend_i8x8(pixel.as_ptr().add(at));
            let low = sums.as_mut_ptr().add(at).cast::<v128>();
            let high = low.add(1);
            v128_store(
                low,
                i32x4_add(v128_load(low), i32x4_extend_low_i16x8(values)),
            );
            v128_store(
                high,
                i32x4_add(v128_load(high), i32x4_extend_high_i16x8(values)),
            );
        }
    }
    scalar::accumulate(rest_mut(sums, count), rest(pixel, count));
}

/// [`scalar::accumulate_real`].
pub(super) fn accumulate_real(sums: &mut [i32], pixel: &[i8], input: (f32, i8)) {
    let count = whole([sums.len(), pixel.len(), usize::MAX]);
    let (scale, zero) = (f32x4_splat(input.0), i16x8_splat(input.1.into()));
    let real = |x: v128| f32x4_mul(f32x4_convert_i32x4(x), scale);
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in both.
        unsafe {
            let x = eight(pixel.as_ptr().add(at), zero);
            let low = sums.as_mut_ptr().add(at).cast::<v128>();
            let high = low.add(1);
            v128_store(low, f32x4_add(v128_load(low), real(x.0)));
            v128_store(high, f32x4_add(v128_load(high), real(x.1)));
        }
    }
    scalar::accumulate_real(rest_mut(sums, count), rest(pixel, count), input);
}

/// Eight values without their zero point, as i32.
#[inline(always)]
unsafe fn eight(from: *const i8, zero: v128) -> (v128, v128) {
    // SAFETY: eight values are there.
    let values = i16x8_sub(unsafe { i16x8_load_extend_i8x8(from) }, zero);
    (
        i32x4_extend_low_i16x8(values),
        i32x4_extend_high_i16x8(values),
    )
}

/// [`scalar::add_real`].
pub(super) fn add_real(terms: &RealTerms, (a, b): (&[i8], &[i8]), cells: &mut [i8]) {
    let count = whole([a.len(), b.len(), cells.len()]);
    let zeros = terms.zero_points.map(|it| i16x8_splat(it.into()));
    let scales = terms.scales.map(|it| f32x4_splat(it));
    let scale = f32x4_splat(terms.scale);
    let steps = |x: v128, y: v128| {
        let x = f32x4_mul(f32x4_convert_i32x4(x), scales[0]);
        let y = f32x4_mul(f32x4_convert_i32x4(y), scales[1]);
        real_steps(f32x4_div(f32x4_add(x, y), scale), &terms.bounds)
    };
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in all.
        unsafe {
            let x = eight(a.as_ptr().add(at), zeros[0]);
            let y = eight(b.as_ptr().add(at), zeros[1]);
            let sums = (steps(x.0, y.0), steps(x.1, y.1));
            store_bytes(sums, cells.as_mut_ptr().add(at));
        }
    }
    scalar::add_real(
        terms,
        (rest(a, count), rest(b, count)),
        rest_mut(cells, count),
    );
}

/// [`scalar::add_fixed`].
pub(super) fn add_fixed(terms: &FixedTerms, (a, b): (&[i8], &[i8]), cells: &mut [i8]) {
    let Some(by) = factors(terms) else {
        return scalar::add_fixed(terms, (a, b), cells);
    };
    let count = whole([a.len(), b.len(), cells.len()]);
    let zeros = terms.zero_points.map(|it| i16x8_splat(it.into()));
    let steps = |x: v128, y: v128| {
        let x = twice_rounded(i32x4_shl(x, terms.left_shift), by[0]);
        let y = twice_rounded(i32x4_shl(y, terms.left_shift), by[1]);
        bounded_fixed(twice_rounded(i32x4_add(x, y), by[2]), &terms.bounds)
    };
    for at in (0..count).step_by(LANES) {
        // SAFETY: eight values are left in all.
        unsafe {
            let x = eight(a.as_ptr().add(at), zeros[0]);
            let y = eight(b.as_ptr().add(at), zeros[1]);
            let sums = (steps(x.0, y.0), steps(x.1, y.1));
            store_bytes(sums, cells.as_mut_ptr().add(at));
        }
    }
    scalar::add_fixed(
        terms,
        (rest(a, count), rest(b, count)),
        rest_mut(cells, count),
    );
}

/// `[left, multiplier, right, away]` of a, b and their sum.
fn factors(terms: &FixedTerms) -> Option<[[v128; 4]; 3]> {
    let mut factors = [[i32x4_splat(0); 4]; 3];
    let multipliers = terms.multiplier.into_iter().zip(terms.shift);
    for (factors, (multiplier, shift)) in factors.iter_mut().zip(multipliers) {
        *factors = fixed_lane(multiplier, shift)?.map(|it| i32x4_splat(it));
    }
    Some(factors)
}

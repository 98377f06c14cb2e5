//! AVX-512 with VNNI: sixteen outputs in a vector, four products a lane (`vpdpbusd`, which does not saturate).

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers, whose bounds the loops in `vector` check; the instructions are \
              chosen where the processor has them"
)]

use std::arch::x86_64::*;

use super::super::epilogue::{AWAY_FROM_ZERO, Bounds, FixedLanes};
use super::super::patch::Patch;
use super::super::rounding::ROUNDING;
use super::super::weights::PackedGroup;
use super::Product;
use super::vector::{self, Lanes, Weighted};

/// Whether the processor has AVX-512 with VNNI.
pub(super) fn is_present() -> bool {
    super::avx2::is_present()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// [`super::scalar::product`].
pub(super) fn product(job: &Product, output: &mut [i8]) -> bool {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn narrow(job: &Product, patch: &[u8], by: &[i8], output: &mut [i8]) -> bool {
        // SAFETY: this function has the instructions.
        unsafe { vector::product::<Vnni, i8>(job, patch, by, output) }
    }
    match (job.patch, job.weights) {
        (Patch::Bytes(patch), PackedGroup::Narrow(weights)) => {
            // SAFETY: this kernel is chosen where the processor has the instructions.
            unsafe { narrow(job, patch, weights, output) }
        }
        _ => false,
    }
}

/// 512-bit vectors with VNNI. Inputs are unsigned: their values plus 128.
struct Vnni;

impl Lanes for Vnni {
    const BLOCK: usize = 16;
    const STEP: usize = 4;
    type Element = u8;
    type Sums = __m512i;
    type Values = __m512i;
    type Weights = __m512i;

    #[inline(always)]
    unsafe fn load(at: *const i32) -> __m512i {
        // SAFETY: sixteen values are there.
        unsafe { _mm512_loadu_si512(at.cast()) }
    }

    #[inline(always)]
    unsafe fn values(at: *const u8) -> __m512i {
        // SAFETY: four values are there.
        unsafe { _mm512_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m512i, weights: __m512i, values: __m512i) -> __m512i {
        // SAFETY: the processor has VNNI.
        unsafe { _mm512_dpbusd_epi32(sums, values, weights) }
    }

    #[inline(always)]
    unsafe fn store_float(sums: __m512i, multipliers: *const f32, bounds: &Bounds, to: *mut i8) {
        // SAFETY: sixteen multipliers and room for sixteen values are there.
        unsafe {
            let real = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(multipliers));
            store_rounded(bounded(real, bounds), bounds, to);
        }
    }

    #[inline(always)]
    unsafe fn store_fixed(
        sums: __m512i,
        lanes: &FixedLanes,
        channel: usize,
        bounds: &Bounds,
        to: *mut i8,
    ) {
        // SAFETY: the lists have sixteen more values, and there is room for sixteen.
        unsafe {
            let list = |list: &[i32]| Self::load(list.as_ptr().add(channel));
            if let Some(quotient) = &lanes.quotient {
                let product = rounded_product::<31>(sums, list(&lanes.multiplier));
                let by = _mm512_loadu_ps(quotient.as_ptr().add(channel));
                let real = bounded(_mm512_mul_ps(_mm512_cvtepi32_ps(product), by), bounds);
                let sign = _mm512_set1_epi32(f32::to_bits(-0.0).cast_signed());
                let sign = _mm512_and_si512(_mm512_castps_si512(real), sign);
                let away = _mm512_set1_epi32(AWAY_FROM_ZERO.to_bits().cast_signed());
                let away = _mm512_castsi512_ps(_mm512_or_si512(sign, away));
                return store_rounded(_mm512_add_ps(real, away), bounds, to);
            }
            let shifted = _mm512_mullo_epi32(sums, list(&lanes.left));
            let product = rounded_product::<31>(shifted, list(&lanes.multiplier));
            let away = _mm512_and_si512(_mm512_srai_epi32::<31>(product), list(&lanes.away));
            let product = _mm512_add_epi32(product, away);
            let scaled = rounded_product::<30>(product, list(&lanes.right));
            let above = _mm512_max_epi32(scaled, _mm512_set1_epi32(bounds.lower));
            let bounded = _mm512_min_epi32(above, _mm512_set1_epi32(bounds.upper));
            let zero = _mm512_set1_epi32(bounds.zero_point.into());
            let steps = _mm512_add_epi32(bounded, zero);
            _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(steps));
        }
    }

    #[inline(always)]
    unsafe fn store(sums: __m512i, to: *mut i32) {
        // SAFETY: there is room for sixteen values.
        unsafe { _mm512_storeu_si512(to.cast(), sums) }
    }
}

impl Weighted<i8> for Vnni {
    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m512i {
        // SAFETY: 64 values are there.
        unsafe { _mm512_loadu_si512(at.cast()) }
    }
}

/// `(a · b + 2^(SHIFT − 1)) >> SHIFT`, whose result fits i32, so that the shift need not know the sign.
#[inline(always)]
unsafe fn rounded_product<const SHIFT: u32>(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the processor has AVX-512.
    unsafe {
        let half = _mm512_set1_epi64(1 << (SHIFT - 1));
        let even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
        let (a, b) = (_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
        let odd = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
        let odd = _mm512_slli_epi64::<32>(_mm512_srli_epi64::<SHIFT>(odd));
        _mm512_mask_blend_epi32(0b1010_1010_1010_1010, _mm512_srli_epi64::<SHIFT>(even), odd)
    }
}

#[inline(always)]
unsafe fn bounded(real: __m512, bounds: &Bounds) -> __m512 {
    // SAFETY: the processor has AVX-512.
    unsafe {
        let above = _mm512_max_ps(real, _mm512_set1_ps(bounds.lower_steps));
        _mm512_min_ps(above, _mm512_set1_ps(bounds.upper_steps))
    }
}

/// Stores sixteen bounded reals, rounded half to even, with the zero point.
#[inline(always)]
unsafe fn store_rounded(real: __m512, bounds: &Bounds, to: *mut i8) {
    // SAFETY: there is room for sixteen values.
    unsafe {
        let rounded = _mm512_castps_si512(_mm512_add_ps(real, _mm512_set1_ps(ROUNDING)));
        let steps = _mm512_sub_epi32(rounded, _mm512_set1_epi32(bounds.rounding_bits));
        _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(steps));
    }
}

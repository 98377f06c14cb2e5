//! AVX2: eight outputs in a vector, two products a lane (`vpmaddwd`).

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers, whose bounds the loops in `vector` check; the instructions are \
              chosen where the processor has them"
)]

use std::arch::x86_64::*;

use super::super::add::RealTerms;
use super::super::epilogue::{AWAY_FROM_ZERO, Bounds, FixedLanes};
use super::super::patch::Patch;
use super::super::rounding::ROUNDING;
use super::super::weights::PackedGroup;
use super::vector::{self, Depth, Lanes, Reals, Weighted};
use super::{Depthwise, Product};

/// Whether the processor has AVX2.
pub(super) fn is_present() -> bool {
    is_x86_feature_detected!("avx2")
}

/// [`super::scalar::product`].
pub(super) fn product(job: &Product, output: &mut [i8]) -> bool {
    let Patch::Words(patch) = job.patch else {
        return false;
    };
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe {
        match job.weights {
            PackedGroup::Narrow(weights) => product_narrow(job, patch, weights, output),
            PackedGroup::Wide(weights) => product_wide(job, patch, weights, output),
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn product_narrow(job: &Product, patch: &[i16], by: &[i8], output: &mut [i8]) -> bool {
    // SAFETY: this function has the instructions.
    unsafe { vector::product::<Avx2, i8, 2, 4>(job, patch, by, output) }
}

#[target_feature(enable = "avx2")]
unsafe fn product_wide(job: &Product, patch: &[i16], by: &[i16], output: &mut [i8]) -> bool {
    // SAFETY: this function has the instructions.
    unsafe { vector::product::<Avx2, i16, 2, 4>(job, patch, by, output) }
}

/// [`super::scalar::depthwise`].
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
    #[target_feature(enable = "avx2")]
    unsafe fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
        // SAFETY: this function has the instructions.
        unsafe { vector::depthwise::<Avx2, 4>(job, output) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { depthwise(job, output) }
}

/// [`super::scalar::quantise`].
pub(super) fn quantise(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
    #[target_feature(enable = "avx2")]
    unsafe fn wide(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
        // SAFETY: this function has the instructions.
        unsafe { vector::quantise::<Avx2>(values, scale, bounds, cells) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { wide(values, scale, bounds, cells) }
}

/// [`super::scalar::add_real`].
pub(super) fn add_real(terms: &RealTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
    #[target_feature(enable = "avx2")]
    unsafe fn wide(terms: &RealTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
        // SAFETY: this function has the instructions.
        unsafe { vector::add_real::<Avx2>(terms, inputs, cells) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { wide(terms, inputs, cells) }
}

/// 256-bit vectors.
struct Avx2;

impl Lanes for Avx2 {
    const BLOCK: usize = 8;
    const STEP: usize = 2;
    type Element = i16;
    type Sums = __m256i;
    type Values = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    unsafe fn load(at: *const i32) -> __m256i {
        // SAFETY: eight values are there.
        unsafe { _mm256_loadu_si256(at.cast()) }
    }

    #[inline(always)]
    unsafe fn values(at: *const i16) -> __m256i {
        // SAFETY: two values are there.
        unsafe { _mm256_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m256i, weights: __m256i, values: __m256i) -> __m256i {
        // SAFETY: the processor has AVX2.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(weights, values)) }
    }

    #[inline(always)]
    unsafe fn store_float(sums: __m256i, multipliers: *const f32, bounds: &Bounds, to: *mut i8) {
        // SAFETY: eight multipliers and room for eight values are there.
        unsafe {
            let real = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(multipliers));
            store_rounded(bounded(real, bounds), bounds, to);
        }
    }

    #[inline(always)]
    unsafe fn store_fixed(
        sums: __m256i,
        lanes: &FixedLanes,
        channel: usize,
        bounds: &Bounds,
        to: *mut i8,
    ) {
        // SAFETY: the lists have eight more values, and there is room for eight.
        unsafe {
            let list = |list: &[i32]| Self::load(list.as_ptr().add(channel));
            if let Some(quotient) = &lanes.quotient {
                let product = rounded_product::<31>(sums, list(&lanes.multiplier));
                let by = _mm256_loadu_ps(quotient.as_ptr().add(channel));
                let real = bounded(_mm256_mul_ps(_mm256_cvtepi32_ps(product), by), bounds);
                let sign = _mm256_and_ps(real, _mm256_set1_ps(-0.0));
                let away = _mm256_or_ps(sign, _mm256_set1_ps(AWAY_FROM_ZERO));
                return store_rounded(_mm256_add_ps(real, away), bounds, to);
            }
            let shifted = _mm256_mullo_epi32(sums, list(&lanes.left));
            let product = rounded_product::<31>(shifted, list(&lanes.multiplier));
            let away = _mm256_and_si256(_mm256_srai_epi32::<31>(product), list(&lanes.away));
            let product = _mm256_add_epi32(product, away);
            let scaled = rounded_product::<30>(product, list(&lanes.right));
            let above = _mm256_max_epi32(scaled, _mm256_set1_epi32(bounds.lower));
            let bounded = _mm256_min_epi32(above, _mm256_set1_epi32(bounds.upper));
            let zero = _mm256_set1_epi32(bounds.zero_point.into());
            store_bytes(_mm256_add_epi32(bounded, zero), to);
        }
    }

    #[inline(always)]
    unsafe fn store(sums: __m256i, to: *mut i32) {
        // SAFETY: there is room for eight values.
        unsafe { _mm256_storeu_si256(to.cast(), sums) }
    }
}

impl Weighted<i8> for Avx2 {
    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m256i {
        // SAFETY: sixteen values are there.
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast())) }
    }
}

impl Weighted<i16> for Avx2 {
    #[inline(always)]
    unsafe fn weights(at: *const i16) -> __m256i {
        // SAFETY: sixteen values are there.
        unsafe { _mm256_loadu_si256(at.cast()) }
    }
}

impl Reals for Avx2 {
    type Real = __m256;

    #[inline(always)]
    unsafe fn narrowed(at: *const f64) -> __m256 {
        // SAFETY: eight values are there.
        unsafe {
            let low = _mm256_cvtpd_ps(_mm256_loadu_pd(at));
            let high = _mm256_cvtpd_ps(_mm256_loadu_pd(at.add(4)));
            _mm256_set_m128(high, low)
        }
    }

    #[inline(always)]
    unsafe fn term((scale, zero_point): (f32, i8), at: *const i8) -> __m256 {
        // SAFETY: eight values are there.
        unsafe {
            let values = _mm256_cvtepi8_epi32(_mm_loadl_epi64(at.cast()));
            let steps = _mm256_sub_epi32(values, _mm256_set1_epi32(zero_point.into()));
            _mm256_mul_ps(_mm256_cvtepi32_ps(steps), _mm256_set1_ps(scale))
        }
    }

    #[inline(always)]
    unsafe fn add_reals(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the processor has AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn store_divided(real: __m256, scale: f32, bounds: &Bounds, to: *mut i8) {
        // SAFETY: there is room for eight values.
        unsafe {
            let real = _mm256_div_ps(real, _mm256_set1_ps(scale));
            store_rounded(bounded(real, bounds), bounds, to);
        }
    }
}

impl Depth for Avx2 {
    #[inline(always)]
    unsafe fn add_taps(
        sums: __m256i,
        a: *const i16,
        b: *const i16,
        weights: *const i16,
    ) -> __m256i {
        // SAFETY: eight values of each tap and sixteen weights are there.
        unsafe {
            let (a, b) = (_mm_loadu_si128(a.cast()), _mm_loadu_si128(b.cast()));
            let taps = _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b));
            let weights = _mm256_loadu_si256(weights.cast());
            _mm256_add_epi32(sums, _mm256_madd_epi16(taps, weights))
        }
    }
}

/// `(a · b + 2^(SHIFT − 1)) >> SHIFT`, whose result fits i32, so that the shift need not know the sign.
#[inline(always)]
unsafe fn rounded_product<const SHIFT: i32>(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the processor has AVX2.
    unsafe {
        let half = _mm256_set1_epi64x(1 << (SHIFT - 1));
        let even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
        let (a, b) = (_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b));
        let odd = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
        let odd = _mm256_slli_epi64::<32>(_mm256_srli_epi64::<SHIFT>(odd));
        _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<SHIFT>(even), odd)
    }
}

#[inline(always)]
unsafe fn bounded(real: __m256, bounds: &Bounds) -> __m256 {
    // SAFETY: the processor has AVX2.
    unsafe {
        let above = _mm256_max_ps(real, _mm256_set1_ps(bounds.lower_steps));
        _mm256_min_ps(above, _mm256_set1_ps(bounds.upper_steps))
    }
}

/// Stores eight bounded reals, rounded half to even, with the zero point.
#[inline(always)]
unsafe fn store_rounded(real: __m256, bounds: &Bounds, to: *mut i8) {
    // SAFETY: there is room for eight values.
    unsafe {
        let rounded = _mm256_castps_si256(_mm256_add_ps(real, _mm256_set1_ps(ROUNDING)));
        let bits = _mm256_set1_epi32(bounds.rounding_bits);
        store_bytes(_mm256_sub_epi32(rounded, bits), to);
    }
}

/// Stores eight steps, which fit int8.
#[inline(always)]
unsafe fn store_bytes(steps: __m256i, to: *mut i8) {
    // SAFETY: there is room for eight values.
    unsafe {
        let low = _mm256_castsi256_si128(steps);
        let words = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(steps));
        _mm_storel_epi64(to.cast(), _mm_packs_epi16(words, words));
    }
}

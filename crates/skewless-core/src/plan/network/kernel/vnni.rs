//! AVX-512 with VNNI: sixteen outputs in a vector, four products a lane (`vpdpbusd`, which does not saturate).

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
        unsafe { vector::product::<Vnni, i8, 4, 8>(job, patch, by, output) }
    }
    match (job.patch, job.weights) {
        (Patch::Bytes(patch), PackedGroup::Narrow(weights)) => {
            // SAFETY: this kernel is chosen where the processor has the instructions.
            unsafe { narrow(job, patch, weights, output) }
        }
        _ => false,
    }
}

/// [`super::scalar::depthwise`].
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
        // SAFETY: this function has the instructions.
        unsafe { vector::depthwise::<Vnni, 4>(job, output) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { depthwise(job, output) }
}

/// [`super::scalar::quantise`].
pub(super) fn quantise(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn wide(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
        // SAFETY: this function has the instructions.
        unsafe { vector::quantise::<Vnni>(values, scale, bounds, cells) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { wide(values, scale, bounds, cells) }
}

/// [`super::scalar::add_real`].
pub(super) fn add_real(terms: &RealTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn wide(terms: &RealTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
        // SAFETY: this function has the instructions.
        unsafe { vector::add_real::<Vnni>(terms, inputs, cells) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { wide(terms, inputs, cells) }
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

impl Reals for Vnni {
    type Real = __m512;

    #[inline(always)]
    unsafe fn narrowed(at: *const f64) -> __m512 {
        // SAFETY: sixteen values are there.
        unsafe {
            let half = |at: *const f64| {
                let half = _mm512_cvtpd_ps(_mm512_loadu_pd(at));
                _mm512_castps_pd(_mm512_castps256_ps512(half))
            };
            let both = _mm512_shuffle_f64x2::<0b0100_0100>(half(at), half(at.add(8)));
            _mm512_castpd_ps(both)
        }
    }

    #[inline(always)]
    unsafe fn term((scale, zero_point): (f32, i8), at: *const i8) -> __m512 {
        // SAFETY: sixteen values are there.
        unsafe {
            let values = _mm512_cvtepi8_epi32(_mm_loadu_si128(at.cast()));
            let steps = _mm512_sub_epi32(values, _mm512_set1_epi32(zero_point.into()));
            _mm512_mul_ps(_mm512_cvtepi32_ps(steps), _mm512_set1_ps(scale))
        }
    }

    #[inline(always)]
    unsafe fn add_reals(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the processor has AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn store_divided(real: __m512, scale: f32, bounds: &Bounds, to: *mut i8) {
        // SAFETY: there is room for sixteen values.
        unsafe {
            let real = _mm512_div_ps(real, _mm512_set1_ps(scale));
            store_rounded(bounded(real, bounds), bounds, to);
        }
    }
}

impl Depth for Vnni {
    #[inline(always)]
    unsafe fn add_taps(
        sums: __m512i,
        a: *const i16,
        b: *const i16,
        weights: *const i16,
    ) -> __m512i {
        // SAFETY: sixteen values of each tap and 32 weights are there; sums of two products wrap nowhere.
        unsafe {
            let wide = |at: *const i16| _mm512_castsi256_si512(_mm256_loadu_si256(at.cast()));
            let taps = _mm512_permutex2var_epi16(wide(a), interleaved(), wide(b));
            _mm512_dpwssd_epi32(sums, taps, _mm512_loadu_si512(weights.cast()))
        }
    }
}

/// The words of two vectors in turn, from the first on; those of the second are numbered from 32.
#[inline(always)]
unsafe fn interleaved() -> __m512i {
    // SAFETY: the processor has AVX-512.
    unsafe {
        _mm512_set_epi16(
            47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36,
            4, 35, 3, 34, 2, 33, 1, 32, 0,
        )
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

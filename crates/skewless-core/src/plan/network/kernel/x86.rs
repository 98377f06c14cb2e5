//! x86-64: AVX2 with eight outputs in a vector and two products a lane (`vpmaddwd`), AVX-512 VNNI with sixteen and four
//! (`vpdpbusd`, which does not saturate). Which of them runs is found out at run time.

#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers, whose bounds the loops in `vector` check; the instructions are \
              used where the processor has them"
)]

use std::arch::x86_64::*;

use super::super::patch::Patch;
use super::super::rounding::{Bounds, FixedLanes, ROUNDING};
use super::super::weights::PackedGroup;
use super::vector::{self, Depth, Lanes, Weighted};
use super::{Depthwise, Product};

/// Whether the processor has AVX2.
pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Whether the processor has AVX-512 with VNNI.
pub(super) fn has_vnni() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// [`super::scalar::product`] by AVX2.
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
    unsafe { vector::product::<Avx2, i8>(job, patch, by, output) }
}

#[target_feature(enable = "avx2")]
unsafe fn product_wide(job: &Product, patch: &[i16], by: &[i16], output: &mut [i8]) -> bool {
    // SAFETY: this function has the instructions.
    unsafe { vector::product::<Avx2, i16>(job, patch, by, output) }
}

/// [`super::scalar::depthwise`] by AVX2.
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
    #[target_feature(enable = "avx2")]
    unsafe fn depthwise(job: &Depthwise, output: &mut [i8]) -> bool {
        // SAFETY: this function has the instructions.
        unsafe { vector::depthwise::<Avx2>(job, output) }
    }
    // SAFETY: this kernel is chosen where the processor has the instructions.
    unsafe { depthwise(job, output) }
}

/// [`super::scalar::product`] by VNNI.
pub(super) fn product_of_fours(job: &Product, output: &mut [i8]) -> bool {
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn product(job: &Product, patch: &[u8], by: &[i8], output: &mut [i8]) -> bool {
        // SAFETY: this function has the instructions.
        unsafe { vector::product::<Vnni, i8>(job, patch, by, output) }
    }
    match (job.patch, job.weights) {
        (Patch::Bytes(patch), PackedGroup::Narrow(weights)) => {
            // SAFETY: this kernel is chosen where the processor has the instructions.
            unsafe { product(job, patch, weights, output) }
        }
        _ => false,
    }
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
            let above = _mm256_max_ps(real, _mm256_set1_ps(bounds.lower_steps));
            let bounded = _mm256_min_ps(above, _mm256_set1_ps(bounds.upper_steps));
            let rounded = _mm256_add_ps(bounded, _mm256_set1_ps(ROUNDING));
            let bits = _mm256_set1_epi32(bounds.rounding_bits);
            store_bytes(_mm256_sub_epi32(_mm256_castps_si256(rounded), bits), to);
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
            let above = _mm512_max_ps(real, _mm512_set1_ps(bounds.lower_steps));
            let bounded = _mm512_min_ps(above, _mm512_set1_ps(bounds.upper_steps));
            let rounded = _mm512_add_ps(bounded, _mm512_set1_ps(ROUNDING));
            let bits = _mm512_set1_epi32(bounds.rounding_bits);
            let steps = _mm512_sub_epi32(_mm512_castps_si512(rounded), bits);
            _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(steps));
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
            let shifted = _mm512_mullo_epi32(sums, list(&lanes.left));
            let product = wide_rounded_product::<31>(shifted, list(&lanes.multiplier));
            let away = _mm512_and_si512(_mm512_srai_epi32::<31>(product), list(&lanes.away));
            let product = _mm512_add_epi32(product, away);
            let scaled = wide_rounded_product::<30>(product, list(&lanes.right));
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

/// [`rounded_product`] of sixteen lanes.
#[inline(always)]
unsafe fn wide_rounded_product<const SHIFT: u32>(a: __m512i, b: __m512i) -> __m512i {
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

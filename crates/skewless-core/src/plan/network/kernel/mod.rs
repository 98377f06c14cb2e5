//! The inner loops, one implementation a set of instructions. [`scalar`] is the definition; the others give its bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_elements;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod vector;
#[cfg(target_arch = "x86_64")]
mod vnni;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm_elements;

use super::add::{FixedTerms, RealTerms};
use super::epilogue::{Bounds, Epilogue};
use super::patch::{Patch, PatchMut, SLACK};
use super::weights::{Packed, PackedGroup, Weights};
use crate::plan::Simd;

/// Which instructions a step runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Plain Rust.
    Scalar,
    /// WebAssembly's 128-bit vectors.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
    /// 128-bit vectors of AArch64.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// 256-bit vectors of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors with four products a lane, of x86-64.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

/// Sums of products over a patch: `patch[pixel + run + i] · weight`, for every pixel and every output of a group.
pub(super) struct Product<'a> {
    pub(super) patch: Patch<'a>,
    /// Start of each window.
    pub(super) pixels: &'a [u32],
    /// Start of each run in its window.
    pub(super) runs: &'a [u32],
    /// `[block][run][step][output of the block][product of the step]`.
    pub(super) weights: PackedGroup<'a>,
    /// Steps of a run.
    pub(super) steps: usize,
    pub(super) epilogue: &'a Epilogue,
    /// The group's first entry in the epilogue.
    pub(super) first_channel: usize,
    /// Outputs of the group.
    pub(super) outputs: usize,
    /// The group's first output of a pixel.
    pub(super) first_output: usize,
    /// Outputs of a pixel.
    pub(super) output_stride: usize,
}

/// Sums of products over the taps of each channel.
pub(super) struct Depthwise<'a> {
    /// Values without their zero point, [`Kernel::block`] · blocks a pixel.
    pub(super) patch: &'a [i16],
    pub(super) pixels: &'a [u32],
    /// Start of each pair of taps in its window; a last odd tap stands twice, with the weight 0.
    pub(super) taps: &'a [(u32, u32)],
    /// `[block][pair of taps][channel of the block][tap of the pair]`.
    pub(super) weights: &'a [i16],
    pub(super) epilogue: &'a Epilogue,
    pub(super) channels: usize,
}

impl Kernel {
    /// The best there is.
    pub(super) fn choose(simd: Simd) -> Self {
        match simd {
            Simd::Off => Self::Scalar,
            Simd::Auto => Self::best(),
        }
    }

    fn best() -> Self {
        Self::available().last().unwrap_or(Self::Scalar)
    }

    /// What this machine can run, the slowest first.
    pub(super) fn available() -> impl Iterator<Item = Self> {
        let kernels = [
            (Self::Scalar, true),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            (Self::Wasm, true),
            #[cfg(target_arch = "aarch64")]
            (Self::Neon, true),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2, avx2::is_present()),
            #[cfg(target_arch = "x86_64")]
            (Self::Vnni, vnni::is_present()),
        ];
        let runs = kernels.into_iter().filter(|&(_, runs)| runs);
        runs.map(|(kernel, _)| kernel)
    }

    /// The kernel for a layer's weights.
    pub(super) fn for_weights(self, weights: &Weights) -> Self {
        match (self, weights) {
            #[cfg(target_arch = "x86_64")]
            (Self::Vnni, Weights::Wide(_)) => Self::Avx2,
            _ => self,
        }
    }

    /// Outputs of a packed block; channels of a depthwise one.
    pub(super) fn block(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => 16,
            _ => 8,
        }
    }

    /// The kernel for a depthwise convolution of so many channels: the widest that none of them leaves half empty.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "other targets have one width")
    )]
    pub(super) fn for_depth(self, channels: usize) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni if channels.next_multiple_of(16) > channels.next_multiple_of(8) => {
                Self::Avx2
            }
            _ => self,
        }
    }

    /// Products that a lane sums in one step.
    pub(super) fn lane_products(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => 4,
            _ => 2,
        }
    }

    /// Takes from the biases what a kernel's patches, whose values are (128 + zero point) too great, add to the sums of
    /// `(groups, outputs)`.
    pub(super) fn shift_bias(
        self,
        bias: &mut [i32],
        weights: &Packed,
        (groups, outputs): (usize, usize),
        zero_point: i8,
    ) {
        if self.lane_products() == 2 {
            return;
        }
        let shift = 128 + i32::from(zero_point);
        let biases = bias.chunks_exact_mut(outputs.max(1)).take(groups);
        for (group, biases) in biases.enumerate() {
            let sums = weights.sums(group, (self.block(), self.lane_products()));
            for (bias, sum) in biases.iter_mut().zip(sums) {
                *bias = bias.wrapping_sub(shift.wrapping_mul(sum));
            }
        }
    }

    /// The patch that this kernel reads, of so many elements.
    pub(super) fn patch<'a>(
        self,
        words: &'a mut [i16],
        bytes: &'a mut [u8],
        elements: usize,
    ) -> PatchMut<'a> {
        match self.lane_products() {
            2 => PatchMut::Words(words.get_mut(..elements + SLACK).unwrap_or_default()),
            _ => PatchMut::Bytes(bytes.get_mut(..elements + SLACK).unwrap_or_default()),
        }
    }

    /// Sums, requantised.
    pub(super) fn product(self, job: &Product, output: &mut [i8]) {
        let done = match self {
            Self::Scalar => false,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm::product(job, output),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::product(job, output),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::product(job, output),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => vnni::product(job, output),
        };
        if !done {
            scalar::product(job, output);
        }
    }

    /// Sums of each channel, requantised.
    pub(super) fn depthwise(self, job: &Depthwise, output: &mut [i8]) {
        let done = match self {
            Self::Scalar => false,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm::depthwise(job, output),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::depthwise(job, output),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::depthwise(job, output),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => vnni::depthwise(job, output),
        };
        if !done {
            scalar::depthwise(job, output);
        }
    }

    /// `clamp(round_half_even(f32(x) / scale) + zero point)`.
    pub(super) fn quantise(self, values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::quantise(values, scale, bounds, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::quantise(values, scale, bounds, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => vnni::quantise(values, scale, bounds, cells),
            _ => scalar::quantise(values, scale, bounds, cells),
        }
    }

    /// Adds a pixel to the sums of its channels.
    pub(super) fn accumulate(self, sums: &mut [i32], pixel: &[i8]) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::accumulate(sums, pixel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Vnni => avx2_elements::accumulate(sums, pixel),
            _ => scalar::accumulate(sums, pixel),
        }
    }

    /// Adds a pixel of an input of `(scale, zero point)` to the real sums of its channels, which are kept as bits.
    pub(super) fn accumulate_real(self, sums: &mut [i32], pixel: &[i8], input: (f32, i8)) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::accumulate_real(sums, pixel, input),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Vnni => avx2_elements::accumulate_real(sums, pixel, input),
            _ => scalar::accumulate_real(sums, pixel, input),
        }
    }

    /// Sums of two activations in real numbers.
    pub(super) fn add_real(self, terms: &RealTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::add_real(terms, inputs, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::add_real(terms, inputs, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => vnni::add_real(terms, inputs, cells),
            _ => scalar::add_real(terms, inputs, cells),
        }
    }

    /// Sums of two activations in fixed point.
    pub(super) fn add_fixed(self, terms: &FixedTerms, inputs: (&[i8], &[i8]), cells: &mut [i8]) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::add_fixed(terms, inputs, cells),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Vnni => avx2_elements::add_fixed(terms, inputs, cells),
            _ => scalar::add_fixed(terms, inputs, cells),
        }
    }

    /// Values without their zero point.
    pub(super) fn widen(self, from: &[i8], zero_point: i8, to: &mut [i16]) {
        match self {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm_elements::widen(from, zero_point, to),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Vnni => avx2_elements::widen(from, zero_point, to),
            _ => scalar::widen(from, zero_point, to),
        }
    }
}

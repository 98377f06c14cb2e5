//! The inner loops, one implementation a set of instructions. [`scalar`] is the definition; the others give its bits.

mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use super::patch::{Patch, PatchMut, SLACK};
use super::rounding::Epilogue;
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
    /// Values without their zero point, [`DEPTH_BLOCK`] · blocks a pixel.
    pub(super) patch: &'a [i16],
    pub(super) pixels: &'a [u32],
    /// Start of each pair of taps in its window; a last odd tap stands twice, with the weight 0.
    pub(super) taps: &'a [(u32, u32)],
    /// `[block][pair of taps][channel of the block][tap of the pair]`.
    pub(super) weights: &'a [i16],
    pub(super) epilogue: &'a Epilogue,
    pub(super) channels: usize,
}

/// Channels of a depthwise block.
pub(super) const DEPTH_BLOCK: usize = 8;

impl Kernel {
    /// The best there is.
    pub(super) fn choose(simd: Simd) -> Self {
        match simd {
            Simd::Off => Self::Scalar,
            Simd::Auto => Self::best(),
        }
    }

    fn best() -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::Wasm;
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::Scalar
    }

    /// The kernel for a layer's weights.
    pub(super) fn for_weights(self, _weights: &Weights) -> Self {
        self
    }

    /// Outputs of a packed block.
    pub(super) fn block(self) -> usize {
        8
    }

    /// Products that a lane sums in one step.
    pub(super) fn lane_products(self) -> usize {
        2
    }

    /// Adds to the biases what a kernel's patches shift the sums by.
    pub(super) fn shift_bias(
        self,
        _bias: &mut [i32],
        _weights: &Packed,
        _outputs: (usize, usize),
        _zero_point: i8,
    ) {
    }

    /// The patch that this kernel reads, of so many elements.
    pub(super) fn patch<'a>(
        self,
        words: &'a mut [i16],
        _bytes: &'a mut [u8],
        elements: usize,
    ) -> PatchMut<'a> {
        PatchMut::Words(words.get_mut(..elements + SLACK).unwrap_or_default())
    }

    /// Sums, requantised.
    pub(super) fn product(self, job: &Product, output: &mut [i8]) {
        let done = match self {
            Self::Scalar => false,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm::product(job, output),
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
        };
        if !done {
            scalar::depthwise(job, output);
        }
    }

    /// `clamp(round_half_even(f32(x) / scale) + zero point)`; `(scale, zero point)`.
    pub(super) fn quantise(self, values: &[f64], to: (f32, i8), cells: &mut [i8]) {
        scalar::quantise(values, to, cells);
    }

    /// Values without their zero point.
    pub(super) fn widen(self, from: &[i8], zero_point: i8, to: &mut [i16]) {
        match self {
            Self::Scalar => scalar::widen(from, zero_point, to),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => wasm::widen(from, zero_point, to),
        }
    }
}

//! Depthwise convolutions at run time: a block of channels side by side, the taps two at a time.

use super::epilogue::Epilogue;
use super::kernel::{Depthwise as Job, Kernel};
use super::model::{Tensor, Window};
use super::patch::{Frame, PatchMemory, SLACK, fill};
use super::product::offset;
use super::program::{Geometry, Product};
use super::shape::plane;
use super::weights::Weights;

/// A depthwise convolution.
pub(super) struct DepthwiseRun {
    kernel: Kernel,
    weights: Vec<i16>,
    epilogue: Epilogue,
    frame: Frame,
    /// Channels of a pixel of the patch: a whole number of blocks.
    stride: usize,
    taps: Vec<(u32, u32)>,
    pixels: Vec<u32>,
    input_zero_point: i8,
}

impl DepthwiseRun {
    /// Prepares a checked layer; `None` where it is not depthwise.
    pub(super) fn new(
        product: &Product,
        (input, output): (&Tensor, &Tensor),
        kernel: Kernel,
    ) -> Option<Self> {
        let Geometry::Depthwise { window } = &product.geometry else {
            return None;
        };
        let frame = Frame::new(window, plane(&input.shape)?)?;
        let channels = frame.plane.channels;
        let kernel = kernel.for_depth(channels);
        let stride = channels.next_multiple_of(kernel.block());
        Some(Self {
            kernel,
            weights: interleaved(&product.weights, (window.taps(), channels), kernel.block()),
            epilogue: Epilogue::new(
                &product.bias,
                &product.requantize,
                product.clamp,
                output.zero_point,
                (1, kernel.block()),
            ),
            taps: tap_pairs(window, frame.padded.1, stride),
            pixels: frame.window_starts(window, stride),
            frame,
            stride,
            input_zero_point: input.zero_point,
        })
    }

    /// Computes `rows` rows: `input` and `output` hold them side by side.
    pub(super) fn run(
        &self,
        rows: usize,
        input: &[i8],
        output: &mut [i8],
        memory: &mut PatchMemory,
    ) {
        let channels = self.frame.plane.channels;
        let elements = self.patch_elements() + SLACK;
        let patch = memory.words.get_mut(..elements).unwrap_or_default();
        let length = (output.len() / rows.max(1)).max(1);
        let from = input.chunks_exact((input.len() / rows.max(1)).max(1));
        for (input, output) in from.zip(output.chunks_exact_mut(length)) {
            let whole = ((0, channels), self.stride);
            fill(&self.frame, input, whole, patch, 0, |from, to| {
                self.kernel.widen(from, self.input_zero_point, to);
            });
            let job = Job {
                patch,
                pixels: &self.pixels,
                taps: &self.taps,
                weights: &self.weights,
                epilogue: &self.epilogue,
                channels,
            };
            self.kernel.depthwise(&job, output);
        }
    }

    /// Elements of working memory.
    pub(super) fn patch_elements(&self) -> usize {
        self.frame.elements(self.stride)
    }
}

/// `[block][pair of taps][channel][tap of the pair]` of `[tap][channel]`.
fn interleaved(weights: &Weights, (taps, channels): (usize, usize), width: usize) -> Vec<i16> {
    let weight = |tap: usize, channel: usize| {
        let index = tap * channels + channel;
        let inside = tap < taps && channel < channels;
        match weights {
            _ if !inside => 0,
            Weights::Narrow(list) => list.get(index).map_or(0, |&it| i16::from(it)),
            Weights::Wide(list) => list.get(index).copied().unwrap_or_default(),
        }
    };
    let mut list = Vec::new();
    for block in (0..channels).step_by(width) {
        for pair in (0..taps).step_by(2) {
            for channel in block..block + width {
                list.extend([weight(pair, channel), weight(pair + 1, channel)]);
            }
        }
    }
    list
}

fn tap_pairs(window: &Window, width: usize, stride: usize) -> Vec<(u32, u32)> {
    let rows = 0..window.kernel.0;
    let starts: Vec<u32> = rows
        .flat_map(|y| (0..window.kernel.1).map(move |x| (y, x)))
        .map(|(y, x)| {
            offset(
                y * window.dilation.0 * width + x * window.dilation.1,
                stride,
            )
        })
        .collect();
    let pairs = starts.chunks(2);
    pairs
        .filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
        .collect()
}

//! Layers with weights at run time: the input as a patch that needs no edge cases, and the sums over it.

use super::epilogue::Epilogue;
use super::kernel::{Kernel, Product as Job};
use super::model::{Tensor, Window};
use super::patch::{Frame, Patch, PatchMemory};
use super::program::{Geometry, Product};
use super::shape::plane;
use super::weights::{Packed, WeightsShape};

/// A dense layer or a convolution whose outputs see several channels.
pub(super) struct ProductRun {
    kernel: Kernel,
    weights: Packed,
    epilogue: Epilogue,
    /// Where the windows lie; a dense layer has none, and its rows are its pixels.
    frame: Option<Frame>,
    groups: usize,
    /// Outputs of a group.
    outputs: usize,
    /// Inputs of a group's pixel, or of the whole row of a dense layer.
    inputs: usize,
    /// Start of each run relative to the window's first element.
    runs: Vec<u32>,
    /// Start of each window in the patch.
    pixels: Vec<u32>,
    input_zero_point: i8,
}

impl ProductRun {
    /// Prepares a checked layer; `None` for a depthwise one or where it does not fit its tensors.
    pub(super) fn new(
        product: &Product,
        (input, output): (&Tensor, &Tensor),
        kernel: Kernel,
    ) -> Option<Self> {
        let shape = product.geometry.weights_shape(input, output)?;
        let WeightsShape::Blocked {
            groups,
            outputs,
            runs,
            run,
        } = shape
        else {
            return None;
        };
        let kernel = kernel.for_weights(&product.weights);
        let (frame, inputs, run_starts, pixels) = match &product.geometry {
            Geometry::Dense => (None, run, vec![0], Vec::new()),
            Geometry::Conv { window, .. } | Geometry::Depthwise { window } => {
                let frame = Frame::new(window, plane(&input.shape)?)?;
                let inputs = frame.plane.channels.checked_div(groups)?;
                let starts = run_starts(window, &frame, inputs);
                let pixels = frame.window_starts(window, inputs);
                (Some(frame), inputs, starts, pixels)
            }
        };
        let mut bias = product.bias.clone();
        let packed = Packed::new(&product.weights, (groups, outputs, runs, run), kernel);
        kernel.shift_bias(&mut bias, &packed, (groups, outputs), input.zero_point);
        Some(Self {
            kernel,
            weights: packed,
            epilogue: Epilogue::new(
                &bias,
                &product.requantize,
                product.clamp,
                output.zero_point,
                (groups, kernel.block()),
            ),
            frame,
            groups,
            outputs,
            inputs,
            runs: run_starts,
            pixels,
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
        match &self.frame {
            None => self.run_dense(rows, input, output, memory),
            Some(frame) => {
                let length = (output.len() / rows.max(1)).max(1);
                let from = input.chunks_exact((input.len() / rows.max(1)).max(1));
                for (input, output) in from.zip(output.chunks_exact_mut(length)) {
                    self.run_windows(frame, input, output, memory);
                }
            }
        }
    }

    fn run_dense(&self, rows: usize, input: &[i8], output: &mut [i8], memory: &mut PatchMemory) {
        let stride = self.inputs.next_multiple_of(self.kernel.lane_products());
        memory.rows(rows, stride);
        let PatchMemory {
            pixels,
            words,
            bytes,
        } = memory;
        let patch = self.kernel.patch(words, bytes, rows * stride);
        let patch = patch.rows(
            input,
            (self.inputs, stride),
            self.input_zero_point,
            self.kernel,
        );
        let starts = pixels.get(..rows).unwrap_or_default();
        self.kernel
            .product(&self.job(0, patch, starts, self.outputs), output);
    }

    fn run_windows(
        &self,
        frame: &Frame,
        input: &[i8],
        output: &mut [i8],
        memory: &mut PatchMemory,
    ) {
        for group in 0..self.groups {
            let channels = (group * self.inputs, self.inputs);
            let elements = frame.elements(self.inputs);
            let PatchMemory { words, bytes, .. } = &mut *memory;
            let patch = self.kernel.patch(words, bytes, elements);
            let patch = patch.framed(frame, input, channels, self.input_zero_point, self.kernel);
            let job = self.job(group, patch, &self.pixels, self.groups * self.outputs);
            self.kernel.product(&job, output);
        }
    }

    fn job<'a>(
        &'a self,
        group: usize,
        patch: Patch<'a>,
        pixels: &'a [u32],
        stride: usize,
    ) -> Job<'a> {
        Job {
            patch,
            pixels,
            runs: &self.runs,
            weights: self.weights.group(group),
            steps: self.weights.steps(),
            epilogue: &self.epilogue,
            first_channel: group * self.outputs.next_multiple_of(self.kernel.block()),
            outputs: self.outputs,
            first_output: group * self.outputs,
            output_stride: stride,
        }
    }

    /// Elements of working memory for `rows` rows.
    pub(super) fn patch_elements(&self, rows: usize) -> usize {
        match &self.frame {
            None => rows * self.inputs.next_multiple_of(self.kernel.lane_products()),
            Some(frame) => frame.elements(self.inputs),
        }
    }
}

fn run_starts(window: &Window, frame: &Frame, channels: usize) -> Vec<u32> {
    let starts = window.run_starts();
    starts
        .map(|(y, x)| offset(y * frame.padded.1 + x, channels))
        .collect()
}

/// Elements before a pixel; a frame has fewer than 2^32.
#[expect(clippy::cast_possible_truncation, reason = "bounded by MAX_ELEMENTS")]
pub(super) fn offset(pixel: usize, channels: usize) -> u32 {
    (pixel * channels) as u32
}

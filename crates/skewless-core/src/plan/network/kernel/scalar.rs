//! The definition of every kernel, in plain Rust.

use super::super::add::{FixedTerms, RealTerms};
use super::super::epilogue::Bounds;
use super::super::patch::Patch;
use super::super::weights::PackedGroup;
use super::{Depthwise, Product};

/// Outputs of a packed block; channels of a depthwise one.
const BLOCK: usize = 8;

/// Sums `(x − zero point) · weight` in i32, which wraps; adds the bias; requantises.
pub(super) fn product(job: &Product, output: &mut [i8]) {
    let Patch::Words(patch) = job.patch else {
        return;
    };
    match job.weights {
        PackedGroup::Narrow(weights) => product_of(job, patch, weights, output),
        PackedGroup::Wide(weights) => product_of(job, patch, weights, output),
    }
}

fn product_of<W: Copy + Into<i32>>(job: &Product, patch: &[i16], weights: &[W], output: &mut [i8]) {
    let block_length = (job.runs.len() * job.steps * 2 * BLOCK).max(1);
    let cells = output.chunks_exact_mut(job.output_stride.max(1));
    for (&pixel, cells) in job.pixels.iter().zip(cells) {
        let window = patch.get(pixel as usize..).unwrap_or_default();
        let group = cells.get_mut(job.first_output..).unwrap_or_default();
        let blocks = weights.chunks_exact(block_length).enumerate();
        for ((block, weights), cells) in blocks.zip(group.chunks_mut(BLOCK)) {
            let first = job.first_channel + block * BLOCK;
            let sums = block_sums(job, window, weights, first);
            let wanted = job.outputs.saturating_sub(block * BLOCK);
            for ((lane, &sum), cell) in sums.iter().enumerate().zip(cells).take(wanted) {
                *cell = job.epilogue.quantised(first + lane, sum);
            }
        }
    }
}

/// The accumulators of a block: its biases and all its products.
fn block_sums<W: Copy + Into<i32>>(
    job: &Product,
    window: &[i16],
    weights: &[W],
    first: usize,
) -> [i32; BLOCK] {
    let mut sums = [0; BLOCK];
    let biases = job.epilogue.bias.get(first..).unwrap_or_default();
    sums.iter_mut().zip(biases).for_each(|(to, &it)| *to = it);
    let runs = weights.chunks_exact((job.steps * 2 * BLOCK).max(1));
    for (&run, weights) in job.runs.iter().zip(runs) {
        let values = window.get(run as usize..).unwrap_or_default();
        for (pair, weights) in values.chunks_exact(2).zip(weights.chunks_exact(2 * BLOCK)) {
            add_pairs(&mut sums, pair, weights);
        }
    }
    sums
}

fn add_pairs<W: Copy + Into<i32>>(sums: &mut [i32], pair: &[i16], weights: &[W]) {
    let &[a, b] = pair else { return };
    for (sum, weights) in sums.iter_mut().zip(weights.chunks_exact(2)) {
        let &[by_a, by_b] = weights else { return };
        let products = i32::from(a) * by_a.into() + i32::from(b) * by_b.into();
        *sum = sum.wrapping_add(products);
    }
}

/// Sums over the taps of each channel; otherwise as [`product`].
pub(super) fn depthwise(job: &Depthwise, output: &mut [i8]) {
    let block_length = (job.taps.len() * 2 * BLOCK).max(1);
    let cells = output.chunks_exact_mut(job.channels.max(1));
    for (&pixel, cells) in job.pixels.iter().zip(cells) {
        let blocks = job.weights.chunks_exact(block_length).enumerate();
        for ((block, weights), cells) in blocks.zip(cells.chunks_mut(BLOCK)) {
            let first = block * BLOCK;
            let start = pixel as usize + first;
            let window = job.patch.get(start..).unwrap_or_default();
            let sums = tap_sums(job, window, weights, first);
            for ((lane, &sum), cell) in sums.iter().enumerate().zip(cells) {
                *cell = job.epilogue.quantised(first + lane, sum);
            }
        }
    }
}

fn tap_sums(job: &Depthwise, window: &[i16], weights: &[i16], first: usize) -> [i32; BLOCK] {
    let mut sums = [0; BLOCK];
    let biases = job.epilogue.bias.get(first..).unwrap_or_default();
    sums.iter_mut().zip(biases).for_each(|(to, &it)| *to = it);
    for (&(a, b), weights) in job.taps.iter().zip(weights.chunks_exact(2 * BLOCK)) {
        let a = window.get(a as usize..).unwrap_or_default();
        let b = window.get(b as usize..).unwrap_or_default();
        let values = a.iter().zip(b).zip(weights.chunks_exact(2));
        for (sum, ((&a, &b), weights)) in sums.iter_mut().zip(values) {
            let &[by_a, by_b] = weights else { break };
            let products = i32::from(a) * i32::from(by_a) + i32::from(b) * i32::from(by_b);
            *sum = sum.wrapping_add(products);
        }
    }
    sums
}

/// Values without their zero point.
#[inline(always)]
pub(super) fn widen(from: &[i8], zero_point: i8, to: &mut [i16]) {
    for (from, to) in from.iter().zip(to) {
        *to = i16::from(*from) - i16::from(zero_point);
    }
}

/// Reals as int8, by an f32 division.
#[expect(clippy::cast_possible_truncation, reason = "the meaning is f32")]
#[inline(always)]
pub(super) fn quantise(values: &[f64], scale: f32, bounds: &Bounds, cells: &mut [i8]) {
    for (&value, cell) in values.iter().zip(cells) {
        *cell = bounds.of_real(value as f32 / scale);
    }
}

/// Adds a pixel to the sums of its channels.
#[inline(always)]
pub(super) fn accumulate(sums: &mut [i32], pixel: &[i8]) {
    for (sum, &value) in sums.iter_mut().zip(pixel) {
        *sum += i32::from(value);
    }
}

/// Adds a pixel, as `(q − zero point) · scale` in f32, to the sums of its channels, which are kept as their bits.
#[inline(always)]
pub(super) fn accumulate_real(sums: &mut [i32], pixel: &[i8], (scale, zero_point): (f32, i8)) {
    for (sum, &value) in sums.iter_mut().zip(pixel) {
        let x = f32::from(i16::from(value) - i16::from(zero_point)) * scale;
        let sum_so_far = f32::from_bits(sum.cast_unsigned());
        *sum = (sum_so_far + x).to_bits().cast_signed();
    }
}

/// Sums of two activations in real numbers.
#[inline(always)]
pub(super) fn add_real(terms: &RealTerms, (a, b): (&[i8], &[i8]), cells: &mut [i8]) {
    for ((&a, &b), cell) in a.iter().zip(b).zip(cells) {
        let real = terms.term(0, a) + terms.term(1, b);
        *cell = terms.bounds.of_real(real / terms.scale);
    }
}

/// Sums of two activations in fixed point.
#[inline(always)]
pub(super) fn add_fixed(terms: &FixedTerms, (a, b): (&[i8], &[i8]), cells: &mut [i8]) {
    for ((&a, &b), cell) in a.iter().zip(b).zip(cells) {
        let sum = terms.term(0, a).wrapping_add(terms.term(1, b));
        *cell = terms.bounds.of_steps(terms.sum(sum));
    }
}

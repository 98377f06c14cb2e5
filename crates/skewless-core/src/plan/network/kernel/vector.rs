//! The loops of the vector kernels, written once over what a set of instructions can do ([`Lanes`], [`Depth`]).
//!
//! A product runs over tiles of four pixels by one block of outputs: each vector of weights that is loaded meets four
//! broadcast steps of inputs, and all sums stay in registers.

#![expect(
    unsafe_code,
    reason = "inner loops without bounds checks; each entry checks all bounds first"
)]

use super::super::epilogue::{Bounds, Epilogue, FixedLanes, Scale};
use super::{DEPTH_BLOCK, Depthwise, Product};

/// A block of outputs in registers. Every function is unsafe because it reads where it is told to, and because the
/// processor must have the instructions.
pub(super) trait Lanes {
    /// Outputs of a block.
    const BLOCK: usize;
    /// Inputs of a step.
    const STEP: usize;
    /// An element of the patch.
    type Element: Copy;
    /// i32 accumulators of a block.
    type Sums: Copy;
    /// A step of inputs, broadcast.
    type Values: Copy;
    /// A step of weights.
    type Weights: Copy;

    /// [`Self::BLOCK`] accumulators.
    unsafe fn load(at: *const i32) -> Self::Sums;
    /// [`Self::STEP`] inputs, for every output.
    unsafe fn values(at: *const Self::Element) -> Self::Values;
    /// Adds the products of a step.
    unsafe fn add(sums: Self::Sums, weights: Self::Weights, values: Self::Values) -> Self::Sums;
    /// Scales by f32 multipliers, bounds, rounds half to even, adds the zero point and stores [`Self::BLOCK`] int8.
    unsafe fn store_float(sums: Self::Sums, multipliers: *const f32, bounds: &Bounds, to: *mut i8);
    /// Scales with both fixed roundings, bounds, adds the zero point and stores [`Self::BLOCK`] int8.
    unsafe fn store_fixed(
        sums: Self::Sums,
        lanes: &FixedLanes,
        channel: usize,
        bounds: &Bounds,
        to: *mut i8,
    );
    /// Stores the accumulators.
    unsafe fn store(sums: Self::Sums, to: *mut i32);
}

/// Lanes that read weights of one width.
pub(super) trait Weighted<W>: Lanes {
    /// [`Lanes::BLOCK`] · [`Lanes::STEP`] weights.
    unsafe fn weights(at: *const W) -> Self::Weights;
}

/// Widest block of any kernel.
const WIDEST: usize = 16;

/// [`super::scalar::product`]; `false`, and nothing done, where the job's lists are too short for its loops.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn product<L: Weighted<W>, W>(
    job: &Product,
    patch: &[L::Element],
    weights: &[W],
    output: &mut [i8],
) -> bool {
    if !product_fits::<L>(job, patch.len(), weights.len(), output.len()) {
        return false;
    }
    let tile = Tile {
        job,
        patch: patch.as_ptr(),
        weights: weights.as_ptr(),
    };
    let count = job.pixels.len();
    let mut pixel = 0;
    // SAFETY: `product_fits` has compared every offset with the lengths. The last tile of several begins early enough
    // to be whole, and computes some pixels twice.
    unsafe {
        while pixel + 4 <= count || (pixel < count && count >= 4) {
            tile.four::<L>(pixel.min(count - 4), output.as_mut_ptr());
            pixel += 4;
        }
        while pixel < count {
            tile.one::<L>(pixel, output.as_mut_ptr());
            pixel += 1;
        }
    }
    true
}

/// Whether every index of a product's loops is inside its lists. Counted in 64 bits, which no product of lengths
/// leaves.
fn product_fits<L: Lanes>(job: &Product, patch: usize, weights: usize, output: usize) -> bool {
    let [patch, weights, output] = [patch, weights, output].map(wide);
    let read = greatest(job.pixels) + greatest(job.runs) + wide(job.steps) * wide(L::STEP);
    let filled = wide(job.outputs).next_multiple_of(wide(L::BLOCK));
    let needed = filled * wide(job.runs.len()) * wide(job.steps) * wide(L::STEP);
    read <= patch
        && needed <= weights
        && wide(job.first_channel) + filled <= wide(job.epilogue.channels())
        && job.first_output + job.outputs <= job.output_stride
        && wide(job.pixels.len()) * wide(job.output_stride) <= output
        && L::BLOCK <= WIDEST
}

fn wide(length: usize) -> u64 {
    length as u64
}

fn greatest(list: &[u32]) -> u64 {
    list.iter().copied().max().unwrap_or_default().into()
}

struct Tile<'a, E, W> {
    job: &'a Product<'a>,
    patch: *const E,
    weights: *const W,
}

impl<E: Copy, W> Tile<'_, E, W> {
    /// Where a pixel's window begins.
    #[inline(always)]
    unsafe fn window(&self, pixel: usize) -> *const E {
        // SAFETY: `product_fits`.
        unsafe {
            self.patch
                .add(*self.job.pixels.get_unchecked(pixel) as usize)
        }
    }

    #[inline(always)]
    unsafe fn four<L: Weighted<W, Element = E>>(&self, pixel: usize, output: *mut i8) {
        let job = self.job;
        let mut weights = self.weights;
        // SAFETY: `product_fits`.
        unsafe {
            let windows = (
                self.window(pixel),
                self.window(pixel + 1),
                self.window(pixel + 2),
                self.window(pixel + 3),
            );
            let cells = output.add(pixel * job.output_stride + job.first_output);
            let mut first = 0;
            while first < job.outputs {
                let channel = job.first_channel + first;
                let bias = L::load(job.epilogue.bias.as_ptr().add(channel));
                let (mut a, mut b, mut c, mut d) = (bias, bias, bias, bias);
                for &run in job.runs {
                    let run = run as usize;
                    let mut at_a = windows.0.add(run);
                    let mut at_b = windows.1.add(run);
                    let mut at_c = windows.2.add(run);
                    let mut at_d = windows.3.add(run);
                    for _ in 0..job.steps {
                        let by = L::weights(weights);
                        a = L::add(a, by, L::values(at_a));
                        b = L::add(b, by, L::values(at_b));
                        c = L::add(c, by, L::values(at_c));
                        d = L::add(d, by, L::values(at_d));
                        weights = weights.add(L::BLOCK * L::STEP);
                        at_a = at_a.add(L::STEP);
                        at_b = at_b.add(L::STEP);
                        at_c = at_c.add(L::STEP);
                        at_d = at_d.add(L::STEP);
                    }
                }
                let wanted = (job.outputs - first).min(L::BLOCK);
                let to = cells.add(first);
                finish::<L>(a, channel, job.epilogue, wanted, to);
                finish::<L>(b, channel, job.epilogue, wanted, to.add(job.output_stride));
                finish::<L>(
                    c,
                    channel,
                    job.epilogue,
                    wanted,
                    to.add(2 * job.output_stride),
                );
                finish::<L>(
                    d,
                    channel,
                    job.epilogue,
                    wanted,
                    to.add(3 * job.output_stride),
                );
                first += L::BLOCK;
            }
        }
    }

    #[inline(always)]
    unsafe fn one<L: Weighted<W, Element = E>>(&self, pixel: usize, output: *mut i8) {
        let job = self.job;
        let mut weights = self.weights;
        // SAFETY: `product_fits`.
        unsafe {
            let window = self.window(pixel);
            let cells = output.add(pixel * job.output_stride + job.first_output);
            let mut first = 0;
            while first < job.outputs {
                let channel = job.first_channel + first;
                let mut sums = L::load(job.epilogue.bias.as_ptr().add(channel));
                for &run in job.runs {
                    let mut at = window.add(run as usize);
                    for _ in 0..job.steps {
                        sums = L::add(sums, L::weights(weights), L::values(at));
                        weights = weights.add(L::BLOCK * L::STEP);
                        at = at.add(L::STEP);
                    }
                }
                let wanted = (job.outputs - first).min(L::BLOCK);
                finish::<L>(sums, channel, job.epilogue, wanted, cells.add(first));
                first += L::BLOCK;
            }
        }
    }
}

/// Requantises a block and stores its first `wanted` outputs.
///
/// A function of its own in WebAssembly, where bytes count; elsewhere its callers alone have the instructions.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn finish<L: Lanes>(
    sums: L::Sums,
    channel: usize,
    epilogue: &Epilogue,
    wanted: usize,
    to: *mut i8,
) {
    let mut spare = [0i8; WIDEST];
    let whole = wanted == L::BLOCK;
    // SAFETY: lists of the epilogue are as long as the caller has checked, and `to` has room for `wanted` values.
    unsafe {
        let cells = if whole { to } else { spare.as_mut_ptr() };
        match &epilogue.scale {
            Scale::Float(multipliers) => {
                L::store_float(
                    sums,
                    multipliers.as_ptr().add(channel),
                    &epilogue.bounds,
                    cells,
                );
            }
            Scale::Fixed(_, _, Some(lanes)) => {
                L::store_fixed(sums, lanes, channel, &epilogue.bounds, cells);
            }
            Scale::Fixed(..) | Scale::FixedOnce(..) => {
                let mut list = [0i32; WIDEST];
                L::store(sums, list.as_mut_ptr());
                for (lane, &sum) in list.iter().enumerate().take(L::BLOCK) {
                    *cells.add(lane) = epilogue.quantised(channel + lane, sum);
                }
            }
        }
        if !whole {
            std::ptr::copy_nonoverlapping(spare.as_ptr(), to, wanted);
        }
    }
}

/// A block of channels of a depthwise convolution, as [`Lanes`] with products channel by channel.
pub(super) trait Depth: Lanes {
    /// Adds the products of two taps of [`DEPTH_BLOCK`] channels with their interleaved weights.
    unsafe fn add_taps(
        sums: Self::Sums,
        a: *const i16,
        b: *const i16,
        weights: *const i16,
    ) -> Self::Sums;
}

/// [`super::scalar::depthwise`]; `false`, and nothing done, where the job's lists are too short for its loops.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn depthwise<L: Depth>(job: &Depthwise, output: &mut [i8]) -> bool {
    if !depthwise_fits::<L>(job, output.len()) {
        return false;
    }
    // SAFETY: `depthwise_fits` has compared every offset with the lengths.
    unsafe {
        let mut first = 0;
        while first < job.channels {
            let wanted = (job.channels - first).min(DEPTH_BLOCK);
            let block = job.weights.as_ptr().add(first * job.taps.len() * 2);
            let bias = L::load(job.epilogue.bias.as_ptr().add(first));
            let mut to = output.as_mut_ptr().add(first);
            for &pixel in job.pixels {
                let window = job.patch.as_ptr().add(pixel as usize + first);
                let mut sums = bias;
                let mut weights = block;
                for &(a, b) in job.taps {
                    sums = L::add_taps(
                        sums,
                        window.add(a as usize),
                        window.add(b as usize),
                        weights,
                    );
                    weights = weights.add(2 * DEPTH_BLOCK);
                }
                finish::<L>(sums, first, job.epilogue, wanted, to);
                to = to.wrapping_add(job.channels);
            }
            first += DEPTH_BLOCK;
        }
    }
    true
}

fn depthwise_fits<L: Lanes>(job: &Depthwise, output: usize) -> bool {
    let taps = job.taps.iter().map(|&(a, b)| u64::from(a.max(b))).max();
    let filled = wide(job.channels).next_multiple_of(wide(DEPTH_BLOCK));
    L::BLOCK == DEPTH_BLOCK
        && taps.unwrap_or_default() + greatest(job.pixels) + filled <= wide(job.patch.len())
        && wide(job.taps.len()) * 2 * filled <= wide(job.weights.len())
        && filled <= wide(job.epilogue.channels())
        && wide(job.pixels.len()) * wide(job.channels) <= wide(output)
}

//! The loops of the vector kernels, written once over what a set of instructions can do ([`Lanes`], [`Depth`]).
//!
//! A product runs over tiles of some pixels by some blocks of outputs, as many as keep all sums in registers: each
//! vector of weights that is loaded meets every pixel of the tile, and each broadcast step of inputs every block.

#![expect(
    unsafe_code,
    reason = "inner loops without bounds checks; each entry checks all bounds first"
)]

#[cfg(target_arch = "x86_64")]
use super::super::add::RealTerms;
use super::super::epilogue::{Bounds, Epilogue, FixedLanes, Scale};
use super::{Depthwise, Product};

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

/// Pixels of a tile.
const PIXELS: usize = 4;

/// [`super::scalar::product`]; `false`, and nothing done, where the job's lists are too short for its loops. A tile of
/// [`PIXELS`] has `BLOCKS` blocks; a pixel that is left over has `ALONE` at a time.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn product<L: Weighted<W>, W, const BLOCKS: usize, const ALONE: usize>(
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
        output: output.as_mut_ptr(),
    };
    let count = job.pixels.len();
    let mut pixel = 0;
    // SAFETY: `product_fits` has compared every offset with the lengths. The last tile of several begins early enough
    // to be whole, and computes some pixels twice.
    unsafe {
        while pixel < count {
            if count >= 2 * PIXELS && job.outputs < BLOCKS * L::BLOCK {
                // Few outputs leave room for more pixels.
                tile.pixels::<L, { 2 * PIXELS }, 1>(pixel.min(count - 2 * PIXELS));
                pixel += 2 * PIXELS;
            } else if count >= PIXELS {
                tile.pixels::<L, PIXELS, BLOCKS>(pixel.min(count - PIXELS));
                pixel += PIXELS;
            } else {
                tile.pixels::<L, 1, ALONE>(pixel);
                pixel += 1;
            }
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
    output: *mut i8,
}

impl<E: Copy, W> Tile<'_, E, W> {
    /// All outputs of some pixels, `BLOCKS` blocks at a time.
    #[inline(always)]
    unsafe fn pixels<L, const P: usize, const BLOCKS: usize>(&self, pixel: usize)
    where
        L: Weighted<W, Element = E>,
    {
        let mut first = 0;
        // SAFETY: `product_fits`.
        unsafe {
            while first + (BLOCKS - 1) * L::BLOCK < self.job.outputs {
                self.blocks::<L, P, BLOCKS>(pixel, first);
                first += BLOCKS * L::BLOCK;
            }
            while first < self.job.outputs {
                self.blocks::<L, P, 1>(pixel, first);
                first += L::BLOCK;
            }
        }
    }

    /// `B` blocks of `P` pixels, from an output on.
    #[inline(always)]
    unsafe fn blocks<L, const P: usize, const B: usize>(&self, pixel: usize, first: usize)
    where
        L: Weighted<W, Element = E>,
    {
        let job = self.job;
        let block = job.runs.len() * job.steps * L::BLOCK * L::STEP;
        let channel = job.first_channel + first;
        // SAFETY: `product_fits`.
        unsafe {
            let mut windows = [self.patch; P];
            for (lane, window) in windows.iter_mut().enumerate() {
                *window = window.add(*job.pixels.get_unchecked(pixel + lane) as usize);
            }
            let mut weights = [self.weights.add(first / L::BLOCK * block); B];
            let mut bias = [L::load(job.epilogue.bias.as_ptr().add(channel)); B];
            for (lane, (weights, bias)) in weights.iter_mut().zip(&mut bias).enumerate() {
                *weights = weights.add(lane * block);
                *bias = L::load(job.epilogue.bias.as_ptr().add(channel + lane * L::BLOCK));
            }
            let mut sums = [bias; P];
            for &run in job.runs {
                let mut at = windows;
                for at in &mut at {
                    *at = at.add(run as usize);
                }
                for _ in 0..job.steps {
                    let mut by = [L::weights(weights[0]); B];
                    for (by, weights) in by.iter_mut().zip(&mut weights) {
                        *by = L::weights(*weights);
                        *weights = weights.add(L::BLOCK * L::STEP);
                    }
                    for (sums, at) in sums.iter_mut().zip(&mut at) {
                        let values = L::values(*at);
                        *at = at.add(L::STEP);
                        for (sum, by) in sums.iter_mut().zip(by) {
                            *sum = L::add(*sum, by, values);
                        }
                    }
                }
            }
            let to = job.first_output + first;
            let cells = self.output.add(pixel * job.output_stride + to);
            let wanted = job.outputs - first;
            finish::<L, P, B>(
                &sums,
                (channel, wanted),
                job.epilogue,
                (cells, job.output_stride),
            );
        }
    }
}

/// Requantises blocks of some pixels, from a channel on, and stores their first `wanted` outputs; pixels are `stride`
/// apart.
///
/// A function of its own in WebAssembly, where bytes count; elsewhere its callers alone have the instructions.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn finish<L: Lanes, const P: usize, const B: usize>(
    sums: &[[L::Sums; B]; P],
    (channel, wanted): (usize, usize),
    epilogue: &Epilogue,
    (to, stride): (*mut i8, usize),
) {
    let bounds = &epilogue.bounds;
    // SAFETY: lists of the epilogue are as long as the caller has checked, and `to` has room for `wanted` values of each
    // pixel.
    unsafe {
        match &epilogue.scale {
            Scale::Float(multipliers) if wanted >= B * L::BLOCK => {
                for (lane, sums) in sums.iter().enumerate() {
                    for (block, sums) in sums.iter().enumerate() {
                        let by = multipliers.as_ptr().add(channel + block * L::BLOCK);
                        let cells = to.add(lane * stride + block * L::BLOCK);
                        L::store_float(*sums, by, bounds, cells);
                    }
                }
            }
            _ => {
                // A copy, because the loops index it, and what is indexed is kept in memory.
                let sums = *sums;
                for (lane, sums) in sums.iter().enumerate() {
                    for (block, sums) in sums.iter().enumerate() {
                        let first = block * L::BLOCK;
                        let wanted = (wanted - first).min(L::BLOCK);
                        let cells = to.add(lane * stride + first);
                        finish_block::<L>(*sums, channel + first, epilogue, wanted, cells);
                    }
                }
            }
        }
    }
}

/// Requantises a block and stores its first `wanted` outputs.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn finish_block<L: Lanes>(
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

/// A block of reals, as the loops over elements need it.
#[cfg(target_arch = "x86_64")]
pub(super) trait Reals: Lanes {
    /// [`Lanes::BLOCK`] f32.
    type Real: Copy;

    /// f64 rounded to f32.
    unsafe fn narrowed(at: *const f64) -> Self::Real;
    /// `(q − zero point) · scale`.
    unsafe fn term(input: (f32, i8), at: *const i8) -> Self::Real;
    /// Sums.
    unsafe fn add_reals(a: Self::Real, b: Self::Real) -> Self::Real;
    /// Divides by the scale, bounds, rounds half to even, adds the zero point and stores.
    unsafe fn store_divided(real: Self::Real, scale: f32, bounds: &Bounds, to: *mut i8);
}

/// [`super::scalar::quantise`].
///
/// # Safety
/// The processor must have the instructions of `L`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn quantise<L: Reals>(
    values: &[f64],
    scale: f32,
    bounds: &Bounds,
    cells: &mut [i8],
) {
    let mut blocks = cells.chunks_exact_mut(L::BLOCK);
    let whole = values.chunks_exact(L::BLOCK);
    let rest = whole.remainder();
    for (values, cells) in whole.zip(&mut blocks) {
        // SAFETY: a block of values is there, and room for one.
        unsafe {
            let real = L::narrowed(values.as_ptr());
            L::store_divided(real, scale, bounds, cells.as_mut_ptr());
        }
    }
    super::scalar::quantise(rest, scale, bounds, blocks.into_remainder());
}

/// [`super::scalar::add_real`].
///
/// # Safety
/// The processor must have the instructions of `L`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn add_real<L: Reals>(
    terms: &RealTerms,
    (a, b): (&[i8], &[i8]),
    cells: &mut [i8],
) {
    let mut blocks = cells.chunks_exact_mut(L::BLOCK);
    let (whole_a, whole_b) = (a.chunks_exact(L::BLOCK), b.chunks_exact(L::BLOCK));
    let rest = (whole_a.remainder(), whole_b.remainder());
    for ((a, b), cells) in whole_a.zip(whole_b).zip(&mut blocks) {
        // SAFETY: a block of each is there, and room for one.
        unsafe {
            let (a, b) = (
                L::term(terms.input(0), a.as_ptr()),
                L::term(terms.input(1), b.as_ptr()),
            );
            let (scale, bounds) = (terms.scale, &terms.bounds);
            L::store_divided(L::add_reals(a, b), scale, bounds, cells.as_mut_ptr());
        }
    }
    super::scalar::add_real(terms, rest, blocks.into_remainder());
}

/// A block of channels of a depthwise convolution, as [`Lanes`] with products channel by channel.
pub(super) trait Depth: Lanes {
    /// Adds the products of two taps of [`Lanes::BLOCK`] channels with their interleaved weights.
    unsafe fn add_taps(
        sums: Self::Sums,
        a: *const i16,
        b: *const i16,
        weights: *const i16,
    ) -> Self::Sums;
}

/// [`super::scalar::depthwise`]; `false`, and nothing done, where the job's lists are too short for its loops. `P`
/// pixels at a time meet each pair of taps.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn depthwise<L: Depth, const P: usize>(
    job: &Depthwise,
    output: &mut [i8],
) -> bool {
    if !depthwise_fits::<L>(job, output.len()) {
        return false;
    }
    let output = output.as_mut_ptr();
    // SAFETY: `depthwise_fits` has compared every offset with the lengths.
    unsafe {
        let mut first = 0;
        while first < job.channels {
            let mut pixel = 0;
            while pixel + P <= job.pixels.len() {
                channels::<L, P>(job, first, pixel, output);
                pixel += P;
            }
            while pixel < job.pixels.len() {
                channels::<L, 1>(job, first, pixel, output);
                pixel += 1;
            }
            first += L::BLOCK;
        }
    }
    true
}

/// A block of channels, from the `first` on, of `P` pixels.
#[inline(always)]
unsafe fn channels<L: Depth, const P: usize>(
    job: &Depthwise,
    first: usize,
    pixel: usize,
    output: *mut i8,
) {
    // SAFETY: `depthwise_fits`.
    unsafe {
        let mut windows = [job.patch.as_ptr().add(first); P];
        for (lane, window) in windows.iter_mut().enumerate() {
            *window = window.add(*job.pixels.get_unchecked(pixel + lane) as usize);
        }
        let mut weights = job.weights.as_ptr().add(first * job.taps.len() * 2);
        let mut sums = [L::load(job.epilogue.bias.as_ptr().add(first)); P];
        for &(a, b) in job.taps {
            for (sum, window) in sums.iter_mut().zip(windows) {
                let (a, b) = (window.add(a as usize), window.add(b as usize));
                *sum = L::add_taps(*sum, a, b, weights);
            }
            weights = weights.add(2 * L::BLOCK);
        }
        let cells = output.add(pixel * job.channels + first);
        let wanted = job.channels - first;
        let sums = sums.map(|sums| [sums]);
        finish::<L, P, 1>(&sums, (first, wanted), job.epilogue, (cells, job.channels));
    }
}

fn depthwise_fits<L: Lanes>(job: &Depthwise, output: usize) -> bool {
    let taps = job.taps.iter().map(|&(a, b)| u64::from(a.max(b))).max();
    let filled = wide(job.channels).next_multiple_of(wide(L::BLOCK));
    taps.unwrap_or_default() + greatest(job.pixels) + filled <= wide(job.patch.len())
        && wide(job.taps.len()) * 2 * filled <= wide(job.weights.len())
        && filled <= wide(job.epilogue.channels())
        && wide(job.pixels.len()) * wide(job.channels) <= wide(output)
        && L::BLOCK <= WIDEST
}

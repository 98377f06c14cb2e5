//! Pooling: the greatest or the mean element of each window.

use super::kernel::Kernel;
use super::model::{PoolMeaning, Tensor, Window};
use super::rounding::{bounded_steps, multiply_twice_rounded, step};
use super::shape::{Plane, plane};

/// A pool on its input.
pub(super) struct Pool {
    window: Window,
    from: Plane,
    to: Plane,
    kind: Kind,
}

enum Kind {
    Max,
    Average(Average),
}

/// How a sum becomes a mean.
struct Average {
    include_padding: bool,
    meaning: PoolMeaning,
    clamp: (i8, i8),
    input: (f32, i8),
    output: (f32, i8),
}

impl Pool {
    /// The greatest element of each window.
    pub(super) fn max(window: &Window, (input, output): (&Tensor, &Tensor)) -> Option<Self> {
        Self::new(window, (input, output), Kind::Max)
    }

    /// The mean of each window.
    pub(super) fn average(
        window: &Window,
        include_padding: bool,
        meaning: PoolMeaning,
        clamp: (i8, i8),
        (input, output): (&Tensor, &Tensor),
    ) -> Option<Self> {
        let average = Average {
            include_padding,
            meaning,
            clamp,
            input: (input.scale, input.zero_point),
            output: (output.scale, output.zero_point),
        };
        Self::new(window, (input, output), Kind::Average(average))
    }

    fn new(window: &Window, (input, output): (&Tensor, &Tensor), kind: Kind) -> Option<Self> {
        Some(Self {
            window: window.clone(),
            from: plane(&input.shape)?,
            to: plane(&output.shape)?,
            kind,
        })
    }

    /// Pools one row. `sums` has an element a channel.
    pub(super) fn run(&self, kernel: Kernel, input: &[i8], output: &mut [i8], sums: &mut [i32]) {
        let channels = self.from.channels.max(1);
        let sums = sums.get_mut(..channels).unwrap_or_default();
        let pixels = (0..self.to.height).flat_map(|y| (0..self.to.width).map(move |x| (y, x)));
        for (at, cells) in pixels.zip(output.chunks_exact_mut(channels)) {
            match &self.kind {
                Kind::Max => {
                    cells.fill(i8::MIN);
                    self.for_each_pixel(at, input, |pixel| {
                        for (cell, &value) in cells.iter_mut().zip(pixel) {
                            *cell = value.max(*cell);
                        }
                    });
                }
                Kind::Average(average) => {
                    sums.fill(0);
                    let mut count = 0;
                    self.for_each_pixel(at, input, |pixel| {
                        count += 1;
                        average.add(kernel, pixel, sums);
                    });
                    average.finish(sums, (count, self.window.taps()), cells);
                }
            }
        }
    }

    /// Calls `each` with the pixels of a window that lie on the input.
    fn for_each_pixel(&self, (y, x): (usize, usize), input: &[i8], mut each: impl FnMut(&[i8])) {
        let Plane {
            height,
            width,
            channels,
        } = self.from;
        let window = &self.window;
        let start = (y * window.stride.0, x * window.stride.1);
        for down in 0..window.kernel.0 {
            let Some(y) = inside(start.0 + down * window.dilation.0, window.before.0, height)
            else {
                continue;
            };
            for across in 0..window.kernel.1 {
                let x = inside(start.1 + across * window.dilation.1, window.before.1, width);
                let pixel = x.and_then(|x| {
                    let first = (y * width + x) * channels;
                    input.get(first..first + channels)
                });
                if let Some(pixel) = pixel {
                    each(pixel);
                }
            }
        }
    }
}

/// A coordinate of the padded input on the input itself.
fn inside(padded: usize, before: usize, size: usize) -> Option<usize> {
    padded.checked_sub(before).filter(|&at| at < size)
}

impl Average {
    /// Adds a pixel to the sums; those of [`PoolMeaning::Float`] are f32, kept as their bits.
    fn add(&self, kernel: Kernel, pixel: &[i8], sums: &mut [i32]) {
        match self.meaning {
            PoolMeaning::Float => kernel.accumulate_real(sums, pixel, self.input),
            PoolMeaning::Fixed | PoolMeaning::FixedMean { .. } => kernel.accumulate(sums, pixel),
        }
    }

    /// `(count, taps)`: pixels that were summed, and pixels of the window.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "windows have fewer than 2^24 pixels"
    )]
    fn finish(&self, sums: &[i32], (count, taps): (usize, usize), cells: &mut [i8]) {
        let divisor = if self.include_padding { taps } else { count }.max(1) as i32;
        let zero = count as i32 * i32::from(self.input.1);
        let (scale, zero_point) = self.output;
        let (lower, upper) = self.clamp;
        for (&sum, cell) in sums.iter().zip(cells) {
            let quantised = match self.meaning {
                PoolMeaning::Float => {
                    let mean = f32::from_bits(sum.cast_unsigned()) / divisor as f32;
                    step(bounded_steps(mean / scale, -255.0, 255.0), zero_point)
                }
                PoolMeaning::Fixed => step(divided_half_away(sum, divisor), 0),
                PoolMeaning::FixedMean { multiplier, shift } => {
                    let scaled = multiply_twice_rounded(sum - zero, multiplier, shift);
                    step(divided_half_away(scaled, divisor), zero_point)
                }
            };
            *cell = quantised.clamp(lower, upper);
        }
    }
}

/// A quotient rounded half away from zero.
fn divided_half_away(value: i32, divisor: i32) -> i32 {
    let half = divisor / 2;
    match value > 0 {
        true => value.saturating_add(half) / divisor,
        false => value.saturating_sub(half) / divisor,
    }
}

//! Pooling: the greatest or the mean element of each window.

use super::kernel::Kernel;
use super::model::{PoolMeaning, SumOrder, Tensor, Window};
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

    /// Sums that [`Pool::run`] keeps at once.
    pub(super) fn sums(&self) -> usize {
        let of_a_channel = match &self.kind {
            Kind::Max => 0,
            Kind::Average(average) => average.partial_sums(),
        };
        of_a_channel.saturating_mul(self.from.channels)
    }

    /// Pools one row. `sums` has [`Pool::sums`] elements.
    pub(super) fn run(&self, kernel: Kernel, input: &[i8], output: &mut [i8], sums: &mut [i32]) {
        let channels = self.from.channels.max(1);
        let sums = sums.get_mut(..self.sums()).unwrap_or_default();
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
                    let add = |pixel: &[i8], sums: &mut [i32]| average.add(kernel, pixel, sums);
                    let count = match average.meaning {
                        PoolMeaning::Float(SumOrder::Columns) => {
                            self.sum_columns(at, input, sums, add)
                        }
                        PoolMeaning::Float(SumOrder::Lanes) => self.sum_lanes(at, input, sums, add),
                        _ => self.sum_rows(at, input, sums, add),
                    };
                    average.finish(sums, (count, self.window.taps()), cells);
                }
            }
        }
    }

    /// Adds the pixels of a window as [`SumOrder::Rows`], or as integers, and counts them.
    fn sum_rows(
        &self,
        at: (usize, usize),
        input: &[i8],
        sums: &mut [i32],
        add: impl Fn(&[i8], &mut [i32]),
    ) -> usize {
        let mut count = 0;
        self.for_each_pixel(at, input, |pixel| {
            add(pixel, sums);
            count += 1;
        });
        count
    }

    /// As [`Pool::sum_rows`], in the order of [`SumOrder::Columns`].
    fn sum_columns(
        &self,
        at: (usize, usize),
        input: &[i8],
        sums: &mut [i32],
        add: impl Fn(&[i8], &mut [i32]),
    ) -> usize {
        let (totals, column) = sums.split_at_mut(sums.len() / 2);
        let mut count = 0;
        for across in 0..self.window.kernel.1 {
            column.fill(0);
            for down in 0..self.window.kernel.0 {
                if let Some(pixel) = self.pixel(at, (down, across), input) {
                    add(pixel, column);
                    count += 1;
                }
            }
            add_reals(totals, column);
        }
        count
    }

    /// As [`Pool::sum_rows`], in the order of [`SumOrder::Lanes`].
    fn sum_lanes(
        &self,
        at: (usize, usize),
        input: &[i8],
        sums: &mut [i32],
        add: impl Fn(&[i8], &mut [i32]),
    ) -> usize {
        let mut all = 0;
        self.for_each_pixel(at, input, |_| all += 1);
        let in_lanes = all - all % LANES;
        let channels = sums.len() / LANES;
        let mut count = 0;
        self.for_each_pixel(at, input, |pixel| {
            let lane = if count < in_lanes { count % LANES } else { 0 };
            let lane = sums.get_mut(lane * channels..).unwrap_or_default();
            add(pixel, lane.get_mut(..channels).unwrap_or_default());
            count += 1;
            if count == in_lanes {
                let (first, second) = sums.split_at_mut(2 * channels);
                add_reals(first, second);
                let (even, odd) = first.split_at_mut(channels);
                add_reals(even, odd);
            }
        });
        count
    }

    /// Calls `each` with the pixels of a window that lie on the input.
    fn for_each_pixel(&self, at: (usize, usize), input: &[i8], mut each: impl FnMut(&[i8])) {
        for down in 0..self.window.kernel.0 {
            for across in 0..self.window.kernel.1 {
                if let Some(pixel) = self.pixel(at, (down, across), input) {
                    each(pixel);
                }
            }
        }
    }

    /// A pixel of the window at `(y, x)`, where it lies on the input.
    fn pixel<'a>(
        &self,
        (y, x): (usize, usize),
        (down, across): (usize, usize),
        input: &'a [i8],
    ) -> Option<&'a [i8]> {
        let window = &self.window;
        let (y, x) = (
            y * window.stride.0 + down * window.dilation.0,
            x * window.stride.1 + across * window.dilation.1,
        );
        let y = inside(y, window.before.0, self.from.height)?;
        let x = inside(x, window.before.1, self.from.width)?;
        let first = (y * self.from.width + x) * self.from.channels;
        input.get(first..first + self.from.channels)
    }
}

/// Lanes of [`SumOrder::Lanes`].
const LANES: usize = 4;

/// Adds f32 to f32, both kept as their bits.
fn add_reals(sums: &mut [i32], others: &[i32]) {
    for (sum, &other) in sums.iter_mut().zip(others) {
        let real = f32::from_bits(sum.cast_unsigned()) + f32::from_bits(other.cast_unsigned());
        *sum = real.to_bits().cast_signed();
    }
}

/// A coordinate of the padded input on the input itself.
fn inside(padded: usize, before: usize, size: usize) -> Option<usize> {
    padded.checked_sub(before).filter(|&at| at < size)
}

impl Average {
    /// Sums that a channel needs at once.
    fn partial_sums(&self) -> usize {
        match self.meaning {
            PoolMeaning::Float(SumOrder::Columns) => 2,
            PoolMeaning::Float(SumOrder::Lanes) => LANES,
            _ => 1,
        }
    }

    /// Adds a pixel to the sums; those of [`PoolMeaning::Float`] are f32, kept as their bits.
    fn add(&self, kernel: Kernel, pixel: &[i8], sums: &mut [i32]) {
        match self.meaning {
            PoolMeaning::Float(_) => kernel.accumulate_real(sums, pixel, self.input),
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
                PoolMeaning::Float(_) => {
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

//! A layer's input as its kernel reads it: widened, and with the padding around it, so that no sum has edge cases.

use super::kernel::Kernel;
use super::model::Window;
use super::product::offset;
use super::shape::Plane;

/// An input with its padding.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) plane: Plane,
    pub(super) padded: (usize, usize),
    before: (usize, usize),
    windows: (usize, usize),
}

impl Frame {
    pub(super) fn new(window: &Window, plane: Plane) -> Option<Self> {
        let placed = window.place(plane)?;
        Some(Self {
            plane,
            padded: placed.padded,
            before: window.before,
            windows: placed.windows,
        })
    }

    /// Elements of a patch with so many channels.
    pub(super) fn elements(&self, channels: usize) -> usize {
        self.padded.0 * self.padded.1 * channels
    }

    /// The first element of each window, row-major.
    pub(super) fn window_starts(&self, window: &Window, channels: usize) -> Vec<u32> {
        let (down, across) = self.windows;
        let pixels = (0..down).flat_map(|y| (0..across).map(move |x| (y, x)));
        let starts = pixels.map(|(y, x)| {
            let pixel = y * window.stride.0 * self.padded.1 + x * window.stride.1;
            offset(pixel, channels)
        });
        starts.collect()
    }
}

/// Elements that a kernel may read, and multiply by 0, behind a patch's end.
pub(super) const SLACK: usize = 32;

/// Working memory for patches.
#[derive(Clone, Debug, Default)]
pub(super) struct PatchMemory {
    pub(super) words: Vec<i16>,
    pub(super) bytes: Vec<u8>,
    /// Starts of a dense layer's rows.
    pub(super) pixels: Vec<u32>,
}

impl PatchMemory {
    /// Room for patches of so many elements, and for so many rows.
    pub(super) fn reserve(&mut self, words: usize, bytes: usize, rows: usize) {
        let grow = |have: usize, want: usize| have.max(want + SLACK);
        self.words.resize(grow(self.words.len(), words), 0);
        self.bytes.resize(grow(self.bytes.len(), bytes), 0);
        self.pixels.resize(self.pixels.len().max(rows), 0);
    }

    /// Starts of rows that are `stride` elements long.
    pub(super) fn rows(&mut self, rows: usize, stride: usize) {
        for (row, start) in self.pixels.iter_mut().take(rows).enumerate() {
            *start = offset(row, stride);
        }
    }
}

/// A patch to be filled.
pub(super) enum PatchMut<'a> {
    /// Values without their zero point; the padding is 0.
    Words(&'a mut [i16]),
    /// Values plus 128; the padding is the zero point plus 128.
    Bytes(&'a mut [u8]),
}

/// A filled patch, with [`SLACK`] elements behind it.
#[derive(Clone, Copy)]
pub(super) enum Patch<'a> {
    /// Values without their zero point.
    Words(&'a [i16]),
    /// Values plus 128.
    Bytes(&'a [u8]),
}

impl<'a> PatchMut<'a> {
    /// Fills the patch with rows of `from` elements, each on a stride of `to`.
    pub(super) fn rows(
        self,
        input: &[i8],
        (from, to): (usize, usize),
        zero_point: i8,
        kernel: Kernel,
    ) -> Patch<'a> {
        match self {
            Self::Words(words) => {
                if from == to {
                    kernel.widen(input, zero_point, words);
                } else {
                    let rows = input.chunks_exact(from.max(1));
                    for (row, cells) in rows.zip(words.chunks_exact_mut(to.max(1))) {
                        kernel.widen(row, zero_point, cells);
                    }
                }
                Patch::Words(words)
            }
            Self::Bytes(bytes) => {
                let rows = input.chunks_exact(from.max(1));
                for (row, cells) in rows.zip(bytes.chunks_exact_mut(to.max(1))) {
                    offset_bytes(row, cells);
                }
                Patch::Bytes(bytes)
            }
        }
    }

    /// Fills the patch with some channels of an input, `(first, count)`, and the padding around them.
    pub(super) fn framed(
        self,
        frame: &Frame,
        input: &[i8],
        channels: (usize, usize),
        zero_point: i8,
        kernel: Kernel,
    ) -> Patch<'a> {
        match self {
            Self::Words(words) => {
                fill(
                    frame,
                    input,
                    (channels, channels.1),
                    words,
                    0,
                    |from, to| {
                        kernel.widen(from, zero_point, to);
                    },
                );
                Patch::Words(words)
            }
            Self::Bytes(bytes) => {
                let padding = offset_byte(zero_point);
                fill(
                    frame,
                    input,
                    (channels, channels.1),
                    bytes,
                    padding,
                    offset_bytes,
                );
                Patch::Bytes(bytes)
            }
        }
    }
}

/// Copies the pixels' channels `(first, count)` into the frame, where a pixel has room for `stride` of them.
pub(super) fn fill<T: Copy>(
    frame: &Frame,
    input: &[i8],
    ((first, count), stride): ((usize, usize), usize),
    patch: &mut [T],
    padding: T,
    copy: impl Fn(&[i8], &mut [T]),
) {
    let Plane {
        height,
        width,
        channels,
    } = frame.plane;
    let row_length = (frame.padded.1 * stride).max(1);
    let inside = frame.before.0..frame.before.0 + height;
    let left = frame.before.1 * stride;
    let rows = patch.chunks_exact_mut(row_length).take(frame.padded.0);
    let mut from = input.chunks_exact((width * channels).max(1));
    for (y, row) in rows.enumerate() {
        let source = if inside.contains(&y) {
            from.next()
        } else {
            None
        };
        let Some(source) = source else {
            row.fill(padding);
            continue;
        };
        let (before, rest) = row.split_at_mut(left.min(row_length));
        let (cells, after) = rest.split_at_mut((width * stride).min(rest.len()));
        before.fill(padding);
        after.fill(padding);
        if count == channels && count == stride {
            copy(source, cells);
            continue;
        }
        let pixels = source.chunks_exact(channels.max(1));
        for (pixel, cells) in pixels.zip(cells.chunks_exact_mut(stride.max(1))) {
            let (wanted, unused) = cells.split_at_mut(count.min(cells.len()));
            copy(pixel.get(first..first + count).unwrap_or_default(), wanted);
            unused.fill(padding);
        }
    }
}

fn offset_bytes(from: &[i8], to: &mut [u8]) {
    for (from, to) in from.iter().zip(to) {
        *to = offset_byte(*from);
    }
}

/// A value plus 128.
fn offset_byte(value: i8) -> u8 {
    value.cast_unsigned() ^ 0x80
}

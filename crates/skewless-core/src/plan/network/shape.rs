//! Planes of pixels, and where a window lies on them.

use super::model::Window;

/// An activation as pixels with channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

/// A shape as a plane: `[length, channels]` has height 1, `[n]` is one pixel.
pub(super) fn plane(shape: &[usize]) -> Option<Plane> {
    let (height, width, channels) = match *shape {
        [height, width, channels] => (height, width, channels),
        [length, channels] => (1, length, channels),
        [channels] => (1, 1, channels),
        _ => return None,
    };
    Some(Plane {
        height,
        width,
        channels,
    })
}

/// A window on its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Height and width of the input with its padding.
    pub(super) padded: (usize, usize),
    /// Number of windows, down and across.
    pub(super) windows: (usize, usize),
}

/// Most elements of an input with its padding, so that no plan asks for more memory than a small model needs.
pub(super) const MAX_ELEMENTS: usize = 1 << 24;

impl Window {
    /// Number of kernel elements.
    pub(super) fn taps(&self) -> usize {
        self.kernel.0.saturating_mul(self.kernel.1)
    }

    /// Number of stretches of neighbouring pixels: a row of the kernel, or one pixel where it is dilated across.
    pub(super) fn runs(&self) -> usize {
        match self.is_dilated_across() {
            true => self.taps(),
            false => self.kernel.0,
        }
    }

    /// Pixels of such a stretch.
    pub(super) fn run_elements(&self) -> usize {
        match self.is_dilated_across() {
            true => 1,
            false => self.kernel.1,
        }
    }

    /// Top and left pixel of each stretch, relative to the window's.
    pub(super) fn run_starts(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let across = match self.is_dilated_across() {
            true => self.kernel.1,
            false => 1,
        };
        (0..self.kernel.0)
            .flat_map(move |y| (0..across).map(move |x| (y * self.dilation.0, x * self.dilation.1)))
    }

    fn is_dilated_across(&self) -> bool {
        self.dilation.1 > 1 && self.kernel.1 > 1
    }

    /// Where the windows lie, or `None` where sizes are 0 or too large, or padding is as wide as the kernel.
    pub(super) fn place(&self, input: Plane) -> Option<Placed> {
        let axis = |size: usize, pick: fn((usize, usize)) -> usize| {
            let (kernel, stride, dilation) =
                (pick(self.kernel), pick(self.stride), pick(self.dilation));
            let (before, after) = (pick(self.before), pick(self.after));
            let extent = kernel
                .checked_sub(1)?
                .checked_mul(dilation)?
                .checked_add(1)?;
            let padded = size.checked_add(before)?.checked_add(after)?;
            let room = padded.checked_sub(extent)?;
            let fits = stride > 0
                && dilation > 0
                && before < extent
                && after < extent
                && padded <= MAX_ELEMENTS;
            fits.then(|| Some((padded, room.checked_div(stride)? + 1)))?
        };
        let (padded_height, down) = axis(input.height, |pair| pair.0)?;
        let (padded_width, across) = axis(input.width, |pair| pair.1)?;
        let elements = padded_height
            .checked_mul(padded_width)?
            .checked_mul(input.channels)?;
        (elements <= MAX_ELEMENTS).then_some(Placed {
            padded: (padded_height, padded_width),
            windows: (down, across),
        })
    }
}

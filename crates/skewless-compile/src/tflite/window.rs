//! Where a kernel's window lies on its input.

use skewless_core::error::Result;
use skewless_core::plan::network::Window;

use super::file::Operator;
use super::{invalid, unsupported};

/// A window of one element.
pub(super) const ONE: Window = Window {
    kernel: (1, 1),
    stride: (1, 1),
    dilation: (1, 1),
    before: (0, 0),
    after: (0, 0),
};

/// `padding` is 0 for "same" and 1 for "valid"; `stride` and `dilation` are (height, width).
pub(super) fn window(
    operator: &Operator<'_>,
    (padding, (height, width)): (i8, (usize, usize)),
    kernel: (usize, usize),
    stride: (i32, i32),
    dilation: (i32, i32),
) -> Result<Window> {
    let stride = (size(operator, stride.0)?, size(operator, stride.1)?);
    let dilation = (size(operator, dilation.0)?, size(operator, dilation.1)?);
    if kernel.0 == 0 || kernel.1 == 0 {
        return Err(invalid("a kernel without a size"));
    }
    let total = |size: usize, kernel: usize, stride: usize, dilation: usize| match padding {
        0 => {
            let reach = (kernel - 1) * dilation + 1;
            ((size.div_ceil(stride).max(1) - 1) * stride + reach).saturating_sub(size)
        }
        _ => 0,
    };
    let down = total(height, kernel.0, stride.0, dilation.0);
    let across = total(width, kernel.1, stride.1, dilation.1);
    Ok(Window {
        kernel,
        stride,
        dilation,
        before: (down / 2, across / 2),
        after: (down - down / 2, across - across / 2),
    })
}

pub(super) fn size(operator: &Operator<'_>, value: i32) -> Result<usize> {
    let size = usize::try_from(value).ok();
    size.filter(|&size| size > 0 && size < 1 << 16)
        .ok_or_else(|| unsupported(operator, "a window without a sensible size or step"))
}

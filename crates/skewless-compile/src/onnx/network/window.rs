//! Where the windows of convolutions and pools lie, by their attributes.

use skewless_core::error::Result;
use skewless_core::plan::network::Window;

use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

/// Where a kernel lies on its input, by dimension.
pub(crate) struct Lies {
    pub(crate) kernel: Vec<usize>,
    stride: Vec<usize>,
    dilation: Vec<usize>,
    before: Vec<usize>,
    pub(crate) after: Vec<usize>,
}

impl Lies {
    /// Reads a node's attributes; `kernel` is given where the weights' shape says it.
    pub(crate) fn read(
        attributes: &Attributes<'_>,
        space: &[usize],
        kernel: Option<&[usize]>,
    ) -> Result<Self> {
        let rank = space.len();
        if rank == 0 || rank > 2 {
            let message = format!("a window over {rank} dimensions; 1 and 2 are read");
            return Err(unsupported_op(attributes.node, &message));
        }
        let list = |name: &str, count: usize, default: usize| match attributes.ints(name) {
            [] => Ok(vec![default; count]),
            _ => attributes.indices(name, Some(count)),
        };
        let kernel = match kernel {
            Some(kernel) => kernel.to_vec(),
            None => attributes.indices("kernel_shape", Some(rank))?,
        };
        let stride = list("strides", rank, 1)?;
        let dilation = list("dilations", rank, 1)?;
        let pads = list("pads", 2 * rank, 0)?;
        let all = [&kernel, &stride, &dilation];
        if all
            .iter()
            .any(|list| list.iter().any(|&size| size == 0 || size > MAX_WINDOW))
            || pads.iter().any(|&size| size > MAX_WINDOW)
        {
            return Err(attributes.invalid("a window without a sensible size or step"));
        }
        let mut lies = Self {
            kernel,
            stride,
            dilation,
            before: pads[..rank].to_vec(),
            after: pads[rank..].to_vec(),
        };
        match attributes.text("auto_pad", "NOTSET")? {
            "NOTSET" | "VALID" => {}
            "SAME_UPPER" => lies.pad_to_same(space, false),
            "SAME_LOWER" => lies.pad_to_same(space, true),
            _ => return Err(attributes.invalid("an unknown `auto_pad`")),
        }
        Ok(lies)
    }

    /// One window over the whole space.
    pub(crate) fn whole(space: &[usize]) -> Self {
        Self {
            kernel: space.to_vec(),
            stride: vec![1; space.len()],
            dilation: vec![1; space.len()],
            before: vec![0; space.len()],
            after: vec![0; space.len()],
        }
    }

    fn pad_to_same(&mut self, space: &[usize], lower: bool) {
        for (axis, &size) in space.iter().enumerate() {
            let stride = self.stride[axis];
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let needed = (size.div_ceil(stride).saturating_sub(1)) * stride + reach;
            let total = needed.saturating_sub(size);
            let small = total / 2;
            (self.before[axis], self.after[axis]) = if lower {
                (total - small, small)
            } else {
                (small, total - small)
            };
        }
    }

    /// Adds the zeros of a `Pad` before; the space is padded already.
    pub(super) fn widen(&mut self, before: &[usize], after: &[usize]) {
        for (axis, (before, after)) in before.iter().zip(after).enumerate() {
            self.before[axis] += before;
            self.after[axis] += after;
        }
    }

    /// Sizes of the output; `space` is the input's without this window's padding.
    pub(crate) fn outputs(&self, node: &NodeProto, space: &[usize]) -> Result<Vec<usize>> {
        let size = |(axis, &size): (usize, &usize)| {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let room = (size + self.before[axis] + self.after[axis]).checked_sub(reach)?;
            Some(room / self.stride[axis] + 1)
        };
        let sizes: Option<Vec<usize>> = space.iter().enumerate().map(size).collect();
        sizes.ok_or_else(|| {
            invalid(format!(
                "{}: a window larger than its input",
                describe(node)
            ))
        })
    }

    /// Rounds the number of outputs up, by more padding behind.
    pub(crate) fn round_up(&mut self, space: &[usize]) {
        for (axis, &size) in space.iter().enumerate() {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let padded = size + self.before[axis] + self.after[axis];
            let stride = self.stride[axis];
            let Some(room) = padded.checked_sub(reach) else {
                continue;
            };
            // A window that would begin in the padding behind is left out.
            let steps = room.div_ceil(stride);
            if steps * stride < size + self.before[axis] {
                self.after[axis] += steps * stride - room;
            }
        }
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.before.iter().chain(&self.after).any(|&size| size > 0)
    }

    /// Whether this is one unpadded window over the whole space, with steps of 1.
    pub(super) fn is_all_of(&self, space: &[usize]) -> bool {
        self.kernel == space && !self.is_padded() && self.stride.iter().all(|&step| step == 1)
    }

    /// Whether ONNX Runtime's vector kernel takes this pool: two dimensions, steps to the right of 1 or 2, a small
    /// kernel, and a padded row that its buffer holds.
    pub(super) fn is_summed_by_columns(&self, space: &[usize]) -> bool {
        const GREATEST_KERNEL: usize = 32;
        const BUFFER: usize = 2044;
        match (&self.stride[..], space) {
            (&[_, step], &[_, width]) => {
                let small = self.kernel.iter().all(|&size| size <= GREATEST_KERNEL);
                small && step <= 2 && self.before[1] + width + self.after[1] <= BUFFER
            }
            _ => false,
        }
    }

    pub(crate) fn window(&self) -> Window {
        let both = |list: &[usize], absent: usize| match *list {
            [length] => (absent, length),
            [height, width] => (height, width),
            _ => (absent, absent),
        };
        Window {
            kernel: both(&self.kernel, 1),
            stride: both(&self.stride, 1),
            dilation: both(&self.dilation, 1),
            before: both(&self.before, 0),
            after: both(&self.after, 0),
        }
    }
}

/// Largest kernel, step, dilation or padding that is read.
const MAX_WINDOW: usize = 1 << 16;

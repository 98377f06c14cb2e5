//! Zeros around a tensor: a convolution behind them adds them itself, for any other reader they are a layer.

use skewless_core::error::Result;
use skewless_core::plan::network::{Conv, Op, Requantize, Window};

use super::file::Operator;
use super::window::ONE;
use super::{Lowering, invalid, unsupported};

/// A tensor with zeros around it: before and after, as (height, width).
#[derive(Clone, Copy)]
pub(super) struct Padded {
    pub(super) inner: usize,
    before: (usize, usize),
    after: (usize, usize),
}

impl Padded {
    /// The window that meets the zeros without their being a layer.
    pub(super) fn add_to(&self, window: &mut Window) {
        window.before.0 += self.before.0;
        window.before.1 += self.before.1;
        window.after.0 += self.after.0;
        window.after.1 += self.after.1;
    }
}

impl Lowering<'_> {
    pub(super) fn read_pad(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (number, output) = (operator.input(0)?, operator.output()?);
        let inner = self.input(operator, 0)?;
        let (from, to) = (self.tensor(number)?, self.tensor(output)?);
        let pads: Option<Vec<usize>> = self
            .integers(operator, 1)?
            .into_iter()
            .map(|size| usize::try_from(size).ok().filter(|&size| size < 1 << 16))
            .collect();
        if (from.scale, from.zero_point) != (to.scale, to.zero_point) || operator.inputs.len() > 2 {
            return Err(unsupported(operator, "with another value than 0"));
        }
        let Some(&[0, 0, top, bottom, left, right, 0, 0]) = pads.as_deref() else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        let inner = self.restated(inner, number)?;
        let padded = Padded {
            inner,
            before: (top, left),
            after: (bottom, right),
        };
        self.padded.insert(output, padded);
        Ok(())
    }

    /// A tensor with its zeros, for a reader that cannot add them itself.
    pub(super) fn pad(&mut self, number: usize, padded: Padded) -> Result<usize> {
        let output = self.tensor(number)?;
        let &[_, _, channels] = &output.shape[..] else {
            return Err(invalid("padding of other than a height and a width"));
        };
        let op = padding_layer(channels, &padded);
        let name = self.graph.tensors[number].name;
        let padded = self.builder.layer(name, op, vec![padded.inner], output);
        self.padded.remove(&number);
        self.values.insert(number, padded);
        Ok(padded)
    }
}

/// Products with 1 whose windows reach into the zeros: a network has no layer that only adds them.
fn padding_layer(channels: usize, padded: &Padded) -> Op {
    Op::Conv(Conv {
        weights: vec![1; channels],
        bias: vec![0; channels],
        groups: channels,
        window: Window {
            before: padded.before,
            after: padded.after,
            ..ONE
        },
        requantize: Requantize::Float {
            multiplier: vec![1.0],
        },
        clamp: (i8::MIN, i8::MAX),
    })
}

//! Operators that move elements and compute none.

use skewless_core::error::Result;
use skewless_core::plan::network::{Op, Tensor};

use super::file::Operator;
use super::operator::{activation, options};
use super::{Lowering, invalid, unsupported};

impl Lowering<'_> {
    pub(super) fn concat(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let options = options(operator)?;
        let to = self.tensor(operator.output()?)?;
        let rank = i32::try_from(to.shape.len()).unwrap_or(i32::MAX);
        let axis = options.i32(0, 0);
        let axis = if axis < 0 { axis + rank } else { axis - 1 };
        let axis = usize::try_from(axis)
            .ok()
            .filter(|&axis| axis < to.shape.len());
        let axis = axis.ok_or_else(|| unsupported(operator, "of batches"))?;
        // What stands behind the axis moves into it; what stands before it are positions.
        let inner: usize = to.shape.iter().skip(axis + 1).product();
        let outer: usize = to.shape.iter().take(axis).product();
        let mut parts = Vec::new();
        let mut width = 0;
        for index in 0..operator.inputs.len() {
            let from = self.tensor(operator.input(index)?)?;
            if (from.scale, from.zero_point) != (to.scale, to.zero_point)
                || from.shape.len() != to.shape.len()
            {
                return Err(unsupported(
                    operator,
                    "of tensors of different quantisations",
                ));
            }
            let part = self.input(operator, index)?;
            let part = self.restated(part, operator.input(index)?)?;
            let size = from.len() / outer.max(1);
            width += size;
            parts.push(self.builder.reshape(part, vec![outer, size]));
        }
        if width != inner * to.shape[axis] {
            return Err(invalid("CONCATENATION: parts that do not fill the output"));
        }
        let flat = Tensor {
            shape: vec![outer, width],
            ..to.clone()
        };
        let output = self.layer(operator, Op::Concat, parts, flat);
        let output = self.clamped(output, activation(operator, options.i8(1), &to)?);
        Ok(self.builder.reshape(output, to.shape))
    }

    pub(super) fn transpose(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let input = self.input(operator, 0)?;
        let rank = self.tensor(operator.input(0)?)?.shape.len();
        let axes: Option<Vec<usize>> = self
            .integers(operator, 1)?
            .into_iter()
            .map(|axis| usize::try_from(axis).ok())
            .collect();
        let axes = axes.unwrap_or_default();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        match axes.split_first() {
            Some((0, row)) if sorted.iter().copied().eq(0..=rank) => {
                let permutation = row.iter().map(|axis| axis - 1).collect();
                Ok(self.builder.transpose(input, permutation))
            }
            _ => Err(unsupported(operator, "that exchanges the batch")),
        }
    }
}

//! The constants of a file that layers read: weights, biases, lists of axes and sizes.

use skewless_core::error::Result;

use super::file::{INT8, INT32, INT64, Operator, UINT8};
use super::operator::{DEPTHWISE_CONV_2D, operator_name};
use super::{Lowering, invalid, unsupported};
use crate::network::elements;

impl Lowering<'_> {
    pub(super) fn weights(&self, operator: &Operator<'_>, index: usize) -> Result<Weights> {
        let tensor = &self.graph.tensors[operator.input(index)?];
        let count = elements(&tensor.shape);
        if !matches!(tensor.element, INT8 | UINT8) || tensor.data.is_empty() {
            return Err(unsupported(
                operator,
                "weights that are no constants of 8 bits",
            ));
        }
        let zero = match tensor.zero[..] {
            [] => 0,
            [zero] => zero,
            _ if tensor.zero.iter().all(|&zero| zero == 0) => 0,
            _ => return Err(unsupported(operator, "weights with several zero points")),
        };
        let value = |&byte: &u8| match tensor.element {
            INT8 => i64::from(byte.cast_signed()),
            _ => i64::from(byte),
        };
        let integers: Option<Vec<i16>> = tensor
            .data
            .iter()
            .map(|byte| i16::try_from(value(byte) - zero).ok())
            .map(|weight| weight.filter(|weight| (-255..=255).contains(weight)))
            .collect();
        let usable = |scale: &f32| scale.is_finite() && *scale > 0.0;
        let along_outputs = if operator.code == DEPTHWISE_CONV_2D {
            3
        } else {
            0
        };
        let places = tensor.scale.len() == 1
            || (tensor.axis == along_outputs
                && tensor
                    .shape
                    .get(usize::try_from(along_outputs).unwrap_or(0))
                    == Some(&tensor.scale.len()));
        match integers {
            Some(integers)
                if count == Some(integers.len())
                    && places
                    && !tensor.scale.is_empty()
                    && tensor.scale.iter().all(usable) =>
            {
                Ok(Weights {
                    shape: tensor.shape.clone(),
                    integers,
                    scales: tensor.scale.clone(),
                })
            }
            _ => Err(invalid(format!(
                "{}: weights that contradict their shape or scales",
                operator_name(operator.code)
            ))),
        }
    }

    pub(super) fn bias(
        &self,
        operator: &Operator<'_>,
        index: usize,
        outputs: usize,
    ) -> Result<Vec<i32>> {
        let Some(number) = operator.inputs.get(index).copied().flatten() else {
            return Ok(vec![0; outputs]);
        };
        let tensor = &self.graph.tensors[number];
        let (values, rest) = tensor.data.as_chunks();
        if tensor.element != INT32 || !rest.is_empty() || values.len() != outputs {
            return Err(unsupported(
                operator,
                "a bias other than one of 32 bits an output",
            ));
        }
        Ok(values
            .iter()
            .map(|&bytes| i32::from_le_bytes(bytes))
            .collect())
    }

    /// A constant list of whole numbers.
    pub(super) fn integers(&self, operator: &Operator<'_>, index: usize) -> Result<Vec<i64>> {
        let tensor = &self.graph.tensors[operator.input(index)?];
        let wide = tensor.data.as_chunks().0;
        let narrow = tensor.data.as_chunks().0;
        match tensor.element {
            INT64 => Ok(wide
                .iter()
                .map(|&bytes| i64::from_le_bytes(bytes))
                .collect()),
            INT32 => Ok(narrow
                .iter()
                .map(|&bytes| i32::from_le_bytes(bytes).into())
                .collect()),
            _ => Err(unsupported(
                operator,
                "a list that is no constant of whole numbers",
            )),
        }
    }
}

/// Constant factors, without their zero point.
pub(super) struct Weights {
    pub(super) shape: Vec<usize>,
    pub(super) integers: Vec<i16>,
    pub(super) scales: Vec<f32>,
}

impl Weights {
    pub(super) fn scale(&self, output: usize) -> f32 {
        let scale = self.scales.get(output).or(self.scales.first());
        scale.copied().unwrap_or(0.0)
    }
}

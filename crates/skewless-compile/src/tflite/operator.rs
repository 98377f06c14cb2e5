//! Operators by their codes in `schema.fbs`, and what they state beside their tensors.

use skewless_core::error::Result;
use skewless_core::plan::network::Tensor;

use super::file::Operator;
use super::flatbuffer::Table;
use super::{invalid, unsupported};

pub(super) const ADD: i32 = 0;
pub(super) const AVERAGE_POOL_2D: i32 = 1;
pub(super) const CONCATENATION: i32 = 2;
pub(super) const CONV_2D: i32 = 3;
pub(super) const DEPTHWISE_CONV_2D: i32 = 4;
pub(super) const DEQUANTIZE: i32 = 6;
pub(super) const FULLY_CONNECTED: i32 = 9;
pub(super) const LOGISTIC: i32 = 14;
pub(super) const MAX_POOL_2D: i32 = 17;
pub(super) const RELU: i32 = 19;
pub(super) const RELU_N1_TO_1: i32 = 20;
pub(super) const RELU6: i32 = 21;
pub(super) const RESHAPE: i32 = 22;
pub(super) const SOFTMAX: i32 = 25;
pub(super) const TANH: i32 = 28;
pub(super) const PAD: i32 = 34;
pub(super) const TRANSPOSE: i32 = 39;
pub(super) const MEAN: i32 = 40;
pub(super) const SQUEEZE: i32 = 43;
pub(super) const PADV2: i32 = 60;
pub(super) const EXPAND_DIMS: i32 = 70;
pub(super) const LEAKY_RELU: i32 = 98;
pub(super) const QUANTIZE: i32 = 114;

/// The schema's name of an operator, where it is one that messages are likely to tell.
pub(super) fn operator_name(code: i32) -> String {
    let name = match code {
        ADD => "ADD",
        AVERAGE_POOL_2D => "AVERAGE_POOL_2D",
        CONCATENATION => "CONCATENATION",
        CONV_2D => "CONV_2D",
        DEPTHWISE_CONV_2D => "DEPTHWISE_CONV_2D",
        DEQUANTIZE => "DEQUANTIZE",
        7 => "EMBEDDING_LOOKUP",
        FULLY_CONNECTED => "FULLY_CONNECTED",
        LOGISTIC => "LOGISTIC",
        16 => "LSTM",
        MAX_POOL_2D => "MAX_POOL_2D",
        18 => "MUL",
        RELU => "RELU",
        RELU_N1_TO_1 => "RELU_N1_TO_1",
        RELU6 => "RELU6",
        RESHAPE => "RESHAPE",
        23 => "RESIZE_BILINEAR",
        SOFTMAX => "SOFTMAX",
        27 => "SVDF",
        TANH => "TANH",
        32 => "CUSTOM",
        PAD => "PAD",
        36 => "GATHER",
        TRANSPOSE => "TRANSPOSE",
        MEAN => "MEAN",
        41 => "SUB",
        SQUEEZE => "SQUEEZE",
        44 => "UNIDIRECTIONAL_SEQUENCE_LSTM",
        45 => "STRIDED_SLICE",
        49 => "SPLIT",
        PADV2 => "PADV2",
        67 => "TRANSPOSE_CONV",
        EXPAND_DIMS => "EXPAND_DIMS",
        LEAKY_RELU => "LEAKY_RELU",
        QUANTIZE => "QUANTIZE",
        117 => "HARD_SWISH",
        _ => return format!("operator {code}"),
    };
    name.to_owned()
}

impl Operator<'_> {
    pub(super) fn input(&self, index: usize) -> Result<usize> {
        let input = self.inputs.get(index).copied().flatten();
        input.ok_or_else(|| invalid(format!("{} lacks an input", operator_name(self.code))))
    }

    pub(super) fn output(&self) -> Result<usize> {
        let output = self.outputs.first().copied();
        output.ok_or_else(|| invalid(format!("{} has no output", operator_name(self.code))))
    }
}

pub(super) fn options<'a>(operator: &Operator<'a>) -> Result<Table<'a>> {
    operator
        .options
        .ok_or_else(|| invalid(format!("{} has no options", operator_name(operator.code))))
}

/// The bounds of a layer's fused activation (`ActivationFunctionType`), in the output's steps.
pub(super) fn activation(operator: &Operator<'_>, kind: i8, to: &Tensor) -> Result<(i8, i8)> {
    let quantized = |value: f32| {
        let steps = (value / to.scale).round() + f32::from(to.zero_point);
        steps.clamp(-128.0, 127.0)
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped to int8")]
    let step = |value: f32| quantized(value) as i8;
    match kind {
        0 => Ok((i8::MIN, i8::MAX)),
        1 => Ok((step(0.0), i8::MAX)),
        2 => Ok((step(-1.0), step(1.0))),
        3 => Ok((step(0.0), step(6.0))),
        _ => Err(unsupported(
            operator,
            "a fused activation other than the relu family",
        )),
    }
}

//! Operators on integers, each read as the QDQ graph that it abbreviates: dequantise, compute, quantise.

use std::rc::Rc;

use skewless_core::error::Result;

use super::Lowering;
use super::quantizers::Quantization;
use super::value::{Real, Value, Weights};
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::constant::Constant;
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

/// Where the parts of an operand stand among a node's inputs: the integers, their scale, their zero point.
type Places = [usize; 3];

impl Lowering<'_> {
    fn stated(&self, node: &NodeProto, scale: usize, zero: usize) -> Result<Quantization> {
        let scale = self.constant(node, scale)?;
        Ok(Quantization::new(
            scale,
            self.optional_constant(node, zero)?,
        ))
    }

    fn operand(&mut self, node: &NodeProto, [at, scale, zero]: Places) -> Result<Real> {
        let quantization = self.stated(node, scale, zero)?;
        let value = self.input(node, at)?;
        let value = self.dequantize(node, value, &quantization, 0)?;
        self.as_real(node, at, value)
    }

    /// Weights; `axis` is the dimension that several scales belong to.
    fn factor(
        &mut self,
        node: &NodeProto,
        [at, scale, zero]: Places,
        axis: i64,
    ) -> Result<Rc<Weights>> {
        let quantization = self.stated(node, scale, zero)?;
        let value = self.input(node, at)?;
        match self.dequantize(node, value, &quantization, axis)? {
            Value::Weights(weights) => Ok(weights),
            _ => Err(unsupported_op(
                node,
                "a product of two activations; one factor must be constant",
            )),
        }
    }

    fn requantized(
        &mut self,
        node: &NodeProto,
        value: Value,
        scale: usize,
        zero: usize,
    ) -> Result<Value> {
        let quantization = self.stated(node, scale, zero)?;
        self.quantize(node, value, &quantization, 0)
    }

    /// `ConvInteger` gives accumulators, which are floats of scale 1.
    fn unscaled(&mut self, node: &NodeProto, at: usize, zero: usize, axis: i64) -> Result<Value> {
        let zero = self.optional_constant(node, zero)?;
        let value = self.input(node, at)?;
        let shape = zero.as_ref().map_or(vec![], |zero| zero.shape.clone());
        let count = zero.as_ref().map_or(1, |zero| zero.len());
        let ones = Constant::reals(shape, vec![1.0; count]);
        let quantization = Quantization::new(Rc::new(ones), zero);
        self.dequantize(node, value, &quantization, axis)
    }

    pub(super) fn integer_conv(&mut self, node: &NodeProto) -> Result<Value> {
        if node.op_type == "ConvInteger" {
            let x = self.unscaled(node, 0, 2, 0)?;
            let x = self.as_real(node, 0, x)?;
            return match self.unscaled(node, 1, 3, 0)? {
                Value::Weights(weights) => self.convolve(node, &x, &weights, None),
                _ => Err(unsupported_op(node, "weights that are not constant")),
            };
        }
        let x = self.operand(node, [0, 1, 2])?;
        let weights = self.factor(node, [3, 4, 5], 0)?;
        let bias = self.accumulators(node, 8, &x, &weights)?;
        let value = self.convolve(node, &x, &weights, bias)?;
        self.requantized(node, value, 6, 7)
    }

    /// A bias in steps of the accumulator, as a real number.
    fn accumulators(
        &self,
        node: &NodeProto,
        at: usize,
        x: &Real,
        weights: &Weights,
    ) -> Result<Option<Vec<f64>>> {
        let Some(bias) = self.optional_constant(node, at)? else {
            return Ok(None);
        };
        let steps = bias
            .as_whole()
            .ok_or_else(|| invalid(format!("{}: a bias of floats", describe(node))))?;
        let step = f64::from(x.grid.scale);
        let scale = |at: usize| {
            let of = weights.scale.get(at).or(weights.scale.first());
            of.map_or(0.0, |&scale| f64::from(scale))
        };
        steps
            .iter()
            .enumerate()
            .map(|(at, &steps)| {
                let steps = i32::try_from(steps).ok()?;
                Some(f64::from(steps) * step * scale(at))
            })
            .collect::<Option<Vec<f64>>>()
            .map(Some)
            .ok_or_else(|| invalid(format!("{}: a bias beyond 32 bits", describe(node))))
    }

    pub(super) fn integer_matmul(&mut self, node: &NodeProto) -> Result<Value> {
        match node.op_type.as_str() {
            "MatMulInteger" => {
                let x = self.unscaled(node, 0, 2, 0)?;
                let x = self.as_real(node, 0, x)?;
                match self.unscaled(node, 1, 3, -1)? {
                    Value::Weights(weights) => self.product(node, &x, &weights, false, None, 1.0),
                    _ => Err(unsupported_op(node, "weights that are not constant")),
                }
            }
            "QLinearMatMul" => {
                let x = self.operand(node, [0, 1, 2])?;
                let weights = self.factor(node, [3, 4, 5], -1)?;
                let value = self.product(node, &x, &weights, false, None, 1.0)?;
                self.requantized(node, value, 6, 7)
            }
            _ => {
                let attributes = Attributes::of(node, &["alpha", "transA", "transB"])?;
                let x = self.operand(node, [0, 1, 2])?;
                let transposed = attributes.int("transB", 0) != 0;
                let axis = i64::from(!transposed);
                let weights = self.factor(node, [3, 4, 5], axis)?;
                // The bias stands in steps of the accumulator, which `alpha` scales.
                let alpha = f64::from(attributes.float_or("alpha", 1.0));
                let bias = self.accumulators(node, 6, &x, &weights)?;
                let bias = bias.map(|bias| bias.iter().map(|value| value * alpha).collect());
                let value = self.general_product(node, &x, &weights, bias)?;
                if self.optional(node, 7)?.is_none() {
                    return Ok(value);
                }
                self.requantized(node, value, 7, 8)
            }
        }
    }

    pub(super) fn integer_binary(&mut self, node: &NodeProto) -> Result<Value> {
        let a = self.operand(node, [0, 1, 2])?;
        let quantization = self.stated(node, 4, 5)?;
        let b = self.input(node, 3)?;
        let b = self.dequantize(node, b, &quantization, 0)?;
        let value = self.combine(node, Value::Real(a), b)?;
        self.requantized(node, value, 6, 7)
    }

    pub(super) fn integer_concat(&mut self, node: &NodeProto) -> Result<Value> {
        let axis = Attributes::of(node, &["axis"])?.int("axis", 1);
        let mut parts = Vec::new();
        for at in (2..node.input.len()).step_by(3) {
            parts.push(self.operand(node, [at, at + 1, at + 2])?);
        }
        let value = self.concat_of(node, &parts, axis)?;
        self.requantized(node, value, 0, 1)
    }

    pub(super) fn integer_unary(&mut self, node: &NodeProto) -> Result<Value> {
        let x = self.operand(node, [0, 1, 2])?;
        let value = match node.op_type.as_str() {
            "QLinearSoftmax" => {
                let attributes = Attributes::of(node, &["axis", "opset"])?;
                let opset = attributes.int("opset", self.opset);
                self.softmax_over(node, &x, attributes.int("axis", -1), opset)?
            }
            "QLinearSigmoid" | "QLinearLeakyRelu" => self.unary_of(node, &x)?,
            _ => self.average(node, &x)?,
        };
        self.requantized(node, value, 3, 4)
    }
}

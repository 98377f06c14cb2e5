//! Quantised graphs → [`NetworkModel`]: QDQ graphs (`QuantizeLinear` and `DequantizeLinear` around float operators) and
//! graphs of integer operators, which are read as the QDQ graphs that they abbreviate.
//!
//! The graph is followed once, node by node. A name stands for a [`Value`]; a layer of the plan comes about where a
//! float is quantised. What an operator means is what ONNX Runtime computes with optimisations off: in f32 between
//! quantisers, rounded half to even at them.

mod constants;
mod elementwise;
mod ends;
mod functions;
mod integer;
mod linear;
mod pool;
mod quantizers;
mod shape;
mod tables;
mod value;
mod window;

use std::collections::BTreeMap;
use std::rc::Rc;

use skewless_core::error::{Error, Result};

use super::attributes::{Attributes, describe};
use super::constant::Constant;
use super::message::{GraphProto, ModelProto, NodeProto};
use super::{invalid, unsupported_op};
use crate::network::builder::Builder;
use crate::network::checked;
use crate::{Compiled, Source};
pub(crate) use ends::row_shape;
pub(crate) use functions::{function, operation};
pub(crate) use pool::POOL;
pub(crate) use window::Lies;

use ends::Input;
use value::{Real, Value};

/// Whether the graph is one of those that this module reads: some node quantises or computes with integers.
pub(crate) fn is_quantized(graph: &GraphProto) -> bool {
    graph.node.iter().any(|node| {
        matches!(
            node.op_type.as_str(),
            "QuantizeLinear"
                | "DequantizeLinear"
                | "ConvInteger"
                | "MatMulInteger"
                | "QGemm"
                | "DynamicQuantizeLinear"
        ) || node.op_type.starts_with("QLinear")
    })
}

pub(super) fn compile(model: &ModelProto, graph: &GraphProto) -> Result<Compiled> {
    let mut lowering = Lowering::new(model, graph)?;
    for node in &graph.node {
        let value = lowering.node(node)?;
        if let Some(name) = node.output.first() {
            lowering.values.insert(name, value);
        }
    }
    let inputs = lowering.model_inputs();
    let (network, output) = lowering.outputs(graph)?;
    Ok(Compiled {
        model: checked(network, invalid)?,
        output,
        feature_names: None,
        head: None,
        inputs,
        source: Source::Onnx,
        notes: Vec::new(),
    })
}

/// The graph as far as it has been followed.
struct Lowering<'a> {
    /// Version of the standard operators.
    opset: i64,
    builder: Builder,
    values: BTreeMap<&'a str, Value>,
    inputs: Vec<Input<'a>>,
}

impl<'a> Lowering<'a> {
    fn new(model: &ModelProto, graph: &'a GraphProto) -> Result<Self> {
        let opset = model
            .opset_import
            .iter()
            .find(|opset| opset.domain.is_empty() || opset.domain == "ai.onnx");
        let mut lowering = Self {
            opset: opset.map_or(i64::MAX, |opset| opset.version),
            builder: Builder::new(),
            values: BTreeMap::new(),
            inputs: Vec::new(),
        };
        for tensor in &graph.initializer {
            let constant = Constant::read(tensor)?;
            lowering
                .values
                .insert(&tensor.name, Value::Constant(Rc::new(constant)));
        }
        lowering.read_inputs(graph)?;
        Ok(lowering)
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<Value> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") {
            return Err(unsupported_op(node, "an operator of another domain"));
        }
        match node.op_type.as_str() {
            "QuantizeLinear" => self.quantize_linear(node),
            "DequantizeLinear" => self.dequantize_linear(node),
            "Constant" => constant(node),
            "Identity" | "Dropout" | "Cast" => self.passed_on(node),
            "Conv" => self.conv(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_normalization(node),
            "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Pow" => self.binary(node),
            "MaxPool" => self.max_pool(node),
            "AveragePool" | "GlobalAveragePool" | "ReduceMean" => self.average_pool(node),
            "Softmax" => self.softmax(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(node),
            "Transpose" => self.transpose(node),
            "Concat" => self.concat(node),
            "Pad" => self.pad(node),
            "Shape" => self.shape(node),
            "Gather" => self.gather(node),
            "QLinearConv" | "ConvInteger" => self.integer_conv(node),
            "QLinearMatMul" | "QGemm" | "MatMulInteger" => self.integer_matmul(node),
            "QLinearAdd" | "QLinearMul" => self.integer_binary(node),
            "QLinearConcat" => self.integer_concat(node),
            "QLinearSigmoid"
            | "QLinearLeakyRelu"
            | "QLinearSoftmax"
            | "QLinearAveragePool"
            | "QLinearGlobalAveragePool"
            | "QLinearReduceMean" => self.integer_unary(node),
            "DynamicQuantizeLinear" => Err(unsupported_op(
                node,
                "a quantisation that is chosen while the network runs; quantise statically",
            )),
            _ => self.unary(node),
        }
    }

    /// The value of the node's input number `index`; an error where it is left out.
    fn input(&self, node: &NodeProto, index: usize) -> Result<Value> {
        self.optional(node, index)?
            .ok_or_else(|| invalid(format!("{} has no input {index}", describe(node))))
    }

    /// The value of the node's input number `index`, where there is one.
    fn optional(&self, node: &NodeProto, index: usize) -> Result<Option<Value>> {
        match node.input.get(index) {
            None => Ok(None),
            Some(name) if name.is_empty() => Ok(None),
            Some(name) => self
                .values
                .get(name.as_str())
                .cloned()
                .map(Some)
                .ok_or_else(|| {
                    invalid(format!(
                        "{} reads `{name}`, which nothing before it gives",
                        describe(node)
                    ))
                }),
        }
    }

    fn constant(&self, node: &NodeProto, index: usize) -> Result<Rc<Constant>> {
        self.optional_constant(node, index)?
            .ok_or_else(|| invalid(format!("{} has no input {index}", describe(node))))
    }

    fn optional_constant(&self, node: &NodeProto, index: usize) -> Result<Option<Rc<Constant>>> {
        match self.optional(node, index)? {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(_) => {
                let name = node.input.get(index).map_or("", String::as_str);
                Err(unsupported_op(node, &format!("`{name}` is not a constant")))
            }
        }
    }

    /// An input that is a function of an int8 tensor.
    fn real(&self, node: &NodeProto, index: usize) -> Result<Real> {
        let value = self.input(node, index)?;
        self.as_real(node, index, value)
    }

    fn as_real(&self, node: &NodeProto, index: usize, value: Value) -> Result<Real> {
        match value {
            Value::Real(real) => Ok(real),
            _ => Err(self.not_quantized(node, index)),
        }
    }

    /// The refusal of a float that reaches a node without having been quantised.
    fn not_quantized(&self, node: &NodeProto, index: usize) -> Error {
        let name = node.input.get(index).map_or("", String::as_str);
        unsupported_op(node, &format!("its input `{name}` is not quantised"))
    }

    /// Operators that change nothing that the plan knows.
    fn passed_on(&self, node: &NodeProto) -> Result<Value> {
        let value = self.input(node, 0)?;
        if node.op_type != "Cast" {
            return Ok(value);
        }
        match (
            &value,
            Attributes::of(node, &["to", "saturate", "round_mode"])?.int("to", 0),
        ) {
            (Value::Steps(steps), FLOAT) => {
                let view = steps.view.clone();
                let zero = -steps.shift;
                Ok(Value::Real(Real::dequantized(
                    view,
                    value::Grid { scale: 1.0, zero },
                )))
            }
            (Value::Real(_) | Value::Pending(_) | Value::Row(_), FLOAT) => Ok(value),
            (Value::Indices(_), INT32 | INT64) => Ok(value),
            (Value::Constant(constant), to) => cast(node, constant, to),
            _ => Err(unsupported_op(node, "this change of type")),
        }
    }
}

const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;

#[expect(clippy::cast_precision_loss, reason = "ONNX rounds as well")]
fn cast(node: &NodeProto, constant: &Rc<Constant>, to: i64) -> Result<Value> {
    let constant = match (constant.as_whole(), to) {
        (Some(values), FLOAT) => Rc::new(Constant::reals(
            constant.shape.clone(),
            values.iter().map(|&value| value as f32).collect(),
        )),
        (Some(_), INT32 | INT64) | (None, FLOAT) => constant.clone(),
        _ => return Err(unsupported_op(node, "this change of type")),
    };
    Ok(Value::Constant(constant))
}

fn constant(node: &NodeProto) -> Result<Value> {
    let attributes = Attributes::of(
        node,
        &[
            "value",
            "value_float",
            "value_floats",
            "value_int",
            "value_ints",
        ],
    )?;
    attributes
        .constant()?
        .map(|constant| Value::Constant(Rc::new(constant)))
        .ok_or_else(|| attributes.invalid("no value"))
}

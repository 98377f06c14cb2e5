//! `.tflite` files with int8 weights and activations → int8 networks that compute as TensorFlow Lite's reference
//! kernels do, step for step.
//!
//! Source of the arithmetic: `tensorflow/lite/kernels/internal/reference`. A network's inputs and outputs are real
//! numbers; a file's `QUANTIZE` and `DEQUANTIZE` at its ends, or its int8 ends, state the steps.

mod constants;
mod elementwise;
mod file;
mod fixed;
mod flatbuffer;
mod moves;
mod operator;
mod padding;
mod pool;
mod softmax;
mod sums;
mod window;

use std::collections::BTreeMap;

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::Model;
use skewless_core::plan::network::{NetworkInput, Op, Tensor};

use crate::network::builder::{Builder, identity};
use crate::network::{checked, elements};
use crate::{Compiled, ModelInput, Source, numbered, output};
use file::{FLOAT32, FileTensor, Graph, INT8, Operator, UINT8};
use operator::{
    ADD, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, EXPAND_DIMS,
    FULLY_CONNECTED, LEAKY_RELU, LOGISTIC, MAX_POOL_2D, MEAN, PAD, PADV2, QUANTIZE, RELU,
    RELU_N1_TO_1, RELU6, RESHAPE, SOFTMAX, SQUEEZE, TANH, TRANSPOSE, operator_name,
};
use padding::Padded;

pub(crate) fn compile(bytes: &[u8]) -> Result<Compiled> {
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(invalid("not a TensorFlow Lite file"));
    }
    let graph = Graph::read(bytes)?;
    let mut lowering = Lowering {
        graph: &graph,
        builder: Builder::new(),
        values: BTreeMap::new(),
        padded: BTreeMap::new(),
        inputs: Vec::new(),
    };
    let inputs = lowering.read_inputs()?;
    for operator in &graph.operators {
        lowering.operator(operator)?;
    }
    let (model, output) = lowering.outputs()?;
    Ok(Compiled {
        model,
        output,
        feature_names: None,
        head: None,
        inputs,
        source: Source::TfLite,
        notes: Vec::new(),
    })
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::input("model.invalid_tflite", format!("TensorFlow Lite: {what}"))
}

/// An operator that is not read, or not so.
fn unsupported(operator: &Operator<'_>, why: &str) -> Error {
    let name = operator_name(operator.code);
    Error::unsupported("unsupported.tflite_operator", format!("{name}: {why}")).with_value(&name)
}

/// The graph as far as it has been followed.
struct Lowering<'a> {
    graph: &'a Graph<'a>,
    builder: Builder,
    /// The plan's tensor of a file's tensor.
    values: BTreeMap<usize, usize>,
    /// Zeros around a tensor, which a convolution behind adds.
    padded: BTreeMap<usize, Padded>,
    inputs: Vec<NetworkInput>,
}

impl<'a> Lowering<'a> {
    fn read_inputs(&mut self) -> Result<Vec<ModelInput>> {
        let mut inputs = Vec::new();
        for &number in &self.graph.inputs {
            let file = &self.graph.tensors[number];
            // A float input is quantised by the operator behind it, whose tensor it becomes.
            let quantized = if file.element == FLOAT32 {
                self.quantized_copy(number)?
            } else {
                number
            };
            let tensor = self.builder.input_tensor(self.tensor(quantized)?);
            self.inputs.push(NetworkInput::Quantize { tensor });
            self.values.insert(number, tensor);
            self.values.insert(quantized, tensor);
            inputs.push(ModelInput {
                name: file.name.to_owned(),
                shape: row_shape(file)?,
            });
        }
        Ok(inputs)
    }

    /// The tensor that the only reader of a float input quantises it into.
    fn quantized_copy(&self, number: usize) -> Result<usize> {
        let mut readers = self
            .graph
            .operators
            .iter()
            .filter(|operator| operator.inputs.contains(&Some(number)));
        match (readers.next(), readers.next()) {
            (Some(operator), None) if operator.code == QUANTIZE => operator.output(),
            _ => Err(self.is_float(number)),
        }
    }

    fn is_float(&self, number: usize) -> Error {
        let name = self.graph.tensors[number].name;
        Error::unsupported(
            "unsupported.tflite_float",
            format!("tensor `{name}` holds floats; networks of int8 throughout are read"),
        )
    }

    /// A file's activation as the plan has it.
    fn tensor(&self, number: usize) -> Result<Tensor> {
        let file = &self.graph.tensors[number];
        let shift = match file.element {
            INT8 => 0,
            UINT8 => 128,
            FLOAT32 => return Err(self.is_float(number)),
            other => {
                return Err(Error::unsupported(
                    "unsupported.tflite_element_type",
                    format!("tensor `{}` has elements of type {other}", file.name),
                ));
            }
        };
        let (&[scale], &[zero]) = (&file.scale[..], &file.zero[..]) else {
            return Err(invalid(format!("tensor `{}` has not one scale", file.name)));
        };
        match i8::try_from(zero - shift) {
            Ok(zero_point) if scale.is_finite() && scale > 0.0 => Ok(Tensor {
                shape: row_shape(file)?,
                scale,
                zero_point,
            }),
            _ => Err(invalid(format!(
                "tensor `{}` has an impossible quantisation",
                file.name
            ))),
        }
    }

    /// The plan's tensor that is the operator's input number `index`.
    fn input(&mut self, operator: &Operator<'_>, index: usize) -> Result<usize> {
        let number = operator.input(index)?;
        if let Some(padded) = self.padded.get(&number).copied() {
            return self.pad(number, padded);
        }
        self.value(operator, number)
    }

    fn value(&self, operator: &Operator<'_>, number: usize) -> Result<usize> {
        self.values.get(&number).copied().ok_or_else(|| {
            let name = self.graph.tensors[number].name;
            unsupported(
                operator,
                &format!("its input `{name}` is no activation that stands before it"),
            )
        })
    }

    /// The operator's first input and its output as the plan has them.
    fn ends(&self, operator: &Operator<'_>) -> Result<(Tensor, Tensor)> {
        let from = self.tensor(operator.input(0)?)?;
        Ok((from, self.tensor(operator.output()?)?))
    }

    fn layer(&mut self, operator: &Operator<'_>, op: Op, inputs: Vec<usize>, to: Tensor) -> usize {
        let name = operator
            .output()
            .map(|output| self.graph.tensors[output].name);
        self.builder.layer(name.unwrap_or_default(), op, inputs, to)
    }

    /// The tensor in the quantisation that the file states for `number`.
    fn restated(&mut self, tensor: usize, number: usize) -> Result<usize> {
        let due = self.tensor(number)?;
        let to = (due.scale, due.zero_point);
        Ok(self.builder.lookup("", tensor, identity(), to))
    }

    /// The tensor within the bounds of a fused activation.
    fn clamped(&mut self, tensor: usize, (low, high): (i8, i8)) -> usize {
        let Tensor {
            scale, zero_point, ..
        } = *self.builder.tensor(tensor);
        let table = (i8::MIN..=i8::MAX).map(|q| q.clamp(low, high)).collect();
        self.builder.lookup("", tensor, table, (scale, zero_point))
    }

    fn operator(&mut self, operator: &Operator<'a>) -> Result<()> {
        let output = operator.output()?;
        let value = match operator.code {
            CONV_2D | DEPTHWISE_CONV_2D => self.conv(operator)?,
            FULLY_CONNECTED => self.fully_connected(operator)?,
            ADD => self.add(operator)?,
            AVERAGE_POOL_2D => self.average_pool(operator)?,
            MAX_POOL_2D => self.max_pool(operator)?,
            MEAN => self.mean(operator)?,
            SOFTMAX => self.softmax(operator)?,
            CONCATENATION => self.concat(operator)?,
            RESHAPE | SQUEEZE | EXPAND_DIMS => {
                let input = self.input(operator, 0)?;
                let shape = self.tensor(output)?.shape;
                if elements(&shape) != Some(self.builder.tensor(input).len()) {
                    return Err(unsupported(operator, "a dimension merged with the batch"));
                }
                self.builder.reshape(input, shape)
            }
            TRANSPOSE => self.transpose(operator)?,
            PAD | PADV2 => return self.read_pad(operator),
            LOGISTIC | TANH | RELU | RELU6 | RELU_N1_TO_1 | LEAKY_RELU | QUANTIZE => {
                if self.values.contains_key(&output) {
                    // The quantiser of a float input, which the input is.
                    return Ok(());
                }
                self.elementwise(operator)?
            }
            DEQUANTIZE => self.input(operator, 0)?,
            _ => return Err(unsupported(operator, "not an operator that is read")),
        };
        self.values.insert(output, value);
        Ok(())
    }

    fn outputs(self) -> Result<(Model, Output)> {
        let mut outputs = Vec::new();
        for &number in &self.graph.outputs {
            let value = self.values.get(&number).copied();
            outputs.push(value.ok_or_else(|| {
                let name = self.graph.tensors[number].name;
                invalid(format!("nothing gives output `{name}`"))
            })?);
        }
        let scores: usize = outputs
            .iter()
            .map(|&tensor| self.builder.tensor(tensor).len())
            .sum();
        let probabilities = outputs.len() == 1
            && scores > 1
            && outputs
                .iter()
                .all(|&tensor| self.builder.softmax_gives(tensor));
        let output = match scores {
            0 => return Err(invalid("the graph has no output")),
            1 => output(Task::Regression, Link::Identity, vec![]),
            _ if probabilities => output(Task::Multiclass, Link::Identity, numbered(scores)),
            _ => Output {
                length: Some(scores),
                ..output(Task::Vector, Link::Identity, vec![])
            },
        };
        let model = self.builder.finish(self.inputs, outputs);
        Ok((checked(model, invalid)?, output))
    }
}

/// Dimensions without the batch, which must be 1.
fn row_shape(tensor: &FileTensor<'_>) -> Result<Vec<usize>> {
    let refused = |what: &str| {
        Error::unsupported(
            "unsupported.tflite_shape",
            format!("tensor `{}` {what}", tensor.name),
        )
    };
    match tensor.shape.split_first() {
        Some((1, [])) => Ok(vec![1]),
        Some((1, row)) if row.iter().all(|&size| size > 0) && elements(row).is_some() => {
            Ok(row.to_vec())
        }
        Some((1, _)) => Err(refused("has no size, or one beyond a small network")),
        _ => Err(refused("has no batch of one as its first dimension")),
    }
}

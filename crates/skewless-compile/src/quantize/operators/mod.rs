//! The operators of a float network, plainly: each reads tensors with a batch of one and gives one.

mod axes;
mod elements;
mod moves;
mod products;
mod windows;

use std::rc::Rc;

use skewless_core::error::{Error, Result};

use super::tensor::Floats;
use crate::onnx::attributes::Attributes;
use crate::onnx::message::NodeProto;
use crate::onnx::network::{function, operation};
use crate::onnx::{describe, invalid};
use axes::{reduce_mean, softmax};
use elements::{batch_normalization, clip};
use moves::{concat, gather, pad, reshape, shape, transpose};
use products::{gemm, product};
use windows::{conv, pool};

/// A value of a row.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Reals(Floats),
    Whole(Vec<usize>, Vec<i64>),
}

/// A node with its inputs; None is left out.
pub(super) struct Operands<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) opset: i64,
    pub(super) inputs: &'a [Option<Rc<Value>>],
}

impl Operands<'_> {
    fn reals(&self, index: usize) -> Result<&Floats> {
        match self.inputs.get(index).and_then(|input| input.as_deref()) {
            Some(Value::Reals(floats)) => Ok(floats),
            _ => Err(self.invalid(&format!("input {index} holds no floats"))),
        }
    }

    fn optional(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index)?.as_deref()
    }

    /// A list of whole numbers, from an input or from an attribute.
    fn list(&self, index: usize, name: &str) -> Option<Vec<i64>> {
        match self.optional(index) {
            Some(Value::Whole(_, values)) => Some(values.clone()),
            _ => {
                let attribute = self.node.attribute.iter().find(|found| found.name == name);
                attribute.map(|attribute| attribute.ints.clone())
            }
        }
    }

    fn invalid(&self, what: &str) -> Error {
        invalid(format!("{}: {what}", describe(self.node)))
    }
}

pub(super) fn apply(operands: &Operands<'_>) -> Result<Value> {
    let node = operands.node;
    match node.op_type.as_str() {
        "Identity" | "Dropout" | "Cast" => {
            let value = operands.optional(0).cloned();
            value.ok_or_else(|| operands.invalid("no input"))
        }
        "Constant" => {
            let constant = Attributes { node }.constant()?;
            let constant = constant.ok_or_else(|| operands.invalid("no value"))?;
            Ok(match constant.as_whole() {
                Some(values) => Value::Whole(constant.shape.clone(), values.to_vec()),
                None => Value::Reals(Floats::new(
                    constant.shape.clone(),
                    constant.as_reals().unwrap_or_default().to_vec(),
                )),
            })
        }
        "Conv" => conv(operands).map(Value::Reals),
        "Gemm" => gemm(operands).map(Value::Reals),
        "MatMul" => {
            let (a, b) = (operands.reals(0)?, operands.reals(1)?);
            product(operands, a, b).map(Value::Reals)
        }
        "BatchNormalization" => batch_normalization(operands).map(Value::Reals),
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Pow" => {
            let combined = operands
                .reals(0)?
                .combined(operands.reals(1)?, operation(node)?);
            combined
                .map(Value::Reals)
                .ok_or_else(|| operands.invalid("shapes that do not fit each other"))
        }
        "Clip" => clip(operands).map(Value::Reals),
        "MaxPool" | "AveragePool" | "GlobalAveragePool" => pool(operands).map(Value::Reals),
        "ReduceMean" => reduce_mean(operands).map(Value::Reals),
        "Softmax" => softmax(operands).map(Value::Reals),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => reshape(operands),
        "Transpose" => transpose(operands).map(Value::Reals),
        "Concat" => concat(operands),
        "Pad" => pad(operands).map(Value::Reals),
        "Gather" => gather(operands),
        "Shape" => shape(operands),
        _ => {
            let function = function(node)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "networks are computed in f32"
            )]
            let narrow = |x: f32| function(f64::from(x)) as f32;
            Ok(Value::Reals(operands.reals(0)?.clone().map(narrow)))
        }
    }
}

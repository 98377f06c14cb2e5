//! The graph's inputs, and what its outputs say about the task.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::network::{NetworkInput, NetworkModel, Tensor};

use super::Lowering;
use super::value::{Kind, Last, Real, Row, Steps, Value, View};
use crate::network::builder::identity;
use crate::network::elements;
use crate::network::order::{arrange, row_major};
use crate::onnx::message::{
    FLOAT, GraphProto, INT8, INT32, INT64, NodeProto, UINT8, ValueInfoProto,
};
use crate::onnx::{invalid, unsupported_op};
use crate::{ModelInput, numbered, output};

/// An input of the graph.
pub(super) struct Input<'a> {
    name: &'a str,
    shape: Vec<usize>,
    /// Where its columns go, once that is known.
    taken: Option<(NetworkInput, Tensor)>,
}

impl Input<'_> {
    /// The dimensions of one row, at least one.
    pub(super) fn shape(&self) -> Vec<usize> {
        if self.shape.is_empty() {
            vec![1]
        } else {
            self.shape.clone()
        }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn read_inputs(&mut self, graph: &'a GraphProto) -> Result<()> {
        for info in &graph.input {
            if self.values.contains_key(info.name.as_str()) {
                continue;
            }
            let (element, shape) = row_shape(info)?;
            let number = self.inputs.len();
            let count: usize = shape.iter().product();
            self.inputs.push(Input {
                name: &info.name,
                shape: shape.clone(),
                taken: None,
            });
            let row = Row {
                input: number,
                shape: shape.clone(),
                order: row_major(count),
            };
            let value = match element {
                FLOAT => Value::Row(row),
                INT32 | INT64 => Value::Indices(row),
                INT8 => self.steps_input(row, 0),
                UINT8 => self.steps_input(row, 128),
                other => {
                    let message = format!("input `{}` has elements of type {other}", info.name);
                    return Err(Error::unsupported("unsupported.onnx_input", message));
                }
            };
            self.values.insert(&info.name, value);
        }
        Ok(())
    }

    /// An input of int8 or uint8: its columns are the integers.
    fn steps_input(&mut self, row: Row, shift: i32) -> Value {
        let tensor = Tensor {
            shape: self.inputs[row.input].shape(),
            scale: 1.0,
            zero_point: if shift == 0 { 0 } else { i8::MIN },
        };
        let number = self.builder.input_tensor(tensor.clone());
        let from = NetworkInput::Quantize { tensor: number };
        self.inputs[row.input].taken = Some((from, tensor));
        let view = View::whole(number, row.shape, row.order);
        Value::Steps(Steps { view, shift })
    }

    /// The tensor of an input's columns; each input has one.
    pub(super) fn input_tensor(
        &mut self,
        node: &NodeProto,
        input: usize,
        tensor: Tensor,
        from: impl FnOnce(usize) -> NetworkInput,
    ) -> Result<usize> {
        match &self.inputs[input].taken {
            Some((NetworkInput::Quantize { tensor: number }, taken)) if *taken == tensor => {
                Ok(*number)
            }
            Some(_) => Err(unsupported_op(
                node,
                &format!("a second use of input `{}`", self.inputs[input].name),
            )),
            None => {
                let number = self.builder.input_tensor(tensor.clone());
                self.inputs[input].taken = Some((from(number), tensor));
                Ok(number)
            }
        }
    }

    pub(super) fn embedding_tensor(
        &mut self,
        node: &NodeProto,
        input: usize,
        table: Vec<i8>,
        tensor: Tensor,
    ) -> Result<usize> {
        let width = tensor.shape.last().copied().unwrap_or(1).max(1);
        let indices = tensor.len() / width;
        let rows = table.len() / width;
        self.input_tensor(node, input, tensor, |tensor| NetworkInput::Embedding {
            tensor,
            indices,
            table,
            rows,
        })
    }

    /// The inputs for those who feed them.
    pub(super) fn model_inputs(&self) -> Vec<ModelInput> {
        self.inputs
            .iter()
            .map(|input| ModelInput {
                name: input.name.to_owned(),
                shape: input.shape.clone(),
            })
            .collect()
    }

    pub(super) fn outputs(mut self, graph: &GraphProto) -> Result<(NetworkModel, Output)> {
        let mut tensors = Vec::new();
        let mut last = Vec::new();
        for info in &graph.output {
            let value = self.values.get(info.name.as_str()).cloned();
            let value =
                value.ok_or_else(|| invalid(format!("nothing gives output `{}`", info.name)))?;
            let (tensor, end) = self.output_tensor(&info.name, value)?;
            tensors.push(tensor);
            last.push(end);
        }
        let scores: usize = tensors
            .iter()
            .map(|&tensor| self.builder.tensor(tensor).len())
            .sum();
        if scores == 0 {
            return Err(invalid("the graph has no output"));
        }
        let unused = self.inputs.iter().find(|input| input.taken.is_none());
        if let Some(input) = unused {
            let message = format!("input `{}` is not used", input.name);
            return Err(Error::unsupported("unsupported.onnx_input", message));
        }
        let inputs = self
            .inputs
            .into_iter()
            .filter_map(|input| Some(input.taken?.0))
            .collect();
        let output = match last[..] {
            [end] => end.output(scores),
            _ => End::Numbers.output(scores),
        };
        Ok((self.builder.finish(inputs, tensors), output))
    }

    fn output_tensor(&mut self, name: &str, value: Value) -> Result<(usize, End)> {
        let refused = || {
            Error::unsupported(
                "unsupported.onnx_output",
                format!("output `{name}` is a float that is not quantised"),
            )
        };
        match value {
            Value::Steps(steps) => {
                // The integers themselves are the scores.
                let zero = if steps.shift == 0 { 0 } else { i8::MIN };
                let tensor = steps.view.tensor;
                let tensor = self.builder.lookup(name, tensor, identity(), (1.0, zero));
                let view = View {
                    tensor,
                    ..steps.view
                };
                Ok((self.row_major(name, &view)?, End::Numbers))
            }
            Value::Real(real) if real.last == Last::Sigmoid => {
                let tensor = self.dequantized(name, &Real::dequantized(real.view, real.grid))?;
                if self.builder.tensor(tensor).len() == 1 {
                    Ok((tensor, End::Logit))
                } else {
                    Err(refused())
                }
            }
            Value::Real(real) => {
                let end = self.end(&real);
                Ok((self.dequantized(name, &real)?, end))
            }
            Value::Pending(pending) => match pending.kind {
                Kind::Softmax { input } if pending.shape.len() == 1 && pending.pools.is_empty() => {
                    Ok((input, End::Logits))
                }
                _ => Err(refused()),
            },
            _ => Err(refused()),
        }
    }

    /// A tensor of the float's steps, in the source's order.
    fn dequantized(&mut self, name: &str, real: &Real) -> Result<usize> {
        let node = NodeProto {
            op_type: "output".to_owned(),
            name: name.to_owned(),
            ..NodeProto::default()
        };
        let tensor = self.on_grid(&node, real)?;
        let view = View {
            tensor,
            ..real.view.clone()
        };
        self.row_major(name, &view)
    }

    fn row_major(&mut self, name: &str, view: &View) -> Result<usize> {
        let count = view.order.len();
        let shape = if view.shape.is_empty() {
            vec![1]
        } else {
            view.shape.clone()
        };
        let arranged = arrange(
            &mut self.builder,
            view.tensor,
            &view.order,
            &row_major(count),
            shape,
        );
        match arranged {
            Some(tensor) if view.padding.is_none() => Ok(tensor),
            _ => Err(Error::unsupported(
                "unsupported.onnx_output",
                format!("output `{name}` is padded or in an order that is no transpose"),
            )),
        }
    }

    /// What a quantised output says, by the layer that gives it.
    fn end(&self, real: &Real) -> End {
        match self.builder.softmax_gives(real.view.tensor) {
            true if real.last == Last::Dequantized && real.view.shape.len() == 1 => {
                End::Probabilities
            }
            _ => End::Numbers,
        }
    }
}

/// What the scores are.
#[derive(Clone, Copy)]
enum End {
    Numbers,
    /// Of a softmax within the plan.
    Probabilities,
    /// A softmax follows.
    Logits,
    /// A sigmoid follows.
    Logit,
}

impl End {
    fn output(self, scores: usize) -> Output {
        let (task, link, labels) = match self {
            Self::Logits if scores > 1 => (Task::Multiclass, Link::Softmax, numbered(scores)),
            Self::Probabilities if scores > 1 => {
                (Task::Multiclass, Link::Identity, numbered(scores))
            }
            Self::Logit => (Task::Binary, Link::Logistic { scale: 1.0 }, numbered(2)),
            _ if scores == 1 => (Task::Regression, Link::Identity, vec![]),
            _ => (Task::Vector, Link::Identity, vec![]),
        };
        let length = (task == Task::Vector).then_some(scores);
        Output {
            length,
            ..output(task, link, labels)
        }
    }
}

/// Element type and dimensions without the batch.
pub(crate) fn row_shape(info: &ValueInfoProto) -> Result<(i32, Vec<usize>)> {
    let refused = |what: &str| {
        Error::unsupported(
            "unsupported.onnx_input",
            format!("input `{}` {what}", info.name),
        )
    };
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref())
        .ok_or_else(|| refused("is no tensor"))?;
    let shape = tensor
        .shape
        .as_ref()
        .ok_or_else(|| refused("has no stated shape"))?;
    let Some((_, row)) = shape.dim.split_first() else {
        return Err(refused("has no dimension for the batch"));
    };
    let row: Option<Vec<usize>> = row
        .iter()
        .map(|dimension| usize::try_from(dimension.dim_value).ok())
        .map(|size| size.filter(|&size| size > 0))
        .collect();
    let row = row.ok_or_else(|| refused("has a dimension without a size, the batch aside"))?;
    match elements(&row) {
        Some(_) => Ok((tensor.elem_type, row)),
        None => Err(refused("is too large for a small network")),
    }
}

//! Runs a float network in f32, row by row: what calibration looks at, and what a quantised network is measured by.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use prost::Message;
use skewless_core::error::{Error, Result};
use skewless_core::plan::{Engine, EngineScratch, ModelSummary};

use super::operators::{Operands, Value, apply};
use super::tensor::Floats;
use crate::ModelInput;
use crate::onnx::constant::{Constant, Data};
use crate::onnx::message::{FLOAT, GraphProto, INT32, INT64, ModelProto};
use crate::onnx::network::{is_quantized, row_shape};
use crate::onnx::{describe, invalid};

/// A float network, of an ONNX file ([`FloatNetwork::read`]) or of dense layers ([`FloatNetwork::dense`]): convolutions, products, pools and functions of elements.
#[derive(Debug)]
pub struct FloatNetwork {
    model: ModelProto,
    graph: GraphProto,
    opset: i64,
    inputs: Vec<ModelInput>,
    /// Inputs of whole numbers.
    whole: Vec<bool>,
    outputs: usize,
}

impl FloatNetwork {
    /// Reads the file, and runs a row of zeros to see that every operator is known.
    ///
    /// # Errors
    /// `model.invalid_onnx`, `unsupported.onnx_input` for an input without a stated shape, `unsupported.onnx_op`,
    /// `quantize.already_quantized`.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let model = ModelProto::decode(bytes)
            .map_err(|error| invalid("not an ONNX model").with_source(error))?;
        Self::of(model)
    }

    pub(super) fn of(model: ModelProto) -> Result<Self> {
        let graph = model
            .graph
            .clone()
            .ok_or_else(|| invalid("the model has no graph"))?;
        if is_quantized(&graph) {
            return Err(Error::input(
                "quantize.already_quantized",
                "the network is quantised already; pack it as it is",
            ));
        }
        check_names(&graph)?;
        let is_constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
        let (mut inputs, mut whole) = (Vec::new(), Vec::new());
        for info in graph.input.iter().filter(|info| !is_constant(&info.name)) {
            let (element, shape) = row_shape(info)?;
            if !matches!(element, FLOAT | INT32 | INT64) {
                return Err(Error::unsupported(
                    "unsupported.onnx_input",
                    format!(
                        "input `{}` holds neither floats nor whole numbers",
                        info.name
                    ),
                ));
            }
            whole.push(element != FLOAT);
            inputs.push(ModelInput {
                name: info.name.clone(),
                shape,
            });
        }
        let opset = model
            .opset_import
            .iter()
            .find(|opset| opset.domain.is_empty() || opset.domain == "ai.onnx");
        let mut network = Self {
            opset: opset.map_or(i64::MAX, |opset| opset.version),
            model,
            graph,
            inputs,
            whole,
            outputs: 0,
        };
        network.outputs = network.run(&vec![0.0; network.columns()])?.len();
        Ok(network)
    }

    /// The outputs of rows, n × outputs, row-major; the outputs of a graph with several stand side by side.
    ///
    /// # Errors
    /// `quantize.rows` for values that are no whole rows; `unsupported.onnx_op` naming an operator that is not known
    /// here; `model.invalid_onnx` where shapes do not fit.
    pub fn run(&self, rows: &[f64]) -> Result<Vec<f64>> {
        let mut answers = Vec::new();
        self.each_values(rows, |values| {
            for output in &self.graph.output {
                match values.get(output.name.as_str()).map(Rc::as_ref) {
                    Some(Value::Reals(floats)) => {
                        answers.extend(floats.values.iter().copied().map(f64::from));
                    }
                    _ => {
                        let message = format!("nothing gives output `{}` as floats", output.name);
                        return Err(invalid(message));
                    }
                }
            }
            Ok(())
        })?;
        Ok(answers)
    }

    pub(super) fn graph(&self) -> &GraphProto {
        &self.graph
    }

    pub(super) fn model(&self) -> &ModelProto {
        &self.model
    }

    pub(super) fn row_inputs(&self) -> &[ModelInput] {
        &self.inputs
    }

    /// Calls `see` with every float of every row, by name.
    pub(super) fn each_row(
        &self,
        rows: &[f64],
        mut see: impl FnMut(&str, &[f32]) -> Result<()>,
    ) -> Result<()> {
        self.each_values(rows, |values| {
            for (name, value) in values {
                if let Value::Reals(floats) = value.as_ref() {
                    see(name, &floats.values)?;
                }
            }
            Ok(())
        })
    }

    /// Calls `see` with the values of every row.
    fn each_values<'a>(
        &'a self,
        rows: &[f64],
        mut see: impl FnMut(&BTreeMap<&'a str, Rc<Value>>) -> Result<()>,
    ) -> Result<()> {
        let constants = self.constants()?;
        let columns = self.columns();
        if columns == 0 || !rows.len().is_multiple_of(columns) {
            let message = format!(
                "{} values are no whole rows of {columns} columns",
                rows.len()
            );
            return Err(Error::input("quantize.rows", message));
        }
        for row in rows.chunks_exact(columns) {
            let mut values = constants.clone();
            self.read_row(row, &mut values);
            for node in &self.graph.node {
                self.compute(node, &mut values)?;
            }
            see(&values)?;
        }
        Ok(())
    }

    fn compute<'a>(
        &'a self,
        node: &'a crate::onnx::message::NodeProto,
        values: &mut BTreeMap<&'a str, Rc<Value>>,
    ) -> Result<()> {
        let Some(output) = node.output.first() else {
            return Ok(());
        };
        if values.contains_key(output.as_str()) {
            return Ok(());
        }
        let inputs: Vec<Option<Rc<Value>>> = node
            .input
            .iter()
            .map(|name| match name.as_str() {
                "" => Ok(None),
                name => values.get(name).cloned().map(Some).ok_or_else(|| {
                    invalid(format!(
                        "{} reads `{name}`, which nothing gives",
                        describe(node)
                    ))
                }),
            })
            .collect::<Result<_>>()?;
        let operands = Operands {
            node,
            opset: self.opset,
            inputs: &inputs,
        };
        let value = apply(&operands)?;
        values.insert(output, Rc::new(value));
        Ok(())
    }

    /// Initializers and what follows from them.
    fn constants(&self) -> Result<BTreeMap<&str, Rc<Value>>> {
        let mut values = BTreeMap::new();
        for tensor in &self.graph.initializer {
            let constant = Constant::read(tensor)?;
            values.insert(tensor.name.as_str(), Rc::new(Value::of(constant)));
        }
        for node in &self.graph.node {
            let ready = |name: &String| name.is_empty() || values.contains_key(name.as_str());
            if node.input.iter().all(ready) {
                self.compute(node, &mut values)?;
            }
        }
        Ok(values)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "networks are computed in f32"
    )]
    fn read_row<'a>(&'a self, row: &[f64], values: &mut BTreeMap<&'a str, Rc<Value>>) {
        let mut rest = row;
        for (input, &whole) in self.inputs.iter().zip(&self.whole) {
            let count = input.shape.iter().product::<usize>().min(rest.len());
            let (own, behind) = rest.split_at(count);
            rest = behind;
            let mut shape = vec![1];
            shape.extend(&input.shape);
            let value = if whole {
                Value::Whole(shape, own.iter().map(|&value| value as i64).collect())
            } else {
                Value::Reals(Floats::new(
                    shape,
                    own.iter().map(|&value| value as f32).collect(),
                ))
            };
            values.insert(&input.name, Rc::new(value));
        }
    }
}

/// A judge of what quantisation changes, plain and slow.
impl Engine for FloatNetwork {
    fn inputs(&self) -> usize {
        self.columns()
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn accepts_missing(&self) -> bool {
        false
    }

    fn summary(&self) -> ModelSummary {
        ModelSummary::Graph {
            nodes: self.graph.node.len(),
        }
    }

    fn score(&self, rows: &[f64], _scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        let answers = self.run(rows)?;
        if answers.len() != raw.len() {
            let message = format!("{} scores have no room for {}", raw.len(), answers.len());
            return Err(Error::misuse("misuse.shape", message));
        }
        raw.copy_from_slice(&answers);
        Ok(())
    }
}

/// Every value comes about once, so that following a graph ends.
fn check_names(graph: &GraphProto) -> Result<()> {
    let inputs = graph.input.iter().map(|input| &input.name);
    let made = graph.node.iter().flat_map(|node| &node.output);
    let mut given: BTreeSet<&String> = inputs.collect();
    given.extend(graph.initializer.iter().map(|tensor| &tensor.name));
    for name in made.filter(|name| !name.is_empty()) {
        if !given.insert(name) {
            return Err(invalid(format!("two nodes give `{name}`")));
        }
    }
    Ok(())
}

impl Value {
    fn of(constant: Constant) -> Self {
        match constant.data {
            Data::Real(values) => Self::Reals(Floats::new(constant.shape, values)),
            Data::Whole(values, _) => Self::Whole(constant.shape, values),
        }
    }
}

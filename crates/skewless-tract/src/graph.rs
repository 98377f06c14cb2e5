//! The graph of a wired ONNX file, with every shape known, ready to run one row at a time.
//!
//! A row is one run of the graph with a batch of one. An answer therefore does not depend on the rows beside it, which
//! larger batches would not give: with another batch size tract picks other kernels, whose sums round otherwise.

use std::sync::Arc;

use skewless_core::{Error, Result};
use tract_onnx::pb::{TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::SimplePlan;

use crate::document::{Document, Told};
use crate::draft::Draft;
use crate::element::{tensor, write_numbers};
use crate::indices::table_rows;
use crate::lowered::lower;
use crate::wiring::{InputWire, Wiring, invalid};

/// How far tract may change the graph before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Node by node as the file has them: what the optimised graph is compared with.
    AsWritten,
    /// Everything that tract can do to make it fast.
    Optimised,
}

/// A graph that answers rows.
pub(crate) struct Graph {
    plan: Arc<SimplePlan<TypedFact, Box<dyn TypedOp>>>,
    /// The inputs that take columns, in the graph's order, with the rows of the table that they are indices into.
    inputs: Vec<(InputWire, Option<usize>)>,
    /// Width of each output.
    outputs: Vec<usize>,
}

impl Graph {
    /// # Errors
    /// `bundle.invalid_onnx` where the wiring is not this graph's, `unsupported.onnx_op` for what tract cannot run.
    pub(crate) fn new(document: Document, wiring: &Wiring, effort: Effort) -> Result<Self> {
        let inputs = wiring.inputs.iter().filter(|input| input.fixed.is_none());
        let inputs = inputs
            .map(|input| (input.clone(), table_rows(&document, &input.name)))
            .collect();
        let model = typed(document, wiring)?;
        for (at, output) in wiring.outputs.iter().enumerate() {
            let width = output_width(&model, at, &output.name)?;
            if width != output.width {
                return Err(invalid(format!(
                    "output `{}` has {width} numbers a row, and the wiring says {}",
                    output.name, output.width
                )));
            }
        }
        let model = match effort {
            Effort::AsWritten => model,
            Effort::Optimised => model.into_optimized().map_err(|error| refused(&error))?,
        };
        Ok(Self {
            plan: SimplePlan::new(model).map_err(|error| refused(&error))?,
            inputs,
            outputs: wiring.outputs.iter().map(|output| output.width).collect(),
        })
    }

    /// Answers one row; false where the graph has no answer: a number that an integer input does not hold, or a fault
    /// inside the graph, such as an index outside its table.
    pub(crate) fn answer(&self, row: &[f64], raw: &mut [f64]) -> bool {
        self.run(row, raw).unwrap_or(false)
    }

    fn run(&self, row: &[f64], raw: &mut [f64]) -> TractResult<bool> {
        let mut tensors = tvec!();
        let mut rest = row;
        for (input, table) in &self.inputs {
            let (numbers, after) = rest
                .split_at_checked(input.columns())
                .ok_or_else(|| TractError::msg("a short row"))?;
            if table.is_some_and(|rows| !numbers.iter().all(|&index| is_index(index, rows))) {
                return Ok(false);
            }
            match tensor(input.kind, &input.shape, numbers)? {
                Some(tensor) => tensors.push(tensor.into_tvalue()),
                None => return Ok(false),
            }
            rest = after;
        }
        // Each run has a state of its own: recurrent operators would go on from the row before.
        let outputs = self.plan.run(tensors)?;
        let mut rest = raw;
        for (tensor, &width) in outputs.iter().zip(&self.outputs) {
            let (numbers, after) = rest
                .split_at_mut_checked(width)
                .ok_or_else(|| TractError::msg("a short row of scores"))?;
            write_numbers(tensor, numbers)?;
            rest = after;
        }
        Ok(true)
    }
}

/// Whether a table of so many rows has a row at the index, counted from its start or, below 0, from its end.
fn is_index(index: f64, rows: usize) -> bool {
    let rows = rows as f64;
    (-rows..rows).contains(&index)
}

/// The graph with the wiring's shapes, fixed inputs and outputs.
///
/// # Errors
/// As [`Graph::new`].
pub(crate) fn typed(mut document: Document, wiring: &Wiring) -> Result<TypedModel> {
    let names: Vec<&str> = document.inputs().map(|input| input.name.as_str()).collect();
    let wired: Vec<&str> = wiring
        .inputs
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    if names != wired {
        return Err(invalid(format!(
            "the graph has the inputs {names:?}, and the wiring has {wired:?}"
        )));
    }
    for (input, stated) in wiring.inputs.iter().zip(document.inputs()) {
        Draft::of(stated)?.check(input)?;
    }
    let outputs = &document.graph.output;
    let known = |name: &String| outputs.iter().any(|output| output.name == *name);
    if let Some(output) = wiring.outputs.iter().find(|output| !known(&output.name)) {
        return Err(invalid(format!(
            "the graph has no output `{}`",
            output.name
        )));
    }
    for input in &wiring.inputs {
        if let Some(fixed) = &input.fixed {
            document.graph.initializer.push(constant(input, fixed)?);
        }
    }
    lower(&mut document.graph);
    document.model.graph = Some(document.graph);
    build(&document.model, wiring).map_err(|error| refused(&error))
}

fn build(model: &tract_onnx::pb::ModelProto, wiring: &Wiring) -> TractResult<TypedModel> {
    // Shapes that the file states for values inside the graph may name sizes that the wiring has settled.
    let onnx = tract_onnx::Onnx {
        ignore_value_info: true,
        ..tract_onnx::onnx()
    };
    let mut graph = onnx.model_for_proto_model(model)?;
    for input in wiring.inputs.iter().filter(|input| input.fixed.is_none()) {
        let node = graph.node_id_by_name(&input.name)?;
        let fact = InferenceFact::dt_shape(input.kind.datum(), input.shape.as_slice());
        graph.set_outlet_fact(OutletId::new(node, 0), fact)?;
    }
    graph.select_outputs_by_name(wiring.outputs.iter().map(|output| &output.name))?;
    graph.analyse(false)?;
    graph.into_typed()
}

/// Numbers of one output for one row.
///
/// # Errors
/// `unsupported.onnx_shape` where it depends on the row's values.
pub(crate) fn output_width(model: &TypedModel, at: usize, name: &str) -> Result<usize> {
    let fact = model.output_fact(at).map_err(|error| refused(&error))?;
    let datum = fact.datum_type;
    if !(datum.is_number() || datum == DatumType::Bool || datum == DatumType::TDim) {
        return Err(Error::unsupported(
            "unsupported.onnx_output",
            format!("output `{name}` holds {datum:?}, not numbers"),
        ));
    }
    match fact.shape.as_concrete() {
        Some(shape) => Ok(shape.iter().product()),
        None => Err(Error::unsupported(
            "unsupported.onnx_shape",
            format!(
                "output `{name}` has a size that depends on the row: {:?}",
                fact.shape
            ),
        )),
    }
}

/// A fixed input as the constant that ONNX would have instead.
fn constant(input: &InputWire, fixed: &[f64]) -> Result<TensorProto> {
    let tensor = tensor(input.kind, &input.shape, fixed)
        .ok()
        .flatten()
        .ok_or_else(|| invalid(format!("input `{}` cannot be fixed", input.name)))?;
    let kind = match input.kind {
        crate::Element::F32 => DataType::Float,
        crate::Element::F64 => DataType::Double,
        crate::Element::I8 => DataType::Int8,
        crate::Element::I16 => DataType::Int16,
        crate::Element::I32 => DataType::Int32,
        crate::Element::I64 => DataType::Int64,
        crate::Element::U8 => DataType::Uint8,
        crate::Element::U16 => DataType::Uint16,
        crate::Element::U32 => DataType::Uint32,
        crate::Element::U64 => DataType::Uint64,
        crate::Element::Bool => DataType::Bool,
    };
    Ok(TensorProto {
        name: input.name.clone(),
        dims: input.shape.iter().map(|&size| size as i64).collect(),
        data_type: kind.into(),
        raw_data: tensor.as_bytes().to_vec(),
        ..TensorProto::default()
    })
}

fn refused(error: &TractError) -> Error {
    let told = Told::of(error);
    Error::unsupported(
        "unsupported.onnx_op",
        format!("tract cannot run the graph: {told}"),
    )
    .with_source(told)
}

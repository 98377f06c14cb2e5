//! ONNX graphs that are one model operator with its neighbours, as scikit-learn's exporter writes them.
//!
//! Before the operator: Cast and Identity, or a pipeline's head (`head`). After it: what names, casts or normalises its
//! outputs (Identity, Cast, Normalizer, ZipMap). Any other operator is refused by name, because leaving it out would
//! give a wrong number.

pub(crate) mod attributes;
mod classes;
pub(crate) mod constant;
mod ensemble;
mod ensemble_v5;
mod equality;
mod forest;
mod formula;
mod head;
mod linear;
pub(crate) mod message;
pub(crate) mod network;
mod targets;

use prost::Message;
use skewless_core::error::{Error, ErrorKind, Result};

use crate::{Compiled, ModelInput, Source};
use skewless_core::output::Output;
use skewless_core::plan::Model;

pub(crate) use attributes::describe;

use attributes::Attributes;
use head::Head;
use message::{DOUBLE, FLOAT, GraphProto, ModelProto, NodeProto, ValueInfoProto};

pub(crate) fn compile(bytes: &[u8]) -> Result<Compiled> {
    let model = ModelProto::decode(bytes)
        .map_err(|error| invalid("not an ONNX model").with_source(error))?;
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| invalid("the model has no graph"))?;
    if network::is_quantized(graph) {
        return network::compile(&model, graph);
    }
    let mut notes = Vec::new();
    let Some((node, found)) = model_operator(graph)? else {
        let (model, output, head) = formula::compile(graph, &mut notes)?;
        return Ok(compiled(graph, model, output, head, notes));
    };
    let (rows, head) = match row_input(graph, node) {
        Ok(rows) => (rows, None),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let takes_missing = !matches!(found, Kind::LinearRegressor | Kind::LinearClassifier);
            let head = head::read(graph, node, takes_missing, &mut notes)?;
            (head.rows, Some(head))
        }
        Err(error) => return Err(error),
    };
    let normalized = check_outputs(graph, node)?;
    let operator = Operator {
        node,
        rows,
        normalized,
    };
    let (model, output) = match found {
        Kind::Regressor | Kind::Classifier => {
            ensemble::compile(&operator, found == Kind::Classifier, &mut notes)?
        }
        Kind::Ensemble => ensemble_v5::compile(&operator, &mut notes)?,
        Kind::LinearRegressor => linear::regressor(&operator, &mut notes)?,
        Kind::LinearClassifier => linear::classifier(&operator)?,
    };
    if operator.rows.width.is_none() {
        notes.push(
            "The graph doesn't state the width of its input; the model's own width is taken."
                .to_owned(),
        );
    }
    let model = match &head {
        None => model,
        Some(head) => head.reads(model)?,
    };
    Ok(compiled(graph, model, output, head, notes))
}

fn compiled(
    graph: &GraphProto,
    model: Model,
    output: Output,
    head: Option<Head>,
    notes: Vec<String>,
) -> Compiled {
    let inputs = match head {
        None => row_inputs(graph, model.inputs()),
        Some(_) => Vec::new(),
    };
    Compiled {
        model,
        output,
        feature_names: None,
        head: head.map(|head| head.spec),
        inputs,
        source: Source::Onnx,
        notes,
    }
}

/// The graph's inputs as parts of a row of `width` columns; none where their widths don't add up to it.
fn row_inputs(graph: &GraphProto, width: usize) -> Vec<ModelInput> {
    let constant = |name: &str| {
        let mut constants = graph.initializer.iter();
        constants.any(|constant| constant.name == name)
    };
    let inputs: Vec<&ValueInfoProto> = graph
        .input
        .iter()
        .filter(|input| !constant(&input.name))
        .collect();
    let stated = |input: &ValueInfoProto| {
        let tensor = input.r#type.as_ref()?.tensor_type.as_ref()?;
        let dimensions = &tensor.shape.as_ref()?.dim;
        match dimensions.as_slice() {
            [_] => Some(1),
            [_, columns] => usize::try_from(columns.dim_value)
                .ok()
                .filter(|&columns| columns > 0),
            _ => None,
        }
    };
    let widths: Vec<usize> = match inputs[..] {
        [_] => vec![width],
        _ => inputs.iter().filter_map(|input| stated(input)).collect(),
    };
    match widths.len() == inputs.len() && widths.iter().sum::<usize>() == width {
        true => inputs
            .into_iter()
            .zip(widths)
            .map(|(input, columns)| ModelInput {
                name: input.name.clone(),
                shape: vec![columns],
            })
            .collect(),
        false => Vec::new(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Regressor,
    Classifier,
    Ensemble,
    LinearRegressor,
    LinearClassifier,
}

/// The operator that is the model, with what its surroundings say.
struct Operator<'a> {
    node: &'a NodeProto,
    rows: RowInput,
    /// The scores of a classifier are divided by their sum afterwards.
    normalized: bool,
}

/// The feature rows that reach the operator.
#[derive(Clone, Copy)]
struct RowInput {
    /// They reach the operator as f64, and so its sums are in f64.
    double: bool,
    /// They were f32 at some point on the way.
    narrow: bool,
    /// Number of columns, where the graph says it.
    width: Option<usize>,
}

impl Operator<'_> {
    /// The stated width of a row, which must hold `least` columns; else `least` itself.
    fn width(&self, least: usize) -> Result<usize> {
        match self.rows.width {
            None => Ok(least),
            Some(width) if width >= least => Ok(width),
            Some(width) => Err(invalid(format!(
                "the model reads {least} columns and the graph's input has {width}"
            ))),
        }
    }
}

/// The operator that is the model; `None` where there is none, or several that may be one together.
fn model_operator(graph: &GraphProto) -> Result<Option<(&NodeProto, Kind)>> {
    let mut found = graph
        .node
        .iter()
        .filter_map(|node| Some((node, kind(node)?)));
    match (found.next(), found.next()) {
        (Some(first), None) => Ok(Some(first)),
        (Some((_, Kind::Regressor)), Some((_, Kind::Regressor))) => Ok(None),
        (Some(_), Some((second, _))) => Err(unsupported_op(second, "a second model operator")),
        (None, _) if graph.node.is_empty() => Err(invalid("the graph has no operators")),
        (None, _) => Ok(None),
    }
}

fn kind(node: &NodeProto) -> Option<Kind> {
    match (node.domain.as_str(), node.op_type.as_str()) {
        ("ai.onnx.ml", "TreeEnsembleRegressor") => Some(Kind::Regressor),
        ("ai.onnx.ml", "TreeEnsembleClassifier") => Some(Kind::Classifier),
        ("ai.onnx.ml", "TreeEnsemble") => Some(Kind::Ensemble),
        ("ai.onnx.ml", "LinearRegressor") => Some(Kind::LinearRegressor),
        ("ai.onnx.ml", "LinearClassifier") => Some(Kind::LinearClassifier),
        _ => None,
    }
}

/// Follows the operator's input back to the graph's only one.
fn row_input(graph: &GraphProto, node: &NodeProto) -> Result<RowInput> {
    let inputs: Vec<&ValueInfoProto> = graph
        .input
        .iter()
        .filter(|input| {
            !graph
                .initializer
                .iter()
                .any(|constant| constant.name == input.name)
        })
        .collect();
    let [input] = inputs[..] else {
        let message = format!(
            "a graph with {} inputs; one matrix of feature rows is read",
            inputs.len()
        );
        return Err(Error::unsupported("unsupported.onnx_input", message));
    };
    let tensor = input
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref());
    let Some(tensor) = tensor.filter(|tensor| matches!(tensor.elem_type, FLOAT | DOUBLE)) else {
        let message = format!(
            "input `{}` is not a matrix of floats or doubles",
            input.name
        );
        return Err(Error::unsupported("unsupported.onnx_input", message));
    };
    // Types on the way, the operator's own first.
    let mut types = casts_before(graph, node, &input.name)?;
    types.push(tensor.elem_type.into());
    let columns = tensor
        .shape
        .as_ref()
        .and_then(|shape| shape.dim.get(1))
        .map(|dimension| dimension.dim_value);
    Ok(RowInput {
        double: types.first() == Some(&DOUBLE.into()),
        narrow: types.contains(&FLOAT.into()),
        width: columns
            .and_then(|columns| usize::try_from(columns).ok())
            .filter(|&columns| columns > 0),
    })
}

/// The targets of the casts between the graph's input and the operator, the operator's nearest first.
fn casts_before(graph: &GraphProto, node: &NodeProto, input: &str) -> Result<Vec<i64>> {
    let mut casts = Vec::new();
    let mut at = node;
    for _ in 0..=graph.node.len() {
        let [name] = &at.input[..] else {
            return Err(invalid(format!(
                "{} has {} inputs",
                describe(at),
                at.input.len()
            )));
        };
        if name == input {
            return Ok(casts);
        }
        let before = graph
            .node
            .iter()
            .find(|before| before.output.contains(name));
        at = before.ok_or_else(|| invalid(format!("nothing gives the value `{name}`")))?;
        match (at.domain.as_str(), at.op_type.as_str()) {
            ("", "Identity") => {}
            ("", "Cast") => match cast_target(at)? {
                to if is_float(to) => casts.push(to),
                _ => {
                    return Err(unsupported_op(
                        at,
                        "a cast of the feature rows to whole numbers",
                    ));
                }
            },
            _ => return Err(unsupported_op(at, "before the model")),
        }
    }
    Err(invalid("the graph has a cycle"))
}

fn is_float(to: i64) -> bool {
    to == i64::from(FLOAT) || to == i64::from(DOUBLE)
}

fn cast_target(node: &NodeProto) -> Result<i64> {
    Ok(Attributes::of(node, &["to", "saturate"])?.int("to", 0))
}

/// Checks what becomes of the operator's outputs, and tells whether its scores are normalised.
fn check_outputs(graph: &GraphProto, model: &NodeProto) -> Result<bool> {
    // A classifier gives labels first and scores second, everything else scores alone.
    let mut scores: Vec<&String> = model.output.last().into_iter().collect();
    let mut labels: Vec<&String> = if model.output.len() > 1 {
        model.output.first().into_iter().collect()
    } else {
        vec![]
    };
    let (mut normalized, mut passed) = (false, Vec::new());
    for node in graph.node.iter().filter(|node| !std::ptr::eq(*node, model)) {
        let reads = |values: &[&String]| node.input.iter().any(|input| values.contains(&input));
        let of_scores = reads(&scores);
        if !of_scores && !reads(&labels) {
            // Nodes before the model have been checked on the way back from it; others cannot change its answer.
            passed.push(node);
            continue;
        }
        match (node.domain.as_str(), node.op_type.as_str()) {
            ("", "Identity") | ("ai.onnx.ml", "ZipMap") => {}
            ("", "Cast") if !of_scores || is_float(cast_target(node)?) => {}
            ("ai.onnx.ml", "Normalizer") if of_scores && model.output.len() > 1 => {
                if Attributes::of(node, &["norm"])?.text("norm", "MAX")? != "L1" {
                    return Err(unsupported_op(node, "another norm than L1"));
                }
                normalized = true;
            }
            _ => return Err(unsupported_op(node, "after the model")),
        }
        if of_scores { &mut scores } else { &mut labels }.extend(&node.output);
    }
    let late = |node: &&&NodeProto| {
        node.input
            .iter()
            .any(|input| scores.contains(&input) || labels.contains(&input))
    };
    match passed.iter().find(late) {
        Some(node) => Err(invalid(format!(
            "{} stands before what it reads",
            describe(node)
        ))),
        None => Ok(normalized),
    }
}

pub(crate) fn unsupported_op(node: &NodeProto, why: &str) -> Error {
    Error::unsupported("unsupported.onnx_op", format!("{}: {why}", describe(node)))
        .with_value(&node.op_type)
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::input("model.invalid_onnx", message)
}

//! The head of a pipeline: what stands between the graph's inputs and its model, as a fitted specification.
//!
//! scikit-learn's exporter writes a pipeline as one graph: imputers, scalers and encoders, then the model. Here every
//! operator of the head becomes a feature of a [`FittedSpec`], so that the bundle's raw record has the pipeline's own
//! inputs. The specification works in f64 where ONNX works in f32; a column that was scaled is the more exact one, and
//! differs from ONNX's by its roundings alone: at most 4 · 2⁻²⁴ of the largest of |x|, |offset| over the scale.

mod arithmetic;
pub(super) mod column;
mod encode;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Model, Node};
use skewless_core::spec::FittedSpec;

use super::attributes::describe;
use super::message::{
    BOOL, DOUBLE, FLOAT, GraphProto, INT32, INT64, NodeProto, STRING, TensorProto, ValueInfoProto,
};
use super::{RowInput, invalid, unsupported_op};
use column::{Columns, Kind, Matrix, Recipe};
pub(super) use select::whole;

/// A head, read.
pub(crate) struct Head {
    /// From the raw record to the model's columns.
    pub(crate) spec: FittedSpec,
    /// For each column that the model reads, the column of the specification.
    pub(crate) columns: Vec<usize>,
    /// How many columns the specification gives.
    pub(crate) width: usize,
    /// The rows that reach the model.
    pub(crate) rows: RowInput,
}

/// Reads what the model's input is made from. `accepts_missing` says whether the model does.
pub(crate) fn read(
    graph: &GraphProto,
    model: &NodeProto,
    accepts_missing: bool,
    notes: &mut Vec<String>,
) -> Result<Head> {
    let [wanted] = &model.input[..] else {
        return Err(invalid(format!(
            "{} has {} inputs",
            describe(model),
            model.input.len()
        )));
    };
    let mut walk = Walk::new(graph, accepts_missing)?;
    let needed = needed(graph, wanted);
    for node in graph.node.iter().filter(|node| !std::ptr::eq(*node, model)) {
        if !node
            .output
            .iter()
            .any(|output| needed.contains(output.as_str()))
        {
            continue;
        }
        let matrix = walk.apply(node)?;
        if let [output] = &node.output[..] {
            walk.values.insert(output, matrix);
        } else {
            return Err(unsupported_op(node, "several outputs before the model"));
        }
    }
    let found = walk.matrix(wanted)?.clone();
    if found.cut || !matches!(found.kind, Kind::Single | Kind::Double) {
        return Err(unsupported_op(
            model,
            "its input is no matrix of floats or doubles",
        ));
    }
    let rows = RowInput {
        double: found.kind == Kind::Double,
        narrow: found.narrow,
        width: Some(found.columns.len()),
    };
    notes.append(&mut walk.notes);
    Ok(Head::new(walk.recipe.finish(&found.columns)?, rows))
}

impl Head {
    pub(super) fn new(
        (spec, columns, width): (FittedSpec, Vec<usize>, usize),
        rows: RowInput,
    ) -> Self {
        Self {
            spec,
            columns,
            width,
            rows,
        }
    }

    /// The model, made to read the specification's columns instead of its own.
    pub(crate) fn reads(&self, mut model: Model) -> Result<Model> {
        let lost = || invalid("the model reads a column that its input doesn't have");
        match &mut model {
            Model::Trees(model) => {
                model.inputs = self.width;
                for node in model.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                    if let Node::Split { input, .. } = node {
                        *input = *self.columns.get(*input).ok_or_else(lost)?;
                    }
                }
            }
            Model::Linear(linear) if linear.inputs == self.columns.len() => {
                let mut weights = vec![0.0; self.width * linear.outputs];
                let rows = linear.weights.chunks(linear.inputs.max(1));
                for (row, wide) in rows.zip(weights.chunks_mut(self.width.max(1))) {
                    for (weight, &column) in row.iter().zip(&self.columns) {
                        *wide.get_mut(column).ok_or_else(lost)? += weight;
                    }
                }
                linear.weights = weights;
                linear.inputs = self.width;
            }
            _ => return Err(lost()),
        }
        Ok(model)
    }
}

/// The names of all values that `wanted` depends on, itself among them.
fn needed<'a>(graph: &'a GraphProto, wanted: &'a str) -> BTreeSet<&'a str> {
    let mut needed = BTreeSet::from([wanted]);
    // Nodes stand after what they read.
    for node in graph.node.iter().rev() {
        if node
            .output
            .iter()
            .any(|output| needed.contains(output.as_str()))
        {
            needed.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

/// A graph as far as its head has been followed.
pub(super) struct Walk<'a> {
    constants: BTreeMap<&'a str, &'a TensorProto>,
    pub(super) values: BTreeMap<&'a str, Matrix>,
    pub(super) recipe: Recipe,
    pub(super) notes: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(graph: &'a GraphProto, accepts_missing: bool) -> Result<Self> {
        let constants: BTreeMap<&str, &TensorProto> = graph
            .initializer
            .iter()
            .map(|constant| (constant.name.as_str(), constant))
            .collect();
        let mut walk = Self {
            constants,
            values: BTreeMap::new(),
            recipe: Recipe::new(accepts_missing),
            notes: Vec::new(),
        };
        for input in &graph.input {
            if !walk.constants.contains_key(input.name.as_str()) {
                let reader = graph
                    .node
                    .iter()
                    .find(|node| node.input.contains(&input.name));
                let matrix = walk.input(input, reader)?;
                walk.values.insert(&input.name, matrix);
            }
        }
        Ok(walk)
    }

    /// A graph's input of width 1 is a field of its name; a wider one as many fields, numbered. `reader` is the node that a
    /// refusal names.
    fn input(&mut self, input: &ValueInfoProto, reader: Option<&NodeProto>) -> Result<Matrix> {
        let refused = |what: &str| {
            let input = &input.name;
            let message = match reader {
                Some(node) => format!("{} reads input `{input}`, which {what}", describe(node)),
                None => format!("input `{input}` {what}"),
            };
            Err(Error::unsupported("unsupported.onnx_input", message))
        };
        let tensor = input
            .r#type
            .as_ref()
            .and_then(|kind| kind.tensor_type.as_ref());
        let Some(tensor) = tensor else {
            return refused("is no tensor");
        };
        let kind = match tensor.elem_type {
            FLOAT => Kind::Single,
            DOUBLE => Kind::Double,
            INT64 | INT32 => Kind::Whole,
            BOOL => Kind::Truth,
            STRING => Kind::Text,
            _ => return refused("has a type that no field of a record has"),
        };
        let dimensions: Vec<i64> = tensor
            .shape
            .iter()
            .flat_map(|shape| &shape.dim)
            .map(|dimension| dimension.dim_value)
            .collect();
        let width = match dimensions[..] {
            [_] => 1,
            [_, width] => usize::try_from(width).unwrap_or(0),
            _ => 0,
        };
        match width {
            0 => refused("is no matrix whose width is stated"),
            1 => Ok(Matrix::of(
                kind,
                vec![self.recipe.input(&input.name, kind)?],
            )),
            _ => {
                let fields = (0..width)
                    .map(|field| self.recipe.input(&format!("{}_{field}", input.name), kind));
                Ok(Matrix::of(kind, fields.collect::<Result<Columns>>()?))
            }
        }
    }

    pub(super) fn apply(&mut self, node: &'a NodeProto) -> Result<Matrix> {
        match (node.domain.as_str(), node.op_type.as_str()) {
            ("", "Identity") => self.only(node).cloned(),
            ("", "Cast") => self.cast(node),
            ("", "Concat") | ("ai.onnx.ml", "FeatureVectorizer") => self.concat(node),
            ("", "Gather") | ("ai.onnx.ml", "ArrayFeatureExtractor") => self.pick(node),
            ("", "Reshape" | "Flatten") => self.reshape(node),
            ("", "Add" | "Sub" | "Mul" | "Div") => self.with_constant(node),
            ("", "Clip") => self.clip(node),
            ("ai.onnx.ml", "Scaler") => self.scale(node),
            ("ai.onnx.ml", "Imputer") => self.impute(node),
            ("ai.onnx.ml", "Binarizer") => self.binarize(node),
            ("ai.onnx.ml", "Normalizer") => self.normalize(node),
            ("ai.onnx.ml", "OneHotEncoder") => self.one_hot(node),
            ("ai.onnx.ml", "LabelEncoder" | "CategoryMapper") => self.look_up(node),
            _ => Err(unsupported_op(node, "before the model")),
        }
    }

    fn matrix(&self, name: &str) -> Result<&Matrix> {
        if self.constants.contains_key(name) {
            let message = format!("the constant `{name}` as columns");
            return Err(Error::unsupported("unsupported.onnx_op", message));
        }
        let matrix = self.values.get(name);
        matrix.ok_or_else(|| invalid(format!("nothing gives the value `{name}`")))
    }

    /// The input of a node that has one.
    fn only(&self, node: &NodeProto) -> Result<&Matrix> {
        match &node.input[..] {
            [name] => self.matrix(name),
            inputs => Err(invalid(format!(
                "{} has {} inputs",
                describe(node),
                inputs.len()
            ))),
        }
    }

    pub(super) fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        self.constants.get(name).copied()
    }
}

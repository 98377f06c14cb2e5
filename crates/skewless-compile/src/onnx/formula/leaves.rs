//! What one tree's leaf decides: a number a leaf, carried through operators element by element, in f32 as ONNX does.

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Accumulate, Aggregate, LeafPrecision, Model, Node, Tree, TreeModel};

use super::super::attributes::Attributes;
use super::super::forest::{Forest, ForestNode};
use super::super::head::column::{Columns, Kind};
use super::super::message::NodeProto;
use super::super::{Operator, RowInput, cast_target, invalid, unsupported_op};
use super::scores::{Raw, Scores};
use super::{Formula, Value, only};

/// A number for each leaf of a tree.
#[derive(Clone)]
pub(super) struct Leaves {
    tree: usize,
    /// In the order of the forest's nodes.
    values: Vec<f32>,
}

impl Leaves {
    /// The weights that the leaves of `forest`, the tree `tree`, have themselves.
    pub(super) fn of(tree: usize, forest: &Forest) -> Self {
        let weight =
            |weights: &[(usize, f64)]| weights.first().map_or(0.0, |&(_, weight)| single(weight));
        Self {
            tree,
            values: forest.leaves().map(weight).collect(),
        }
    }

    fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self {
            tree: self.tree,
            values: self.values.iter().map(|&value| f(value)).collect(),
        }
    }
}

impl<'a> Formula<'a> {
    /// An operator on leaves; `None` where an input is none.
    pub(super) fn leaf_step(&mut self, node: &'a NodeProto) -> Result<Option<Value>> {
        let mut inputs = Vec::new();
        for at in 0..node.input.len() {
            match self.input(node, at) {
                Some(Value::Leaves(leaves)) => inputs.push(leaves.clone()),
                Some(Value::Scores(_)) => return Ok(None),
                None => {}
            }
        }
        let Some(first) = inputs.first().cloned() else {
            return Ok(None);
        };
        let is_sum = matches!(node.op_type.as_str(), "Sum" | "Add");
        if is_sum
            && inputs.len() == node.input.len()
            && inputs.iter().any(|leaves| leaves.tree != first.tree)
        {
            return Ok(Some(Value::Scores(Scores::leaves(inputs))));
        }
        let mapped = match (node.domain.as_str(), node.op_type.as_str()) {
            ("", "Identity" | "Reshape") => first,
            ("", "Cast") => match cast_target(node)? {
                1 => first,
                6 | 7 => first.map(f32::trunc),
                _ => return Err(unsupported_op(node, "a cast to another type")),
            },
            ("", "Log") => first.map(|x| single(libm::log(f64::from(x)))),
            ("ai.onnx.ml", "LabelEncoder") => Self::encoded(node, &first)?,
            ("", "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Equal" | "Greater" | "Less") => {
                self.combined(node)?
            }
            _ => return Err(unsupported_op(node, "of a single tree's leaf")),
        };
        Ok(Some(Value::Leaves(mapped)))
    }

    fn encoded(node: &NodeProto, leaves: &Leaves) -> Result<Leaves> {
        let attributes = Attributes::of(node, &["default_float", "keys_int64s", "values_floats"])?;
        let keys = attributes.ints("keys_int64s");
        let values = attributes.numbers("values_floats", Some(keys.len()))?;
        let default = attributes.float("default_float").map_or(0.0, single);
        let mut table: Vec<(i64, f32)> = keys
            .iter()
            .copied()
            .zip(values.into_iter().map(single))
            .collect();
        table.sort_by_key(|entry| entry.0);
        Ok(leaves.map(|key| {
            let found = table.binary_search_by_key(&integer(key), |entry| entry.0);
            let entry = found.ok().and_then(|at| table.get(at));
            entry.map_or(default, |&(_, value)| value)
        }))
    }

    /// Leaves of one tree with each other or with a constant.
    fn combined(&self, node: &NodeProto) -> Result<Leaves> {
        let operate: fn(f32, f32) -> f32 = match node.op_type.as_str() {
            "Add" => |a, b| a + b,
            "Sub" => |a, b| a - b,
            "Mul" => |a, b| a * b,
            "Div" => |a, b| a / b,
            "Max" => f32::max,
            "Min" => f32::min,
            "Equal" => |a, b| f32::from(u8::from(a == b)),
            "Greater" => |a, b| f32::from(u8::from(a > b)),
            _ => |a, b| f32::from(u8::from(a < b)),
        };
        let refused = || {
            unsupported_op(
                node,
                "of a leaf and something else than a constant or itself",
            )
        };
        if node.input.len() != 2 {
            return Err(refused());
        }
        let constant = |at| only(self.constant(node, at)).map(single);
        match (self.input(node, 0), self.input(node, 1)) {
            (Some(Value::Leaves(a)), Some(Value::Leaves(b))) if a.tree == b.tree => Ok(Leaves {
                tree: a.tree,
                values: a
                    .values
                    .iter()
                    .zip(&b.values)
                    .map(|(&a, &b)| operate(a, b))
                    .collect(),
            }),
            (Some(Value::Leaves(a)), None) => {
                let b = constant(1).ok_or_else(refused)?;
                Ok(a.map(|a| operate(a, b)))
            }
            (None, Some(Value::Leaves(b))) => {
                let a = constant(0).ok_or_else(refused)?;
                Ok(b.map(|b| operate(a, b)))
            }
            _ => Err(refused()),
        }
    }

    /// The ensemble whose trees have the values of `terms` in their leaves, over `columns`.
    pub(super) fn sum(&mut self, terms: &[Leaves], columns: &Columns) -> Result<Model> {
        let mut trees = Vec::new();
        for term in terms {
            let tree = self
                .trees
                .get_mut(term.tree)
                .ok_or_else(|| invalid("a tree is lost"))?;
            let leaves = tree.forest.nodes.iter_mut().filter_map(|node| match node {
                ForestNode::Leaf(weights) => Some(weights),
                ForestNode::Branch(_) => None,
            });
            for (weights, &value) in leaves.zip(&term.values) {
                if !value.is_finite() {
                    return Err(invalid("a leaf is not a finite number"));
                }
                *weights = vec![(0, f64::from(value))];
            }
            let operator = Operator {
                node: &NodeProto::default(),
                rows: RowInput {
                    double: tree.rows.kind == Kind::Double,
                    narrow: tree.rows.narrow,
                    width: Some(tree.rows.columns.len()),
                },
                normalized: false,
            };
            let Model::Trees(model) = tree.forest.to_model(&operator, 1, Some)? else {
                return Err(Error::internal(
                    "internal.plan",
                    "a forest is no tree model",
                ));
            };
            let place = |input: usize| {
                let column = tree.rows.columns.get(input)?;
                columns.iter().position(|other| other == column)
            };
            for mut nodes in model.trees.into_iter().map(|tree| tree.nodes) {
                for node in &mut nodes {
                    if let Node::Split { input, .. } = node {
                        *input = place(*input)
                            .ok_or_else(|| invalid("a tree reads a column that is not there"))?;
                    }
                }
                trees.push(Tree {
                    output: 0,
                    nodes,
                    covers: vec![],
                });
            }
        }
        Ok(Model::Trees(TreeModel {
            inputs: columns.len(),
            outputs: 1,
            narrow_inputs: self.tree_rows().narrow,
            accumulate: Accumulate::F32,
            base: vec![0.0],
            aggregate: Aggregate::Sum,
            leaves: LeafPrecision::Exact,
            trees,
        }))
    }
}

impl Scores {
    /// The sum of leaves of several trees, in their order.
    fn leaves(terms: Vec<Leaves>) -> Self {
        Self {
            raw: Raw::Leaves(terms),
            outputs: 1,
            steps: Vec::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "ONNX computes in f32")]
fn single(value: f64) -> f32 {
    value as f32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and no key is so large"
)]
fn integer(value: f32) -> i64 {
    value as i64
}

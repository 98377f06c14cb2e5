//! Graphs whose model is spread over several operators: scikit-learn's isolation forest, whose every tree is an
//! operator of its own, and linear models written as MatMul or Gemm.
//!
//! The graph is followed once. A value is columns of the head, or what one tree's leaf decides, or scores: a sum of
//! leaves or of weighted columns, and the steps that followed. What the last output's scores went through is its link.

mod leaves;
mod linear;
mod scores;

use std::collections::BTreeMap;

use skewless_core::error::{Error, Result};
use skewless_core::output::Output;
use skewless_core::plan::Model;

use super::attributes::{Attributes, describe, tensor_numbers};
use super::ensemble::{self, KNOWN};
use super::forest::Forest;
use super::head::column::{Columns, Kind, Matrix};
use super::head::{Head, Walk};
use super::message::{GraphProto, NodeProto};
use super::{RowInput, invalid, unsupported_op};
use leaves::Leaves;
use scores::{Raw, Scores};

/// The model, its output, and the head where the graph has one.
pub(super) fn compile(
    graph: &GraphProto,
    notes: &mut Vec<String>,
) -> Result<(Model, Output, Option<Head>)> {
    let is_tree = |node: &NodeProto| node.op_type.starts_with("TreeEnsemble");
    let mut formula = Formula {
        walk: Walk::new(graph, graph.node.iter().any(is_tree))?,
        values: BTreeMap::new(),
        trees: Vec::new(),
    };
    let mut fault = None;
    for node in &graph.node {
        if let Err(error) = formula.apply(node) {
            fault.get_or_insert(error);
        }
    }
    let output = graph
        .output
        .last()
        .ok_or_else(|| invalid("the graph has no output"))?;
    match formula.scores(&output.name) {
        Some(scores) => formula.finish(scores, graph, notes),
        None => {
            Err(fault
                .unwrap_or_else(|| invalid(format!("nothing gives the output `{}`", output.name))))
        }
    }
}

/// A tree with the columns that it reads.
struct Tree {
    forest: Forest,
    rows: Matrix,
}

#[derive(Clone)]
enum Value {
    Leaves(Leaves),
    Scores(Scores),
}

struct Formula<'a> {
    walk: Walk<'a>,
    /// What is no longer columns.
    values: BTreeMap<&'a str, Value>,
    trees: Vec<Tree>,
}

impl<'a> Formula<'a> {
    fn apply(&mut self, node: &'a NodeProto) -> Result<()> {
        let known = node
            .input
            .iter()
            .any(|input| self.values.contains_key(input.as_str()));
        let value = match (node.domain.as_str(), node.op_type.as_str()) {
            ("ai.onnx.ml", "TreeEnsembleRegressor") => self.tree(node)?,
            ("", "MatMul" | "Gemm") => self.product(node)?,
            _ if known => match self.leaf_step(node)? {
                Some(value) => value,
                None => self.score_step(node)?,
            },
            _ => {
                let matrix = self.walk.apply(node)?;
                if let [output] = &node.output[..] {
                    self.walk.values.insert(output, matrix);
                }
                return Ok(());
            }
        };
        if let [output] = &node.output[..] {
            self.values.insert(output, value);
        }
        Ok(())
    }

    /// A regressor of one tree and one target, whose leaf everything after it depends on.
    fn tree(&mut self, node: &'a NodeProto) -> Result<Value> {
        let attributes = Attributes::of(node, &KNOWN)?;
        let forest = ensemble::read(&attributes, false)?;
        let plain = attributes.text("post_transform", "NONE")? == "NONE" && forest.base.is_empty();
        if forest.roots.len() != 1 || attributes.targets("n_targets")? != 1 || !plain {
            return Err(unsupported_op(
                node,
                "a second model operator of more than one tree",
            ));
        }
        let rows = self.rows(node)?;
        let leaves = Leaves::of(self.trees.len(), &forest);
        self.trees.push(Tree { forest, rows });
        Ok(Value::Leaves(leaves))
    }

    /// The columns that a node's first input is.
    fn rows(&self, node: &NodeProto) -> Result<Matrix> {
        let name = node.input.first().map(String::as_str).unwrap_or_default();
        let matrix = self.walk.values.get(name);
        let matrix = matrix.filter(|matrix| matrix.is_number() && matrix.kind != Kind::Text);
        matrix
            .cloned()
            .ok_or_else(|| unsupported_op(node, "its input is no matrix of numbers"))
    }

    fn input(&self, node: &NodeProto, at: usize) -> Option<&Value> {
        self.values.get(node.input.get(at)?.as_str())
    }

    /// The numbers of a constant input.
    fn constant(&self, node: &NodeProto, at: usize) -> Option<Vec<f64>> {
        let numbers = self
            .walk
            .constant(node.input.get(at)?)
            .and_then(tensor_numbers)?;
        numbers
            .iter()
            .all(|number| number.is_finite())
            .then_some(numbers)
    }

    /// Scores, or columns that are the answer themselves.
    fn scores(&self, name: &str) -> Option<Scores> {
        match self.values.get(name) {
            Some(Value::Scores(scores)) => Some(scores.clone()),
            Some(Value::Leaves(_)) => None,
            None => {
                let matrix = self
                    .walk
                    .values
                    .get(name)
                    .filter(|matrix| matrix.is_number())?;
                Some(Scores::columns(matrix))
            }
        }
    }

    fn finish(
        mut self,
        scores: Scores,
        graph: &GraphProto,
        notes: &mut Vec<String>,
    ) -> Result<(Model, Output, Option<Head>)> {
        let output = scores.output(graph, notes)?;
        let (model, columns, rows) = match scores.raw {
            Raw::Columns(linear) => {
                let rows = linear.rows;
                (linear.model(), linear.columns, rows)
            }
            Raw::Leaves(terms) => {
                let columns = self.used_columns();
                (self.sum(&terms, &columns)?, columns, self.tree_rows())
            }
        };
        notes.append(&mut self.walk.notes);
        let plain = self.walk.recipe.is_plain(&columns);
        let head = self.walk.recipe.finish(&columns)?;
        let head = Head::new(head, rows);
        match plain {
            true => Ok((model, output, None)),
            false => Ok((head.reads(model)?, output, Some(head))),
        }
    }

    /// The columns that the trees read, each once.
    fn used_columns(&self) -> Columns {
        let mut columns = Columns::new();
        for column in self.trees.iter().flat_map(|tree| &tree.rows.columns) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    fn tree_rows(&self) -> RowInput {
        RowInput {
            double: false,
            narrow: self.trees.iter().all(|tree| tree.rows.narrow),
            width: None,
        }
    }
}

/// The number of a constant that holds one.
fn only(numbers: Option<Vec<f64>>) -> Option<f64> {
    match numbers?[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn not_understood(node: &NodeProto) -> Error {
    Error::unsupported(
        "unsupported.onnx_op",
        format!(
            "{}: not a part of a tree, a linear model or a pipeline's head",
            describe(node)
        ),
    )
    .with_value(&node.op_type)
}

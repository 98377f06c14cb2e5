//! One tree of an XGBoost document.
//!
//! A numeric split asks x < t. A categorical one sends the categories of its set to the *right*, and every other
//! value to the left; the plan's sets go left, so its children change places. Categories are whole numbers from 0 on,
//! as XGBoost asks; only for a code between -1 and 0, which is none, do the two differ (XGBoost takes it as unknown,
//! a plan cuts it to 0).

use std::collections::BTreeMap;

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Missing, Node, Test, Tree};

use super::document::TreeArrays;
use crate::graft::graft;

/// Makes an error about this tree.
type Invalid<'a> = &'a dyn Fn(String) -> Error;

/// The tree of an output over `inputs` columns, its leaves times `weight` where the booster has weights.
pub(crate) fn read(
    arrays: &TreeArrays,
    weight: Option<f32>,
    (inputs, output): (usize, usize),
    invalid: Invalid<'_>,
) -> Result<Tree> {
    if !matches!(arrays.tree_param.size_leaf_vector.as_str(), "0" | "1") {
        let message = "a tree has vectors in its leaves (`multi_output_tree`)";
        return Err(Error::unsupported("unsupported.multi_output", message));
    }
    let count = arrays.left_children.len();
    let lengths = [
        arrays.right_children.len(),
        arrays.split_indices.len(),
        arrays.split_conditions.len(),
        arrays.default_left.len(),
    ];
    if lengths.iter().any(|&length| length != count)
        || ![0, count].contains(&arrays.split_type.len())
        || ![0, count].contains(&arrays.sum_hessian.len())
    {
        return Err(invalid("its arrays have different lengths".to_owned()));
    }
    let mut reader = TreeReader {
        arrays,
        weight,
        inputs,
        sets: category_sets(arrays, invalid)?,
        invalid,
    };
    let mut covers = Vec::new();
    let nodes = graft(count, 0, |number| {
        covers.extend(arrays.sum_hessian.get(number).copied().map(f64::from));
        reader.node(number)
    });
    Ok(Tree {
        output,
        nodes: nodes.map_err(|fault| fault.explain(invalid))?,
        covers,
    })
}

struct TreeReader<'a> {
    arrays: &'a TreeArrays,
    weight: Option<f32>,
    inputs: usize,
    /// Each until its split has taken it.
    sets: BTreeMap<usize, Vec<u32>>,
    invalid: Invalid<'a>,
}

impl TreeReader<'_> {
    fn node(&mut self, number: usize) -> Result<Node> {
        let (Some(&left), Some(&right), Some(&condition)) = (
            self.arrays.left_children.get(number),
            self.arrays.right_children.get(number),
            self.arrays.split_conditions.get(number),
        ) else {
            return Err((self.invalid)(format!("node {number} does not exist")));
        };
        if left == -1 {
            return self.leaf(condition);
        }
        let (left, right) = (self.child(left)?, self.child(right)?);
        let input = self.input(number)?;
        let default_left = self
            .arrays
            .default_left
            .get(number)
            .is_some_and(|flag| flag.is_set());
        match self.arrays.split_type.get(number) {
            None | Some(0) => {
                let missing = if default_left {
                    Missing::Left
                } else {
                    Missing::Right
                };
                let test = Test::Below(f64::from(condition));
                Ok(Node::Split {
                    input,
                    test,
                    missing,
                    left,
                    right,
                })
            }
            Some(1) => {
                let set = self.sets.remove(&number);
                let set = set
                    .ok_or_else(|| (self.invalid)(format!("node {number} has no category set")))?;
                let missing = if default_left {
                    Missing::Right
                } else {
                    Missing::Left
                };
                Ok(Node::Split {
                    input,
                    test: Test::InSet(set),
                    missing,
                    left: right,
                    right: left,
                })
            }
            Some(kind) => Err(Error::unsupported(
                "unsupported.split_type",
                format!("a split of type {kind}"),
            )),
        }
    }

    fn leaf(&self, value: f32) -> Result<Node> {
        let value = self.weight.map_or(value, |weight| value * weight);
        match value.is_finite() {
            true => Ok(Node::Leaf {
                value: f64::from(value),
            }),
            false => Err((self.invalid)("a leaf is not a finite number".to_owned())),
        }
    }

    fn child(&self, child: i64) -> Result<usize> {
        usize::try_from(child).map_err(|_| (self.invalid)(format!("child {child} does not exist")))
    }

    fn input(&self, number: usize) -> Result<usize> {
        let input = self
            .arrays
            .split_indices
            .get(number)
            .and_then(|&input| usize::try_from(input).ok());
        let input = input.filter(|&input| input < self.inputs);
        input.ok_or_else(|| {
            (self.invalid)(format!(
                "node {number} reads a feature beyond {}",
                self.inputs
            ))
        })
    }
}

/// The category set of each categorical split, by node.
fn category_sets(arrays: &TreeArrays, invalid: Invalid<'_>) -> Result<BTreeMap<usize, Vec<u32>>> {
    let mut sets = BTreeMap::new();
    let (begins, sizes) = (&arrays.categories_segments, &arrays.categories_sizes);
    if begins.len() != arrays.categories_nodes.len() || sizes.len() != arrays.categories_nodes.len()
    {
        return Err(invalid(
            "its category sets have different lengths".to_owned(),
        ));
    }
    let mut total = 0_usize;
    for ((&node, &begin), &size) in arrays.categories_nodes.iter().zip(begins).zip(sizes) {
        let set = begin
            .checked_add(size)
            .and_then(|end| arrays.categories.get(begin..end));
        total = total.saturating_add(size);
        // Sets stand one after the other; together they are not longer than the list they are cut from.
        match set.filter(|_| total <= arrays.categories.len()) {
            Some(set) if sets.insert(node, set.to_vec()).is_none() => {}
            _ => {
                return Err(invalid(format!(
                    "the category set of node {node} does not exist or stands twice"
                )));
            }
        }
    }
    Ok(sets)
}

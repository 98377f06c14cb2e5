//! All trees as parallel streams in preorder, left before right.

use super::super::bytes::PlanWriter;
use super::super::{Missing, Node, Tree};
use super::encode::{Form, LEAF, Tables, code};
use super::precision::Quantised;
use crate::error::{Error, Result};

#[derive(Default)]
pub(super) struct Streams {
    outputs: Vec<usize>,
    leaf_counts: Vec<usize>,
    features: Vec<u16>,
    pub(super) ranks: Vec<u16>,
    pub(super) missing_left: Vec<bool>,
    pub(super) leaves: Vec<f64>,
}

impl Streams {
    pub(super) fn push_tree(&mut self, tree: &Tree, tables: &Tables, narrow: bool) -> Result<()> {
        let mut open = vec![0];
        let (mut visited, leaves_before) = (0, self.leaves.len());
        while let Some(index) = open.pop() {
            visited += 1;
            let node = tree
                .nodes
                .get(index)
                .filter(|_| visited <= tree.nodes.len());
            let Some(node) = node else {
                return Err(Error::misuse(
                    "misuse.model",
                    "the nodes of a tree do not form a tree",
                ));
            };
            match node {
                Node::Leaf { value } if value.is_finite() => {
                    self.features.push(LEAF);
                    self.leaves.push(*value);
                }
                Node::Leaf { value } => {
                    return Err(Error::misuse(
                        "misuse.model",
                        format!("a leaf holds {value}"),
                    ));
                }
                Node::Split {
                    input,
                    test,
                    missing,
                    left,
                    right,
                } => {
                    let (feature, rank) = tables.locate(*input, test, *missing, narrow)?;
                    self.features.push(feature + 1);
                    self.ranks.push(rank);
                    self.missing_left.push(matches!(
                        missing,
                        Missing::Left | Missing::ZeroIsMissingLeft
                    ));
                    open.push(*right);
                    open.push(*left);
                }
            }
        }
        if visited != tree.nodes.len() {
            return Err(Error::misuse(
                "misuse.model",
                "a tree has nodes that its root does not reach",
            ));
        }
        self.outputs.push(tree.output);
        self.leaf_counts.push(self.leaves.len() - leaves_before);
        Ok(())
    }

    /// The trees' outputs and sizes, and of every node all but the leaves' values.
    pub(super) fn write_shape(&self, plan: &mut PlanWriter, form: &Form) -> Result<()> {
        plan.size(self.outputs.len())?;
        for (&output, &leaves) in self.outputs.iter().zip(&self.leaf_counts) {
            plan.u16(code(output)?);
            plan.size(leaves)?;
        }
        let codes = self.features.iter().copied();
        if form.shape_bits {
            plan.bits(codes.clone().map(|code| code != LEAF));
            let features = codes.filter(|&code| code != LEAF).map(|code| code - 1);
            plan.narrow_or_wide(features, form.wide_features);
        } else {
            plan.narrow_or_wide(codes, form.wide_features);
        }
        plan.narrow_or_wide(self.ranks.iter().copied(), form.wide_ranks);
        if !form.missing_right {
            plan.bits(self.missing_left.iter().copied());
        }
        Ok(())
    }

    /// The leaves as integers.
    pub(super) fn write_integers(&self, plan: &mut PlanWriter, quantised: &Quantised) {
        let outputs = self
            .outputs
            .iter()
            .zip(&self.leaf_counts)
            .flat_map(|(&output, &leaves)| std::iter::repeat_n(output, leaves));
        for (output, &leaf) in outputs.zip(&self.leaves) {
            plan.raw(&quantised.integer(output, leaf).to_le_bytes());
        }
    }
}

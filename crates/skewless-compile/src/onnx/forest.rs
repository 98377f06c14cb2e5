//! From ONNX's trees, whose leaves may add to several targets, to the plan's, whose leaves add to one.

use std::collections::BTreeSet;

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Accumulate, Aggregate, Missing, Model, Node, Test, Tree, TreeModel};

use super::{Operator, invalid};
use crate::graft::graft;

/// The trees of an ensemble; nodes are numbered through all of them.
pub(crate) struct Forest {
    pub(crate) nodes: Vec<ForestNode>,
    pub(crate) roots: Vec<usize>,
    pub(crate) aggregate: Aggregate,
    /// One value a target, or empty. ONNX Runtime adds it after the trees.
    pub(crate) base: Vec<f64>,
}

pub(crate) enum ForestNode {
    /// Target and weight; each target at most once.
    Leaf(Vec<(usize, f64)>),
    Branch(Branch),
}

#[derive(Clone)]
pub(crate) struct Branch {
    pub(crate) input: usize,
    pub(crate) comparison: Comparison,
    /// NaN goes where a true comparison goes; else NaN makes every comparison false.
    pub(crate) missing_is_true: bool,
    pub(crate) if_true: usize,
    pub(crate) if_false: usize,
}

/// What a split asks of x, with its threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Comparison {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
    Above(f64),
    /// x is one of these, which rise.
    Among(Vec<f64>),
}

/// Most nodes a plan may grow to when trees are repeated for each of their targets.
const MAX_NODES: usize = 1 << 24;

impl Branch {
    /// Reads a `nodes_modes` without its prefix `BRANCH_`, and its threshold. MEMBER, whose values stand elsewhere, is
    /// the caller's.
    pub(crate) fn new(
        mode: &str,
        threshold: f64,
        missing_is_true: bool,
        input: usize,
        [if_true, if_false]: [usize; 2],
    ) -> Result<Self> {
        if threshold.is_nan() {
            return Err(invalid("the threshold of a split is not a number"));
        }
        let comparison = match mode {
            "LEQ" => Comparison::AtMost(threshold),
            "LT" => Comparison::Below(threshold),
            "GTE" => Comparison::AtLeast(threshold),
            "GT" => Comparison::Above(threshold),
            "EQ" | "NEQ" => Comparison::Among(vec![threshold]),
            _ => return Err(invalid(format!("`BRANCH_{mode}` is no mode of a split"))),
        };
        let branch = Self {
            input,
            comparison,
            missing_is_true,
            if_true,
            if_false,
        };
        Ok(match mode {
            // x ≠ t is "not x = t", and NaN is another value than any.
            "NEQ" => Self {
                missing_is_true: false,
                if_true: if_false,
                if_false: if_true,
                ..branch
            },
            _ => branch,
        })
    }

    fn to_split(&self) -> Node {
        // x ≥ t is "not x < t", and so its children change places.
        let (test, turned) = match self.comparison {
            Comparison::AtMost(threshold) => (Test::AtMost(threshold), false),
            Comparison::Below(threshold) => (Test::Below(threshold), false),
            Comparison::AtLeast(threshold) => (Test::Below(threshold), true),
            Comparison::Above(threshold) => (Test::AtMost(threshold), true),
            // Stands for a node of its shape until `equality` has replaced it.
            Comparison::Among(_) => (Test::AtMost(0.0), false),
        };
        let missing = if self.missing_is_true == turned {
            Missing::Right
        } else {
            Missing::Left
        };
        let (left, right) = if turned {
            (self.if_false, self.if_true)
        } else {
            (self.if_true, self.if_false)
        };
        Node::Split {
            input: self.input,
            test,
            missing,
            left,
            right,
        }
    }
}

impl Forest {
    /// One more than the greatest column that a split reads.
    fn least_width(&self) -> usize {
        let inputs = self.nodes.iter().map(|node| match node {
            ForestNode::Leaf(_) => 0,
            ForestNode::Branch(branch) => branch.input.saturating_add(1),
        });
        inputs.max().unwrap_or_default()
    }

    /// The weights of all leaves, a list a leaf.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &[(usize, f64)]> {
        self.nodes.iter().filter_map(|node| match node {
            ForestNode::Leaf(weights) => Some(weights.as_slice()),
            ForestNode::Branch(_) => None,
        })
    }

    /// The plan's model. `targets` maps a target to an output, or drops it.
    pub(crate) fn to_model(
        &self,
        operator: &Operator<'_>,
        outputs: usize,
        targets: impl Fn(usize) -> Option<usize>,
    ) -> Result<Model> {
        if let Some(ordered) = self.without_equality()? {
            return ordered.to_model(operator, outputs, targets);
        }
        let mut trees = Vec::new();
        let mut size = 0;
        for &root in &self.roots {
            let shape = self.shape(root)?;
            for (target, output) in self
                .targets_of(&shape)
                .into_iter()
                .filter_map(|target| Some((target, targets(target)?)))
            {
                size += shape.len();
                if size > MAX_NODES {
                    let message =
                        format!("trees repeated for each target have more than {MAX_NODES} nodes");
                    return Err(Error::unsupported("unsupported.model_size", message));
                }
                self.check_extremes(&shape, target)?;
                trees.push(Tree {
                    output,
                    nodes: self.for_target(&shape, target),
                    covers: vec![],
                });
            }
        }
        if self.aggregate == Aggregate::Average {
            self.even_out(&mut trees, outputs)?;
        }
        let base = self
            .base
            .iter()
            .enumerate()
            .filter_map(|(target, &value)| Some((targets(target)?, value)));
        let mut starts = vec![0.0; outputs];
        for (output, value) in base.filter(|(_, value)| *value != 0.0) {
            match self.aggregate {
                // A sum starts at 0 and the base comes last, as a tree that is one leaf.
                Aggregate::Sum | Aggregate::Average => trees.push(Tree {
                    output,
                    nodes: vec![Node::Leaf { value }],
                    covers: vec![],
                }),
                Aggregate::Min | Aggregate::Max => {
                    starts
                        .iter_mut()
                        .skip(output)
                        .take(1)
                        .for_each(|start| *start = value);
                }
            }
        }
        Ok(Model::Trees(TreeModel {
            inputs: operator.width(self.least_width())?,
            outputs,
            narrow_inputs: operator.rows.narrow,
            accumulate: if operator.rows.double {
                Accumulate::F64
            } else {
                Accumulate::F32
            },
            base: starts,
            aggregate: self.aggregate,
            leaves: skewless_core::plan::LeafPrecision::Exact,
            trees,
        }))
    }

    /// The tree's nodes; a leaf's value is its number in the forest.
    pub(super) fn shape(&self, root: usize) -> Result<Vec<Shape>> {
        let mut numbers = Vec::new();
        let nodes = graft(self.nodes.len(), root, |number| {
            numbers.push(number);
            match self.nodes.get(number) {
                Some(ForestNode::Branch(branch)) => Ok(branch.to_split()),
                _ => Ok(Node::Leaf { value: 0.0 }),
            }
        });
        let nodes = nodes.map_err(|fault| fault.explain(invalid))?;
        Ok(nodes
            .into_iter()
            .zip(numbers)
            .map(|(node, number)| Shape { node, number })
            .collect())
    }

    fn weights(&self, number: usize) -> &[(usize, f64)] {
        match self.nodes.get(number) {
            Some(ForestNode::Leaf(weights)) => weights,
            _ => &[],
        }
    }

    fn targets_of(&self, shape: &[Shape]) -> BTreeSet<usize> {
        shape
            .iter()
            .flat_map(|at| self.weights(at.number))
            .map(|&(target, _)| target)
            .collect()
    }

    /// A leaf that says nothing of the target adds 0 to it.
    fn for_target(&self, shape: &[Shape], target: usize) -> Vec<Node> {
        let of_target = |at: &Shape| match &at.node {
            Node::Leaf { .. } => {
                let weight = self.weights(at.number).iter().find(|(of, _)| *of == target);
                Node::Leaf {
                    value: weight.map_or(0.0, |&(_, weight)| weight),
                }
            }
            split @ Node::Split { .. } => split.clone(),
        };
        shape.iter().map(of_target).collect()
    }

    /// The least and the greatest of leaves are those that say something of a target; ours are those of all its trees.
    fn check_extremes(&self, shape: &[Shape], target: usize) -> Result<()> {
        let says = |at: &Shape| match at.node {
            Node::Leaf { .. } => self.weights(at.number).iter().any(|(of, _)| *of == target),
            Node::Split { .. } => true,
        };
        match self.aggregate.adds() || shape.iter().all(says) {
            true => Ok(()),
            false => Err(Error::unsupported(
                "unsupported.aggregate",
                "MIN or MAX of a tree whose leaves do not all say something of a target",
            )),
        }
    }

    /// The plan divides by the number of an output's trees, ONNX by the number of all: trees that add 0 make them equal.
    fn even_out(&self, trees: &mut Vec<Tree>, outputs: usize) -> Result<()> {
        if self.base.iter().any(|&value| value != 0.0) {
            return Err(Error::unsupported(
                "unsupported.aggregate",
                "AVERAGE with base values",
            ));
        }
        for output in 0..outputs {
            let own = trees.iter().filter(|tree| tree.output == output).count();
            trees.extend((own..self.roots.len()).map(|_| Tree {
                output,
                nodes: vec![Node::Leaf { value: 0.0 }],
                covers: vec![],
            }));
        }
        Ok(())
    }
}

/// A node of a tree, and its number in the forest.
pub(super) struct Shape {
    node: Node,
    number: usize,
}

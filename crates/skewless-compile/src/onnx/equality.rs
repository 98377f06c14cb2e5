//! Splits that ask whether x is one of some values (EQ, NEQ, MEMBER), as splits by order.
//!
//! "x is one of v₁ < … < vₖ" is a binary search among them: x < v, then x ≤ v. What a split leads to on "no" then stands
//! in several places, so the trees grow; [`MAX_NODES`] bounds it.

use skewless_core::error::{Error, Result};

use super::forest::{Branch, Comparison, Forest, ForestNode};

/// Most nodes of a forest that grows.
const MAX_NODES: usize = 1 << 20;

/// What is still to be written at a place.
enum Due<'a> {
    /// The node of this number, with all below it.
    Node(usize),
    /// The search for x among these values of a split.
    Search(&'a Branch, &'a [f64]),
    /// The second question of a search: x, which is not below this value, may be it; `above` are the values after it.
    AtMost(&'a Branch, f64, &'a [f64]),
}

impl Forest {
    /// The same forest by order alone; `None` where it is so already.
    pub(super) fn without_equality(&self) -> Result<Option<Self>> {
        let asks = |node: &ForestNode| match node {
            ForestNode::Branch(branch) => matches!(branch.comparison, Comparison::Among(_)),
            ForestNode::Leaf(_) => false,
        };
        if !self.nodes.iter().any(asks) {
            return Ok(None);
        }
        let mut nodes = Vec::new();
        let mut roots = Vec::new();
        for &root in &self.roots {
            // Proves that this is a tree, so that copying ends.
            self.shape(root)?;
            roots.push(nodes.len());
            self.copy(root, &mut nodes)?;
        }
        Ok(Some(Self {
            nodes,
            roots,
            aggregate: self.aggregate,
            base: self.base.clone(),
        }))
    }

    fn copy(&self, root: usize, nodes: &mut Vec<ForestNode>) -> Result<()> {
        // Each with the split that waits for it, and on which side.
        let mut open = vec![(Due::Node(root), None)];
        while let Some((due, parent)) = open.pop() {
            let number = nodes.len();
            if number >= MAX_NODES {
                let message = format!("splits by equality grow to more than {MAX_NODES} nodes");
                return Err(Error::unsupported("unsupported.model_size", message));
            }
            let (node, children) = self.write(due);
            nodes.push(node);
            if let Some((parent, side)) = parent
                && let Some(ForestNode::Branch(parent)) = nodes.get_mut(parent)
            {
                *(if side {
                    &mut parent.if_true
                } else {
                    &mut parent.if_false
                }) = number;
            }
            if let Some([if_true, if_false]) = children {
                open.push((if_false, Some((number, false))));
                open.push((if_true, Some((number, true))));
            }
        }
        Ok(())
    }

    /// A node, and what its children will be.
    fn write<'a>(&'a self, due: Due<'a>) -> Written<'a> {
        match due {
            Due::Node(number) => self.write_node(number),
            Due::Search(branch, values) => self.search(branch, values),
            Due::AtMost(branch, value, above) => (
                asking(branch, Comparison::AtMost(value), branch.missing_is_true),
                Some([Due::Node(branch.if_true), Due::Search(branch, above)]),
            ),
        }
    }

    fn write_node(&self, number: usize) -> Written<'_> {
        match self.nodes.get(number) {
            Some(ForestNode::Branch(branch)) => match &branch.comparison {
                Comparison::Among(values) => self.search(branch, values),
                _ => {
                    let children = [Due::Node(branch.if_true), Due::Node(branch.if_false)];
                    (ForestNode::Branch(branch.clone()), Some(children))
                }
            },
            Some(ForestNode::Leaf(weights)) => (ForestNode::Leaf(weights.clone()), None),
            None => (ForestNode::Leaf(vec![]), None),
        }
    }

    /// The middle value's first question. A missing value that counts as "no" goes down to the "no" below all values.
    fn search<'a>(&'a self, branch: &'a Branch, values: &'a [f64]) -> Written<'a> {
        let (below, rest) = values.split_at(values.len() / 2);
        match rest.split_first() {
            None => self.write_node(branch.if_false),
            Some((&value, above)) => (
                asking(branch, Comparison::Below(value), !branch.missing_is_true),
                Some([
                    Due::Search(branch, below),
                    Due::AtMost(branch, value, above),
                ]),
            ),
        }
    }
}

/// A node, and what its children will be: for "yes", for "no".
type Written<'a> = (ForestNode, Option<[Due<'a>; 2]>);

fn asking(branch: &Branch, comparison: Comparison, missing_is_true: bool) -> ForestNode {
    ForestNode::Branch(Branch {
        comparison,
        missing_is_true,
        ..branch.clone()
    })
}

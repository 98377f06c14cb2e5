//! Copies a source library's tree into a plan's, proving on the way that it is one.
//!
//! Files number their nodes in their own ways and may keep nodes that pruning has cut off; a plan's tree holds exactly
//! the nodes below its root.

use skewless_core::plan::Node;

/// Why nodes are not a tree, to be completed by the reader that knows the file.
#[derive(Debug, PartialEq)]
pub(crate) enum NotATree<E> {
    /// A child that doesn't exist.
    NoSuchNode(usize),
    /// A node with two parents, or its own ancestor.
    SharedNode(usize),
    /// The reader's own error.
    Read(E),
}

/// The nodes below `root`, breadth first, of a source that numbers its nodes 0..`count`.
///
/// `read` gives a node with its children's source numbers.
pub(crate) fn graft<E>(
    count: usize,
    root: usize,
    mut read: impl FnMut(usize) -> Result<Node, E>,
) -> Result<Vec<Node>, NotATree<E>> {
    let mut seen = vec![false; count];
    let mut order = Vec::new();
    let mut visit = |number: usize, order: &mut Vec<usize>| match seen.get_mut(number) {
        None => Err(NotATree::NoSuchNode(number)),
        Some(true) => Err(NotATree::SharedNode(number)),
        Some(seen) => {
            *seen = true;
            order.push(number);
            Ok(order.len() - 1)
        }
    };
    visit(root, &mut order)?;
    let mut nodes = Vec::new();
    while let Some(&number) = order.get(nodes.len()) {
        let mut node = read(number).map_err(NotATree::Read)?;
        if let Node::Split { left, right, .. } = &mut node {
            *left = visit(*left, &mut order)?;
            *right = visit(*right, &mut order)?;
        }
        nodes.push(node);
    }
    Ok(nodes)
}

impl<E> NotATree<E> {
    /// The reader's own error, or one that `invalid` makes from a sentence.
    pub(crate) fn explain(self, invalid: impl FnOnce(String) -> E) -> E {
        match self {
            Self::NoSuchNode(number) => invalid(format!("node {number} does not exist")),
            Self::SharedNode(number) => invalid(format!("node {number} is reached twice")),
            Self::Read(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skewless_core::plan::{Missing, Test};

    fn split(left: usize, right: usize) -> Node {
        Node::Split {
            input: 0,
            test: Test::AtMost(0.5),
            missing: Missing::Right,
            left,
            right,
        }
    }

    fn grafted(root: usize, nodes: &[Node]) -> Result<Vec<Node>, NotATree<()>> {
        graft(nodes.len(), root, |number| Ok(nodes[number].clone()))
    }

    #[test]
    fn nodes_are_renumbered_and_cut_off_ones_left_behind() {
        let leaf = |value| Node::Leaf { value };
        let found = grafted(3, &[leaf(1.0), leaf(9.0), leaf(2.0), split(2, 0)]);
        assert_eq!(found, Ok(vec![split(1, 2), leaf(2.0), leaf(1.0)]));
    }

    #[test]
    fn what_is_not_a_tree_is_refused() {
        let leaf = Node::Leaf { value: 0.0 };
        assert_eq!(
            grafted(0, &[split(1, 1), leaf.clone()]),
            Err(NotATree::SharedNode(1))
        );
        assert_eq!(
            grafted(0, &[split(0, 1), leaf.clone()]),
            Err(NotATree::SharedNode(0))
        );
        assert_eq!(
            grafted(0, &[split(1, 7), leaf]),
            Err(NotATree::NoSuchNode(7))
        );
        assert_eq!(grafted(0, &[]), Err(NotATree::NoSuchNode(0)));
    }
}

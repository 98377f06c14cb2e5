//! The top of a tree: as many of its splits as a word has bits for their exits.

use std::ops::Range;

use super::super::forest::{Forest, NodeKind, Root};

/// The splits of a tree's top, and the nodes behind them.
pub(super) struct Top {
    /// In preorder.
    pub(super) splits: Vec<TopSplit>,
    /// From left to right: leaves, and the roots of whatever the top leaves out.
    pub(super) exits: Vec<u32>,
}

pub(super) struct TopSplit {
    pub(super) node: usize,
    /// The exits of its left side.
    pub(super) left: Range<usize>,
}

impl Top {
    /// The whole tree where it has at most `most` leaves; otherwise the splits with the most leaves behind them, because
    /// a trainer gives leaves to where its rows are.
    pub(super) fn of(forest: &Forest, tree: &Root, most: usize) -> Self {
        let mut top = Self {
            splits: Vec::with_capacity(most),
            exits: Vec::with_capacity(most),
        };
        if tree.leaves <= most {
            top.take_all(forest, tree);
        } else {
            let inside = largest_splits(forest, tree, most);
            top.visit(forest, tree.node, &inside);
        }
        top
    }

    fn take_all(&mut self, forest: &Forest, tree: &Root) {
        for at in tree.node..tree.node + 2 * tree.leaves - 1 {
            let Some(node) = forest.nodes.get(at) else {
                return;
            };
            let start = self.exits.len();
            if node.kind == NodeKind::Leaf {
                self.exits.push(u32::try_from(at).unwrap_or_default());
                continue;
            }
            // The last leaf of a split's left side stands before its right child.
            let last = forest.nodes.get((node.next as usize).wrapping_sub(1));
            let end = last.map_or(start, |last| last.next as usize + 1 - tree.first_leaf);
            self.splits.push(TopSplit {
                node: at,
                left: start..end,
            });
        }
    }

    /// At most as deep as there are exits.
    fn visit(&mut self, forest: &Forest, node: usize, inside: &[usize]) {
        let Some(split) = forest.nodes.get(node) else {
            return;
        };
        if split.kind == NodeKind::Leaf || !inside.contains(&node) {
            self.exits.push(u32::try_from(node).unwrap_or_default());
            return;
        }
        let (at, start) = (self.splits.len(), self.exits.len());
        let left = start..start;
        self.splits.push(TopSplit { node, left });
        self.visit(forest, node + 1, inside);
        let end = self.exits.len();
        if let Some(split) = self.splits.get_mut(at) {
            split.left.end = end;
        }
        self.visit(forest, split.next as usize, inside);
    }
}

/// The splits of a connected top with `most` exits, each chosen as the one with the most leaves of those open to it.
fn largest_splits(forest: &Forest, tree: &Root, most: usize) -> Vec<usize> {
    let leaves = leaves_below(forest, tree);
    let size = |node: usize| leaves.get(node - tree.node).copied().unwrap_or_default();
    let (mut inside, mut open) = (Vec::with_capacity(most), vec![tree.node]);
    while open.len() < most {
        let largest = (0..open.len()).max_by_key(|&at| open.get(at).map(|&node| size(node)));
        let Some(largest) = largest else {
            break;
        };
        let node = open.swap_remove(largest);
        inside.push(node);
        open.push(node + 1);
        open.extend(forest.nodes.get(node).map(|split| split.next as usize));
    }
    inside
}

/// The number of leaves of each node's subtree; children stand behind their parents.
fn leaves_below(forest: &Forest, tree: &Root) -> Vec<u32> {
    let count = 2 * tree.leaves - 1;
    let mut below = vec![1; count];
    for at in (0..count).rev() {
        let Some(node) = forest.nodes.get(tree.node + at) else {
            continue;
        };
        if node.kind == NodeKind::Leaf {
            continue;
        }
        let right = (node.next as usize).wrapping_sub(tree.node);
        let sides = [at + 1, right].map(|side| below.get(side).copied().unwrap_or_default());
        if let Some(slot) = below.get_mut(at) {
            *slot = sides.iter().sum();
        }
    }
    below
}

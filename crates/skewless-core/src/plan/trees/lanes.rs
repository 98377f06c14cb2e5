//! Trees walked side by side: several rows of one tree, or several trees of one row, each step without a branch.
//!
//! A walk waits for one node after the other; eight of them wait together (interleaving: Asadi et al., TKDE 2014).

use super::super::Layout;
use super::super::rank::MISSING_BIN;
use super::super::{Accumulate, narrow};
use super::bins::RowBins;
use super::forest::{Forest, ForestNode, NodeKind};

/// Walks at a time.
pub(super) const WALKS: usize = 8;
/// Rows binned at a time: a tree's nodes serve them all before the next tree's are read.
const TILE: usize = 64;

/// The kernel of models whose masks would take too much; and the walks from the exits of those that cover tops alone.
pub(super) struct Lanes {
    nodes: Vec<LaneNode>,
    categorical: bool,
    bins: RowBins,
}

/// A node in 8 bytes.
#[derive(Clone, Copy, Default)]
struct LaneNode {
    /// The right child; with [`LEAF`], [`CATEGORICAL`] and [`MISSING_LEFT`]. A leaf is its own right child, to which all
    /// bins go.
    next: u32,
    feature: u16,
    /// Bins below go left, once [`MISSING_LEFT`] is added to them: the missing bin wraps around to 0. Or the set.
    limit: u16,
}

/// Must be the highest bit.
const MISSING_LEFT: u32 = 1 << 31;
const CATEGORICAL: u32 = 1 << 30;
const LEAF: u32 = 1 << 29;
const INDEX: u32 = LEAF - 1;

impl LaneNode {
    fn of((at, node): (usize, &ForestNode)) -> Self {
        let (flags, limit) = match node.kind {
            NodeKind::Leaf => {
                return Self {
                    next: u32::try_from(at).unwrap_or_default() | LEAF,
                    feature: 0,
                    limit: 0,
                };
            }
            NodeKind::Numeric { missing_left } => {
                let missing = u16::from(missing_left);
                (u32::from(missing) << 31, node.rank + 1 + missing)
            }
            NodeKind::Categorical { missing_left } => {
                (u32::from(missing_left) << 31 | CATEGORICAL, node.rank)
            }
        };
        Self {
            next: node.next | flags,
            feature: node.feature,
            limit,
        }
    }
}

impl Lanes {
    /// The kernel for a model, where 29 bits number its nodes.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let fits = forest.nodes.len() < INDEX as usize;
        let is_categorical = |node: &ForestNode| matches!(node.kind, NodeKind::Categorical { .. });
        fits.then(|| Self {
            nodes: forest.nodes.iter().enumerate().map(LaneNode::of).collect(),
            categorical: forest.nodes.iter().any(is_categorical),
            bins: RowBins::default(),
        })
    }

    /// Scores feature rows.
    pub(super) fn score(
        &self,
        forest: &Forest,
        rows: &[f64],
        bins: &mut Vec<u16>,
        raw: &mut [f64],
    ) {
        let width = forest.inputs;
        self.score_tiles(forest, (rows, width), bins, raw, |row, bins| {
            RowBins::push_row(forest, row, bins);
        });
    }

    /// Prepares for compact rows.
    pub(super) fn bind(&mut self, forest: &Forest, layout: &Layout) {
        self.bins = RowBins::new(forest, layout);
    }

    /// How compact rows become bins.
    pub(super) fn bins(&self) -> &RowBins {
        &self.bins
    }

    /// Whether some split asks for a category.
    pub(super) fn has_categories(&self) -> bool {
        self.categorical
    }

    /// Scores compact rows, `width` numbers each, of the layout bound before.
    pub(super) fn score_compact(
        &self,
        forest: &Forest,
        rows: (&[f64], usize),
        bins: &mut Vec<u16>,
        raw: &mut [f64],
    ) {
        self.score_tiles(forest, rows, bins, raw, |row, bins| {
            self.bins.push_compact(forest, row, bins);
        });
    }

    fn score_tiles(
        &self,
        forest: &Forest,
        (rows, width): (&[f64], usize),
        scratch: &mut Vec<u16>,
        raw: &mut [f64],
        bin: impl Fn(&[f64], &mut Vec<u16>),
    ) {
        let row = |index: usize| {
            rows.get(index * width..(index + 1) * width)
                .unwrap_or_default()
        };
        for (tile, scores) in raw.chunks_mut(TILE * forest.outputs).enumerate() {
            scratch.clear();
            for (index, scores) in scores.chunks_exact_mut(forest.outputs).enumerate() {
                bin(row(tile * TILE + index), scratch);
                forest.start(scores);
            }
            match self.categorical {
                true => self.add_leaves::<true>(forest, scratch, scores),
                false => self.add_leaves::<false>(forest, scratch, scores),
            }
            let each_row = scores.chunks_exact_mut(forest.outputs);
            each_row.for_each(|scores| forest.finish(scores));
        }
    }

    /// Adds the leaves of all trees: eight rows at a time through each tree, the rows that remain through eight trees
    /// at a time.
    fn add_leaves<const SETS: bool>(
        &self,
        forest: &Forest,
        bins: &mut Vec<u16>,
        scores: &mut [f64],
    ) {
        let (width, outputs) = (forest.features.len(), forest.outputs);
        let rows = scores.len() / outputs;
        // Behind the rows' bins, those of eight rows feature by feature.
        bins.resize((rows + WALKS) * width, MISSING_BIN);
        let (bins, eight) = bins.split_at_mut(rows * width);
        let mut eights = scores.chunks_exact_mut(WALKS * outputs);
        let mut first = 0;
        for scores in &mut eights {
            let own = bins.get(first * width..(first + WALKS) * width);
            transpose(own.unwrap_or_default(), eight, width);
            for tree in &forest.trees {
                let leaves = self.walk::<SETS, WALKS>(forest, [tree.node; WALKS], eight);
                for (scores, leaf) in scores.chunks_exact_mut(outputs).zip(leaves) {
                    add(forest.sums(), scores, tree.output, leaf);
                }
            }
            first += WALKS;
        }
        let rest = eights.into_remainder().chunks_exact_mut(outputs);
        for (row, scores) in (first..).zip(rest) {
            let bins = bins.get(row * width..(row + 1) * width).unwrap_or_default();
            for trees in forest.trees.chunks(WALKS) {
                // Walks without a tree of their own repeat the first.
                let root = |lane: usize| {
                    trees
                        .get(lane)
                        .or(trees.first())
                        .map_or(0, |tree| tree.node)
                };
                let leaves = self.walk::<SETS, 1>(forest, std::array::from_fn(root), bins);
                for (tree, leaf) in trees.iter().zip(leaves) {
                    add(forest.sums(), scores, tree.output, leaf);
                }
            }
        }
    }

    /// The leaves' values of eight walks from any nodes: each through its row's bins, `STRIDE` rows feature by feature,
    /// or all through those of one row.
    #[inline(always)]
    pub(super) fn walk<const SETS: bool, const STRIDE: usize>(
        &self,
        forest: &Forest,
        mut at: [usize; WALKS],
        bins: &[u16],
    ) -> [f64; WALKS] {
        loop {
            let mut all = LEAF;
            for (lane, at) in at.iter_mut().enumerate() {
                let node = self.node(*at);
                let bin = usize::from(node.feature) * STRIDE + lane % STRIDE;
                let bin = bins.get(bin).copied().unwrap_or(MISSING_BIN);
                let left = if SETS && node.next & CATEGORICAL != 0 {
                    match bin {
                        MISSING_BIN => node.next & MISSING_LEFT != 0,
                        category => forest.set_has(node.limit, category),
                    }
                } else {
                    bin.wrapping_add((node.next >> 31) as u16) < node.limit
                };
                let right = (node.next & INDEX) as usize;
                *at = if left { *at + 1 } else { right };
                all &= node.next;
            }
            if all != 0 {
                return at.map(|at| forest.leaf_at(at));
            }
        }
    }

    #[inline(always)]
    fn node(&self, at: usize) -> LaneNode {
        // Every index was proven when the plan was read.
        self.nodes.get(at).copied().unwrap_or(LaneNode {
            next: LEAF,
            feature: 0,
            limit: 0,
        })
    }
}

/// Eight rows of bins, feature by feature.
fn transpose(rows: &[u16], features: &mut [u16], width: usize) {
    for (feature, bins) in features.chunks_exact_mut(WALKS).enumerate() {
        for (row, bin) in bins.iter_mut().enumerate() {
            *bin = rows
                .get(row * width + feature)
                .copied()
                .unwrap_or(MISSING_BIN);
        }
    }
}

/// Adds a leaf to its output's score.
#[inline(always)]
pub(super) fn add(sums: Accumulate, scores: &mut [f64], output: usize, leaf: f64) {
    if let Some(score) = scores.get_mut(output) {
        *score = match sums {
            Accumulate::F64 => *score + leaf,
            Accumulate::F32 => narrow(*score + leaf),
        };
    }
}

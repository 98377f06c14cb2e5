//! A tree ensemble as the plan holds it, proven to be well formed, and its scalar scoring: the definition of every
//! faster kernel's bits.

use super::super::rank::{MISSING_BIN, MissingMode, category_bin, numeric_bin};
use super::super::{Accumulate, Aggregate, narrow};
use super::bins::RowBins;
use super::precision::Quantised;

pub(super) struct Forest {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) narrow_inputs: bool,
    pub(super) accumulate: Accumulate,
    pub(super) base: Vec<f64>,
    pub(super) aggregate: Aggregate,
    /// Number of trees of each output, where sums are averaged.
    pub(super) divisor: Option<Vec<f64>>,
    /// Where leaves are 16-bit integers: what turns their sums into scores.
    pub(super) quantised: Option<Quantised>,
    pub(super) features: Vec<ModelFeature>,
    pub(super) thresholds: Vec<f64>,
    pub(super) sets: Vec<Vec<u32>>,
    /// The nodes of all trees in preorder, left before right.
    pub(super) nodes: Vec<ForestNode>,
    pub(super) leaves: Vec<f64>,
    pub(super) trees: Vec<Root>,
    pub(super) depth: usize,
}

/// An input column with one way to treat missing values, and one table of thresholds or categories.
pub(super) struct ModelFeature {
    pub(super) input: usize,
    pub(super) mode: MissingMode,
    pub(super) kind: FeatureKind,
}

#[derive(Clone, Copy)]
pub(super) enum FeatureKind {
    /// Its thresholds stand at `start..end`.
    Numeric {
        start: usize,
        end: usize,
    },
    Categorical,
}

#[derive(Clone, Copy)]
pub(super) struct Root {
    pub(super) node: usize,
    pub(super) output: usize,
    /// The leaves of the tree stand at `first_leaf..first_leaf + leaves`, from left to right.
    pub(super) first_leaf: usize,
    pub(super) leaves: usize,
}

/// A split's left child is the next node; `next` is its right child, or the index of a leaf's value.
#[derive(Clone, Copy)]
pub(super) struct ForestNode {
    pub(super) next: u32,
    pub(super) feature: u16,
    /// Rank of the threshold, or index of the category set.
    pub(super) rank: u16,
    pub(super) kind: NodeKind,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum NodeKind {
    Leaf,
    Numeric { missing_left: bool },
    Categorical { missing_left: bool },
}

impl Forest {
    /// The thresholds of a model feature; none for a categorical one.
    pub(super) fn thresholds_of(&self, feature: &ModelFeature) -> &[f64] {
        match feature.kind {
            FeatureKind::Categorical => &[],
            FeatureKind::Numeric { start, end } => {
                self.thresholds.get(start..end).unwrap_or_default()
            }
        }
    }

    /// The bin of a model feature for a value of its input.
    pub(super) fn bin(&self, feature: &ModelFeature, value: f64) -> u16 {
        let value = if self.narrow_inputs {
            narrow(value)
        } else {
            value
        };
        match feature.kind {
            FeatureKind::Categorical => category_bin(value, feature.mode),
            FeatureKind::Numeric { .. } => {
                numeric_bin(value, feature.mode, self.thresholds_of(feature))
            }
        }
    }

    /// Scores feature rows one after the other, each tree by a walk from its root.
    pub(super) fn score(&self, rows: &[f64], bins: &mut Vec<u16>, raw: &mut [f64]) {
        for (index, scores) in raw.chunks_exact_mut(self.outputs).enumerate() {
            let start = index * self.inputs;
            let row = rows.get(start..start + self.inputs).unwrap_or_default();
            bins.clear();
            bins.extend(self.features.iter().map(|feature| {
                let value = row.get(feature.input).copied().unwrap_or(f64::NAN);
                self.bin(feature, value)
            }));
            self.score_bins(bins, scores);
        }
    }

    /// How many of the feature rows come to each node.
    pub(super) fn count_visits(&self, rows: &[f64]) -> Vec<f64> {
        let (mut visits, mut bins) = (vec![0.0; self.nodes.len()], Vec::new());
        for row in rows.chunks_exact(self.inputs.max(1)) {
            bins.clear();
            RowBins::push_row(self, row, &mut bins);
            for tree in &self.trees {
                let mut index = tree.node;
                while let (Some(node), Some(visits)) =
                    (self.nodes.get(index), visits.get_mut(index))
                {
                    *visits += 1.0;
                    if node.kind == NodeKind::Leaf {
                        break;
                    }
                    let bin = bins.get(usize::from(node.feature)).copied();
                    index = match self.goes_left(node, bin.unwrap_or(MISSING_BIN)) {
                        true => index + 1,
                        false => node.next as usize,
                    };
                }
            }
        }
        visits
    }

    fn score_bins(&self, bins: &[u16], scores: &mut [f64]) {
        self.start(scores);
        for tree in &self.trees {
            let leaf = self.leaf(tree.node, bins);
            if let Some(score) = scores.get_mut(tree.output) {
                *score = match (self.aggregate, self.sums()) {
                    (Aggregate::Min, _) => {
                        if leaf < *score {
                            leaf
                        } else {
                            *score
                        }
                    }
                    (Aggregate::Max, _) => {
                        if leaf > *score {
                            leaf
                        } else {
                            *score
                        }
                    }
                    (_, Accumulate::F64) => *score + leaf,
                    // Both are f32 values, so the f64 sum rounded to f32 is the f32 sum.
                    (_, Accumulate::F32) => narrow(*score + leaf),
                };
            }
        }
        self.finish(scores);
    }

    /// The type of the sums of leaves; integers add exactly in f64.
    pub(super) fn sums(&self) -> Accumulate {
        match self.quantised {
            Some(_) => Accumulate::F64,
            None => self.accumulate,
        }
    }

    /// Where the sums of one row start.
    pub(super) fn start(&self, scores: &mut [f64]) {
        match (self.aggregate, &self.quantised) {
            (Aggregate::Min, _) => scores.fill(f64::INFINITY),
            (Aggregate::Max, _) => scores.fill(f64::NEG_INFINITY),
            (_, Some(_)) => scores.fill(0.0),
            (_, None) => scores.copy_from_slice(&self.base),
        }
    }

    /// What turns the sums of one row into its raw scores.
    pub(super) fn finish(&self, scores: &mut [f64]) {
        let round = |score: f64| match self.accumulate {
            Accumulate::F64 => score,
            Accumulate::F32 => narrow(score),
        };
        if let Some(quantised) = &self.quantised {
            for ((score, scale), base) in scores.iter_mut().zip(&quantised.scales).zip(&self.base) {
                *score = round(base + scale * *score);
            }
        }
        if !self.aggregate.adds() {
            for (score, base) in scores.iter_mut().zip(&self.base) {
                *score = round(*score + base);
            }
        }
        for (score, divisor) in scores.iter_mut().zip(self.divisor.iter().flatten()) {
            *score = round(*score / divisor);
        }
    }

    /// The value of a leaf by its node.
    #[inline(always)]
    pub(super) fn leaf_at(&self, node: usize) -> f64 {
        let leaf = self.nodes.get(node).map(|node| node.next as usize);
        let value = leaf.and_then(|leaf| self.leaves.get(leaf));
        value.copied().unwrap_or_default()
    }

    /// The value of the leaf that a binned row falls into.
    fn leaf(&self, root: usize, bins: &[u16]) -> f64 {
        let mut index = root;
        while let Some(node) = self.nodes.get(index) {
            let next = node.next as usize;
            let bin = bins
                .get(usize::from(node.feature))
                .copied()
                .unwrap_or(MISSING_BIN);
            if node.kind == NodeKind::Leaf {
                return self.leaves.get(next).copied().unwrap_or_default();
            }
            index = if self.goes_left(node, bin) {
                index + 1
            } else {
                next
            };
        }
        0.0
    }

    /// Which way a split sends a bin of its model feature.
    pub(super) fn goes_left(&self, node: &ForestNode, bin: u16) -> bool {
        match node.kind {
            NodeKind::Leaf => false,
            NodeKind::Numeric { missing_left } => {
                bin <= node.rank || (bin == MISSING_BIN && missing_left)
            }
            NodeKind::Categorical { missing_left } if bin == MISSING_BIN => missing_left,
            NodeKind::Categorical { .. } => self.set_has(node.rank, bin),
        }
    }

    pub(super) fn set_has(&self, set: u16, category: u16) -> bool {
        let word = self
            .sets
            .get(usize::from(set))
            .and_then(|words| words.get(usize::from(category / 32)));
        word.is_some_and(|word| word >> (category % 32) & 1 == 1)
    }
}

//! Tree ensembles: a row is binned once, then every split is an integer comparison.

use super::bytes::PlanReader;
use super::rank::{MAX_THRESHOLDS, MISSING_BIN, MissingMode, category_bin, numeric_bin};
use super::tree_encode::{
    CATEGORICAL, FLAG_ACCUMULATE_F32, FLAG_AVERAGE, FLAG_NARROW_INPUTS, FLAG_NARROW_LEAVES,
    FLAG_NARROW_THRESHOLDS, FLAG_WIDE_FEATURES, FLAG_WIDE_RANKS, LEAF, NUMERIC,
};
use super::{Accumulate, Engine, EngineScratch, ModelSummary, check_shape};
use crate::columns::index_to_code;
use crate::error::Result;

pub(super) struct TreeEngine {
    inputs: usize,
    outputs: usize,
    narrow_inputs: bool,
    accumulate: Accumulate,
    base: Vec<f64>,
    /// Number of trees of each output, where sums are averaged.
    divisor: Option<Vec<f64>>,
    features: Vec<ModelFeature>,
    thresholds: Vec<f64>,
    sets: Vec<Vec<u32>>,
    nodes: Vec<PackedNode>,
    leaves: Vec<f64>,
    trees: Vec<Root>,
    depth: usize,
}

struct ModelFeature {
    input: usize,
    mode: MissingMode,
    kind: FeatureKind,
}

enum FeatureKind {
    Numeric { start: usize, end: usize },
    Categorical,
}

struct Root {
    node: usize,
    output: usize,
}

/// A split's left child is the next node; `next` is its right child, or the index of a leaf's value.
#[derive(Clone, Copy)]
struct PackedNode {
    next: u32,
    feature: u16,
    /// Rank of the threshold, or index of the category set.
    rank: u16,
    kind: NodeKind,
}

#[derive(Clone, Copy, PartialEq)]
enum NodeKind {
    Leaf,
    Numeric { missing_left: bool },
    Categorical { missing_left: bool },
}

impl TreeEngine {
    pub(super) fn read(plan: &mut PlanReader<'_>) -> Result<Self> {
        let flags = plan.u8("flags")?;
        if flags & 0x80 != 0 {
            return Err(plan.invalid(&format!("unknown flags {flags:#x}")));
        }
        let has = |flag| flags & flag != 0;
        let inputs = plan.size("inputs")?;
        let outputs = plan.size("outputs")?;
        if outputs == 0 {
            return Err(plan.invalid("a model needs at least one output"));
        }
        let base = plan.floats(outputs, false, "base scores")?;
        if has(FLAG_ACCUMULATE_F32) && base.iter().any(|&base| narrow(base) != base) {
            return Err(plan.invalid("a base score of a model that adds in f32 is not an f32"));
        }
        let (features, count) = read_features(plan, inputs)?;
        let thresholds = plan.floats(count, has(FLAG_NARROW_THRESHOLDS), "thresholds")?;
        check_sorted(plan, &features, &thresholds)?;
        let sets = read_sets(plan)?;
        let (roots, leaf_counts) = read_roots(plan, outputs)?;
        let leaf_count = leaf_counts.iter().sum::<usize>();
        let split_count = leaf_count - roots.len();
        let codes = plan.narrow_or_wide(
            leaf_count + split_count,
            has(FLAG_WIDE_FEATURES),
            "splits' features",
        )?;
        let ranks = plan.narrow_or_wide(split_count, has(FLAG_WIDE_RANKS), "ranks")?;
        let missing = plan.raw(split_count.div_ceil(8), "missing directions")?;
        let leaves = plan.floats(leaf_count, has(FLAG_NARROW_LEAVES), "leaves")?;
        let mut engine = Self {
            inputs,
            outputs,
            narrow_inputs: has(FLAG_NARROW_INPUTS),
            accumulate: if has(FLAG_ACCUMULATE_F32) {
                Accumulate::F32
            } else {
                Accumulate::F64
            },
            divisor: has(FLAG_AVERAGE).then(|| trees_per_output(&roots, outputs)),
            base,
            features,
            thresholds,
            sets,
            nodes: Vec::with_capacity(codes.len()),
            leaves,
            trees: Vec::with_capacity(roots.len()),
            depth: 0,
        };
        engine.link(plan, &roots, &leaf_counts, &codes, &ranks, missing)?;
        Ok(engine)
    }

    /// Turns the preorder streams into nodes that know their right child.
    fn link(
        &mut self,
        plan: &PlanReader<'_>,
        roots: &[usize],
        leaf_counts: &[usize],
        codes: &[u16],
        ranks: &[u16],
        missing: &[u8],
    ) -> Result<()> {
        let (mut codes, mut split, mut leaf) = (codes.iter().copied(), 0, 0);
        for (&output, &leaves) in roots.iter().zip(leaf_counts) {
            self.trees.push(Root {
                node: self.nodes.len(),
                output,
            });
            let (first_leaf, mut depth) = (leaf, 0);
            // Splits whose right child is still to come, with their depth.
            let mut open: Vec<(usize, usize)> = Vec::new();
            loop {
                let code = codes
                    .next()
                    .ok_or_else(|| plan.invalid("a tree does not end"))?;
                if code != LEAF {
                    let rank = *ranks
                        .get(split)
                        .ok_or_else(|| plan.invalid("more splits than leaves allow"))?;
                    let missing_left = missing
                        .get(split / 8)
                        .is_some_and(|byte| byte >> (split % 8) & 1 == 1);
                    let kind = self.split_kind(plan, code, rank, missing_left)?;
                    open.push((self.nodes.len(), depth));
                    self.nodes.push(PackedNode {
                        next: 0,
                        feature: code - 1,
                        rank,
                        kind,
                    });
                    (split, depth) = (split + 1, depth + 1);
                    continue;
                }
                self.depth = self.depth.max(depth);
                self.nodes.push(PackedNode {
                    next: index_to_code(leaf),
                    feature: 0,
                    rank: 0,
                    kind: NodeKind::Leaf,
                });
                leaf += 1;
                let Some((parent, parent_depth)) = open.pop() else {
                    break;
                };
                let right = index_to_code(self.nodes.len());
                if let Some(parent) = self.nodes.get_mut(parent) {
                    parent.next = right;
                }
                depth = parent_depth + 1;
            }
            if leaf - first_leaf != leaves {
                return Err(plan.invalid("a tree has another number of leaves than it says"));
            }
        }
        match codes.next() {
            None => Ok(()),
            Some(_) => Err(plan.invalid("nodes follow the last tree")),
        }
    }

    /// Proves that a split's feature exists and that its rank or set does.
    fn split_kind(
        &self,
        plan: &PlanReader<'_>,
        code: u16,
        rank: u16,
        missing_left: bool,
    ) -> Result<NodeKind> {
        let Some(feature) = self.features.get(usize::from(code) - 1) else {
            return Err(plan.invalid(&format!(
                "a split reads model feature {code} of {}",
                self.features.len()
            )));
        };
        match feature.kind {
            FeatureKind::Numeric { start, end } if usize::from(rank) < end - start => {
                Ok(NodeKind::Numeric { missing_left })
            }
            FeatureKind::Categorical if usize::from(rank) < self.sets.len() => {
                Ok(NodeKind::Categorical { missing_left })
            }
            _ => Err(plan.invalid(&format!(
                "a split of model feature {code} has rank {rank}, which does not exist"
            ))),
        }
    }

    fn bin_row(&self, row: &[f64], bins: &mut Vec<u16>) {
        bins.clear();
        bins.extend(self.features.iter().map(|feature| {
            let value = row.get(feature.input).copied().unwrap_or(f64::NAN);
            let value = if self.narrow_inputs {
                narrow(value)
            } else {
                value
            };
            match feature.kind {
                FeatureKind::Categorical => category_bin(value, feature.mode),
                FeatureKind::Numeric { start, end } => numeric_bin(
                    value,
                    feature.mode,
                    self.thresholds.get(start..end).unwrap_or_default(),
                ),
            }
        }));
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
            let left = match node.kind {
                NodeKind::Leaf => return self.leaves.get(next).copied().unwrap_or_default(),
                NodeKind::Numeric { missing_left } => {
                    bin <= node.rank || (bin == MISSING_BIN && missing_left)
                }
                NodeKind::Categorical { missing_left } if bin == MISSING_BIN => missing_left,
                NodeKind::Categorical { .. } => self.set_has(node.rank, bin),
            };
            index = if left { index + 1 } else { next };
        }
        0.0
    }

    fn set_has(&self, set: u16, category: u16) -> bool {
        let word = self
            .sets
            .get(usize::from(set))
            .and_then(|words| words.get(usize::from(category / 32)));
        word.is_some_and(|word| word >> (category % 32) & 1 == 1)
    }

    fn score_row(&self, bins: &[u16], scores: &mut [f64]) {
        scores.copy_from_slice(&self.base);
        for tree in &self.trees {
            let leaf = self.leaf(tree.node, bins);
            if let Some(score) = scores.get_mut(tree.output) {
                *score = match self.accumulate {
                    Accumulate::F64 => *score + leaf,
                    // Both are f32 values, so the f64 sum rounded to f32 is the f32 sum.
                    Accumulate::F32 => narrow(*score + leaf),
                };
            }
        }
        for (score, divisor) in scores.iter_mut().zip(self.divisor.iter().flatten()) {
            *score = match self.accumulate {
                Accumulate::F64 => *score / divisor,
                Accumulate::F32 => narrow(*score / divisor),
            };
        }
    }
}

impl Engine for TreeEngine {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn accepts_missing(&self) -> bool {
        true
    }

    fn summary(&self) -> ModelSummary {
        let mut inputs: Vec<usize> = self.features.iter().map(|feature| feature.input).collect();
        inputs.sort_unstable();
        inputs.dedup();
        ModelSummary::Trees {
            trees: self.trees.len(),
            leaves: self.leaves.len(),
            depth: self.depth,
            thresholds: self.thresholds.len(),
            inputs_used: inputs.len(),
        }
    }

    fn score(&self, rows: &[f64], scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        check_shape(self, rows, raw)?;
        for (index, scores) in raw.chunks_exact_mut(self.outputs).enumerate() {
            let start = index * self.inputs;
            self.bin_row(
                rows.get(start..start + self.inputs).unwrap_or_default(),
                &mut scratch.bins,
            );
            self.score_row(&scratch.bins, scores);
        }
        Ok(())
    }
}

/// The model features, with the number of thresholds that follow.
fn read_features(plan: &mut PlanReader<'_>, inputs: usize) -> Result<(Vec<ModelFeature>, usize)> {
    let count = plan.size("number of model features")?;
    let (mut features, mut thresholds) = (Vec::new(), 0);
    for _ in 0..count {
        let input = plan.size("a model feature's input")?;
        let kind = plan.u8("a model feature's kind")?;
        let mode = plan.u8("a model feature's missing mode")?;
        let own = usize::from(plan.u16("a model feature's thresholds")?);
        if input >= inputs {
            return Err(plan.invalid(&format!("a model feature reads input {input} of {inputs}")));
        }
        let mode = MissingMode::from_code(mode)
            .ok_or_else(|| plan.invalid(&format!("unknown missing mode {mode}")))?;
        let kind = match (kind, own) {
            (CATEGORICAL, 0) => FeatureKind::Categorical,
            (NUMERIC, 1..=MAX_THRESHOLDS) => FeatureKind::Numeric {
                start: thresholds,
                end: thresholds + own,
            },
            _ => {
                return Err(plan.invalid(&format!(
                    "a model feature of kind {kind} has {own} thresholds"
                )));
            }
        };
        thresholds += own;
        features.push(ModelFeature { input, mode, kind });
    }
    Ok((features, thresholds))
}

fn check_sorted(
    plan: &PlanReader<'_>,
    features: &[ModelFeature],
    thresholds: &[f64],
) -> Result<()> {
    for feature in features {
        let FeatureKind::Numeric { start, end } = feature.kind else {
            continue;
        };
        if !thresholds
            .get(start..end)
            .unwrap_or_default()
            .is_sorted_by(|a, b| a < b)
        {
            return Err(plan.invalid(&format!(
                "the thresholds of input {} do not rise",
                feature.input
            )));
        }
    }
    Ok(())
}

fn read_sets(plan: &mut PlanReader<'_>) -> Result<Vec<Vec<u32>>> {
    let count = plan.size("number of category sets")?;
    let mut sets = Vec::new();
    for _ in 0..count {
        let words = usize::from(plan.u16("length of a category set")?);
        sets.push(plan.words(words, "a category set")?);
    }
    Ok(sets)
}

/// The output and the number of leaves of each tree.
fn read_roots(plan: &mut PlanReader<'_>, outputs: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let count = plan.size("number of trees")?;
    let (mut roots, mut leaf_counts, mut total) = (Vec::new(), Vec::new(), 0_u32);
    for _ in 0..count {
        let output = usize::from(plan.u16("a tree's output")?);
        let leaves = plan.u32("a tree's leaves")?;
        if output >= outputs || leaves == 0 {
            return Err(plan.invalid(&format!(
                "a tree has {leaves} leaves and output {output} of {outputs}"
            )));
        }
        total = total
            .checked_add(leaves)
            .ok_or_else(|| plan.invalid("too many leaves"))?;
        roots.push(output);
        leaf_counts.push(leaves as usize);
    }
    // Nodes are indexed in 32 bits, and there are fewer than twice as many as leaves.
    match total < u32::MAX / 2 {
        true => Ok((roots, leaf_counts)),
        false => Err(plan.invalid("too many leaves")),
    }
}

/// The number of each output's trees; at least 1, because it divides.
fn trees_per_output(roots: &[usize], outputs: usize) -> Vec<f64> {
    let mut counts = vec![0.0; outputs];
    for &root in roots {
        if let Some(count) = counts.get_mut(root) {
            *count += 1.0;
        }
    }
    counts
        .iter_mut()
        .for_each(|count| *count = f64::max(*count, 1.0));
    counts
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what the model asks for"
)]
fn narrow(value: f64) -> f64 {
    f64::from(value as f32)
}

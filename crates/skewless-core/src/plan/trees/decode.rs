//! Plan bytes to a [`Forest`]: nothing is trusted, every index is proven before a row is scored.

use super::super::bytes::PlanReader;
use super::super::rank::{MAX_THRESHOLDS, MissingMode};
use super::super::{Accumulate, Aggregate, LeafRounding, narrow};
use super::encode::{
    CATEGORICAL, FLAG_ACCUMULATE_F32, FLAG_AVERAGE, FLAG_EXTENDED, FLAG_NARROW_INPUTS,
    FLAG_NARROW_LEAVES, FLAG_NARROW_THRESHOLDS, FLAG_WIDE_FEATURES, FLAG_WIDE_RANKS, FLAG2_ALL,
    FLAG2_INTEGER_LEAVES, FLAG2_MAX, FLAG2_MIN, FLAG2_MISSING_RIGHT, FLAG2_SHAPE_BITS, LEAF,
    NUMERIC,
};
use super::forest::{FeatureKind, Forest, ForestNode, ModelFeature, NodeKind, Root};
use super::precision::Quantised;
use crate::columns::index_to_code;
use crate::error::Result;

pub(super) fn read(plan: &mut PlanReader<'_>) -> Result<Forest> {
    let flags = Flags::read(plan)?;
    let inputs = plan.size("inputs")?;
    let outputs = plan.size("outputs")?;
    if outputs == 0 {
        return Err(plan.invalid("a model needs at least one output"));
    }
    let base = plan.floats(outputs, false, "base scores")?;
    if flags.has(FLAG_ACCUMULATE_F32) && base.iter().any(|&base| narrow(base) != base) {
        return Err(plan.invalid("a base score of a model that adds in f32 is not an f32"));
    }
    let quantised = match flags.extended(FLAG2_INTEGER_LEAVES) {
        true => Some(read_scales(plan, outputs)?),
        false => None,
    };
    let (features, count) = read_features(plan, inputs)?;
    let thresholds = plan.floats(count, flags.has(FLAG_NARROW_THRESHOLDS), "thresholds")?;
    check_sorted(plan, &features, &thresholds)?;
    let sets = read_sets(plan)?;
    let trees = read_roots(plan, outputs)?;
    let leaf_count = trees.last().map_or(0, |tree| tree.first_leaf + tree.leaves);
    let aggregate = flags.aggregate();
    let aggregate = aggregate.filter(|kind| kind.adds() || reaches_all(&trees, outputs));
    let aggregate = aggregate
        .filter(|kind| kind.adds() || quantised.is_none())
        .ok_or_else(|| plan.invalid("the leaves' aggregate contradicts itself or the trees"))?;
    let streams = Streams::read(plan, &flags, leaf_count, leaf_count - trees.len())?;
    let mut forest = Forest {
        inputs,
        outputs,
        narrow_inputs: flags.has(FLAG_NARROW_INPUTS),
        accumulate: match flags.has(FLAG_ACCUMULATE_F32) {
            true => Accumulate::F32,
            false => Accumulate::F64,
        },
        base,
        divisor: (aggregate == Aggregate::Average).then(|| trees_per_output(&trees, outputs)),
        aggregate,
        quantised,
        features,
        thresholds,
        sets,
        nodes: Vec::with_capacity(streams.codes.len()),
        leaves: Vec::new(),
        trees,
        depth: 0,
    };
    link(&mut forest, plan, &streams)?;
    forest.leaves = streams.leaves;
    Ok(forest)
}

struct Flags {
    first: u8,
    second: u8,
}

impl Flags {
    fn read(plan: &mut PlanReader<'_>) -> Result<Self> {
        let first = plan.u8("flags")?;
        let second = match first & FLAG_EXTENDED {
            0 => 0,
            _ => plan.u8("extended flags")?,
        };
        if second & !FLAG2_ALL != 0 {
            return Err(plan.invalid(&format!("unknown extended flags {second:#x}")));
        }
        Ok(Self { first, second })
    }

    fn has(&self, flag: u8) -> bool {
        self.first & flag != 0
    }

    /// None where more than one flag names an aggregate.
    fn aggregate(&self) -> Option<Aggregate> {
        match (
            self.has(FLAG_AVERAGE),
            self.extended(FLAG2_MIN),
            self.extended(FLAG2_MAX),
        ) {
            (false, false, false) => Some(Aggregate::Sum),
            (true, false, false) => Some(Aggregate::Average),
            (false, true, false) => Some(Aggregate::Min),
            (false, false, true) => Some(Aggregate::Max),
            _ => None,
        }
    }

    fn extended(&self, flag: u8) -> bool {
        self.second & flag != 0
    }
}

/// The parallel streams of all nodes.
struct Streams<'a> {
    /// [`LEAF`], or the model feature of a split, counted from 1.
    codes: Vec<u16>,
    ranks: Vec<u16>,
    /// One bit a split; empty where every missing value goes right.
    missing_left: &'a [u8],
    leaves: Vec<f64>,
}

impl<'a> Streams<'a> {
    fn read(
        plan: &mut PlanReader<'a>,
        flags: &Flags,
        leaves: usize,
        splits: usize,
    ) -> Result<Self> {
        let wide = flags.has(FLAG_WIDE_FEATURES);
        let codes = if flags.extended(FLAG2_SHAPE_BITS) {
            let shape = plan.raw((leaves + splits).div_ceil(8), "shape of the trees")?;
            let features = plan.narrow_or_wide(splits, wide, "splits' features")?;
            codes(plan, shape, leaves + splits, &features)?
        } else {
            plan.narrow_or_wide(leaves + splits, wide, "splits' features")?
        };
        let ranks = plan.narrow_or_wide(splits, flags.has(FLAG_WIDE_RANKS), "ranks")?;
        let missing_left = match flags.extended(FLAG2_MISSING_RIGHT) {
            true => &[],
            false => plan.raw(splits.div_ceil(8), "missing directions")?,
        };
        let leaves = match flags.extended(FLAG2_INTEGER_LEAVES) {
            true => plan.integers(leaves, "leaves")?,
            false => plan.floats(leaves, flags.has(FLAG_NARROW_LEAVES), "leaves")?,
        };
        Ok(Self {
            codes,
            ranks,
            missing_left,
            leaves,
        })
    }

    fn missing_left(&self, split: usize) -> bool {
        self.missing_left
            .get(split / 8)
            .is_some_and(|byte| byte >> (split % 8) & 1 == 1)
    }
}

/// The codes of nodes from one bit a node, which says that it is a split, and the splits' features.
fn codes(plan: &PlanReader<'_>, shape: &[u8], nodes: usize, features: &[u16]) -> Result<Vec<u16>> {
    let mut features = features.iter();
    let mut codes = Vec::with_capacity(nodes);
    for node in 0..nodes {
        let split = shape
            .get(node / 8)
            .is_some_and(|byte| byte >> (node % 8) & 1 == 1);
        let code = match split {
            true => features.next().and_then(|feature| feature.checked_add(1)),
            false => Some(LEAF),
        };
        codes.push(
            code.ok_or_else(|| plan.invalid("the trees' shape has more splits than leaves allow"))?,
        );
    }
    Ok(codes)
}

/// Turns the preorder streams into nodes that know their right child.
fn link(forest: &mut Forest, plan: &PlanReader<'_>, streams: &Streams<'_>) -> Result<()> {
    let (mut codes, mut split, mut leaf) = (streams.codes.iter().copied(), 0, 0);
    for tree in 0..forest.trees.len() {
        let (root, first_leaf, mut depth) = (forest.nodes.len(), leaf, 0);
        // Splits whose right child is still to come, with their depth.
        let mut open: Vec<(usize, usize)> = Vec::new();
        loop {
            let code = codes
                .next()
                .ok_or_else(|| plan.invalid("a tree does not end"))?;
            if code != LEAF {
                let node = split_node(forest, plan, streams, code, split)?;
                open.push((forest.nodes.len(), depth));
                forest.nodes.push(node);
                (split, depth) = (split + 1, depth + 1);
                continue;
            }
            forest.depth = forest.depth.max(depth);
            forest.nodes.push(ForestNode {
                next: index_to_code(leaf),
                feature: 0,
                rank: 0,
                kind: NodeKind::Leaf,
            });
            leaf += 1;
            let Some((parent, parent_depth)) = open.pop() else {
                break;
            };
            let right = index_to_code(forest.nodes.len());
            if let Some(parent) = forest.nodes.get_mut(parent) {
                parent.next = right;
            }
            depth = parent_depth + 1;
        }
        let Some(tree) = forest.trees.get_mut(tree) else {
            continue;
        };
        tree.node = root;
        if leaf - first_leaf != tree.leaves {
            return Err(plan.invalid("a tree has another number of leaves than it says"));
        }
    }
    match codes.next() {
        None => Ok(()),
        Some(_) => Err(plan.invalid("nodes follow the last tree")),
    }
}

/// A split, proven: its feature exists, and its rank or set does.
fn split_node(
    forest: &Forest,
    plan: &PlanReader<'_>,
    streams: &Streams<'_>,
    code: u16,
    split: usize,
) -> Result<ForestNode> {
    let rank = *streams
        .ranks
        .get(split)
        .ok_or_else(|| plan.invalid("more splits than leaves allow"))?;
    let Some(feature) = forest.features.get(usize::from(code) - 1) else {
        return Err(plan.invalid(&format!(
            "a split reads model feature {code} of {}",
            forest.features.len()
        )));
    };
    let missing_left = streams.missing_left(split);
    let kind = match feature.kind {
        FeatureKind::Numeric { start, end } if usize::from(rank) < end - start => {
            NodeKind::Numeric { missing_left }
        }
        FeatureKind::Categorical if usize::from(rank) < forest.sets.len() => {
            NodeKind::Categorical { missing_left }
        }
        _ => {
            return Err(plan.invalid(&format!(
                "a split of model feature {code} has rank {rank}, which does not exist"
            )));
        }
    };
    Ok(ForestNode {
        next: 0,
        feature: code - 1,
        rank,
        kind,
    })
}

fn read_scales(plan: &mut PlanReader<'_>, outputs: usize) -> Result<Quantised> {
    let scales = plan.floats(outputs, false, "leaves' scales")?;
    let errors = plan.floats(2, false, "leaves' errors")?;
    if scales
        .iter()
        .chain(&errors)
        .any(|value| !value.is_finite() || *value < 0.0)
    {
        return Err(plan.invalid("a scale or an error of the leaves is not a number from 0"));
    }
    let error = |index| errors.get(index).copied().unwrap_or_default();
    Ok(Quantised {
        rounding: LeafRounding {
            leaf: error(0),
            bound: error(1),
        },
        scales,
    })
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

/// The output and the leaves of each tree; its root is not known yet.
fn read_roots(plan: &mut PlanReader<'_>, outputs: usize) -> Result<Vec<Root>> {
    let count = plan.size("number of trees")?;
    let (mut trees, mut total) = (Vec::new(), 0_u32);
    for _ in 0..count {
        let output = usize::from(plan.u16("a tree's output")?);
        let leaves = plan.u32("a tree's leaves")?;
        if output >= outputs || leaves == 0 {
            return Err(plan.invalid(&format!(
                "a tree has {leaves} leaves and output {output} of {outputs}"
            )));
        }
        trees.push(Root {
            node: 0,
            output,
            first_leaf: total as usize,
            leaves: leaves as usize,
        });
        total = total
            .checked_add(leaves)
            .ok_or_else(|| plan.invalid("too many leaves"))?;
    }
    // Nodes are indexed in 32 bits, and there are fewer than twice as many as leaves.
    match total < u32::MAX / 2 {
        true => Ok(trees),
        false => Err(plan.invalid("too many leaves")),
    }
}

/// The number of each output's trees; at least 1, because it divides.
fn reaches_all(trees: &[Root], outputs: usize) -> bool {
    (0..outputs).all(|output| trees.iter().any(|tree| tree.output == output))
}

fn trees_per_output(trees: &[Root], outputs: usize) -> Vec<f64> {
    let mut counts = vec![0.0; outputs];
    for tree in trees {
        if let Some(count) = counts.get_mut(tree.output) {
            *count += 1.0;
        }
    }
    counts
        .iter_mut()
        .for_each(|count| *count = f64::max(*count, 1.0));
    counts
}

//! Tree ensembles to plan bytes: thresholds become ranks, trees become preorder streams.
//!
//! A *model feature* is an input column with one way to treat missing values and one table of thresholds. One input
//! may feed several of them (categorical and numeric splits, other missing modes, more thresholds than a rank holds).

use std::collections::BTreeMap;

use super::super::bytes::PlanWriter;
use super::super::rank::{MAX_THRESHOLDS, MissingMode, OTHER_BIN};
use super::super::{Accumulate, Aggregate, LeafPrecision, Missing, Node, Test, TreeModel};
use super::precision::Quantised;
use super::streams::Streams;
use crate::error::{Error, Result};

pub(super) const FLAG_NARROW_INPUTS: u8 = 1;
pub(super) const FLAG_ACCUMULATE_F32: u8 = 2;
pub(super) const FLAG_AVERAGE: u8 = 4;
pub(super) const FLAG_NARROW_THRESHOLDS: u8 = 8;
pub(super) const FLAG_NARROW_LEAVES: u8 = 16;
pub(super) const FLAG_WIDE_FEATURES: u8 = 32;
pub(super) const FLAG_WIDE_RANKS: u8 = 64;
/// A second byte of flags follows.
pub(super) const FLAG_EXTENDED: u8 = 128;

/// Leaves are `i16`, with a scale an output.
pub(super) const FLAG2_INTEGER_LEAVES: u8 = 1;
/// One bit a node says whether it is a split; feature codes are those of splits alone.
pub(super) const FLAG2_SHAPE_BITS: u8 = 2;
/// Every missing value goes right, and the bits that would say so are left out.
pub(super) const FLAG2_MISSING_RIGHT: u8 = 4;
/// The least leaf counts, not the sum.
pub(super) const FLAG2_MIN: u8 = 8;
/// The greatest leaf counts, not the sum.
pub(super) const FLAG2_MAX: u8 = 16;
pub(super) const FLAG2_ALL: u8 = 31;

/// The code of a leaf in the stream of model features.
pub(super) const LEAF: u16 = 0;

pub(super) const NUMERIC: u8 = 0;
pub(super) const CATEGORICAL: u8 = 1;

pub(super) fn encode(model: &TreeModel, plan: &mut PlanWriter) -> Result<()> {
    check_model(model)?;
    let tables = Tables::collect(model)?;
    let mut streams = Streams::default();
    for tree in &model.trees {
        streams.push_tree(tree, &tables, model.narrow_inputs)?;
    }
    let quantised = Quantised::of(model);
    let narrow_leaves = streams.leaves.iter().copied().all(is_f32);
    if model.accumulate == Accumulate::F32 && quantised.is_none() && !narrow_leaves {
        return Err(Error::misuse(
            "misuse.model",
            "a model that adds in f32 has a leaf that is not an f32",
        ));
    }
    let narrow_thresholds = tables.thresholds().all(is_f32);
    let features = tables.features.len();
    let form = match &quantised {
        None => Form::plain(features, &streams),
        Some(_) => Form::small(features, &streams),
    };
    let second = flags(&[
        (FLAG2_INTEGER_LEAVES, quantised.is_some()),
        (FLAG2_SHAPE_BITS, form.shape_bits),
        (FLAG2_MISSING_RIGHT, form.missing_right),
        (FLAG2_MIN, model.aggregate == Aggregate::Min),
        (FLAG2_MAX, model.aggregate == Aggregate::Max),
    ]);
    plan.u8(flags(&[
        (FLAG_NARROW_INPUTS, model.narrow_inputs),
        (FLAG_ACCUMULATE_F32, model.accumulate == Accumulate::F32),
        (FLAG_AVERAGE, model.aggregate == Aggregate::Average),
        (FLAG_NARROW_THRESHOLDS, narrow_thresholds),
        (FLAG_NARROW_LEAVES, quantised.is_none() && narrow_leaves),
        (FLAG_WIDE_FEATURES, form.wide_features),
        (FLAG_WIDE_RANKS, form.wide_ranks),
        (FLAG_EXTENDED, second != 0),
    ]));
    if second != 0 {
        plan.u8(second);
    }
    plan.size(model.inputs)?;
    plan.size(model.outputs)?;
    plan.floats(model.base.iter().copied(), false);
    if let Some(quantised) = &quantised {
        plan.floats(quantised.scales.iter().copied(), false);
        let rounding = quantised.rounding;
        plan.floats([rounding.leaf, rounding.bound].into_iter(), false);
    }
    tables.write(plan, narrow_thresholds)?;
    streams.write_shape(plan, &form)?;
    match &quantised {
        None => plan.floats(streams.leaves.iter().copied(), narrow_leaves),
        Some(quantised) => streams.write_integers(plan, quantised),
    }
    Ok(())
}

/// How the streams of nodes are written.
pub(super) struct Form {
    pub(super) wide_features: bool,
    pub(super) wide_ranks: bool,
    pub(super) shape_bits: bool,
    pub(super) missing_right: bool,
}

impl Form {
    /// A feature code a node, a missing bit a split.
    fn plain(features: usize, streams: &Streams) -> Self {
        Self {
            wide_features: features >= usize::from(u8::MAX),
            wide_ranks: streams.ranks.iter().any(|&rank| rank > u16::from(u8::MAX)),
            shape_bits: false,
            missing_right: false,
        }
    }

    /// No more than a reader needs.
    fn small(features: usize, streams: &Streams) -> Self {
        Self {
            wide_features: features > usize::from(u8::MAX) + 1,
            shape_bits: true,
            missing_right: !streams.missing_left.contains(&true),
            ..Self::plain(features, streams)
        }
    }
}

fn flags(set: &[(u8, bool)]) -> u8 {
    set.iter()
        .filter(|(_, on)| *on)
        .fold(0, |flags, (flag, _)| flags | flag)
}

fn check_model(model: &TreeModel) -> Result<()> {
    if model.outputs == 0 || model.base.len() != model.outputs {
        return Err(Error::misuse(
            "misuse.model",
            "a tree model needs one base score an output",
        ));
    }
    if model.base.iter().any(|base| !base.is_finite()) {
        return Err(Error::misuse(
            "misuse.model",
            "a base score is not a finite number",
        ));
    }
    let has_tree = |output| model.trees.iter().any(|tree| tree.output == output);
    if !model.aggregate.adds() && !(0..model.outputs).all(has_tree) {
        return Err(Error::misuse(
            "misuse.model",
            "an output without a tree has no least and no greatest leaf",
        ));
    }
    if !model.aggregate.adds() && model.leaves == LeafPrecision::I16 {
        return Err(Error::unsupported(
            "unsupported.aggregate",
            "leaves of 16 bits are for sums",
        ));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FeatureKey {
    input: usize,
    categorical: bool,
    mode: MissingMode,
}

struct ModelFeature {
    key: FeatureKey,
    thresholds: Vec<f64>,
}

pub(super) struct Tables {
    features: Vec<ModelFeature>,
    sets: Vec<Vec<u32>>,
}

impl Tables {
    fn collect(model: &TreeModel) -> Result<Self> {
        let mut thresholds: BTreeMap<FeatureKey, Vec<f64>> = BTreeMap::new();
        let mut sets = Vec::new();
        for tree in &model.trees {
            for node in &tree.nodes {
                let Node::Split {
                    input,
                    test,
                    missing,
                    ..
                } = node
                else {
                    continue;
                };
                if *input >= model.inputs {
                    return Err(Error::misuse(
                        "misuse.model",
                        format!("a split reads input {input} of {}", model.inputs),
                    ));
                }
                let list = thresholds.entry(key(*input, test, *missing)).or_default();
                match test {
                    Test::InSet(categories) => sets.push(bitset(categories)?),
                    test => list.push(at_most(test, model.narrow_inputs)?),
                }
            }
        }
        sets.sort();
        sets.dedup();
        if sets.len() > usize::from(u16::MAX) {
            return Err(Error::unsupported(
                "unsupported.model_size",
                "more than 65,535 distinct category sets",
            ));
        }
        let features: Vec<_> = thresholds
            .into_iter()
            .flat_map(|(key, list)| in_chunks(key, list))
            .collect();
        if features.len() >= usize::from(u16::MAX) {
            return Err(Error::unsupported(
                "unsupported.model_size",
                "more than 65,534 model features",
            ));
        }
        Ok(Self { features, sets })
    }

    fn thresholds(&self) -> impl Iterator<Item = f64> {
        self.features
            .iter()
            .flat_map(|feature| feature.thresholds.iter().copied())
    }

    /// The model feature and rank (or set) of a split.
    pub(super) fn locate(
        &self,
        input: usize,
        test: &Test,
        missing: Missing,
        narrow: bool,
    ) -> Result<(u16, u16)> {
        let key = key(input, test, missing);
        let lost = || Error::internal("internal.plan", "a split is not in the tables made from it");
        if let Test::InSet(categories) = test {
            let set = self
                .sets
                .binary_search(&bitset(categories)?)
                .map_err(|_| lost())?;
            let feature = self
                .features
                .iter()
                .position(|feature| feature.key == key)
                .ok_or_else(lost)?;
            return Ok((code(feature)?, code(set)?));
        }
        let threshold = at_most(test, narrow)?;
        let found = self
            .features
            .iter()
            .enumerate()
            .filter(|(_, feature)| feature.key == key)
            .find_map(|(index, feature)| {
                let rank = feature
                    .thresholds
                    .binary_search_by(|known| known.total_cmp(&threshold))
                    .ok()?;
                Some((index, rank))
            });
        let (feature, rank) = found.ok_or_else(lost)?;
        Ok((code(feature)?, code(rank)?))
    }

    fn write(&self, plan: &mut PlanWriter, narrow: bool) -> Result<()> {
        plan.size(self.features.len())?;
        for feature in &self.features {
            plan.size(feature.key.input)?;
            plan.u8(if feature.key.categorical {
                CATEGORICAL
            } else {
                NUMERIC
            });
            plan.u8(feature.key.mode.code());
            plan.u16(code(feature.thresholds.len())?);
        }
        plan.floats(self.thresholds(), narrow);
        plan.size(self.sets.len())?;
        for set in &self.sets {
            plan.u16(code(set.len())?);
            set.iter().for_each(|&word| plan.u32(word));
        }
        Ok(())
    }
}

pub(super) fn code(index: usize) -> Result<u16> {
    u16::try_from(index).map_err(|_| {
        Error::unsupported(
            "unsupported.model_size",
            format!("{index} does not fit 16 bits"),
        )
    })
}

fn key(input: usize, test: &Test, missing: Missing) -> FeatureKey {
    let mode = match missing {
        Missing::Left | Missing::Right => MissingMode::Nan,
        Missing::AsZero => MissingMode::AsZero,
        Missing::ZeroIsMissingLeft | Missing::ZeroIsMissingRight => MissingMode::ZeroIsMissing,
    };
    FeatureKey {
        input,
        categorical: matches!(test, Test::InSet(_)),
        mode,
    }
}

fn in_chunks(key: FeatureKey, mut thresholds: Vec<f64>) -> Vec<ModelFeature> {
    if key.categorical {
        return vec![ModelFeature {
            key,
            thresholds: Vec::new(),
        }];
    }
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    thresholds
        .chunks(MAX_THRESHOLDS)
        .map(|chunk| ModelFeature {
            key,
            thresholds: chunk.to_vec(),
        })
        .collect()
}

/// The threshold t of the equal test `x ≤ t`. With narrow inputs, t is the largest f32 that gives the same answers.
fn at_most(test: &Test, narrow: bool) -> Result<f64> {
    let (written, strict) = match test {
        Test::AtMost(threshold) => (*threshold, false),
        Test::Below(threshold) => (*threshold, true),
        Test::InSet(_) => {
            return Err(Error::internal(
                "internal.plan",
                "a category set has no threshold",
            ));
        }
    };
    if written.is_nan() || (strict && written == f64::NEG_INFINITY) {
        return Err(Error::unsupported(
            "unsupported.threshold",
            format!("a split tests against {written}"),
        ));
    }
    let inclusive = if strict { written.next_down() } else { written };
    let threshold = if narrow {
        f64::from(round_down(inclusive))
    } else {
        inclusive
    };
    // −0 and 0 are one threshold.
    Ok(threshold + 0.0)
}

/// The largest f32 that is not above `value`.
#[expect(clippy::cast_possible_truncation, reason = "the rounding is corrected")]
fn round_down(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) > value {
        nearest.next_down()
    } else {
        nearest
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the test of exactness")]
fn is_f32(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

fn bitset(categories: &[u32]) -> Result<Vec<u32>> {
    let mut words = Vec::new();
    for &category in categories {
        if category >= u32::from(OTHER_BIN) {
            return Err(Error::unsupported(
                "unsupported.category",
                format!("category {category} is above 65,533"),
            ));
        }
        let word = (category / 32) as usize;
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        if let Some(slot) = words.get_mut(word) {
            *slot |= 1 << (category % 32);
        }
    }
    Ok(words)
}

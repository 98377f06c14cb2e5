//! The values of the leaves behind the masks' exits, and their sums.

use super::super::super::{Accumulate, narrow};
use super::super::forest::Forest;
use super::active::Active;
use super::table::{Table, Word};
use super::top::Top;
use crate::plan::simd::Level;

/// The leaves of whole trees, `TREES` at a time as in the table, each with at most `LEAVES` leaves.
pub(super) struct Values<const TREES: usize, const LEAVES: usize> {
    leaves: Vec<[[f64; LEAVES]; TREES]>,
    outputs: Outputs<TREES>,
}

/// The output of each tree, where there are several.
pub(super) struct Outputs<const TREES: usize> {
    parts: Option<Vec<[usize; TREES]>>,
    /// Number of outputs.
    width: usize,
}

impl<const TREES: usize> Outputs<TREES> {
    pub(super) fn new(forest: &Forest) -> Self {
        let parts = forest.trees.chunks(TREES).map(|trees| {
            let mut outputs = [0; TREES];
            let own = outputs.iter_mut().zip(trees);
            own.for_each(|(output, tree)| *output = tree.output);
            outputs
        });
        Self {
            parts: (forest.outputs > 1).then(|| parts.collect()),
            width: forest.outputs,
        }
    }

    /// Those of one part; none where all trees have the same.
    pub(super) fn of(&self, part: usize) -> Option<&[usize; TREES]> {
        self.parts.as_ref().and_then(|parts| parts.get(part))
    }

    /// Number of outputs.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

impl<const TREES: usize, const LEAVES: usize> Values<TREES, LEAVES> {
    /// The leaves behind whole trees' exits.
    pub(super) fn new(forest: &Forest, tops: &[Top]) -> Self {
        let parts = tops.chunks(TREES).map(|tops| {
            // A tree that fills up a part adds −0, which changes no sum.
            let mut part = [[-0.0; LEAVES]; TREES];
            for (leaves, top) in part.iter_mut().zip(tops) {
                for (leaf, &node) in leaves.iter_mut().zip(&top.exits) {
                    *leaf = forest.leaf_at(node as usize);
                }
            }
            part
        });
        Self {
            leaves: parts.collect(),
            outputs: Outputs::new(forest),
        }
    }

    /// Adds the leaves of all trees to the scores of a tile of rows.
    pub(super) fn add<W: Word>(
        &self,
        level: Level,
        table: &Table,
        active: &Active,
        sums: Accumulate,
        scores: &mut [f64],
    ) {
        match level {
            Level::Portable => self.add_portable::<W>(table, active, sums, scores),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "AVX2 is a function's promise")]
            // SAFETY: this level is only detected where the processor has AVX2.
            Level::Avx2 => unsafe { self.add_avx2::<W>(table, active, sums, scores) },
        }
    }

    /// The same code with wider registers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_avx2<W: Word>(
        &self,
        table: &Table,
        active: &Active,
        sums: Accumulate,
        scores: &mut [f64],
    ) {
        self.add_portable::<W>(table, active, sums, scores);
    }

    #[inline(always)]
    fn add_portable<W: Word>(
        &self,
        table: &Table,
        active: &Active,
        sums: Accumulate,
        scores: &mut [f64],
    ) {
        for (at, (part, leaves)) in table.parts.iter().zip(&self.leaves).enumerate() {
            let outputs = self.outputs.of(at);
            let rows = scores.chunks_exact_mut(self.outputs.width()).enumerate();
            for (row, scores) in rows {
                let open = part.and(active.row(row)).words::<W, TREES>();
                match (outputs, scores, sums) {
                    (None, [score], Accumulate::F64) => *score = add_f64(*score, leaves, &open),
                    (None, [score], Accumulate::F32) => *score = add_f32(*score, leaves, &open),
                    (outputs, scores, sums) => {
                        let outputs = outputs.unwrap_or(&[0; TREES]);
                        add_outputs(scores, sums, leaves, &open, outputs);
                    }
                }
            }
        }
    }
}

/// The value of a tree's leftmost open leaf; some leaf is always open.
#[inline(always)]
fn leaf<W: Word, const LEAVES: usize>(leaves: &[f64; LEAVES], open: W) -> f64 {
    leaves
        .get(open.exit() % LEAVES)
        .copied()
        .unwrap_or_default()
}

#[inline(always)]
fn add_f64<W: Word, const TREES: usize, const LEAVES: usize>(
    mut score: f64,
    leaves: &[[f64; LEAVES]; TREES],
    open: &[W; TREES],
) -> f64 {
    for (leaves, open) in leaves.iter().zip(open) {
        score += leaf(leaves, *open);
    }
    score
}

/// Scores and leaves of a model that adds in f32 are f32 values.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the values are f32 values")]
fn add_f32<W: Word, const TREES: usize, const LEAVES: usize>(
    score: f64,
    leaves: &[[f64; LEAVES]; TREES],
    open: &[W; TREES],
) -> f64 {
    let mut score = score as f32;
    for (leaves, open) in leaves.iter().zip(open) {
        score += leaf(leaves, *open) as f32;
    }
    f64::from(score)
}

#[inline(always)]
fn add_outputs<W: Word, const TREES: usize, const LEAVES: usize>(
    scores: &mut [f64],
    sums: Accumulate,
    leaves: &[[f64; LEAVES]; TREES],
    open: &[W; TREES],
    outputs: &[usize; TREES],
) {
    for ((leaves, open), &output) in leaves.iter().zip(open).zip(outputs) {
        if let Some(score) = scores.get_mut(output) {
            let sum = *score + leaf(leaves, *open);
            *score = match sums {
                Accumulate::F64 => sum,
                Accumulate::F32 => narrow(sum),
            };
        }
    }
}

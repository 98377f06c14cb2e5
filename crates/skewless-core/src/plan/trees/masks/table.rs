//! The table of masks and its kernel: AND of the rows asked for, the leftmost open leaf of each tree, the leaves' sum.

use std::ops::BitAndAssign;

use super::super::super::{Accumulate, narrow};
use super::super::forest::{FeatureKind, Forest, NodeKind, Root};
use super::active::Active;
use super::lookup::Lookup;
use crate::plan::simd::Level;

/// One bit a leaf, the leftmost lowest.
pub(super) trait Word: Copy + PartialEq + BitAndAssign {
    /// All leaves are open.
    const OPEN: Self;

    /// The leaves `start..start + count` are closed; `count` is at least 1 and fits the word.
    fn closed(start: usize, count: usize) -> Self;

    /// The leftmost open leaf.
    fn leaf(self) -> usize;
}

macro_rules! word {
    ($type:ty) => {
        impl Word for $type {
            const OPEN: Self = Self::MAX;

            fn closed(start: usize, count: usize) -> Self {
                let bits = Self::BITS as usize;
                !((Self::MAX >> (bits - count)) << start)
            }

            #[inline(always)]
            fn leaf(self) -> usize {
                self.trailing_zeros() as usize
            }
        }
    };
}

word!(u8);
word!(u16);
word!(u32);
word!(u64);

/// The masks of `TREES` trees, 64 bytes: what a cache line holds.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line<W, const TREES: usize>([W; TREES]);

/// Masks for `TREES` trees at a time, each with at most `LEAVES` leaves.
pub(super) struct Table<W, const TREES: usize, const LEAVES: usize> {
    /// All rows for the first trees, then all rows for the next: a tile of rows works in one part at a time.
    lines: Vec<Line<W, TREES>>,
    rows: usize,
    /// The leaves of `TREES` trees.
    leaves: Vec<[[f64; LEAVES]; TREES]>,
    /// The output of each tree, where there are several.
    outputs: Option<Vec<[usize; TREES]>>,
    /// Number of outputs.
    width: usize,
    level: Level,
    /// Whether each row closes a leaf, until the lookup has taken it.
    closing: Vec<bool>,
}

impl<W: Word, const TREES: usize, const LEAVES: usize> Table<W, TREES, LEAVES> {
    pub(super) fn new(forest: &Forest, lookup: &Lookup) -> Self {
        let parts = forest.trees.len().div_ceil(TREES);
        // One row even where no tree has a split.
        let rows = lookup.rows().max(1);
        let mut table = Self {
            lines: vec![Line([W::OPEN; TREES]); parts * rows],
            rows,
            // A tree that fills up a part adds −0, which changes no sum.
            leaves: vec![[[-0.0; LEAVES]; TREES]; parts],
            outputs: (forest.outputs > 1).then(|| vec![[0; TREES]; parts]),
            width: forest.outputs,
            level: Level::detect(),
            closing: vec![false; rows],
        };
        let parts = forest.trees.chunks(TREES).enumerate();
        for (part, trees) in parts {
            for (lane, tree) in trees.iter().enumerate() {
                table.place_tree(forest, lookup, tree, (part, lane));
            }
            table.fold_ranks(forest, lookup, part);
            table.find_closing(part);
        }
        table
    }

    fn place_tree(
        &mut self,
        forest: &Forest,
        lookup: &Lookup,
        tree: &Root,
        (part, lane): (usize, usize),
    ) {
        let own = forest
            .leaves
            .get(tree.first_leaf..tree.first_leaf + tree.leaves);
        if let Some(to) = self
            .leaves
            .get_mut(part)
            .and_then(|part| part.get_mut(lane))
        {
            to.iter_mut()
                .zip(own.unwrap_or_default())
                .for_each(|(to, leaf)| *to = *leaf);
        }
        let outputs = self.outputs.as_mut().and_then(|parts| parts.get_mut(part));
        if let Some(output) = outputs.and_then(|part| part.get_mut(lane)) {
            *output = tree.output;
        }
        if let Some(lines) = self.lines.get_mut(part * self.rows..(part + 1) * self.rows) {
            close_left_sides(forest, lookup, tree, |row, mask| {
                if let Some(word) = lines.get_mut(row).and_then(|line| line.0.get_mut(lane)) {
                    *word &= mask;
                }
            });
        }
    }

    /// A rank answers "no" to all splits of the ranks below it.
    fn fold_ranks(&mut self, forest: &Forest, lookup: &Lookup, part: usize) {
        let Some(lines) = self.lines.get_mut(part * self.rows..(part + 1) * self.rows) else {
            return;
        };
        for (feature, rows) in forest.features.iter().zip(lookup.features()) {
            if !matches!(feature.kind, FeatureKind::Numeric { .. }) {
                continue;
            }
            let Some(ranks) = lines.get_mut(rows.first..=rows.first + rows.size) else {
                continue;
            };
            let mut below = [W::OPEN; TREES];
            for line in ranks {
                line.0.iter_mut().zip(&mut below).for_each(|(word, below)| {
                    *word &= *below;
                    *below = *word;
                });
            }
        }
    }

    fn find_closing(&mut self, part: usize) {
        let lines = self.lines.get(part * self.rows..(part + 1) * self.rows);
        for (closing, line) in self.closing.iter_mut().zip(lines.unwrap_or_default()) {
            *closing |= line.0 != [W::OPEN; TREES];
        }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether each row closes a leaf.
    pub(super) fn take_closing(&mut self) -> Vec<bool> {
        std::mem::take(&mut self.closing)
    }

    /// The AND of rows, part by part.
    pub(super) fn fold(&self, rows: &[u32]) -> Vec<[W; TREES]> {
        let parts = self.lines.chunks_exact(self.rows);
        parts.map(|part| and_rows(part, rows)).collect()
    }

    /// Adds rows behind the others.
    pub(super) fn append(&mut self, folded: &[Vec<[W; TREES]>]) {
        if folded.is_empty() {
            return;
        }
        let parts = self.lines.chunks_exact(self.rows).enumerate();
        let lines = parts.flat_map(|(part, lines)| {
            let more = folded.iter().filter_map(move |row| row.get(part));
            lines.iter().copied().chain(more.map(|&row| Line(row)))
        });
        self.lines = lines.collect();
        self.rows += folded.len();
    }

    #[cfg(test)]
    pub(super) fn make_portable(&mut self) {
        self.level = Level::Portable;
    }

    /// Adds the leaves of all trees to the scores of a tile of rows.
    pub(super) fn add_leaves(&self, active: &Active, sums: Accumulate, scores: &mut [f64]) {
        match self.level {
            Level::Portable => self.add_leaves_portable(active, sums, scores),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "AVX2 is a function's promise")]
            // SAFETY: this level is only detected where the processor has AVX2.
            Level::Avx2 => unsafe { self.add_leaves_avx2(active, sums, scores) },
        }
    }

    /// The same code with wider registers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_leaves_avx2(&self, active: &Active, sums: Accumulate, scores: &mut [f64]) {
        self.add_leaves_portable(active, sums, scores);
    }

    #[inline(always)]
    fn add_leaves_portable(&self, active: &Active, sums: Accumulate, scores: &mut [f64]) {
        let parts = self.lines.chunks_exact(self.rows).zip(&self.leaves);
        for (part, (lines, leaves)) in parts.enumerate() {
            let outputs = self.outputs.as_ref().and_then(|outputs| outputs.get(part));
            for (row, scores) in scores.chunks_exact_mut(self.width).enumerate() {
                let open = and_rows(lines, active.row(row));
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

/// Closes the left leaves of each split in the rows of the bins that it answers with "no"; of the ranks, in the first
/// such row alone.
fn close_left_sides<W: Word>(
    forest: &Forest,
    lookup: &Lookup,
    tree: &Root,
    mut close: impl FnMut(usize, W),
) {
    let mut seen = 0;
    let nodes = forest.nodes.get(tree.node..).unwrap_or_default();
    for node in nodes.iter().take(2 * tree.leaves - 1) {
        if node.kind == NodeKind::Leaf {
            seen += 1;
            continue;
        }
        // The last leaf of a split's left side stands before its right child.
        let last = forest.nodes.get((node.next as usize).wrapping_sub(1));
        let end = last.map_or(seen, |last| last.next as usize + 1 - tree.first_leaf);
        let mask = W::closed(seen, end - seen);
        let feature = usize::from(node.feature);
        let (Some(feature), Some(rows)) =
            (forest.features.get(feature), lookup.features().get(feature))
        else {
            continue;
        };
        match node.kind {
            NodeKind::Numeric { missing_left } => {
                close(rows.first + usize::from(node.rank) + 1, mask);
                if !missing_left {
                    close(rows.missing(), mask);
                }
            }
            _ => rows
                .bins(feature.kind)
                .filter(|&(_, bin)| !forest.goes_left(node, bin))
                .for_each(|(row, _)| close(row, mask)),
        }
    }
}

/// The leaves that rows of a part leave open, all of them.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
fn and_rows<W: Word, const TREES: usize>(lines: &[Line<W, TREES>], rows: &[u32]) -> [W; TREES] {
    let mut open = [W::OPEN; TREES];
    for &row in rows {
        if let Some(line) = lines.get(row as usize) {
            for (open, mask) in open.iter_mut().zip(&line.0) {
                *open &= *mask;
            }
        }
    }
    open
}

/// The same in vectors, written out because a build for size makes none by itself.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
#[expect(unsafe_code, reason = "vectors are read and written through pointers")]
fn and_rows<W: Word, const TREES: usize>(lines: &[Line<W, TREES>], rows: &[u32]) -> [W; TREES] {
    use std::arch::wasm32::{u8x16_splat, v128, v128_and};
    const { assert!(size_of::<[W; TREES]>() == 64) };
    let (mut a, mut b, mut c, mut d) = (
        u8x16_splat(255),
        u8x16_splat(255),
        u8x16_splat(255),
        u8x16_splat(255),
    );
    for &row in rows {
        let Some(line) = lines.get(row as usize) else {
            continue;
        };
        // SAFETY: a line is 64 bytes, aligned to 64, and any bits are a vector.
        let line = unsafe { &*std::ptr::from_ref(line).cast::<[v128; 4]>() };
        a = v128_and(a, line[0]);
        b = v128_and(b, line[1]);
        c = v128_and(c, line[2]);
        d = v128_and(d, line[3]);
    }
    let mut open = Line([W::OPEN; TREES]);
    // SAFETY: as above.
    unsafe { *std::ptr::from_mut(&mut open).cast::<[v128; 4]>() = [a, b, c, d] };
    open.0
}

/// The value of a tree's leftmost open leaf; some leaf is always open.
#[inline(always)]
fn exit<W: Word, const LEAVES: usize>(leaves: &[f64; LEAVES], open: W) -> f64 {
    leaves
        .get(open.leaf() % LEAVES)
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
        score += exit(leaves, *open);
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
        score += exit(leaves, *open) as f32;
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
            let sum = *score + exit(leaves, *open);
            *score = match sums {
                Accumulate::F64 => sum,
                Accumulate::F32 => narrow(sum),
            };
        }
    }
}

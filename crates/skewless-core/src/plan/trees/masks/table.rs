//! The table of masks: what each bin of each feature leaves open of every tree's exits.

use std::ops::BitAndAssign;

use super::super::forest::{FeatureKind, Forest, NodeKind};
use super::MOST_BYTES;
use super::rows::{FeatureRows, TableRows};
use super::top::Top;

/// One bit an exit, the leftmost lowest.
pub(super) trait Word: Copy + PartialEq + BitAndAssign {
    /// All exits are open.
    const OPEN: Self;

    /// The exits `start..start + count` are closed; `count` is at least 1 and fits the word.
    fn closed(start: usize, count: usize) -> Self;

    /// The leftmost open exit.
    fn exit(self) -> usize;
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
            fn exit(self) -> usize {
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
pub(super) struct Line<W, const TREES: usize>([W; TREES]);

/// The masks of all trees, `TREES` at a time: a tile of rows works in one part after the other.
pub(super) struct Table<W, const TREES: usize> {
    pub(super) parts: Vec<Part<W, TREES>>,
    rows: usize,
}

/// The masks of `TREES` trees.
pub(super) struct Part<W, const TREES: usize> {
    /// The distinct rows, of which there are hardly more than splits in these trees; the first closes nothing.
    lines: Vec<Line<W, TREES>>,
    /// The line of every row.
    line_of: Vec<u16>,
}

impl<W: Word, const TREES: usize> Part<W, TREES> {
    fn open(rows: usize) -> Self {
        Self {
            lines: vec![Line([W::OPEN; TREES])],
            line_of: vec![0; rows],
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.lines.as_slice()) + size_of_val(self.line_of.as_slice())
    }

    /// Adds a line; none where 16 bits do not number it.
    fn add(&mut self, line: [W; TREES]) -> Option<u16> {
        let number = u16::try_from(self.lines.len()).ok()?;
        self.lines.push(Line(line));
        Some(number)
    }

    fn close(&mut self, row: usize, lane: usize, mask: W) -> Option<()> {
        if *self.line_of.get(row)? == 0 {
            let line = self.add([W::OPEN; TREES])?;
            *self.line_of.get_mut(row)? = line;
        }
        let line = usize::from(*self.line_of.get(row)?);
        *self.lines.get_mut(line)?.0.get_mut(lane)? &= mask;
        Some(())
    }

    /// Closes the left exits of each split in the rows of the bins that it answers with "no"; of the ranks, in the first
    /// such row alone.
    fn place(&mut self, forest: &Forest, rows: &TableRows, lane: usize, top: &Top) -> Option<()> {
        for split in &top.splits {
            let node = forest.nodes.get(split.node)?;
            let feature = usize::from(node.feature);
            let mask = W::closed(split.left.start, split.left.len());
            let (kind, rows) = (
                forest.features.get(feature)?.kind,
                rows.features.get(feature)?,
            );
            match node.kind {
                NodeKind::Numeric { missing_left } => {
                    self.close(rows.first + usize::from(node.rank) + 1, lane, mask)?;
                    if !missing_left {
                        self.close(rows.missing(), lane, mask)?;
                    }
                }
                _ => {
                    for (row, bin) in rows.bins(kind) {
                        if !forest.goes_left(node, bin) {
                            self.close(row, lane, mask)?;
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// A rank answers "no" to all splits of the ranks below it.
    fn fold_ranks(&mut self, rows: &FeatureRows) -> Option<()> {
        let mut below = 0;
        for line in self.line_of.get_mut(rows.first..=rows.first + rows.size)? {
            if *line == 0 {
                *line = below;
                continue;
            }
            let masks = self.lines.get(usize::from(below))?.0;
            let own = self.lines.get_mut(usize::from(*line))?;
            own.0
                .iter_mut()
                .zip(masks)
                .for_each(|(word, mask)| *word &= mask);
            below = *line;
        }
        Some(())
    }

    /// The exits that rows leave open, all of them.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline(always)]
    pub(super) fn and(&self, rows: &[u32]) -> [W; TREES] {
        let mut open = [W::OPEN; TREES];
        for line in self.lines(rows) {
            for (open, mask) in open.iter_mut().zip(&line.0) {
                *open &= *mask;
            }
        }
        open
    }

    /// The same in vectors, written out because a build for size makes none by itself.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline(always)]
    #[expect(unsafe_code, reason = "vectors are read and written through pointers")]
    pub(super) fn and(&self, rows: &[u32]) -> [W; TREES] {
        use std::arch::wasm32::{u8x16_splat, v128, v128_and};
        const { assert!(size_of::<[W; TREES]>() == 64) };
        let (mut a, mut b, mut c, mut d) = (
            u8x16_splat(255),
            u8x16_splat(255),
            u8x16_splat(255),
            u8x16_splat(255),
        );
        for line in self.lines(rows) {
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

    #[inline(always)]
    fn lines<'a>(&'a self, rows: &'a [u32]) -> impl Iterator<Item = &'a Line<W, TREES>> {
        rows.iter().filter_map(|&row| {
            let line = *self.line_of.get(row as usize)?;
            self.lines.get(usize::from(line))
        })
    }
}

impl<W: Word, const TREES: usize> Table<W, TREES> {
    /// The masks of trees by their tops; none where they would take too much.
    pub(super) fn new(forest: &Forest, rows: &TableRows, tops: &[Top]) -> Option<Self> {
        let mut bytes = 0;
        let parts = tops.chunks(TREES).map(|tops| {
            let mut part = Part::open(rows.count);
            for (lane, top) in tops.iter().enumerate() {
                part.place(forest, rows, lane, top)?;
            }
            for (feature, rows) in forest.features.iter().zip(&rows.features) {
                if matches!(feature.kind, FeatureKind::Numeric { .. }) {
                    part.fold_ranks(rows)?;
                }
            }
            bytes += part.bytes();
            (bytes <= MOST_BYTES).then_some(part)
        });
        Some(Self {
            parts: parts.collect::<Option<_>>()?,
            rows: rows.count,
        })
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether each row closes an exit.
    pub(super) fn closing(&self) -> Vec<bool> {
        let mut closing = vec![false; self.rows];
        for part in &self.parts {
            for (closing, line) in closing.iter_mut().zip(&part.line_of) {
                *closing |= *line != 0;
            }
        }
        closing
    }

    /// The AND of rows, part by part.
    pub(super) fn fold(&self, rows: &[u32]) -> Vec<[W; TREES]> {
        self.parts.iter().map(|part| part.and(rows)).collect()
    }

    /// Adds rows behind the others; none where they would take too much.
    pub(super) fn append(&mut self, folded: &[Vec<[W; TREES]>]) -> Option<()> {
        let mut bytes = 0;
        for (at, part) in self.parts.iter_mut().enumerate() {
            let mut last = 0;
            for row in folded {
                let masks = *row.get(at)?;
                // Most columns of a group are not asked for in one part, so that their rows are the same.
                if part.lines.get(usize::from(last))?.0 != masks {
                    last = part.add(masks)?;
                }
                part.line_of.push(last);
            }
            bytes += part.bytes();
        }
        self.rows += folded.len();
        (bytes <= MOST_BYTES).then_some(())
    }
}

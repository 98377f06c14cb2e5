//! The table of masks: what each bin of each feature leaves open of every tree's exits.

use std::ops::Range;

use super::super::forest::{FeatureKind, Forest, NodeKind};
use super::MOST_BYTES;
use super::rows::{FeatureRows, TableRows};
use super::top::Top;

/// Bytes of a line: what a processor fetches at a time.
const LINE: usize = 64;

/// What the masks of some trees are read as: one bit an exit, the leftmost lowest.
pub(super) trait Word: Copy {
    /// The word at a place of a line.
    fn at(line: &Line, place: usize) -> Self;

    /// The leftmost open exit.
    fn exit(self) -> usize;
}

macro_rules! word {
    ($type:ty) => {
        impl Word for $type {
            #[inline(always)]
            fn at(line: &Line, place: usize) -> Self {
                let (words, _) = line.0.as_chunks();
                words
                    .get(place)
                    .map_or(0, |&word| Self::from_le_bytes(word))
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

/// The masks of as many trees as have room in it, side by side, each in so many bytes, the lowest first.
#[derive(Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Line([u8; LINE]);

impl Line {
    /// All exits of all trees are open.
    const OPEN: Self = Self([u8::MAX; LINE]);

    /// The masks of the first `TREES` trees.
    #[inline(always)]
    pub(super) fn words<W: Word, const TREES: usize>(&self) -> [W; TREES] {
        std::array::from_fn(|place| W::at(self, place))
    }

    /// Closes what another line closes.
    #[inline(always)]
    pub(super) fn close(&mut self, other: &Self) {
        for (open, mask) in self.0.iter_mut().zip(&other.0) {
            *open &= *mask;
        }
    }

    /// Closes exits of one tree, at least one of them, whose mask takes `bytes`.
    fn close_exits(&mut self, tree: usize, bytes: usize, exits: &Range<usize>) {
        let closed = (u64::MAX >> (u64::BITS as usize - exits.len())) << exits.start;
        let own = self.0.iter_mut().skip(tree * bytes).take(bytes);
        own.zip((!closed).to_le_bytes())
            .for_each(|(open, mask)| *open &= mask);
    }
}

/// The masks of all trees, a line of each row at a time: a tile of rows works in one part after the other.
pub(super) struct Table {
    pub(super) parts: Vec<Part>,
    rows: usize,
}

/// The masks of the trees that have room in a line.
pub(super) struct Part {
    /// The distinct rows, of which there are hardly more than splits in these trees; the first closes nothing.
    lines: Vec<Line>,
    /// The line of every row.
    line_of: Vec<u16>,
}

impl Part {
    /// With room for a line a split, of which there are no more than rows.
    fn open(rows: usize, splits: usize) -> Self {
        let mut lines = Vec::with_capacity(1 + splits.min(rows));
        lines.push(Line::OPEN);
        Self {
            lines,
            line_of: vec![0; rows],
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.lines.as_slice()) + size_of_val(self.line_of.as_slice())
    }

    /// Adds a line; none where 16 bits do not number it.
    fn add(&mut self, line: Line) -> Option<u16> {
        let number = u16::try_from(self.lines.len()).ok()?;
        self.lines.push(line);
        Some(number)
    }

    /// The line of a row alone, which may be changed.
    fn own(&mut self, row: usize) -> Option<&mut Line> {
        if *self.line_of.get(row)? == 0 {
            let line = self.add(Line::OPEN)?;
            *self.line_of.get_mut(row)? = line;
        }
        let line = usize::from(*self.line_of.get(row)?);
        self.lines.get_mut(line)
    }

    /// Closes the left exits of each split in the rows of the bins that it answers with "no"; of the ranks, in the first
    /// such row alone.
    fn place(
        &mut self,
        forest: &Forest,
        rows: &TableRows,
        tree: usize,
        bytes: usize,
        top: &Top,
    ) -> Option<()> {
        for split in &top.splits {
            let node = forest.nodes.get(split.node)?;
            let feature = usize::from(node.feature);
            let (kind, rows) = (
                forest.features.get(feature)?.kind,
                rows.features.get(feature)?,
            );
            let mut close = |row| {
                self.own(row)?.close_exits(tree, bytes, &split.left);
                Some(())
            };
            match node.kind {
                NodeKind::Numeric { missing_left } => {
                    close(rows.first + usize::from(node.rank) + 1)?;
                    if !missing_left {
                        close(rows.missing())?;
                    }
                }
                _ => {
                    for (row, bin) in rows.bins(kind) {
                        if !forest.goes_left(node, bin) {
                            close(row)?;
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
            let masks = *self.lines.get(usize::from(below))?;
            self.lines.get_mut(usize::from(*line))?.close(&masks);
            below = *line;
        }
        Some(())
    }

    /// The exits that rows leave open, all of them.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline(always)]
    pub(super) fn and(&self, rows: &[u32]) -> Line {
        let mut open = Line::OPEN;
        self.lines(rows).for_each(|line| open.close(line));
        open
    }

    /// The same in vectors, written out because a build for size makes none by itself.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline(always)]
    #[expect(unsafe_code, reason = "vectors are read and written through pointers")]
    pub(super) fn and(&self, rows: &[u32]) -> Line {
        use std::arch::wasm32::{u8x16_splat, v128, v128_and};
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
        let mut open = Line::OPEN;
        // SAFETY: as above.
        unsafe { *std::ptr::from_mut(&mut open).cast::<[v128; 4]>() = [a, b, c, d] };
        open
    }

    #[inline(always)]
    fn lines<'a>(&'a self, rows: &'a [u32]) -> impl Iterator<Item = &'a Line> {
        rows.iter().filter_map(|&row| {
            let line = *self.line_of.get(row as usize)?;
            self.lines.get(usize::from(line))
        })
    }
}

impl Table {
    /// The masks of trees by their tops, `trees` in a line; none where they would take too much.
    pub(super) fn new(
        forest: &Forest,
        rows: &TableRows,
        tops: &[Top],
        trees: usize,
    ) -> Option<Self> {
        let mut bytes = 0;
        let parts = tops.chunks(trees).map(|tops| {
            let splits = tops.iter().map(|top| top.splits.len()).sum();
            let mut part = Part::open(rows.count, splits);
            for (tree, top) in tops.iter().enumerate() {
                part.place(forest, rows, tree, LINE / trees, top)?;
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
    pub(super) fn fold(&self, rows: &[u32]) -> Vec<Line> {
        self.parts.iter().map(|part| part.and(rows)).collect()
    }

    /// Adds rows behind the others; none where they would take too much.
    pub(super) fn append(&mut self, folded: &[Vec<Line>]) -> Option<()> {
        let mut bytes = 0;
        for (at, part) in self.parts.iter_mut().enumerate() {
            let mut last = 0;
            for row in folded {
                let masks = *row.get(at)?;
                // Most columns of a group are not asked for in one part, so that their rows are the same.
                if *part.lines.get(usize::from(last))? != masks {
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

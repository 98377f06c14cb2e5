//! Trees as bit vectors: every row of a table holds, for each tree, the leaves that one bin of one feature leaves open.
//!
//! A split that a row answers with "no" closes the leaves of its left side; the leftmost leaf still open is where the
//! row ends (QuickScorer: Lucchese et al., SIGIR 2015; RapidScorer: Ye et al., KDD 2018). The masks of all splits of
//! one feature are folded beforehand, rank by rank, so that a row is the AND of one table row a feature; rows that
//! close nothing are left out. Missing values, categories and the columns of a one-hot group are table rows too.

mod active;
mod lookup;
mod one_hot;
mod table;

use super::super::Layout;
use super::forest::Forest;
pub(in crate::plan) use active::Active;
use lookup::Lookup;
use table::Table;

/// Bytes that the masks may take: about 2,000 trees of 31 leaves. Building them takes a fraction of a second per
/// gigabyte, and a model of that size is itself a megabyte.
const MOST_BYTES: usize = 16 << 20;
/// Splits of categorical features times their categories: what the tables' building may cost.
const MOST_CATEGORY_TESTS: usize = 1 << 21;
/// Most rows scored at a time: a part of the table serves them all before the next part is read.
const MOST_ROWS: usize = 256;
/// Table rows that a tile may ask for, so that they stay close to the processor.
const MOST_ACTIVE: usize = 1 << 14;

/// The kernel of models whose trees have at most 64 leaves and whose table is small.
pub(super) struct Masks {
    lookup: Lookup,
    words: Words,
}

/// One bit a leaf, in the smallest word that holds the largest tree. The numbers: trees in 64 bytes, leaves of a tree.
enum Words {
    Bits8(Table<u8, 64, 8>),
    Bits16(Table<u16, 32, 16>),
    Bits32(Table<u32, 16, 32>),
    Bits64(Table<u64, 8, 64>),
}

/// The same for the table of any word.
macro_rules! each {
    ($words:expr, $table:ident => $result:expr) => {
        match $words {
            Words::Bits8($table) => $result,
            Words::Bits16($table) => $result,
            Words::Bits32($table) => $result,
            Words::Bits64($table) => $result,
        }
    };
}

impl Masks {
    /// The kernel for a model, where it fits.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let leaves = forest.trees.iter().map(|tree| tree.leaves).max()?;
        let mut lookup = Lookup::new(forest)?;
        let rows = lookup.rows();
        let bytes = |trees: usize| rows.saturating_mul(forest.trees.len().div_ceil(trees) * 64);
        let mut words = match leaves {
            0..=8 if bytes(64) <= MOST_BYTES => Words::Bits8(Table::new(forest, &lookup)),
            9..=16 if bytes(32) <= MOST_BYTES => Words::Bits16(Table::new(forest, &lookup)),
            17..=32 if bytes(16) <= MOST_BYTES => Words::Bits32(Table::new(forest, &lookup)),
            33..=64 if bytes(8) <= MOST_BYTES => Words::Bits64(Table::new(forest, &lookup)),
            _ => return None,
        };
        lookup.leave_out(each!(&mut words, table => table.take_closing()));
        Some(Self { lookup, words })
    }

    /// The same kernel without the processor's wider registers.
    #[cfg(test)]
    pub(super) fn portable(mut self) -> Self {
        each!(&mut self.words, table => table.make_portable());
        self
    }

    /// Scores feature rows.
    pub(super) fn score(
        &self,
        forest: &Forest,
        rows: &[f64],
        active: &mut Active,
        raw: &mut [f64],
    ) {
        self.score_tiles(forest, (rows, forest.inputs), active, raw, |row, active| {
            self.lookup.push_row(forest, row, active);
        });
    }

    /// Prepares for compact rows.
    pub(super) fn bind(&mut self, forest: &Forest, layout: &Layout) {
        each!(&mut self.words, table => self.lookup.bind(forest, layout, table));
    }

    /// Scores compact rows, `width` numbers each, of the layout bound before.
    pub(super) fn score_compact(
        &self,
        forest: &Forest,
        (rows, width): (&[f64], usize),
        active: &mut Active,
        raw: &mut [f64],
    ) {
        self.score_tiles(forest, (rows, width), active, raw, |row, active| {
            self.lookup.push_compact(forest, row, active);
        });
    }

    /// Scores tiles of rows, whose table rows `lookup` finds.
    fn score_tiles(
        &self,
        forest: &Forest,
        (rows, width): (&[f64], usize),
        active: &mut Active,
        raw: &mut [f64],
        lookup: impl Fn(&[f64], &mut Active),
    ) {
        let most_active = self.lookup.most_active();
        let tile_rows = (MOST_ACTIVE / most_active.max(1)).clamp(1, MOST_ROWS);
        for (tile, scores) in raw.chunks_mut(tile_rows * forest.outputs).enumerate() {
            active.start(most_active);
            for (row, scores) in scores.chunks_exact_mut(forest.outputs).enumerate() {
                let start = (tile * tile_rows + row) * width;
                lookup(rows.get(start..start + width).unwrap_or_default(), active);
                forest.start(scores);
            }
            each!(&self.words, table => table.add_leaves(active, forest.sums(), scores));
            let each_row = scores.chunks_exact_mut(forest.outputs);
            each_row.for_each(|scores| forest.finish(scores));
        }
    }
}

//! Trees as bit vectors: every row of a table holds, for each tree, the exits that one bin of one feature leaves open.
//!
//! A split that a row answers with "no" closes the exits of its left side; the leftmost exit still open is where the
//! row leaves (QuickScorer: Lucchese et al., SIGIR 2015; RapidScorer: Ye et al., KDD 2018). The masks of all splits of
//! one feature are folded beforehand, rank by rank, so that a row is the AND of one table row a feature; rows that
//! close nothing are left out. Missing values, categories and the columns of a one-hot group are table rows too. A few
//! trees know few thresholds, so that of their part of the table only distinct rows are kept.
//!
//! Exits are leaves where trees are small ([`Masks`]); of larger trees the masks cover the tops, and walks go on from
//! their exits ([`Tops`]).

mod active;
mod lookup;
mod one_hot;
mod rows;
mod table;
mod top;
mod tops;
mod values;

use super::super::Layout;
use super::forest::Forest;
use crate::plan::simd::Level;
pub(in crate::plan) use active::Active;
use lookup::Lookup;
use rows::TableRows;
use table::Table;
use top::Top;
pub(super) use tops::Tops;
use values::Values;

/// Bytes that the masks may take: about 4,000 trees of 31 leaves, a model of a megabyte.
const MOST_BYTES: usize = 16 << 20;
/// Most rows scored at a time: a part of the table serves them all before the next part is read.
const MOST_ROWS: usize = 256;
/// Table rows that a tile may ask for, so that they stay close to the processor.
const MOST_ACTIVE: usize = 1 << 14;

/// The kernel of models whose trees have at most 64 leaves and whose table is small.
pub(super) struct Masks {
    lookup: Lookup,
    table: Table,
    leaves: Leaves,
    level: Level,
}

/// The leaves of whole trees, by the smallest word that has a bit for each. The numbers: trees in a line, leaves of a
/// tree.
enum Leaves {
    Bits8(Values<64, 8>),
    Bits16(Values<32, 16>),
    Bits32(Values<16, 32>),
    Bits64(Values<8, 64>),
}

impl Masks {
    /// The kernel for a model, where it fits.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let leaves = forest.trees.iter().map(|tree| tree.leaves).max()?;
        if leaves > 64 {
            return None;
        }
        let rows = TableRows::new(forest)?;
        let tops: Vec<Top> = forest
            .trees
            .iter()
            .map(|tree| Top::of(forest, tree, leaves))
            .collect();
        let (trees, leaves) = match leaves {
            0..=8 => (64, Leaves::Bits8(Values::new(forest, &tops))),
            9..=16 => (32, Leaves::Bits16(Values::new(forest, &tops))),
            17..=32 => (16, Leaves::Bits32(Values::new(forest, &tops))),
            _ => (8, Leaves::Bits64(Values::new(forest, &tops))),
        };
        let table = Table::new(forest, &rows, &tops, trees)?;
        Some(Self {
            lookup: Lookup::new(forest, rows, table.closing()),
            table,
            leaves,
            level: Level::detect(),
        })
    }

    /// The same kernel without the processor's wider registers.
    #[cfg(test)]
    pub(super) fn portable(mut self) -> Self {
        self.level = Level::Portable;
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

    /// Prepares for compact rows; none where the table would take too much.
    pub(super) fn bind(&mut self, forest: &Forest, layout: &Layout) -> Option<()> {
        self.lookup.bind(forest, layout, &mut self.table)
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
            let (level, table, sums) = (self.level, &self.table, forest.sums());
            match &self.leaves {
                Leaves::Bits8(leaves) => leaves.add::<u8>(level, table, active, sums, scores),
                Leaves::Bits16(leaves) => leaves.add::<u16>(level, table, active, sums, scores),
                Leaves::Bits32(leaves) => leaves.add::<u32>(level, table, active, sums, scores),
                Leaves::Bits64(leaves) => leaves.add::<u64>(level, table, active, sums, scores),
            }
            let each_row = scores.chunks_exact_mut(forest.outputs);
            each_row.for_each(|scores| forest.finish(scores));
        }
    }
}

//! The kernel of models with large trees: masks find the exit of each tree's top, walks go on from there.

use super::super::super::Layout;
use super::super::bins::RowBins;
use super::super::forest::Forest;
use super::super::lanes::{Lanes, WALKS, add};
use super::active::Active;
use super::rows::TableRows;
use super::table::{Table, Word as _};
use super::top::Top;
use super::values::Outputs;
use crate::plan::simd::Level;

/// Exits of a top.
const EXITS: usize = 64;
/// Rows binned at a time: a part of the table serves them all before the next part is read.
const TILE: usize = 64;

/// Masks of the trees' tops, as many at a time as walks go side by side.
pub(in crate::plan::trees) struct Tops {
    rows: TableRows,
    /// Whether a table row closes an exit.
    closing: Vec<bool>,
    table: Table,
    /// The nodes behind the exits.
    exits: Vec<[[u32; EXITS]; WALKS]>,
    outputs: Outputs<WALKS>,
    walks: Lanes,
    level: Level,
}

impl Tops {
    /// The kernel for a model, where it fits.
    pub(in crate::plan::trees) fn new(forest: &Forest) -> Option<Self> {
        let rows = TableRows::new(forest)?;
        let tops: Vec<Top> = forest
            .trees
            .iter()
            .map(|tree| Top::of(forest, tree, EXITS))
            .collect();
        let table = Table::new(forest, &rows, &tops, WALKS)?;
        let exits = tops.chunks(WALKS).map(|tops| {
            // Where there is no tree there is nothing to walk: any leaf stands for it.
            let leaf = u32::try_from(forest.nodes.len().checked_sub(1)?).ok()?;
            let mut part = [[leaf; EXITS]; WALKS];
            for (exits, top) in part.iter_mut().zip(tops) {
                let own = exits.iter_mut().zip(&top.exits);
                own.for_each(|(exit, node)| *exit = *node);
            }
            Some(part)
        });
        Some(Self {
            closing: table.closing(),
            exits: exits.collect::<Option<_>>()?,
            rows,
            table,
            outputs: Outputs::new(forest),
            walks: Lanes::new(forest)?,
            level: Level::detect(),
        })
    }

    /// Scores feature rows.
    pub(in crate::plan::trees) fn score(
        &self,
        forest: &Forest,
        rows: &[f64],
        scratch: (&mut Vec<u16>, &mut Active),
        raw: &mut [f64],
    ) {
        let width = forest.inputs;
        self.score_tiles(forest, (rows, width), scratch, raw, |row, bins| {
            RowBins::push_row(forest, row, bins);
        });
    }

    /// Prepares for compact rows.
    pub(in crate::plan::trees) fn bind(&mut self, forest: &Forest, layout: &Layout) {
        self.walks.bind(forest, layout);
    }

    /// Scores compact rows, `width` numbers each, of the layout bound before.
    pub(in crate::plan::trees) fn score_compact(
        &self,
        forest: &Forest,
        rows: (&[f64], usize),
        scratch: (&mut Vec<u16>, &mut Active),
        raw: &mut [f64],
    ) {
        self.score_tiles(forest, rows, scratch, raw, |row, bins| {
            self.walks.bins().push_compact(forest, row, bins);
        });
    }

    fn score_tiles(
        &self,
        forest: &Forest,
        (rows, width): (&[f64], usize),
        (bins, active): (&mut Vec<u16>, &mut Active),
        raw: &mut [f64],
        bin: impl Fn(&[f64], &mut Vec<u16>),
    ) {
        for (tile, scores) in raw.chunks_mut(TILE * forest.outputs).enumerate() {
            bins.clear();
            active.start(forest.features.len());
            for (row, scores) in scores.chunks_exact_mut(forest.outputs).enumerate() {
                let start = (tile * TILE + row) * width;
                let first = bins.len();
                bin(rows.get(start..start + width).unwrap_or_default(), bins);
                self.push_active(bins.get(first..).unwrap_or_default(), active);
                forest.start(scores);
            }
            self.add_leaves(forest, bins, active, scores);
            let each_row = scores.chunks_exact_mut(forest.outputs);
            each_row.for_each(|scores| forest.finish(scores));
        }
    }

    /// The table rows of a row's bins that close something.
    fn push_active(&self, bins: &[u16], active: &mut Active) {
        let (to, mut count) = (active.next(), 0);
        for (rows, bin) in self.rows.features.iter().zip(bins) {
            let row = rows.row(*bin);
            if let Some(to) = to.get_mut(count) {
                *to = row;
                let closes = self.closing.get(row as usize).is_some_and(|&closes| closes);
                count += usize::from(closes);
            }
        }
        active.count(count);
    }

    fn add_leaves(&self, forest: &Forest, bins: &[u16], active: &Active, scores: &mut [f64]) {
        match self.level {
            Level::Portable => self.add_leaves_portable(forest, bins, active, scores),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "AVX2 is a function's promise")]
            // SAFETY: this level is only detected where the processor has AVX2.
            Level::Avx2 => unsafe { self.add_leaves_avx2(forest, bins, active, scores) },
        }
    }

    /// The same code with wider registers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_leaves_avx2(&self, forest: &Forest, bins: &[u16], active: &Active, scores: &mut [f64]) {
        self.add_leaves_portable(forest, bins, active, scores);
    }

    #[inline(always)]
    fn add_leaves_portable(
        &self,
        forest: &Forest,
        bins: &[u16],
        active: &Active,
        scores: &mut [f64],
    ) {
        match self.walks.has_categories() {
            true => self.add_each::<true>(forest, bins, active, scores),
            false => self.add_each::<false>(forest, bins, active, scores),
        }
    }

    #[inline(always)]
    fn add_each<const SETS: bool>(
        &self,
        forest: &Forest,
        bins: &[u16],
        active: &Active,
        scores: &mut [f64],
    ) {
        let (width, sums) = (forest.features.len(), forest.sums());
        for (at, (part, exits)) in self.table.parts.iter().zip(&self.exits).enumerate() {
            let outputs = self.outputs.of(at).unwrap_or(&[0; WALKS]);
            let trees = forest.trees.len() - at * WALKS;
            let rows = scores.chunks_exact_mut(forest.outputs).enumerate();
            for (row, scores) in rows {
                let open = part.and(active.row(row)).words::<u64, WALKS>();
                let mut nodes = [0; WALKS];
                for ((node, exits), open) in nodes.iter_mut().zip(exits).zip(open) {
                    *node = exits
                        .get(open.exit() % EXITS)
                        .map_or(0, |&exit| exit as usize);
                }
                let bins = bins.get(row * width..(row + 1) * width).unwrap_or_default();
                let leaves = self.walks.walk::<SETS, 1>(forest, nodes, bins);
                for (leaf, &output) in leaves.into_iter().zip(outputs).take(trees) {
                    add(sums, scores, output, leaf);
                }
            }
        }
    }
}

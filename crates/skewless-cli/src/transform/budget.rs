//! How many rows may be in memory at a time.

use skewless_core::Pipeline;
use skewless_table::BLOCK_ROWS;

use crate::predict::in_flight;

/// Bytes that a cell of an input takes by estimate, as it is read and decoded.
const INPUT_BYTES: usize = 64;
/// Bytes that a cell of a feature takes while it is computed, kept as a column and encoded.
const FEATURE_BYTES: usize = 32;
/// Bytes that a cell takes in the row group being written: its value, its dictionary, its page.
const WRITTEN_BYTES: usize = 24;
/// Most rows of a row group.
const GROUP_ROWS: usize = 1 << 20;

/// Rows of a block, and of a row group of the output. Half of the memory is for all blocks that are in flight, a quarter for
/// the row group; the rest is the program's, the bundle's and the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) block_rows: usize,
    pub(super) group_rows: usize,
}

impl Budget {
    pub(super) fn of(memory: u64, jobs: usize, pipeline: &Pipeline) -> Self {
        let elements = pipeline.inputs().map(|input| input.elements());
        Self::of_sizes(memory, jobs, elements.sum(), pipeline.width())
    }

    /// For so many cells of inputs and of features in a row.
    pub(crate) fn of_sizes(memory: u64, jobs: usize, inputs: usize, features: usize) -> Self {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let row = INPUT_BYTES * inputs + FEATURE_BYTES * features;
        let block_rows = memory / 2 / in_flight(jobs) / row.max(1);
        let group_rows = memory / 4 / (WRITTEN_BYTES * features).max(1);
        Self {
            block_rows: block_rows.clamp(1, BLOCK_ROWS),
            group_rows: group_rows.clamp(1, GROUP_ROWS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_and_wide_rows_make_small_blocks() {
        let of = |memory, features| Budget::of_sizes(memory, 2, 10, features);
        let usual = of(1_000_000_000, 40);
        assert_eq!((usual.block_rows, usual.group_rows), (BLOCK_ROWS, 260_416));
        assert!(of(50_000_000, 40).block_rows < BLOCK_ROWS);
        let wide = of(1_000_000_000, 1 << 20);
        assert_eq!((wide.block_rows, wide.group_rows), (1, 9));
        assert_eq!(of(1, 40).block_rows, 1);
    }
}

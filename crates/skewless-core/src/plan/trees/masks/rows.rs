//! The rows of the table of masks: every bin of every model feature has one.

use super::super::super::rank::{MISSING_BIN, OTHER_BIN};
use super::super::forest::{FeatureKind, Forest, NodeKind};

/// Splits of categorical features times their categories: what the table's building may cost.
const MOST_CATEGORY_TESTS: usize = 1 << 21;

/// The table rows of all model features, in the forest's order.
pub(super) struct TableRows {
    pub(super) features: Vec<FeatureRows>,
    /// Number of rows.
    pub(super) count: usize,
}

/// The table rows of one model feature stand side by side: ranks 0..=n, or categories and any other one; then missing.
#[derive(Clone, Copy)]
pub(super) struct FeatureRows {
    pub(super) first: usize,
    /// Number of thresholds; number of categories that some set may hold.
    pub(super) size: usize,
}

impl TableRows {
    /// The table rows of a forest; none where there would be too many categories.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let mut count = 0;
        let features = sizes(forest)?.into_iter().map(|size| {
            let first = count;
            count += size + 2;
            FeatureRows { first, size }
        });
        Some(Self {
            features: features.collect(),
            count,
        })
    }
}

impl FeatureRows {
    /// The row of a bin.
    pub(super) fn row(&self, bin: u16) -> u32 {
        let row = match bin {
            MISSING_BIN => self.missing(),
            bin => self.first + usize::from(bin).min(self.size),
        };
        row_id(row)
    }

    /// All rows, with the bins that lead to them.
    pub(super) fn bins(&self, kind: FeatureKind) -> impl Iterator<Item = (usize, u16)> {
        let last = match kind {
            FeatureKind::Numeric { .. } => None,
            FeatureKind::Categorical => Some(OTHER_BIN),
        };
        let ranks = match kind {
            FeatureKind::Numeric { .. } => 0..self.size + 1,
            FeatureKind::Categorical => 0..self.size,
        };
        ranks
            .map(|bin| u16::try_from(bin).unwrap_or(OTHER_BIN))
            .chain(last)
            .chain([MISSING_BIN])
            .enumerate()
            .map(|(row, bin)| (self.first + row, bin))
    }

    pub(super) fn missing(&self) -> usize {
        self.first + self.size + 1
    }
}

/// In place of a row that closes nothing.
pub(super) const NOTHING: u32 = u32::MAX;

/// Rows are fewer than the bytes they take, which are bounded.
pub(super) fn row_id(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(NOTHING)
}

/// The number of thresholds of each numeric feature, and of categories of each categorical one.
fn sizes(forest: &Forest) -> Option<Vec<usize>> {
    let mut sizes: Vec<usize> = forest
        .features
        .iter()
        .map(|feature| forest.thresholds_of(feature).len())
        .collect();
    let mut splits = vec![0_usize; sizes.len()];
    for node in &forest.nodes {
        let NodeKind::Categorical { .. } = node.kind else {
            continue;
        };
        let feature = usize::from(node.feature);
        let set = forest.sets.get(usize::from(node.rank))?;
        let size = sizes.get_mut(feature)?;
        *size = (*size).max(categories(set));
        *splits.get_mut(feature)? += 1;
    }
    let tests: usize = splits
        .iter()
        .zip(&sizes)
        .map(|(splits, size)| splits * size)
        .sum();
    (tests <= MOST_CATEGORY_TESTS).then_some(sizes)
}

/// One more than the largest category of a set.
fn categories(set: &[u32]) -> usize {
    let last = set.iter().rposition(|&word| word != 0);
    let size = last.map_or(0, |word| {
        let bits = set.get(word).map_or(0, |word| 32 - word.leading_zeros());
        word * 32 + bits as usize
    });
    size.min(usize::from(OTHER_BIN))
}

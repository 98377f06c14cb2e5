//! Which rows of the table of masks a feature row asks for.

use super::super::super::rank::{
    MISSING_BIN, MissingMode, OTHER_BIN, Resolver, category_bin, numeric_bin,
};
use super::super::super::{Group, Layout, narrow};
use super::super::bins::{ByInput, code_index};
use super::super::forest::{FeatureKind, Forest, ModelFeature, NodeKind};
use super::MOST_CATEGORY_TESTS;
use super::active::Active;
use super::one_hot::{UsedColumn, one_hot_rows};
use super::table::{Table, Word};

/// The table rows of every model feature, and of every code of a one-hot group.
pub(super) struct Lookup {
    /// The rows of each of the forest's model features.
    features: Vec<FeatureRows>,
    /// Features with one threshold, which most columns of one-hot groups are.
    single: Vec<Single>,
    /// The other features.
    many: Vec<Many>,
    /// Whether a table row closes a leaf.
    closing: Vec<bool>,
    rows: usize,
    /// The features of a compact row's numbers.
    numbers: Vec<Many>,
    one_hot: Vec<OneHot>,
}

/// The table rows of one model feature stand side by side: ranks 0..=n, or categories and any other one; then missing.
pub(super) struct FeatureRows {
    pub(super) first: usize,
    /// Number of thresholds; number of categories that some set may hold.
    pub(super) size: usize,
}

/// A feature with one threshold.
struct Single {
    input: usize,
    first: u32,
    threshold: f64,
    resolver: Resolver,
}

/// A feature with any number of thresholds or categories.
struct Many {
    /// The place of its value in the row.
    at: usize,
    first: usize,
    size: usize,
    mode: MissingMode,
    kind: FeatureKind,
}

/// A one-hot group of which some feature reads a column.
struct OneHot {
    /// The place of its code in the compact row.
    at: usize,
    /// A table row for each code, and for none; [`NOTHING`] where it closes nothing.
    rows: Vec<u32>,
}

/// In place of a row that closes nothing.
pub(super) const NOTHING: u32 = u32::MAX;

impl FeatureRows {
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

impl Lookup {
    /// The table rows of a forest; none where there would be too many categories.
    pub(super) fn new(forest: &Forest) -> Option<Self> {
        let sizes = sizes(forest)?;
        let (mut features, mut single, mut many, mut rows) =
            (Vec::new(), Vec::new(), Vec::new(), 0);
        for (feature, size) in forest.features.iter().zip(sizes) {
            features.push(FeatureRows { first: rows, size });
            match (feature.kind, forest.thresholds_of(feature)) {
                (FeatureKind::Numeric { .. }, &[threshold]) => single.push(Single {
                    input: feature.input,
                    first: u32::try_from(rows).ok()?,
                    threshold,
                    resolver: Resolver::of(feature.mode),
                }),
                _ => many.push(Many::of(feature, feature.input, rows, size)),
            }
            rows += size + 2;
        }
        Some(Self {
            features,
            single,
            many,
            closing: Vec::new(),
            rows,
            numbers: Vec::new(),
            one_hot: Vec::new(),
        })
    }

    /// Number of table rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn features(&self) -> &[FeatureRows] {
        &self.features
    }

    /// Tells which table rows close a leaf; no other is asked for.
    pub(super) fn leave_out(&mut self, closing: Vec<bool>) {
        self.closing = closing;
    }

    /// Table rows that one row asks for at most.
    pub(super) fn most_active(&self) -> usize {
        let compact = self.numbers.len() + self.one_hot.len();
        self.features.len().max(compact)
    }

    /// Finds the table rows of a feature row.
    pub(super) fn push_row(&self, forest: &Forest, row: &[f64], active: &mut Active) {
        let mut push = Push {
            lookup: self,
            to: active.next(),
            count: 0,
        };
        let value = |input: usize| {
            let value = row.get(input).copied().unwrap_or(f64::NAN);
            match forest.narrow_inputs {
                true => narrow(value),
                false => value,
            }
        };
        for single in &self.single {
            push.row(single.row(value(single.input)));
        }
        for many in &self.many {
            push.row(many.row(forest, value(many.at)));
        }
        let count = push.count;
        active.count(count);
    }

    /// Finds the table rows of a compact row.
    pub(super) fn push_compact(&self, forest: &Forest, row: &[f64], active: &mut Active) {
        let mut push = Push {
            lookup: self,
            to: active.next(),
            count: 0,
        };
        let value = |at: usize| row.get(at).copied().unwrap_or(f64::NAN);
        for number in &self.numbers {
            let value = value(number.at);
            let value = match forest.narrow_inputs {
                true => narrow(value),
                false => value,
            };
            push.row(number.row(forest, value));
        }
        for group in &self.one_hot {
            let code = code_index(value(group.at), group.rows.len() - 1);
            push.any(group.rows.get(code).copied().unwrap_or(NOTHING));
        }
        let count = push.count;
        active.count(count);
    }

    /// Prepares for compact rows: each code of a one-hot group becomes one table row.
    pub(super) fn bind<W: Word, const TREES: usize, const LEAVES: usize>(
        &mut self,
        forest: &Forest,
        layout: &Layout,
        table: &mut Table<W, TREES, LEAVES>,
    ) {
        let by_input = ByInput::new(forest);
        let (mut column, mut at, mut folded) = (0, 0, Vec::new());
        let (mut numbers, mut one_hot) = (Vec::new(), Vec::new());
        for group in layout.groups() {
            let read = by_input.within(column..column + group.width());
            let read = read.map(|(input, features)| (input - column, features));
            match group {
                Group::Number | Group::Numbers { .. } => {
                    for (offset, features) in read {
                        let many = |&index: &usize| self.many(forest, index, at + offset);
                        numbers.extend(features.iter().filter_map(many));
                    }
                }
                Group::OneHot { width } => {
                    let used = read.map(|(offset, features)| UsedColumn {
                        offset,
                        zero: self.rows_at(forest, features, 0.0),
                        one: self.rows_at(forest, features, 1.0),
                    });
                    let used: Vec<_> = used.collect();
                    if !used.is_empty() {
                        let rows = one_hot_rows(*width, &used, table, &mut folded);
                        one_hot.push(OneHot { at, rows });
                    }
                }
            }
            column += group.width();
            at += group.compact_width();
        }
        (self.numbers, self.one_hot) = (numbers, one_hot);
        table.append(&folded);
    }

    /// A model feature whose value stands at some place of the row.
    fn many(&self, forest: &Forest, index: usize, at: usize) -> Option<Many> {
        let (feature, rows) = (forest.features.get(index)?, self.features.get(index)?);
        Some(Many::of(feature, at, rows.first, rows.size))
    }

    /// The table rows that close something, of features that read one value.
    fn rows_at(&self, forest: &Forest, features: &[usize], value: f64) -> Vec<u32> {
        let many = features
            .iter()
            .filter_map(|&index| self.many(forest, index, 0));
        let rows = many.map(|many| many.row(forest, value));
        rows.filter(|&row| self.closes(row)).collect()
    }

    fn closes(&self, row: u32) -> bool {
        self.closing.get(row as usize).is_some_and(|&closes| closes)
    }
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

/// Rows are fewer than the bytes they take, which are bounded.
pub(super) fn row_id(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(NOTHING)
}

impl Many {
    fn of(feature: &ModelFeature, at: usize, first: usize, size: usize) -> Self {
        Self {
            at,
            first,
            size,
            mode: feature.mode,
            kind: feature.kind,
        }
    }

    /// The table row for a value that is rounded where the model asks for it.
    fn row(&self, forest: &Forest, value: f64) -> u32 {
        let bin = match self.kind {
            FeatureKind::Numeric { start, end } => {
                let thresholds = forest.thresholds.get(start..end).unwrap_or_default();
                numeric_bin(value, self.mode, thresholds)
            }
            FeatureKind::Categorical => category_bin(value, self.mode),
        };
        row_id(
            self.first
                + match bin {
                    MISSING_BIN => self.size + 1,
                    bin => usize::from(bin).min(self.size),
                },
        )
    }
}

impl Single {
    /// The table row for a value that is rounded where the model asks for it.
    fn row(&self, value: f64) -> u32 {
        let (value, missing) = self.resolver.resolve(value);
        match missing {
            true => self.first + 2,
            false => self.first + u32::from(self.threshold < value),
        }
    }
}

/// Writes the table rows of one row that close something.
struct Push<'a> {
    lookup: &'a Lookup,
    to: &'a mut [u32],
    count: usize,
}

impl Push<'_> {
    /// A row of a feature, written first and counted then, so that nothing branches.
    fn row(&mut self, row: u32) {
        if let Some(to) = self.to.get_mut(self.count) {
            *to = row;
            self.count += usize::from(self.lookup.closes(row));
        }
    }

    /// A row that closes something, or [`NOTHING`].
    fn any(&mut self, row: u32) {
        if let Some(to) = self.to.get_mut(self.count) {
            *to = row;
            self.count += usize::from(row != NOTHING);
        }
    }
}

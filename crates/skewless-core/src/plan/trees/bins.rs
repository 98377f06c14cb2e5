//! The bins of all model features for a row: one number a feature, in the forest's order.

use std::ops::Range;

use super::super::layout::{Group, Layout, one_hot_column};
use super::forest::Forest;

/// How compact rows become bins.
#[derive(Default)]
pub(super) struct RowBins {
    /// The bins of a row whose columns are all 0.
    zeros: Vec<u16>,
    columns: Vec<CompactColumn>,
}

/// A number of a compact row that some feature reads.
enum CompactColumn {
    /// The features of one column.
    Number { at: usize, features: Vec<usize> },
    /// The bins that differ from those of 0 where a column is 1: of the column of code c those at
    /// `starts[c]..starts[c + 1]`.
    OneHot {
        at: usize,
        starts: Vec<usize>,
        ones: Vec<(usize, u16)>,
    },
}

/// The model features in the order of their inputs.
pub(super) struct ByInput<'a> {
    forest: &'a Forest,
    order: Vec<usize>,
}

impl<'a> ByInput<'a> {
    pub(super) fn new(forest: &'a Forest) -> Self {
        // Counted into place: a sort would be more code than the page wants to download.
        let mut next = vec![0; forest.inputs + 1];
        for feature in &forest.features {
            next.iter_mut()
                .skip(feature.input + 1)
                .take(1)
                .for_each(|count| *count += 1);
        }
        let mut before = 0;
        for start in &mut next {
            before += *start;
            *start = before;
        }
        let mut order = vec![0; forest.features.len()];
        for (index, feature) in forest.features.iter().enumerate() {
            let Some(place) = next.get_mut(feature.input) else {
                continue;
            };
            if let Some(slot) = order.get_mut(*place) {
                *slot = index;
            }
            *place += 1;
        }
        Self { forest, order }
    }

    /// The features that read some of these columns, one list a column that is read at all, with the column.
    pub(super) fn within(&self, columns: Range<usize>) -> impl Iterator<Item = (usize, &[usize])> {
        let start = self
            .order
            .partition_point(|&index| self.input(index) < columns.start);
        let end = self
            .order
            .partition_point(|&index| self.input(index) < columns.end);
        let within = self.order.get(start..end).unwrap_or_default();
        let lists = within.chunk_by(|&a, &b| self.input(a) == self.input(b));
        lists.map(|list| (list.first().map_or(0, |&index| self.input(index)), list))
    }

    fn input(&self, index: usize) -> usize {
        self.forest
            .features
            .get(index)
            .map_or(0, |feature| feature.input)
    }
}

impl RowBins {
    pub(super) fn new(forest: &Forest, layout: &Layout) -> Self {
        let by_input = ByInput::new(forest);
        let (mut column, mut at, mut columns) = (0, 0, Vec::new());
        for group in layout.groups() {
            let read = by_input.within(column..column + group.width());
            match group {
                Group::Number | Group::Numbers { .. } => {
                    columns.extend(read.map(|(input, features)| CompactColumn::Number {
                        at: at + input - column,
                        features: features.to_vec(),
                    }));
                }
                Group::OneHot { width } => {
                    let read = read.map(|(input, features)| (input - column, features));
                    columns.push(CompactColumn::one_hot(forest, at, *width, read));
                }
            }
            column += group.width();
            at += group.compact_width();
        }
        let zeros = forest
            .features
            .iter()
            .map(|feature| forest.bin(feature, 0.0));
        Self {
            zeros: zeros.collect(),
            columns,
        }
    }

    /// The bins of a feature row.
    pub(super) fn push_row(forest: &Forest, row: &[f64], bins: &mut Vec<u16>) {
        bins.extend(forest.features.iter().map(|feature| {
            let value = row.get(feature.input).copied().unwrap_or(f64::NAN);
            forest.bin(feature, value)
        }));
    }

    /// The bins of a compact row.
    pub(super) fn push_compact(&self, forest: &Forest, row: &[f64], bins: &mut Vec<u16>) {
        let start = bins.len();
        bins.extend_from_slice(&self.zeros);
        let bins = bins.get_mut(start..).unwrap_or_default();
        let mut put = |feature: usize, bin: u16| {
            if let Some(slot) = bins.get_mut(feature) {
                *slot = bin;
            }
        };
        let value = |at: usize| row.get(at).copied().unwrap_or(f64::NAN);
        for column in &self.columns {
            match column {
                CompactColumn::Number { at, features } => features.iter().for_each(|&index| {
                    if let Some(feature) = forest.features.get(index) {
                        put(index, forest.bin(feature, value(*at)));
                    }
                }),
                CompactColumn::OneHot { at, starts, ones } => {
                    let code = code_index(value(*at), starts.len() - 1);
                    let (Some(&start), Some(&end)) = (starts.get(code), starts.get(code + 1))
                    else {
                        continue;
                    };
                    let ones = ones.get(start..end).unwrap_or_default();
                    ones.iter().for_each(|&(feature, bin)| put(feature, bin));
                }
            }
        }
    }
}

impl CompactColumn {
    fn one_hot<'a>(
        forest: &Forest,
        at: usize,
        width: usize,
        read: impl Iterator<Item = (usize, &'a [usize])>,
    ) -> Self {
        let (mut starts, mut ones) = (Vec::with_capacity(width + 1), Vec::new());
        for (column, features) in read {
            // The columns up to this one have none beyond those before.
            starts.resize(column + 1, ones.len());
            ones.extend(features.iter().filter_map(|&index| {
                let feature = forest.features.get(index)?;
                Some((index, forest.bin(feature, 1.0)))
            }));
        }
        starts.resize(width + 1, ones.len());
        Self::OneHot { at, starts, ones }
    }
}

/// The column that a one-hot group's code names; `none` for whatever names none of them.
pub(super) fn code_index(code: f64, none: usize) -> usize {
    one_hot_column(&[code]).map_or(none, |column| column.min(none))
}

//! Which rows of the table of masks a feature row asks for.

use super::super::super::rank::{MissingMode, Resolver, category_bin, numeric_bin};
use super::super::super::{Group, Layout, narrow};
use super::super::bins::{ByInput, code_index};
use super::super::forest::{FeatureKind, Forest, ModelFeature};
use super::active::Active;
use super::one_hot::{UsedColumn, one_hot_rows};
use super::rows::{FeatureRows, NOTHING, TableRows, row_id};
use super::table::Table;

/// The table rows of every model feature, and of every code of a one-hot group.
pub(super) struct Lookup {
    rows: TableRows,
    /// Features with one threshold, which most columns of one-hot groups are.
    single: Vec<Single>,
    /// The other features.
    many: Vec<Many>,
    /// Whether a table row closes a leaf.
    closing: Vec<bool>,
    /// The features of a compact row's numbers.
    numbers: Vec<Many>,
    one_hot: Vec<OneHot>,
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
    rows: FeatureRows,
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

impl Lookup {
    /// Of the table rows that close something; no other is asked for.
    pub(super) fn new(forest: &Forest, rows: TableRows, closing: Vec<bool>) -> Self {
        let (mut single, mut many) = (Vec::new(), Vec::new());
        for (feature, &rows) in forest.features.iter().zip(&rows.features) {
            match (feature.kind, forest.thresholds_of(feature)) {
                (FeatureKind::Numeric { .. }, &[threshold]) => single.push(Single {
                    input: feature.input,
                    first: row_id(rows.first),
                    threshold,
                    resolver: Resolver::of(feature.mode),
                }),
                _ => many.push(Many::of(feature, feature.input, rows)),
            }
        }
        Self {
            rows,
            single,
            many,
            closing,
            numbers: Vec::new(),
            one_hot: Vec::new(),
        }
    }

    /// Table rows that one row asks for at most.
    pub(super) fn most_active(&self) -> usize {
        let compact = self.numbers.len() + self.one_hot.len();
        self.rows.features.len().max(compact)
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

    /// Prepares for compact rows: each code of a one-hot group becomes one table row; none where the table would take
    /// too much.
    pub(super) fn bind(
        &mut self,
        forest: &Forest,
        layout: &Layout,
        table: &mut Table,
    ) -> Option<()> {
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
        table.append(&folded)
    }

    /// A model feature whose value stands at some place of the row.
    fn many(&self, forest: &Forest, index: usize, at: usize) -> Option<Many> {
        let (feature, rows) = (forest.features.get(index)?, self.rows.features.get(index)?);
        Some(Many::of(feature, at, *rows))
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

impl Many {
    fn of(feature: &ModelFeature, at: usize, rows: FeatureRows) -> Self {
        Self {
            at,
            rows,
            mode: feature.mode,
            kind: feature.kind,
        }
    }

    /// The table row for a value that is rounded where the model asks for it.
    fn row(&self, forest: &Forest, value: f64) -> u32 {
        self.rows.row(match self.kind {
            FeatureKind::Numeric { start, end } => {
                let thresholds = forest.thresholds.get(start..end).unwrap_or_default();
                numeric_bin(value, self.mode, thresholds)
            }
            FeatureKind::Categorical => category_bin(value, self.mode),
        })
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

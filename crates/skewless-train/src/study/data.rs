//! The rows to learn from, with their truth, and what they are split by.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use skewless_core::columns::Columns;
use skewless_core::digest::sha256_hex;
use skewless_core::output::Task;
use skewless_core::spec::{Input, LookupTable};
use skewless_core::{Column, Error, Result};

use super::config::SplitBy;
use super::folds::Folds;
use super::models::class;
use super::recipe::{Recipe, Split};
use super::report::{Finding, JoinFacts, SourceFacts};
use super::sources::{Places, assemble, shown, told_again};
use crate::data::{SourceFile, number};
use crate::provenance::seconds;
use crate::random::Random;
use crate::report::Step;

/// Everything read, in the order of the file.
pub(crate) struct Data {
    /// All inputs, those that are known only afterwards among them.
    pub(crate) columns: Columns,
    /// Row by row, NaN without a label. Regression: the value. Binary: 0 or 1. Multi-class: the label's place.
    pub(crate) truth: Vec<f64>,
    pub(crate) lookups: Vec<LookupTable>,
    /// The data's files first, then those of joins and lookups.
    pub(crate) files: Vec<SourceFile>,
    /// Named sources and views, as far as they were read.
    pub(crate) sources: Vec<SourceFacts>,
    pub(crate) joins: Vec<JoinFacts>,
    /// Rows after reading and after each join.
    pub(crate) steps: Vec<Step>,
    /// What reading found.
    pub(crate) findings: Vec<Finding>,
    /// Where the rows stand.
    pub(crate) places: Places,
    /// SHA-256 over the files' digests, and over sources and joins where there are any.
    pub(crate) digest: String,
}

impl Data {
    /// Reads the rows to learn from, what is joined to them, and the lookup tables. `source_date_epoch` stands for the
    /// configuration's date; copies of what lies elsewhere are kept in `store`, where there is one.
    ///
    /// # Errors
    /// `train.unreadable`, `table.*`, `source.*`, `join.*` and `view.*` for the files, `train.no_rows` for one without rows,
    /// `train.unknown_label` for a label that the model does not have, with its row.
    pub(crate) fn read(
        recipe: &Recipe,
        source_date_epoch: Option<i64>,
        store: Option<&Path>,
    ) -> Result<Self> {
        let date = seconds(&recipe.config.model.date, source_date_epoch)?;
        let assembled = assemble(recipe, date, store)?;
        let columns = assembled.columns;
        if columns.rows() == 0 {
            let message = format!("`{}` has no row", shown(&recipe.config.data.source));
            return Err(Error::input("train.no_rows", message));
        }
        let truth = truth(recipe, &columns).map_err(|error| assembled.places.located(error))?;
        let files = assembled.files;
        let digests: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        Ok(Self {
            digest: assembled.digest.unwrap_or_else(|| digest(&digests)),
            columns,
            truth,
            lookups: assembled.lookups,
            sources: assembled.sources,
            joins: assembled.joins,
            steps: assembled.steps,
            findings: assembled.findings,
            places: assembled.places,
            files,
        })
    }

    /// The rows that have a label.
    pub(crate) fn labelled(&self) -> Vec<usize> {
        (self.truth.iter().enumerate())
            .filter(|(_, truth)| !truth.is_nan())
            .map(|(row, _)| row)
            .collect()
    }

    pub(crate) fn truth_of(&self, rows: &[usize]) -> Vec<f64> {
        (rows.iter())
            .filter_map(|&row| self.truth.get(row).copied())
            .collect()
    }

    /// `size` of the rows by chance, in their order. Of every label that the rows have (of `classes`; of numbers there are
    /// none) one at least is among them, in place of one of the most frequent, as nothing is learnt of one label alone.
    pub(crate) fn drawn(
        &self,
        rows: &[usize],
        size: usize,
        classes: usize,
        random: &mut Random,
    ) -> Vec<usize> {
        let mut drawn = rows.to_vec();
        random.shuffle(&mut drawn);
        let rest = drawn.split_off(size.min(drawn.len()));
        let label = |row: usize| class(self.truth.get(row).copied().unwrap_or(f64::NAN));
        let mut counts = vec![0_usize; classes];
        for &row in &drawn {
            if let Some(count) = counts.get_mut(label(row)) {
                *count += 1;
            }
        }
        for due in 0..classes {
            let found = rest.iter().copied().find(|&row| label(row) == due);
            let (Some(row), Some(0)) = (found, counts.get(due)) else {
                continue;
            };
            let most = (0..classes).max_by_key(|&label| counts.get(label).copied());
            let most = most.filter(|&most| counts.get(most).is_some_and(|&count| count > 1));
            let last = most.and_then(|most| drawn.iter().rposition(|&row| label(row) == most));
            match last.and_then(|last| drawn.get_mut(last)) {
                Some(place) => *place = row,
                None => drawn.push(row),
            }
            if let Some(count) = most.and_then(|most| counts.get_mut(most)) {
                *count -= 1;
            }
            if let Some(count) = counts.get_mut(due) {
                *count = 1;
            }
        }
        drawn.sort_unstable();
        drawn
    }

    /// The group of each row, counted from 0, where the split keeps groups together.
    pub(crate) fn groups_of(&self, recipe: &Recipe, rows: &[usize]) -> Option<Vec<usize>> {
        if recipe.config.split.by != SplitBy::Group {
            return None;
        }
        let keys = keys(&self.columns, &recipe.config.split.input).ok()?;
        let mut places = HashMap::new();
        let mut of = Vec::with_capacity(rows.len());
        for &row in rows {
            let next = places.len();
            of.push(*places.entry(keys.get(row)?.clone()).or_insert(next));
        }
        Some(of)
    }

    /// Where a fault stands: in what is joined by its source, else by file and row.
    pub(crate) fn located(&self, error: Error) -> Error {
        let about = |join: &&JoinFacts| {
            error
                .field()
                .is_some_and(|field| join.columns.iter().any(|column| column == field))
        };
        let Some(join) = self.joins.iter().find(about) else {
            return self.places.located(error);
        };
        let row = error.row().map(|row| self.places.row(row));
        let place = row.map_or_else(String::new, |row| format!(" to row {row}"));
        let (source, message) = (&join.source, error.message());
        let message = format!("what is joined from `{source}`{place}: {message}");
        told_again(error, message, row)
    }

    /// The tables that a specification asks for.
    pub(crate) fn lookups_of(&self, spec: &skewless_core::spec::FeatureSpec) -> Vec<LookupTable> {
        let asked =
            |table: &&LookupTable| spec.lookup.iter().any(|lookup| lookup.name == table.name);
        self.lookups.iter().filter(asked).cloned().collect()
    }

    /// Splits the rows that have a label.
    ///
    /// # Errors
    /// `train.split_time` and `train.split_key` with the row, `train.empty_split`, `train.one_class` and
    /// `train.constant_label` with the part, `train.no_label`.
    pub(crate) fn split(&self, recipe: &Recipe) -> Result<Folds> {
        let rows = self.labelled();
        if rows.is_empty() {
            let label = &recipe.config.label.input;
            let message = format!("no row has a value in `{label}`, the label");
            return Err(Error::input("train.no_label", message).with_field(label));
        }
        let input = recipe.split_input()?;
        let folds = match &recipe.split {
            Split::Time(periods) => {
                times(&self.columns, input).and_then(|times| Folds::by_time(&times, &rows, periods))
            }
            Split::Newest(windows) => times(&self.columns, input).and_then(|times| {
                // A row without a time is refused by the split itself.
                let newest = rows.iter().filter_map(|&row| times.get(row).copied());
                let newest = newest.fold(f64::NEG_INFINITY, f64::max);
                Folds::by_time(&times, &rows, &windows.periods(newest))
            }),
            Split::Key(shares) => keys(&self.columns, &input.name)
                .and_then(|keys| Folds::by_key(&keys, &rows, shares)),
        };
        let folds = folds.map_err(|error| self.places.located(error))?;
        match recipe.task() {
            Task::Regression => self.check_spread(recipe, &folds)?,
            _ => self.check_classes(recipe, &folds)?,
        }
        Ok(folds)
    }

    /// A number that never changes is nothing to learn, and no share of its variance can be explained.
    fn check_spread(&self, recipe: &Recipe, folds: &Folds) -> Result<()> {
        let input = &recipe.config.label.input;
        let of_folds = (folds.folds.iter().enumerate())
            .map(|(place, fold)| (format!("training (fold {})", place + 1), &fold.train));
        for (part, rows) in of_folds.chain([("test".to_owned(), &folds.test)]) {
            let truth = self.truth_of(rows);
            let first = truth.first().copied().unwrap_or_default();
            if truth.iter().all(|&one| one == first) {
                let message =
                    format!("every {part} row has the label {first}; two values are needed");
                return Err(Error::input("train.constant_label", message).with_field(input));
            }
        }
        Ok(())
    }

    /// Every part needs rows of two classes, without which it can neither be learnt from nor measured on.
    fn check_classes(&self, recipe: &Recipe, folds: &Folds) -> Result<()> {
        let of_folds = folds.folds.iter().enumerate().flat_map(|(place, fold)| {
            let fold_name = format!("fold {}", place + 1);
            [
                (format!("training ({fold_name})"), &fold.train),
                (format!("validation ({fold_name})"), &fold.validate),
            ]
        });
        let input = &recipe.config.label.input;
        for (part, rows) in of_folds.chain([("test".to_owned(), &folds.test)]) {
            let truth = self.truth_of(rows);
            let first = truth.first().copied().unwrap_or_default();
            if truth.iter().all(|&one| one == first) {
                let label = recipe.config.model.labels.get(class(first));
                let message = format!(
                    "every {part} row has the label `{}`; two labels are needed",
                    label.map_or("?", String::as_str)
                );
                return Err(Error::input("train.one_class", message).with_field(input));
            }
        }
        Ok(())
    }
}

/// SHA-256 over anything that can be written as JSON.
pub(crate) fn digest(value: &impl Serialize) -> String {
    sha256_hex(serde_json::to_string(value).unwrap_or_default().as_bytes())
}

/// SHA-256 over row numbers.
pub(crate) fn digest_rows(rows: &[usize]) -> String {
    let bytes: Vec<u8> = rows
        .iter()
        .flat_map(|&row| (row as u64).to_le_bytes())
        .collect();
    sha256_hex(&bytes)
}

/// Greatest size of a number that is learnt.
const LARGEST_LABEL: f64 = 1e100;

fn truth(recipe: &Recipe, columns: &Columns) -> Result<Vec<f64>> {
    let label = &recipe.config.label;
    let name = &label.input;
    if let Some(Column::Text(text)) = columns.column(name) {
        let labels = &recipe.config.model.labels;
        let rows = 0..text.codes().len();
        let place = |row: usize| match text.value(row) {
            None => Ok(f64::NAN),
            Some(value) => match labels.iter().position(|known| known == value) {
                Some(place) => Ok(small(place)),
                None => {
                    let message = format!("`{name}` is none of the model's labels there");
                    Err(Error::input("train.unknown_label", message)
                        .with_field(name)
                        .with_value(value)
                        .with_row(row))
                }
            },
        };
        return rows.map(place).collect();
    }
    let values = number(columns, name)?;
    if let Some(row) = values.iter().position(|value| value.is_infinite()) {
        let message = format!("`{name}` is infinite there");
        return Err(Error::input("input.not_finite", message)
            .with_field(name)
            .with_row(row));
    }
    // Sums of squares have to be finite.
    let is_large = |value: &f64| label.above.is_none() && value.abs() > LARGEST_LABEL;
    if let Some(row) = values.iter().position(is_large) {
        let message =
            format!("`{name}` is over {LARGEST_LABEL:e} in size there, too large to learn");
        return Err(Error::input("input.out_of_range", message)
            .with_field(name)
            .with_row(row));
    }
    Ok(match label.above {
        None => values.to_vec(),
        Some(above) => (values.iter())
            .map(|&value| match value {
                value if value.is_nan() => f64::NAN,
                value => f64::from(u8::from(value > above)),
            })
            .collect(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "the place of a label")]
fn small(place: usize) -> f64 {
    place as f64
}

/// The column to split by; missing is NaN. Text is read as the pipeline reads it.
pub(crate) fn times(columns: &Columns, input: &Input) -> Result<Vec<f64>> {
    let name = &input.name;
    let Some(Column::Text(text)) = columns.column(name) else {
        return Ok(number(columns, name)?.to_vec());
    };
    let parsed = (0..text.codes().len()).map(|row| match text.value(row) {
        None => Ok(f64::NAN),
        Some(written) => input.time(written).ok_or_else(|| {
            let message = format!("`{name}` is not a {} there", input.kind.name());
            Error::input("train.split_time", message)
                .with_field(name)
                .with_value(written)
                .with_row(row)
        }),
    });
    parsed.collect()
}

/// The keys as text; a number as JSON would write it.
fn keys(columns: &Columns, name: &str) -> Result<Vec<Option<String>>> {
    match columns.column(name) {
        Some(Column::Text(text)) => Ok((0..text.codes().len())
            .map(|row| text.value(row).map(str::to_owned))
            .collect()),
        _ => Ok(number(columns, name)?
            .iter()
            .map(|value| (!value.is_nan()).then(|| value.to_string()))
            .collect()),
    }
}

//! The rows to learn from, with their truth, and what they are split by.

use serde::Serialize;
use skewless_core::columns::Columns;
use skewless_core::digest::sha256_hex;
use skewless_core::output::Task;
use skewless_core::spec::{Input, LookupTable};
use skewless_core::{Column, Error, Result};
use skewless_table::{Wanted, read_columns};

use super::folds::Folds;
use super::recipe::{Recipe, Split};
use crate::data::{SourceFile, number, read_lookups, source_file};

/// Everything read, in the order of the file.
pub(crate) struct Data {
    /// All inputs, those that are known only afterwards among them.
    pub(crate) columns: Columns,
    /// Row by row, NaN without a label. Regression: the value. Binary: 0 or 1. Multi-class: the label's place.
    pub(crate) truth: Vec<f64>,
    pub(crate) lookups: Vec<LookupTable>,
    /// The data file first, then the lookups' files.
    pub(crate) files: Vec<SourceFile>,
    /// SHA-256 over the files' digests.
    pub(crate) digest: String,
}

impl Data {
    /// Reads the data file and the lookup tables.
    ///
    /// # Errors
    /// `train.unreadable` and `table.*` for the files, `train.no_rows` for one without rows, `train.unknown_label` for a
    /// label that the model does not have, with its row.
    pub(crate) fn read(recipe: &Recipe) -> Result<Self> {
        let wanted: Vec<Wanted> = recipe.config.input.iter().map(Wanted::from).collect();
        let source = &recipe.config.data.source;
        let mut file = source_file(&recipe.folder, source)?;
        let columns = read_columns(&recipe.folder.join(source), None, &wanted)?;
        file.rows = columns.rows();
        if columns.rows() == 0 {
            let message = format!("`{source}` has no row");
            return Err(Error::input("train.no_rows", message));
        }
        let truth = truth(recipe, &columns)?;
        let (lookups, of_lookups) = read_lookups(&recipe.folder, &recipe.config.lookup)?;
        let files: Vec<SourceFile> = std::iter::once(file).chain(of_lookups).collect();
        let digests: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        Ok(Self {
            digest: digest(&digests),
            columns,
            truth,
            lookups,
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

    /// The tables that a specification asks for.
    pub(crate) fn lookups_of(&self, spec: &skewless_core::spec::FeatureSpec) -> Vec<LookupTable> {
        let asked =
            |table: &&LookupTable| spec.lookup.iter().any(|lookup| lookup.name == table.name);
        self.lookups.iter().filter(asked).cloned().collect()
    }

    /// Splits the rows that have a label.
    ///
    /// # Errors
    /// `train.split_time` and `train.split_key` with the row, `train.empty_split` and `train.one_class` with the part.
    pub(crate) fn split(&self, recipe: &Recipe) -> Result<Folds> {
        let rows = self.labelled();
        let name = &recipe.config.split.input;
        let input = recipe.config.input.iter().find(|input| input.name == *name);
        let input = input
            .ok_or_else(|| Error::internal("internal.split", "the split's input is not there"))?;
        let folds = match &recipe.split {
            Split::Time(periods) => Folds::by_time(&times(&self.columns, input)?, &rows, periods)?,
            Split::Newest(windows) => {
                let times = times(&self.columns, input)?;
                // A row without a time is refused by the split itself.
                let newest = rows.iter().filter_map(|&row| times.get(row).copied());
                let newest = newest.fold(f64::NEG_INFINITY, f64::max);
                Folds::by_time(&times, &rows, &windows.periods(newest))?
            }
            Split::Key(shares) => Folds::by_key(&keys(&self.columns, name)?, &rows, shares)?,
        };
        if recipe.task() != Task::Regression {
            self.check_classes(recipe, &folds)?;
        }
        Ok(folds)
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
                let label = recipe.config.model.labels.get(super::models::class(first));
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

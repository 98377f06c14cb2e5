//! Reading the configured tables: the rows to learn from with their labels and times, and the lookup tables.

use std::path::Path;

use serde::{Deserialize, Serialize};
use skewless_core::columns::Columns;
use skewless_core::digest::sha256_hex;
use skewless_core::spec::{LookupColumn, LookupSource, LookupTable};
use skewless_core::{Column, Error, Result, TextColumn};
use skewless_table::{Cells, Wanted, read_columns};

use crate::config::Config;
use crate::recipe::{Recipe, unreadable};

/// A file that went into the bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the configuration.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: usize,
}

/// Everything read, in the order of the file.
pub(crate) struct Data {
    /// All inputs, those that are known only afterwards among them.
    pub(crate) columns: Columns,
    /// Row by row: positive, negative or without a label.
    pub(crate) labels: Vec<Option<bool>>,
    /// Row by row what the split orders by.
    pub(crate) times: Vec<f64>,
    pub(crate) lookups: Vec<LookupTable>,
    /// The data file first, then the lookups' files.
    pub(crate) files: Vec<SourceFile>,
}

impl Data {
    /// Reads the data file and the lookup tables.
    ///
    /// # Errors
    /// `train.unreadable` and `table.*` for the files, `train.duplicate_key`, `train.missing_key` and `input.wrong_type`
    /// for lookup tables, `train.split_time` where the column to split by holds no time.
    pub(crate) fn read(recipe: &Recipe) -> Result<Self> {
        let wanted: Vec<Wanted> = recipe.config.input.iter().map(Wanted::from).collect();
        let (columns, file) = read_table(&recipe.folder, &recipe.config.data.source, &wanted)?;
        let labels = labels(
            number(&columns, &recipe.config.label.input)?,
            recipe.config.label.above,
        );
        let times = times(&columns, &recipe.config)?;
        let mut files = vec![file];
        let mut lookups = Vec::new();
        for source in &recipe.config.lookup {
            let (table, file) = read_lookup(&recipe.folder, source)?;
            lookups.push(table);
            files.push(file);
        }
        Ok(Self {
            columns,
            labels,
            times,
            lookups,
            files,
        })
    }

    /// The rows that have a label.
    pub(crate) fn labelled(&self) -> Vec<usize> {
        (0..self.labels.len())
            .filter(|&row| self.label(row).is_some())
            .collect()
    }

    fn label(&self, row: usize) -> Option<bool> {
        self.labels.get(row).copied().flatten()
    }

    /// The labels of rows that have one.
    pub(crate) fn labels_of(&self, rows: &[usize]) -> Vec<bool> {
        rows.iter().filter_map(|&row| self.label(row)).collect()
    }
}

fn read_table(folder: &Path, source: &str, wanted: &[Wanted]) -> Result<(Columns, SourceFile)> {
    let path = folder.join(source);
    let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
    let columns = read_columns(&path, None, wanted)?;
    let file = SourceFile {
        path: source.to_owned(),
        sha256: sha256_hex(&bytes),
        bytes: bytes.len() as u64,
        rows: columns.rows(),
    };
    Ok((columns, file))
}

fn labels(values: &[f64], above: f64) -> Vec<Option<bool>> {
    values
        .iter()
        .map(|&value| (!value.is_nan()).then_some(value > above))
        .collect()
}

/// The column to split by; missing is NaN. Text is read as the pipeline reads it.
fn times(columns: &Columns, config: &Config) -> Result<Vec<f64>> {
    let name = &config.split.input;
    let (Some(Column::Text(text)), Some(input)) = (
        columns.column(name),
        config.input.iter().find(|input| input.name == *name),
    ) else {
        return Ok(number(columns, name)?.to_vec());
    };
    let rows = 0..text.codes().len();
    let parsed = rows.map(|row| match text.value(row) {
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

fn number<'a>(columns: &'a Columns, name: &str) -> Result<&'a [f64]> {
    match columns.column(name) {
        Some(Column::Number(values)) => Ok(values),
        Some(Column::Text(_)) => {
            let message = format!("column `{name}` is text where numbers are due");
            Err(Error::input("input.wrong_type", message).with_field(name))
        }
        None => Err(Error::input(
            "table.missing_column",
            format!("there is no column `{name}`"),
        )
        .with_field(name)),
    }
}

fn read_lookup(folder: &Path, source: &LookupSource) -> Result<(LookupTable, SourceFile)> {
    let mut wanted = vec![Wanted::new(&source.key, Cells::Text)];
    wanted.extend(
        source
            .columns
            .iter()
            .map(|name| Wanted::new(name, Cells::Number)),
    );
    let (columns, file) = read_table(folder, &source.source, &wanted)?;
    let Some(Column::Text(keys)) = columns.column(&source.key) else {
        let message = format!(
            "lookup `{}`: the key column `{}` is not text",
            source.name, source.key
        );
        return Err(Error::input("input.wrong_type", message).with_field(&source.key));
    };
    let order = key_order(&source.name, keys)?;
    let values = |name: &String| -> Result<LookupColumn> {
        let cells = number(&columns, name)?;
        let in_order = order.iter().filter_map(|(_, row)| cells.get(*row));
        Ok(LookupColumn {
            name: name.clone(),
            values: in_order
                .map(|cell| (!cell.is_nan()).then_some(*cell))
                .collect(),
        })
    };
    let table = LookupTable {
        name: source.name.clone(),
        columns: source.columns.iter().map(values).collect::<Result<_>>()?,
        keys: order.iter().map(|(key, _)| (*key).to_owned()).collect(),
    };
    Ok((table, file))
}

/// Keys with their rows, rising in byte order.
fn key_order<'a>(table: &str, keys: &'a TextColumn) -> Result<Vec<(&'a str, usize)>> {
    let mut order = Vec::with_capacity(keys.codes().len());
    for row in 0..keys.codes().len() {
        let Some(key) = keys.value(row) else {
            let message = format!("lookup `{table}`: row {row} has no key");
            return Err(Error::input("train.missing_key", message)
                .with_field(table)
                .with_row(row));
        };
        order.push((key, row));
    }
    order.sort_unstable();
    if let Some((key, row)) = order.windows(2).find_map(|pair| match pair {
        [(a, _), (b, row)] if a == b => Some((*b, *row)),
        _ => None,
    }) {
        let message = format!("lookup `{table}`: the key `{key}` stands twice, again in row {row}");
        return Err(Error::input("train.duplicate_key", message)
            .with_field(table)
            .with_value(key)
            .with_row(row));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_is_negative_and_a_missing_value_has_no_label() {
        assert_eq!(
            labels(&[15.0, 15.5, f64::NAN, -3.0], 15.0),
            [Some(false), Some(true), None, Some(false)]
        );
    }

    #[test]
    fn lookup_keys_are_ordered_by_bytes_and_unique() {
        let keys = TextColumn::from_values([Some("b"), Some("B"), Some("a")]);
        assert_eq!(
            key_order("t", &keys).unwrap(),
            [("B", 1), ("a", 2), ("b", 0)]
        );
        let twice = TextColumn::from_values([Some("a"), Some("b"), Some("a")]);
        assert_eq!(
            key_order("t", &twice).unwrap_err().code(),
            "train.duplicate_key"
        );
        let absent = TextColumn::from_values([Some("a"), None]);
        assert_eq!(
            key_order("t", &absent).unwrap_err().code(),
            "train.missing_key"
        );
    }
}

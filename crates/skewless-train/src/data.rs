//! Reading the configured tables: the rows to learn from with their labels and times, and the lookup tables.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use skewless_core::columns::Columns;
use skewless_core::digest::hex;
use skewless_core::spec::{LookupSource, LookupTable};
use skewless_core::{Column, Error, Result};
use skewless_table::{TableFile, Wanted, read_columns, read_lookup};

use crate::config::Config;
use crate::recipe::{Recipe, unreadable};
use crate::study;
use crate::study::sources::{Address, shown};

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
    /// `train.unreadable` and `table.*` for the files, `input.wrong_type` for lookup tables, `train.split_time` where the column to split by holds no time.
    pub(crate) fn read(recipe: &Recipe) -> Result<Self> {
        let wanted: Vec<Wanted> = recipe.config.input.iter().map(Wanted::from).collect();
        let source = &recipe.config.data.source;
        let mut file = source_file(&recipe.folder, source)?;
        let columns = read_columns(&recipe.folder.join(source), None, &wanted)?;
        file.rows = columns.rows();
        let labels = labels(
            number(&columns, &recipe.config.label.input)?,
            recipe.config.label.above,
        );
        let times = times(&columns, &recipe.config)?;
        let (lookups, of_lookups) = read_lookups(&recipe.folder, &recipe.config.lookup)?;
        let files = std::iter::once(file).chain(of_lookups).collect();
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

/// The lookup tables, and the files that they come from.
///
/// # Errors
/// As [`Data::read`].
pub(crate) fn read_lookups(
    folder: &Path,
    sources: &[LookupSource],
) -> Result<(Vec<LookupTable>, Vec<SourceFile>)> {
    let read = sources.iter().map(|source| {
        let mut file = source_file(folder, &source.source)?;
        let table = read_lookup(&TableFile::new(folder.join(&source.source)), source)?;
        file.rows = table.keys.len();
        Ok((table, file))
    });
    let read: Result<Vec<_>> = read.collect();
    Ok(read?.into_iter().unzip())
}

/// The facts of a file but its rows, which reading finds.
fn source_file(folder: &Path, source: &str) -> Result<SourceFile> {
    if Address::parse(source)?.is_some() {
        let message = format!(
            "`{}`: only a study, which has [[experiment]], reads from addresses",
            shown(source)
        );
        return Err(Error::unsupported("unsupported.source", message));
    }
    let path = folder.join(source);
    let (sha256, bytes) = file_digest(&path).map_err(|error| unreadable(&path, error))?;
    Ok(SourceFile {
        path: source.to_owned(),
        sha256,
        bytes,
        rows: 0,
    })
}

/// SHA-256 of a file in hexadecimal and its size in bytes, read piece by piece.
pub(crate) fn file_digest(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((hex(&hasher.finalize()), bytes));
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

fn labels(values: &[f64], above: f64) -> Vec<Option<bool>> {
    values
        .iter()
        .map(|&value| (!value.is_nan()).then_some(value > above))
        .collect()
}

/// The column to split by; missing is NaN.
fn times(columns: &Columns, config: &Config) -> Result<Vec<f64>> {
    let name = &config.split.input;
    match config.input.iter().find(|input| input.name == *name) {
        Some(input) => study::data::times(columns, input),
        None => Ok(number(columns, name)?.to_vec()),
    }
}

pub(crate) fn number<'a>(columns: &'a Columns, name: &str) -> Result<&'a [f64]> {
    match columns.column(name) {
        Some(Column::Number(values)) => Ok(values),
        Some(_) => {
            let message = format!("column `{name}` holds something else where numbers are due");
            Err(Error::input("input.wrong_type", message).with_field(name))
        }
        None => Err(Error::input(
            "table.missing_column",
            format!("there is no column `{name}`"),
        )
        .with_field(name)),
    }
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
}

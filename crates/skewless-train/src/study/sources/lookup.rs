//! A source as a lookup table: of a source with times the newest row of each key.

use std::collections::BTreeMap;
use std::path::Path;

use skewless_core::spec::{Input, InputType, LookupColumn, LookupSource, LookupTable};
use skewless_core::{Column, Columns, Error, Result, TextColumn};
use skewless_table::{Cells, Format, Wanted, read_lookup, write_columns};

use super::files::source_file;
use super::matching::gather;
use super::stock::{Hidden, Stock, Taken};
use super::tables::Named;
use super::{Level, Work, missing};
use crate::recipe::fault;
use crate::study::recipe::Recipe;

/// A source's lookup table, to be written where serving reads it.
#[derive(Clone, Debug)]
pub struct LookupExport {
    /// The key, in byte order, then the columns.
    pub columns: Columns,
    /// SHA-256 of the source.
    pub digest: String,
}

impl LookupExport {
    /// The lookup table of a source or view of the study at `config_path`: with the key and the columns of the `[[lookup]]`
    /// that is made from it or bears its name, else of its first `[[join]]`. Both can be given. Copies of what lies elsewhere
    /// are kept in `store`, where there is one.
    ///
    /// # Errors
    /// As reading in [`crate::study::study`]; `train.config` where source, key or columns are not there, or the key is more than one column;
    /// `table.lookup_key` for a key that is missing or, without times, stands twice.
    pub fn read(
        config_path: &Path,
        source: &str,
        key: Option<&str>,
        columns: &[String],
        store: Option<&Path>,
    ) -> Result<Self> {
        let recipe = Recipe::read(config_path)?;
        let lookups = &recipe.config.lookup;
        let lookup = lookups
            .iter()
            .find(|one| one.source == source || one.name == source);
        let name = lookup.map_or(source, |one| one.source.as_str());
        let Some(place) = recipe.tables.place(name) else {
            let rule = format!("there is no source or view `{name}`");
            return fault("source.name", &rule);
        };
        let join = recipe.tables.joins.iter().find(|join| join.table == place);
        let key = match (key, lookup, join.map(|join| join.on.as_slice())) {
            (Some(key), _, _) => key.to_owned(),
            (None, Some(lookup), _) => lookup.key.clone(),
            (None, None, Some([(_, right)])) => right.clone(),
            (None, None, _) => {
                return fault(
                    "lookup.key",
                    "a lookup table has one key; say which column it is",
                );
            }
        };
        let columns = match (columns, lookup, join) {
            ([], Some(lookup), _) => lookup.columns.clone(),
            ([], None, Some(join)) => join.columns.clone(),
            ([], None, None) => return fault("lookup.columns", "at least one column is due"),
            (given, _, _) => given.to_vec(),
        };
        let mut work = Work::new(&recipe, store);
        let mut wanted = vec![Wanted::new(&key, Cells::Text)];
        for column in columns.iter().filter(|column| **column != key) {
            let joined = join.map_or_else(|| column.clone(), |join| join.joined(column));
            let input = match lookup {
                Some(_) => number(column),
                None => work.input(Some(place), column, &joined),
            };
            wanted.push(Wanted::from(&input));
        }
        let taken = work.stock.take(place, wanted.clone(), None)?;
        let named = work.named(place)?;
        let (keys, rows) = newest(named, &taken, &key)?;
        let mut written = Columns::new(rows.len());
        let keys = keys.iter().map(|key| Some(key.as_str()));
        written.push(&key, Column::Text(TextColumn::from_values(keys)))?;
        for one in wanted.iter().skip(1) {
            let column = taken.columns.column(&one.name);
            let column = column.ok_or_else(|| missing(name, &one.name))?;
            written.push(&one.name, gather(column, &rows)?)?;
        }
        let (_, facts) = work.stock.into_facts();
        let facts = facts.into_iter().find(|facts| facts.name == name);
        Ok(Self {
            columns: written,
            digest: facts.map(|facts| facts.digest).unwrap_or_default(),
        })
    }

    /// The bytes of a file that a `[[lookup]]` names: CSV or JSON lines.
    ///
    /// # Errors
    /// `table.unknown_format` for Parquet.
    pub fn to_bytes(&self, format: Format) -> Result<Vec<u8>> {
        write_columns(format, &self.columns)
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(recipe: &'a Recipe, store: Option<&Path>) -> Self {
        Self {
            recipe,
            stock: Stock::new(recipe, store),
            steps: Vec::new(),
            joins: Vec::new(),
            findings: Vec::new(),
            hidden: Hidden::default(),
            places: None,
        }
    }

    /// The lookup tables of the configuration, from sources and from files.
    pub(super) fn lookups(&mut self, columns: &Columns) -> Result<Vec<LookupTable>> {
        let written = self.recipe.config.lookup.iter();
        written.map(|lookup| self.lookup(lookup, columns)).collect()
    }

    fn lookup(&mut self, lookup: &LookupSource, columns: &Columns) -> Result<LookupTable> {
        let Some(place) = self.tables().place(&lookup.source) else {
            let found = self.stock.one(&lookup.name, &lookup.source)?;
            let mut file = source_file(&found)?;
            let table = read_lookup(&found.file, lookup)?;
            file.rows = table.keys.len();
            self.stock.keep(file);
            return Ok(table);
        };
        let mut wanted = vec![Wanted::new(&lookup.key, Cells::Text)];
        let numbers = lookup.columns.iter();
        wanted.extend(numbers.map(|column| Wanted::new(column, Cells::Number)));
        let taken = self.stock.take(place, wanted, None)?;
        let named = self.named(place)?;
        let (keys, rows) = newest(named, &taken, &lookup.key)?;
        let mut values = Vec::new();
        for name in &lookup.columns {
            let Some(Column::Number(numbers)) = taken.columns.column(name) else {
                let message = format!(
                    "lookup table `{}`: column `{name}` must hold numbers",
                    lookup.name
                );
                return Err(Error::input("input.wrong_type", message).with_field(name));
            };
            let value = |row: &Option<usize>| {
                let value = row.and_then(|row| numbers.get(row).copied());
                value.filter(|value| !value.is_nan())
            };
            values.push(LookupColumn {
                name: name.clone(),
                values: rows.iter().map(value).collect(),
            });
        }
        self.newer_than_event(lookup, place, columns)?;
        self.outcomes(None, place, &lookup.columns)?;
        Ok(LookupTable {
            name: lookup.name.clone(),
            keys,
            columns: values,
        })
    }

    /// A table of newest rows tells the earliest events their future.
    fn newer_than_event(
        &mut self,
        lookup: &LookupSource,
        place: usize,
        columns: &Columns,
    ) -> Result<()> {
        let named = self.named(place)?;
        let Some(clock) = &named.clock else {
            return Ok(());
        };
        let Some(event) = self.tables().event.as_ref() else {
            let message = format!(
                "the lookup table `{}` has the newest rows of `{}`; whether earlier events knew them can't be told, as no input \
                 has `role = \"time\"`",
                lookup.name, named.name
            );
            self.found("future_join", Level::Warning, &named.name, message);
            return Ok(());
        };
        if columns.column(&event.input.name).is_none() || !clock.compares(event) {
            return Ok(());
        }
        let at = event.seconds(columns, Some(clock))?;
        let earliest = at.iter().copied().fold(f64::INFINITY, f64::min);
        if self
            .stock
            .newest(place)
            .is_some_and(|newest| newest > earliest)
        {
            let message = format!(
                "the lookup table `{}` has the newest rows of `{}`, which earlier events did not know: join it as of `{}`",
                lookup.name, named.name, event.input.name
            );
            self.found("future_join", Level::Error, &named.name, message);
        }
        Ok(())
    }
}

fn number(name: &str) -> Input {
    Input {
        name: name.to_owned(),
        kind: InputType::Number,
        ..Input::default()
    }
}

/// The keys in byte order, each with its row: of a table with times the newest, of equal times the last.
fn newest(named: &Named, taken: &Taken, key: &str) -> Result<(Vec<String>, Vec<Option<usize>>)> {
    let Some(Column::Text(keys)) = taken.columns.column(key) else {
        let message = format!("source `{}`: the key `{key}` must hold text", named.name);
        return Err(Error::input("input.wrong_type", message).with_field(key));
    };
    let fault = |row: usize, what: &str| {
        let message = format!("source `{}`: the key `{key}` {what}", named.name);
        let error = Error::input("table.lookup_key", message);
        taken.places.located(error.with_field(key).with_row(row))
    };
    let times = match &named.clock {
        Some(clock) => Some(clock.seconds(&taken.columns, None)?),
        None => None,
    };
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in 0..taken.columns.rows() {
        let key = keys.value(row).ok_or_else(|| fault(row, "is missing"))?;
        let known = rows.get(key).copied();
        let is_newer = match (known, &times) {
            (None, _) => true,
            (Some(_), None) => return Err(fault(row, "stands twice").with_value(key)),
            (Some(known), Some(times)) => times.get(row) >= times.get(known),
        };
        if is_newer {
            rows.insert(key, row);
        }
    }
    Ok(rows
        .into_iter()
        .map(|(key, row)| (key.to_owned(), Some(row)))
        .unzip())
}

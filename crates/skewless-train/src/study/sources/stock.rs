//! The tables as they are read: each file once for its digest, each source once into SQLite where views ask for it.

use std::path::Path;

use serde_json::json;
use skewless_core::spec::{Input, InputType};
use skewless_core::{Column, Columns, Error, Result};
use skewless_table::{Cells, TableFile, Wanted, column_names, read_files, read_sample};

use super::clock::Clock;
use super::files::{Found, files, source_file};
use super::places::Places;
use super::remote::Depot;
use super::sql::{mentioned, used};
use super::tables::{Named, Origin};
use super::view::Views;
use crate::data::SourceFile;
use crate::random::Random;
use crate::recipe::fault;
use crate::study::data::digest;
use crate::study::recipe::Recipe;
use crate::study::report::{Finding, Level, SourceFacts, SourceKind};

/// Columns of a table with the places of their rows.
pub(super) struct Taken {
    pub(super) columns: Columns,
    pub(super) places: Places,
    /// None of a view.
    pub(super) files: Vec<TableFile>,
    /// Rows of the table, of which some may have been drawn.
    pub(super) of: usize,
}

/// What must not come in by a join.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden {
    /// Inputs that are known only after the prediction, the label among them.
    pub(super) names: Vec<String>,
    /// The other inputs.
    pub(super) known: Vec<String>,
    /// SHA-256 of the files of the rows to learn from.
    pub(super) files: Vec<String>,
}

/// How many rows are drawn, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) most: usize,
    pub(super) seed: u64,
}

impl Draw {
    /// The numbers of a table's rows.
    fn numbers(self) -> impl FnMut() -> u64 {
        let mut random = Random::new(self.seed, ROWS_STREAM);
        move || random.word()
    }

    /// Draws from rows that are in memory as [`read_sample`] does from files.
    fn from(self, columns: &Columns) -> (Columns, Vec<usize>) {
        let mut number = self.numbers();
        let mut drawn: Vec<(u64, usize)> = (0..columns.rows()).map(|row| (number(), row)).collect();
        drawn.sort_unstable();
        drawn.truncate(self.most);
        let mut rows: Vec<usize> = drawn.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable();
        (columns.select(&rows), rows)
    }
}

/// The stream of random numbers by which rows are drawn while they are read.
const ROWS_STREAM: u64 = 7;

/// All that was read so far.
pub(super) struct Stock<'a> {
    recipe: &'a Recipe,
    depot: Depot,
    views: Option<Views>,
    /// Tables that SQLite has.
    loaded: Vec<bool>,
    facts: Vec<Option<SourceFacts>>,
    /// Newest time of each table, in seconds.
    newest: Vec<Option<f64>>,
    files: Vec<SourceFile>,
}

impl<'a> Stock<'a> {
    /// Copies of what lies elsewhere are kept in `store`.
    pub(super) fn new(recipe: &'a Recipe, store: Option<&Path>) -> Self {
        let count = recipe.tables.named.len();
        Self {
            recipe,
            depot: Depot::new(store),
            views: None,
            loaded: vec![false; count],
            facts: vec![None; count],
            newest: vec![None; count],
            files: Vec::new(),
        }
    }

    /// Reads files that no source names, all rows or as many as are drawn.
    ///
    /// # Errors
    /// `source.*`, `train.unreadable` and `table.*`.
    pub(super) fn path(
        &mut self,
        path: &str,
        wanted: &[Wanted],
        draw: Option<Draw>,
    ) -> Result<Taken> {
        let found = self.found("data", &[path.to_owned()])?;
        let mut facts = found.iter().map(source_file).collect::<Result<Vec<_>>>()?;
        let (taken, rows) = read(&found, wanted, draw)?;
        for (file, &rows) in facts.iter_mut().zip(&rows) {
            file.rows = rows;
        }
        facts.into_iter().for_each(|file| self.keep(file));
        Ok(taken)
    }

    /// The one file of that name.
    ///
    /// # Errors
    /// `source.*`; `train.config` for a pattern of several.
    pub(super) fn one(&mut self, source: &str, path: &str) -> Result<Found> {
        let mut found = self.found(source, &[path.to_owned()])?;
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => fault("lookup.source", "a lookup table is one file"),
        }
    }

    fn found(&mut self, source: &str, patterns: &[String]) -> Result<Vec<Found>> {
        files(source, &self.recipe.folder, patterns, &mut self.depot)
    }

    /// Takes note of a file once.
    pub(super) fn keep(&mut self, file: SourceFile) {
        let is = |known: &&mut SourceFile| known.path == file.path && known.sha256 == file.sha256;
        match self.files.iter_mut().find(is) {
            Some(known) => known.rows = known.rows.max(file.rows),
            None => self.files.push(file),
        }
    }

    /// Reads columns of a source or a view, and its time with them: all rows, or as many as are drawn.
    ///
    /// # Errors
    /// `source.*`, `view.*`, `train.unreadable` and `table.*`.
    pub(super) fn take(
        &mut self,
        place: usize,
        mut wanted: Vec<Wanted>,
        draw: Option<Draw>,
    ) -> Result<Taken> {
        let named = self.named(place)?;
        if let Some(clock) = &named.clock
            && wanted.iter().all(|one| one.name != clock.input.name)
        {
            wanted.push(Wanted::from(&clock.input));
        }
        let taken = match &named.origin {
            Origin::Files { patterns, .. } => {
                let found = self.found(&named.name, patterns)?;
                let (taken, rows) = read(&found, &wanted, draw)?;
                self.facts_of_files(place, &found, &rows)?;
                taken
            }
            Origin::View { .. } => {
                self.load(place)?;
                let columns = self.views()?.read(&named.name, &wanted)?;
                self.facts_of_view(place, columns.rows())?;
                let (places, of) = (Places::of_view(&named.name), columns.rows());
                let (columns, places) = match draw {
                    None => (columns, places),
                    Some(draw) => {
                        let (columns, rows) = draw.from(&columns);
                        (columns, places.drawn(rows))
                    }
                };
                Taken {
                    columns,
                    places,
                    of,
                    files: Vec::new(),
                }
            }
        };
        named.keeps_types(&taken)?;
        if let Some(clock) = &named.clock {
            // Of rows that were drawn the newest may not be among them.
            let newest = newest(clock, &named.name, &taken);
            self.set_newest(place, newest?);
        }
        Ok(taken)
    }

    fn named(&self, place: usize) -> Result<&'a Named> {
        let found = self.recipe.tables.named.get(place);
        found.ok_or_else(|| Error::internal("internal.source", "a source is not there"))
    }

    fn views(&mut self) -> Result<&Views> {
        if self.views.is_none() {
            self.views = Some(Views::open()?);
        }
        let views = self.views.as_ref();
        views.ok_or_else(|| Error::internal("internal.sqlite", "SQLite is not there"))
    }

    /// What a table gives away of the rows to learn from that is known only after the prediction: columns, each with the table
    /// that has it. Files are told by their bytes, and what other files call by the same name is something else.
    ///
    /// # Errors
    /// `view.sql`.
    pub(super) fn gives_away(
        &mut self,
        place: usize,
        taken: &[String],
        hidden: &Hidden,
    ) -> Result<Vec<(String, String)>> {
        let named = self.named(place)?;
        let base = self.recipe.tables.place(&self.recipe.config.data.source);
        let data = base.and_then(|base| self.recipe.tables.named.get(base));
        let data = data.filter(|data| matches!(data.origin, Origin::View { .. }));
        let data = data.map(|data| data.name.as_str());
        let read = match (&named.origin, &mut self.views) {
            (Origin::View { sql }, Some(views)) if data != Some(named.name.as_str()) => {
                let mut read = views.reads(&named.name, data)?;
                read.extend(self.compared(place, sql, data));
                read
            }
            _ => (taken.iter())
                .map(|column| (named.name.clone(), column.clone()))
                .collect(),
        };
        let behind = self.behind_the_label(data, hidden)?;
        let is_hidden = |(table, column): &(String, String)| {
            let is_data = data.is_some_and(|data| data.eq_ignore_ascii_case(table));
            let is = |name: &String| name.eq_ignore_ascii_case(column);
            let by_name = hidden.names.iter().any(is);
            let is_known = hidden.known.iter().any(is);
            is_data && by_name
                || (by_name || !is_known && behind.iter().any(is)) && self.is_own(table, hidden)
        };
        Ok(read.into_iter().filter(is_hidden).collect())
    }

    /// What `USING` compares in a query and in the views that it is over: SQLite does not say that it reads those columns.
    fn compared(&self, place: usize, sql: &str, data: Option<&str>) -> Vec<(String, String)> {
        let columns = used(sql);
        let mut found = Vec::new();
        for part in self.parts(place, sql) {
            let Ok(named) = self.named(part) else {
                continue;
            };
            found.extend((columns.iter()).map(|column| (named.name.clone(), column.clone())));
            if let Origin::View { sql } = &named.origin
                && data != Some(named.name.as_str())
            {
                found.extend(self.compared(part, sql, data));
            }
        }
        found
    }

    /// Of a view that makes the label from other columns, or gives it another name: every column that it reads and that is no
    /// known input, as the label may be made from any of them.
    fn behind_the_label(&mut self, data: Option<&str>, hidden: &Hidden) -> Result<Vec<String>> {
        let (Some(data), Some(views)) = (data, &mut self.views) else {
            return Ok(Vec::new());
        };
        let read = views.reads(data, None)?;
        let read: Vec<(String, String)> = (read.into_iter())
            .filter(|(table, _)| self.is_own(table, hidden))
            .collect();
        let label = &self.recipe.config.label.input;
        let is_there = |(_, column): &(String, String)| column.eq_ignore_ascii_case(label);
        if read.iter().any(is_there) {
            return Ok(Vec::new());
        }
        let is_known = |column: &String| {
            hidden
                .known
                .iter()
                .any(|name| name.eq_ignore_ascii_case(column))
        };
        let columns = read.into_iter().map(|(_, column)| column);
        Ok(columns.filter(|column| !is_known(column)).collect())
    }

    /// Whether a table has the bytes of a file that the rows to learn from come from.
    fn is_own(&self, table: &str, hidden: &Hidden) -> bool {
        let facts = self.facts.iter().flatten();
        let mut files = facts
            .filter(|facts| facts.name.eq_ignore_ascii_case(table))
            .filter(|facts| facts.kind == SourceKind::Files)
            .flat_map(|facts| &facts.files);
        files.any(|file| {
            let mut read = self.files.iter().filter(|read| read.path == *file);
            read.any(|read| hidden.files.contains(&read.sha256))
        })
    }

    /// SHA-256 of the files that were read so far.
    pub(super) fn digests(&self) -> Vec<String> {
        self.files.iter().map(|file| file.sha256.clone()).collect()
    }

    /// Gives SQLite a table with all that it is made from.
    fn load(&mut self, place: usize) -> Result<()> {
        if std::mem::replace(self.loaded.get_mut(place).unwrap_or(&mut false), true) {
            return Ok(());
        }
        let named = self.named(place)?;
        match &named.origin {
            Origin::View { sql } => {
                for part in self.parts(place, sql) {
                    self.load(part)?;
                }
                self.views()?.define(&named.name, sql)
            }
            Origin::Files { patterns, .. } => {
                let found = self.found(&named.name, patterns)?;
                let files = opened(&found);
                let typed = self.typed(named);
                let rows = self.views()?.load(&named.name, &files, &typed)?;
                self.facts_of_files(place, &found, &rows)?;
                if let Some(clock) = &named.clock {
                    let wanted = [Wanted::from(&clock.input)];
                    let taken = Taken {
                        columns: self.views()?.read(&named.name, &wanted)?,
                        of: rows.iter().sum(),
                        places: places(&found, &rows),
                        files,
                    };
                    let newest = newest(clock, &named.name, &taken);
                    self.set_newest(place, newest?);
                }
                Ok(())
            }
        }
    }

    /// Places of what a view's query mentions, of the tables before it.
    fn parts(&self, place: usize, sql: &str) -> Vec<usize> {
        let names = self.recipe.tables.named.iter().take(place);
        let found = mentioned(sql, names.map(|one| one.name.as_str()));
        let place = |name: &str| self.recipe.tables.place(name);
        found.into_iter().filter_map(place).collect()
    }

    /// Columns whose types are known: by `types`, by `time`, by an input of their name.
    fn typed(&self, named: &Named) -> Vec<Input> {
        let own = named.types.keys().filter_map(|column| typed(named, column));
        let mut all: Vec<Input> = own.collect();
        let clock = named.clock.iter().map(|clock| &clock.input);
        for input in clock.chain(&self.recipe.config.input) {
            let is_flat = !matches!(Wanted::from(input).cells, Cells::Tensor(_));
            if is_flat && all.iter().all(|known| known.name != input.name) {
                all.push(input.clone());
            }
        }
        all
    }

    fn facts_of_files(&mut self, place: usize, found: &[Found], rows: &[usize]) -> Result<()> {
        if self.facts.get(place).is_some_and(Option::is_some) {
            return Ok(());
        }
        self.named(place)?.has_typed(found)?;
        let mut digests = Vec::new();
        for (one, &rows) in found.iter().zip(rows) {
            let file = SourceFile {
                rows,
                ..source_file(one)?
            };
            digests.push([one.name.clone(), file.sha256.clone()]);
            self.keep(file);
        }
        let facts = SourceFacts {
            kind: SourceKind::Files,
            files: found.iter().map(|one| one.name.clone()).collect(),
            digest: digest(&digests),
            rows: rows.iter().sum(),
            ..described(self.named(place)?)
        };
        self.set_facts(place, facts);
        Ok(())
    }

    fn facts_of_view(&mut self, place: usize, rows: usize) -> Result<()> {
        let named = self.named(place)?;
        let Origin::View { sql } = &named.origin else {
            return Ok(());
        };
        let mut parts = Vec::new();
        for part in self.parts(place, sql) {
            if self.facts.get(part).is_some_and(Option::is_none) {
                // A view that only this one asks for.
                let name = &self.named(part)?.name;
                let rows = self.views()?.read(name, &[])?.rows();
                self.facts_of_view(part, rows)?;
            }
            if let Some(Some(facts)) = self.facts.get(part) {
                parts.push([facts.name.clone(), facts.digest.clone()]);
            }
        }
        let facts = SourceFacts {
            kind: SourceKind::View,
            files: parts.iter().map(|[name, _]| name.clone()).collect(),
            digest: digest(&json!([sql, parts])),
            rows,
            ..described(named)
        };
        self.set_facts(place, facts);
        Ok(())
    }

    fn set_facts(&mut self, place: usize, facts: SourceFacts) {
        if let Some(known) = self.facts.get_mut(place) {
            *known = Some(facts);
        }
    }

    fn set_newest(&mut self, place: usize, newest: f64) {
        let text = self.named(place).ok().and_then(|named| {
            let clock = named.clock.as_ref()?;
            clock.text(newest).filter(|_| newest.is_finite())
        });
        if let Some(known) = self.newest.get_mut(place) {
            *known = newest.is_finite().then_some(newest);
        }
        if let Some(Some(facts)) = self.facts.get_mut(place) {
            facts.newest = text;
        }
    }

    /// Newest time of a table that was read.
    pub(super) fn newest(&self, place: usize) -> Option<f64> {
        self.newest.get(place).copied().flatten()
    }

    /// Sources whose newest row is too old at `date`; a wall clock counts as UTC.
    pub(super) fn stale(&self, date: f64) -> Vec<Finding> {
        let mut found = Vec::new();
        for (named, (facts, newest)) in
            (self.recipe.tables.named.iter()).zip(self.facts.iter().zip(&self.newest))
        {
            let Origin::Files {
                fresh_within: Some(within),
                ..
            } = &named.origin
            else {
                continue;
            };
            let Some(facts) = facts else { continue };
            let age = newest.map_or(f64::INFINITY, |newest| date - newest);
            if age > *within {
                let message = format!(
                    "the newest row of `{}` is of {}, {} before the study's date; {} are allowed",
                    named.name,
                    facts.newest.as_deref().unwrap_or("no time"),
                    long(age),
                    long(*within)
                );
                found.push(Finding {
                    check: "check.stale_source".to_owned(),
                    level: Level::Error,
                    input: Some(named.name.clone()),
                    message,
                });
            }
        }
        found
    }

    /// The files that were read, and the facts of the tables in the configuration's order.
    pub(super) fn into_facts(self) -> (Vec<SourceFile>, Vec<SourceFacts>) {
        (self.files, self.facts.into_iter().flatten().collect())
    }
}

impl Named {
    /// Whether the files have the columns that `types` names. (JSON lines do not tell their columns.)
    fn has_typed(&self, found: &[Found]) -> Result<()> {
        if self.types.is_empty() {
            return Ok(());
        }
        for one in found {
            let Some(names) = column_names(&one.file)? else {
                continue;
            };
            if let Some(column) = self.types.keys().find(|column| !names.contains(column)) {
                let message = format!(
                    "`{}` has no column `{column}`, which `types` of the source `{}` names",
                    one.name, self.name
                );
                return Err(Error::input("table.missing_column", message).with_field(column));
            }
        }
        Ok(())
    }

    /// Whether the numbers are what `types` says.
    fn keeps_types(&self, taken: &Taken) -> Result<()> {
        for (column, kind) in &self.types {
            let Some(Column::Number(values)) = taken.columns.column(column) else {
                continue;
            };
            let fits = |value: f64| match kind {
                InputType::Integer => value == value.trunc(),
                InputType::Boolean => value == 0.0 || value == 1.0,
                _ => true,
            };
            let is_other = |&value: &f64| !value.is_nan() && !fits(value);
            if let Some(row) = values.iter().position(is_other) {
                let value = values.get(row).copied().unwrap_or_default();
                let (name, kind) = (&self.name, kind.name());
                let message =
                    format!("`{column}` is {value}, and must be {kind} by the `types` of `{name}`");
                let error = Error::input("input.wrong_type", message);
                let error = error.with_field(column).with_row(row);
                return Err(taken.places.located(error));
            }
        }
        Ok(())
    }
}

fn opened(found: &[Found]) -> Vec<TableFile> {
    found.iter().map(|one| one.file.clone()).collect()
}

fn places(found: &[Found], rows: &[usize]) -> Places {
    let names = found.iter().map(|one| one.name.clone());
    Places::of_files(names.zip(rows.iter().copied()))
}

/// Reads files, and gives the rows of each.
fn read(found: &[Found], wanted: &[Wanted], draw: Option<Draw>) -> Result<(Taken, Vec<usize>)> {
    let files = opened(found);
    let (columns, rows, drawn) = match draw {
        None => {
            let (columns, rows) = read_files(&files, wanted)?;
            (columns, rows, None)
        }
        Some(draw) => {
            let sample = read_sample(&files, wanted, draw.most, &mut draw.numbers())?;
            (sample.columns, sample.rows, Some(sample.drawn))
        }
    };
    let places = places(found, &rows);
    let taken = Taken {
        columns,
        places: match drawn {
            Some(drawn) => places.drawn(drawn),
            None => places,
        },
        of: rows.iter().sum(),
        files,
    };
    Ok((taken, rows))
}

/// A span in words.
fn long(seconds: f64) -> String {
    match seconds / 3_600.0 {
        hours if hours.abs() >= 48.0 => format!("{:.1} days", hours / 24.0),
        hours => format!("{hours:.1} hours"),
    }
}

fn described(named: &Named) -> SourceFacts {
    SourceFacts {
        name: named.name.clone(),
        kind: SourceKind::Files,
        doc: named.doc.clone(),
        owner: named.owner.clone(),
        files: Vec::new(),
        digest: String::new(),
        rows: 0,
        newest: None,
    }
}

/// What a table itself says of a column.
pub(super) fn typed(named: &Named, column: &str) -> Option<Input> {
    if let Some(clock) = named
        .clock
        .as_ref()
        .filter(|clock| clock.input.name == column)
    {
        return Some(clock.input.clone());
    }
    let kind = *named.types.get(column)?;
    let zone = named
        .clock
        .as_ref()
        .and_then(|clock| clock.input.zone.clone());
    Some(Input {
        name: column.to_owned(),
        kind,
        zone: (kind == InputType::Timestamp).then(|| zone.unwrap_or_else(|| "local".to_owned())),
        ..Input::default()
    })
}

/// The newest time of a table; every row must have one.
fn newest(clock: &Clock, name: &str, taken: &Taken) -> Result<f64> {
    let located = |error: Error| taken.places.located(error);
    let times = clock.seconds(&taken.columns, None).map_err(located)?;
    if let Some(row) = times.iter().position(|time| time.is_nan()) {
        let column = &clock.input.name;
        let message =
            format!("`{column}` is missing; `{name}` has to say of every row when it was known");
        return Err(located(
            Error::input("source.time", message)
                .with_field(column)
                .with_row(row),
        ));
    }
    Ok(times.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

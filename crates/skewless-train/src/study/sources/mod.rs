//! Sources, views and joins: where the rows to learn from and the columns beside them come from.
//!
//! A join never takes a row that was not known at the time it is asked for, and every table and step stands in the report
//! with rows, digest and what did not match.

mod address;
mod clock;
pub mod config;
mod files;
mod lookup;
mod matching;
mod places;
mod remote;
mod sql;
mod stock;
mod tables;
mod view;

use std::borrow::Cow;
use std::path::Path;

use serde_json::json;
use skewless_core::spec::{Input, InputType, LookupTable, Role};
use skewless_core::{Column, Columns, Error, Result};
use skewless_table::{Format, Wanted, column_names};

use self::clock::{Clock, DAY};
use self::matching::{Groups, gather};
use self::stock::{Draw, Hidden, Stock, Taken};
use self::tables::{Join, Named};
use super::data::digest;
use super::recipe::Recipe;
use super::report::{Finding, JoinFacts, Level, SourceFacts};
use crate::data::SourceFile;
use crate::report::Step;

pub(crate) use self::address::{Address, shown};
pub use self::lookup::LookupExport;
pub(crate) use self::places::{Places, told_again};
pub(crate) use self::tables::Tables;

/// The rows to learn from with all that was joined to them.
pub(crate) struct Assembled {
    /// The inputs in their order.
    pub(crate) columns: Columns,
    pub(crate) lookups: Vec<LookupTable>,
    /// Every file that was read, once.
    pub(crate) files: Vec<SourceFile>,
    pub(crate) sources: Vec<SourceFacts>,
    pub(crate) joins: Vec<JoinFacts>,
    /// Rows after reading and after each join.
    pub(crate) steps: Vec<Step>,
    pub(crate) findings: Vec<Finding>,
    /// Where the rows stand.
    pub(crate) places: Places,
    /// SHA-256 over all that decides the rows; none where there are neither sources nor joins.
    pub(crate) digest: Option<String>,
}

/// Reads the rows to learn from, joins what the configuration joins, and reads the lookup tables. `date` is the study's,
/// in seconds since 1970 UTC; copies of what lies elsewhere are kept in `store`, where there is one.
///
/// # Errors
/// `source.*`, `join.*`, `view.*`, `train.unreadable` and `table.*` with file, row and column.
pub(crate) fn assemble(recipe: &Recipe, date: f64, store: Option<&Path>) -> Result<Assembled> {
    let tables = &recipe.tables;
    let mut work = Work::new(recipe, store);
    let (mut columns, places) = work.base()?;
    work.hidden = hidden(recipe, work.stock.digests());
    work.places = Some(places.clone());
    for join in &tables.joins {
        work.join(join, &mut columns)?;
    }
    let columns = work.in_order(&columns)?;
    let lookups = work.lookups(&columns)?;
    let Work {
        stock,
        steps,
        joins,
        mut findings,
        ..
    } = work;
    findings.extend(stock.stale(date));
    let (files, sources) = stock.into_facts();
    let max_rows = recipe.config.data.max_rows;
    let is_plain = sources.is_empty() && joins.is_empty() && max_rows.is_none();
    let decided = json!({
        "files": files.iter().map(|file| [&file.path, &file.sha256]).collect::<Vec<_>>(),
        "sources": sources.iter().map(|source| [&source.name, &source.digest]).collect::<Vec<_>>(),
        "data": shown(&recipe.config.data.source),
        "joins": joins,
    });
    let decided = match max_rows {
        None => decided,
        Some(most) => json!([decided, most, recipe.config.model.seed]),
    };
    Ok(Assembled {
        digest: (!is_plain).then(|| digest(&decided)),
        columns,
        lookups,
        files,
        sources,
        joins,
        steps,
        findings,
        places,
    })
}

struct Work<'a> {
    recipe: &'a Recipe,
    stock: Stock<'a>,
    steps: Vec<Step>,
    joins: Vec<JoinFacts>,
    findings: Vec<Finding>,
    hidden: Hidden,
    places: Option<Places>,
}

impl<'a> Work<'a> {
    fn tables(&self) -> &'a Tables {
        &self.recipe.tables
    }

    fn step(&mut self, step: String, rows: usize) {
        self.steps.push(Step { step, rows });
    }

    /// The rows to learn from as their own table gives them.
    fn base(&mut self) -> Result<(Columns, Places)> {
        let joined: Vec<String> = self.joined_names();
        let inputs = self.recipe.config.input.iter();
        let mut typed: Vec<Input> = inputs
            .filter(|input| !joined.contains(&input.name))
            .cloned()
            .collect();
        let source = &self.recipe.config.data.source;
        let table = self.tables().place(source);
        for (left, _) in self.tables().joins.iter().flat_map(|join| &join.on) {
            if !joined.contains(left) && typed.iter().all(|input| input.name != *left) {
                typed.push(self.input(table, left, left));
            }
        }
        let wanted: Vec<Wanted> = typed.iter().map(Wanted::from).collect();
        let draw = self.recipe.config.data.max_rows.map(|most| Draw {
            most,
            seed: self.recipe.config.model.seed,
        });
        let taken = match table {
            Some(place) => self.stock.take(place, wanted, draw)?,
            None => self.stock.path(source, &wanted, draw)?,
        };
        self.refuse_twice(source, &taken, &joined)?;
        self.step("read".to_owned(), taken.of);
        if draw.is_some() {
            self.step("drawn by the seed".to_owned(), taken.columns.rows());
        }
        Ok((taken.columns, taken.places))
    }

    fn joined_names(&self) -> Vec<String> {
        let each = |join: &Join| -> Vec<String> {
            join.columns
                .iter()
                .map(|column| join.joined(column))
                .collect()
        };
        self.tables().joins.iter().flat_map(each).collect()
    }

    /// A column of the table itself is not quietly replaced by a joined one. (JSON lines do not tell their columns.)
    fn refuse_twice(&self, source: &str, taken: &Taken, joined: &[String]) -> Result<()> {
        if joined.is_empty() {
            return Ok(());
        }
        for file in &taken.files {
            if Format::of_path(file.path())? == Format::JsonLines {
                continue;
            }
            let names = column_names(file)?.unwrap_or_default();
            if let Some(name) = joined.iter().find(|name| names.contains(name)) {
                let source = shown(source);
                let message = format!(
                    "`{source}` has a column `{name}` itself; set the joined one apart by `prefix`"
                );
                return Err(Error::input("join.column_twice", message).with_field(name));
            }
        }
        Ok(())
    }

    /// How a column is read: as the table's `types` say, as the input of its name (`joined`, beside the rows to learn
    /// from), or as text.
    fn input(&self, table: Option<usize>, column: &str, joined: &str) -> Input {
        let named = table.and_then(|place| self.tables().named.get(place));
        let typed = named.and_then(|named| stock::typed(named, column));
        let inputs = &self.recipe.config.input;
        let input = || inputs.iter().find(|input| input.name == joined).cloned();
        let text = || Input {
            kind: InputType::Category,
            ..Input::default()
        };
        Input {
            name: column.to_owned(),
            ..typed.or_else(input).unwrap_or_else(text)
        }
    }

    fn join(&mut self, join: &Join, columns: &mut Columns) -> Result<()> {
        let named = self.named(join.table)?;
        let left_keys = self.left_keys(join, columns)?;
        let mut typed: Vec<Input> = Vec::new();
        let mut right_keys = Vec::new();
        for ((_, right), (left, _)) in join.on.iter().zip(&left_keys) {
            let own = stock::typed(named, right);
            let input = Input {
                name: right.clone(),
                ..own.unwrap_or_else(|| left.clone())
            };
            right_keys.push(input.clone());
            typed.push(input);
        }
        for column in &join.columns {
            let input = self.input(Some(join.table), column, &join.joined(column));
            if typed.iter().all(|known| known.name != *column) {
                typed.push(input);
            }
        }
        let wanted = typed.iter().map(Wanted::from).collect();
        let taken = self.stock.take(join.table, wanted, None);
        let taken = taken.map_err(|error| mistyped_key(error, join, &left_keys, named))?;
        let right_keys: Vec<Cow<'_, Column>> = right_keys
            .iter()
            .map(|input| key(&taken.columns, input))
            .collect::<Result<_>>()
            .map_err(|error| taken.places.located(error))?;
        for ((left_name, right_name), ((_, left), right)) in
            join.on.iter().zip(left_keys.iter().zip(&right_keys))
        {
            if std::mem::discriminant(left.as_ref()) != std::mem::discriminant(right.as_ref()) {
                let message = format!(
                    "join with `{}`: `{left_name}` and `{right_name}` are text on one side and numbers on the other; the \
                     source's `types` say what a column is",
                    named.name
                );
                return Err(Error::input("join.key_type", message).with_field(right_name));
            }
        }
        let left: Vec<&Column> = left_keys.iter().map(|(_, key)| key.as_ref()).collect();
        let right: Vec<&Column> = right_keys.iter().map(Cow::as_ref).collect();
        let groups = Groups::new(&left, &right, [columns.rows(), taken.columns.rows()]);
        let without_key = self.without_key(join, columns)?;
        let (rows, without_time) = self.matched(join, named, columns, &taken, &groups)?;
        self.future(join, named, columns, &taken, &rows)?;
        self.outcomes(Some(join), join.table, &join.columns)?;
        for column in &join.columns {
            let found = taken.columns.column(column);
            let found = found.ok_or_else(|| missing(&named.name, column))?;
            columns.push(&join.joined(column), gather(found, &rows)?)?;
        }
        self.untimed(join, named, columns)?;
        self.whole_days(join, named);
        let unmatched = rows.iter().filter(|row| row.is_none()).count();
        self.joins.push(JoinFacts {
            source: named.name.clone(),
            on: join.on.iter().map(on).collect(),
            as_of: join.as_of.as_ref().map(|clock| clock.input.name.clone()),
            lateness: join.bounds.lateness,
            within: join.bounds.within,
            columns: join
                .columns
                .iter()
                .map(|column| join.joined(column))
                .collect(),
            rows: rows.len(),
            unmatched,
            unmatched_share: unmatched as f64 / rows.len().max(1) as f64,
            without_key,
            without_time,
        });
        self.step(format!("join {}", named.name), rows.len());
        Ok(())
    }

    /// Where a fault of the rows to learn from stands.
    fn at_base(&self, error: Error) -> Error {
        match &self.places {
            Some(places) => places.located(error),
            None => error,
        }
    }

    fn named(&self, place: usize) -> Result<&'a Named> {
        let found = self.tables().named.get(place);
        found.ok_or_else(|| Error::internal("internal.join", "a join's source is not there"))
    }

    /// The left key columns, each with the input that says what it is.
    fn left_keys<'b>(
        &self,
        join: &Join,
        columns: &'b Columns,
    ) -> Result<Vec<(Input, Cow<'b, Column>)>> {
        let table = self.tables().place(&self.recipe.config.data.source);
        let each = join.on.iter().map(|(left, _)| {
            let input = self.input(table, left, left);
            let key = key(columns, &input).map_err(|error| self.at_base(error))?;
            Ok((input, key))
        });
        each.collect()
    }

    fn without_key(&self, join: &Join, columns: &Columns) -> Result<usize> {
        let mut without = 0;
        let keys: Vec<&Column> = join
            .on
            .iter()
            .map(|(left, _)| columns.column(left).ok_or_else(|| missing("data", left)))
            .collect::<Result<_>>()?;
        for row in 0..columns.rows() {
            without += usize::from(keys.iter().any(|key| super::column::is_missing(key, row)));
        }
        Ok(without)
    }

    /// The right row of each left row, and how many left rows have no time to match at.
    fn matched(
        &self,
        join: &Join,
        named: &Named,
        columns: &Columns,
        taken: &Taken,
        groups: &Groups,
    ) -> Result<(Vec<Option<usize>>, usize)> {
        let (Some(as_of), Some(clock)) = (&join.as_of, &named.clock) else {
            if let Some(row) = groups.twice() {
                let keys = join.on.iter().map(|(_, right)| right.as_str());
                let keys: Vec<&str> = keys.collect();
                let message = format!(
                    "source `{}`: the key of `{}` stands twice; without `as_of` a key has one row",
                    named.name,
                    keys.join(", ")
                );
                let error = Error::input("join.duplicate_key", message).with_row(row);
                let error = match keys.first() {
                    Some(first) => error.with_field(first),
                    None => error,
                };
                return Err(taken.places.located(error));
            }
            return Ok((groups.equal(), 0));
        };
        let left = as_of.seconds(columns, Some(clock));
        let left = left.map_err(|error| self.at_base(error))?;
        let right = clock.seconds(&taken.columns, Some(as_of));
        let right = right.map_err(|error| taken.places.located(error))?;
        let without_time = left.iter().filter(|time| time.is_nan()).count();
        Ok((groups.as_of(&left, &right, join.bounds), without_time))
    }

    /// Rows of a later time than the event's, an `as_of` that is known only afterwards, and rows that do not say when
    /// they were known.
    fn future(
        &mut self,
        join: &Join,
        named: &Named,
        columns: &Columns,
        taken: &Taken,
        rows: &[Option<usize>],
    ) -> Result<()> {
        let name = &named.name;
        if let Some(input) = join.as_of.as_ref().map(|clock| &clock.input)
            && !input.known_at_prediction
        {
            let message = format!(
                "the join with `{name}` takes what was known at `{}`, which is itself known only afterwards",
                input.name
            );
            self.found("future_join", Level::Error, name, message);
        }
        let by_time = !matches!(self.recipe.split, super::recipe::Split::Key(_));
        let Some(clock) = &named.clock else {
            if !named.fixed {
                let level = if by_time {
                    Level::Error
                } else {
                    Level::Warning
                };
                let message = format!(
                    "`{name}` does not say when its rows were known: give it a `time` and the join an `as_of`, or \
                     `static = true` where rows never change"
                );
                self.found("future_join", level, name, message);
            }
            return Ok(());
        };
        let Some(event) = self.tables().event.as_ref() else {
            return Ok(());
        };
        if columns.column(&event.input.name).is_none() || !clock.compares(event) {
            return Ok(());
        }
        let at = event.seconds(columns, Some(clock));
        let at = at.map_err(|error| self.at_base(error))?;
        let known = clock.seconds(&taken.columns, Some(event))?;
        let is_later = |(at, row): (&f64, &Option<usize>)| {
            let known = row.and_then(|row| known.get(row).copied());
            known.is_some_and(|known| known + join.bounds.lateness > *at)
        };
        let later: Vec<usize> = (at.iter().zip(rows).enumerate())
            .filter(|(_, pair)| is_later(*pair))
            .map(|(row, _)| row)
            .collect();
        self.later(name, &event.input.name, &later, rows.len());
        Ok(())
    }

    /// What comes in by a table of the rows to learn from, or by a view over them, and is known only after the prediction.
    fn outcomes(&mut self, join: Option<&Join>, table: usize, taken: &[String]) -> Result<()> {
        let found = self.stock.gives_away(table, taken, &self.hidden)?;
        let named = self.named(table)?;
        let name = &named.name;
        for (of, column) in found {
            let what = match of == *name {
                true => format!("`{name}` gives `{column}` of the rows to learn from"),
                false => format!("`{name}` reads `{column}` of `{of}`"),
            };
            let what = format!("{what}, which is known only after the prediction");
            let timed = join.filter(|join| join.as_of.is_some() && named.clock.is_some());
            let (level, more) = match timed {
                Some(join) if join.bounds.lateness > 0.0 => (
                    Level::Warning,
                    ": `lateness` must be as long as it takes until it is known",
                ),
                Some(_) => (
                    Level::Error,
                    ", and without `lateness` a row is joined to what came of it: say how long it takes until it is known",
                ),
                None => (
                    Level::Error,
                    ", and nothing tells when: give it a `time` and join it with `as_of` and `lateness`",
                ),
            };
            let hint = match of == *name {
                true => "",
                false => " (`SELECT *` reads all columns, in a subquery too)",
            };
            self.found("future_join", level, name, format!("{what}{more}{hint}"));
        }
        Ok(())
    }

    /// Rows of a day count from its midnight on, before the day is over.
    fn whole_days(&mut self, join: &Join, named: &Named) {
        let is_day = |clock: &Clock| clock.input.kind == InputType::Date;
        let (Some(as_of), Some(clock)) = (&join.as_of, &named.clock) else {
            return;
        };
        if is_day(clock) && !is_day(as_of) && join.bounds.lateness < DAY {
            let (name, time) = (&named.name, &clock.input.name);
            let message = format!(
                "a row of `{name}` counts as known from the midnight on with which its `{time}` begins; where it sums up that day, \
                 the join needs `lateness = \"1d\"`"
            );
            self.found("days", Level::Warning, name, message);
        }
    }

    fn later(&mut self, name: &str, event: &str, later: &[usize], rows: usize) {
        if let Some(first) = later.first() {
            let message = format!(
                "the join with `{name}` gives {} of {rows} rows what was known only after their `{event}`; the first is row \
                 {first}",
                later.len()
            );
            self.found("future_join", Level::Error, name, message);
        }
    }

    /// A joined date or timestamp after the event, where nothing else says when the row was known.
    fn untimed(&mut self, join: &Join, named: &Named, columns: &Columns) -> Result<()> {
        let Some(event) = self
            .tables()
            .event
            .as_ref()
            .filter(|_| named.clock.is_none())
        else {
            return Ok(());
        };
        for column in &join.columns {
            let joined = join.joined(column);
            let inputs = &self.recipe.config.input;
            let input = inputs.iter().find(|input| input.name == joined);
            let Some(clock) = input.and_then(Clock::of) else {
                continue;
            };
            if columns.column(&event.input.name).is_none() || !clock.compares(event) {
                continue;
            }
            let at = event.seconds(columns, Some(&clock))?;
            let of = clock.seconds(columns, Some(event))?;
            let after = at.iter().zip(&of).filter(|(at, of)| of > at).count();
            if after > 0 {
                let message = format!(
                    "`{joined}`, joined from `{}` without `as_of`, lies after `{}` in {after} of {} rows",
                    named.name,
                    event.input.name,
                    at.len()
                );
                self.found("future_join", Level::Error, &joined, message);
            }
        }
        Ok(())
    }

    fn found(&mut self, check: &str, level: Level, about: &str, message: String) {
        self.findings.push(Finding {
            check: format!("check.{check}"),
            level,
            input: Some(about.to_owned()),
            message,
        });
    }

    /// The inputs in the configuration's order; what was read for joins alone is left.
    fn in_order(&self, columns: &Columns) -> Result<Columns> {
        let mut ordered = Columns::new(columns.rows());
        for input in &self.recipe.config.input {
            let column = columns.column(&input.name);
            let column = column.ok_or_else(|| missing("data", &input.name))?;
            ordered.push(&input.name, column.clone())?;
        }
        Ok(ordered)
    }
}

/// A key that cannot be read as what it is on the left, where nothing else says what it is.
fn mistyped_key(
    error: Error,
    join: &Join,
    left_keys: &[(Input, Cow<'_, Column>)],
    named: &Named,
) -> Error {
    let mut keys = join.on.iter().zip(left_keys);
    let is_it = |(_, right): &(String, String)| {
        error.code() == "input.wrong_type"
            && error.field() == Some(right.as_str())
            && !named.types.contains_key(right)
    };
    let Some(((left, right), (input, _))) = keys.find(|(on, _)| is_it(on)) else {
        return error;
    };
    let message = format!(
        "join with `{}`: `{left}` is a {}, and `{right}` cannot be read as one; the source's `types` say what a column is",
        named.name,
        input.kind.name()
    );
    Error::input("join.key_type", message)
        .with_field(right)
        .with_source(error)
}

/// What must not come in by a join with the files of these digests.
fn hidden(recipe: &Recipe, files: Vec<String>) -> Hidden {
    let is_hidden = |input: &&Input| !input.known_at_prediction || input.role == Role::Label;
    let (hidden, known): (Vec<&Input>, Vec<&Input>) =
        recipe.config.input.iter().partition(is_hidden);
    let names = |inputs: Vec<&Input>| inputs.into_iter().map(|input| input.name.clone()).collect();
    Hidden {
        names: names(hidden),
        known: names(known),
        files,
    }
}

fn on((left, right): &(String, String)) -> String {
    match left == right {
        true => left.clone(),
        false => format!("{left} = {right}"),
    }
}

/// A key as it is compared: times in seconds, all else as it stands.
fn key<'a>(columns: &'a Columns, input: &Input) -> Result<Cow<'a, Column>> {
    if let Some(clock) = Clock::of(input) {
        return Ok(Cow::Owned(Column::Number(clock.seconds(columns, None)?)));
    }
    let column = columns.column(&input.name);
    column
        .map(Cow::Borrowed)
        .ok_or_else(|| missing("data", &input.name))
}

fn missing(table: &str, column: &str) -> Error {
    let message = format!("`{table}` has no column `{column}`");
    Error::input("table.missing_column", message).with_field(column)
}

//! Views: SQL over sources, run by SQLite in memory.
//!
//! A source's blocks go straight into a table of SQLite, so that it is never held twice. Numbers are REAL, booleans 0 and
//! 1, dates and timestamps that are typed as such ISO 8601 text.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, params_from_iter};
use skewless_core::columns::MISSING_CODE;
use skewless_core::record::Value;
use skewless_core::spec::{Input, InputType};
use skewless_core::{Column, Columns, Error, Record, Result, TextColumn};
use skewless_table::{Cells, Rows, TableFile, Wanted, scan};

use super::sql;

/// A database in memory.
pub(super) struct Views {
    connection: Connection,
}

impl Views {
    /// # Errors
    /// `internal.sqlite`.
    pub(super) fn open() -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(internal)?;
        Ok(Self { connection })
    }

    /// Makes a table of files; `typed` are the columns whose types are known. Gives the rows of each file.
    ///
    /// # Errors
    /// Those of [`scan`], `table.duplicate_column` for names that differ in case alone.
    pub(super) fn load(
        &self,
        name: &str,
        files: &[TableFile],
        typed: &[Input],
    ) -> Result<Vec<usize>> {
        let wanted: Vec<Wanted> = typed.iter().map(Wanted::from).collect();
        let mut table = Loading {
            views: self,
            name,
            typed,
            columns: Vec::new(),
        };
        self.execute("BEGIN")?;
        let mut rows = Vec::with_capacity(files.len());
        for file in files {
            let mut count = 0;
            scan(file, &wanted, &mut |block| {
                count += block.len();
                table.take(&block)
            })?;
            rows.push(count);
        }
        table.made()?;
        self.execute("COMMIT")?;
        Ok(rows)
    }

    /// Makes a view.
    ///
    /// # Errors
    /// `view.sql` with SQLite's message, `view.not_repeatable` for a query that reads the clock or chance.
    pub(super) fn define(&self, name: &str, query: &str) -> Result<()> {
        if let Some(what) = sql::moving(query) {
            let message =
                format!("view `{name}`: {what} gives another answer at another time or place");
            return Err(Error::spec("view.not_repeatable", message).with_field(name));
        }
        if sql::is_natural(query) {
            let message = format!(
                "view `{name}`: NATURAL joins by whatever columns both sides have; say which by ON or USING"
            );
            return Err(Error::spec("view.sql", message).with_field(name));
        }
        let text = format!("CREATE TEMP VIEW {} AS {query}", quoted(name));
        let made = self.connection.execute(&text, []);
        made.map(drop).map_err(|error| refused(name, &error))
    }

    /// Columns of a table or a view, all rows in SQLite's order.
    ///
    /// # Errors
    /// `view.sql` with SQLite's message, `table.missing_column`, `input.wrong_type` with the row.
    pub(super) fn read(&self, name: &str, wanted: &[Wanted]) -> Result<Columns> {
        let fault = |error: rusqlite::Error| refused(name, &error);
        let text = format!("SELECT * FROM {}", quoted(name));
        let mut statement = self.connection.prepare(&text).map_err(fault)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut taken = Vec::new();
        for wanted in wanted {
            let Some(at) = names.iter().position(|name| *name == wanted.name) else {
                let column = &wanted.name;
                let message = format!("view `{name}` has no column `{column}`");
                return Err(Error::input("table.missing_column", message).with_field(column));
            };
            taken.push((at, Growing::new(wanted)));
        }
        let mut rows = statement.query([]).map_err(fault)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(fault)? {
            for (at, growing) in &mut taken {
                let cell = row.get_ref(*at).map_err(fault)?;
                growing
                    .push(cell)
                    .map_err(|found| growing.wrong(name, count, found))?;
            }
            count += 1;
        }
        let mut columns = Columns::new(count);
        for (_, growing) in taken {
            let name = growing.wanted.name.clone();
            columns.push(&name, growing.finish()?)?;
        }
        Ok(columns)
    }

    /// Table and column of everything that a view reads, through other views too but for `inside`: what that one reads is its
    /// own.
    ///
    /// # Errors
    /// `view.sql` with SQLite's message.
    pub(super) fn reads(
        &mut self,
        name: &str,
        inside: Option<&str>,
    ) -> Result<BTreeSet<(String, String)>> {
        let fault = |error: rusqlite::Error| refused(name, &error);
        let found = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&found);
        let inside = inside.map(str::to_owned);
        let note = move |context: AuthContext<'_>| {
            if let AuthAction::Read {
                table_name,
                column_name,
            } = context.action
                && (inside.is_none() || context.accessor != inside.as_deref())
            {
                let mut found = noted.lock().unwrap_or_else(PoisonError::into_inner);
                found.insert((table_name.to_owned(), column_name.to_owned()));
            }
            Authorization::Allow
        };
        self.connection.authorizer(Some(note)).map_err(fault)?;
        let text = format!("SELECT * FROM {}", quoted(name));
        let prepared = self.connection.prepare(&text).map(drop).map_err(fault);
        let none = None::<fn(AuthContext<'_>) -> Authorization>;
        self.connection.authorizer(none).map_err(fault)?;
        prepared?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *found))
    }

    fn execute(&self, text: &str) -> Result<()> {
        self.connection.execute_batch(text).map_err(internal)
    }
}

/// A table that is being filled; its columns grow with what blocks bring.
struct Loading<'a> {
    views: &'a Views,
    name: &'a str,
    typed: &'a [Input],
    columns: Vec<String>,
}

impl Loading<'_> {
    fn take(&mut self, rows: &Rows) -> Result<()> {
        match rows {
            Rows::Columns(columns) => self.block(columns),
            Rows::Records(records) => self.records(records),
        }
    }

    /// Makes the table where no block did.
    fn made(&mut self) -> Result<()> {
        let typed: Vec<&str> = self.typed.iter().map(|input| input.name.as_str()).collect();
        match self.columns.is_empty() {
            true => self.grow(&typed),
            false => Ok(()),
        }
    }

    /// Adds the columns that are not there yet.
    fn grow(&mut self, names: &[&str]) -> Result<()> {
        for &name in names {
            if self.columns.iter().any(|known| known == name) {
                continue;
            }
            if let Some(other) = self
                .columns
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name))
            {
                let message = format!(
                    "source `{}`: SQL does not tell the columns `{other}` and `{name}` apart",
                    self.name
                );
                return Err(Error::input("table.duplicate_column", message).with_field(name));
            }
            let (table, column) = (quoted(self.name), quoted(name));
            self.views.execute(&match self.columns.is_empty() {
                true => format!("CREATE TEMP TABLE {table} ({column})"),
                false => format!("ALTER TABLE {table} ADD COLUMN {column}"),
            })?;
            self.columns.push(name.to_owned());
        }
        Ok(())
    }

    fn block(&mut self, columns: &Columns) -> Result<()> {
        let is_flat = |name: &&String| !matches!(columns.column(name), Some(Column::Tensor { .. }));
        let names: Vec<&str> = columns
            .names()
            .iter()
            .filter(is_flat)
            .map(String::as_str)
            .collect();
        self.grow(&names)?;
        let cells: Vec<(Option<&Input>, Option<&Column>)> = names
            .iter()
            .map(|&name| (self.input(name), columns.column(name)))
            .collect();
        let cell = |row: usize, at: usize| match cells.get(at) {
            Some((input, Some(column))) => cell(*input, column, row),
            _ => Cell::Null,
        };
        let text = self.insertion(&names);
        self.insert(&text, columns.rows(), names.len(), cell)
    }

    fn records(&mut self, records: &[Record]) -> Result<()> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in records.iter().flat_map(Record::fields) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let cell = |row: usize, at: usize| {
            let value = records.get(row).zip(names.get(at));
            match value.and_then(|(record, name)| record.value(name)) {
                Some(Value::Bool(value)) => Cell::Real(f64::from(u8::from(*value))),
                Some(Value::Number(value)) => Cell::Real(*value),
                Some(Value::Text(text)) => Cell::Text(text.clone()),
                _ => Cell::Null,
            }
        };
        let text = self.insertion(&names);
        self.grow(&names)?;
        self.insert(&text, records.len(), names.len(), cell)
    }

    fn input(&self, name: &str) -> Option<&Input> {
        self.typed.iter().find(|input| input.name == name)
    }

    fn insertion(&self, names: &[&str]) -> String {
        let columns: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        let (table, columns) = (quoted(self.name), columns.join(", "));
        format!("INSERT INTO {table} ({columns}) VALUES ({places})")
    }

    fn insert(
        &self,
        text: &str,
        rows: usize,
        width: usize,
        cell: impl Fn(usize, usize) -> Cell,
    ) -> Result<()> {
        if width == 0 {
            return Ok(());
        }
        let mut statement = self.views.connection.prepare(text).map_err(internal)?;
        for row in 0..rows {
            let cells = (0..width).map(|at| cell(row, at));
            statement
                .execute(params_from_iter(cells))
                .map_err(internal)?;
        }
        Ok(())
    }
}

/// A value for SQLite; NaN becomes NULL there.
fn cell(input: Option<&Input>, column: &Column, row: usize) -> Cell {
    match column {
        Column::Text(text) => text
            .value(row)
            .map_or(Cell::Null, |text| Cell::Text(text.to_owned())),
        Column::Number(values) => match values.get(row).copied() {
            Some(value) if !value.is_nan() => {
                let is_time =
                    |input: &&Input| matches!(input.kind, InputType::Date | InputType::Timestamp);
                let time = input
                    .filter(is_time)
                    .and_then(|input| input.time_text(value));
                time.map_or(Cell::Real(value), Cell::Text)
            }
            _ => Cell::Null,
        },
        Column::Tensor { .. } => Cell::Null,
    }
}

/// A column of a view under construction.
struct Growing<'a> {
    wanted: &'a Wanted,
    numbers: Vec<f64>,
    codes_by_text: HashMap<String, u32>,
    dictionary: Vec<String>,
    codes: Vec<u32>,
}

impl<'a> Growing<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            numbers: Vec::new(),
            codes_by_text: HashMap::new(),
            dictionary: Vec::new(),
            codes: Vec::new(),
        }
    }

    fn is_text(&self) -> bool {
        matches!(
            self.wanted.cells,
            Cells::Text | Cells::Date | Cells::Timestamp
        )
    }

    /// Appends a cell, or gives the name of its type where another is due.
    fn push(&mut self, cell: ValueRef<'_>) -> std::result::Result<(), &'static str> {
        let text = match cell {
            ValueRef::Null if self.is_text() => {
                self.codes.push(MISSING_CODE);
                return Ok(());
            }
            ValueRef::Null => {
                self.numbers.push(f64::NAN);
                return Ok(());
            }
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Real(_) | ValueRef::Integer(_) if self.is_text() => return Err("a number"),
            ValueRef::Real(value) => {
                self.numbers.push(value);
                return Ok(());
            }
            #[expect(clippy::cast_precision_loss, reason = "numbers are f64")]
            ValueRef::Integer(value) => {
                self.numbers.push(value as f64);
                return Ok(());
            }
            ValueRef::Blob(_) => return Err("bytes"),
        };
        if !self.is_text() {
            let is_missing = self.wanted.missing.contains(&text);
            self.numbers.push(f64::NAN);
            return if is_missing { Ok(()) } else { Err("text") };
        }
        let next = u32::try_from(self.dictionary.len()).unwrap_or(MISSING_CODE);
        let code = *self.codes_by_text.entry(text).or_insert_with_key(|text| {
            self.dictionary.push(text.clone());
            next
        });
        self.codes.push(code);
        Ok(())
    }

    fn wrong(&self, view: &str, row: usize, found: &str) -> Error {
        let name = &self.wanted.name;
        let due = if self.is_text() { "text" } else { "a number" };
        let message = format!("view `{view}`, row {row}: `{name}` must be {due}, not {found}");
        Error::input("input.wrong_type", message)
            .with_field(name)
            .with_row(row)
    }

    fn finish(self) -> Result<Column> {
        if self.is_text() {
            return TextColumn::from_dictionary(self.dictionary, self.codes).map(Column::Text);
        }
        Ok(Column::Number(self.numbers))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn refused(view: &str, error: &rusqlite::Error) -> Error {
    Error::spec("view.sql", format!("view `{view}`: {error}")).with_field(view)
}

fn internal(error: rusqlite::Error) -> Error {
    Error::internal("internal.sqlite", "SQLite refused what it was given").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, name: &str) -> (tempfile::TempDir, TableFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, TableFile::new(path))
    }

    fn number(name: &str) -> Input {
        Input {
            name: name.to_owned(),
            ..Input::default()
        }
    }

    #[test]
    fn a_query_gives_typed_columns() {
        let views = Views::open().unwrap();
        let (_keep, path) = file("k,x,note\na,7,007\na,2,\nb,,x\n", "s.csv");
        assert_eq!(views.load("s", &[path], &[number("x")]).unwrap(), [3]);
        views
            .define(
                "v",
                "SELECT k, avg(x) / 2 AS half, max(note) AS note FROM s GROUP BY k ORDER BY k",
            )
            .unwrap();
        let wanted = [
            Wanted::new("half", Cells::Number),
            Wanted::new("note", Cells::Text),
        ];
        let columns = views.read("v", &wanted).unwrap();
        let Some(Column::Number(half)) = columns.column("half") else {
            unreachable!()
        };
        assert!(half[0] == 2.25 && half[1].is_nan());
        let Some(Column::Text(note)) = columns.column("note") else {
            unreachable!()
        };
        assert_eq!((note.value(0), note.value(1)), (Some("007"), Some("x")));
        let error = views
            .read("v", &[Wanted::new("note", Cells::Number)])
            .unwrap_err();
        assert_eq!((error.code(), error.row()), ("input.wrong_type", Some(0)));
        let error = views
            .read("v", &[Wanted::new("k2", Cells::Text)])
            .unwrap_err();
        assert_eq!(error.code(), "table.missing_column");
    }

    #[test]
    fn what_a_view_reads_is_known_through_other_views() {
        let mut views = Views::open().unwrap();
        let (_keep, path) = file("k,x,note\na,7,007\n", "s.csv");
        views.load("s", &[path], &[number("x")]).unwrap();
        let inner = "SELECT k, sum(x) AS total FROM s GROUP BY k";
        views.define("inner_one", inner).unwrap();
        let outer = "SELECT k FROM inner_one WHERE total > 1";
        views.define("outer_one", outer).unwrap();
        let reads = views.reads("outer_one", None).unwrap();
        let reads = |column: &str| reads.contains(&("s".to_owned(), column.to_owned()));
        assert_eq!((reads("k"), reads("x"), reads("note")), (true, true, false));
        assert_eq!(views.read("outer_one", &[]).unwrap().rows(), 1);
        // What a view in between reads is left out, and what is read of it is not.
        let outer = views.reads("outer_one", Some("inner_one")).unwrap();
        assert!(outer.contains(&("inner_one".to_owned(), "total".to_owned())));
        assert!(outer.iter().all(|(table, _)| table != "s"), "{outer:?}");
    }

    #[test]
    fn fields_of_later_lines_are_columns_too() {
        let views = Views::open().unwrap();
        let (_keep, path) = file("{\"a\":1}\n{\"b\":true,\"a\":null}\n", "s.jsonl");
        views.load("s", &[path], &[]).unwrap();
        views
            .define("v", "SELECT coalesce(a, b) + 1 AS c FROM s")
            .unwrap();
        let columns = views.read("v", &[Wanted::new("c", Cells::Number)]).unwrap();
        assert_eq!(columns.column("c"), Some(&Column::Number(vec![2.0, 2.0])));
    }

    #[test]
    fn what_sqlite_refuses_is_told_with_the_views_name() {
        let views = Views::open().unwrap();
        for (query, says) in [
            ("SELEKT 1", "syntax error"),
            ("SELECT 1; SELECT 2", "Multiple statements"),
            ("DELETE FROM s", "syntax error"),
            ("ATTACH 'x.db' AS y", "syntax error"),
        ] {
            let error = views.define("v", query).unwrap_err();
            assert_eq!((error.code(), error.field()), ("view.sql", Some("v")));
            assert!(error.message().contains(says), "{error}");
        }
        views.define("v", "SELECT a FROM nowhere").unwrap();
        let error = views.read("v", &[]).unwrap_err();
        assert!(error.message().contains("no such table"), "{error}");
        assert_eq!(
            views.define("w", "SELECT date('now')").unwrap_err().code(),
            "view.not_repeatable"
        );
    }
}

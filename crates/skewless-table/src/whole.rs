//! A whole table at once, for training and for fitting on a sample.

use std::path::Path;

use skewless_core::{Column, Columns, Error, Record, Result, Value};

use crate::typed::Growing;
use crate::{Cells, Chunk, Extra, Format, Reader, Rows, Source, TableFile, Wanted, failure};

/// Reads the columns `wanted` of a file, all rows in order; without a `format` its extension says which.
///
/// The result has the wanted columns in the order asked for. Missing values are NaN and the missing code.
///
/// # Errors
/// Those of [`Reader::new`]; `table.missing_column`; for the first row that cannot be read, its error with its row.
pub fn read_columns(path: &Path, format: Option<Format>, wanted: &[Wanted]) -> Result<Columns> {
    let mut whole = Whole::new(wanted);
    whole.read(Source::file(path, format)?)?;
    whole.finish()
}

/// Reads files one after the other into one table, as [`read_columns`] reads one; gives the rows of each too. A row that
/// cannot be read is counted in its own file.
///
/// # Errors
/// As [`read_columns`], and `input.wrong_type` where a column changes its type from file to file.
pub fn read_files(files: &[TableFile], wanted: &[Wanted]) -> Result<(Columns, Vec<usize>)> {
    let mut whole = Whole::new(wanted);
    let mut rows = Vec::with_capacity(files.len());
    for file in files {
        rows.push(whole.read(Source::named(file)?)?);
    }
    Ok((whole.finish()?, rows))
}

/// Gives the rows of a file to `take`, block after block: the columns `wanted` typed as they say, and all others as they
/// are in the file (CSV: text).
///
/// # Errors
/// As [`read_columns`] but `table.missing_column`, and what `take` refuses.
pub fn scan(
    file: &TableFile,
    wanted: &[Wanted],
    take: &mut dyn FnMut(Rows) -> Result<()>,
) -> Result<()> {
    let source = Source::named(file)?;
    let name = source.name.clone();
    for chunk in Reader::new(source, wanted, Extra::Keep)? {
        take(decoded(chunk?, &name)?.0)?;
    }
    Ok(())
}

/// The names of a file's columns; none are known in advance for JSON lines.
///
/// # Errors
/// Those of [`Reader::new`].
pub fn column_names(file: &TableFile) -> Result<Option<Vec<String>>> {
    let reader = Reader::new(Source::named(file)?, &[], Extra::Skip)?;
    Ok(reader.column_names().map(<[String]>::to_vec))
}

/// A table under construction.
pub(crate) struct Whole<'a> {
    wanted: &'a [Wanted],
    growing: Vec<Option<Growing>>,
    rows: usize,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(wanted: &'a [Wanted]) -> Self {
        Self {
            wanted,
            growing: wanted.iter().map(|_| None).collect(),
            rows: 0,
        }
    }

    /// Appends a table; gives its number of rows.
    fn read(&mut self, source: Source) -> Result<usize> {
        let name = source.name.clone();
        let before = self.rows;
        let reader = Reader::new(source, self.wanted, Extra::Skip)?;
        check_present(&name, &reader, self.wanted)?;
        for chunk in reader {
            let (rows, first_row) = decoded(chunk?, &name)?;
            let columns = match rows {
                Rows::Columns(columns) => columns,
                Rows::Records(records) => typed(&records, self.wanted)
                    .map_err(|error| located(error, &name, first_row))?,
            };
            self.append(&columns, &name)?;
        }
        Ok(self.rows - before)
    }

    /// Appends rows; `name` is what errors call their table.
    pub(crate) fn append(&mut self, columns: &Columns, name: &str) -> Result<()> {
        self.rows += columns.rows();
        append(&mut self.growing, columns, self.wanted, name)
    }

    pub(crate) fn finish(self) -> Result<Columns> {
        let mut columns = Columns::new(self.rows);
        for (growing, wanted) in self.growing.into_iter().zip(self.wanted) {
            let growing = growing.unwrap_or_else(|| Growing::of(wanted.cells));
            columns.push(&wanted.name, growing.finish()?)?;
        }
        Ok(columns)
    }
}

/// The rows of a chunk, and where the first of them stands in the file.
pub(crate) fn decoded(chunk: Chunk, name: &str) -> Result<(Rows, usize)> {
    let mut block = chunk.decode()?;
    if block.unreadable.is_empty() {
        return Ok((block.rows, block.first_row));
    }
    Err(located(
        block.unreadable.swap_remove(0),
        name,
        block.first_row,
    ))
}

pub(crate) fn check_present(name: &str, reader: &Reader, wanted: &[Wanted]) -> Result<()> {
    let Some(names) = reader.column_names() else {
        return Ok(());
    };
    match wanted.iter().find(|wanted| !names.contains(&wanted.name)) {
        Some(absent) => Err(missing_column(name, &absent.name)),
        None => Ok(()),
    }
}

fn missing_column(name: &str, column: &str) -> Error {
    Error::input(
        "table.missing_column",
        format!("{name} has no column `{column}`"),
    )
    .with_field(column)
}

/// The error of a row, counted over the whole table.
pub(crate) fn located(error: Error, name: &str, first_row: usize) -> Error {
    let row = first_row + error.row().unwrap_or_default();
    let mut located = Error::new(
        error.kind(),
        error.code(),
        format!("{name}, row {row}: {}", error.message()),
    )
    .with_row(row);
    if let Some(field) = error.field() {
        located = located.with_field(field);
    }
    if let Some(value) = error.value() {
        located = located.with_value(value);
    }
    located.with_source(error)
}

fn append(
    whole: &mut [Option<Growing>],
    columns: &Columns,
    wanted: &[Wanted],
    name: &str,
) -> Result<()> {
    for (growing, wanted) in whole.iter_mut().zip(wanted) {
        let column = columns
            .column(&wanted.name)
            .ok_or_else(|| missing_column(name, &wanted.name))?;
        let growing = growing.get_or_insert_with(|| match column {
            Column::Number(_) => Growing::of(Cells::Number),
            Column::Text(_) => Growing::of(Cells::Text),
            Column::Tensor { width, .. } => Growing::of(Cells::Tensor(*width)),
        });
        if !growing.append(column) {
            let due = wanted.cells.described();
            return Err(failure::wrong_type(
                name,
                &wanted.name,
                "of changing type",
                due,
            ));
        }
    }
    Ok(())
}

/// Records as columns. A field that a record lacks is missing.
pub(crate) fn typed(records: &[Record], wanted: &[Wanted]) -> Result<Columns> {
    let mut columns = Columns::new(records.len());
    for wanted in wanted {
        let mut growing = Growing::of(wanted.cells);
        for (row, record) in records.iter().enumerate() {
            push_value(&mut growing, wanted, record.value(&wanted.name))
                .map_err(|error| error.with_row(row))?;
        }
        columns.push(&wanted.name, growing.finish()?)?;
    }
    Ok(columns)
}

fn push_value(growing: &mut Growing, wanted: &Wanted, value: Option<&Value>) -> Result<()> {
    match (growing, value, wanted.cells) {
        (growing, None | Some(Value::Missing), _) => growing.push_missing(),
        (Growing::Number(values), Some(Value::Number(value)), Cells::Number) => values.push(*value),
        (Growing::Number(values), Some(Value::Bool(value)), Cells::Boolean) => {
            values.push(f64::from(u8::from(*value)));
        }
        (growing @ Growing::Number(_), Some(Value::Text(token)), _)
            if wanted.missing.contains(token) =>
        {
            growing.push_missing();
        }
        (Growing::Text(text), Some(Value::Text(value)), _) => text.push(Some(value)),
        (Growing::Tensor { width, values }, Some(Value::Tensor(tensor)), _)
            if tensor.values().len() == *width =>
        {
            values.extend_from_slice(tensor.values());
        }
        (_, Some(value), cells) => {
            let (name, due) = (&wanted.name, cells.described());
            let message = format!(
                "field `{name}` must be {due}, not a JSON {}",
                value.type_name()
            );
            return Err(Error::input("input.wrong_type", message).with_field(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn wanted() -> Vec<Wanted> {
        vec![
            Wanted::new("late", Cells::Boolean),
            Wanted {
                missing: vec!["NA".to_owned()],
                ..Wanted::new("x", Cells::Number)
            },
            Wanted::new("c", Cells::Text),
        ]
    }

    #[test]
    fn csv_and_json_lines_give_the_same_columns() {
        let (_keep, csv) = file("a.csv", "x,c,late\n1.5,UA,true\n2,,false\n");
        let (_keep, lines) = file(
            "a.jsonl",
            "{\"x\":1.5,\"c\":\"UA\",\"late\":true}\n{\"x\":2,\"c\":null,\"late\":false}\n",
        );
        let from_csv = read_columns(&csv, None, &wanted()).unwrap();
        assert_eq!(from_csv, read_columns(&lines, None, &wanted()).unwrap());
        assert_eq!(from_csv.names(), ["late", "x", "c"]);
    }

    #[test]
    fn tokens_stand_for_missing_numbers() {
        for (name, text) in [
            ("a.csv", "x,c,late\nNA,a,true\n"),
            ("a.jsonl", "{\"x\":\"NA\",\"c\":\"a\",\"late\":true}\n"),
        ] {
            let (_keep, path) = file(name, text);
            let columns = read_columns(&path, None, &wanted()).unwrap();
            let Some(Column::Number(x)) = columns.column("x") else {
                unreachable!()
            };
            assert!(x[0].is_nan(), "{name}");
        }
    }

    #[test]
    fn the_first_bad_row_is_named() {
        for (name, text, code) in [
            (
                "a.csv",
                "x,c,late\n1,a,true\nfar,b,true\n",
                "input.wrong_type",
            ),
            ("a.csv", "x,c,late\n1,a,true\n1,b\n", "table.ragged_row"),
            (
                "a.jsonl",
                "{\"x\":1}\n{\"x\":\"far\"}\n",
                "input.wrong_type",
            ),
            ("a.jsonl", "{\"x\":1}\n{\"x\":", "input.invalid_json"),
        ] {
            let (_keep, path) = file(name, text);
            let error = read_columns(&path, None, &wanted()).unwrap_err();
            assert_eq!((error.code(), error.row()), (code, Some(1)), "{text}");
            assert!(error.message().contains("row 1"), "{}", error.message());
        }
    }

    #[test]
    fn files_stand_one_after_the_other_and_a_bad_row_is_counted_in_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            TableFile::copy_of(&format!("s3://tables/{name}"), path)
        };
        let wanted = [
            Wanted::new("x", Cells::Number),
            Wanted::new("c", Cells::Text),
        ];
        let (a, b) = (
            file("a.csv", "c,x\nu,1\nv,2\n"),
            file("b.jsonl", "{\"x\":3,\"c\":\"u\"}\n"),
        );
        let (columns, rows) = read_files(&[a.clone(), b], &wanted).unwrap();
        assert_eq!((columns.rows(), rows), (3, vec![2, 1]));
        let Some(Column::Text(text)) = columns.column("c") else {
            unreachable!()
        };
        assert_eq!(text.codes(), [0, 1, 0]);
        let error = read_files(&[a, file("c.csv", "c,x\nu,far\n")], &wanted).unwrap_err();
        assert_eq!((error.code(), error.row()), ("input.wrong_type", Some(0)));
        assert!(
            error.message().contains("`s3://tables/c.csv`, row 0"),
            "{error}"
        );
    }

    #[test]
    fn an_absent_column_is_named() {
        let (_keep, path) = file("a.csv", "x,c\n1,a\n");
        let error = read_columns(&path, None, &wanted()).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("table.missing_column", Some("late"))
        );
    }
}

//! CSV: a header, then rows whose cells become typed values.

use std::io::Read;

use csv::ByteRecord;
use skewless_core::{Columns, Error, Result};

use crate::block::{Chunk, Rows};
use crate::reader::{Extra, Source};
use crate::typed::{Growing, push_cell};
use crate::{Cells, Wanted, failure};

type Input = csv::Reader<Box<dyn Read + Send>>;

/// The chunks, and all names of the header.
pub(crate) fn chunks(
    source: Source,
    wanted: &[Wanted],
    extra: Extra,
) -> Result<(
    impl Iterator<Item = Result<Chunk>> + Send + use<>,
    Vec<String>,
)> {
    let name = source.name;
    let mut input = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(source.input.into_read());
    let header = header(&mut input, &name)?;
    let taken = taken(&header, wanted, extra);
    let width = header.len();
    Ok((
        CsvRows {
            name,
            input,
            taken,
            width,
            block_rows: source.block_rows,
            next_row: 0,
            ended: false,
        },
        header,
    ))
}

fn header(input: &mut Input, name: &str) -> Result<Vec<String>> {
    let cells = input
        .byte_headers()
        .map_err(|error| unreadable(name, error))?;
    if cells.is_empty() {
        return Err(Error::input(
            "table.no_header",
            format!("{name} is empty: a CSV begins with its column names"),
        ));
    }
    let mut header: Vec<String> = Vec::with_capacity(cells.len());
    for cell in cells {
        let column = std::str::from_utf8(cell).map_err(|error| {
            Error::input(
                "table.invalid_utf8",
                format!("{name}: a column name is not UTF-8"),
            )
            .with_source(error)
        })?;
        if header.iter().any(|known| known == column) {
            return Err(failure::duplicate_column(name, column));
        }
        header.push(column.to_owned());
    }
    Ok(header)
}

/// A column of the file that is read.
#[derive(Clone)]
struct Taken {
    at: usize,
    wanted: Wanted,
}

fn taken(header: &[String], wanted: &[Wanted], extra: Extra) -> Vec<Taken> {
    let columns = header.iter().enumerate().filter_map(|(at, name)| {
        let known = wanted.iter().find(|wanted| wanted.name == *name).cloned();
        let kept = (extra == Extra::Keep).then(|| Wanted::new(name, Cells::Text));
        known.or(kept).map(|wanted| Taken { at, wanted })
    });
    columns.collect()
}

struct CsvRows {
    name: String,
    input: Input,
    taken: Vec<Taken>,
    width: usize,
    block_rows: usize,
    next_row: usize,
    ended: bool,
}

impl Iterator for CsvRows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = match self.read_rows() {
            Ok(rows) => rows,
            Err(error) => {
                self.ended = true;
                return Some(Err(error));
            }
        };
        if rows.is_empty() {
            return None;
        }
        let (taken, width, first_row) = (self.taken.clone(), self.width, self.next_row);
        self.next_row += rows.len();
        Some(Ok(Chunk::new(first_row, move || {
            decode(&taken, width, &rows)
        })))
    }
}

impl CsvRows {
    fn read_rows(&mut self) -> Result<Vec<ByteRecord>> {
        let mut rows = Vec::new();
        while !self.ended && rows.len() < self.block_rows {
            let mut row = ByteRecord::new();
            let more = self
                .input
                .read_byte_record(&mut row)
                .map_err(|error| unreadable(&self.name, error))?;
            self.ended = !more;
            if more {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

fn unreadable(name: &str, error: csv::Error) -> Error {
    Error::input("table.unreadable", format!("{name} cannot be read as CSV")).with_source(error)
}

fn decode(taken: &[Taken], width: usize, rows: &[ByteRecord]) -> Result<(Rows, Vec<Error>)> {
    let mut growing: Vec<Growing> = taken
        .iter()
        .map(|taken| Growing::of(taken.wanted.cells))
        .collect();
    let mut unreadable = Vec::new();
    for (row, cells) in rows.iter().enumerate() {
        if let Err(error) = push_row(&mut growing, taken, width, cells) {
            unreadable.push(error.with_row(row));
        }
    }
    let mut columns = Columns::new(rows.len());
    for (column, taken) in growing.into_iter().zip(taken) {
        columns.push(&taken.wanted.name, column.finish()?)?;
    }
    Ok((Rows::Columns(columns), unreadable))
}

/// Appends a row to every column; after an error the row's remaining cells stand as missing.
fn push_row(
    growing: &mut [Growing],
    taken: &[Taken],
    width: usize,
    cells: &ByteRecord,
) -> Result<()> {
    let mut outcome = if cells.len() == width {
        Ok(())
    } else {
        Err(ragged(width, cells.len()))
    };
    for (column, taken) in growing.iter_mut().zip(taken) {
        if outcome.is_ok() {
            outcome = text(cells, taken).and_then(|cell| push_cell(column, &taken.wanted, cell));
        }
        if outcome.is_err() {
            column.push_missing();
        }
    }
    outcome
}

fn text<'a>(cells: &'a ByteRecord, taken: &Taken) -> Result<&'a str> {
    let name = &taken.wanted.name;
    std::str::from_utf8(cells.get(taken.at).unwrap_or_default()).map_err(|error| {
        Error::input("table.invalid_utf8", format!("field `{name}` is not UTF-8"))
            .with_field(name)
            .with_source(error)
    })
}

fn ragged(width: usize, found: usize) -> Error {
    Error::input(
        "table.ragged_row",
        format!("the row has {found} cells where the header has {width}"),
    )
}

#[cfg(test)]
mod tests {
    use skewless_core::Column;

    use super::*;
    use crate::{Block, Format, Reader};

    fn wanted() -> Vec<Wanted> {
        vec![
            Wanted::new("distance", Cells::Number),
            Wanted::new("carrier", Cells::Text),
            Wanted::new("when", Cells::Timestamp),
        ]
    }

    fn reader(text: &'static [u8], extra: Extra) -> Result<Reader> {
        Reader::new(
            Source::stream("standard input", Format::Csv, text)?,
            &wanted(),
            extra,
        )
    }

    fn block(text: &'static [u8], extra: Extra) -> Block {
        reader(text, extra)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .decode()
            .unwrap()
    }

    fn columns(block: &Block) -> &Columns {
        let Rows::Columns(columns) = &block.rows else {
            unreachable!()
        };
        columns
    }

    #[test]
    fn one_bad_row_is_one_failed_row() {
        let block = block(
            b"carrier,distance\nUA,1400\nAA,far\nB6\n\xff,3\n,\nDL,7\n",
            Extra::Skip,
        );
        let found: Vec<_> = block
            .unreadable
            .iter()
            .map(|error| (error.code(), error.row()))
            .collect();
        assert_eq!(
            found,
            [
                ("input.wrong_type", Some(1)),
                ("table.ragged_row", Some(2)),
                ("table.invalid_utf8", Some(3)),
            ]
        );
        let Some(Column::Number(distance)) = columns(&block).column("distance") else {
            unreachable!()
        };
        assert_eq!((distance[0], distance[5]), (1400.0, 7.0));
        assert!(distance[1].is_nan() && distance[4].is_nan());
        let Some(Column::Text(carrier)) = columns(&block).column("carrier") else {
            unreachable!()
        };
        assert_eq!((carrier.value(0), carrier.value(4)), (Some("UA"), None));
    }

    #[test]
    fn quotes_line_ends_and_marks_are_read() {
        let block = block(
            b"\xEF\xBB\xBFcarrier,note\r\n\"a,\"\"b\"\"\nc\",x\r\n",
            Extra::Skip,
        );
        let Some(Column::Text(carrier)) = columns(&block).column("carrier") else {
            unreachable!()
        };
        assert_eq!(carrier.value(0), Some("a,\"b\"\nc"));
    }

    #[test]
    fn unwanted_columns_are_read_on_demand() {
        let text = b"carrier,note\nUA,x\n";
        assert_eq!(columns(&block(text, Extra::Skip)).names(), ["carrier"]);
        assert_eq!(
            columns(&block(text, Extra::Keep)).names(),
            ["carrier", "note"]
        );
        let reader = reader(text, Extra::Skip).unwrap();
        assert_eq!(reader.column_names().unwrap(), ["carrier", "note"]);
    }

    #[test]
    fn bad_headers_are_refused() {
        for (text, code) in [
            (&b""[..], "table.no_header"),
            (&b"a,b,a\n1,2,3\n"[..], "table.duplicate_column"),
            (&b"a,\xff\n1,2\n"[..], "table.invalid_utf8"),
        ] {
            assert_eq!(reader(text, Extra::Skip).err().unwrap().code(), code);
        }
    }

    #[test]
    fn a_header_alone_has_no_rows() {
        assert!(reader(b"carrier\n", Extra::Skip).unwrap().next().is_none());
    }
}

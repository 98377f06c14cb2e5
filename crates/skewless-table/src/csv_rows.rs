//! CSV: a header, then rows whose cells become typed values.

use std::io::{self, Read};

use csv::ByteRecord;
use skewless_core::{Columns, Error, Result};

use crate::block::{BLOCK_BYTES, Chunk, LINE_BYTES, Rows};
use crate::reader::{Extra, Source};
use crate::typed::{Growing, push_cell};
use crate::{Cells, Wanted, failure};

type Input = csv::Reader<Bounded>;

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
        .from_reader(Bounded {
            input: source.input.into_read(),
            bytes: 0,
            commas: 0,
        });
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
            failed: None,
            ended: false,
        },
        header,
    ))
}

fn header(input: &mut Input, name: &str) -> Result<Vec<String>> {
    if let Err(error) = input.byte_headers() {
        return Err(failure(input, name, None, error));
    }
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
    /// What ended the rows, to be told after those before it.
    failed: Option<Error>,
    ended: bool,
}

impl Iterator for CsvRows {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.read_rows();
        if rows.is_empty() {
            return self.failed.take().map(Err);
        }
        let (taken, width, first_row) = (self.taken.clone(), self.width, self.next_row);
        self.next_row += rows.len();
        Some(Ok(Chunk::new(first_row, move || {
            decode(&taken, width, &rows)
        })))
    }
}

impl CsvRows {
    fn read_rows(&mut self) -> Vec<ByteRecord> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while !self.ended && rows.len() < self.block_rows && bytes < BLOCK_BYTES {
            let mut row = ByteRecord::new();
            self.input.get_mut().begin_row();
            match self.input.read_byte_record(&mut row) {
                Ok(true) => {
                    bytes += row.as_slice().len();
                    rows.push(row);
                }
                Ok(false) => self.ended = true,
                Err(error) => {
                    let row = self.next_row + rows.len();
                    self.failed = Some(failure(&self.input, &self.name, Some(row), error));
                    self.ended = true;
                }
            }
        }
        rows
    }
}

/// The error of a row, or of the header where it is none.
fn failure(input: &Input, name: &str, row: Option<usize>, error: csv::Error) -> Error {
    match input.get_ref().is_too_long() {
        true => failure::line_too_long(name, row),
        false => unreadable(name, error),
    }
}

/// A stream that fails where a row has not ended after [`LINE_BYTES`] and what the CSV reader had of it before.
struct Bounded {
    input: Box<dyn Read + Send>,
    /// Bytes that were read since the row under way was begun.
    bytes: usize,
    /// The commas in them.
    commas: usize,
}

/// Most commas of a row: as a cell's end takes eight bytes in memory, a row of commas takes as much as one of text.
const ROW_COMMAS: usize = LINE_BYTES / 8;

impl Bounded {
    fn begin_row(&mut self) {
        (self.bytes, self.commas) = (0, 0);
    }

    fn is_too_long(&self) -> bool {
        self.bytes > LINE_BYTES || self.commas > ROW_COMMAS
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_too_long() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.input.read(buffer)?;
        let new = buffer.get(..read).unwrap_or_default();
        self.bytes += read;
        self.commas += new.iter().filter(|&&byte| byte == b',').count();
        Ok(read)
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
        streamed(text, extra)
    }

    fn streamed(read: impl Read + Send + 'static, extra: Extra) -> Result<Reader> {
        Reader::new(
            Source::stream("standard input", Format::Csv, read)?,
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
    fn a_row_without_end_is_refused_after_those_before_it() {
        // In quotes line ends are text.
        for (begun, byte) in [("DL", b'x'), ("\"", b'\n'), ("", b',')] {
            let text = io::Cursor::new(format!("carrier,distance\nUA,1400\nAA,3\n{begun}"));
            let mut reader = streamed(text.chain(io::repeat(byte)), Extra::Skip).unwrap();
            let block = reader.next().unwrap().unwrap().decode().unwrap();
            assert_eq!(block.rows.len(), 2);
            let error = reader.next().unwrap().err().unwrap();
            assert_eq!(
                (error.code(), error.row()),
                ("table.line_too_long", Some(2))
            );
            assert!(
                error.message().starts_with("standard input: row 2 "),
                "{error}"
            );
            assert!(reader.next().is_none());
        }
        let error = streamed(io::repeat(b'x'), Extra::Skip).err().unwrap();
        assert_eq!(error.code(), "table.line_too_long");
    }

    #[test]
    fn blocks_of_long_rows_have_few_of_them() {
        let cell = "x".repeat(3 << 20);
        let text = format!("carrier\n{cell}\n{cell}\n{cell}\n{cell}\n");
        let reader = streamed(io::Cursor::new(text), Extra::Skip).unwrap();
        let blocks = reader.map(|chunk| chunk.unwrap().decode().unwrap());
        let found: Vec<_> = blocks
            .map(|block| (block.first_row, block.rows.len()))
            .collect();
        assert_eq!(found, [(0, 3), (3, 1)]);
    }

    #[test]
    fn a_header_alone_has_no_rows() {
        assert!(reader(b"carrier\n", Extra::Skip).unwrap().next().is_none());
    }
}

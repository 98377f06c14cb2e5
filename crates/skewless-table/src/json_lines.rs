//! JSON lines: a stream cut at line ends, each line one record.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use skewless_core::{Error, Record, Result};

use crate::block::{Chunk, LINE_BYTES, Rows};
use crate::failure;
use crate::reader::Source;

/// Bytes asked of the stream at once. What one read returns is answered before the next, so that a slow pipe is
/// answered line by line.
const READ_BYTES: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(crate) fn chunks(source: Source) -> impl Iterator<Item = Result<Chunk>> + Send {
    Lines {
        name: source.name,
        input: source.input.into_read(),
        block_rows: source.block_rows,
        rest: Vec::new(),
        ready: VecDeque::new(),
        next_row: 0,
        started: false,
        ended: false,
    }
}

struct Lines {
    name: String,
    input: Box<dyn Read + Send>,
    block_rows: usize,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    ready: VecDeque<Chunk>,
    next_row: usize,
    started: bool,
    ended: bool,
}

impl Iterator for Lines {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            if let Err(error) = self.read_on() {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

impl Lines {
    fn read_on(&mut self) -> Result<()> {
        let known = self.rest.len();
        self.rest.resize(known + READ_BYTES, 0);
        let read = loop {
            match self
                .input
                .read(self.rest.get_mut(known..).unwrap_or_default())
            {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => {
                    break outcome.map_err(|error| failure::unreadable(&self.name, error))?;
                }
            }
        };
        self.rest.truncate(known + read);
        self.ended = read == 0;
        let whole = if self.ended {
            Some(self.rest.len())
        } else {
            line_end(&self.rest, known)
        };
        match whole {
            Some(end) => {
                let rest = self.rest.split_off(end);
                let text = std::mem::replace(&mut self.rest, rest);
                self.cut(text);
            }
            None if self.rest.len() > LINE_BYTES => {
                return Err(failure::line_too_long(&self.name, Some(self.next_row)));
            }
            None => {}
        }
        Ok(())
    }

    fn cut(&mut self, text: Vec<u8>) {
        let from = if !self.started && text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        self.started |= !text.is_empty();
        let lines = lines(&text, from);
        let text: Arc<[u8]> = text.into();
        for lines in lines.chunks(self.block_rows) {
            let (text, lines) = (Arc::clone(&text), lines.to_vec());
            let rows = lines.len();
            self.ready
                .push_back(Chunk::new(self.next_row, move || Ok(decode(&text, &lines))));
            self.next_row += rows;
        }
    }
}

/// Just past the last line end, looking only at what came after `known` bytes.
fn line_end(text: &[u8], known: usize) -> Option<usize> {
    let new = text.get(known..)?;
    new.iter()
        .rposition(|&byte| byte == b'\n')
        .map(|at| known + at + 1)
}

/// The lines that hold more than white space.
fn lines(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = from;
    for line in text
        .get(from..)
        .unwrap_or_default()
        .split(|&byte| byte == b'\n')
    {
        if !line.trim_ascii().is_empty() {
            lines.push(start..start + line.len());
        }
        start += line.len() + 1;
    }
    lines
}

fn decode(text: &[u8], lines: &[Range<usize>]) -> (Rows, Vec<Error>) {
    let mut unreadable = Vec::new();
    let records = lines.iter().enumerate().map(|(row, line)| {
        record(text.get(line.clone()).unwrap_or_default()).unwrap_or_else(|error| {
            unreadable.push(error.with_row(row));
            Record::new()
        })
    });
    let records = records.collect();
    (Rows::Records(records), unreadable)
}

fn record(line: &[u8]) -> Result<Record> {
    let text = std::str::from_utf8(line).map_err(|error| {
        Error::input(
            "input.invalid_json",
            "not valid JSON: the line is not UTF-8",
        )
        .with_source(error)
    })?;
    Record::from_json(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::BLOCK_ROWS;
    use crate::{Block, Format};

    /// Gives one byte a read, as the slowest pipe would.
    struct Drip(VecDeque<u8>);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match (self.0.pop_front(), buffer.first_mut()) {
                (Some(byte), Some(slot)) => {
                    *slot = byte;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    fn blocks(read: impl Read + Send + 'static) -> Vec<Block> {
        let source = Source::stream("standard input", Format::JsonLines, read).unwrap();
        chunks(source)
            .map(|chunk| chunk.unwrap().decode().unwrap())
            .collect()
    }

    fn records(blocks: &[Block]) -> Vec<Record> {
        let rows = blocks.iter().flat_map(|block| match &block.rows {
            Rows::Records(records) => records.clone(),
            Rows::Columns(_) => unreachable!(),
        });
        rows.collect()
    }

    #[test]
    fn one_bad_line_is_one_failed_row() {
        let text = "\u{feff}{\"a\":1}\r\n\n  \n{\"a\":}\n[1]\n{\"a\":2}";
        let blocks = blocks(text.as_bytes());
        let found: Vec<_> = blocks.iter().flat_map(|block| &block.unreadable).collect();
        let found: Vec<_> = found
            .iter()
            .map(|error| (error.code(), error.row()))
            .collect();
        assert_eq!(
            found,
            [
                ("input.invalid_json", Some(1)),
                ("input.not_an_object", Some(2))
            ]
        );
        assert_eq!(records(&blocks).len(), 4);
    }

    #[test]
    fn cuts_do_not_change_the_rows() {
        let text: String = (0..300)
            .map(|i| format!("{{\"a\":{i},\"text\":\"ä\"}}\n"))
            .collect();
        let at_once = blocks(std::io::Cursor::new(text.clone()));
        let dripped = blocks(Drip(text.into_bytes().into()));
        assert_eq!(records(&at_once), records(&dripped));
        assert_eq!(dripped.len(), 300);
        assert_eq!(dripped.last().unwrap().first_row, 299);
    }

    #[test]
    fn blocks_stay_small_and_count_on() {
        let text = "{}\n".repeat(2 * BLOCK_ROWS + 1);
        let blocks = blocks(std::io::Cursor::new(text));
        let found: Vec<_> = blocks
            .iter()
            .map(|block| (block.first_row, block.rows.len()))
            .collect();
        assert_eq!(
            found,
            [
                (0, BLOCK_ROWS),
                (BLOCK_ROWS, BLOCK_ROWS),
                (2 * BLOCK_ROWS, 1)
            ]
        );
    }

    #[test]
    fn text_outside_utf8_is_a_failed_row() {
        let blocks = blocks(&b"{\"a\":\"\xff\"}\n{\"a\":1}\n"[..]);
        assert_eq!(blocks[0].unreadable.len(), 1);
        assert_eq!(blocks[0].unreadable[0].code(), "input.invalid_json");
        assert_eq!(blocks[0].rows.len(), 2);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let source = Source::stream("x", Format::JsonLines, std::io::repeat(b' ')).unwrap();
        let error = chunks(source).next().unwrap().err().unwrap();
        assert_eq!(error.code(), "table.line_too_long");
    }
}

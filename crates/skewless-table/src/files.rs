//! Files one after the other as chunks of columns, for whoever goes through more rows than memory holds, and a sample of their
//! rows.

use std::collections::VecDeque;
use std::sync::Arc;

use skewless_core::{Columns, Error, Result};

use crate::whole::{Whole, check_present, decoded, located, typed};
use crate::{BLOCK_ROWS, Chunk, Extra, Reader, Rows, Source, TableFile, Wanted};

/// The rows of files in their order, cut into chunks. After an error there is nothing more.
pub struct Files<'a> {
    wanted: &'a [Wanted],
    block_rows: usize,
    waiting: VecDeque<&'a TableFile>,
    opened: usize,
    open: Option<(Reader, Arc<str>)>,
}

/// Rows of one of the files, not decoded yet.
pub struct FileChunk<'a> {
    chunk: Chunk,
    /// Which of the files, from 0.
    file: usize,
    name: Arc<str>,
    wanted: &'a [Wanted],
}

impl<'a> Files<'a> {
    /// The columns `wanted` of files, in blocks of at most so many rows; a file's extension says its format.
    pub fn new(files: &'a [TableFile], wanted: &'a [Wanted], block_rows: usize) -> Self {
        Self {
            wanted,
            block_rows,
            waiting: files.iter().collect(),
            opened: 0,
            open: None,
        }
    }

    fn next_chunk(&mut self) -> Result<Option<FileChunk<'a>>> {
        loop {
            if let Some((reader, name)) = &mut self.open
                && let Some(chunk) = reader.next()
            {
                return Ok(Some(FileChunk {
                    chunk: chunk?,
                    file: self.opened - 1,
                    name: Arc::clone(name),
                    wanted: self.wanted,
                }));
            }
            let Some(file) = self.waiting.pop_front() else {
                return Ok(None);
            };
            let source = Source::named(file)?.in_blocks_of(self.block_rows);
            let name = Arc::from(source.name.as_str());
            let reader = Reader::new(source, self.wanted, Extra::Skip)?;
            check_present(&name, &reader, self.wanted)?;
            self.opened += 1;
            self.open = Some((reader, name));
        }
    }
}

impl<'a> Iterator for Files<'a> {
    /// Errors are those of [`crate::read_files`].
    type Item = Result<FileChunk<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_chunk();
        if next.is_err() {
            self.open = None;
            self.waiting.clear();
        }
        next.transpose()
    }
}

/// The same, decoded.
#[derive(Debug)]
pub struct FileBlock {
    /// The columns in the order asked for.
    pub columns: Columns,
    /// Where the first row stands in its file.
    first_row: usize,
    file: usize,
    name: Arc<str>,
}

impl FileChunk<'_> {
    /// Decodes the rows; the columns are typed as asked for.
    ///
    /// # Errors
    /// For the first row that cannot be read, its error with its row in its file; `input.wrong_type` of a column.
    pub fn decode(self) -> Result<FileBlock> {
        let (rows, first_row) = decoded(self.chunk, &self.name)?;
        let columns = match rows {
            Rows::Columns(columns) => columns,
            Rows::Records(records) => typed(&records, self.wanted)
                .map_err(|error| located(error, &self.name, first_row))?,
        };
        Ok(FileBlock {
            columns,
            first_row,
            file: self.file,
            name: self.name,
        })
    }
}

impl FileBlock {
    /// The error of a row, counted within the block, with its row in its file and the file before its message.
    #[must_use]
    pub fn located(&self, error: Error) -> Error {
        match error.row() {
            Some(_) => located(error, &self.name, self.first_row),
            None => error,
        }
    }
}

/// Rows drawn from files.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The rows that were drawn, in the order of the files.
    pub columns: Columns,
    /// Where they stand among all rows, rising, from 0.
    pub drawn: Vec<usize>,
    /// Number of rows of each file.
    pub rows: Vec<usize>,
}

/// Reads at most `most` rows of files: those to which `draw`, called once a row in the order of the files, gives the smallest
/// numbers, of equal ones the first. Every row is read, and no more than twice `most` are kept at a time.
///
/// # Errors
/// As [`crate::read_files`].
pub fn read_sample(
    files: &[TableFile],
    wanted: &[Wanted],
    most: usize,
    draw: &mut dyn FnMut() -> u64,
) -> Result<Sample> {
    let mut kept = Kept::new(wanted, most);
    let mut rows = vec![0; files.len()];
    let mut first_row = 0;
    for chunk in Files::new(files, wanted, BLOCK_ROWS) {
        let block = chunk?.decode()?;
        kept.take(first_row, &block.columns, &block.name, draw)?;
        first_row += block.columns.rows();
        if let Some(rows) = rows.get_mut(block.file) {
            *rows += block.columns.rows();
        }
    }
    let (columns, drawn) = kept.finish()?;
    Ok(Sample {
        columns,
        drawn,
        rows,
    })
}

/// The rows with the smallest numbers so far.
struct Kept<'a> {
    most: usize,
    /// The number of each row that is kept, and where it stands.
    drawn: Vec<(u64, usize)>,
    columns: Whole<'a>,
    wanted: &'a [Wanted],
    /// No greater number is among the smallest.
    bound: u64,
}

impl<'a> Kept<'a> {
    fn new(wanted: &'a [Wanted], most: usize) -> Self {
        Self {
            most,
            drawn: Vec::new(),
            columns: Whole::new(wanted),
            wanted,
            bound: u64::MAX,
        }
    }

    fn take(
        &mut self,
        first_row: usize,
        block: &Columns,
        name: &str,
        draw: &mut dyn FnMut() -> u64,
    ) -> Result<()> {
        let mut taken = Vec::new();
        for row in 0..block.rows() {
            let number = draw();
            if number <= self.bound {
                taken.push(row);
                self.drawn.push((number, first_row + row));
            }
        }
        self.columns.append(&block.select(&taken), name)?;
        match self.drawn.len() > self.most.saturating_mul(2) {
            true => self.prune(name),
            false => Ok(()),
        }
    }

    /// Leaves the rows with the smallest numbers.
    fn prune(&mut self, name: &str) -> Result<()> {
        if self.drawn.len() <= self.most {
            return Ok(());
        }
        let mut numbers = self.drawn.clone();
        let Some(last) = self.most.checked_sub(1) else {
            return Ok(());
        };
        let (_, &mut bound, _) = numbers.select_nth_unstable(last);
        self.bound = bound.0;
        let stay: Vec<usize> = (self.drawn.iter().enumerate())
            .filter(|(_, drawn)| **drawn <= bound)
            .map(|(place, _)| place)
            .collect();
        self.drawn.retain(|drawn| *drawn <= bound);
        let all = std::mem::replace(&mut self.columns, Whole::new(self.wanted)).finish()?;
        self.columns.append(&all.select(&stay), name)
    }

    fn finish(mut self) -> Result<(Columns, Vec<usize>)> {
        self.prune("the sample")?;
        let drawn = self.drawn.into_iter().map(|(_, row)| row).collect();
        Ok((self.columns.finish()?, drawn))
    }
}

#[cfg(test)]
mod tests {
    use skewless_core::Column;

    use super::*;
    use crate::Cells;

    /// A generator that gives each row one number, and the numbers that it gave.
    fn numbers(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 40
        }
    }

    fn files(folder: &std::path::Path, rows: [usize; 3]) -> Vec<TableFile> {
        let mut first = 0;
        let mut write = |(place, rows): (usize, usize)| {
            let lines = (first..first + rows).map(|row| format!("{row},t{}", row % 7));
            let text = format!("x,c\n{}\n", lines.collect::<Vec<_>>().join("\n"));
            first += rows;
            let path = folder.join(format!("{place}.csv"));
            std::fs::write(&path, text.replace("\n\n", "\n")).unwrap();
            TableFile::new(path)
        };
        rows.into_iter().enumerate().map(&mut write).collect()
    }

    #[test]
    fn a_sample_has_the_smallest_numbers_in_the_order_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [9_000, 0, 12_345];
        let files = files(folder.path(), rows);
        let wanted = [
            Wanted::new("x", Cells::Number),
            Wanted::new("c", Cells::Text),
        ];
        let all = rows.iter().sum::<usize>();
        for most in [1, 10, 3_000, all - 1, all, all + 5] {
            let sample = read_sample(&files, &wanted, most, &mut numbers(9)).unwrap();
            let mut number = numbers(9);
            let mut due: Vec<(u64, usize)> = (0..all).map(|row| (number(), row)).collect();
            due.sort_unstable();
            due.truncate(most);
            let mut due: Vec<usize> = due.into_iter().map(|(_, row)| row).collect();
            due.sort_unstable();
            assert_eq!(sample.drawn, due, "{most}");
            assert_eq!(sample.rows, rows);
            let Some(Column::Number(values)) = sample.columns.column("x") else {
                unreachable!()
            };
            let found: Vec<usize> = values.iter().map(|&value| value as usize).collect();
            assert_eq!(found, due, "{most}");
            let Some(Column::Text(text)) = sample.columns.column("c") else {
                unreachable!()
            };
            for (place, row) in due.iter().enumerate() {
                assert_eq!(text.value(place), Some(format!("t{}", row % 7).as_str()));
            }
            // Strings of rows that were dropped are dropped too.
            assert!(text.dictionary().len() <= most.min(7));
        }
    }
}

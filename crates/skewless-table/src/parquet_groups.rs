//! A Parquet file of many columns being written: row groups of a given size, their columns encoded by several threads. The
//! bytes do not depend on how many there are.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::EnabledStatistics;
use parquet::file::writer::SerializedFileWriter;

use crate::parquet_sink::{io_error, properties};

pub(crate) struct ParquetGroups<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: Arc<Schema>,
    /// Of the row group that is open; none before its first row.
    columns: Vec<ArrowColumnWriter>,
    /// Rows of that group, and the most that it may have.
    rows: usize,
    most: usize,
    /// Row groups that are closed.
    groups: usize,
    threads: usize,
}

impl<W: Write + Send> ParquetGroups<W> {
    /// What is kept of a group until the end of the file does not grow with its pages.
    pub(crate) fn new(
        writer: W,
        schema: Arc<Schema>,
        rows: usize,
        threads: usize,
    ) -> io::Result<Self> {
        let properties = properties()
            .set_max_row_group_row_count(None)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        let writer = ArrowWriter::try_new(writer, Arc::clone(&schema), Some(properties.build()));
        let parts = writer.and_then(ArrowWriter::into_serialized_writer);
        let (file, factory) = parts.map_err(io_error)?;
        Ok(Self {
            file,
            factory,
            schema,
            columns: Vec::new(),
            rows: 0,
            most: rows.max(1),
            groups: 0,
            threads,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let mut from = 0;
        while from < batch.num_rows() {
            let count = (self.most - self.rows).min(batch.num_rows() - from);
            self.encode(&batch.slice(from, count)).map_err(io_error)?;
            self.rows += count;
            from += count;
            if self.rows == self.most {
                self.end_group().map_err(io_error)?;
            }
        }
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.groups)?;
        }
        // Each column of the schema is one of the file: none is nested.
        let cells = self.schema.fields().iter().zip(batch.columns());
        let jobs: Vec<(&mut ArrowColumnWriter, (&Arc<Field>, &ArrayRef))> =
            self.columns.iter_mut().zip(cells).collect();
        let done = spread(self.threads, jobs, |(column, (field, array))| {
            let mut leaves = compute_leaves(field, array)?.into_iter();
            leaves.try_for_each(|leaf| column.write(&leaf))
        });
        done.map(drop)
    }

    fn end_group(&mut self) -> Result<()> {
        let columns = std::mem::take(&mut self.columns);
        let chunks: Vec<ArrowColumnChunk> =
            spread(self.threads, columns, ArrowColumnWriter::close)?;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.groups += 1;
        self.rows = 0;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.columns.is_empty() {
            self.end_group().map_err(io_error)?;
        }
        self.file.into_inner().map_err(io_error)
    }
}

/// Does the jobs, each by whichever thread is free, and gives what came of them in their order.
fn spread<T: Send, R: Send>(
    threads: usize,
    jobs: Vec<T>,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if threads < 2 || jobs.len() < 2 {
        return jobs.into_iter().map(work).collect();
    }
    let helpers = threads.min(jobs.len()) - 1;
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || {
        let mut done = Vec::new();
        while let Some((place, job)) = next() {
            done.push((place, work(job)));
        }
        done
    };
    let mut all = std::thread::scope(|scope| {
        let helping: Vec<_> = (0..helpers).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for helper in helping {
            match helper.join() {
                Ok(done) => all.extend(done),
                Err(_) => all.push((0, Err(ParquetError::General("a thread ended".to_owned())))),
            }
        }
        all
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, StringArray};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    fn batches() -> Vec<RecordBatch> {
        let batch = |from: i32, rows: i32| {
            let numbers = |factor: i32| {
                let cells = (from..from + rows)
                    .map(move |row| (row % 7 > 0).then(|| f64::from(row * factor % 101)));
                Arc::new(cells.collect::<Float64Array>()) as ArrayRef
            };
            let texts = (from..from + rows).map(|row| (row % 3 == 0).then(|| format!("t{row}")));
            let mut columns: Vec<(String, ArrayRef)> = (1..20)
                .map(|factor| (format!("x{factor}"), numbers(factor)))
                .collect();
            let texts = Arc::new(texts.collect::<StringArray>()) as ArrayRef;
            columns.push(("text".to_owned(), texts));
            RecordBatch::try_from_iter_with_nullable(
                columns
                    .into_iter()
                    .map(|(name, column)| (name, column, true)),
            )
            .unwrap()
        };
        vec![
            batch(0, 900),
            batch(900, 10),
            batch(910, 1_500),
            batch(2_410, 90),
        ]
    }

    fn written(batches: &[RecordBatch], threads: usize) -> Vec<u8> {
        let schema = batches[0].schema();
        let mut sink = ParquetGroups::new(Vec::new(), schema, 1_000, threads).unwrap();
        batches.iter().for_each(|batch| sink.write(batch).unwrap());
        sink.finish().unwrap()
    }

    #[test]
    fn bytes_are_those_of_one_writer_on_any_number_of_threads() {
        let batches = batches();
        let properties = properties()
            .set_max_row_group_row_count(Some(1_000))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let mut plain =
            ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties)).unwrap();
        batches.iter().for_each(|batch| plain.write(batch).unwrap());
        let plain = plain.into_inner().unwrap();
        for threads in [1, 2, 7, 100] {
            assert!(written(&batches, threads) == plain, "{threads} threads");
        }
        let reader = SerializedFileReader::new(Bytes::from(plain)).unwrap();
        let groups = reader.metadata().row_groups().iter();
        let rows: Vec<i64> = groups.map(|group| group.num_rows()).collect();
        assert_eq!(rows, [1_000, 1_000, 500]);
    }

    #[test]
    fn a_table_without_rows_is_a_file() {
        let empty = batches()[0].slice(0, 0);
        let bytes = Bytes::from(written(&[empty], 2));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        assert_eq!(reader.schema().fields().len(), 20);
        assert_eq!(reader.build().unwrap().count(), 0);
    }

    #[test]
    fn a_writer_that_fails_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let batches = batches();
        let sink = ParquetGroups::new(Full, batches[0].schema(), 1_000, 2);
        let failed = sink.and_then(|mut sink| {
            batches.iter().try_for_each(|batch| sink.write(batch))?;
            sink.finish().map(drop)
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

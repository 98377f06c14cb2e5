//! Rows that a seed decides, in row groups, of which one is in memory.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// Rows made at a time.
const BATCH: usize = 8192;
/// 2024-01-01T00:00 in milliseconds since 1970-01-01T00:00, and the milliseconds of two years.
const START: i64 = 1_704_067_200_000;
const SPAN: u64 = 2 * 366 * 86_400_000;

/// Writes so many rows.
pub(crate) fn write(out: &Path, rows: usize, seed: u64) -> Result<()> {
    let mut random = Random(seed);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by("skewless".to_owned())
        .build();
    let schema = random.batch(0)?.schema();
    let mut writer = ArrowWriter::try_new(File::create(out)?, schema, Some(properties))?;
    for first in (0..rows).step_by(BATCH) {
        writer.write(&random.batch(BATCH.min(rows - first))?)?;
    }
    writer.close()?;
    Ok(())
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in [0, 1).
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, by twelve uniform shares of 16 bits' sum.
    fn normal(&mut self) -> f64 {
        let sum = |bits: u64| {
            (0..4)
                .map(move |at| (bits >> (16 * at)) & 0xFFFF)
                .sum::<u64>()
        };
        let sum = sum(self.next()) + sum(self.next()) + sum(self.next());
        sum as f64 / 65_536.0 - 6.0
    }

    /// One of `count` things, the first ones more often.
    fn skewed(&mut self, count: u32) -> u32 {
        let share = self.share();
        (share * share * f64::from(count)) as u32
    }

    /// The value, or nothing in `percent` of a hundred rows.
    fn unless_missing<T>(&mut self, percent: u64, value: T) -> Option<T> {
        (self.next() % 100 >= percent).then_some(value)
    }

    fn numbers(&mut self, rows: usize, percent: u64, number: fn(&mut Self) -> f64) -> ArrayRef {
        let mut cell = |_| {
            let value = (number(self) * 100.0).round() / 100.0;
            self.unless_missing(percent, value)
        };
        Arc::new((0..rows).map(&mut cell).collect::<Float64Array>())
    }

    fn categories(&mut self, rows: usize, percent: u64, letter: char, count: u32) -> ArrayRef {
        let mut cell = |_| {
            let value = format!("{letter}{:05}", self.skewed(count));
            self.unless_missing(percent, value)
        };
        Arc::new((0..rows).map(&mut cell).collect::<StringArray>())
    }

    fn batch(&mut self, rows: usize) -> Result<RecordBatch> {
        let times = |random: &mut Self| {
            let time = |_| START + i64::try_from(random.next() % SPAN).unwrap_or_default();
            TimestampMillisecondArray::from_iter_values((0..rows).map(time))
        };
        let quantities = |random: &mut Self| {
            let quantity = |_| 1 + i32::try_from(random.next() % 9).unwrap_or_default();
            Int32Array::from_iter_values((0..rows).map(quantity))
        };
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            (
                "amount",
                self.numbers(rows, 5, |random| 80.0 + 30.0 * random.normal()),
                true,
            ),
            (
                "distance",
                self.numbers(rows, 10, |random| 5_000.0 * random.share()),
                true,
            ),
            (
                "age",
                self.numbers(rows, 3, |random| (18.0 + 70.0 * random.share()).floor()),
                true,
            ),
            (
                "balance",
                self.numbers(rows, 0, |random| 1_000.0 * random.normal()),
                false,
            ),
            (
                "price",
                self.numbers(rows, 0, |random| 500.0 * random.share()),
                false,
            ),
            ("quantity", Arc::new(quantities(self)), false),
            ("country", self.categories(rows, 2, 'C', 40), true),
            ("device", self.categories(rows, 0, 'D', 6), false),
            ("merchant", self.categories(rows, 0, 'M', 5_000), false),
            ("at", Arc::new(times(self)), false),
        ];
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

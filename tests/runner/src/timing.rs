//! How long a call takes a row, over calls with other rows each time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Calls between two looks at the clock, which costs as much as a small model.
const CALLS: usize = 8;

/// Microseconds a row of `score(from, count)`, which is called with consecutive blocks of `batch` of the `rows` rows.
pub(crate) fn per_row(
    rows: usize,
    batch: usize,
    seconds: f64,
    mut score: impl FnMut(usize, usize) -> Result<()>,
) -> Result<f64> {
    let blocks = rows / batch.max(1);
    if blocks == 0 {
        bail!("{rows} rows are no batch of {batch}");
    }
    let limit = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let mut calls = 0;
    loop {
        // A call on many rows is long beside a look at the clock.
        for _ in 0..if batch < CALLS { CALLS } else { 1 } {
            black_box(score((calls % blocks) * batch, batch)?);
            calls += 1;
        }
        let elapsed = start.elapsed();
        if elapsed >= limit {
            return Ok(elapsed.as_secs_f64() * 1e6 / (calls * batch) as f64);
        }
    }
}

//! How long opening takes in process: every digest checked, the predictor made, every golden row answered.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use skewless_core::Predictor;
use skewless_core::bundle::Contents;

/// Prints the milliseconds of each round as a JSON list. The first round, which finds nothing in the caches, counts too.
pub(crate) fn print(bundle: &str, rounds: usize) -> Result<()> {
    let bytes = std::fs::read(bundle).with_context(|| format!("{bundle} cannot be read"))?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let bundle = Contents::read(black_box(&bytes))?;
        let predictor = Predictor::of_contents(&bundle)?;
        predictor.check_golden(&bundle.golden()?)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        black_box(predictor);
    }
    println!("{}", serde_json::json!(times));
    Ok(())
}

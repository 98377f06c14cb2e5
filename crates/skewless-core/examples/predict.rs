//! Predicts one flight: the README's Rust.
#![allow(clippy::print_stdout, reason = "an example prints")]

use skewless_core::{Bundle, Predictor, Record};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundle = Bundle::from_bytes(&std::fs::read("models/flights/flights.skw")?)?;
    let predictor = Predictor::new(&bundle)?;
    let record = Record::from_json(
        std::fs::read_to_string("models/flights/sample.jsonl")?
            .lines()
            .next()
            .unwrap_or("{}"),
    )?;
    println!(
        "{}",
        predictor
            .output()
            .prediction_json(&predictor.predict(&record)?)
    );
    Ok(())
}

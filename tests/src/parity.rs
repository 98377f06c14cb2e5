//! The native side of `cargo xtask parity`: writes the test months' flights as records, and prints the digests that a
//! predictor gives for them, one record at a time and in columns.
#![allow(
    clippy::print_stdout,
    reason = "a program whose output is read by the verb"
)]

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use skewless_core::{Bundle, PredictionDigest, Predictor, Record};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, config, rows] = arguments.as_slice() else {
        bail!("usage: parity BUNDLE CONFIG ROWS");
    };
    let bytes = std::fs::read(bundle).with_context(|| format!("{bundle} cannot be read"))?;
    let bundle = Bundle::from_bytes(&bytes)?;
    let predictor = Predictor::new(&bundle)?;
    predictor.check_golden(&bundle.golden()?)?;
    let records = skewless_train::test_records(Path::new(config))?;
    write_rows(rows, &records)?;
    report(
        "native-single",
        records.len(),
        &singles(&predictor, &records)?,
    );
    let columns = skewless_train::test_columns(Path::new(config))?;
    let mut digest = PredictionDigest::new();
    digest.update(&predictor.predict_columns(&columns)?);
    report("native-batch", columns.rows(), &digest.finish());
    Ok(())
}

fn singles(predictor: &Predictor, records: &[Record]) -> Result<String> {
    let mut digest = PredictionDigest::new();
    for record in records {
        digest.update(&predictor.predict_records(std::slice::from_ref(record))?);
    }
    Ok(digest.finish())
}

fn write_rows(path: &str, records: &[Record]) -> Result<()> {
    let mut file = BufWriter::new(
        std::fs::File::create(path).with_context(|| format!("{path} cannot be written"))?,
    );
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

fn report(target: &str, rows: usize, sha256: &str) {
    println!(
        "{}",
        serde_json::json!({"target": target, "rows": rows, "sha256": sha256})
    );
}

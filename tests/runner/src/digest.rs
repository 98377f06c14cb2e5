//! The digests that a bundle gives for a file of records.

use anyhow::{Context, Result};
use skewless_core::plan::Simd;
use skewless_core::{Bundle, PredictionDigest, Predictor, Record};

/// Prints a line for single records and one for all records as one batch.
pub(crate) fn print(target: &str, bundle: &str, rows: &str, scalar: bool) -> Result<()> {
    let bytes = std::fs::read(bundle).with_context(|| format!("{bundle} cannot be read"))?;
    let bundle = Bundle::from_bytes(&bytes)?;
    let simd = if scalar { Simd::Off } else { Simd::Auto };
    let predictor = Predictor::new_with(&bundle, simd)?;
    predictor.check_golden(&bundle.golden()?)?;
    let text = std::fs::read_to_string(rows).with_context(|| format!("{rows} cannot be read"))?;
    let records: Vec<Record> = text
        .lines()
        .map(Record::from_json)
        .collect::<Result<_, _>>()?;
    let mut single = PredictionDigest::new();
    for record in &records {
        single.update(&predictor.predict_records(std::slice::from_ref(record))?);
    }
    let mut batch = PredictionDigest::new();
    batch.update(&predictor.predict_records(&records)?);
    for (way, digest) in [("single", single), ("batch", batch)] {
        let line = serde_json::json!({
            "target": format!("{target}-{way}"),
            "rows": records.len(),
            "sha256": digest.finish(),
        });
        println!("{line}");
    }
    Ok(())
}

//! Digests: SHA-256 in hexadecimal, and the one digest over predictions that every target must reach.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::batch::BatchPrediction;
use crate::output::NO_LABEL;

/// Stands in the label's place where a row failed.
const FAILED: u32 = u32::MAX - 1;

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 over predictions, row after row.
///
/// A good row is each raw score as f64 little-endian, each value as f64 little-endian, the label's index as u32
/// little-endian (0xFFFFFFFF without a label). A failed row is 0xFFFFFFFE as u32 little-endian, the error code's
/// bytes, and a byte 0.
#[derive(Default)]
pub struct PredictionDigest(Sha256);

impl PredictionDigest {
    /// Over no rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    pub fn update(&mut self, batch: &BatchPrediction) {
        for row in 0..batch.rows() {
            match batch.row(row) {
                Ok(prediction) => {
                    for number in prediction.raw.iter().chain(&prediction.values) {
                        self.0.update(number.to_le_bytes());
                    }
                    self.0
                        .update(prediction.label.unwrap_or(NO_LABEL).to_le_bytes());
                }
                Err(error) => {
                    self.0.update(FAILED.to_le_bytes());
                    self.0.update(error.code().as_bytes());
                    self.0.update([0]);
                }
            }
        }
    }

    /// The digest in lower-case hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

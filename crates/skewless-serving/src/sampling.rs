//! Which rows a sampled log takes: drawn, or decided by a field, so that the same record is taken on every door.

use sha2::{Digest, Sha256};
use skewless_core::{Error, Record, Result, Value};

/// A share of all rows.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    share: f64,
    key: Option<String>,
}

impl Sampling {
    /// A share from 0 to 1 of rows, drawn, or where `key` is an input, by the hash of its value: SHA-256 of the value's
    /// JSON text, whose first eight bytes, as a big-endian number over 2⁶⁴, are below the share. A record without the
    /// field is drawn.
    pub(crate) fn new(share: f64, key: Option<String>) -> Self {
        Self { share, key }
    }

    /// For each of `records` whether it is taken.
    ///
    /// # Errors
    /// `internal.random` where the machine has no random numbers.
    pub(crate) fn choose<'a>(
        &self,
        records: impl ExactSizeIterator<Item = &'a Record>,
    ) -> Result<Vec<bool>> {
        if self.share >= 1.0 || self.share <= 0.0 {
            return Ok(vec![self.share >= 1.0; records.len()]);
        }
        let mut random = vec![0; records.len() * 8];
        getrandom::fill(&mut random).map_err(|error| {
            Error::internal("internal.random", format!("no random numbers: {error}"))
        })?;
        let drawn = random.chunks_exact(8).map(first_eight);
        let chosen = records.zip(drawn).map(|(record, drawn)| {
            let key = self.key.as_ref().and_then(|key| record.value(key));
            let number = match key {
                None | Some(Value::Missing) => drawn,
                Some(value) => hash(value),
            };
            is_below(number, self.share)
        });
        Ok(chosen.collect())
    }
}

/// True with the probability `share`; never where the machine has no random numbers.
pub(crate) fn draw(share: f64) -> bool {
    share >= 1.0 || share > 0.0 && getrandom::u64().is_ok_and(|number| is_below(number, share))
}

fn hash(value: &Value) -> u64 {
    let text = serde_json::to_vec(value).unwrap_or_default();
    first_eight(&Sha256::digest(text))
}

fn first_eight(bytes: &[u8]) -> u64 {
    let first = bytes.iter().take(8);
    first.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share has no more than 53 bits"
)]
fn is_below(number: u64, share: f64) -> bool {
    (number as f64) < share * 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn records(count: u32) -> Vec<Record> {
        let record = |id| {
            [("id".to_owned(), Value::Text(format!("r{id}")))]
                .into_iter()
                .collect()
        };
        (0..count).map(record).collect()
    }

    fn chosen(sampling: &Sampling, records: &[Record]) -> Vec<bool> {
        sampling.choose(records.iter()).unwrap()
    }

    #[test]
    fn a_key_decides_the_same_way_each_time_and_for_its_share() {
        let records = records(20_000);
        let sampling = Sampling::new(0.1, Some("id".into()));
        let first = chosen(&sampling, &records);
        assert_eq!(first, chosen(&sampling, &records));
        let taken = first.iter().filter(|&&taken| taken).count();
        // Five standard deviations of a binomial share.
        assert!((1_788..=2_212).contains(&taken), "{taken}");
        let wider = chosen(&Sampling::new(0.2, Some("id".into())), &records);
        let kept = first
            .iter()
            .zip(&wider)
            .all(|(narrow, wide)| !narrow || *wide);
        assert!(kept, "a larger share holds a smaller one");
    }

    #[test]
    fn the_hash_is_the_one_that_is_documented() {
        // The first 8 bytes of SHA-256 of `"r0"`, quotes included.
        let digest = Sha256::digest(br#""r0""#);
        let expected = u64::from_be_bytes(digest[..8].try_into().unwrap());
        assert_eq!(hash(&Value::Text("r0".into())), expected);
    }

    #[test]
    fn shares_of_all_and_nothing() {
        let records = records(100);
        assert!(
            chosen(&Sampling::new(1.0, None), &records)
                .iter()
                .all(|&taken| taken)
        );
        assert!(
            !chosen(&Sampling::new(0.0, None), &records)
                .iter()
                .any(|&taken| taken)
        );
    }

    #[test]
    fn without_a_key_rows_are_drawn() {
        let records = records(20_000);
        let sampling = Sampling::new(0.5, Some("absent".into()));
        let (first, second) = (chosen(&sampling, &records), chosen(&sampling, &records));
        assert_ne!(first, second);
        let taken = first.iter().filter(|&&taken| taken).count();
        assert!((9_646..=10_354).contains(&taken), "{taken}");
    }
}

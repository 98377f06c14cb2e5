//! Which rows train, choose and judge: by time with a gap, by the hash of a key, by group; in one piece or in folds.

use sha2::{Digest as _, Sha256};
use skewless_core::{Error, Result};

/// A fold: a model is fitted on `train` alone and judged on `validate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) train: Vec<usize>,
    pub(crate) validate: Vec<usize>,
}

/// All parts, as row numbers that rise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folds {
    pub(crate) folds: Vec<Fold>,
    /// What the winner is fitted on: with one fold its training rows; with several, every row of any fold.
    pub(crate) last: Vec<usize>,
    /// Rows that take no part in fitting or choosing.
    pub(crate) test: Vec<usize>,
    /// Rows that lie in a gap.
    pub(crate) left_out: usize,
}

/// Boundaries in time, in the unit of the times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Periods {
    /// First moments of the validation windows, rising.
    pub(crate) validate_from: Vec<f64>,
    pub(crate) test_from: f64,
    /// How long before each boundary rows are left out.
    pub(crate) gap: f64,
}

/// Windows that move with the data: lengths in the unit of the times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Newest {
    /// How long the validation lasts.
    pub(crate) validate: f64,
    /// How long the test lasts, up to the end of the newest row's day.
    pub(crate) test: f64,
    /// How long before each boundary rows are left out.
    pub(crate) gap: f64,
    /// A day.
    pub(crate) day: f64,
}

impl Newest {
    /// The boundaries for rows of which the newest has this time.
    pub(crate) fn periods(&self, newest: f64) -> Periods {
        let end = ((newest / self.day).floor() + 1.0) * self.day;
        let test_from = end - self.test;
        Periods {
            validate_from: vec![test_from - self.validate],
            test_from,
            gap: self.gap,
        }
    }
}

/// Shares by hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    pub(crate) test: f64,
    pub(crate) rest: Rest,
    pub(crate) seed: u64,
}

/// What becomes of keys outside the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rest {
    /// One validation part with this share of all keys.
    Validate(f64),
    /// So many folds.
    Folds(usize),
}

impl Folds {
    /// Each window is judged by what was fitted on everything that lies the gap before it.
    ///
    /// # Errors
    /// `train.split_time` for a row without a time, `train.empty_split` for a part without rows.
    pub(crate) fn by_time(times: &[f64], rows: &[usize], periods: &Periods) -> Result<Self> {
        let time = |row: usize| times.get(row).copied().unwrap_or(f64::NAN);
        if let Some(&row) = rows.iter().find(|&&row| time(row).is_nan()) {
            let message = "there is no time to split by";
            return Err(Error::input("train.split_time", message).with_row(row));
        }
        let within = |from: f64, before: f64| -> Vec<usize> {
            let inside = |row: &&usize| time(**row) >= from && time(**row) < before;
            rows.iter().filter(inside).copied().collect()
        };
        let starts = &periods.validate_from;
        let ends = starts.iter().skip(1).copied().chain([periods.test_from]);
        let folds: Vec<Fold> = (starts.iter().zip(ends))
            .map(|(&start, end)| Fold {
                train: within(f64::NEG_INFINITY, start - periods.gap),
                validate: within(start, end - periods.gap),
            })
            .collect();
        let all = within(f64::NEG_INFINITY, periods.test_from - periods.gap);
        Self::of(
            folds,
            all,
            within(periods.test_from, f64::INFINITY),
            rows.len(),
        )
    }

    /// Deals by the keys' hashes: a row's part depends on its key and the seed, and on no other row.
    ///
    /// # Errors
    /// `train.split_key` for a row without a key, `train.empty_split` for a part without rows.
    pub(crate) fn by_key(keys: &[Option<String>], rows: &[usize], shares: &Shares) -> Result<Self> {
        let mut test = Vec::new();
        let count = match shares.rest {
            Rest::Validate(_) => 1,
            Rest::Folds(count) => count,
        };
        let mut validate = vec![Vec::new(); count];
        let mut all = Vec::new();
        for &row in rows {
            let Some(key) = keys.get(row).and_then(Option::as_ref) else {
                let message = format!("row {row} has no key to be split by");
                return Err(Error::input("train.split_key", message).with_row(row));
            };
            let place = position(shares.seed, "part", key);
            if place < shares.test {
                test.push(row);
                continue;
            }
            all.push(row);
            match shares.rest {
                Rest::Validate(share) if place < shares.test + share => push(&mut validate, 0, row),
                Rest::Validate(_) => {}
                Rest::Folds(count) => {
                    push(
                        &mut validate,
                        fold_of(position(shares.seed, "fold", key), count),
                        row,
                    );
                }
            }
        }
        let folds = validate.into_iter().map(|validate| Fold {
            train: all
                .iter()
                .filter(|row| validate.binary_search(row).is_err())
                .copied()
                .collect(),
            validate,
        });
        Self::of(folds.collect(), all, test, rows.len())
    }

    fn of(folds: Vec<Fold>, all: Vec<usize>, test: Vec<usize>, rows: usize) -> Result<Self> {
        let left_out = rows - all.len() - test.len();
        let last = match folds.as_slice() {
            [one] => one.train.clone(),
            _ => all,
        };
        let empty = |part: &str| {
            Err(Error::input(
                "train.empty_split",
                format!(
                    "the split leaves no row for {part}: choose other days or shares, or a key of more values"
                ),
            ))
        };
        for (place, fold) in folds.iter().enumerate() {
            if fold.train.is_empty() {
                return empty(&format!("the training of fold {}", place + 1));
            }
            if fold.validate.is_empty() {
                return empty(&format!("the validation of fold {}", place + 1));
            }
        }
        if test.is_empty() {
            return empty("the test");
        }
        Ok(Self {
            folds,
            last,
            test,
            left_out,
        })
    }
}

fn push(parts: &mut [Vec<usize>], part: usize, row: usize) {
    if let Some(rows) = parts.get_mut(part) {
        rows.push(row);
    }
}

/// From 0 to 1: the first eight bytes of SHA-256 over `SEED/PURPOSE/KEY`, most significant first, over 2^64.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounding is part of the definition"
)]
fn position(seed: u64, purpose: &str, key: &str) -> f64 {
    let digest = Sha256::digest(format!("{seed}/{purpose}/{key}"));
    let head = digest
        .iter()
        .take(8)
        .fold(0_u64, |head, &byte| head << 8 | u64::from(byte));
    head as f64 / 18_446_744_073_709_551_616.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "from 0 to the number of folds"
)]
fn fold_of(position: f64, count: usize) -> usize {
    ((position * count as f64) as usize).min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> Vec<f64> {
        (0..40).map(f64::from).collect()
    }

    fn keys(rows: usize) -> Vec<Option<String>> {
        (0..rows).map(|row| Some(format!("k{row}"))).collect()
    }

    #[test]
    fn windows_expand_and_gaps_lie_before_each_boundary() {
        let rows: Vec<usize> = (0..40).collect();
        let periods = Periods {
            validate_from: vec![10.0, 20.0],
            test_from: 30.0,
            gap: 2.0,
        };
        let folds = Folds::by_time(&times(), &rows, &periods).unwrap();
        let range = |from: usize, to: usize| (from..to).collect::<Vec<_>>();
        assert_eq!(
            folds.folds[0],
            Fold {
                train: range(0, 8),
                validate: range(10, 18)
            }
        );
        assert_eq!(
            folds.folds[1],
            Fold {
                train: range(0, 18),
                validate: range(20, 28)
            }
        );
        assert_eq!(
            (folds.last, folds.test, folds.left_out),
            (range(0, 28), range(30, 40), 2)
        );
    }

    #[test]
    fn one_fold_keeps_its_validation_out_of_the_last_fit() {
        let rows: Vec<usize> = (0..40).collect();
        let periods = Periods {
            validate_from: vec![20.0],
            test_from: 30.0,
            gap: 0.0,
        };
        let folds = Folds::by_time(&times(), &rows, &periods).unwrap();
        assert_eq!(folds.last, folds.folds[0].train);
    }

    #[test]
    fn keys_deal_every_row_once_and_added_rows_move_none() {
        let shares = Shares {
            test: 0.25,
            rest: Rest::Folds(4),
            seed: 3,
        };
        let rows: Vec<usize> = (0..400).collect();
        let few = Folds::by_key(&keys(400), &rows, &shares).unwrap();
        let mut all: Vec<usize> = few
            .folds
            .iter()
            .flat_map(|fold| fold.validate.clone())
            .chain(few.test.clone())
            .collect();
        all.sort_unstable();
        assert_eq!(all, rows);
        assert!((70..130).contains(&few.test.len()), "{}", few.test.len());
        let more = Folds::by_key(&keys(500), &(0..500).collect::<Vec<_>>(), &shares).unwrap();
        for (few, more) in few.folds.iter().zip(&more.folds) {
            let kept: Vec<usize> = more
                .validate
                .iter()
                .filter(|&&row| row < 400)
                .copied()
                .collect();
            assert_eq!(few.validate, kept);
        }
    }

    #[test]
    fn a_group_is_never_torn_apart() {
        let keys: Vec<Option<String>> =
            (0..300).map(|row| Some(format!("g{}", row % 30))).collect();
        let rows: Vec<usize> = (0..300).collect();
        let shares = Shares {
            test: 0.2,
            rest: Rest::Validate(0.2),
            seed: 1,
        };
        let folds = Folds::by_key(&keys, &rows, &shares).unwrap();
        let groups = |rows: &[usize]| {
            rows.iter()
                .map(|row| row % 30)
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (train, validate, test) = (
            groups(&folds.folds[0].train),
            groups(&folds.folds[0].validate),
            groups(&folds.test),
        );
        assert!(
            train.is_disjoint(&test) && train.is_disjoint(&validate) && validate.is_disjoint(&test)
        );
    }

    /// By Python: `int.from_bytes(hashlib.sha256(b"7/part/a").digest()[:8], "big") / 2**64`.
    #[test]
    fn a_hash_is_what_other_languages_make_of_it() {
        assert_eq!(position(7, "part", "a"), PYTHON);
    }

    const PYTHON: f64 = 0.7348212315372801;

    #[test]
    fn rows_without_time_or_key_and_empty_parts_are_refused() {
        let periods = Periods {
            validate_from: vec![1.0],
            test_from: 2.0,
            gap: 0.0,
        };
        let error = Folds::by_time(&[0.0, f64::NAN], &[0, 1], &periods).unwrap_err();
        assert_eq!((error.code(), error.row()), ("train.split_time", Some(1)));
        let error = Folds::by_time(&[0.0, 1.5], &[0, 1], &periods).unwrap_err();
        assert_eq!(error.code(), "train.empty_split");
        let shares = Shares {
            test: 0.5,
            rest: Rest::Validate(0.2),
            seed: 0,
        };
        let error = Folds::by_key(&[None], &[0], &shares).unwrap_err();
        assert_eq!((error.code(), error.row()), ("train.split_key", Some(0)));
    }
}

//! Which rows train, which choose, which judge: by time, and at random for comparison.

use skewless_core::{Error, Result};

use crate::random::Random;

/// Row numbers of the three parts, each rising.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Rows that everything is fitted on.
    pub train: Vec<usize>,
    /// Rows that parameters are chosen on.
    pub validate: Vec<usize>,
    /// Rows that take no part in fitting or choosing, and measure the result.
    pub test: Vec<usize>,
}

/// Where the parts begin, in seconds of wall clock since 1970-01-01T00:00.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundaries {
    /// The first moment that is validation and no longer training.
    pub validate_from: f64,
    /// The first moment that is test and no longer validation.
    pub test_from: f64,
}

impl Split {
    /// Splits `rows` by the time of each row: training before validation before test.
    ///
    /// # Errors
    /// `train.split_time` for a row without a time, `train.empty_split` where a part gets no row.
    pub fn by_time(times: &[f64], rows: &[usize], boundaries: Boundaries) -> Result<Self> {
        let mut split = Self {
            train: Vec::new(),
            validate: Vec::new(),
            test: Vec::new(),
        };
        for &row in rows {
            let time = times.get(row).copied().unwrap_or(f64::NAN);
            if time.is_nan() {
                let message = format!("row {row} has no time to be split by");
                return Err(Error::input("train.split_time", message).with_row(row));
            }
            if time < boundaries.validate_from {
                split.train.push(row);
            } else if time < boundaries.test_from {
                split.validate.push(row);
            } else {
                split.test.push(row);
            }
        }
        split.checked()
    }

    /// Deals `rows` out at random into parts of the sizes of `like`.
    ///
    /// # Errors
    /// `train.empty_split` where a part gets no row.
    pub fn at_random(rows: &[usize], like: &Self, seed: u64) -> Result<Self> {
        let mut shuffled = rows.to_vec();
        Random::new(seed, 1).shuffle(&mut shuffled);
        let mut rest = shuffled.into_iter();
        let mut part = |size: usize| {
            let mut rows: Vec<usize> = rest.by_ref().take(size).collect();
            rows.sort_unstable();
            rows
        };
        let split = Self {
            train: part(like.train.len()),
            validate: part(like.validate.len()),
            test: part(like.test.len()),
        };
        split.checked()
    }

    fn checked(self) -> Result<Self> {
        let parts = [
            ("training", &self.train),
            ("validation", &self.validate),
            ("test", &self.test),
        ];
        match parts.iter().find(|(_, rows)| rows.is_empty()) {
            Some((part, _)) => Err(Error::input(
                "train.empty_split",
                format!("the split leaves no row for {part}"),
            )),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDARIES: Boundaries = Boundaries {
        validate_from: 10.0,
        test_from: 20.0,
    };

    #[test]
    fn a_boundary_belongs_to_the_later_part() {
        let times = [9.9, 10.0, 19.9, 20.0, 5.0];
        let split = Split::by_time(&times, &[0, 1, 2, 3, 4], BOUNDARIES).unwrap();
        assert_eq!(
            (split.train, split.validate, split.test),
            (vec![0, 4], vec![1, 2], vec![3])
        );
    }

    #[test]
    fn rows_without_time_and_empty_parts_are_refused() {
        let error = Split::by_time(&[1.0, f64::NAN], &[0, 1], BOUNDARIES).unwrap_err();
        assert_eq!((error.code(), error.row()), ("train.split_time", Some(1)));
        let error = Split::by_time(&[1.0, 11.0], &[0, 1], BOUNDARIES).unwrap_err();
        assert_eq!(error.code(), "train.empty_split");
    }

    #[test]
    fn a_random_split_deals_every_row_once() {
        let times: Vec<f64> = (0..30).map(f64::from).collect();
        let rows: Vec<usize> = (0..30).collect();
        let by_time = Split::by_time(&times, &rows, BOUNDARIES).unwrap();
        let random = Split::at_random(&rows, &by_time, 4).unwrap();
        assert_eq!(random, Split::at_random(&rows, &by_time, 4).unwrap());
        assert_ne!(random.train, by_time.train);
        let mut all = [random.train, random.validate, random.test].concat();
        all.sort_unstable();
        assert_eq!(all, rows);
    }
}

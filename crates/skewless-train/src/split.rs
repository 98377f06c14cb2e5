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

    /// Checks that every part has rows of both labels, without which it can neither be learnt from nor measured on.
    /// `labels` holds one label a row of the data; `kind` of split and `input` of the label stand in the error.
    ///
    /// # Errors
    /// `train.one_class` naming the part.
    pub(crate) fn check_labels(
        &self,
        labels: &[Option<bool>],
        kind: &str,
        input: &str,
    ) -> Result<()> {
        for (part, rows) in self.parts() {
            let has = |wanted: bool| {
                (rows.iter()).any(|&row| labels.get(row).copied().flatten() == Some(wanted))
            };
            let rule = match (has(false), has(true)) {
                (true, true) => continue,
                (_, false) => "above",
                (false, true) => "at or below",
            };
            let message = format!(
                "the split {kind} gives no {part} row with `{input}` {rule} the label's bound; both labels are needed"
            );
            return Err(Error::input("train.one_class", message).with_field(input));
        }
        Ok(())
    }

    fn parts(&self) -> [(&'static str, &[usize]); 3] {
        [
            ("training", &self.train),
            ("validation", &self.validate),
            ("test", &self.test),
        ]
    }

    fn checked(self) -> Result<Self> {
        match self.parts().iter().find(|(_, rows)| rows.is_empty()) {
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
    fn a_part_with_one_label_is_refused_by_its_name() {
        let split = Split {
            train: vec![0, 1],
            validate: vec![2, 3],
            test: vec![4, 5],
        };
        let mut labels: Vec<Option<bool>> = (0..6).map(|row| Some(row % 2 == 0)).collect();
        split.check_labels(&labels, "by time", "delay").unwrap();
        for (row, part) in [(1, "training"), (2, "validation"), (5, "test")] {
            let kept = labels[row];
            labels[row] = kept.map(|label| !label);
            let error = split.check_labels(&labels, "by time", "delay").unwrap_err();
            assert_eq!(
                (error.code(), error.field()),
                ("train.one_class", Some("delay"))
            );
            let side = if row == 2 { "above" } else { "at or below" };
            let expected = format!("no {part} row with `delay` {side} ");
            assert!(error.message().contains(&expected), "{error}");
            labels[row] = kept;
        }
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

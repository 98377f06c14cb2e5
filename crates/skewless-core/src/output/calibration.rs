//! A probability's calibration by a table, as isotonic regression gives it.

use serde::{Deserialize, Serialize};

/// A rising broken line over the link's probability, constant beyond its ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Probabilities as the link gives them, rising.
    pub from: Vec<f64>,
    /// The calibrated probability of each, from 0 to 1, never falling.
    pub to: Vec<f64>,
}

impl Calibration {
    /// Whether the points rise and are as many on both sides, one at least.
    pub(super) fn is_sound(&self) -> bool {
        let rises = self.from.windows(2).all(|pair| pair[0] < pair[1]);
        let bounds = (self.from.iter()).all(|from| from.is_finite())
            && self.to.iter().all(|to| (0.0..=1.0).contains(to));
        !self.from.is_empty()
            && self.from.len() == self.to.len()
            && rises
            && bounds
            && self.to.is_sorted()
    }

    /// The calibrated probability: between two points on the straight line from one to the other.
    pub fn at(&self, value: f64) -> f64 {
        let above = self.from.partition_point(|&known| known <= value);
        let point = |place: usize| Some((*self.from.get(place)?, *self.to.get(place)?));
        match (above.checked_sub(1).and_then(point), point(above)) {
            (Some((low, from)), Some((high, to))) => {
                from + (to - from) * (value - low) / (high - low)
            }
            (Some((_, end)), None) | (None, Some((_, end))) => end,
            (None, None) => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(from: &[f64], to: &[f64]) -> Calibration {
        Calibration {
            from: from.to_vec(),
            to: to.to_vec(),
        }
    }

    #[test]
    fn points_are_joined_and_ends_go_on() {
        let table = table(&[0.25, 0.5, 0.75], &[0.0, 0.5, 0.75]);
        assert!(table.is_sound());
        let found = [0.0, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0].map(|value| table.at(value));
        assert_eq!(found, [0.0, 0.0, 0.25, 0.5, 0.625, 0.75, 0.75]);
    }

    #[test]
    fn what_does_not_rise_is_unsound() {
        let unsound = [
            table(&[], &[]),
            table(&[0.1, 0.2], &[0.5]),
            table(&[0.2, 0.2], &[0.1, 0.5]),
            table(&[0.1, f64::NAN], &[0.1, 0.5]),
            table(&[0.1, 0.2], &[0.5, 0.4]),
            table(&[0.1, 0.2], &[0.5, 1.1]),
        ];
        for table in unsound {
            assert!(!table.is_sound(), "{table:?}");
        }
    }
}

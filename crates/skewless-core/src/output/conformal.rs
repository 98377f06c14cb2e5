//! Conformal prediction at serving: a quantile fitted in training makes an interval or a set of labels around a prediction.
//!
//! Coverage holds in expectation where rows are exchangeable with those that the quantile was taken from (Vovk et al. 2005;
//! Angelopoulos and Bates 2023).

use serde::{Deserialize, Serialize};

/// How scores are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConformalMethod {
    /// Regression, split conformal (Lei et al. 2018): the interval is value ± quantile.
    #[default]
    Split,
    /// Regression, conformalised quantiles (Romano et al. 2019): the model has two raw scores more, a lower and an upper
    /// quantile of the value, and the interval goes from the one − quantile to the other + quantile.
    Cqr,
    /// Classification, least ambiguous sets (Sadinle et al. 2019): the smallest on average, possibly empty.
    Lac,
    /// Classification, adaptive sets (Romano et al. 2020): they grow with doubt and are never empty.
    Aps,
}

/// The promise of a coverage, as `output.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// How scores are made.
    pub method: ConformalMethod,
    /// The share of truths that is promised to lie inside, between 0 and 1.
    pub confidence: f64,
    /// The score that is not exceeded, below 0 where quantiles are too far apart; `None` where too few rows promise nothing: then everything lies inside.
    pub quantile: Option<f64>,
    /// The category input whose values have quantiles of their own (Mondrian).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Their quantiles, by rising values. A value that is not among them, and a missing one, has [`Conformal::quantile`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A value of [`Conformal::by`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The value.
    pub value: String,
    /// As [`Conformal::quantile`].
    pub quantile: Option<f64>,
}

impl Conformal {
    /// The quantile of a group, infinite where nothing is promised.
    pub fn quantile_of(&self, group: Option<&str>) -> f64 {
        let place =
            |wanted: &str| (self.groups).binary_search_by(|group| group.value.as_str().cmp(wanted));
        let own = group.and_then(|group| self.groups.get(place(group).ok()?));
        own.map_or(self.quantile, |group| group.quantile)
            .unwrap_or(f64::INFINITY)
    }

    pub(super) fn is_sound(&self) -> bool {
        let finite = |quantile: Option<f64>| quantile.is_none_or(f64::is_finite);
        let rises = |pair: &[Group]| pair[0].value < pair[1].value;
        self.confidence > 0.0
            && self.confidence < 1.0
            && finite(self.quantile)
            && self.groups.iter().all(|group| finite(group.quantile))
            && self.groups.windows(2).all(rises)
            && (self.by.is_some() || self.groups.is_empty())
    }
}

impl ConformalMethod {
    /// Whether promises are intervals of a regression.
    pub fn is_of_numbers(self) -> bool {
        matches!(self, Self::Split | Self::Cqr)
    }

    /// Raw scores of a regression that promises so.
    pub fn raw_scores(self) -> usize {
        if self == Self::Cqr { 3 } else { 1 }
    }

    /// The ends of the interval around a value with its row's raw scores. Quantiles that cross change places; an interval
    /// whose ends would cross, by a quantile below 0, is the point between them.
    pub fn interval(self, value: f64, raw: &[f64], quantile: f64) -> [f64; 2] {
        match (self, raw) {
            (Self::Cqr, &[_, one, other]) => {
                let (low, high) = (one.min(other), one.max(other));
                let middle = low + (high - low) / 2.0;
                [(low - quantile).min(middle), (high + quantile).max(middle)]
            }
            _ => [value - quantile, value + quantile],
        }
    }

    /// The labels in the set, by the labels' order. `shares` are the probabilities of all labels.
    pub fn set(self, shares: &[f64], quantile: f64) -> Vec<bool> {
        match self {
            Self::Aps => aps(shares, quantile),
            Self::Split | Self::Cqr | Self::Lac => (shares.iter())
                .map(|share| 1.0 - share <= quantile)
                .collect(),
        }
    }
}

/// The likeliest labels until their probabilities reach the quantile, the one that does among them.
fn aps(shares: &[f64], quantile: f64) -> Vec<bool> {
    let mut set = vec![false; shares.len()];
    let mut sum = 0.0;
    for place in falling(shares) {
        if let (Some(is_in), Some(share)) = (set.get_mut(place), shares.get(place)) {
            *is_in = true;
            sum += share;
        }
        if sum >= quantile {
            break;
        }
    }
    set
}

/// Places from the greatest share down; of equal ones the first.
pub fn falling(shares: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..shares.len()).collect();
    let share = |place: usize| shares.get(place).copied().unwrap_or_default();
    places.sort_by(|&a, &b| share(b).total_cmp(&share(a)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group((value, quantile): (&str, Option<f64>)) -> Group {
        Group {
            value: value.to_owned(),
            quantile,
        }
    }

    #[test]
    fn a_group_has_its_quantile_and_strangers_have_that_of_all() {
        let conformal = Conformal {
            confidence: 0.9,
            quantile: Some(2.0),
            by: Some("carrier".to_owned()),
            groups: [("AA", Some(1.0)), ("HA", None)].map(group).to_vec(),
            ..Conformal::default()
        };
        assert!(conformal.is_sound());
        let groups = [Some("AA"), Some("HA"), Some("??"), None];
        let found = groups.map(|group| conformal.quantile_of(group));
        assert_eq!(found, [1.0, f64::INFINITY, 2.0, 2.0]);
        let groups = [("HA", None), ("AA", Some(1.0))].map(group).to_vec();
        assert!(
            !Conformal {
                groups,
                ..conformal
            }
            .is_sound()
        );
    }

    #[test]
    fn the_ends_of_quantiles_are_in_order() {
        let ends = |raw: [f64; 3], quantile| ConformalMethod::Cqr.interval(raw[0], &raw, quantile);
        assert_eq!(ends([5.0, 1.0, 4.0], 0.5), [0.5, 4.5]);
        assert_eq!(ends([5.0, 4.0, 1.0], 0.5), [0.5, 4.5]);
        assert_eq!(ends([5.0, 1.0, 4.0], -1.0), [2.0, 3.0]);
        assert_eq!(ends([5.0, 1.0, 4.0], -2.0), [2.5, 2.5]);
        let split = ConformalMethod::Split.interval(5.0, &[5.0], 0.5);
        assert_eq!(split, [4.5, 5.5]);
    }

    #[test]
    fn without_a_promise_every_label_is_in_the_set() {
        for method in [ConformalMethod::Lac, ConformalMethod::Aps] {
            let set = method.set(&[0.7, 0.3, 0.0], f64::INFINITY);
            assert_eq!(set, [true; 3], "{method:?}");
        }
    }
}

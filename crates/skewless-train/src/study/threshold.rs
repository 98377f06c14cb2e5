//! From which probability on the positive label is given, chosen on the validation rows.

use serde::{Deserialize, Serialize};

use super::config::ThresholdConfig;

/// The chosen threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The least probability of the positive label.
    pub value: f64,
    /// What it was chosen by.
    #[serde(flatten)]
    pub by: ThresholdConfig,
    /// The greatest F1, or the least mean cost of a row, of the validation rows.
    pub reached: f64,
}

/// The best threshold for the probabilities of rows; of equally good ones the greatest. It lies midway between two of them,
/// or at 1 where none is to be positive.
pub(crate) fn choose(by: ThresholdConfig, values: &[f64], positive: &[bool]) -> Threshold {
    let mut rows: Vec<(f64, bool)> = values
        .iter()
        .copied()
        .zip(positive.iter().copied())
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = rows.len();
    let positives = positive.iter().filter(|&&positive| positive).count();
    let (mut hits, mut given) = (0, 0);
    let nothing = rows.first().is_some_and(|first| first.0 < 1.0);
    let mut best = nothing.then(|| (1.0, merit(by, [hits, given, positives, all])));
    let mut rest = rows.as_slice();
    while let Some(&(value, _)) = rest.first() {
        let same = rest.iter().take_while(|row| row.0 == value).count();
        let (here, after) = rest.split_at(same);
        given += same;
        hits += here.iter().filter(|row| row.1).count();
        rest = after;
        let merit = merit(by, [hits, given, positives, all]);
        if best.is_none_or(|(_, best)| merit > best) {
            let below = rest
                .first()
                .map_or(value, |next| f64::midpoint(next.0, value));
            let is_apart = rest.first().is_none_or(|next| below > next.0);
            best = Some((if is_apart { below } else { value }, merit));
        }
    }
    let (value, merit) = best.unwrap_or((0.5, f64::NAN));
    let reached = match by {
        ThresholdConfig::F1 {} => merit,
        ThresholdConfig::Costs { .. } => -merit,
    };
    Threshold { value, by, reached }
}

/// F1, or the mean cost of a row, negative. The counts are of rows that are positive and said to be, said to be, positive,
/// and of all.
#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn merit(by: ThresholdConfig, [hits, given, positives, all]: [usize; 4]) -> f64 {
    match by {
        ThresholdConfig::F1 {} => 2.0 * hits as f64 / (given + positives).max(1) as f64,
        ThresholdConfig::Costs {
            false_positive,
            false_negative,
        } => {
            let (wrong, missed) = ((given - hits) as f64, (positives - hits) as f64);
            -(wrong * false_positive + missed * false_negative) / all.max(1) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: [f64; 6] = [0.9, 0.7, 0.7, 0.4, 0.3, 0.1];
    const POSITIVE: [bool; 6] = [true, true, false, true, false, false];

    #[test]
    fn the_best_is_midway_and_costs_move_it() {
        let found = choose(ThresholdConfig::F1 {}, &VALUES, &POSITIVE);
        assert!((found.value - 0.35).abs() < 1e-15 && (found.reached - 6.0 / 7.0).abs() < 1e-15);
        let by_costs = |false_positive, false_negative| {
            let by = ThresholdConfig::Costs {
                false_positive,
                false_negative,
            };
            choose(by, &VALUES, &POSITIVE)
        };
        let careful = by_costs(10.0, 1.0);
        assert!((careful.value - 0.8).abs() < 1e-15 && (careful.reached - 2.0 / 6.0).abs() < 1e-15);
        assert_eq!(by_costs(100.0, 1e-9).value, 0.8);
        let never = choose(
            ThresholdConfig::Costs {
                false_positive: 1.0,
                false_negative: 0.0,
            },
            &VALUES,
            &POSITIVE,
        );
        assert_eq!((never.value, never.reached), (1.0, 0.0));
    }

    proptest! {
        #[test]
        fn no_threshold_is_better(
            rows in prop::collection::vec((0_u8..=20, any::<bool>()), 1..60),
            costs in (0.1..9.0, 0.1..9.0),
        ) {
            let values: Vec<f64> = rows.iter().map(|row| f64::from(row.0) / 20.0).collect();
            let positive: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let by_costs = ThresholdConfig::Costs { false_positive: costs.0, false_negative: costs.1 };
            for by in [ThresholdConfig::F1 {}, by_costs] {
                let at = |threshold: f64| {
                    let given = values.iter().map(|&value| value >= threshold);
                    let pairs: Vec<(bool, bool)> = given.zip(positive.iter().copied()).collect();
                    let count = |pair: (bool, bool)| pairs.iter().filter(|&&one| one == pair).count();
                    let (hits, wrong) = (count((true, true)), count((true, false)));
                    merit(by, [hits, hits + wrong, hits + count((false, true)), pairs.len()])
                };
                let found = choose(by, &values, &positive);
                prop_assert!((0.0..=1.0).contains(&found.value));
                for step in 0..=40_u8 {
                    prop_assert!(at(found.value) >= at(f64::from(step) / 40.0) - 1e-12, "{found:?}");
                }
            }
        }
    }
}

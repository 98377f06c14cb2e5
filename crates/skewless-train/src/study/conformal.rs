//! Conformal prediction: from scores on rows that the model was not fitted on to intervals and sets with a coverage that
//! holds in expectation where rows are exchangeable (Vovk et al. 2005; Angelopoulos and Bates 2023).

use std::collections::BTreeMap;

use skewless_core::output::{ConformalMethod, falling};

/// The ⌈(n + 1) · confidence⌉-th smallest score; infinite where there are too few for that.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place among the scores"
)]
pub fn quantile(scores: &[f64], confidence: f64) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((scores.len() + 1) as f64 * confidence).ceil() as usize;
    let found = place.checked_sub(1).and_then(|place| sorted.get(place));
    found.copied().unwrap_or(f64::INFINITY)
}

/// A quantile a group (Mondrian): coverage then holds in each of them. `groups` names each score's.
pub fn quantile_by_group(
    scores: &[f64],
    groups: &[String],
    confidence: f64,
) -> BTreeMap<String, f64> {
    let mut of_group: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (&score, group) in scores.iter().zip(groups) {
        of_group.entry(group.clone()).or_default().push(score);
    }
    (of_group.into_iter())
        .map(|(group, scores)| (group, quantile(&scores, confidence)))
        .collect()
}

/// Split conformal regression (Lei et al. 2018): |value − truth|. The interval is value ± quantile.
pub fn residuals(values: &[f64], truth: &[f64]) -> Vec<f64> {
    values
        .iter()
        .zip(truth)
        .map(|(value, truth)| (value - truth).abs())
        .collect()
}

/// Conformalised quantile regression (Romano et al. 2019): how far the truth lies outside the lower and the upper quantile,
/// negative inside. `raw` are rows × 3: value, lower, upper. Quantiles that cross change places, as in
/// [`skewless_core::output::ConformalMethod::interval`]. The interval is lower − quantile to upper + quantile.
pub fn outside(raw: &[f64], truth: &[f64]) -> Vec<f64> {
    let (rows, _) = raw.as_chunks();
    let rows = rows.iter().zip(truth);
    rows.map(|(&[_, one, other], truth)| (one.min(other) - truth).max(truth - one.max(other)))
        .collect()
}

/// Least ambiguous sets (Sadinle et al. 2019): 1 − the probability of the truth. `shares` are rows × `classes`.
pub fn lac(shares: &[f64], classes: usize, truth: &[usize]) -> Vec<f64> {
    let rows = shares.chunks_exact(classes).zip(truth);
    rows.map(|(row, &truth)| 1.0 - row.get(truth).copied().unwrap_or_default())
        .collect()
}

/// Adaptive sets (Romano et al. 2020): the probability of all labels that are likelier than the truth, and `draws` (one a row,
/// from 0 to 1) times the truth's own. Draws of 0 are for sets that hold the label that crosses the quantile, as
/// [`skewless_core::output::ConformalMethod::set`] makes them, and nothing is random then.
pub fn aps(shares: &[f64], classes: usize, truth: &[usize], draws: &[f64]) -> Vec<f64> {
    let rows = shares.chunks_exact(classes).zip(truth).zip(draws);
    rows.map(|((row, &truth), draw)| {
        let mut likelier = 0.0;
        for place in falling(row) {
            let share = row.get(place).copied().unwrap_or_default();
            if place == truth {
                return likelier + draw * share;
            }
            likelier += share;
        }
        likelier
    })
    .collect()
}

/// The quantile that a bundle states for one of the scores. Sets by `"aps"` end with the label that reaches it, and the truth
/// has to be in where its score is the quantile itself: the next greater number is stated.
pub(crate) fn stated(method: ConformalMethod, quantile: f64) -> f64 {
    match method {
        ConformalMethod::Aps => quantile.next_up(),
        _ => quantile,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// `tests/references/make.py` made it with MAPIE.
    fn reference() -> Value {
        serde_json::from_str(include_str!("../../tests/references/conformal.json")).unwrap()
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_f64().unwrap())
            .collect()
    }

    fn rows(value: &Value) -> Vec<Vec<f64>> {
        value.as_array().unwrap().iter().map(numbers).collect()
    }

    #[test]
    fn intervals_are_mapies() {
        let reference = reference();
        let scores = residuals(&numbers(&reference["guess"]), &numbers(&reference["truth"]));
        for (level, width) in reference["half_width"].as_object().unwrap() {
            let found = quantile(&scores, level.parse().unwrap());
            assert!(
                (found - width.as_f64().unwrap()).abs() < 1e-12,
                "{level}: {found}"
            );
        }
    }

    #[test]
    fn intervals_from_quantiles_are_mapies() {
        let reference = reference();
        let (truth, found) = (numbers(&reference["truth"]), &reference["cqr"]);
        let scores = outside(&rows(&found["raw"]).concat(), &truth);
        let mut crossed = 0;
        for (level, intervals) in found["intervals"].as_object().unwrap() {
            let quantile = quantile(&scores, level.parse().unwrap());
            for (raw, theirs) in rows(&found["new"]).into_iter().zip(rows(intervals)) {
                let (mut low, mut high) = (theirs[0], theirs[1]);
                // MAPIE leaves ends that cross as they are.
                if low > high {
                    (low, high) = (f64::midpoint(low, high), f64::midpoint(low, high));
                    crossed += 1;
                }
                let ours = ConformalMethod::Cqr.interval(raw[0], &raw, quantile);
                assert!(
                    (ours[0] - low).abs() < 1e-12 && (ours[1] - high).abs() < 1e-12,
                    "{level}: {ours:?} is not {theirs:?}"
                );
            }
        }
        assert!(crossed > 0);
    }

    #[test]
    fn sets_are_mapies() {
        let reference = reference();
        let shares = rows(&reference["shares"]).concat();
        let truth: Vec<usize> = numbers(&reference["label"])
            .iter()
            .map(|&label| label as usize)
            .collect();
        let scores = [
            lac(&shares, 3, &truth),
            // MAPIE takes its draws from what is as likely as the truth and likelier.
            aps(
                &shares,
                3,
                &truth,
                &numbers(&reference["draws"])
                    .iter()
                    .map(|draw| 1.0 - draw)
                    .collect::<Vec<_>>(),
            ),
            aps(&shares, 3, &truth, &vec![0.0; truth.len()]),
        ];
        let methods = [
            ("lac", ConformalMethod::Lac),
            ("aps", ConformalMethod::Aps),
            ("aps_not_random", ConformalMethod::Aps),
        ];
        for ((name, method), scores) in methods.into_iter().zip(scores) {
            let sets = &reference["sets"];
            let found = quantile(&scores, 0.9);
            let expected = sets[format!("{name}_quantile")].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{name}: {found} is not {expected}"
            );
            for (row, expected) in rows(&reference["new"]).iter().zip(rows(&sets[name])) {
                let expected: Vec<bool> = expected.iter().map(|&one| one == 1.0).collect();
                assert_eq!(method.set(row, found), expected, "{name}: {row:?}");
            }
        }
    }

    proptest! {
        /// Of rows whose scores are all different, as many sets hold the truth as the quantile's place says.
        #[test]
        fn sets_hold_as_many_truths_as_promised(
            rows in prop::collection::vec((prop::collection::vec(0.01..1.0, 4), 0..4_usize), 30..200),
            confidence in 0.5..0.97,
        ) {
            let normal = |row: &Vec<f64>| row.iter().map(|share| share / row.iter().sum::<f64>()).collect();
            let shares: Vec<Vec<f64>> = rows.iter().map(|(row, _)| normal(row)).collect();
            let truth: Vec<usize> = rows.iter().map(|(_, truth)| *truth).collect();
            let scores = aps(&shares.concat(), 4, &truth, &vec![0.0; truth.len()]);
            let quantile = quantile(&scores, confidence);
            let stated = stated(ConformalMethod::Aps, quantile);
            let held = shares.iter().zip(&truth);
            let held = held.filter(|(row, truth)| ConformalMethod::Aps.set(row, stated)[**truth]).count();
            // Those whose score is the quantile's at most: of the likeliest labels, whose score is 0, there may be more.
            prop_assert_eq!(held, scores.iter().filter(|&&score| score <= quantile).count());
        }
    }

    #[test]
    fn few_scores_promise_nothing_and_groups_are_apart() {
        assert_eq!(quantile(&[1.0; 8], 0.9), f64::INFINITY);
        assert_eq!(quantile(&[1.0; 9], 0.9), 1.0);
        let groups: Vec<String> = ["a", "b"]
            .iter()
            .cycle()
            .take(40)
            .map(|&group| group.to_owned())
            .collect();
        let scores: Vec<f64> = (0..40)
            .map(|row| if row % 2 == 0 { 1.0 } else { 5.0 })
            .collect();
        let found = quantile_by_group(&scores, &groups, 0.9);
        assert_eq!(found.into_values().collect::<Vec<_>>(), [1.0, 5.0]);
        for raw in [[1.0, 0.0, 2.0], [1.0, 2.0, 0.0]] {
            assert_eq!(outside(&raw, &[3.0]), [1.0]);
            assert_eq!(outside(&raw, &[0.5]), [-0.5]);
        }
    }
}

//! Selection: the best of each family and feature set, from the simplest on; who is more complex must win clearly.

use skewless_core::{Error, Result};

use super::config::SelectConfig;
use super::intervals::Resampled;
use super::measure::Measure;
use super::race::{Standing, ranked};
use super::report::{Duel, Selection};
use crate::bootstrap::Resampling;

/// Chooses among the candidates that were trained on all rows.
///
/// # Errors
/// As [`Resampled::new`].
pub(crate) fn select(
    standings: &[Standing],
    columns: impl Fn(&Standing) -> usize,
    measures: &'static [Measure],
    config: &SelectConfig,
    resampling: Resampling,
) -> Result<Selection> {
    let best = best_of_groups(standings, columns, config.by);
    let judged: Vec<_> = (best.iter())
        .filter_map(|&place| standings.get(place).map(|standing| &standing.judged))
        .collect();
    let resampled = Resampled::new(measures, &judged, resampling)?;
    let mut leader = 0;
    let mut duels = Vec::new();
    for challenger in 1..best.len() {
        let gain = resampled.gain(config.by, challenger, leader);
        let gain =
            gain.ok_or_else(|| Error::internal("internal.select", "a duel has no measure"))?;
        let won = gain.value >= config.margin && gain.low > 0.0;
        if let (Some(&challenger), Some(&incumbent)) = (best.get(challenger), best.get(leader)) {
            duels.push(Duel {
                challenger,
                incumbent,
                gain,
                won,
            });
        }
        if won {
            leader = challenger;
        }
    }
    let winner = best.get(leader).copied();
    Ok(Selection {
        by: config.by,
        margin: config.margin,
        duels,
        winner: winner
            .ok_or_else(|| Error::internal("internal.select", "there is no candidate"))?,
    })
}

/// Places of the best candidate of each family and feature set, from the simplest family and the fewest columns on.
fn best_of_groups(
    standings: &[Standing],
    columns: impl Fn(&Standing) -> usize,
    by: Measure,
) -> Vec<usize> {
    let mut seen = Vec::new();
    let mut best = Vec::new();
    for place in ranked(standings, by) {
        let Some(standing) = standings
            .get(place)
            .filter(|standing| standing.left_at.is_none())
        else {
            continue;
        };
        let candidate = &standing.candidate;
        let group = (
            candidate.parameters.complexity(),
            candidate.feature_set.clone(),
        );
        if !seen.contains(&group) {
            best.push((group.0, columns(standing), place));
            seen.push(group);
        }
    }
    best.sort_unstable();
    best.into_iter().map(|(.., place)| place).collect()
}

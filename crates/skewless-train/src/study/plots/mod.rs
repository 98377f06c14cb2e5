//! What a page draws beside the tables of a report: curves of the test, importance, the learning curve.
//!
//! They stand in the report and not in the bundle. The test's curves are of the predictions that its measures are of; the
//! learning curve and the importance use the last fold, so that the test stays opened once.

mod held_out;
mod spans;
mod tested;

use serde::{Deserialize, Serialize};
use skewless_core::Result;

pub use held_out::{HeldOut, Importance, LearningPoint};
pub use tested::{AgainstRest, Confusion, Histogram, TestPlots};

use super::data::Data;
use super::folds::Folds;
use super::intervals::Resampled;
use super::measure::Measure;
use super::race::{Standing, ranked};
use super::recipe::{Candidate, Recipe};
use crate::bootstrap::{Estimate, Resampling, null_as_nan};

/// Everything that is drawn, and the words that go with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plots {
    /// Title of the model.
    pub title: String,
    /// What it is for.
    pub summary: String,
    /// What is predicted.
    pub target: String,
    /// Unit of what is predicted.
    pub unit: Option<String>,
    /// The labels in their order; none for regression.
    pub labels: Vec<String>,
    /// Share of draws inside the intervals.
    #[serde(deserialize_with = "null_as_nan")]
    pub confidence: f64,
    /// What was split by: `time`, `hash` or `group`.
    pub split_by: String,
    /// The input that was split by.
    pub split_input: String,
    /// First and last day of each part, in the parts' order; none where time does not split.
    pub spans: Vec<[String; 2]>,
    /// The best candidates with intervals, best first.
    pub leaders: Vec<Leader>,
    /// The winner on the test rows.
    pub test: TestPlots,
    /// The winner's candidate on the last fold.
    pub held_out: HeldOut,
}

/// A candidate of the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leader {
    /// Its place among the candidates, counted from 0.
    pub candidate: usize,
    /// The measure that selects, over the validation rows of all folds.
    pub by: Estimate,
}

/// What the plots are made from.
pub(crate) struct Drawing<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) data: &'a Data,
    pub(crate) folds: &'a Folds,
    pub(crate) threads: usize,
    pub(crate) resampling: Resampling,
}

impl Drawing<'_> {
    /// Draws; `tested` are the winner's predictions of the test rows.
    ///
    /// # Errors
    /// As the measures and the fits.
    pub(crate) fn plots(
        &self,
        standings: &[Standing],
        winner: &Candidate,
        tested: &[f64],
    ) -> Result<Plots> {
        let config = &self.recipe.config;
        let truth = self.data.truth_of(&self.folds.test);
        Ok(Plots {
            title: config.model.title.clone(),
            summary: config.model.summary.clone(),
            target: config.model.target.clone(),
            unit: config.model.unit.clone(),
            labels: config.model.labels.clone(),
            confidence: config.evaluate.confidence,
            split_by: spans::by(self.recipe),
            split_input: config.split.input.clone(),
            spans: spans::spans(self.recipe, self.data, self.folds)?,
            leaders: self.leaders(standings)?,
            test: tested::plots(self.recipe, tested, &truth),
            held_out: self.held_out(winner)?,
        })
    }

    fn leaders(&self, standings: &[Standing]) -> Result<Vec<Leader>> {
        const SHOWN: usize = 12;
        let by = self.recipe.config.select.by;
        let whole = |place: &usize| {
            standings
                .get(*place)
                .is_some_and(|one| one.left_at.is_none())
        };
        let best: Vec<usize> = ranked(standings, by)
            .into_iter()
            .filter(whole)
            .take(SHOWN)
            .collect();
        let judged: Vec<_> = (best.iter())
            .filter_map(|&place| standings.get(place).map(|one| &one.judged))
            .collect();
        let measures = Measure::of_task(self.recipe.task());
        let resampled = Resampled::new(measures, &judged, self.resampling)?;
        let leader = |(model, &candidate): (usize, &usize)| {
            let measured = resampled.measured(model);
            let by = measured.iter().find(|one| one.measure == by)?.estimate;
            Some(Leader { candidate, by })
        };
        Ok(best.iter().enumerate().filter_map(leader).collect())
    }
}

//! Every candidate on every fold: fitted on the fold's training rows, judged on its validation rows, the results kept.

use std::time::Instant;

use serde_json::json;
use skewless_core::output::Task;
use skewless_core::{Error, Result};

use super::data::{Data, digest, digest_rows};
use super::fitted::Fit;
use super::folds::{Fold, Folds};
use super::jobs::{self, Limits};
use super::measure::{Judged, Measure};
use super::models::Parameters;
use super::models::config::Search;
use super::recipe::{Candidate, Hunt, Recipe};
use super::report::Timing;
use super::store::{Outcome, Store};
use crate::plural::counted;
use crate::progress::Progress;
use crate::random::Random;

/// Changes whenever the same inputs no longer give the same results.
const CODE: &str = env!("SKEWLESS_CODE");
/// Copies of a feature matrix that a fit holds at once: rows, columns, bins, gradients.
const COPIES: u64 = 4;

/// A candidate with what it predicts for all validation rows, fold after fold.
pub(crate) struct Standing {
    pub(crate) candidate: Candidate,
    /// Measures by fold, in the order of [`Measure::of_task`].
    pub(crate) folds: Vec<Vec<f64>>,
    /// All folds' rows together.
    pub(crate) judged: Judged,
    /// What it predicts for them.
    pub(crate) values: Vec<f64>,
    /// The rung of halving at which it was left behind, counted from 1.
    pub(crate) left_at: Option<usize>,
}

/// Everything a race needs.
pub(crate) struct Race<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) data: &'a Data,
    pub(crate) folds: &'a Folds,
    pub(crate) store: &'a Store,
    pub(crate) limits: Limits,
}

/// What a race gives.
#[derive(Default)]
pub(crate) struct Finish {
    pub(crate) standings: Vec<Standing>,
    pub(crate) timings: Vec<Timing>,
    /// Results that were there already.
    pub(crate) reused: usize,
}

struct Job<'a> {
    candidate: &'a Candidate,
    /// Levels of quantiles; with some, the result is all raw scores.
    levels: &'a [f64],
    fold: usize,
    train: Vec<usize>,
    validate: &'a [usize],
    key: String,
}

/// Training rows of each rung but the last, which has all.
type Rung = Option<usize>;

impl Race<'_> {
    /// Runs all hunts. Those without halving have one rung, and all their jobs run together.
    ///
    /// # Errors
    /// That of the first job that fails, and `train.unwritable` where a result cannot be kept.
    pub(crate) fn run(&self, progress: &mut dyn Progress) -> Result<Finish> {
        let mut finish = Finish::default();
        let rungs: Vec<Vec<Rung>> = (self.recipe.hunts.iter())
            .map(|hunt| self.rungs(hunt))
            .collect();
        let mut left: Vec<Vec<Candidate>> = (self.recipe.hunts.iter())
            .map(|hunt| hunt.candidates.clone())
            .collect();
        let most = rungs.iter().map(Vec::len).max().unwrap_or_default();
        let mut standings: Vec<Vec<Standing>> = left.iter().map(|_| Vec::new()).collect();
        for step in 0..most {
            // Hunts with fewer rungs wait, so that the last rung of all is one set of jobs.
            let due = |hunt: usize| {
                let rungs = rungs.get(hunt)?;
                let place = (step + rungs.len()).checked_sub(most)?;
                rungs.get(place).copied().map(|rung| (place, rung))
            };
            let here: Vec<(usize, Candidate, Rung)> = (left.iter().enumerate())
                .filter_map(|(hunt, candidates)| Some((hunt, candidates, due(hunt)?)))
                .flat_map(|(hunt, candidates, (_, rung))| {
                    candidates
                        .iter()
                        .map(move |candidate| (hunt, candidate.clone(), rung))
                })
                .collect();
            let title = if step + 1 == most {
                "Training candidates"
            } else {
                "Training on fewer rows"
            };
            let judged = self.rung(title, &here, &mut finish, progress)?;
            let mut by_hunt: Vec<Vec<Standing>> = left.iter().map(|_| Vec::new()).collect();
            for ((hunt, ..), standing) in here.iter().zip(judged) {
                if let Some(standings) = by_hunt.get_mut(*hunt) {
                    standings.push(standing);
                }
            }
            for (hunt, mut found) in by_hunt.into_iter().enumerate() {
                let Some((place, _)) = due(hunt) else {
                    continue;
                };
                let is_last = rungs
                    .get(hunt)
                    .is_some_and(|rungs| place + 1 == rungs.len());
                let kept = self.kept(hunt, &found, is_last);
                for (at, standing) in found.iter_mut().enumerate() {
                    standing.left_at = (!is_last && !kept.contains(&at)).then_some(place + 1);
                }
                found.retain(|standing| is_last || standing.left_at.is_some());
                if let Some(left) = left.get_mut(hunt) {
                    let gone: Vec<&str> = found
                        .iter()
                        .map(|standing| standing.candidate.digest.as_str())
                        .collect();
                    left.retain(|candidate| !gone.contains(&candidate.digest.as_str()));
                }
                if let Some(standings) = standings.get_mut(hunt) {
                    standings.extend(found);
                }
            }
        }
        finish.standings = standings.into_iter().flatten().collect();
        Ok(finish)
    }

    /// Raw scores of a candidate with quantiles beside its value, for all validation rows, fold after fold.
    ///
    /// # Errors
    /// As [`Race::run`].
    pub(crate) fn quantiles(
        &self,
        candidate: &Candidate,
        levels: &[f64],
        progress: &mut dyn Progress,
    ) -> Result<Vec<f64>> {
        let folds = self.folds.folds.iter().enumerate();
        let queue = folds
            .map(|(place, fold)| self.job(candidate, place, fold, None, levels))
            .collect::<Result<Vec<_>>>()?;
        let outcomes = self.outcomes("Fitting quantiles", &queue, progress)?;
        progress.finish(&format!("on {} folds", queue.len()));
        Ok(outcomes
            .into_iter()
            .flat_map(|(outcome, _)| outcome.values)
            .collect())
    }

    fn rungs(&self, hunt: &Hunt) -> Vec<Rung> {
        let Search::Halving { factor, least_rows } = hunt.search else {
            return vec![None];
        };
        let rows = self
            .folds
            .folds
            .iter()
            .map(|fold| fold.train.len())
            .min()
            .unwrap_or_default();
        let mut sizes = Vec::new();
        let (mut size, mut left) = (least_rows, hunt.candidates.len());
        while size < rows && left > 1 {
            sizes.push(Some(size));
            size = size.saturating_mul(factor);
            left = left.div_ceil(factor);
        }
        sizes.push(None);
        sizes
    }

    /// Places of those that go on to the next rung: the best share, at least one; of equals the first.
    fn kept(&self, hunt: usize, found: &[Standing], is_last: bool) -> Vec<usize> {
        let factor = match self.recipe.hunts.get(hunt).map(|hunt| hunt.search) {
            Some(Search::Halving { factor, .. }) if !is_last => factor,
            _ => 1,
        };
        let mut places = ranked(found, self.recipe.config.select.by);
        places.truncate(found.len().div_ceil(factor));
        places
    }

    fn rung(
        &self,
        title: &str,
        here: &[(usize, Candidate, Rung)],
        finish: &mut Finish,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Standing>> {
        let folds = &self.folds.folds;
        let mut queue = Vec::new();
        for (_, candidate, rung) in here {
            for (place, fold) in folds.iter().enumerate() {
                queue.push(self.job(candidate, place, fold, *rung, &[])?);
            }
        }
        let results = self.outcomes(title, &queue, progress)?;
        let reused = results.iter().filter(|(_, reused)| *reused).count();
        finish.reused += reused;
        progress.finish(&format!(
            "{}, {reused} of them from before",
            counted(queue.len(), "fit")
        ));
        for (job, (outcome, reused)) in queue.iter().zip(&results) {
            finish.timings.push(Timing {
                candidate: job.candidate.digest.clone(),
                fold: job.fold,
                rows: job.train.len(),
                seconds: outcome.seconds,
                reused: *reused,
            });
        }
        let each = results.chunks(folds.len());
        here.iter()
            .zip(each)
            .map(|((_, candidate, _), outcomes)| self.standing(candidate, outcomes))
            .collect()
    }

    fn job<'j>(
        &self,
        candidate: &'j Candidate,
        place: usize,
        fold: &'j Fold,
        rung: Rung,
        levels: &'j [f64],
    ) -> Result<Job<'j>> {
        let train = match rung {
            Some(size) if size < fold.train.len() => {
                self.sample(&fold.train, size, candidate.seed, place)
            }
            _ => fold.train.clone(),
        };
        let set = self.recipe.set(&candidate.feature_set)?;
        let external = match &candidate.parameters {
            Parameters::External { bundle } => {
                let path = self.recipe.folder.join(bundle);
                let bytes = std::fs::read(&path);
                let bytes = bytes.map_err(|error| crate::recipe::unreadable(&path, error))?;
                if self.folds.folds.len() > 1 {
                    let message = format!(
                        "`{bundle}` cannot be fitted anew in each fold; the split must have one"
                    );
                    return Err(Error::input("train.external", message));
                }
                Some(skewless_core::digest::sha256_hex(&bytes))
            }
            _ => None,
        };
        let label = &self.recipe.config.label;
        let key = digest(&json!({
            "code": CODE,
            "version": env!("CARGO_PKG_VERSION"),
            "data": self.data.digest,
            "label": [label.input, label.above],
            "labels": self.recipe.config.model.labels,
            "task": self.recipe.task(),
            "feature_set": set.digest,
            "parameters": candidate.parameters,
            "external": external,
            "seed": candidate.seed,
            "max_rows": candidate.max_rows,
            "quantiles": levels,
            "train": digest_rows(&train),
            "validate": digest_rows(&fold.validate),
        }));
        Ok(Job {
            candidate,
            levels,
            fold: place,
            train,
            validate: &fold.validate,
            key,
        })
    }

    /// An estimate: a feature row has as many columns as features that are shown, one-hot ones counted eight times.
    fn bytes(&self, job: &Job<'_>) -> u64 {
        let set = self.recipe.set(&job.candidate.feature_set);
        let features = set.map_or(0, |set| set.columns_at_most());
        let rows = job.candidate.max_rows.unwrap_or(usize::MAX);
        (job.train.len().min(rows) as u64) * (features as u64 + 4) * 8 * COPIES
    }

    /// The jobs' outcomes in their order, each with whether it was kept from before.
    fn outcomes(
        &self,
        title: &str,
        queue: &[Job<'_>],
        progress: &mut dyn Progress,
    ) -> Result<Vec<(Outcome, bool)>> {
        progress.begin(title, Some(queue.len() as u64));
        jobs::run(
            queue,
            self.limits,
            |job| self.bytes(job),
            |job, threads| self.outcome(job, threads),
            || progress.advance(1),
        )
    }

    fn outcome(&self, job: &Job<'_>, threads: usize) -> Result<(Outcome, bool)> {
        let width = match self.recipe.task() {
            Task::Multiclass => self.recipe.classes(),
            _ => 1 + job.levels.len(),
        };
        if let Some(outcome) = self.store.get(&job.key, job.validate.len() * width) {
            return Ok((outcome, true));
        }
        let start = Instant::now();
        let fit = Fit {
            recipe: self.recipe,
            data: self.data,
            candidate: job.candidate,
            rows: &job.train,
            levels: job.levels,
            threads,
        };
        let found = fit.run()?.predict(self.data, job.validate)?;
        let outcome = Outcome {
            values: match job.levels.is_empty() {
                true => found.values,
                false => found.raw,
            },
            seconds: start.elapsed().as_secs_f64(),
        };
        self.store.put(&job.key, &outcome)?;
        Ok((outcome, false))
    }

    /// `size` of the rows, the same for every candidate of a seed, and nearly all of them a part of what larger rungs get.
    fn sample(&self, rows: &[usize], size: usize, seed: u64, fold: usize) -> Vec<usize> {
        let mut random = Random::new(seed, 16 + fold as u64);
        (self.data).drawn(rows, size, self.recipe.classes(), &mut random)
    }

    fn standing(&self, candidate: &Candidate, outcomes: &[(Outcome, bool)]) -> Result<Standing> {
        let mut parts = Vec::new();
        let (mut values, mut truth) = (Vec::new(), Vec::new());
        for ((outcome, _), fold) in outcomes.iter().zip(&self.folds.folds) {
            let of_fold = self.data.truth_of(&fold.validate);
            parts.push(judged(self.recipe, &outcome.values, &of_fold)?);
            values.extend_from_slice(&outcome.values);
            truth.extend(of_fold);
        }
        let folds = self.folds.folds.iter();
        let validated: Vec<usize> = folds
            .flat_map(|fold| fold.validate.iter().copied())
            .collect();
        Ok(Standing {
            candidate: candidate.clone(),
            folds: parts.iter().map(Judged::measures).collect(),
            judged: judged(self.recipe, &values, &truth)?
                .in_folds(parts)
                .in_groups(self.data.groups_of(self.recipe, &validated)),
            values,
            left_at: None,
        })
    }
}

/// Predictions of a study against the truth.
///
/// # Errors
/// As [`Judged::new`].
pub(crate) fn judged(recipe: &Recipe, values: &[f64], truth: &[f64]) -> Result<Judged> {
    Judged::new(
        recipe.task(),
        recipe.classes(),
        values,
        truth,
        recipe.threshold(),
        recipe.config.evaluate.calibration_bins,
    )
}

/// Best first by `by`; of equals the first.
pub(crate) fn ranked(standings: &[Standing], by: Measure) -> Vec<usize> {
    let mut places: Vec<usize> = (0..standings.len()).collect();
    let merits: Vec<f64> = (standings.iter())
        .map(|standing| by.gain(standing.judged.measure(by), 0.0))
        .map(|merit| {
            if merit.is_nan() {
                f64::NEG_INFINITY
            } else {
                merit
            }
        })
        .collect();
    let merit = |place: usize| merits.get(place).copied().unwrap_or(f64::NEG_INFINITY);
    places.sort_by(|&a, &b| merit(b).total_cmp(&merit(a)));
    places
}

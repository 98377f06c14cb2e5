//! Retraining: the same study on the data as they are now, and whether its winner takes the place of the bundle in use.
//!
//! Champion and challenger answer the same test rows, which neither has seen; the gain is the paired bootstrap's on the
//! rows that both answer.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skewless_core::spec::InputType;
use skewless_core::{Bundle, Error, Predictor, Result};

use super::config::Promote;
use super::data::{Data, digest_rows, times};
use super::folds::Folds;
use super::intervals::Resampled;
use super::measure::Measure;
use super::race::judged;
use super::recipe::{Recipe, Split};
use super::report::{Gate, Measured, StudyReport};
use super::run::{Studied, StudyOptions, run};
use crate::bootstrap::{Estimate, Resampling};
use crate::progress::Progress;
use crate::recipe::per_day;

/// What to retrain against.
#[derive(Clone, Debug)]
pub struct Retraining<'a> {
    /// The bytes of the bundle in use.
    pub champion: &'a [u8],
    /// The version that the challenger gets instead of the configuration's.
    pub version: Option<String>,
    /// Whether the configuration may be another one than the champion's.
    pub changed: bool,
}

/// A study on the data as they are now, with its verdict.
#[derive(Clone, Debug)]
pub struct Retrained {
    /// The study; its bundle is the challenger.
    pub studied: Studied,
    /// Which of the two is to be used.
    pub verdict: Verdict,
}

/// Which of two bundles is to be used, and from what that follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What to do.
    pub decision: Decision,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
    /// The measure that decides.
    pub by: Measure,
    /// What the challenger had to show.
    pub promote: Promote,
    /// In the measure's unit.
    pub margin: f64,
    /// By how much the challenger is better, paired.
    pub gain: Estimate,
    /// The rows that both were measured on.
    pub window: Window,
    /// The bundle in use.
    pub champion: Side,
    /// The new one.
    pub challenger: Side,
    /// By how much the challenger is better in every measure, paired.
    pub gains: Vec<Measured>,
    /// SHA-256 of the configuration, and of the champion's where that is another or not known.
    pub configuration: Configuration,
    /// The challenger's gates.
    pub gates: Vec<Gate>,
}

/// What to do with the challenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It takes the champion's place.
    Promote,
    /// The champion stays.
    Keep,
}

/// The test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Rows of the test.
    pub rows: usize,
    /// Rows that both answer, which the measures are of.
    pub compared: usize,
    /// SHA-256 over the rows' places in the data.
    pub digest: String,
    /// The first row's time; only of a split by time.
    pub from: Option<String>,
    /// The last row's time.
    pub to: Option<String>,
    /// The time up to which the champion has seen rows; none where its provenance does not say.
    pub champion_until: Option<String>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Name in its manifest.
    pub name: String,
    /// Version in its manifest.
    pub version: String,
    /// SHA-256 of its manifest; empty where a gate left no bundle.
    pub digest: String,
    /// Test rows that it refuses.
    pub refused: usize,
    /// Measures on the rows that both answer.
    pub measures: Vec<Measured>,
}

/// Which configuration the two were trained from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The challenger's.
    pub challenger: String,
    /// The champion's; none where it was not trained here.
    pub champion: Option<String>,
}

/// Trains as the configuration at `config_path` says, and holds the winner against the champion.
///
/// # Errors
/// As [`super::study`]; `bundle.*` for the champion; `train.champion` where it predicts something else, answers no test
/// row, was trained from another configuration, or has seen rows of the test.
pub fn retrain(
    config_path: &Path,
    retraining: &Retraining<'_>,
    options: &StudyOptions,
    progress: &mut dyn Progress,
) -> Result<Retrained> {
    let mut recipe = Recipe::read(config_path)?;
    if let Some(version) = &retraining.version {
        recipe.config.model.version.clone_from(version);
    }
    let champion = Champion::open(retraining, &recipe)?;
    let (studied, verdict) = run(&recipe, options, Some(&champion), progress)?;
    let verdict = verdict
        .ok_or_else(|| Error::internal("internal.retrain", "the study gave no comparison"))?;
    Ok(Retrained {
        verdict: verdict.ended(&studied),
        studied,
    })
}

/// How rows came to the test by their keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeySplit {
    /// The input with the key.
    input: String,
    /// The seed of the hash.
    seed: u64,
    /// Share of the keys in the test: those with the smallest hashes.
    test: f64,
}

impl KeySplit {
    /// That of a study; none where it splits by time.
    ///
    /// # Errors
    /// `train.config` for an input that is not there.
    pub(crate) fn of(recipe: &Recipe) -> Result<Option<Self>> {
        let Split::Key(shares) = &recipe.split else {
            return Ok(None);
        };
        Ok(Some(Self {
            input: recipe.split_input()?.name.clone(),
            seed: shares.seed,
            test: shares.test,
        }))
    }

    /// Whether every row of `test` was in this split's test too.
    fn has_kept(&self, test: &Self) -> bool {
        self.input == test.input && self.seed == test.seed && self.test >= test.test
    }
}

/// The bundle in use, opened and known to fit.
pub(crate) struct Champion {
    bundle: Bundle,
    predictor: Predictor,
    configuration: Option<String>,
    seen_until: Option<Timestamp>,
}

impl Champion {
    fn open(retraining: &Retraining<'_>, recipe: &Recipe) -> Result<Self> {
        let bundle = Bundle::from_bytes(retraining.champion)?;
        let predictor = Predictor::new(&bundle)?;
        let (found, due) = (predictor.output(), recipe.output());
        if found.task != due.task || found.labels != due.labels {
            return Err(refused("it has another task or other labels".to_owned()));
        }
        let provenance: Value = serde_json::from_str(bundle.provenance()).unwrap_or_default();
        let configuration = provenance
            .pointer("/predicate/buildDefinition/externalParameters/configuration/digest/sha256")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if !retraining.changed && configuration.as_deref() != Some(recipe.digest.as_str()) {
            let whose = configuration.as_deref().map_or_else(
                || "it does not say from which configuration it was trained".to_owned(),
                |digest| format!("it was trained from the configuration {digest}"),
            );
            return Err(refused(format!(
                "{whose}, and this one is {}; --changed allows that",
                recipe.digest
            )));
        }
        let seen_until = provenance
            .pointer("/predicate/runDetails/skewless_seen_until")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        let split = provenance.pointer("/predicate/runDetails/skewless_split");
        let split = split.and_then(|split| KeySplit::deserialize(split).ok());
        if let Some(seen) = seen_by_key(KeySplit::of(recipe)?, split, seen_until.is_some()) {
            return Err(refused(seen));
        }
        Ok(Self {
            configuration,
            seen_until,
            predictor,
            bundle,
        })
    }

    /// Both on the test rows; `ours` are the challenger's values.
    ///
    /// # Errors
    /// `train.champion` where the champion has seen a test row or answers none.
    pub(crate) fn meet(
        &self,
        (recipe, data, folds): (&Recipe, &Data, &Folds),
        ours: &[f64],
        resampling: Resampling,
    ) -> Result<Meeting> {
        let mut window = self.window(recipe, data, folds)?;
        let rows = &folds.test;
        let theirs = self.predictor.predict_columns(&data.columns.select(rows))?;
        let refusals: Vec<usize> = theirs.errors.iter().filter_map(Error::row).collect();
        let answered = |place: usize| refusals.binary_search(&place).is_err();
        let width = ours.len() / rows.len().max(1);
        let kept = |values: &[f64]| -> Vec<f64> {
            let rows = values.chunks_exact(width.max(1)).enumerate();
            rows.filter(|(place, _)| answered(*place))
                .flat_map(|(_, values)| values.iter().copied())
                .collect()
        };
        let compared: Vec<usize> = (rows.iter().enumerate())
            .filter(|(place, _)| answered(*place))
            .map(|(_, &row)| row)
            .collect();
        window.compared = compared.len();
        if compared.is_empty() {
            let first = theirs.errors.into_iter().next();
            let error = refused("it answers no row of the test".to_owned());
            return Err(match first {
                Some(first) => error.with_source(first),
                None => error,
            });
        }
        let truth = data.truth_of(&compared);
        let challenger =
            judged(recipe, &kept(ours), &truth)?.in_groups(data.groups_of(recipe, &compared));
        let champion = judged(recipe, &kept(&theirs.values), &truth)?;
        let measures = Measure::of_task(recipe.task());
        let resampled = Resampled::new(measures, &[&challenger, &champion], resampling)?;
        let gains = measures.iter().filter_map(|&measure| {
            let estimate = resampled.gain(measure, 0, 1)?;
            Some(Measured { measure, estimate })
        });
        Ok(Meeting {
            window,
            gains: gains.collect(),
            measures: [resampled.measured(0), resampled.measured(1)],
            refused: refusals.len(),
        })
    }

    fn window(&self, recipe: &Recipe, data: &Data, folds: &Folds) -> Result<Window> {
        let times = moments(recipe, data)?;
        let ends = times.map(|times| {
            let mut of_test = folds.test.iter().filter_map(|&row| times.get(row).copied());
            let first = of_test.next().unwrap_or(f64::NAN);
            of_test.fold((first, first), |(low, high), time| {
                (low.min(time), high.max(time))
            })
        });
        let from = ends.and_then(|(from, _)| instant(from));
        let input = recipe.split_input()?;
        // A wall clock has no zone to name, a date no clock.
        let written = |moment: Timestamp| {
            let text = moment.to_string();
            match (input.kind, input.zone.as_deref()) {
                (InputType::Date, _) => text.split('T').next().unwrap_or_default().to_owned(),
                (_, Some("local")) => text.trim_end_matches('Z').to_owned(),
                _ => text,
            }
        };
        if let (Some(from), Some(until)) = (from, self.seen_until)
            && until >= from
        {
            return Err(refused(format!(
                "it has seen rows up to {}, and the test begins at {}: newer rows or a shorter test are needed",
                written(until),
                written(from)
            )));
        }
        Ok(Window {
            rows: folds.test.len(),
            compared: 0,
            digest: digest_rows(&folds.test),
            from: from.map(written),
            to: (ends.and_then(|(_, to)| instant(to))).map(written),
            champion_until: self.seen_until.map(written),
        })
    }

    /// The verdict as far as the study's report decides it.
    pub(crate) fn verdict(
        &self,
        recipe: &Recipe,
        report: &StudyReport,
        meeting: Meeting,
    ) -> Result<Verdict> {
        let config = &recipe.config.retrain;
        let by = config.by.unwrap_or(recipe.config.select.by);
        let gain = meeting.gains.iter().find(|one| one.measure == by);
        let gain = gain
            .map(|one| one.estimate)
            .ok_or_else(|| Error::internal("internal.retrain", "the measure was not taken"))?;
        let [challenger, champion] = meeting.measures;
        let manifest = self.bundle.manifest();
        Ok(Verdict {
            decision: Decision::Keep,
            reasons: Vec::new(),
            by,
            promote: config.promote,
            margin: config.margin,
            gain,
            window: meeting.window,
            champion: Side {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                digest: self.bundle.digest().to_owned(),
                refused: meeting.refused,
                measures: champion,
            },
            challenger: Side {
                name: report.name.clone(),
                version: report.version.clone(),
                digest: report.digest.clone(),
                refused: 0,
                measures: challenger,
            },
            gains: meeting.gains,
            configuration: Configuration {
                challenger: report.configuration.clone(),
                champion: self.configuration.clone(),
            },
            gates: report.gates.clone(),
        })
    }
}

/// What came of both on the same rows.
pub(crate) struct Meeting {
    window: Window,
    gains: Vec<Measured>,
    /// The challenger's, the champion's.
    measures: [Vec<Measured>; 2],
    refused: usize,
}

impl Verdict {
    /// Decides: every gate holds, the bundles differ, and the gain is what the configuration asks for.
    fn ended(mut self, studied: &Studied) -> Self {
        let failed: Vec<String> = (self.gates.iter())
            .filter(|gate| !gate.passed)
            .map(|gate| format!("the gate {} failed", gate.gate))
            .collect();
        if studied.bundle.is_none() {
            self.reasons = failed;
            return self;
        }
        if self.challenger.digest == self.champion.digest {
            self.reasons
                .push("the challenger is the champion, byte for byte".to_owned());
            return self;
        }
        let Estimate { value, low, .. } = self.gain;
        let (won, asked) = match self.promote {
            Promote::Better => (
                value >= self.margin && low > 0.0,
                format!("at least {} with an interval above 0", self.margin),
            ),
            Promote::NoWorse => (
                low > -self.margin,
                format!("an interval above {}", -self.margin),
            ),
        };
        self.reasons.push(format!(
            "the gain in {} is {value:.6}, its interval begins at {low:.6}; asked for is {asked}",
            self.by.title()
        ));
        if won {
            self.decision = Decision::Promote;
        }
        self
    }
}

fn refused(what: String) -> Error {
    Error::input(
        "train.champion",
        format!("the champion cannot be compared: {what}"),
    )
}

/// Row by row the time that splits, in seconds since 1970; none where no time does.
fn moments(recipe: &Recipe, data: &Data) -> Result<Option<Vec<f64>>> {
    if matches!(recipe.split, Split::Key(_)) {
        return Ok(None);
    }
    let input = recipe.split_input()?;
    let seconds = 86_400.0 / per_day(input)?;
    let times = times(&data.columns, input)?;
    Ok(Some(times.iter().map(|time| time * seconds).collect()))
}

/// Why a champion may have seen rows of a test, where either of the two was split by keys: `due` is the new study's split, `its`
/// the champion's, which has neither where it does not say how its rows were split.
fn seen_by_key(due: Option<KeySplit>, its: Option<KeySplit>, by_time: bool) -> Option<String> {
    match (due, its) {
        (Some(due), Some(its)) if its.has_kept(&due) => None,
        (Some(due), Some(its)) => Some(format!(
            "it has seen rows of this test: its own was a share of {} of `{}` by the seed {}, this one is {} of `{}` by {}",
            its.test, its.input, its.seed, due.test, due.input, due.seed
        )),
        (Some(due), None) if by_time => Some(format!(
            "it was trained on rows up to a time, whatever their `{}`, and may have seen rows of this test",
            due.input
        )),
        (None, Some(its)) => Some(format!(
            "its rows were split by `{}` and are of all times, so that it may have seen rows of this test",
            its.input
        )),
        (Some(_) | None, None) => None,
    }
}

/// The time of the last row that takes part in fitting or choosing; only of a split by time.
///
/// # Errors
/// `train.split_time`.
pub(crate) fn seen_until(recipe: &Recipe, data: &Data, folds: &Folds) -> Result<Option<String>> {
    let Some(times) = moments(recipe, data)? else {
        return Ok(None);
    };
    let rows = (folds.folds.iter()).flat_map(|fold| fold.train.iter().chain(&fold.validate));
    let last = rows.filter_map(|&row| times.get(row).copied());
    Ok(instant(last.fold(f64::NEG_INFINITY, f64::max)).map(|last| last.to_string()))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole seconds; what lies beyond the calendar saturates and is none"
)]
fn instant(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(libm::floor(seconds) as i64).ok()
}

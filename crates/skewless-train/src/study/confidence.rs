//! What a study says of its winner's confidence: calibrated on the validation rows, covered on the test rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skewless_core::output::{Calibration, Conformal, ConformalMethod, Group, Output, Task};
use skewless_core::spec::Token;
use skewless_core::{Column, Prediction, Result};

use super::calibration::{Platt, isotonic};
use super::config::{CalibrationMethod, ConformalConfig};
use super::conformal::{aps, lac, outside, quantile, quantile_by_group, residuals, stated};
use super::data::Data;
use super::intervals::wilson;
use super::models::class;
use super::recipe::Recipe;
use super::venn_abers::venn_abers;
use crate::bootstrap::Estimate;

/// Conformal intervals or sets of the winner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// How scores are made.
    pub method: ConformalMethod,
    /// What is promised.
    pub confidence: f64,
    /// Scores that the quantiles are of: validation rows, each predicted by a model that did not see it.
    pub rows: usize,
    /// The score that is not exceeded; of each group, where there are groups. `None` where too few rows promise nothing.
    pub quantiles: BTreeMap<String, Option<f64>>,
    /// Share of the test rows whose truth lies inside, with Wilson's 95 % interval.
    pub test: Estimate,
    /// Whether the promise lies in that interval. Where not, the test rows are unlike the validation rows: time moved.
    pub holds: bool,
    /// Mean number of labels in a set; of intervals their mean width. `None` where one is without end.
    pub size: Option<f64>,
    /// The input whose values have quantiles of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Of the test rows of each such value that has some, by rising values; then of those of no such value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupCoverage>,
    /// Whether the promise is kept by saying nothing: every set has all labels, or every interval is without end.
    #[serde(default)]
    pub says_nothing: bool,
}

impl Coverage {
    /// Whether the promise held on the test rows, and by how much not, in a sentence.
    pub fn verdict(&self) -> String {
        let points = 100.0 * (self.test.value - self.confidence);
        match (self.holds, points < 0.0) {
            (true, _) => "The promise lies in that interval.".to_owned(),
            (false, true) => format!(
                "That is {:.1} percentage points less than promised: the test rows are unlike the validation rows, as later \
                 rows may be.",
                -points
            ),
            (false, false) => format!(
                "That is {points:.1} percentage points more than promised: what is given is wider than it need be."
            ),
        }
    }
}

/// The same of a group of test rows, whose promise is as of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupCoverage {
    /// The value; `None` for rows whose value is missing or has no quantile of its own.
    pub value: Option<String>,
    /// Its test rows.
    pub rows: usize,
    /// As [`Coverage::test`].
    pub test: Estimate,
    /// As [`Coverage::holds`].
    pub holds: bool,
    /// As [`Coverage::size`].
    pub size: Option<f64>,
}

/// What makes of the winner's probabilities those that are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibrated {
    /// A sigmoid of the raw score.
    Platt(Platt),
    /// A rising broken line over the probability.
    Isotonic(Calibration),
    /// Steps over the probability.
    VennAbers(Calibration),
}

impl Calibrated {
    /// Fits the method on the winner's predictions of the validation rows.
    ///
    /// # Errors
    /// `train.calibration`.
    pub(crate) fn fit(method: CalibrationMethod, values: &[f64], truth: &[f64]) -> Result<Self> {
        let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
        match method {
            CalibrationMethod::Isotonic => isotonic(values, &positive).map(Self::Isotonic),
            CalibrationMethod::VennAbers => venn_abers(values, &positive).map(Self::VennAbers),
            CalibrationMethod::Platt => {
                let raw: Vec<f64> = values.iter().map(|&value| logit(value)).collect();
                Platt::fit(&raw, &positive).map(Self::Platt)
            }
        }
    }

    /// The probability that is given for the winner's.
    pub(crate) fn at(&self, value: f64) -> f64 {
        match self {
            Self::Platt(platt) => platt.at(logit(value)),
            Self::Isotonic(table) | Self::VennAbers(table) => table.at(value),
        }
    }
}

/// The raw score of a probability, kept finite.
pub(crate) fn logit(probability: f64) -> f64 {
    let kept = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    libm::log(kept / (1.0 - kept))
}

/// Rows with what is predicted for them.
pub(crate) struct Predicted<'a> {
    pub(crate) rows: &'a [usize],
    pub(crate) values: &'a [f64],
    /// Raw scores of the rows, where the method reads them: value, lower and upper quantile.
    pub(crate) raw: &'a [f64],
}

/// Quantiles from the validation rows, for the bundle; their coverage of the test rows; and how many of these have an
/// interval or a set that holds everything.
pub(crate) fn coverage(
    recipe: &Recipe,
    data: &Data,
    config: &ConformalConfig,
    validate: &Predicted<'_>,
    test: &Predicted<'_>,
) -> (Conformal, Coverage, usize) {
    const EVERYONE: &str = "all";
    let scores = scores(recipe, data, config.method, validate);
    let grouped = scores.iter().zip(validate.rows);
    let (of_groups, groups): (Vec<f64>, Vec<String>) = grouped
        .filter_map(|(&score, &row)| Some((score, group_of(recipe, data, config, row)?.to_owned())))
        .unzip();
    let finite = |quantile: f64| {
        quantile
            .is_finite()
            .then(|| stated(config.method, quantile))
    };
    let groups = quantile_by_group(&of_groups, &groups, config.confidence);
    let conformal = Conformal {
        method: config.method,
        confidence: config.confidence,
        quantile: finite(quantile(&scores, config.confidence)),
        by: config.by.clone(),
        groups: (groups.into_iter())
            .map(|(value, quantile)| Group {
                value,
                quantile: finite(quantile),
            })
            .collect(),
    };
    let output = Output {
        conformal: Some(conformal.clone()),
        ..recipe.output()
    };
    let own = |group: &&str| conformal.groups.iter().any(|one| one.value == **group);
    let (mut all, mut by_group) = (Tally::default(), BTreeMap::<_, Tally>::new());
    let width = test.values.len() / test.rows.len().max(1);
    let scores_of = config.method.raw_scores();
    let values = test.values.chunks_exact(width);
    for (place, (&row, values)) in test.rows.iter().zip(values).enumerate() {
        let raw = test.raw.get(place * scores_of..(place + 1) * scores_of);
        let group = group_of(recipe, data, config, row);
        let prediction = Prediction {
            raw: raw.unwrap_or_default().to_vec(),
            values: values.to_vec(),
            label: None,
            quantile: Some(conformal.quantile_of(group)),
        };
        let truth = data.truth.get(row).copied().unwrap_or(f64::NAN);
        let covered = covered(&output, &prediction, truth);
        all.add(covered);
        by_group.entry(group.filter(own)).or_default().add(covered);
    }
    let found = all.share();
    // Rows of no group come last.
    let of_none = by_group.remove(&None);
    let each = by_group
        .into_iter()
        .chain(of_none.map(|tally| (None, tally)));
    let groups = each.map(|(value, tally)| GroupCoverage {
        value: value.map(str::to_owned),
        rows: tally.rows,
        test: tally.share(),
        holds: holds(tally.share(), config.confidence),
        size: tally.mean(),
    });
    let of_groups = conformal.groups.iter();
    let mut quantiles: BTreeMap<String, Option<f64>> = of_groups
        .map(|group| (group.value.clone(), group.quantile))
        .collect();
    if quantiles.is_empty() {
        quantiles.insert(EVERYONE.to_owned(), conformal.quantile);
    }
    let coverage = Coverage {
        method: config.method,
        confidence: config.confidence,
        rows: scores.len(),
        quantiles,
        test: found,
        holds: holds(found, config.confidence),
        size: all.mean(),
        by: config.by.clone(),
        groups: match config.by {
            Some(_) => groups.collect(),
            None => Vec::new(),
        },
        says_nothing: all.silent == all.rows,
    };
    (conformal, coverage, all.silent)
}

/// Whether a promise lies in the interval of what was found.
fn holds(found: Estimate, confidence: f64) -> bool {
    found.low <= confidence && confidence <= found.high
}

/// What intervals or sets of some rows hold.
#[derive(Default)]
struct Tally {
    rows: usize,
    inside: usize,
    /// Rows whose interval or set holds everything.
    silent: usize,
    size: f64,
}

impl Tally {
    fn add(&mut self, covered: Covered) {
        self.rows += 1;
        self.inside += usize::from(covered.truth);
        self.silent += usize::from(covered.everything);
        self.size += covered.size;
    }

    fn share(&self) -> Estimate {
        wilson(self.inside, self.rows)
    }

    fn mean(&self) -> Option<f64> {
        let mean = self.size / self.rows as f64;
        mean.is_finite().then_some(mean)
    }
}

/// The row's group, as the features read it: none where the value is missing.
fn group_of<'a>(
    recipe: &Recipe,
    data: &'a Data,
    config: &ConformalConfig,
    row: usize,
) -> Option<&'a str> {
    let by = config.by.as_ref()?;
    let Some(Column::Text(text)) = data.columns.column(by) else {
        return None;
    };
    let input = recipe.config.input.iter().find(|input| input.name == *by)?;
    let stands_for_missing = |value: &&str| {
        (input.missing.iter()).any(|token| *token == Token::Text((*value).to_owned()))
    };
    text.value(row).filter(|value| !stands_for_missing(value))
}

fn scores(recipe: &Recipe, data: &Data, method: ConformalMethod, rows: &Predicted<'_>) -> Vec<f64> {
    let truth = data.truth_of(rows.rows);
    match method {
        ConformalMethod::Split => return residuals(rows.values, &truth),
        ConformalMethod::Cqr => return outside(rows.raw, &truth),
        ConformalMethod::Lac | ConformalMethod::Aps => {}
    }
    let shares = shares(recipe.task(), rows.values);
    let truth: Vec<usize> = truth.iter().map(|&truth| class(truth)).collect();
    match method {
        ConformalMethod::Aps => aps(&shares, recipe.classes(), &truth, &vec![0.0; truth.len()]),
        _ => lac(&shares, recipe.classes(), &truth),
    }
}

/// What an interval or a set holds: the truth, everything, and how much.
#[derive(Clone, Copy)]
struct Covered {
    truth: bool,
    everything: bool,
    size: f64,
}

fn covered(output: &Output, prediction: &Prediction, truth: f64) -> Covered {
    if output.task == Task::Regression {
        // Without a promise the interval has no end.
        let [low, high] =
            (output.interval(prediction)).unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        return Covered {
            truth: low <= truth && truth <= high,
            everything: high - low == f64::INFINITY,
            size: high - low,
        };
    }
    let set = output.set(prediction).unwrap_or_default();
    let size = set.iter().filter(|&&is_in| is_in).count();
    Covered {
        truth: set.get(class(truth)).copied().unwrap_or_default(),
        everything: size == set.len(),
        size: size as f64,
    }
}

/// Probabilities of all labels; a binary model gives the positive one's alone.
fn shares(task: Task, values: &[f64]) -> Vec<f64> {
    match task {
        Task::Binary => values
            .iter()
            .flat_map(|&value| [1.0 - value, value])
            .collect(),
        _ => values.to_vec(),
    }
}

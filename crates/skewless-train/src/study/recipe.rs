//! The checked configuration with its candidates: nothing in it can be wrong any more but the data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use skewless_core::digest::sha256_hex;
use skewless_core::output::{Conformal, ConformalMethod, Output, Task};
use skewless_core::spec::{Input, InputType, Role};
use skewless_core::{Error, Result};

use super::config::{
    Bounds, ChampionGate, Config, ConformalConfig, Days, SplitBy, SplitConfig, ThresholdConfig,
};
use super::data::Data;
use super::feature_set::{FeatureSet, feature_sets};
use super::folds::{Newest, Periods, Rest, Shares};
use super::measure::Measure;
use super::models::config::Search;
use super::models::{self, Parameters};
use super::sources::Tables;
use crate::model_check;
use crate::random::Random;
use crate::recipe::{day, fault, per_day, split_input, unreadable};

/// One model to try: parameters on a feature set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The experiment it belongs to.
    pub experiment: String,
    /// Name of its feature set.
    pub feature_set: String,
    /// Its family and parameters.
    pub parameters: Parameters,
    /// Seed of everything random in it.
    pub seed: u64,
    /// Training rows that it is fitted on at most, drawn by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<usize>,
    /// SHA-256 over feature set, parameters, seed, and the bound on rows where there is one.
    pub digest: String,
}

/// Candidates that are searched together.
#[derive(Clone, Debug)]
pub(crate) struct Hunt {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) search: Search,
}

/// How rows are split.
#[derive(Clone, Debug)]
pub(crate) enum Split {
    Time(Periods),
    Newest(Newest),
    Key(Shares),
}

/// What a study does, checked.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) config: Config,
    /// Folder of the configuration; data files are relative to it.
    pub(crate) folder: PathBuf,
    /// SHA-256 of the configuration's bytes.
    pub(crate) digest: String,
    pub(crate) sets: Vec<FeatureSet>,
    pub(crate) hunts: Vec<Hunt>,
    pub(crate) split: Split,
    pub(crate) tables: Tables,
}

impl Recipe {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// `train.unreadable`, `train.config`, `train.conformal` and `spec.*`; `spec.leak` names an input that is not known at
    /// prediction and feeds a feature.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Error::spec("train.config", "the configuration is not UTF-8").with_source(error)
        })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::new(Config::from_toml(text)?, folder, sha256_hex(&bytes))
    }

    pub(crate) fn new(config: Config, folder: PathBuf, digest: String) -> Result<Self> {
        model_check::check_parts(&config.model, &config.evaluate, &config.input)?;
        check_label(&config)?;
        check_rest(&config)?;
        let sets = feature_sets(&config)?;
        check_groups(&config, &sets)?;
        check_quantiles(&config)?;
        let split = split(&config)?;
        let hunts = hunts(&config, &sets)?;
        check_external(&folder, &hunts)?;
        let tables = Tables::new(&config)?;
        Ok(Self {
            config,
            folder,
            digest,
            sets,
            hunts,
            split,
            tables,
        })
    }

    pub(crate) fn task(&self) -> Task {
        self.config.model.task
    }

    /// Number of labels; 0 for regression.
    pub(crate) fn classes(&self) -> usize {
        self.config.model.labels.len()
    }

    /// From which probability on the positive label is given.
    pub(crate) fn threshold(&self) -> f64 {
        self.config.model.threshold.unwrap_or(0.5)
    }

    /// The same with another threshold.
    pub(crate) fn with_threshold(&self, threshold: f64) -> Self {
        let mut recipe = self.clone();
        recipe.config.model.threshold = Some(threshold);
        recipe
    }

    /// Link, labels and threshold of the predictions.
    pub(crate) fn output(&self) -> Output {
        let model = &self.config.model;
        Output {
            name: model.target.clone(),
            task: model.task,
            link: models::link(model.task),
            labels: model.labels.clone(),
            threshold: model.threshold,
            unit: model.unit.clone(),
            ..Output::default()
        }
    }

    /// The same of a winner with quantiles beside its value, which promises nothing yet.
    pub(crate) fn output_with_quantiles(&self) -> Output {
        let promise = self.by_quantiles().map(|config| Conformal {
            method: config.method,
            confidence: config.confidence,
            ..Conformal::default()
        });
        Output {
            conformal: promise,
            ..self.output()
        }
    }

    /// Levels of the lower and the upper quantile that an interval is made from; none where it is not.
    pub(crate) fn levels(&self) -> Vec<f64> {
        let tails = self.by_quantiles().map(|config| {
            let tail = (1.0 - config.confidence) / 2.0;
            vec![tail, 1.0 - tail]
        });
        tails.unwrap_or_default()
    }

    fn by_quantiles(&self) -> Option<&ConformalConfig> {
        by_quantiles(&self.config)
    }

    /// The input that rows are split by.
    pub(crate) fn split_input(&self) -> Result<&Input> {
        split_input(&self.config.input, &self.config.split.input)
    }

    pub(crate) fn set(&self, name: &str) -> Result<&FeatureSet> {
        let found = self.sets.iter().find(|set| set.name == name);
        found.ok_or_else(|| {
            Error::internal("internal.feature_set", "a candidate's set is not there")
        })
    }
}

/// Models from elsewhere are there before anything is fitted.
fn check_external(folder: &Path, hunts: &[Hunt]) -> Result<()> {
    for candidate in hunts.iter().flat_map(|hunt| &hunt.candidates) {
        if let Parameters::External { bundle } = &candidate.parameters {
            let path = folder.join(bundle);
            std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        }
    }
    Ok(())
}

fn check_label(config: &Config) -> Result<()> {
    let (name, task) = (&config.label.input, config.model.task);
    let Some(input) = config.input.iter().find(|input| input.name == *name) else {
        return fault("label.input", &format!("there is no input `{name}`"));
    };
    if input.role != Role::Label || input.known_at_prediction {
        return fault(
            "label.input",
            &format!("`{name}` must have role = \"label\" and known_at_prediction = false"),
        );
    }
    let is_number = matches!(input.kind, InputType::Number | InputType::Integer);
    match (task, config.label.above) {
        (Task::Regression, None) if is_number => Ok(()),
        (Task::Binary, Some(above)) if is_number && above.is_finite() => Ok(()),
        (Task::Binary | Task::Multiclass, None) if input.kind == InputType::Category => Ok(()),
        _ => fault(
            "label",
            "regression takes a number; a classification takes a category, or binary a number with a finite `above`",
        ),
    }
}

fn check_rest(config: &Config) -> Result<()> {
    let measures = Measure::of_task(config.model.task);
    let named = |field: &'static str, measure: &Measure| (field, *measure);
    let mut asked: Vec<(&str, Measure)> = vec![("select.by", config.select.by)];
    asked.extend(config.retrain.by.iter().map(|by| named("retrain.by", by)));
    asked.extend(config.gates.test.keys().map(|by| named("gates.test", by)));
    let of_slices = config.gates.worst_slice.keys();
    asked.extend(of_slices.map(|by| named("gates.worst_slice", by)));
    if let Some((field, measure)) = asked.iter().find(|(_, by)| !measures.contains(by)) {
        let names: Vec<&str> = measures.iter().map(|measure| measure.name()).collect();
        return fault(
            field,
            &format!(
                "`{}` is no measure of this task, which has {}",
                measure.name(),
                names.join(", ")
            ),
        );
    }
    if !(config.select.margin.is_finite() && config.select.margin >= 0.0) {
        return fault("select.margin", "a finite number, not negative, is due");
    }
    if !(config.retrain.margin.is_finite() && config.retrain.margin >= 0.0) {
        return fault("retrain.margin", "a finite number, not negative, is due");
    }
    let share = |share: f64| (0.0..=1.0).contains(&share);
    let checks = &config.checks;
    if ![
        checks.leak,
        checks.suspicious,
        checks.duplicates,
        checks.rarest_class,
    ]
    .into_iter()
    .all(share)
    {
        return fault("checks", "shares from 0 to 1 are due");
    }
    let is_named = |name: &String| {
        let inputs = config.input.iter().map(|input| &input.name);
        let sources = config.source.iter().map(|source| &source.name);
        let views = config.view.iter().map(|view| &view.name);
        inputs
            .chain(sources)
            .chain(views)
            .any(|known| known == name)
    };
    if let Some(name) = checks.accept.iter().find(|name| !is_named(name)) {
        return fault(
            "checks.accept",
            &format!("there is no input or source `{name}`"),
        );
    }
    let category = |name: &&String| {
        !(config.input.iter())
            .any(|input| input.name == **name && input.kind == InputType::Category)
    };
    if let Some(name) = config.slices.by.iter().find(category) {
        return fault("slices.by", &format!("there is no category `{name}`"));
    }
    if config.calibrate.is_some() && config.model.task != Task::Binary {
        return fault("calibrate", "only a binary model is calibrated");
    }
    if let Some(threshold) = config.threshold {
        if config.model.task != Task::Binary {
            return fault("threshold", "only a binary model has one");
        }
        if config.model.threshold.is_some() {
            return fault(
                "threshold",
                "it is chosen here or given as `model.threshold`, not both",
            );
        }
        let is_cost = |cost: f64| (0.0..=LARGEST_COST).contains(&cost);
        if let ThresholdConfig::Costs {
            false_positive,
            false_negative,
        } = threshold
            && !(is_cost(false_positive)
                && is_cost(false_negative)
                && false_positive + false_negative > 0.0)
        {
            return fault("threshold", "costs from 0 to 1e12 are due, not both 0");
        }
    }
    if let Some(conformal) = &config.conformal {
        let fits = conformal.method.is_of_numbers() == (config.model.task == Task::Regression);
        if !(fits && conformal.confidence > 0.0 && conformal.confidence < 1.0) {
            return fault(
                "conformal",
                "a confidence between 0 and 1 is due, and `split` or `cqr` for regression, `lac` or `aps` for labels",
            );
        }
        if let Some(name) = conformal.by.as_ref().filter(category) {
            return fault("conformal.by", &format!("there is no category `{name}`"));
        }
    }
    check_gates(config)?;
    if config.gates.coverage.is_some() && config.conformal.is_none() {
        return fault(
            "gates.coverage",
            "coverage is that of [conformal], which is not there",
        );
    }
    if config
        .gates
        .max_latency_us
        .is_some_and(|most| most.is_nan() || most <= 0.0)
    {
        return fault(
            "gates.max_latency_us",
            "a number of microseconds above 0 is due",
        );
    }
    if config.slices.least_rows == 0 {
        return fault("slices.least_rows", "at least one row is needed");
    }
    Ok(())
}

/// What a measure, or the coverage, may be at least and at most.
fn possible(measure: &str) -> (f64, f64) {
    match measure {
        "log_loss" | "rmse" | "mae" => (0.0, f64::INFINITY),
        "r2" => (f64::NEG_INFINITY, 1.0),
        _ => (0.0, 1.0),
    }
}

/// Greatest cost of a wrong answer.
const LARGEST_COST: f64 = 1e12;

/// Bounds that nothing passes, or everything, are a slip.
fn check_gates(config: &Config) -> Result<()> {
    let gates = &config.gates;
    let of = |part: &'static str, bounds: &BTreeMap<Measure, Bounds>| -> Vec<(String, Bounds)> {
        let named = bounds.iter();
        let named =
            named.map(|(measure, &bounds)| (format!("gates.{part}.{}", measure.name()), bounds));
        named.collect()
    };
    let mut all = of("test", &gates.test);
    all.extend(of("worst_slice", &gates.worst_slice));
    all.extend(
        gates
            .coverage
            .map(|bounds| ("gates.coverage".to_owned(), bounds)),
    );
    for (field, Bounds { min, max }) in all {
        let numbers: Vec<f64> = min.into_iter().chain(max).collect();
        let is_range = numbers.is_sorted() && numbers.iter().all(|number| number.is_finite());
        let name = field.rsplit('.').next().unwrap_or_default();
        let (least, most) = possible(name);
        let tells = min.is_none_or(|min| least < min && min <= most)
            && max.is_none_or(|max| least <= max && max < most);
        if numbers.is_empty() || !is_range || !tells {
            return fault(
                &field,
                &format!(
                    "`min` or `max` or both are due, `min` not above `max`; of its values, from {least} to {most}, some must pass \
                     and others not"
                ),
            );
        }
    }
    if gates.max_bytes == Some(0) {
        return fault("gates.max_bytes", "no bundle has 0 bytes");
    }
    if !gates.worst_slice.is_empty() && config.slices.by.is_empty() {
        return fault(
            "gates.worst_slice",
            "slices are those of [slices] `by`, which names none",
        );
    }
    let least = match config.model.task {
        Task::Regression => -1.0,
        _ => 0.0,
    };
    let is_share =
        |champion: &ChampionGate| least < champion.agreement && champion.agreement <= 1.0;
    if !gates.champion.as_ref().is_none_or(is_share) {
        let rule = format!("a number over {least} up to 1 is due");
        return fault("gates.champion.agreement", &rule);
    }
    Ok(())
}

/// A bundle reads what its features read, so that they must read the groups whose quantiles it is to choose from.
fn check_groups(config: &Config, sets: &[FeatureSet]) -> Result<()> {
    let by = config
        .conformal
        .as_ref()
        .and_then(|conformal| conformal.by.as_ref());
    let Some(by) = by else {
        return Ok(());
    };
    let reads = |set: &FeatureSet| {
        set.spec
            .feature
            .iter()
            .any(|feature| feature.from.names().contains(by))
    };
    match sets.iter().find(|set| !reads(set)) {
        Some(set) => fault(
            "conformal.by",
            &format!(
                "no feature of set `{}` reads `{by}`, so that its bundle would not know a row's group",
                set.name
            ),
        ),
        None => Ok(()),
    }
}

fn by_quantiles(config: &Config) -> Option<&ConformalConfig> {
    let conformal = config.conformal.as_ref();
    conformal.filter(|conformal| conformal.method == ConformalMethod::Cqr)
}

/// Any candidate may win, so that all must have what the interval is made from.
fn check_quantiles(config: &Config) -> Result<()> {
    let mut models = config.experiment.iter().flat_map(|one| &one.model);
    let without = models.find_map(|model| model.family.without_quantiles());
    match without.filter(|_| by_quantiles(config).is_some()) {
        Some(kind) => {
            let message = format!(
                "`conformal.method`: `cqr` is made from quantiles, which `constant`, `rules` and `trees` have, and `{kind}` \
                 has not; `split` is for all"
            );
            Err(Error::spec("train.conformal", message).with_field("conformal.method"))
        }
        None => Ok(()),
    }
}

fn split(config: &Config) -> Result<Split> {
    let split = &config.split;
    let input = split_input(&config.input, &split.input)?;
    match split.by {
        SplitBy::Time if split.validate_last.is_some() || split.test_last.is_some() => {
            newest(split, per_day(input)?).map(Split::Newest)
        }
        SplitBy::Time => periods(split, per_day(input)?).map(Split::Time),
        SplitBy::Hash | SplitBy::Group => shares(split, config.model.seed).map(Split::Key),
    }
}

fn periods(split: &SplitConfig, per_day: f64) -> Result<Periods> {
    if split.test.is_some() || split.validate.is_some() || split.folds.is_some() {
        return fault(
            "split",
            "a split by time has `validate_from`, `test_from` and `gap` alone",
        );
    }
    let dates = match &split.validate_from {
        Some(Days::One(date)) => std::slice::from_ref(date),
        Some(Days::Several(dates)) => dates,
        None => &[],
    };
    let days: Option<Vec<f64>> = dates
        .iter()
        .chain(&split.test_from)
        .map(|date| day(date))
        .collect();
    let (Some(days), Some(_), false) = (days, &split.test_from, dates.is_empty()) else {
        return fault(
            "split",
            "`validate_from` and `test_from` are dates YYYY-MM-DD",
        );
    };
    if !days.is_sorted_by(|a, b| a < b) {
        return fault(
            "split",
            "the windows and the test begin one after the other",
        );
    }
    let gap = duration("split.gap", split.gap.as_deref())?.unwrap_or_default();
    let mut starts: Vec<f64> = days.iter().map(|day| day * per_day).collect();
    let test_from = starts.pop().unwrap_or_default();
    Ok(Periods {
        validate_from: starts,
        test_from,
        gap: gap * per_day,
    })
}

fn newest(split: &SplitConfig, per_day: f64) -> Result<Newest> {
    let others = [
        split.test.is_some(),
        split.validate.is_some(),
        split.folds.is_some(),
        split.validate_from.is_some(),
        split.test_from.is_some(),
    ];
    let validate = duration("split.validate_last", split.validate_last.as_deref())?;
    let test = duration("split.test_last", split.test_last.as_deref())?;
    let (Some(validate), Some(test), false) = (validate, test, others.contains(&true)) else {
        return fault(
            "split",
            "`validate_last` and `test_last` go together, with `gap` alone beside them",
        );
    };
    if validate == 0.0 || test == 0.0 {
        return fault("split", "`validate_last` and `test_last` are not 0");
    }
    let gap = duration("split.gap", split.gap.as_deref())?.unwrap_or_default();
    Ok(Newest {
        validate: validate * per_day,
        test: test * per_day,
        gap: gap * per_day,
        day: per_day,
    })
}

/// The days of a duration, where there is one.
fn duration(field: &str, text: Option<&str>) -> Result<Option<f64>> {
    let Some(text) = text else {
        return Ok(None);
    };
    match days_of(text) {
        Some(days) => Ok(Some(days)),
        None => fault(
            field,
            "a whole number with `d`, `h` or `m` is due, as in `1d`",
        ),
    }
}

/// The days of `7d`, `12h` or `30m`.
fn days_of(text: &str) -> Option<f64> {
    seconds_of(text).map(|seconds| seconds / 86_400.0)
}

/// The seconds of `7d`, `12h` or `30m`.
pub(super) fn seconds_of(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    let seconds = match unit {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "m" => 60.0,
        _ => return None,
    };
    Some(f64::from(number) * seconds)
}

fn shares(split: &SplitConfig, seed: u64) -> Result<Shares> {
    let of_time = [
        split.validate_from.is_some(),
        split.test_from.is_some(),
        split.validate_last.is_some(),
        split.test_last.is_some(),
        split.gap.is_some(),
    ];
    if of_time.contains(&true) {
        return fault(
            "split",
            "a split by key has `test` and `validate` or `folds` alone",
        );
    }
    let inside = |share: f64| share > 0.0 && share < 1.0;
    let Some(test) = split.test.filter(|&test| inside(test)) else {
        return fault("split.test", "a share between 0 and 1 is due");
    };
    let rest = match (split.validate, split.folds) {
        (Some(share), None) if inside(share) && inside(share + test) => Rest::Validate(share),
        (None, Some(folds)) if (2..=50).contains(&folds) => Rest::Folds(folds),
        _ => {
            return fault(
                "split",
                "either `validate`, a share that leaves rows for training, or `folds`, from 2 to 50, is due",
            );
        }
    };
    Ok(Shares { test, rest, seed })
}

fn hunts(config: &Config, sets: &[FeatureSet]) -> Result<Vec<Hunt>> {
    if config.data.max_rows == Some(0) {
        return fault("data.max_rows", "at least one row is needed");
    }
    let all: Vec<String> = sets.iter().map(|set| set.name.clone()).collect();
    let mut hunts: Vec<Hunt> = Vec::new();
    for experiment in &config.experiment {
        let seed = experiment.seed.unwrap_or(config.model.seed);
        if experiment.max_rows == Some(0) {
            return fault("experiment.max_rows", "at least one row is needed");
        }
        for family in &experiment.model {
            let named = family
                .feature_sets
                .as_ref()
                .or(experiment.feature_sets.as_ref());
            let (points, search) = models::expand(&family.family, seed)?;
            for name in named.unwrap_or(&all) {
                let Some(set) = sets.iter().find(|set| set.name == *name) else {
                    return fault(
                        "experiment.feature_sets",
                        &format!("there is no feature set `{name}`"),
                    );
                };
                let candidate = |parameters: &Parameters| Candidate {
                    experiment: experiment.name.clone(),
                    feature_set: name.clone(),
                    digest: candidate_digest(set, parameters, seed, experiment.max_rows),
                    parameters: parameters.clone(),
                    seed,
                    max_rows: experiment.max_rows,
                };
                hunts.push(Hunt {
                    candidates: points.iter().map(candidate).collect(),
                    search,
                });
            }
        }
    }
    if hunts.is_empty() {
        return fault(
            "experiment",
            "an experiment has at least one `[[experiment.model]]`",
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    for hunt in &mut hunts {
        hunt.candidates
            .retain(|candidate| seen.insert(candidate.digest.clone()));
    }
    Ok(hunts)
}

fn candidate_digest(
    set: &FeatureSet,
    parameters: &Parameters,
    seed: u64,
    max_rows: Option<usize>,
) -> String {
    let told = match max_rows {
        None => json!([set.digest, parameters, seed]),
        Some(rows) => json!([set.digest, parameters, seed, rows]),
    };
    sha256_hex(told.to_string().as_bytes())
}

impl Candidate {
    /// The rows of a fit out of those given: all, or as many as the bound allows, which a seed draws.
    pub(crate) fn rows_of(&self, (data, classes): (&Data, usize), rows: &[usize]) -> Vec<usize> {
        match self.max_rows {
            Some(most) if most < rows.len() => {
                data.drawn(rows, most, classes, &mut Random::new(self.seed, DRAWN))
            }
            _ => rows.to_vec(),
        }
    }
}

/// The stream of random numbers that draws rows.
const DRAWN: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_in_days() {
        assert_eq!(days_of("2d"), Some(2.0));
        assert_eq!(days_of("12h"), Some(0.5));
        assert_eq!(days_of("36m"), Some(0.025));
        for text in ["", "d", "1", "1w", "-1d", "1.5d", "é"] {
            assert_eq!(days_of(text), None, "{text}");
        }
    }
}

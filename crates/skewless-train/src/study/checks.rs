//! Checks before training: what is wrong with the data, or too good to be true, named before it becomes a model.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use skewless_core::output::Task;
use skewless_core::pipeline::Pipeline;
use skewless_core::spec::{Input, OpName, Role};
use skewless_core::{Column, Result};

use super::column::{is_constant, is_missing, moments, unseen};
use super::config::SplitBy;
use super::data::Data;
use super::folds::Folds;
use super::intervals::wilson;
use super::models::class;
use super::recipe::Recipe;
use super::report::{Finding, InputShares, Level};
use super::stop::stop;
use super::strength::strength;
use crate::arm::in_file;

/// What the checks found.
pub(crate) struct Checked {
    /// The gravest first, then in the order of the checks.
    pub(crate) findings: Vec<Finding>,
    pub(crate) inputs: Vec<InputShares>,
}

struct Checks<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    folds: &'a Folds,
    /// All rows outside the test that have a label.
    seen: Vec<usize>,
    validate: Vec<usize>,
    /// Inputs that feed a feature of any set.
    fed: Vec<&'a Input>,
    findings: Vec<Finding>,
}

/// Runs every check.
///
/// # Errors
/// `input.*` with its row for a row that the serving code would refuse, the test's among them; `spec.*` where a
/// specification cannot be fitted.
pub(crate) fn check(recipe: &Recipe, data: &Data, folds: &Folds) -> Result<Checked> {
    let mut validate: Vec<usize> = folds
        .folds
        .iter()
        .flat_map(|fold| fold.validate.clone())
        .collect();
    validate.sort_unstable();
    validate.dedup();
    let seen: BTreeSet<usize> = validate.iter().chain(&folds.last).copied().collect();
    let mut checks = Checks {
        recipe,
        data,
        folds,
        seen: seen.into_iter().collect(),
        validate,
        fed: fed(recipe),
        findings: Vec::new(),
    };
    for finding in &data.findings {
        let check = finding.check.trim_start_matches("check.");
        let (about, message) = (finding.input.as_deref(), finding.message.clone());
        checks.add(check, finding.level, about, message);
    }
    let inputs = checks.inputs();
    checks.missing_with_label();
    checks.fitted_on_all();
    checks.duplicates();
    checks.classes();
    checks.time_order();
    checks.findings.sort_by_key(|finding| finding.level);
    // A column that is missing everywhere is better named than refused by what is fitted on it.
    if stop(&checks.findings).is_ok() {
        checks.rows()?;
    }
    Ok(Checked {
        findings: checks.findings,
        inputs,
    })
}

/// Inputs that any feature is made from.
fn fed(recipe: &Recipe) -> Vec<&Input> {
    let names: BTreeSet<&String> = (recipe.sets.iter())
        .flat_map(|set| set.spec.feature.iter())
        .flat_map(|feature| feature.from.names())
        .collect();
    (recipe.config.input.iter())
        .filter(|input| names.contains(&input.name))
        .collect()
}

impl Checks<'_> {
    fn add(&mut self, check: &str, level: Level, input: Option<&str>, message: String) {
        let accepted = input.is_some_and(|input| {
            self.recipe
                .config
                .checks
                .accept
                .iter()
                .any(|one| one == input)
        });
        let level = match level {
            Level::Error if accepted => Level::Warning,
            level => level,
        };
        self.findings.push(Finding {
            check: format!("check.{check}"),
            level,
            input: input.map(str::to_owned),
            message,
        });
    }

    /// Every labelled row must pass the serving code: types, ranges, what may be missing.
    fn rows(&self) -> Result<()> {
        let rows = self.data.labelled();
        let all = self.data.columns.select(&rows);
        for set in &self.recipe.sets {
            let training = self.data.columns.select(&self.folds.last);
            let fitted = set.spec.fit(&training, self.data.lookups_of(&set.spec));
            let fitted = fitted.map_err(|error| in_file(error, &self.folds.last))?;
            let mut found = Pipeline::new(&fitted)?.transform(&all, 0..rows.len())?;
            if !found.errors.is_empty() {
                return Err(in_file(found.errors.swap_remove(0), &rows));
            }
        }
        Ok(())
    }

    fn inputs(&mut self) -> Vec<InputShares> {
        let truth = self.data.truth_of(&self.seen);
        let mut shares = Vec::new();
        for input in &self.recipe.config.input {
            let Some(column) = self
                .data
                .columns
                .column(&input.name)
                .filter(|_| input.known_at_prediction)
            else {
                continue;
            };
            let missing =
                |rows: &[usize]| rows.iter().filter(|&&row| is_missing(column, row)).count();
            let (train, validate) = (&self.folds.last, &self.validate);
            let is_fed = self.fed.iter().any(|fed| fed.name == input.name);
            let strength = is_fed.then(|| {
                strength(
                    self.recipe.task(),
                    self.recipe.classes(),
                    column,
                    &self.seen,
                    &truth,
                )
            });
            let found = InputShares {
                name: input.name.clone(),
                missing_train: wilson(missing(train), train.len()),
                missing_validate: wilson(missing(validate), validate.len()),
                unseen: unseen(column, train, validate).map(|count| wilson(count, validate.len())),
                strength,
            };
            let is_constant = is_constant(column, &self.seen);
            if is_fed {
                self.judge(&found, is_constant);
            }
            shares.push(found);
        }
        shares
    }

    fn judge(&mut self, found: &InputShares, is_constant: bool) {
        let name = found.name.as_str();
        let bounds = self.recipe.config.checks.clone();
        if found.missing_train.value == 1.0 {
            let message = format!("`{name}` is missing in every training row");
            return self.add("all_missing", Level::Error, Some(name), message);
        }
        if is_constant {
            let message = format!("`{name}` has the same value in every row and tells nothing");
            self.add("constant", Level::Warning, Some(name), message);
        }
        let (train, validate) = (found.missing_train, found.missing_validate);
        if validate.low > train.high || validate.high < train.low {
            let message = format!(
                "`{name}` is missing in {:.2} % of the training and {:.2} % of the validation rows",
                100.0 * train.value,
                100.0 * validate.value
            );
            self.add("missing_moves", Level::Info, Some(name), message);
        }
        if let Some(unseen) = found.unseen.filter(|unseen| unseen.low > 0.05) {
            let message = format!(
                "{:.1} % of the validation rows have a `{name}` that no training row has",
                100.0 * unseen.value
            );
            self.add("unseen", Level::Warning, Some(name), message);
        }
        let strength = found.strength.unwrap_or_default();
        let level = match strength {
            strength if strength >= bounds.leak => Level::Error,
            strength if strength >= bounds.suspicious => Level::Warning,
            _ => return,
        };
        let message = format!(
            "`{name}` alone tells the label with a strength of {strength:.4}: is it known before the label is?"
        );
        self.add("target_leak", level, Some(name), message);
    }

    /// What is missing exactly where the label is came to be with the label, as a flight's time in the air does.
    fn missing_with_label(&mut self) {
        let (with, without): (Vec<usize>, Vec<usize>) =
            (0..self.data.truth.len()).partition(|&row| {
                self.data
                    .truth
                    .get(row)
                    .is_some_and(|truth| !truth.is_nan())
            });
        if without.len() < 20 {
            return;
        }
        for input in self.fed.clone() {
            let Some(column) = self.data.columns.column(&input.name) else {
                continue;
            };
            let share = |rows: &[usize]| {
                wilson(
                    rows.iter().filter(|&&row| is_missing(column, row)).count(),
                    rows.len(),
                )
            };
            let (there, gone) = (share(&with), share(&without));
            if gone.value > 0.95 && there.value < 0.01 {
                let message = format!(
                    "`{}` is missing in {:.1} % of the rows without a label and {:.2} % of those with one: it comes to be \
                     with the label",
                    input.name,
                    100.0 * gone.value,
                    100.0 * there.value
                );
                self.add(
                    "missing_with_label",
                    Level::Error,
                    Some(&input.name),
                    message,
                );
            }
        }
    }

    /// A scaler that was given the mean and deviation of all rows knows the test.
    fn fitted_on_all(&mut self) {
        let everything: Vec<usize> = (0..self.data.columns.rows()).collect();
        let mut found = Vec::new();
        for feature in self.recipe.sets.iter().flat_map(|set| &set.spec.feature) {
            let (OpName::Standardize, Some(mean), Some(std), [source]) =
                (feature.op, feature.mean, feature.std, feature.from.names())
            else {
                continue;
            };
            let Some(Column::Number(values)) = self.data.columns.column(source) else {
                continue;
            };
            let (all, train) = (
                moments(values, &everything),
                moments(values, &self.folds.last),
            );
            let near =
                |(m, s): (f64, f64)| (mean - m).abs() <= 1e-6 * s && (std - s).abs() <= 1e-6 * s;
            if near(all) && !near(train) {
                found.push((source.clone(), feature.name.clone()));
            }
        }
        found.sort();
        found.dedup();
        for (source, feature) in found {
            let message = format!(
                "feature `{feature}` was given the mean and deviation of `{source}` over all rows, the test's among them; \
                 leave them out, and they are fitted on the training rows"
            );
            self.add("fitted_on_all", Level::Error, Some(&source), message);
        }
    }

    fn duplicates(&mut self) {
        let known: BTreeSet<[u8; 32]> = self
            .folds
            .last
            .iter()
            .map(|&row| self.fingerprint(row))
            .collect();
        let last: BTreeSet<usize> = self.folds.last.iter().copied().collect();
        for (part, rows) in [
            ("test", self.folds.test.clone()),
            ("validation", self.validate.clone()),
        ] {
            let is_known = |row: &&usize| known.contains(&self.fingerprint(**row));
            let rows: Vec<usize> = rows
                .iter()
                .filter(|row| !last.contains(row))
                .copied()
                .collect();
            let twice: Vec<usize> = rows.iter().filter(is_known).copied().collect();
            let share = wilson(twice.len(), rows.len());
            if let Some(first) = twice.first() {
                let level = match share.value > self.recipe.config.checks.duplicates {
                    true => Level::Error,
                    false => Level::Warning,
                };
                let message = format!(
                    "{} of {} {part} rows ({:.2} %) have the inputs and the label of a training row; the first is row {first}",
                    twice.len(),
                    rows.len(),
                    100.0 * share.value
                );
                self.add("duplicates", level, None, message);
            }
        }
    }

    /// SHA-256 over the inputs that feed a feature, and the label as it stands in the data.
    fn fingerprint(&self, row: usize) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let label = &self.recipe.config.label.input;
        for name in self.fed.iter().map(|input| &input.name).chain([label]) {
            match self.data.columns.column(name) {
                Some(Column::Number(values)) => {
                    hasher.update(
                        values
                            .get(row)
                            .copied()
                            .unwrap_or(f64::NAN)
                            .to_bits()
                            .to_le_bytes(),
                    );
                }
                Some(Column::Text(text)) => {
                    let value = text.value(row);
                    hasher.update([u8::from(value.is_some())]);
                    hasher.update(value.unwrap_or_default());
                    hasher.update([0xff]);
                }
                Some(Column::Tensor { width, values }) => {
                    let elements = values
                        .get(row * width..(row + 1) * width)
                        .unwrap_or_default();
                    elements
                        .iter()
                        .for_each(|value| hasher.update(value.to_bits().to_le_bytes()));
                }
                None => {}
            }
        }
        hasher.finalize().into()
    }

    fn classes(&mut self) {
        if self.recipe.task() == Task::Regression {
            return;
        }
        let truth = self.data.truth_of(&self.folds.last);
        let mut counts = vec![0_usize; self.recipe.classes()];
        for &truth in &truth {
            if let Some(count) = counts.get_mut(class(truth)) {
                *count += 1;
            }
        }
        let rarest = counts.iter().enumerate().min_by_key(|(_, count)| **count);
        let Some((place, &count)) = rarest else {
            return;
        };
        let share = wilson(count, truth.len());
        if share.value < self.recipe.config.checks.rarest_class {
            let label = self
                .recipe
                .config
                .model
                .labels
                .get(place)
                .map_or("?", String::as_str);
            let message = format!(
                "label `{label}` has {count} of {} training rows ({:.2} %)",
                truth.len(),
                100.0 * share.value
            );
            self.add("class_balance", Level::Warning, None, message);
        }
    }

    fn time_order(&mut self) {
        let time = self
            .recipe
            .config
            .input
            .iter()
            .find(|input| input.role == Role::Time);
        if let Some(time) = time.filter(|_| self.recipe.config.split.by != SplitBy::Time) {
            let message = format!(
                "rows have a time, `{}`, but the split does not follow it: the past may be learnt from the future",
                time.name
            );
            self.add("time_order", Level::Warning, Some(&time.name), message);
        }
    }
}

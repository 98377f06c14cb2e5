//! Checks before training: what is wrong with the data, or too good to be true, named before it becomes a model.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use skewless_core::output::Task;
use skewless_core::pipeline::Pipeline;
use skewless_core::spec::{Input, Role};
use skewless_core::{Column, Result};

use super::column::{is_constant, is_missing, unseen};
use super::config::SplitBy;
use super::data::Data;
use super::folds::{Fold, Folds};
use super::intervals::wilson;
use super::leaks::{self, OfAll, Told};
use super::models::class;
use super::recipe::Recipe;
use super::report::{Finding, InputShares, Level};
use super::stop::stop;
use super::strength::{sharpest, strength};
use crate::arm::in_file;
use crate::bootstrap::Estimate;

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
    let validated = folds.folds.iter().flat_map(|fold| &fold.validate);
    let seen: BTreeSet<usize> = validated.chain(&folds.last).copied().collect();
    let mut checks = Checks {
        recipe,
        data,
        folds,
        seen: seen.into_iter().collect(),
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
        checks.findings.sort_by_key(|finding| finding.level);
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

    /// Every labelled row must pass the serving code: types, ranges, what may be missing. What comes of it is looked at for
    /// labels that no input shows.
    fn rows(&mut self) -> Result<()> {
        let rows = self.data.labelled();
        let all = self.data.columns.select(&rows);
        for set in &self.recipe.sets {
            let training = self.data.columns.select(&self.folds.last);
            let fitted = set.spec.fit(&training, self.data.lookups_of(&set.spec));
            let fitted = fitted.map_err(|error| in_file(error, &self.folds.last))?;
            let pipeline = Pipeline::new(&fitted)?;
            let mut found = pipeline.transform(&all, 0..rows.len())?;
            if !found.errors.is_empty() {
                return Err(in_file(found.errors.swap_remove(0), &rows));
            }
            let of = (&found, rows.as_slice());
            for told in leaks::told(self.recipe, self.data, &pipeline, of, &self.seen) {
                self.judge_feature(&told);
            }
        }
        Ok(())
    }

    /// A feature that tells the label where none of its inputs does. Sets share features: one finding is enough.
    fn judge_feature(&mut self, told: &Told) {
        let Some(level) = self.level(told.strength) else {
            return;
        };
        let opening = format!("feature `{}` alone", told.feature);
        let is_known = |finding: &Finding| {
            finding.check == "check.target_leak"
                && (finding.message.starts_with(&opening)
                    || (finding.input.as_ref()).is_some_and(|input| told.from.contains(input)))
        };
        if self.findings.iter().any(is_known) {
            return;
        }
        let made_from: Vec<String> = told.from.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "{opening}, made from {}, tells the label with a strength of {:.4}: is it known before the label is?",
            made_from.join(" and "),
            told.strength
        );
        let accept = &self.recipe.config.checks.accept;
        let accepted = told.from.iter().find(|name| accept.contains(name));
        let about = accepted.or(told.from.first()).cloned();
        self.add("target_leak", level, about.as_deref(), message);
    }

    /// How grave a strength is; `None` where it is none.
    fn level(&self, strength: f64) -> Option<Level> {
        let bounds = &self.recipe.config.checks;
        match strength {
            strength if strength >= bounds.leak => Some(Level::Error),
            strength if strength >= bounds.suspicious => Some(Level::Warning),
            _ => None,
        }
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
            let Some(Fold { train, validate }) = self.folds.folds.last() else {
                continue;
            };
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
                unseen: self.unseen(column),
                strength,
            };
            if is_fed {
                self.judge(&found, column, &truth);
            }
            shares.push(found);
        }
        shares
    }

    /// Categories of all validation rows that their fold's training does not have.
    fn unseen(&self, column: &Column) -> Option<Estimate> {
        let folds = self.folds.folds.iter();
        let counts: Option<Vec<usize>> = folds
            .map(|fold| unseen(column, &fold.train, &fold.validate))
            .collect();
        let rows = self.folds.folds.iter().map(|fold| fold.validate.len());
        Some(wilson(counts?.iter().sum(), rows.sum()))
    }

    fn judge(&mut self, found: &InputShares, column: &Column, truth: &[f64]) {
        let name = found.name.as_str();
        let is_missing_in = |fold: &Fold| fold.train.iter().all(|&row| is_missing(column, row));
        if self.folds.folds.iter().any(is_missing_in) {
            let message = format!("`{name}` is missing in every training row");
            return self.add("all_missing", Level::Error, Some(name), message);
        }
        if is_constant(column, &self.seen) {
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
        if let Some(level) = self.level(strength) {
            let message = format!(
                "`{name}` alone tells the label with a strength of {strength:.4}: is it known before the label is?"
            );
            return self.add("target_leak", level, Some(name), message);
        }
        if self.recipe.task() != Task::Multiclass {
            return;
        }
        let sharpest = sharpest(self.recipe.classes(), column, &self.seen, truth);
        if let Some((class, area)) =
            sharpest.filter(|(_, area)| *area >= self.recipe.config.checks.leak)
        {
            let label = self.recipe.config.model.labels.get(class);
            let message = format!(
                "`{name}` alone tells label `{}` from the others with a strength of {area:.4}: is it known before the label is?",
                label.map_or("?", String::as_str)
            );
            self.add("target_leak", Level::Warning, Some(name), message);
        }
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

    /// Parameters that all rows were looked at for know the test.
    fn fitted_on_all(&mut self) {
        let sets = self.recipe.sets.iter();
        let mut found: Vec<OfAll> = sets
            .flat_map(|set| leaks::fitted_on_all(set, self.data, &self.folds.last))
            .collect();
        // Sets share features.
        found.sort_by(|a, b| (&a.source, &a.feature).cmp(&(&b.source, &b.feature)));
        found.dedup_by(|a, b| a.feature == b.feature);
        for OfAll {
            feature,
            source,
            what,
        } in found
        {
            let message = format!(
                "feature `{feature}` was given {what} of `{source}` over all rows, the test's among them; leave that out, and \
                 it is fitted on the training rows"
            );
            self.add("fitted_on_all", Level::Error, Some(&source), message);
        }
    }

    /// Of each fold's validation against its training, and of the test against what the winner is fitted on.
    fn duplicates(&mut self) {
        let folds = self.folds;
        let prints: Vec<[u8; 32]> = (0..self.data.truth.len())
            .map(|row| self.fingerprint(row))
            .collect();
        let of_folds: Vec<_> = (folds.folds.iter())
            .map(|fold| (fold.train.as_slice(), fold.validate.as_slice()))
            .collect();
        for (part, pairs) in [
            ("test", vec![(folds.last.as_slice(), folds.test.as_slice())]),
            ("validation", of_folds),
        ] {
            let rows = pairs.iter().map(|(_, held_out)| held_out.len()).sum();
            let twice: BTreeSet<usize> = pairs
                .iter()
                .flat_map(|(train, held_out)| known(&prints, train, held_out))
                .collect();
            let share = wilson(twice.len(), rows);
            if let Some(first) = twice.first() {
                let level = match share.value > self.recipe.config.checks.duplicates {
                    true => Level::Error,
                    false => Level::Warning,
                };
                let message = format!(
                    "{} of {rows} {part} rows ({:.2} %) have the inputs and the label of a training row; the first is row \
                     {first}",
                    twice.len(),
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
            if count == 0 {
                let input = self.recipe.config.label.input.as_str();
                let message = format!("{message}: nothing is learnt of it");
                return self.add("class_balance", Level::Error, Some(input), message);
            }
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

/// Rows held out that a training row equals.
fn known(prints: &[[u8; 32]], train: &[usize], held_out: &[usize]) -> Vec<usize> {
    let train: BTreeSet<_> = train.iter().filter_map(|&row| prints.get(row)).collect();
    let is_known = |row: &&usize| prints.get(**row).is_some_and(|print| train.contains(print));
    held_out.iter().filter(is_known).copied().collect()
}

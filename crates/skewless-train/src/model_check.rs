//! What `[model]`, `[evaluate]` and `[baseline]` may say, checked before any data is read.
//!
//! A bundle refuses names, versions, labels and thresholds of its own accord, but only once it is packed: after the whole
//! training, and as a fault of the bundle. The same rules stand here, so that the configuration's author hears of them first.

use std::collections::BTreeSet;

use skewless_core::output::Task;
use skewless_core::spec::{Input, Role};
use skewless_core::{Error, Result};

use crate::config::{BaselineConfig, Config, EvaluateConfig, ModelConfig};
use crate::recipe::{day, fault};

/// Checks everything but the label, the split and the grid.
///
/// # Errors
/// `train.config` with the field; `unsupported.task`; `unsupported.weight` with the input.
pub(crate) fn check(config: &Config) -> Result<()> {
    if config.model.task != Task::Binary {
        let message = format!(
            "training a {:?} model takes `[[experiment]]`; without it only binary is supported",
            config.model.task
        );
        return Err(Error::unsupported("unsupported.task", message).with_field("model.task"));
    }
    check_parts(&config.model, &config.evaluate, &config.input)?;
    check_baseline(&config.baseline)
}

/// Checks what a configuration with experiments has in common with one without.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_parts(
    model: &ModelConfig,
    evaluate: &EvaluateConfig,
    inputs: &[Input],
) -> Result<()> {
    check_weights(inputs)?;
    check_model(model)?;
    check_evaluate(evaluate)
}

/// The baseline cannot be fitted with weights, and trees that were would not be comparable with it.
fn check_weights(inputs: &[Input]) -> Result<()> {
    match inputs.iter().find(|input| input.role == Role::Weight) {
        Some(input) => {
            let message = format!(
                "training with weights is not supported; input `{}` has role = \"weight\"",
                input.name
            );
            Err(Error::unsupported("unsupported.weight", message).with_field(&input.name))
        }
        None => Ok(()),
    }
}

fn check_model(model: &ModelConfig) -> Result<()> {
    if !is_name(&model.name) {
        return fault(
            "model.name",
            "letters, digits, `-`, `_` and `.` are due, and not dots alone",
        );
    }
    if !is_version(&model.version) {
        return fault("model.version", "MAJOR.MINOR.PATCH is due, as in 1.0.0");
    }
    check_labels(model)?;
    if model
        .threshold
        .is_some_and(|threshold| !(0.0..=1.0).contains(&threshold))
    {
        return fault("model.threshold", "a probability from 0 to 1 is due");
    }
    match day(&model.date) {
        Some(_) => Ok(()),
        None => fault("model.date", "not a date YYYY-MM-DD"),
    }
}

fn check_labels(model: &ModelConfig) -> Result<()> {
    let distinct = model.labels.iter().collect::<BTreeSet<_>>().len() == model.labels.len();
    match (model.task, model.labels.len()) {
        (Task::Binary, 2) if distinct => {}
        (Task::Multiclass, 2..) if distinct => {}
        (Task::Regression, 0) => {}
        (Task::Binary, _) => {
            return fault(
                "model.labels",
                "a binary model has two different labels, the negative and the positive",
            );
        }
        (Task::Multiclass, _) => {
            return fault(
                "model.labels",
                "a multi-class model has labels that differ, at least two",
            );
        }
        (Task::Regression, _) => return fault("model.labels", "a regression has no labels"),
        (Task::Vector, _) => {
            let message = "a vector model cannot be trained here";
            return Err(Error::unsupported("unsupported.task", message).with_field("model.task"));
        }
    }
    match (model.task, model.threshold) {
        (Task::Multiclass | Task::Regression, Some(_)) => {
            fault("model.threshold", "only a binary model has a threshold")
        }
        _ => Ok(()),
    }
}

fn check_evaluate(evaluate: &EvaluateConfig) -> Result<()> {
    if !(evaluate.confidence > 0.0 && evaluate.confidence < 1.0) {
        return fault("evaluate.confidence", "a share between 0 and 1 is due");
    }
    if evaluate.resamples < 20 || evaluate.calibration_bins == 0 {
        return fault(
            "evaluate",
            "at least 20 resamples and one calibration bin are needed",
        );
    }
    Ok(())
}

fn check_baseline(baseline: &BaselineConfig) -> Result<()> {
    if !(baseline.l2.is_finite() && baseline.l2 >= 0.0) {
        return fault("baseline.l2", "a finite penalty, not negative, is due");
    }
    if baseline.max_iterations == 0 {
        return fault("baseline.max_iterations", "at least one step is needed");
    }
    Ok(())
}

/// The bundle's rule, and not a folder's own name: the name becomes a file's.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().all(fits) && text.bytes().any(|byte| byte != b'.')
}

/// The bundle's rule: MAJOR.MINOR.PATCH, with an optional pre-release behind `-`.
fn is_version(text: &str) -> bool {
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    };
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| !pre.is_empty() && pre.bytes().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_bundle_and_never_dots_alone() {
        for name in ["flights", "a.b-c_9", ".hidden", "7"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "...", "../x", "a/b", "a\\b", "a b", "é"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn versions_have_three_numbers() {
        for version in ["0.0.0", "1.20.3", "1.0.0-rc.1", "1.0.0-a-b"] {
            assert!(is_version(version), "{version}");
        }
        for version in [
            "", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1..0", "1.0.0-", "1.0.0+b", "v1.0.0",
        ] {
            assert!(!is_version(version), "{version}");
        }
    }
}

//! The checked configuration: nothing in it can be wrong any more but the data.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use skewless_core::digest::sha256_hex;
use skewless_core::output::{Link, Output};
use skewless_core::spec::{FeatureSpec, Input, InputType, Role};
use skewless_core::{Error, Result};

use crate::config::{Config, TreesConfig};
use crate::model_check;
use crate::split::Boundaries;

/// One candidate of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeParameters {
    /// Number of trees.
    pub iterations: usize,
    /// Step of each tree.
    pub learning_rate: f32,
    /// Greatest depth, in splits.
    pub max_depth: usize,
    /// Greatest number of leaves.
    pub max_leaves: usize,
    /// Smallest sum of Hessians in a leaf.
    pub min_leaf_weight: f32,
    /// L2 penalty of leaf values.
    pub l2: f32,
    /// Share of columns that each tree sees.
    pub columns_by_tree: f32,
    /// Bins of a column while training.
    pub bins: u16,
}

/// What training does, checked.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// As written.
    pub config: Config,
    /// Folder of the configuration; data files are relative to it.
    pub folder: PathBuf,
    /// SHA-256 of the configuration's bytes.
    pub digest: String,
    /// Specification of the trees.
    pub spec: FeatureSpec,
    /// Specification of the baseline.
    pub baseline_spec: FeatureSpec,
    /// Where the parts of the split begin.
    pub boundaries: Boundaries,
    /// The candidates, in the order of the lists.
    pub grid: Vec<TreeParameters>,
}

impl Recipe {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// `train.unreadable` where the file cannot be read, `train.config` and `spec.*` for what it says; `spec.leak` names
    /// an input that is not known at prediction and feeds a feature; `unsupported.task` and `unsupported.weight` for what
    /// cannot be trained.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Error::spec("train.config", "the configuration is not UTF-8").with_source(error)
        })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::new(Config::from_toml(text)?, folder, sha256_hex(&bytes))
    }

    fn new(config: Config, folder: PathBuf, digest: String) -> Result<Self> {
        let spec = FeatureSpec {
            unknown_fields: config.unknown_fields,
            input: config.input.clone(),
            feature: config.feature.clone(),
            lookup: config.lookup.clone(),
        };
        let baseline_spec = FeatureSpec {
            feature: config.baseline.feature.clone(),
            ..spec.clone()
        };
        if config.data.max_rows.is_some() {
            return fault("data.max_rows", "rows are drawn for `[[experiment]]` alone");
        }
        spec.check()?;
        baseline_spec.check()?;
        model_check::check(&config)?;
        check_label(&config)?;
        let boundaries = boundaries(&config)?;
        let grid = grid(&config.trees)?;
        Ok(Self {
            folder,
            digest,
            spec,
            baseline_spec,
            boundaries,
            grid,
            config,
        })
    }

    /// Link, labels and threshold of the predictions.
    pub fn output(&self) -> Output {
        let model = &self.config.model;
        Output {
            name: model.target.clone(),
            task: model.task,
            link: Link::Logistic { scale: 1.0 },
            labels: model.labels.clone(),
            threshold: model.threshold,
            ..Output::default()
        }
    }
}

pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let message = format!("`{}` cannot be read", path.display());
    Error::input("train.unreadable", message).with_source(error)
}

pub(crate) fn fault<T>(field: &str, rule: &str) -> Result<T> {
    Err(Error::spec("train.config", format!("`{field}`: {rule}")).with_field(field))
}

fn check_label(config: &Config) -> Result<()> {
    let name = &config.label.input;
    let Some(input) = config.input.iter().find(|input| input.name == *name) else {
        return fault("label.input", &format!("there is no input `{name}`"));
    };
    let is_number = matches!(input.kind, InputType::Number | InputType::Integer);
    if input.role != Role::Label || input.known_at_prediction || !is_number {
        return fault(
            "label.input",
            &format!(
                "`{name}` must be a number with role = \"label\" and known_at_prediction = false"
            ),
        );
    }
    if !config.label.above.is_finite() {
        return fault("label.above", "a finite number is due");
    }
    Ok(())
}

/// The input that rows are split by.
pub(crate) fn split_input<'a>(inputs: &'a [Input], name: &str) -> Result<&'a Input> {
    match inputs.iter().find(|input| input.name == name) {
        Some(input) => Ok(input),
        None => fault("split.input", &format!("there is no input `{name}`")),
    }
}

/// The length of a day in an input's unit: seconds of a timestamp, days of a date.
pub(crate) fn per_day(input: &Input) -> Result<f64> {
    match input.kind {
        InputType::Timestamp => Ok(86_400.0),
        InputType::Date => Ok(1.0),
        _ => fault(
            "split.input",
            &format!("`{}` is neither a timestamp nor a date", input.name),
        ),
    }
}

fn boundaries(config: &Config) -> Result<Boundaries> {
    let split = &config.split;
    let per_day = per_day(split_input(&config.input, &split.input)?)?;
    let (Some(validate), Some(test)) = (day(&split.validate_from), day(&split.test_from)) else {
        return fault(
            "split",
            "`validate_from` and `test_from` are dates YYYY-MM-DD",
        );
    };
    if validate >= test {
        return fault("split.test_from", "the test begins after the validation");
    }
    Ok(Boundaries {
        validate_from: validate * per_day,
        test_from: test * per_day,
    })
}

/// Days since 1970-01-01.
#[expect(
    clippy::cast_precision_loss,
    reason = "a count of days of the calendar"
)]
pub(crate) fn day(text: &str) -> Option<f64> {
    let date: Date = text.parse().ok()?;
    let start = date
        .to_datetime(Time::midnight())
        .to_zoned(TimeZone::UTC)
        .ok()?;
    Some((start.timestamp().as_second() / 86_400) as f64)
}

fn grid(trees: &TreesConfig) -> Result<Vec<TreeParameters>> {
    let mut grid = Vec::new();
    for &iterations in &trees.iterations {
        for &learning_rate in &trees.learning_rate {
            for &max_depth in &trees.max_depth {
                for &max_leaves in &trees.max_leaves {
                    for &min_leaf_weight in &trees.min_leaf_weight {
                        for &l2 in &trees.l2 {
                            grid.extend(trees.columns_by_tree.iter().map(|&columns_by_tree| {
                                TreeParameters {
                                    iterations,
                                    learning_rate,
                                    max_depth,
                                    max_leaves,
                                    min_leaf_weight,
                                    l2,
                                    columns_by_tree,
                                    bins: trees.bins,
                                }
                            }));
                        }
                    }
                }
            }
        }
    }
    if grid.is_empty() {
        return fault("trees", "an empty list leaves no candidate");
    }
    match grid.iter().all(TreeParameters::is_possible) {
        true => Ok(grid),
        false => fault(
            "trees",
            "trees, depth and leaves are at least 1, 1 and 2, the rate and the share of columns above 0 and at most 1, \
             penalties finite and not negative, bins between 2 and 4096",
        ),
    }
}

impl TreeParameters {
    pub(crate) fn is_possible(&self) -> bool {
        let share = |value: f32| value > 0.0 && value <= 1.0;
        let penalty = |value: f32| value.is_finite() && value >= 0.0;
        self.iterations >= 1
            && self.max_depth >= 1
            && self.max_leaves >= 2
            && share(self.learning_rate)
            && share(self.columns_by_tree)
            && penalty(self.min_leaf_weight)
            && penalty(self.l2)
            && (2..=4096).contains(&self.bins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        assert_eq!(day("1970-01-02"), Some(1.0));
        assert_eq!(day("2013-11-01"), Some(16_010.0));
        assert_eq!(day("2013-11-31"), None);
        assert_eq!(day("November"), None);
    }
}

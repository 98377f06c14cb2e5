//! Families of models: their parameters, and fitting one on the feature rows of training.

pub(crate) mod config;
mod constant;
mod elastic_logistic;
mod linear;
pub(crate) mod mlp;
mod quantile;
mod rules;
mod trees;

use serde::{Deserialize, Serialize};
use skewless_core::output::{Link, Task};
use skewless_core::pipeline::FeatureRows;
use skewless_core::plan::Model;
use skewless_core::{Error, Result};

use crate::plural::counted;
use crate::random::Random;
use crate::recipe::{TreeParameters, fault};
use config::{Family, LinearParameters, MlpParameters, Rule, Search};

/// One point of a family's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Parameters {
    /// The mean or the shares.
    Constant,
    /// The rules.
    Rules {
        /// In their order.
        rules: Vec<Rule>,
    },
    /// A linear model's.
    Linear(LinearParameters),
    /// The trees'.
    Trees(TreeParameters),
    /// A network's.
    Mlp(MlpParameters),
    /// A bundle from elsewhere.
    External {
        /// Its path.
        bundle: String,
    },
}

impl Parameters {
    /// The family's name, as `kind` says it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Rules { .. } => "rules",
            Self::Linear(_) => "linear",
            Self::Trees(_) => "trees",
            Self::Mlp(_) => "mlp",
            Self::External { .. } => "external",
        }
    }

    /// Place of the family among all, the simplest first; a model from elsewhere counts as the most complex.
    pub fn complexity(&self) -> u8 {
        match self {
            Self::Constant => 0,
            Self::Rules { .. } => 1,
            Self::Linear(_) => 2,
            Self::Trees(_) => 3,
            Self::Mlp(_) => 4,
            Self::External { .. } => 5,
        }
    }

    /// The parameters in a few words.
    pub fn described(&self) -> String {
        match self {
            Self::Constant => "the training rows' own mean or shares".to_owned(),
            Self::Rules { rules } => counted(rules.len(), "rule"),
            Self::Linear(linear) => {
                format!("penalty {}, L1 share {}", linear.penalty, linear.l1_ratio)
            }
            Self::Trees(trees) => format!(
                "{} trees, rate {}, depth {}, at most {} leaves, leaf weight {}, l2 {}, columns {}",
                trees.iterations,
                trees.learning_rate,
                trees.max_depth,
                trees.max_leaves,
                trees.min_leaf_weight,
                trees.l2,
                trees.columns_by_tree
            ),
            Self::Mlp(mlp) => {
                let patience = mlp.patience.map(|epochs| format!(", patience {epochs}"));
                format!(
                    "int8 network, hidden {:?}, {} epochs, rate {}, l2 {}, batch {}{}",
                    mlp.hidden,
                    mlp.epochs,
                    mlp.learning_rate,
                    mlp.l2,
                    mlp.batch,
                    patience.unwrap_or_default()
                )
            }
            Self::External { bundle } => format!("`{bundle}`"),
        }
    }
}

/// Every combination of a family's lists in their order, thinned out by a random search.
///
/// # Errors
/// `train.config` for an empty list or a value out of range.
pub(crate) fn expand(family: &Family, seed: u64) -> Result<(Vec<Parameters>, Search)> {
    let (all, search) = match family {
        Family::Constant(_) => (vec![Parameters::Constant], Search::Grid),
        Family::Rules(rules) => (vec![rules::checked(rules)?], Search::Grid),
        Family::Linear(grid) => (linear::expand(grid)?, grid.search),
        Family::Trees(grid) => (trees::expand(grid)?, grid.search),
        Family::Mlp(grid) => (mlp::expand(grid)?, grid.search),
        Family::External(external) => {
            let bundle = external.bundle.clone();
            (vec![Parameters::External { bundle }], Search::Grid)
        }
    };
    if all.is_empty() {
        return fault("experiment.model", "an empty list leaves no candidate");
    }
    match search {
        Search::Random { samples: 0 } => {
            fault("experiment.model.search", "at least one sample is needed")
        }
        Search::Random { samples } => Ok((drawn(all, samples, seed), search)),
        Search::Halving { factor, least_rows } if factor < 2 || least_rows == 0 => fault(
            "experiment.model.search",
            "a factor of at least 2 and at least one row are needed",
        ),
        Search::Grid | Search::Halving { .. } => Ok((all, search)),
    }
}

/// `samples` of them in the grid's order.
fn drawn(all: Vec<Parameters>, samples: usize, seed: u64) -> Vec<Parameters> {
    let mut places: Vec<usize> = (0..all.len()).collect();
    Random::new(seed, 2).shuffle(&mut places);
    places.truncate(samples);
    places.sort_unstable();
    let mut all: Vec<Option<Parameters>> = all.into_iter().map(Some).collect();
    (places.into_iter())
        .filter_map(|place| all.get_mut(place)?.take())
        .collect()
}

/// Training rows: features with the truth beside them.
pub(crate) struct TrainingRows {
    /// n × width, row-major.
    pub(crate) features: FeatureRows,
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Regression: the value. Binary: 0 or 1. Multi-class: the label's place.
    pub(crate) truth: Vec<f64>,
    pub(crate) task: Task,
    /// Number of labels; 0 for regression.
    pub(crate) classes: usize,
    /// Regression: levels of the quantiles that are fitted beside the value, between 0 and 1.
    pub(crate) levels: Vec<f64>,
}

impl TrainingRows {
    /// Raw scores a row.
    pub(crate) fn outputs(&self) -> usize {
        match self.task {
            Task::Multiclass => self.classes,
            _ => 1 + self.levels.len(),
        }
    }

    /// The raw scores that predict the mean and the quantiles, or the shares, of the given rows: every class counts one
    /// row more than there are, so that no share is 0.
    #[expect(clippy::cast_precision_loss, reason = "counts of rows")]
    pub(crate) fn level(&self, rows: impl Iterator<Item = usize> + Clone) -> Vec<f64> {
        let truth = |row: usize| self.truth.get(row).copied().unwrap_or_default();
        if self.task == Task::Regression {
            let all: Vec<f64> = rows.map(truth).collect();
            let mean = match all.len() {
                0 => 0.0,
                count => all.iter().fold(0.0, |sum, truth| sum + truth) / count as f64,
            };
            let quantiles =
                (self.levels.iter()).map(|&level| quantile::quantile(all.clone(), level));
            return std::iter::once(mean).chain(quantiles).collect();
        }
        let mut counts = vec![1.0; self.classes];
        let mut total = self.classes as f64;
        for row in rows {
            if let Some(count) = counts.get_mut(class(truth(row))) {
                *count += 1.0;
                total += 1.0;
            }
        }
        let logarithm = |count: f64| libm::log(count / total);
        match (self.task, counts.as_slice()) {
            (Task::Binary, &[negative, positive]) => vec![libm::log(positive / negative)],
            _ => counts.into_iter().map(logarithm).collect(),
        }
    }
}

/// The place of a label.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "truth of a classification is the small whole number that reading made of the label"
)]
pub(crate) fn class(truth: f64) -> usize {
    truth as usize
}

/// What turns a family's raw scores into values; the same for all of them.
pub(crate) fn link(task: Task) -> Link {
    match task {
        Task::Binary => Link::Logistic { scale: 1.0 },
        Task::Multiclass => Link::Softmax,
        Task::Regression | Task::Vector => Link::Identity,
    }
}

/// A fitted model.
pub(crate) struct Trained {
    /// What is served.
    pub(crate) model: Model,
    /// The network before it was quantised, of the family that is.
    pub(crate) floats: Option<mlp::Floats>,
}

/// Fits on all rows. The result does not depend on `threads`.
///
/// # Errors
/// `train.linear`, `train.trees`, `train.mlp` and `train.rules` with what the trainer refused.
pub(crate) fn fit(
    parameters: &Parameters,
    rows: &TrainingRows,
    seed: u64,
    threads: usize,
) -> Result<Trained> {
    let model = match parameters {
        Parameters::Constant => constant::fit(rows),
        Parameters::Rules { rules } => rules::fit(rows, rules)?,
        Parameters::Linear(parameters) => linear::fit(rows, parameters)?,
        Parameters::Trees(parameters) => trees::fit(rows, parameters, seed, threads)?,
        Parameters::Mlp(parameters) => {
            let floats = mlp::fit(rows, parameters, seed)?;
            return Ok(Trained {
                model: floats.quantised()?,
                floats: Some(floats),
            });
        }
        Parameters::External { .. } => {
            let message = "a bundle from elsewhere is not fitted here";
            return Err(Error::internal("internal.family", message));
        }
    };
    Ok(Trained {
        model,
        floats: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Result<(Vec<Parameters>, Search)> {
        expand(&toml::from_str(text).unwrap(), 3)
    }

    #[test]
    fn a_grid_is_every_combination_and_a_random_search_some_of_them_in_order() {
        let lists = "kind = \"linear\"\npenalty = [1, 2, 3, 4]\nl1_ratio = [0.0, 0.5]\n";
        let (all, _) = grid(lists).unwrap();
        assert_eq!(all.len(), 8);
        let random = format!("{lists}search = {{ by = \"random\", samples = 3 }}");
        let (some, _) = grid(&random).unwrap();
        assert_eq!(some.len(), 3);
        let places: Vec<_> = (some.iter())
            .map(|one| all.iter().position(|other| other == one).unwrap())
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(grid(&random).unwrap().0, some);
    }

    #[test]
    fn impossible_grids_are_refused() {
        for text in [
            "kind = \"linear\"\npenalty = []",
            "kind = \"linear\"\npenalty = [-1]",
            "kind = \"linear\"\nl1_ratio = [1.5]",
            "kind = \"linear\"\nsearch = { by = \"random\", samples = 0 }",
            "kind = \"linear\"\nsearch = { by = \"halving\", factor = 1, least_rows = 5 }",
            "kind = \"mlp\"\nhidden = [[]]\nepochs = [1]\nlearning_rate = [0.1]",
            "kind = \"mlp\"\nhidden = [[4, 0]]\nepochs = [1]\nlearning_rate = [0.1]",
            "kind = \"mlp\"\nhidden = [[4]]\nepochs = [1]\nlearning_rate = [0]",
            "kind = \"mlp\"\nhidden = [[4]]\nepochs = [1]\nlearning_rate = [0.1]\npatience = 0",
            "kind = \"rules\"\nrule = []",
            "kind = \"rules\"\nrule = [{ feature = \"x\" }]",
        ] {
            assert_eq!(grid(text).unwrap_err().code(), "train.config", "{text}");
        }
    }

    #[test]
    fn the_level_of_no_rows_is_finite() {
        let mut rows = TrainingRows {
            features: FeatureRows {
                width: 0,
                values: Vec::new(),
                errors: Vec::new(),
            },
            columns: Vec::new(),
            truth: vec![2.0, 4.0],
            task: Task::Regression,
            classes: 0,
            levels: Vec::new(),
        };
        assert_eq!(rows.level(0..2), [3.0]);
        assert_eq!(rows.level(0..0), [0.0]);
        rows.levels = vec![0.25, 0.75];
        assert_eq!(rows.level(0..2), [3.0, 2.5, 3.5]);
        assert_eq!(rows.level(0..0), [0.0; 3]);
        rows.levels.clear();
        rows.task = Task::Binary;
        rows.classes = 2;
        rows.truth = vec![1.0, 1.0, 0.0];
        assert_eq!(rows.level(0..3), [libm::log(3.0 / 2.0)]);
        assert_eq!(rows.level(0..0), [0.0]);
    }
}

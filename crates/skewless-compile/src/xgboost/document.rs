//! The parts of XGBoost's document that decide a prediction. Numbers in text are as the document has them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
pub(crate) struct Document {
    pub(crate) learner: Learner,
}

#[derive(Deserialize)]
pub(crate) struct Learner {
    pub(crate) learner_model_param: LearnerParameters,
    pub(crate) objective: ObjectiveName,
    pub(crate) gradient_booster: Booster,
    #[serde(default)]
    pub(crate) feature_names: Vec<String>,
    #[serde(default)]
    pub(crate) feature_types: Vec<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
pub(crate) struct LearnerParameters {
    /// `5E-1`, or since 3.1 `[5E-1]` with one value or one a class.
    pub(crate) base_score: String,
    #[serde(default = "zero")]
    pub(crate) num_class: String,
    pub(crate) num_feature: String,
    #[serde(default = "one")]
    pub(crate) num_target: String,
}

fn zero() -> String {
    "0".to_owned()
}

fn one() -> String {
    "1".to_owned()
}

#[derive(Deserialize)]
pub(crate) struct ObjectiveName {
    pub(crate) name: String,
}

/// `gbtree` holds its model itself, `dart` inside a `gbtree` with a weight a tree.
#[derive(Deserialize)]
pub(crate) struct Booster {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) model: Option<Forest>,
    #[serde(default)]
    pub(crate) gbtree: Option<Box<Booster>>,
    #[serde(default)]
    pub(crate) weight_drop: Vec<f32>,
}

/// What a booster learned: trees, or a linear booster's weights.
#[derive(Deserialize)]
pub(crate) struct Forest {
    #[serde(default)]
    pub(crate) trees: Vec<TreeArrays>,
    /// The output that each tree adds to.
    #[serde(default)]
    pub(crate) tree_info: Vec<usize>,
    /// A linear booster's: a row an input, the bias last, of one weight an output.
    #[serde(default)]
    pub(crate) weights: Vec<f32>,
}

/// One tree: an entry a node in the first seven, the category sets in the others.
#[derive(Deserialize)]
pub(crate) struct TreeArrays {
    pub(crate) left_children: Vec<i64>,
    pub(crate) right_children: Vec<i64>,
    /// Feature of a split.
    pub(crate) split_indices: Vec<u64>,
    /// Threshold of a split, value of a leaf.
    pub(crate) split_conditions: Vec<f32>,
    pub(crate) default_left: Vec<Flag>,
    /// Weight of the training rows at each node.
    #[serde(default)]
    pub(crate) sum_hessian: Vec<f32>,
    /// 1 for a categorical split.
    #[serde(default)]
    pub(crate) split_type: Vec<u8>,
    #[serde(default)]
    pub(crate) categories: Vec<u32>,
    /// Which splits have a set, with where it begins and how long it is.
    #[serde(default)]
    pub(crate) categories_nodes: Vec<usize>,
    #[serde(default)]
    pub(crate) categories_segments: Vec<usize>,
    #[serde(default)]
    pub(crate) categories_sizes: Vec<usize>,
    pub(crate) tree_param: TreeParameters,
}

#[derive(Deserialize)]
pub(crate) struct TreeParameters {
    #[serde(default = "one")]
    pub(crate) size_leaf_vector: String,
}

/// A truth value, which older versions write as `true` and newer ones as 1.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        match self {
            Self::Bool(set) => set,
            Self::Number(number) => number != 0,
        }
    }
}

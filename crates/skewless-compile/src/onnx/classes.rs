//! What ONNX's classifiers mean by their scores: which targets are outputs, which link, which labels.
//!
//! With two labels ONNX Runtime has rules of its own. If every leaf speaks of class 0 alone, its score is the
//! *positive* class's; the operator's specification leaves that open, and exporters rely on it.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::{Aggregate, Model};

use super::Operator;
use super::attributes::Attributes;
use super::forest::Forest;
use crate::{MAX_OUTPUTS, output};

/// How far the class scores of a leaf may be from a probability's share, for weights rounded to f32.
const PROBABILITY_SLACK: f64 = 1e-3;

/// The labels of a classifier, integers as their decimal text.
pub(crate) fn labels(
    attributes: &Attributes<'_>,
    ints: &str,
    strings: &str,
) -> Result<Vec<String>> {
    let numbers = attributes.ints(ints);
    let labels: Vec<String> = match attributes.texts(strings)? {
        texts if texts.is_empty() => numbers.iter().map(ToString::to_string).collect(),
        texts if numbers.is_empty() => texts.into_iter().map(str::to_owned).collect(),
        _ => return Err(attributes.invalid("there are both integer and string labels")),
    };
    let mut distinct: Vec<&String> = labels.iter().collect();
    distinct.sort();
    distinct.dedup();
    match distinct.len() == labels.len() && (2..=MAX_OUTPUTS).contains(&labels.len()) {
        true => Ok(labels),
        false => Err(attributes.invalid("the labels are not two or more different ones")),
    }
}

/// A `TreeEnsembleClassifier`.
pub(crate) fn ensemble(
    operator: &Operator<'_>,
    attributes: &Attributes<'_>,
    forest: &Forest,
) -> Result<(Model, Output)> {
    let labels = labels(attributes, "classlabels_int64s", "classlabels_strings")?;
    let transform = attributes.text("post_transform", "NONE")?;
    let classes = labels.len();
    if forest
        .leaves()
        .flatten()
        .any(|&(class, _)| class >= classes)
    {
        return Err(attributes.invalid("a leaf is for a class that does not exist"));
    }
    let only_first = forest.leaves().flatten().all(|&(class, _)| class == 0);
    if classes == 2 && only_first {
        let link = binary_link(transform, forest)?;
        let base_fits = forest.base.len() <= 1;
        if !base_fits {
            return Err(base_values("two base values for one score"));
        }
        let model = forest.to_model(operator, 1, Some)?;
        return Ok((model, output(Task::Binary, link, labels)));
    }
    if !forest.base.is_empty() && (classes == 2 || forest.base.len() != classes) {
        return Err(base_values("base values that are not one a class"));
    }
    if classes == 2 && transform == "NONE" {
        check_probabilities(forest)?;
        let second = |class| (class == 1).then_some(0);
        let model = forest.to_model(operator, 1, second)?;
        return Ok((model, output(Task::Binary, Link::Identity, labels)));
    }
    let link = match transform {
        "NONE" => {
            check_probabilities(forest)?;
            Link::Identity
        }
        "SOFTMAX" => Link::Softmax,
        "SOFTMAX_ZERO" => Link::SoftmaxZero,
        "LOGISTIC" if !operator.normalized => Link::OneVsRest { scale: 1.0 },
        other => return Err(post_transform(other, operator.normalized)),
    };
    let model = forest.to_model(operator, classes, Some)?;
    Ok((model, output(Task::Multiclass, link, labels)))
}

fn binary_link(transform: &str, forest: &Forest) -> Result<Link> {
    match transform {
        "LOGISTIC" => Ok(Link::Logistic { scale: 1.0 }),
        // ONNX Runtime leaves a single score as it is.
        "NONE" | "SOFTMAX" | "SOFTMAX_ZERO" => {
            let probability = |weight: f64| (0.0..=1.0 + PROBABILITY_SLACK).contains(&weight);
            match forest
                .leaves()
                .flatten()
                .chain(&base_leaf(forest))
                .all(|&(_, weight)| probability(weight))
            {
                true => Ok(Link::Identity),
                false => Err(not_probabilities()),
            }
        }
        other => Err(post_transform(other, false)),
    }
}

fn base_leaf(forest: &Forest) -> Vec<(usize, f64)> {
    forest.base.iter().map(|&value| (0, value)).collect()
}

/// Without a transform the scores must be probabilities already: no weight below 0, and every leaf of a tree with the
/// same sum (a forest's share), or labels would not follow from them.
fn check_probabilities(forest: &Forest) -> Result<()> {
    let share = if forest.aggregate == Aggregate::Average {
        1.0
    } else {
        1.0 / as_f64(forest.roots.len())
    };
    let is_share = |weights: &[(usize, f64)]| {
        let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
        weights.iter().all(|(_, weight)| *weight >= 0.0)
            && (sum - share).abs() <= PROBABILITY_SLACK * share
    };
    match forest.base.iter().all(|&value| value == 0.0) && forest.leaves().all(is_share) {
        true => Ok(()),
        false => Err(not_probabilities()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of trees")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

fn not_probabilities() -> Error {
    Error::unsupported(
        "unsupported.class_scores",
        "class scores without a transform that are not probabilities",
    )
}

fn base_values(what: &str) -> Error {
    Error::unsupported("unsupported.base_values", what)
}

/// A transform that has no link here, or not together with the Normalizer that follows.
pub(crate) fn post_transform(name: &str, normalized: bool) -> Error {
    let after = if normalized {
        " followed by a Normalizer"
    } else {
        ""
    };
    Error::unsupported(
        "unsupported.post_transform",
        format!("post_transform {name}{after}"),
    )
    .with_value(name)
}

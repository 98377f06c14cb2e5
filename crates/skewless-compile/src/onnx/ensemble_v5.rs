//! `TreeEnsemble` of ai.onnx.ml 5: interior nodes and leaves in lists of their own, a target a leaf.

use skewless_core::error::{Error, Result};
use skewless_core::output::Output;
use skewless_core::plan::{Aggregate, Model};

use super::attributes::Attributes;
use super::forest::{Branch, Comparison, Forest, ForestNode};
use super::{Operator, targets};

const KNOWN: [&str; 15] = [
    "aggregate_function",
    "leaf_targetids",
    "leaf_weights",
    "membership_values",
    "n_targets",
    "nodes_falseleafs",
    "nodes_falsenodeids",
    "nodes_featureids",
    "nodes_hitrates",
    "nodes_missing_value_tracks_true",
    "nodes_modes",
    "nodes_splits",
    "nodes_trueleafs",
    "nodes_truenodeids",
    "post_transform",
];

const MODES: [&str; 7] = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"];

const TRANSFORMS: [&str; 5] = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"];

pub(crate) fn compile(operator: &Operator<'_>, notes: &mut Vec<String>) -> Result<(Model, Output)> {
    let attributes = Attributes::of(operator.node, &[&KNOWN[..], &["tree_roots"]].concat())?;
    let forest = read(&attributes)?;
    let targets = attributes.targets("n_targets")?;
    if forest
        .leaves()
        .flatten()
        .any(|&(target, _)| target >= targets)
    {
        return Err(attributes.invalid("a leaf is for a target that does not exist"));
    }
    let transform = usize::try_from(attributes.int("post_transform", 0))
        .ok()
        .and_then(|code| TRANSFORMS.get(code));
    let transform = transform.ok_or_else(|| attributes.invalid("`post_transform` is not known"))?;
    let output = targets::output_of(targets, transform, notes)?;
    Ok((forest.to_model(operator, targets, Some)?, output))
}

fn read(attributes: &Attributes<'_>) -> Result<Forest> {
    let aggregate = match attributes.int("aggregate_function", 1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Min,
        3 => Aggregate::Max,
        other => {
            return Err(Error::unsupported(
                "unsupported.aggregate",
                format!("aggregate function {other}"),
            ));
        }
    };
    let inputs = attributes.indices("nodes_featureids", None)?;
    let count = inputs.len();
    let leaf_targets = attributes.indices("leaf_targetids", None)?;
    let weights = attributes.numbers("leaf_weights", Some(leaf_targets.len()))?;
    let splits = attributes.thresholds("nodes_splits", count)?;
    let modes = attributes.codes("nodes_modes", count)?;
    let if_true = children(attributes, "nodes_truenodeids", "nodes_trueleafs", count)?;
    let if_false = children(attributes, "nodes_falsenodeids", "nodes_falseleafs", count)?;
    let missing = match attributes.ints("nodes_missing_value_tracks_true") {
        [] => vec![0; count],
        _ => attributes.indices("nodes_missing_value_tracks_true", Some(count))?,
    };
    let mut members = members(attributes)?.into_iter();
    let mut nodes = Vec::with_capacity(count + weights.len());
    let rows = inputs
        .into_iter()
        .zip(splits)
        .zip(modes)
        .zip(if_true)
        .zip(if_false)
        .zip(missing);
    for (((((input, threshold), mode), if_true), if_false), missing) in rows {
        // A tree that is one leaf is written as a split with that leaf on both sides.
        if let Some(leaf) = if_true.checked_sub(count).filter(|_| if_true == if_false) {
            let (target, weight) = leaf_targets
                .get(leaf)
                .zip(weights.get(leaf))
                .ok_or_else(|| attributes.invalid(&format!("leaf {leaf} does not exist")))?;
            nodes.push(ForestNode::Leaf(vec![(*target, *weight)]));
            continue;
        }
        let name = usize::try_from(mode)
            .ok()
            .and_then(|mode| MODES.get(mode))
            .copied()
            .unwrap_or_default();
        let (children, missing) = ([if_true, if_false], missing != 0);
        nodes.push(ForestNode::Branch(match name {
            "MEMBER" => Branch {
                input,
                comparison: Comparison::Among(
                    members
                        .next()
                        .ok_or_else(|| attributes.invalid("a set of members is missing"))?,
                ),
                missing_is_true: missing,
                if_true,
                if_false,
            },
            name => Branch::new(name, threshold, missing, input, children)?,
        }));
    }
    nodes.extend(
        leaf_targets
            .into_iter()
            .zip(weights)
            .map(|leaf| ForestNode::Leaf(vec![leaf])),
    );
    let roots = attributes.indices("tree_roots", None)?;
    match roots.is_empty() || roots.iter().any(|&root| root >= count) {
        true => Err(attributes.invalid("there is no tree, or a root is not a node")),
        false => Ok(Forest {
            nodes,
            roots,
            aggregate,
            base: vec![],
        }),
    }
}

/// The sets of the MEMBER splits in their order; each ends with NaN.
fn members(attributes: &Attributes<'_>) -> Result<Vec<Vec<f64>>> {
    let values = attributes.tensor("membership_values")?;
    let mut sets = Vec::new();
    let mut sorted: Vec<f64> = Vec::new();
    for value in values {
        if !value.is_nan() {
            sorted.push(value);
            continue;
        }
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        match sorted.is_empty() {
            true => return Err(attributes.invalid("a set of members is empty")),
            false => sets.push(std::mem::take(&mut sorted)),
        }
    }
    match sorted.is_empty() {
        true => Ok(sets),
        false => Err(attributes.invalid("the last set of members does not end")),
    }
}

/// The children on one side, leaves numbered after the `count` interior nodes.
fn children(
    attributes: &Attributes<'_>,
    ids: &str,
    leafs: &str,
    count: usize,
) -> Result<Vec<usize>> {
    let ids = attributes.indices(ids, Some(count))?;
    let leafs = attributes.indices(leafs, Some(count))?;
    let numbers = ids.into_iter().zip(leafs).map(|(id, leaf)| {
        if leaf == 0 {
            id
        } else {
            id.saturating_add(count)
        }
    });
    Ok(numbers.collect())
}

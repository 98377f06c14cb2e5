//! `TreeEnsemble` of ai.onnx.ml 5: interior nodes and leaves in lists of their own, a target a leaf.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::Model;

use super::Operator;
use super::attributes::Attributes;
use super::forest::{Branch, Comparison, Forest, ForestNode};
use crate::{MAX_OUTPUTS, numbered, output};

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

/// One target is a regression; several with SOFTMAX or LOGISTIC are classes known by their numbers.
pub(crate) fn compile(operator: &Operator<'_>) -> Result<(Model, Output)> {
    let attributes = Attributes::of(operator.node, &[&KNOWN[..], &["tree_roots"]].concat())?;
    let forest = read(&attributes)?;
    let targets = usize::try_from(attributes.int("n_targets", 1))
        .ok()
        .filter(|&targets| targets > 0);
    let Some(targets) = targets.filter(|&targets| targets <= MAX_OUTPUTS) else {
        return Err(attributes.invalid("`n_targets` is not a possible number of targets"));
    };
    if forest
        .leaves()
        .flatten()
        .any(|&(target, _)| target >= targets)
    {
        return Err(attributes.invalid("a leaf is for a target that does not exist"));
    }
    let classes = |link| output(Task::Multiclass, link, numbered(targets));
    let output = match (attributes.int("post_transform", 0), targets) {
        (0, 1) => output(Task::Regression, Link::Identity, vec![]),
        (1, 1) => output(Task::Regression, Link::Logistic { scale: 1.0 }, vec![]),
        (1, _) => classes(Link::OneVsRest { scale: 1.0 }),
        (2, 2..) => classes(Link::Softmax),
        (0, _) => {
            let message = format!("a regression of {targets} targets");
            return Err(Error::unsupported("unsupported.multi_output", message));
        }
        (other, _) => {
            return Err(Error::unsupported(
                "unsupported.post_transform",
                format!("post_transform {other}"),
            ));
        }
    };
    let model = forest.to_model(operator, targets, Some)?;
    Ok((model, output))
}

fn read(attributes: &Attributes<'_>) -> Result<Forest> {
    let average = match attributes.int("aggregate_function", 1) {
        0 => true,
        1 => false,
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
    let splits = attributes.numbers("nodes_splits", Some(count))?;
    let modes = attributes.codes("nodes_modes", count)?;
    let if_true = children(attributes, "nodes_truenodeids", "nodes_trueleafs", count)?;
    let if_false = children(attributes, "nodes_falsenodeids", "nodes_falseleafs", count)?;
    let missing = match attributes.ints("nodes_missing_value_tracks_true") {
        [] => vec![0; count],
        _ => attributes.indices("nodes_missing_value_tracks_true", Some(count))?,
    };
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
        nodes.push(ForestNode::Branch(Branch {
            input,
            comparison: Comparison::from_name(name)?,
            threshold,
            missing_is_true: missing != 0,
            if_true,
            if_false,
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
            average,
            base: vec![],
        }),
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

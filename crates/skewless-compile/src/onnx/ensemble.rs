//! `TreeEnsembleRegressor` and `TreeEnsembleClassifier`, versions 1 and 3: lists with an entry a node, joined by ids.

use std::collections::BTreeMap;

use skewless_core::error::{Error, Result};
use skewless_core::output::Output;
use skewless_core::plan::{Aggregate, Model};

use super::attributes::Attributes;
use super::forest::{Branch, Forest, ForestNode};
use super::{Operator, classes, targets};
use crate::MAX_OUTPUTS;

pub(super) const KNOWN: [&str; 30] = [
    "aggregate_function",
    "base_values",
    "base_values_as_tensor",
    "class_ids",
    "class_nodeids",
    "class_treeids",
    "class_weights",
    "class_weights_as_tensor",
    "classlabels_int64s",
    "classlabels_strings",
    "n_targets",
    "nodes_falsenodeids",
    "nodes_featureids",
    "nodes_hitrates",
    "nodes_hitrates_as_tensor",
    "nodes_missing_value_tracks_true",
    "nodes_modes",
    "nodes_nodeids",
    "nodes_treeids",
    "nodes_truenodeids",
    "nodes_values",
    "nodes_values_as_tensor",
    "post_transform",
    "target_ids",
    "target_nodeids",
    "target_treeids",
    "target_weights",
    "target_weights_as_tensor",
    "name",
    "doc_string",
];

pub(crate) fn compile(
    operator: &Operator<'_>,
    classifier: bool,
    notes: &mut Vec<String>,
) -> Result<(Model, Output)> {
    let attributes = Attributes::of(operator.node, &KNOWN)?;
    let forest = read(&attributes, classifier)?;
    match classifier {
        true => classes::ensemble(operator, &attributes, &forest),
        false => regressor(operator, &attributes, &forest, notes),
    }
}

/// The trees of a classifier or a regressor.
pub(super) fn read(attributes: &Attributes<'_>, classifier: bool) -> Result<Forest> {
    let aggregate = match attributes.text("aggregate_function", "SUM")? {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => {
            return Err(Error::unsupported(
                "unsupported.aggregate",
                format!("aggregate function {other}"),
            ));
        }
    };
    let prefix = if classifier { "class" } else { "target" };
    let (nodes, roots) = read_nodes(attributes, prefix)?;
    let base = attributes.numbers("base_values", None)?;
    Ok(Forest {
        nodes,
        roots,
        aggregate,
        base,
    })
}

fn regressor(
    operator: &Operator<'_>,
    attributes: &Attributes<'_>,
    forest: &Forest,
    notes: &mut Vec<String>,
) -> Result<(Model, Output)> {
    let targets = attributes.targets("n_targets")?;
    let transform = attributes.text("post_transform", "NONE")?;
    if forest
        .leaves()
        .flatten()
        .any(|&(target, _)| target >= targets)
        || ![0, targets].contains(&forest.base.len())
    {
        return Err(attributes.invalid("a leaf or base value is for a target that does not exist"));
    }
    let output = targets::output_of(targets, transform, notes)?;
    Ok((forest.to_model(operator, targets, Some)?, output))
}

/// All nodes, and each tree's root in the order in which the trees appear.
fn read_nodes(attributes: &Attributes<'_>, prefix: &str) -> Result<(Vec<ForestNode>, Vec<usize>)> {
    let trees = attributes.ints("nodes_treeids");
    let count = trees.len();
    let ids = counted(attributes, "nodes_nodeids", count)?;
    let mut places = BTreeMap::new();
    for (place, key) in trees.iter().copied().zip(ids.iter().copied()).enumerate() {
        if places.insert(key, place).is_some() {
            return Err(attributes.invalid(&format!("tree {} has two nodes {}", key.0, key.1)));
        }
    }
    let place = |tree: i64, node: i64| {
        let found = places.get(&(tree, node)).copied();
        found.ok_or_else(|| attributes.invalid(&format!("tree {tree} has no node {node}")))
    };
    let modes = attributes.texts("nodes_modes")?;
    let inputs = attributes.indices("nodes_featureids", Some(count))?;
    let values = attributes.thresholds("nodes_values", count)?;
    let if_true = counted(attributes, "nodes_truenodeids", count)?;
    let if_false = counted(attributes, "nodes_falsenodeids", count)?;
    let missing = match attributes.ints("nodes_missing_value_tracks_true") {
        [] => vec![0; count],
        _ => counted(attributes, "nodes_missing_value_tracks_true", count)?.to_vec(),
    };
    if modes.len() != count {
        return Err(attributes.invalid("`nodes_modes` has not one entry a node"));
    }
    let rows = trees
        .iter()
        .zip(modes)
        .zip(inputs)
        .zip(values)
        .zip(if_true)
        .zip(if_false)
        .zip(missing);
    let nodes: Result<Vec<ForestNode>> = rows
        .map(
            |((((((&tree, mode), input), threshold), &if_true), &if_false), missing)| {
                let Some(name) = mode.strip_prefix("BRANCH_") else {
                    return match mode {
                        "LEAF" => Ok(ForestNode::Leaf(vec![])),
                        _ => Err(attributes.invalid(&format!("`{mode}` is no mode of a node"))),
                    };
                };
                let children = [place(tree, if_true)?, place(tree, if_false)?];
                Branch::new(name, threshold, missing != 0, input, children).map(ForestNode::Branch)
            },
        )
        .collect();
    let mut nodes = nodes?;
    let roots = find_roots(attributes, trees, &nodes)?;
    add_weights(attributes, prefix, &mut nodes, place)?;
    Ok((nodes, roots))
}

fn counted<'a>(attributes: &Attributes<'a>, name: &str, count: usize) -> Result<&'a [i64]> {
    match attributes.ints(name) {
        ints if ints.len() == count => Ok(ints),
        ints => Err(attributes.invalid(&format!(
            "`{name}` has {} values, {count} are due",
            ints.len()
        ))),
    }
}

/// The one node of each tree that is no node's child.
fn find_roots(
    attributes: &Attributes<'_>,
    trees: &[i64],
    nodes: &[ForestNode],
) -> Result<Vec<usize>> {
    let mut child = vec![false; nodes.len()];
    for node in nodes {
        if let ForestNode::Branch(branch) = node {
            for number in [branch.if_true, branch.if_false] {
                if let Some(child) = child.get_mut(number) {
                    *child = true;
                }
            }
        }
    }
    let (mut roots, mut seen, mut rooted) = (Vec::new(), BTreeMap::new(), 0);
    for ((place, tree), child) in trees.iter().enumerate().zip(child) {
        let entry = seen.entry(*tree).or_insert_with(|| {
            roots.push(None);
            roots.len() - 1
        });
        if !child {
            rooted += 1;
            if let Some(root) = roots.get_mut(*entry) {
                *root = Some(place);
            }
        }
    }
    let count = roots.len();
    let roots: Option<Vec<usize>> = roots.into_iter().collect();
    match roots {
        Some(roots) if rooted == count && count > 0 => Ok(roots),
        _ => Err(attributes.invalid("a tree has no root, or more than one, or there is no tree")),
    }
}

/// Gives the leaves their weights.
fn add_weights(
    attributes: &Attributes<'_>,
    prefix: &str,
    nodes: &mut [ForestNode],
    place: impl Fn(i64, i64) -> Result<usize>,
) -> Result<()> {
    let targets = attributes.indices(&format!("{prefix}_ids"), None)?;
    let trees = counted(attributes, &format!("{prefix}_treeids"), targets.len())?;
    let ids = counted(attributes, &format!("{prefix}_nodeids"), targets.len())?;
    let weights = attributes.numbers(&format!("{prefix}_weights"), Some(targets.len()))?;
    for (((target, &tree), &id), weight) in targets.into_iter().zip(trees).zip(ids).zip(weights) {
        match nodes.get_mut(place(tree, id)?) {
            Some(ForestNode::Leaf(found))
                if target < MAX_OUTPUTS && found.last().is_none_or(|last| last.0 < target) =>
            {
                found.push((target, weight));
            }
            _ => {
                let message = format!(
                    "the weights of node {id} of tree {tree} are no leaf's, or out of order"
                );
                return Err(attributes.invalid(&message));
            }
        }
    }
    Ok(())
}

//! The least model: the same prediction for every row. Whatever is more complex must beat it.

use skewless_core::plan::{Model, Node, Tree};

use super::{TrainingRows, trees};

/// The training rows' mean and quantiles, or their shares by class with one row more in each.
pub(super) fn fit(rows: &TrainingRows) -> Model {
    let level = rows.level(0..rows.truth.len());
    trees(rows, level, |_| vec![Node::Leaf { value: 0.0 }])
}

/// One tree an output over a base score; trees, because they take missing values.
pub(super) fn trees(
    rows: &TrainingRows,
    base: Vec<f64>,
    nodes: impl Fn(usize) -> Vec<Node>,
) -> Model {
    let tree = |output| Tree {
        output,
        nodes: nodes(output),
        covers: Vec::new(),
    };
    let trees = (0..rows.outputs()).map(tree).collect();
    trees::model(rows, base, trees)
}

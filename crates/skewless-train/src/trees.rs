//! Gradient boosted trees: `forust-ml` trains them, and they become the core's tree model, bit for bit.

use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::{GradientBooster, Matrix};
use skewless_core::pipeline::FeatureRows;
use skewless_core::plan::{
    Accumulate, Aggregate, EngineScratch, Missing, Model, Node, Test, Tree, TreeModel, decode,
};
use skewless_core::{Error, Result};

use crate::recipe::TreeParameters;

/// Feature rows by column, as the trainer reads them.
pub(crate) struct ColumnMajor {
    values: Vec<f64>,
    rows: usize,
    columns: usize,
}

impl ColumnMajor {
    pub(crate) fn new(features: &FeatureRows) -> Self {
        let columns = features.width;
        let rows = features.values.len() / columns.max(1);
        let values = (0..columns)
            .flat_map(|column| {
                features
                    .values
                    .iter()
                    .skip(column)
                    .step_by(columns)
                    .copied()
            })
            .collect();
        Self {
            values,
            rows,
            columns,
        }
    }

    pub(crate) fn matrix(&self) -> Matrix<'_, f64> {
        Matrix::new(&self.values, self.rows, self.columns)
    }
}

/// A trained ensemble.
pub(crate) struct Trained {
    booster: GradientBooster,
    pub(crate) model: TreeModel,
}

/// Trains on all rows of `features`. The result does not depend on `threads`: work is divided by columns and by blocks
/// of a fixed size, and each sum is taken in one order.
///
/// # Errors
/// `train.trees` where the trainer refuses the data, `unsupported.tree_missing` for a split with a third branch.
pub(crate) fn fit(
    features: &ColumnMajor,
    positive: &[bool],
    parameters: &TreeParameters,
    seed: u64,
    threads: usize,
) -> Result<Trained> {
    let labels: Vec<f64> = positive
        .iter()
        .map(|&label| f64::from(u8::from(label)))
        .collect();
    let weights = vec![1.0; labels.len()];
    let mut booster = booster(parameters, seed, threads);
    booster
        .fit(&features.matrix(), &labels, &weights, None)
        .map_err(|error| {
            Error::input(
                "train.trees",
                format!("the trees cannot be trained: {error}"),
            )
        })?;
    let model = tree_model(&booster, features.columns)?;
    Ok(Trained { booster, model })
}

pub(crate) fn booster(parameters: &TreeParameters, seed: u64, threads: usize) -> GradientBooster {
    let mut booster = GradientBooster::default();
    booster.iterations = parameters.iterations;
    booster.learning_rate = parameters.learning_rate;
    booster.max_depth = parameters.max_depth;
    booster.max_leaves = parameters.max_leaves;
    booster.min_leaf_weight = parameters.min_leaf_weight;
    booster.l2 = parameters.l2;
    booster.colsample_bytree = f64::from(parameters.columns_by_tree);
    booster.nbins = parameters.bins;
    booster.grow_policy = GrowPolicy::DepthWise;
    booster.create_missing_branch = false;
    booster.initialize_base_score = true;
    booster.parallel = true;
    booster.num_threads = Some(threads.max(1));
    booster.seed = seed;
    booster
}

fn tree_model(booster: &GradientBooster, inputs: usize) -> Result<TreeModel> {
    let trees = booster.trees.iter().map(tree).collect::<Result<_>>()?;
    Ok(TreeModel {
        inputs,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![booster.base_score],
        aggregate: Aggregate::Sum,
        leaves: skewless_core::plan::LeafPrecision::Exact,
        trees,
    })
}

pub(crate) fn tree(tree: &forust_ml::tree::Tree) -> Result<Tree> {
    let nodes = tree.nodes.iter().map(|node| {
        if node.is_leaf {
            return Ok(Node::Leaf {
                value: f64::from(node.weight_value),
            });
        }
        let missing = if node.missing_node == node.left_child {
            Missing::Left
        } else if node.missing_node == node.right_child {
            Missing::Right
        } else {
            let message = "a split sends missing values to a branch of their own";
            return Err(Error::unsupported("unsupported.tree_missing", message));
        };
        Ok(Node::Split {
            input: node.split_feature,
            test: Test::Below(node.split_value),
            missing,
            left: node.left_child,
            right: node.right_child,
        })
    });
    Ok(Tree {
        output: 0,
        nodes: nodes.collect::<Result<_>>()?,
        covers: (tree.nodes.iter())
            .map(|node| f64::from(node.hessian_sum))
            .collect(),
    })
}

impl Trained {
    /// Scores `features` with the trainer and with the core's engine.
    ///
    /// # Errors
    /// `internal.tree_mismatch` naming the first row whose raw scores differ in any bit.
    pub(crate) fn check_same_scores(&self, features: &FeatureRows) -> Result<()> {
        let by_column = ColumnMajor::new(features);
        let expected = self.booster.predict(&by_column.matrix(), false);
        let engine = decode(&Model::Trees(self.model.clone()).encode()?)?;
        let mut raw = vec![0.0; by_column.rows];
        engine.score(&features.values, &mut EngineScratch::default(), &mut raw)?;
        let differs = |(a, b): (&f64, &f64)| a.to_bits() != b.to_bits();
        match expected.iter().zip(&raw).position(differs) {
            None => Ok(()),
            Some(row) => {
                let message = format!("row {row}: the plan's score is not the trainer's");
                Err(Error::internal("internal.tree_mismatch", message).with_row(row))
            }
        }
    }
}

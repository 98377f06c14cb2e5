//! TreeSHAP is what the words say: Shapley values by all subsets of the columns, which add up to the raw score.

use proptest::prelude::*;

use super::generate::{self, Random, Shape};
use super::{passes_left, shapes};
use crate::explanation::Method;
use crate::plan::{
    Accumulate, Aggregate, Contributions, Engine, EngineScratch, LeafPrecision, Missing, Model,
    Node, Test, Tree, TreeModel, decode,
};

fn engine(model: &TreeModel) -> Box<dyn Engine> {
    let model = Model::Trees(model.clone());
    let mut engine = decode(&model.encode().unwrap()).unwrap();
    let part = model.encode_explain().unwrap().unwrap();
    engine.take_shares(&part).unwrap();
    engine
}

/// Contributions column by column.
fn explained(engine: &dyn Engine, row: &[f64]) -> Contributions {
    let columns = row.iter().map(|_| 1);
    let mut contributions = Contributions::new(engine.outputs(), columns);
    engine.explain(row, &mut contributions).unwrap();
    contributions
}

/// What the tree expects of a row of which only the columns in `known` are known.
fn expected(model: &TreeModel, tree: &Tree, at: usize, row: &[f64], known: usize) -> f64 {
    let (input, left, right) = match &tree.nodes[at] {
        Node::Leaf { value } => return *value,
        Node::Split {
            input, left, right, ..
        } => (*input, *left, *right),
    };
    let of = |node| expected(model, tree, node, row, known);
    if known >> input & 1 == 1 {
        let goes_left = passes_left(&tree.nodes[at], row, model.narrow_inputs);
        return of(if goes_left { left } else { right });
    }
    let rows = tree.covers[left] + tree.covers[right];
    let share = if rows == 0.0 {
        0.5
    } else {
        tree.covers[left] / rows
    };
    let share = ((share * 65_536.0).floor().min(65_535.0) + 0.5) / 65_536.0;
    share * of(left) + (1.0 - share) * of(right)
}

/// The raw score of one output as the model expects it.
fn value(model: &TreeModel, output: usize, row: &[f64], known: usize) -> f64 {
    let trees: Vec<&Tree> = (model.trees.iter().filter(|tree| tree.output == output)).collect();
    let sum: f64 = (trees.iter())
        .map(|tree| expected(model, tree, 0, row, known))
        .sum();
    match model.aggregate {
        Aggregate::Average => (model.base[output] + sum) / f64::max(trees.len() as f64, 1.0),
        _ => model.base[output] + sum,
    }
}

fn factorial(number: usize) -> f64 {
    (1..=number).map(|factor| factor as f64).product()
}

/// The Shapley value of a column, by all subsets of the others.
fn shapley(columns: usize, column: usize, values: &[f64]) -> f64 {
    let without = (0..1_usize << columns).filter(|known| known >> column & 1 == 0);
    let terms = without.map(|known| {
        let size = known.count_ones() as usize;
        let weight = factorial(size) * factorial(columns - 1 - size) / factorial(columns);
        weight * (values[known | 1 << column] - values[known])
    });
    terms.sum()
}

/// The largest sum of leaves of an output.
fn magnitude(model: &TreeModel, output: usize) -> f64 {
    let trees = model.trees.iter().filter(|tree| tree.output == output);
    let largest = trees.map(|tree| {
        let leaves = tree.nodes.iter().map(|node| match node {
            Node::Leaf { value } => value.abs(),
            Node::Split { .. } => 0.0,
        });
        leaves.fold(0.0, f64::max)
    });
    model.base[output].abs() + largest.sum::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn contributions_are_shapley_values(seed in any::<u64>(), inputs in 1..8_usize, most_leaves in 1..40_usize) {
        let mut random = Random(seed);
        let shape = Shape { trees: 4, most_leaves, inputs, outputs: 2, categories: true, leaves: LeafPrecision::Exact };
        let model = generate::model(&mut random, shape);
        let row = generate::rows(&mut random, inputs);
        let found = explained(&*engine(&model), &row);
        for output in 0..2 {
            let values: Vec<f64> = (0..1 << inputs).map(|known| value(&model, output, &row, known)).collect();
            let bound = 1e-13 * magnitude(&model, output);
            prop_assert!((found.base[output] - values[0]).abs() <= bound);
            for column in 0..inputs {
                let expected = shapley(inputs, column, &values);
                let found = found.added[2 * column + output];
                prop_assert!((found - expected).abs() <= bound, "column {column}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn base_and_contributions_are_the_raw_score((seed, shape) in shapes()) {
        let mut random = Random(seed);
        let model = generate::model(&mut random, shape);
        let engine = engine(&model);
        for _ in 0..4 {
            let row = generate::rows(&mut random, shape.inputs);
            let mut raw = vec![0.0; shape.outputs];
            engine.score(&row, &mut EngineScratch::default(), &mut raw).unwrap();
            let found = explained(&*engine, &row);
            for (output, raw) in raw.iter().enumerate() {
                let added = found.added.iter().skip(output).step_by(shape.outputs);
                let sum = added.fold(found.base[output], |sum, added| sum + added);
                let additions = model.trees.iter().filter(|tree| tree.output == output).count() as f64 + 2.0;
                let rounding = match model.accumulate {
                    Accumulate::F64 => 0.0,
                    Accumulate::F32 => additions * f64::from(f32::EPSILON) / 2.0,
                };
                let bound = (1e-12 + rounding) * magnitude(&model, output);
                prop_assert!((sum - raw).abs() <= bound, "{sum} for {raw}, bound {bound}");
            }
        }
    }
}

/// A chain of splits on columns of their own, as deep as explanations go.
fn chain(depth: usize) -> TreeModel {
    let nodes = (0..=2 * depth).map(|node| match node % 2 {
        _ if node == 2 * depth => Node::Leaf { value: 1.0 },
        0 => Node::Split {
            input: node / 2,
            test: Test::AtMost(0.5),
            missing: Missing::Right,
            left: node + 1,
            right: node + 2,
        },
        _ => Node::Leaf { value: -1.0 },
    });
    TreeModel {
        inputs: depth,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.25],
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees: vec![Tree {
            output: 0,
            nodes: nodes.collect(),
            covers: vec![3.0; 2 * depth + 1],
        }],
    }
}

#[test]
fn deep_trees_lose_no_digits() {
    let engine = engine(&chain(512));
    assert_eq!(engine.explains().unwrap(), Method::TreeShap);
    let found = explained(&*engine, &[1.0; 512]);
    let sum = found
        .added
        .iter()
        .fold(found.base[0], |sum, added| sum + added);
    assert!((sum - 1.25).abs() < 1e-12, "{sum}");
    // The row takes every turn, as half of the others do: the columns are worth the same.
    for added in found.added {
        assert!((added - 2.0 / 512.0).abs() < 1e-15, "{added}");
    }
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let code = |engine: &dyn Engine| engine.explains().unwrap_err().code();
    let model = Model::Trees(chain(3));
    let engine = decode(&model.encode().unwrap()).unwrap();
    assert_eq!(code(&*engine), "unsupported.explain");
    let row = [0.0; 3];
    let mut contributions = Contributions::new(1, [3].into_iter());
    let error = engine.explain(&row, &mut contributions).unwrap_err();
    assert_eq!(error.code(), "unsupported.explain");
    assert_eq!(code(&*self::engine(&chain(513))), "unsupported.explain");
    let least = TreeModel {
        aggregate: Aggregate::Min,
        ..chain(3)
    };
    assert_eq!(Model::Trees(least.clone()).encode_explain().unwrap(), None);
    let engine = decode(&Model::Trees(least).encode().unwrap()).unwrap();
    assert_eq!(code(&*engine), "unsupported.explain");
}

#[test]
fn covers_that_nobody_knows_make_no_part() {
    let unknown = [vec![], vec![1.0; 6], vec![f64::NAN; 7], vec![-1.0; 7]];
    for covers in unknown {
        let mut model = chain(3);
        model.trees[0].covers = covers;
        assert_eq!(Model::Trees(model).encode_explain().unwrap(), None);
    }
}

#[test]
fn rows_are_counted_through_the_trees() {
    let mut random = Random(3);
    for aggregate in [Aggregate::Sum, Aggregate::Average] {
        let shape = Shape {
            trees: 5,
            most_leaves: 20,
            inputs: 4,
            outputs: 1,
            categories: true,
            leaves: LeafPrecision::I16,
        };
        let mut model = TreeModel {
            aggregate,
            ..generate::model(&mut random, shape)
        };
        let rows = generate::rows(&mut random, 4 * 300);
        for tree in &mut model.trees {
            tree.covers.clear();
        }
        model.count_covers(&rows[..4 * 100]).unwrap();
        model.count_covers(&rows[4 * 100..]).unwrap();
        for tree in &model.trees {
            let mut counted = vec![0.0; tree.nodes.len()];
            for row in rows.chunks_exact(4) {
                let mut at = 0;
                counted[at] += 1.0;
                while let Node::Split { left, right, .. } = &tree.nodes[at] {
                    let goes_left = passes_left(&tree.nodes[at], row, model.narrow_inputs);
                    at = if goes_left { *left } else { *right };
                    counted[at] += 1.0;
                }
            }
            assert_eq!(tree.covers, counted);
        }
        let error = model.count_covers(&rows[1..]).unwrap_err();
        assert_eq!(error.code(), "misuse.shape");
    }
}

#[test]
fn a_part_that_does_not_fit_is_refused() {
    let model = Model::Trees(chain(3));
    let part = model.encode_explain().unwrap().unwrap();
    assert_eq!(part.len(), 4 + 2 + 4 + 2 * 3);
    let code = |part: &[u8]| {
        let mut engine = decode(&model.encode().unwrap()).unwrap();
        engine.take_shares(part).map_err(|error| error.code())
    };
    assert_eq!(code(&part), Ok(()));
    for length in 0..part.len() {
        assert_eq!(code(&part[..length]), Err("bundle.invalid_explain"));
    }
    assert_eq!(
        code(&[&part[..], &[0]].concat()),
        Err("bundle.invalid_explain")
    );
    for (at, expected) in [
        (0, "bundle.invalid_explain"),
        (4, "unsupported.format_version"),
        (6, "bundle.invalid_explain"),
        (9, "bundle.invalid_explain"),
    ] {
        let mut changed = part.clone();
        changed[at] ^= 1;
        assert_eq!(code(&changed), Err(expected), "byte {at}");
    }
}

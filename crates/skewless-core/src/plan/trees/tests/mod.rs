//! Every kernel gives the bits of the scalar walk, and the scalar walk those of the model as it is written.

mod generate;
mod shap;

use proptest::prelude::*;

use super::lanes::Lanes;
use super::masks::{Masks, Tops};
use super::{Kernel, TreeEngine};
use crate::plan::bytes::PlanReader;
use crate::plan::{
    Accumulate, Aggregate, Engine, EngineScratch, LeafPrecision, Missing, Model, ModelSummary,
    Node, Simd, Test, Tree, TreeModel,
};
use generate::{Random, Shape};

/// The header of a plan: magic, format, kind.
const HEADER: usize = 7;

fn shapes() -> impl Strategy<Value = (u64, Shape)> {
    let most_leaves = prop_oneof![
        Just(1_usize),
        Just(4),
        Just(8),
        Just(9),
        Just(16),
        Just(20),
        Just(32),
        Just(64),
        Just(70),
        Just(300)
    ];
    let precision = prop_oneof![Just(LeafPrecision::Exact), Just(LeafPrecision::I16)];
    (
        any::<u64>(),
        0..80_usize,
        most_leaves,
        1..40_usize,
        1..4_usize,
        any::<bool>(),
        precision,
    )
        .prop_map(
            |(seed, trees, most_leaves, inputs, outputs, categories, leaves)| {
                (
                    seed,
                    Shape {
                        trees,
                        most_leaves,
                        inputs,
                        outputs,
                        categories,
                        leaves,
                    },
                )
            },
        )
}

fn engine(model: &TreeModel, kernel: impl Fn(&TreeEngine) -> Option<Kernel>) -> Option<TreeEngine> {
    let bytes = Model::Trees(model.clone()).encode().unwrap();
    let mut engine = TreeEngine::read(&mut PlanReader::new(&bytes[HEADER..]), Simd::Off).unwrap();
    engine.kernel = kernel(&engine)?;
    Some(engine)
}

type MakeKernel = fn(&TreeEngine) -> Option<Kernel>;

/// All kernels that the model's shape allows, the definition first.
fn engines(model: &TreeModel) -> Vec<(&'static str, TreeEngine)> {
    let kernels: [(&str, MakeKernel); 5] = [
        ("scalar", |_| Some(Kernel::Scalar)),
        ("lanes", |engine| {
            Lanes::new(&engine.forest).map(Kernel::Lanes)
        }),
        ("tops", |engine| Tops::new(&engine.forest).map(Kernel::Tops)),
        ("masks", |engine| {
            Masks::new(&engine.forest).map(Kernel::Masks)
        }),
        ("portable masks", |engine| {
            Masks::new(&engine.forest).map(|masks| Kernel::Masks(masks.portable()))
        }),
    ];
    kernels
        .into_iter()
        .filter_map(|(name, kernel)| Some((name, engine(model, kernel)?)))
        .collect()
}

fn bits(raw: &[f64]) -> Vec<u64> {
    raw.iter().map(|score| score.to_bits()).collect()
}

/// What a row's score is by the words of [`TreeModel`]: thresholds as they are written, no ranks.
fn as_written(model: &TreeModel, row: &[f64]) -> Vec<f64> {
    let round = |value: f64| match model.accumulate {
        Accumulate::F64 => value,
        Accumulate::F32 => f64::from(value as f32),
    };
    let mut scores = model.base.clone();
    for tree in &model.trees {
        scores[tree.output] = round(scores[tree.output] + leaf(tree, row, model.narrow_inputs));
    }
    for (output, score) in scores.iter_mut().enumerate() {
        let trees = model
            .trees
            .iter()
            .filter(|tree| tree.output == output)
            .count();
        if model.aggregate == Aggregate::Average && trees > 0 {
            *score = round(*score / trees as f64);
        }
    }
    scores
}

fn leaf(tree: &Tree, row: &[f64], narrow: bool) -> f64 {
    let mut at = 0;
    loop {
        at = match &tree.nodes[at] {
            Node::Leaf { value } => return *value,
            Node::Split { left, right, .. } => match passes_left(&tree.nodes[at], row, narrow) {
                true => *left,
                false => *right,
            },
        };
    }
}

/// Whether a split sends a row to the left.
fn passes_left(node: &Node, row: &[f64], narrow: bool) -> bool {
    let Node::Split {
        input,
        test,
        missing,
        ..
    } = node
    else {
        return false;
    };
    let value = match narrow {
        true => f64::from(row[*input] as f32),
        false => row[*input],
    };
    let near_zero = value.is_nan() || value.abs() <= f64::from(1e-35_f32);
    match missing {
        Missing::Left if value.is_nan() => true,
        Missing::Right if value.is_nan() => false,
        Missing::AsZero if value.is_nan() => passes(test, 0.0),
        Missing::ZeroIsMissingLeft if near_zero => true,
        Missing::ZeroIsMissingRight if near_zero => false,
        _ => passes(test, value),
    }
}

fn passes(test: &Test, value: f64) -> bool {
    match test {
        Test::AtMost(threshold) => value <= *threshold,
        Test::Below(threshold) => value < *threshold,
        Test::InSet(categories) => categories
            .iter()
            .any(|&category| f64::from(category) == value.trunc()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_kernel_gives_the_scalar_bits((seed, shape) in shapes(), rows in 0..80_usize) {
        let mut random = Random(seed);
        let model = generate::model(&mut random, shape);
        let cells = generate::rows(&mut random, rows * shape.inputs);
        let mut expected: Option<Vec<u64>> = None;
        for (name, engine) in engines(&model) {
            let mut raw = vec![9.0; rows * shape.outputs];
            engine.score(&cells, &mut EngineScratch::default(), &mut raw).unwrap();
            let expected = expected.get_or_insert_with(|| bits(&raw));
            prop_assert_eq!(&bits(&raw), &*expected, "{}", name);
        }
    }

    #[test]
    fn compact_rows_score_as_their_feature_rows((seed, shape) in shapes(), rows in 0..80_usize) {
        let mut random = Random(seed);
        let model = generate::model(&mut random, shape);
        let layout = generate::layout(&mut random, shape.inputs);
        let compact: Vec<f64> = (0..rows).flat_map(|_| generate::compact_row(&mut random, &layout)).collect();
        let mut expected: Option<Vec<u64>> = None;
        let mut scratch = EngineScratch::default();
        for (name, mut engine) in engines(&model) {
            engine.bind(&layout);
            let mut raw = vec![9.0; rows * shape.outputs];
            engine.score_compact(&layout, &compact, &mut scratch, &mut raw).unwrap();
            let expected = expected.get_or_insert_with(|| bits(&raw));
            prop_assert_eq!(&bits(&raw), &*expected, "{}", name);
            // The feature rows of the table that compact rows have added to.
            let mut dense = vec![0.0; rows * shape.inputs];
            layout.expand(&compact, &mut dense);
            engine.score(&dense, &mut scratch, &mut raw).unwrap();
            prop_assert_eq!(&bits(&raw), &*expected, "{}, feature rows", name);
        }
    }

    #[test]
    fn the_scalar_walk_is_the_model_as_written((seed, shape) in shapes(), rows in 1..20_usize) {
        let mut random = Random(seed);
        let model = generate::model(&mut random, Shape { leaves: LeafPrecision::Exact, ..shape });
        let cells = generate::rows(&mut random, rows * shape.inputs);
        let engine = engine(&model, |_| Some(Kernel::Scalar)).unwrap();
        let mut raw = vec![0.0; rows * shape.outputs];
        engine.score(&cells, &mut EngineScratch::default(), &mut raw).unwrap();
        let written: Vec<f64> = cells.chunks(shape.inputs).flat_map(|row| as_written(&model, row)).collect();
        prop_assert_eq!(bits(&raw), bits(&written));
    }

    #[test]
    fn integer_leaves_stay_within_their_bound((seed, shape) in shapes(), rows in 1..20_usize) {
        let mut random = Random(seed);
        let model = generate::model(&mut random, Shape { leaves: LeafPrecision::I16, ..shape });
        let exact = TreeModel { leaves: LeafPrecision::Exact, ..model.clone() };
        let cells = generate::rows(&mut random, rows * shape.inputs);
        let scores = [&model, &exact].map(|model| {
            let engine = engine(model, |_| Some(Kernel::Scalar)).unwrap();
            let mut raw = vec![0.0; rows * shape.outputs];
            engine.score(&cells, &mut EngineScratch::default(), &mut raw).unwrap();
            (raw, engine.summary())
        });
        let [(rounded, summary), (exact, _)] = scores;
        let ModelSummary::Trees { rounding: Some(rounding), .. } = summary else {
            return Err(TestCaseError::fail("the summary says nothing of rounding"));
        };
        for (rounded, exact) in rounded.iter().zip(&exact) {
            prop_assert!((rounded - exact).abs() <= rounding.bound, "{rounded} for {exact}: {rounding:?}");
        }
    }
}

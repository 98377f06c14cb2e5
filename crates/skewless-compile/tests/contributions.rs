//! What columns add: as LightGBM's and XGBoost's own TreeSHAP says, and always the raw score in all.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may fail loudly

use std::path::PathBuf;

use serde::Deserialize;
use skewless_compile::{Source, compile};
use skewless_core::plan::{
    Accumulate, Aggregate, Contributions, Engine, EngineScratch, Model, Node, decode,
};

/// A share of training rows stands in 16 bits.
const SHARE: f64 = 1.0 / (1 << 17) as f64;

/// LightGBM computes in f64, XGBoost in f32.
const LIGHTGBM: f64 = 1e-12;
const XGBOOST: f64 = 4e-6;

/// Model file, the rounding of the library's own numbers relative to the trees' largest sum, and how many trees its
/// numbers are the sum of, where the model's are their average.
const CASES: &[(&str, f64, f64)] = &[
    ("lightgbm_binary.txt", LIGHTGBM, 1.0),
    ("lightgbm_multiclass.txt", LIGHTGBM, 1.0),
    ("lightgbm_categorical.txt", LIGHTGBM, 1.0),
    ("lightgbm_categorical_one_hot.txt", LIGHTGBM, 1.0),
    ("lightgbm_missing_nan.txt", LIGHTGBM, 1.0),
    ("lightgbm_missing_zero.txt", LIGHTGBM, 1.0),
    ("lightgbm_missing_none.txt", LIGHTGBM, 1.0),
    ("lightgbm_dart.txt", LIGHTGBM, 1.0),
    ("lightgbm_random_forest_multiclass.txt", LIGHTGBM, 3.0),
    ("xgboost_binary.json", XGBOOST, 1.0),
    ("xgboost_multiclass.json", XGBOOST, 1.0),
    ("xgboost_categorical.json", XGBOOST, 1.0),
    ("xgboost_categorical_one_hot.json", XGBOOST, 1.0),
    ("xgboost_missing.json", XGBOOST, 1.0),
    ("xgboost_dart.json", XGBOOST, 1.0),
    ("xgboost_dart_multiclass.ubj", XGBOOST, 1.0),
    ("xgboost_random_forest.json", XGBOOST, 1.0),
    ("xgboost_linear_multiclass.ubj", XGBOOST, 1.0),
];

#[derive(Deserialize)]
struct Row {
    row: Vec<Option<f64>>,
    #[serde(default)]
    added: Vec<Vec<f64>>,
}

impl Row {
    fn numbers(&self) -> Vec<f64> {
        self.row.iter().map(|x| x.unwrap_or(f64::NAN)).collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references")
}

fn model(file: &str) -> Model {
    let bytes = std::fs::read(folder().join(file)).unwrap();
    let source = Source::detect(&bytes).unwrap();
    compile(&bytes, source).unwrap().model
}

fn rows(file: &str, what: &str) -> Vec<Row> {
    let name = file.split('.').next().unwrap();
    let text = std::fs::read_to_string(folder().join(format!("{name}.{what}.jsonl"))).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// An engine that explains.
fn engine(model: &Model) -> Box<dyn Engine> {
    let mut engine = decode(&model.encode().unwrap()).unwrap();
    if let Some(part) = model.encode_explain().unwrap() {
        engine.take_shares(&part).unwrap();
    }
    engine
}

fn explained(engine: &dyn Engine, row: &[f64]) -> Contributions {
    let mut found = Contributions::new(engine.outputs(), row.iter().map(|_| 1));
    engine.explain(row, &mut found).unwrap();
    found
}

/// What a model's numbers are relative to: of each output the largest sum of leaves and the splits that a row meets at
/// most in the trees that such a sum is of, or the largest sum of products.
struct Size {
    magnitude: f64,
    depth: f64,
    additions: f64,
}

fn size(model: &Model, output: usize, row: &[f64]) -> Size {
    let mut size = Size {
        magnitude: 0.0,
        depth: 0.0,
        additions: 2.0,
    };
    match model {
        Model::Trees(trees) => {
            size.magnitude = trees.base[output].abs();
            let own = trees.trees.iter().filter(|tree| tree.output == output);
            for tree in own {
                let largest = tree.nodes.iter().map(|node| match node {
                    Node::Leaf { value } => value.abs(),
                    Node::Split { .. } => 0.0,
                });
                size.magnitude += largest.fold(0.0, f64::max);
                size.depth = size.depth.max(depth(&tree.nodes, 0));
                size.additions += 1.0;
            }
            if trees.aggregate == Aggregate::Average {
                size.magnitude /= size.additions - 2.0;
            }
        }
        Model::Linear(linear) => {
            let weights = linear.weights.iter().skip(output * linear.inputs).zip(row);
            let products = weights.map(|(w, x)| (w * x).abs());
            size.magnitude = linear.intercept[output].abs() + products.sum::<f64>();
            size.additions = linear.inputs as f64 + 2.0;
        }
        Model::Network(_) => panic!("a network"),
    }
    size
}

fn depth(nodes: &[Node], at: usize) -> f64 {
    match &nodes[at] {
        Node::Leaf { .. } => 0.0,
        Node::Split { left, right, .. } => {
            1.0 + f64::max(depth(nodes, *left), depth(nodes, *right))
        }
    }
}

#[test]
fn columns_add_what_the_libraries_say() {
    let mut farthest: f64 = 0.0;
    for &(file, rounding, trees) in CASES {
        let model = model(file);
        let engine = engine(&model);
        let references = rows(file, "contributions");
        assert_eq!(references.len(), 20, "{file}");
        for reference in references {
            let row = reference.numbers();
            let found = explained(&*engine, &row);
            for (output, theirs) in reference.added.iter().enumerate() {
                let size = size(&model, output, &row);
                // A share off by δ changes what a split expects by δ times the difference of its children, which is at
                // most twice the largest leaf; a contribution is a mean of differences of two such expectations.
                let bound = (4.0 * size.depth * SHARE + rounding) * size.magnitude;
                let (added, base) = theirs.split_at(row.len());
                let ours = found.added.iter().skip(output).step_by(engine.outputs());
                let pairs = ours
                    .chain([&found.base[output]])
                    .zip(added.iter().chain(base));
                for (column, (ours, theirs)) in pairs.enumerate() {
                    let off = (ours - theirs / trees).abs();
                    farthest = farthest.max(off / size.magnitude);
                    assert!(
                        off <= bound,
                        "{file}, column {column}: {ours}, theirs {theirs}, bound {bound:e}"
                    );
                }
            }
        }
    }
    // What the shares cost in these models, against the bound of up to 4e-4.
    assert!(farthest < 2e-5, "{farthest:e}");
}

#[test]
fn base_and_contributions_are_the_raw_score() {
    let (mut explained_models, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let is_model = [".txt", ".json", ".ubj", ".onnx"]
            .iter()
            .any(|end| file.ends_with(end));
        if !is_model || file == "requirements.txt" || file.starts_with("pipeline_") {
            continue;
        }
        let mut model = model(&file);
        let rows: Vec<Vec<f64>> = rows(&file, "rows").iter().map(Row::numbers).collect();
        if let Model::Trees(trees) = &mut model
            && file.ends_with(".onnx")
        {
            trees.count_covers(&rows.concat()).unwrap();
        }
        let engine = engine(&model);
        if engine.explains().is_err() {
            refused.push(file);
            continue;
        }
        explained_models += 1;
        for row in rows.iter().chain(&mixed(&rows)) {
            check_sum(&file, &model, &*engine, row);
        }
    }
    refused.sort();
    assert_eq!(refused, ["onnx_min.onnx", "onnx_two_targets_max.onnx"]);
    assert!(explained_models > 80, "{explained_models}");
}

/// Rows whose columns come from rows of these at random, the same ones at every call.
fn mixed(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut state = 7_u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let width = rows[0].len();
    let mut row = || {
        (0..width)
            .map(|column| rows[next(rows.len())][column])
            .collect()
    };
    (0..100).map(|_| row()).collect()
}

fn check_sum(file: &str, model: &Model, engine: &dyn Engine, row: &[f64]) {
    let mut raw = vec![f64::NAN; engine.outputs()];
    engine
        .score(row, &mut EngineScratch::default(), &mut raw)
        .unwrap();
    let found = explained(engine, row);
    let single = match model {
        Model::Trees(trees) => trees.accumulate,
        Model::Linear(linear) => linear.accumulate,
        Model::Network(_) => panic!("a network"),
    };
    for (output, raw) in raw.iter().enumerate() {
        let added = found.added.iter().skip(output).step_by(engine.outputs());
        let sum = added.fold(found.base[output], |sum, added| sum + added);
        let size = size(model, output, row);
        let rounding = match single {
            Accumulate::F64 => 0.0,
            Accumulate::F32 => size.additions * f64::from(f32::EPSILON) / 2.0,
        };
        let bound = (1e-12 + rounding) * size.magnitude;
        assert!(
            (sum - raw).abs() <= bound,
            "{file}: {sum} for {raw}, bound {bound:e}, {row:?}"
        );
    }
}

//! Every reference model answers like its own library: raw scores to the last bit, predictions within a stated bound.
//!
//! `tests/references/make.py` writes the models and the libraries' answers; each failing case is printed.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may fail loudly

use std::path::PathBuf;

use serde::Deserialize;
use skewless_compile::{Compiled, Source, compile};
use skewless_core::plan::{EngineScratch, decode};

/// How a case's raw scores relate to the library's.
#[derive(Clone, Copy)]
enum Raw {
    /// Equal bits.
    Bits,
    /// Equal bits once ours is rounded to f32, which is all that the library gives.
    Single,
    /// The library's is the sum over this many trees, ours their average, with equal bits once divided.
    SumOf(f64),
    /// |ours − theirs| ≤ bound × (1 + |theirs|).
    Within(f64),
}

/// How a case's predictions relate to the library's.
#[derive(Clone, Copy)]
enum Values {
    /// |ours − theirs| ≤ bound × |theirs|.
    Within(f64),
    /// |ours − theirs| ≤ bound: ONNX Runtime's f32 LOGISTIC of a negative score is 1 minus that of its opposite.
    Near(f64),
    /// |ours − theirs| ≤ 1e-6 × (|theirs| + 1 / |theirs|): ONNX Runtime's f32 PROBIT is the root of a difference of
    /// numbers near 4, so its digits go as it comes near 0.
    Probit,
    /// The library gives the number of the label.
    Label,
}

/// LightGBM's links use the C library's `exp` in f64, the core the `libm` crate's: each is within an ulp or two.
const DOUBLE: Values = Values::Within(5e-16);
/// XGBoost and ONNX Runtime compute links in f32 with fast approximations of `exp`; ours are in f64.
const SINGLE: Values = Values::Within(5e-7);
/// The value is the raw score.
const EQUAL: Values = Values::Within(0.0);

const CASES: &[(&str, Raw, Values)] = &[
    ("lightgbm_binary.txt", Raw::Bits, DOUBLE),
    ("lightgbm_binary_sigmoid.txt", Raw::Bits, DOUBLE),
    ("lightgbm_multiclass.txt", Raw::Bits, DOUBLE),
    ("lightgbm_one_vs_rest.txt", Raw::Bits, DOUBLE),
    ("lightgbm_regression.txt", Raw::Bits, EQUAL),
    ("lightgbm_regression_sqrt.txt", Raw::Bits, EQUAL),
    ("lightgbm_categorical.txt", Raw::Bits, DOUBLE),
    ("lightgbm_categorical_one_hot.txt", Raw::Bits, EQUAL),
    ("lightgbm_missing_nan.txt", Raw::Bits, DOUBLE),
    ("lightgbm_missing_zero.txt", Raw::Bits, DOUBLE),
    ("lightgbm_missing_none.txt", Raw::Bits, DOUBLE),
    ("lightgbm_poisson.txt", Raw::Bits, DOUBLE),
    ("lightgbm_tweedie.txt", Raw::Bits, DOUBLE),
    ("lightgbm_gamma.txt", Raw::Bits, DOUBLE),
    ("lightgbm_cross_entropy.txt", Raw::Bits, DOUBLE),
    ("lightgbm_random_forest.txt", Raw::SumOf(9.0), DOUBLE),
    (
        "lightgbm_random_forest_regression.txt",
        Raw::SumOf(9.0),
        EQUAL,
    ),
    ("lightgbm_dart.txt", Raw::Bits, EQUAL),
    ("lightgbm_huber.txt", Raw::Bits, EQUAL),
    ("lightgbm_regression_l1.txt", Raw::Bits, EQUAL),
    ("lightgbm_fair.txt", Raw::Bits, EQUAL),
    ("lightgbm_quantile.txt", Raw::Bits, EQUAL),
    ("lightgbm_mape.txt", Raw::Bits, EQUAL),
    ("lightgbm_cross_entropy_lambda.txt", Raw::Bits, DOUBLE),
    ("lightgbm_regression_l1_sqrt.txt", Raw::Bits, EQUAL),
    ("lightgbm_fair_sqrt.txt", Raw::Bits, EQUAL),
    ("lightgbm_quantile_sqrt.txt", Raw::Bits, EQUAL),
    ("lightgbm_mape_sqrt.txt", Raw::Bits, EQUAL),
    ("lightgbm_lambdarank.txt", Raw::Bits, EQUAL),
    ("lightgbm_rank_xendcg.txt", Raw::Bits, EQUAL),
    ("lightgbm_custom.txt", Raw::Bits, EQUAL),
    (
        "lightgbm_random_forest_multiclass.txt",
        Raw::SumOf(3.0),
        DOUBLE,
    ),
    ("lightgbm_stump.txt", Raw::Bits, EQUAL),
    ("xgboost_binary.json", Raw::Bits, SINGLE),
    ("xgboost_binary_base.json", Raw::Bits, SINGLE),
    ("xgboost_binary_raw.json", Raw::Bits, EQUAL),
    ("xgboost_multiclass.json", Raw::Bits, SINGLE),
    ("xgboost_multiclass_label.json", Raw::Bits, Values::Label),
    ("xgboost_regression.json", Raw::Bits, EQUAL),
    ("xgboost_regression_absolute.json", Raw::Bits, EQUAL),
    ("xgboost_regression_logistic.json", Raw::Bits, SINGLE),
    ("xgboost_categorical.json", Raw::Bits, SINGLE),
    ("xgboost_categorical_one_hot.json", Raw::Bits, EQUAL),
    ("xgboost_missing.json", Raw::Bits, SINGLE),
    ("xgboost_poisson.json", Raw::Bits, SINGLE),
    ("xgboost_gamma.json", Raw::Bits, SINGLE),
    ("xgboost_tweedie.json", Raw::Bits, SINGLE),
    ("xgboost_dart.json", Raw::Bits, SINGLE),
    ("xgboost_random_forest.json", Raw::Bits, EQUAL),
    ("xgboost_categorical.ubj", Raw::Bits, SINGLE),
    ("xgboost_dart.ubj", Raw::Bits, SINGLE),
    ("xgboost_multiclass_label.ubj", Raw::Bits, Values::Label),
    ("xgboost_reg_squaredlogerror.ubj", Raw::Bits, EQUAL),
    ("xgboost_reg_pseudohubererror.ubj", Raw::Bits, EQUAL),
    ("xgboost_reg_quantileerror.ubj", Raw::Bits, EQUAL),
    ("xgboost_binary_hinge.ubj", Raw::Bits, Values::Label),
    ("xgboost_survival_aft.ubj", Raw::Bits, SINGLE),
    ("xgboost_survival_cox.ubj", Raw::Bits, SINGLE),
    ("xgboost_rank_pairwise.ubj", Raw::Bits, EQUAL),
    ("xgboost_rank_ndcg.ubj", Raw::Bits, EQUAL),
    ("xgboost_rank_map.ubj", Raw::Bits, EQUAL),
    ("xgboost_two_targets.ubj", Raw::Bits, EQUAL),
    ("xgboost_dart_multiclass.ubj", Raw::Bits, SINGLE),
    ("xgboost_random_forest_multiclass.ubj", Raw::Bits, SINGLE),
    // XGBoost sums a linear booster in f32 from its bias on; ours is f64.
    ("xgboost_linear.ubj", Raw::Within(5e-7), SINGLE),
    ("xgboost_linear_multiclass.ubj", Raw::Within(5e-7), SINGLE),
    ("sklearn_forest_binary.onnx", Raw::Bits, EQUAL),
    ("sklearn_forest_multiclass.onnx", Raw::Bits, EQUAL),
    ("sklearn_forest_regression.onnx", Raw::Bits, EQUAL),
    ("sklearn_forest_double.onnx", Raw::Single, SINGLE),
    ("sklearn_boosting_binary.onnx", Raw::Bits, SINGLE),
    ("sklearn_boosting_multiclass.onnx", Raw::Bits, SINGLE),
    ("sklearn_boosting_regression.onnx", Raw::Bits, EQUAL),
    ("sklearn_hist_binary.onnx", Raw::Bits, SINGLE),
    ("sklearn_hist_regression.onnx", Raw::Bits, EQUAL),
    ("sklearn_extra_trees_binary.onnx", Raw::Bits, EQUAL),
    ("sklearn_extra_trees_regression.onnx", Raw::Bits, EQUAL),
    ("sklearn_extra_trees_missing.onnx", Raw::Bits, EQUAL),
    ("sklearn_forest_two_targets.onnx", Raw::Bits, EQUAL),
    ("sklearn_tree.onnx", Raw::Bits, EQUAL),
    ("sklearn_hist_multiclass.onnx", Raw::Bits, SINGLE),
    ("sklearn_hist_only_missing.onnx", Raw::Bits, EQUAL),
    ("onnx_equality.onnx", Raw::Bits, EQUAL),
    ("onnx_members.onnx", Raw::Bits, EQUAL),
    ("onnx_two_targets_average.onnx", Raw::Bits, EQUAL),
    ("onnx_min.onnx", Raw::Bits, EQUAL),
    ("onnx_two_targets_max.onnx", Raw::Bits, Values::Near(1.2e-7)),
    ("onnx_probit.onnx", Raw::Bits, Values::Probit),
    ("onnx_probit_two_targets.onnx", Raw::Bits, Values::Probit),
    ("onnx_logistic_alone.onnx", Raw::Bits, EQUAL),
    (
        "onnx_logistic_two_targets.onnx",
        Raw::Bits,
        Values::Near(1.2e-7),
    ),
    ("onnx_softmax_zero.onnx", Raw::Bits, SINGLE),
    ("onnx_softmax_two_classes.onnx", Raw::Bits, SINGLE),
    ("onnx_branch_modes.onnx", Raw::Bits, EQUAL),
    ("onnx_branch_modes_double.onnx", Raw::Single, SINGLE),
    ("onnx_ensemble_v5.onnx", Raw::Bits, SINGLE),
    // Leaves come from ONNX Runtime's f32 logarithm; ours is the nearest f32.
    (
        "sklearn_isolation_forest.onnx",
        Raw::Within(2e-7),
        Values::Near(5e-7),
    ),
    (
        "sklearn_isolation_forest_contamination.onnx",
        Raw::Within(2e-7),
        Values::Near(5e-7),
    ),
    (
        "sklearn_poisson.onnx",
        Raw::Within(5e-7),
        Values::Within(2e-6),
    ),
    ("sklearn_sgd.onnx", Raw::Within(2e-6), Values::Near(2e-6)),
    (
        "onnx_gemm_softmax.onnx",
        Raw::Within(5e-7),
        Values::Near(1e-6),
    ),
    (
        "onnx_gemm_sigmoid.onnx",
        Raw::Within(5e-7),
        Values::Near(1e-6),
    ),
    // A matrix kernel sums in f32 in an order of its own; ours is f64.
    ("sklearn_logistic.onnx", Raw::Within(5e-7), SINGLE),
    (
        "sklearn_logistic_multiclass.onnx",
        Raw::Within(5e-7),
        SINGLE,
    ),
    ("sklearn_linear.onnx", Raw::Within(5e-7), SINGLE),
];

#[derive(Deserialize)]
struct Reference {
    row: Vec<Option<f64>>,
    raw: Vec<f64>,
    values: Vec<f64>,
}

#[test]
fn models_answer_like_their_libraries() {
    let mut failures = Vec::new();
    for &(file, raw, values) in CASES {
        if let Err(failure) = check(file, raw, values) {
            failures.push(format!("{file}: {failure}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        CASES.len(),
        failures.join("\n")
    );
}

#[test]
fn both_forms_of_an_xgboost_model_are_one() {
    for name in ["categorical", "dart", "multiclass_label"] {
        let [json, ubjson] =
            ["json", "ubj"].map(|form| read_model(&format!("xgboost_{name}.{form}")));
        assert_eq!(json.unwrap(), ubjson.unwrap(), "{name}");
    }
}

#[test]
fn every_committed_model_is_a_case() {
    let listed = |file: &str| CASES.iter().any(|case| case.0 == file);
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let model = !file.starts_with("pipeline_")
            && [".txt", ".json", ".ubj", ".onnx"]
                .iter()
                .any(|end| file.ends_with(end))
            && file != "requirements.txt";
        assert!(!model || listed(&file), "{file} is no case");
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references")
}

fn read_model(file: &str) -> Result<Compiled, String> {
    let bytes = std::fs::read(folder().join(file)).map_err(|error| error.to_string())?;
    let source = Source::detect(&bytes).map_err(|error| error.to_string())?;
    compile(&bytes, source).map_err(|error| error.to_string())
}

fn read_rows(file: &str) -> Vec<Reference> {
    let name = file.split('.').next().unwrap();
    let text = std::fs::read_to_string(folder().join(format!("{name}.rows.jsonl"))).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(file: &str, raw_rule: Raw, values_rule: Values) -> Result<(), String> {
    let compiled = read_model(file)?;
    let plan = compiled.model.encode().map_err(|error| error.to_string())?;
    let engine = decode(&plan).map_err(|error| error.to_string())?;
    compiled
        .output
        .check(engine.outputs())
        .map_err(|error| error.to_string())?;
    let references = read_rows(file);
    assert!(references.len() >= 30, "{file} has few rows");
    let rows: Vec<f64> = references
        .iter()
        .flat_map(|reference| &reference.row)
        .map(|x| x.unwrap_or(f64::NAN))
        .collect();
    let mut raw = vec![f64::NAN; references.len() * engine.outputs()];
    engine
        .score(&rows, &mut EngineScratch::default(), &mut raw)
        .map_err(|error| error.to_string())?;
    let mut failed = Vec::new();
    for (index, (reference, raw)) in references
        .iter()
        .zip(raw.chunks(engine.outputs()))
        .enumerate()
    {
        let mut values = vec![f64::NAN; compiled.output.values()];
        let label = compiled.output.apply(raw, &mut values);
        let raw_fits = all(raw, &reference.raw, |ours, theirs| {
            raw_rule.holds(ours, theirs)
        });
        let values_fit = match values_rule {
            Values::Label => reference.values == [f64::from(label)],
            Values::Near(bound) => all(&values, &reference.values, |ours, theirs| {
                (ours - theirs).abs() <= bound
            }),
            Values::Probit => all(&values, &reference.values, |ours, theirs| {
                (ours - theirs).abs() <= 1e-6 * (theirs.abs() + 1.0 / theirs.abs())
            }),
            Values::Within(bound) => all(&values, &reference.values, |ours, theirs| {
                (ours - theirs).abs() <= bound * theirs.abs()
            }),
        };
        if !raw_fits || !values_fit {
            failed.push(format!(
                "row {index} {:?}: raw {raw:?}, theirs {:?}; values {values:?}, theirs {:?}",
                reference.row, reference.raw, reference.values
            ));
        }
    }
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(format!(
            "{} of {} rows, first {first}",
            failed.len(),
            references.len()
        )),
    }
}

fn all(ours: &[f64], theirs: &[f64], holds: impl Fn(f64, f64) -> bool) -> bool {
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(&ours, &theirs)| holds(ours, theirs))
}

impl Raw {
    fn holds(self, ours: f64, theirs: f64) -> bool {
        match self {
            Self::Bits => ours.to_bits() == theirs.to_bits(),
            Self::Single => f64::from(ours as f32).to_bits() == theirs.to_bits(),
            Self::SumOf(trees) => ours.to_bits() == (theirs / trees).to_bits(),
            Self::Within(bound) => (ours - theirs).abs() <= bound * (1.0 + theirs.abs()),
        }
    }
}

//! What a model file means for the output, and what is refused by name rather than answered wrongly.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may fail loudly

use std::path::PathBuf;

use skewless_compile::{Compiled, Source, compile};
use skewless_core::ErrorKind;
use skewless_core::output::{Link, Task};
use skewless_core::plan::{EngineScratch, decode};

const LOGISTIC: Link = Link::Logistic { scale: 1.0 };

#[test]
fn task_link_and_labels_are_the_sources() {
    let cases: [(&str, Task, Link, &[&str]); 14] = [
        ("lightgbm_binary.txt", Task::Binary, LOGISTIC, &["0", "1"]),
        (
            "lightgbm_binary_sigmoid.txt",
            Task::Binary,
            Link::Logistic { scale: 0.7 },
            &["0", "1"],
        ),
        (
            "lightgbm_multiclass.txt",
            Task::Multiclass,
            Link::Softmax,
            &["0", "1", "2"],
        ),
        (
            "lightgbm_one_vs_rest.txt",
            Task::Multiclass,
            Link::OneVsRest { scale: 1.0 },
            &["0", "1", "2"],
        ),
        (
            "lightgbm_regression_sqrt.txt",
            Task::Regression,
            Link::SquareSigned,
            &[],
        ),
        ("lightgbm_poisson.txt", Task::Regression, Link::Exp, &[]),
        ("xgboost_binary.json", Task::Binary, LOGISTIC, &["0", "1"]),
        (
            "xgboost_multiclass.json",
            Task::Multiclass,
            Link::Softmax,
            &["0", "1", "2"],
        ),
        ("xgboost_tweedie.json", Task::Regression, Link::Exp, &[]),
        (
            "sklearn_forest_binary.onnx",
            Task::Binary,
            Link::Identity,
            &["0", "1"],
        ),
        (
            "sklearn_forest_multiclass.onnx",
            Task::Multiclass,
            Link::Identity,
            &["early", "late", "on time"],
        ),
        (
            "sklearn_boosting_multiclass.onnx",
            Task::Multiclass,
            Link::Softmax,
            &["early", "late", "on time"],
        ),
        ("sklearn_logistic.onnx", Task::Binary, LOGISTIC, &["0", "1"]),
        ("sklearn_linear.onnx", Task::Regression, Link::Identity, &[]),
    ];
    let mut wrong = Vec::new();
    for (file, task, link, labels) in cases {
        let output = read(file).output;
        if (output.task, output.link) != (task, link) || output.labels != labels {
            wrong.push(format!("{file}: {output:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn feature_names_are_given_where_the_source_has_its_own() {
    let named = [
        "temperature",
        "distance",
        "carrier",
        "delays",
        "slope",
        "night",
    ];
    for file in ["lightgbm_binary.txt", "xgboost_binary.json"] {
        assert_eq!(read(file).feature_names.unwrap(), named, "{file}");
    }
    for file in [
        "lightgbm_regression.txt",
        "xgboost_regression.json",
        "sklearn_linear.onnx",
    ] {
        assert_eq!(read(file).feature_names, None, "{file}");
    }
}

#[test]
fn what_cannot_be_answered_exactly_is_refused_by_name() {
    let cases = [
        (
            "lightgbm_binary.txt",
            "is_linear=0",
            "is_linear=1",
            "unsupported.linear_tree",
        ),
        (
            "lightgbm_binary.txt",
            "objective=binary",
            "objective=unheard",
            "unsupported.objective",
        ),
        (
            "lightgbm_binary.txt",
            "objective=binary",
            "objective=multiclass",
            "unsupported.multi_output",
        ),
        (
            "lightgbm_binary.txt",
            "version=v4",
            "version=v9",
            "unsupported.model_version",
        ),
        (
            "xgboost_binary.json",
            "binary:logistic",
            "binary:unheard",
            "unsupported.objective",
        ),
        (
            "xgboost_binary.json",
            "\"name\":\"gbtree\"",
            "\"name\":\"gbforest\"",
            "unsupported.booster",
        ),
        (
            "xgboost_binary.json",
            "\"num_target\":\"1\"",
            "\"num_target\":\"2\"",
            "unsupported.multi_output",
        ),
        (
            "xgboost_binary.json",
            "\"size_leaf_vector\":\"1\"",
            "\"size_leaf_vector\":\"2\"",
            "unsupported.multi_output",
        ),
        (
            "onnx_branch_modes.onnx",
            "target_ids",
            "target_idz",
            "unsupported.onnx_attribute",
        ),
        (
            "sklearn_boosting_multiclass.onnx",
            "SOFTMAX",
            "PROBITX",
            "unsupported.post_transform",
        ),
        (
            "sklearn_boosting_binary.onnx",
            "LOGISTIC",
            "NONE\0\0\0\0",
            "unsupported.post_transform",
        ),
        (
            "sklearn_boosting_binary.onnx",
            "ZipMap",
            "Scaler",
            "unsupported.onnx_op",
        ),
        (
            "sklearn_linear.onnx",
            "LinearRegressor",
            "LinearRegressoX",
            "unsupported.onnx_op",
        ),
        (
            "sklearn_logistic_multiclass.onnx",
            "L1",
            "L2",
            "unsupported.onnx_op",
        ),
        (
            "sklearn_forest_regression.onnx",
            "nodes_hitrates",
            "nodes_hitratex",
            "unsupported.onnx_attribute",
        ),
    ];
    let mut wrong = Vec::new();
    for (file, from, to, code) in cases {
        let bytes = bytes(file);
        let changed = replace_all(&bytes, from.as_bytes(), to.as_bytes());
        assert_ne!(bytes, changed, "{file} holds {from}");
        match compile(&changed, Source::detect(&bytes).unwrap()) {
            Err(error) if error.code() == code && error.kind() == ErrorKind::Unsupported => {}
            other => wrong.push(format!("{file} with {to}: {:?}", other.map(|_| ()))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plain_graph_states_its_input_and_a_head_has_fields_instead() {
    let inputs = |file: &str| {
        let inputs = read(file).inputs.into_iter();
        inputs
            .map(|input| (input.name, input.shape))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        inputs("sklearn_forest_binary.onnx"),
        [("X".to_owned(), vec![6])]
    );
    assert_eq!(
        inputs("sklearn_isolation_forest.onnx"),
        [("X".to_owned(), vec![6])]
    );
    assert_eq!(
        inputs("onnx_gemm_softmax.onnx"),
        [("x".to_owned(), vec![6])]
    );
    for file in ["pipeline_columns.onnx", "lightgbm_binary.txt"] {
        assert_eq!(inputs(file), [], "{file}");
    }
}

#[test]
fn an_older_scalar_base_score_is_read_like_the_list() {
    let bytes = bytes("xgboost_binary_base.json");
    let old = replace_all(
        &bytes,
        b"\"base_score\":\"[1.37E-1]\"",
        b"\"base_score\":\"1.37E-1\"",
    );
    assert_ne!(bytes, old);
    assert_eq!(
        compile(&old, Source::XgBoost).unwrap().model,
        read("xgboost_binary_base.json").model
    );
}

#[test]
fn a_row_of_another_width_is_refused_by_the_engine() {
    let engine = decode(&read("lightgbm_binary.txt").model.encode().unwrap()).unwrap();
    let code = engine
        .score(&[0.0; 5], &mut EngineScratch::default(), &mut [0.0])
        .map_err(|error| error.code());
    assert_eq!(code, Err("misuse.shape"));
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/references")
            .join(file),
    )
    .unwrap()
}

fn read(file: &str) -> Compiled {
    let bytes = bytes(file);
    compile(&bytes, Source::detect(&bytes).unwrap()).unwrap()
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        changed.extend_from_slice(&rest[..at]);
        changed.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    changed.extend_from_slice(rest);
    changed
}

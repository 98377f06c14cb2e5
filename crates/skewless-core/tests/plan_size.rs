//! The size of a plan: what a page downloads for a model.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "a plan's size asks for no rows")]
#[path = "../benches/ensemble/mod.rs"]
mod ensemble;

use skewless_core::plan::{LeafPrecision, ModelSummary, decode};

#[test]
fn two_hundred_trees_of_31_leaves_fit_45_kilobytes() {
    let plan = ensemble::model(200, 31, LeafPrecision::I16)
        .encode()
        .unwrap();
    let engine = decode(&plan).unwrap();
    let ModelSummary::Trees {
        trees,
        leaves,
        thresholds,
        inputs_used,
        ..
    } = engine.summary()
    else {
        panic!("not an ensemble");
    };
    assert_eq!(
        (trees, leaves, thresholds, inputs_used),
        (200, 6_200, 992, 137)
    );
    assert!(plan.len() <= 45_000, "{} bytes", plan.len());
}

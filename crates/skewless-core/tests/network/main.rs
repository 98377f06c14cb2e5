//! Networks: every kernel gives the values of a second implementation that shares no code with the engine, and damaged
//! bytes are refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod damaged;
mod fixed;
mod generate;
mod meaning;
mod reference;

use generate::{Draw, network, rows};
use proptest::prelude::*;
use skewless_core::plan::{EngineScratch, Model, NetworkModel, Simd, decode_with};

/// Raw scores of the engine.
fn scores(model: &NetworkModel, rows: &[f64], simd: Simd) -> Vec<f64> {
    let bytes = Model::Network(model.clone()).encode().unwrap();
    let engine = decode_with(&bytes, simd).unwrap();
    assert_eq!(engine.inputs(), model.columns());
    let count = rows.len() / engine.inputs();
    let mut raw = vec![f64::NAN; count * engine.outputs()];
    (engine.score(rows, &mut EngineScratch::default(), &mut raw)).unwrap();
    raw
}

/// Raw scores of the second implementation.
fn expected(model: &NetworkModel, rows: &[f64]) -> Vec<f64> {
    let each = rows.chunks_exact(model.columns());
    each.flat_map(|row| reference::scores(model, row)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_scalar_engine_is_the_reference(seed: u64) {
        let mut draw = Draw::new(seed);
        let model = network(&mut draw);
        let rows = rows(&model, &mut draw);
        prop_assert_eq!(scores(&model, &rows, Simd::Off), expected(&model, &rows));
    }

    #[test]
    fn every_kernel_gives_the_scalar_bits(seed: u64) {
        let mut draw = Draw::new(seed);
        let model = network(&mut draw);
        let rows = rows(&model, &mut draw);
        prop_assert_eq!(scores(&model, &rows, Simd::Auto), scores(&model, &rows, Simd::Off));
    }
}

#[test]
fn many_rows_are_as_many_single_rows() {
    for seed in 0..40 {
        let mut draw = Draw::new(seed);
        let model = network(&mut draw);
        let rows: Vec<f64> = (0..130)
            .flat_map(|_| generate::row(&model, &mut draw))
            .collect();
        let together = scores(&model, &rows, Simd::Auto);
        let singly: Vec<f64> = rows
            .chunks_exact(model.columns())
            .flat_map(|row| scores(&model, row, Simd::Auto))
            .collect();
        assert_eq!(together, singly, "seed {seed}");
    }
}

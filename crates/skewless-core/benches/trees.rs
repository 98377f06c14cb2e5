//! Microseconds of tree scoring: each kernel, one row and 256, feature rows and compact ones, 10 to 2,000 trees.
//!
//! `cargo bench -p skewless-core --bench trees`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on fails"
)]

mod ensemble;

use divan::{Bencher, counter::ItemsCount};
use skewless_core::plan::{Engine, EngineScratch, LeafPrecision, Simd, decode, decode_with};

const TREES: [usize; 5] = [10, 50, 200, 500, 2_000];
const ROWS: [usize; 2] = [1, 256];

fn main() {
    divan::main();
}

fn bench(
    bencher: Bencher<'_, '_>,
    simd: Simd,
    compact: bool,
    trees: usize,
    leaves: usize,
    rows: usize,
) {
    let bytes = ensemble::model(trees, leaves, LeafPrecision::Exact)
        .encode()
        .unwrap();
    let mut engine: Box<dyn Engine> = decode_with(&bytes, simd).unwrap();
    let layout = ensemble::layout();
    engine.bind(&layout);
    let cells = ensemble::rows(rows);
    let mut dense = vec![0.0; rows * layout.width()];
    layout.expand(&cells, &mut dense);
    let (mut scratch, mut raw) = (EngineScratch::default(), vec![0.0; rows]);
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| match compact {
            true => engine
                .score_compact(&layout, &cells, &mut scratch, &mut raw)
                .unwrap(),
            false => engine.score(&dense, &mut scratch, &mut raw).unwrap(),
        });
}

/// At most 32 leaves: folded masks.
#[divan::bench(args = TREES, consts = ROWS)]
fn masks<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Auto, true, trees, 31, N);
}

/// The same from feature rows.
#[divan::bench(args = TREES, consts = ROWS)]
fn masks_feature_rows<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Auto, false, trees, 31, N);
}

/// At most 8 leaves.
#[divan::bench(args = TREES, consts = ROWS)]
fn masks_of_small_trees<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Auto, true, trees, 8, N);
}

/// More than 64 leaves: masks of the trees' tops, and walks from their exits.
#[divan::bench(args = TREES, consts = ROWS)]
fn tops<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Auto, true, trees, 100, N);
}

/// The definition, on the trees of `tops`.
#[divan::bench(args = TREES, consts = ROWS)]
fn scalar_large<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Off, true, trees, 100, N);
}

/// The definition, on the trees of `masks`.
#[divan::bench(args = TREES, consts = ROWS)]
fn scalar<const N: usize>(bencher: Bencher<'_, '_>, trees: usize) {
    bench(bencher, Simd::Off, true, trees, 31, N);
}

/// Reading a plan and building what its kernel needs.
#[divan::bench(args = TREES)]
fn load(bencher: Bencher<'_, '_>, trees: usize) {
    let bytes = ensemble::model(trees, 31, LeafPrecision::Exact)
        .encode()
        .unwrap();
    let layout = ensemble::layout();
    bencher.bench_local(|| {
        let mut engine = decode(&bytes).unwrap();
        engine.bind(&layout);
        engine
    });
}

//! Rows a second of small int8 networks, by the best instructions of the machine and by the scalar code.

mod shapes;

use divan::Bencher;
use divan::counter::ItemsCount;
use skewless_core::plan::{EngineScratch, Model, Simd, decode_with};

fn main() {
    divan::main();
}

/// Networks with the number of rows that are scored together.
const WORKS: [(&str, usize); 6] = [
    ("mlp", 1),
    ("mlp", 256),
    ("kws", 1),
    ("ic", 1),
    ("vww", 1),
    ("ad", 1),
];

#[divan::bench(args = WORKS)]
fn best(bencher: Bencher, (name, rows): (&str, usize)) {
    score(bencher, name, rows, Simd::Auto);
}

#[divan::bench(args = WORKS)]
fn scalar(bencher: Bencher, (name, rows): (&str, usize)) {
    score(bencher, name, rows, Simd::Off);
}

fn score(bencher: Bencher, name: &str, rows: usize, simd: Simd) {
    let model = shapes::network(name);
    let inputs = model.columns();
    let mut raw = vec![0.0; rows * model.scores()];
    let plan = Model::Network(model).encode().unwrap_or_default();
    let Ok(engine) = decode_with(&plan, simd) else {
        return;
    };
    let features = features(rows, inputs);
    let mut scratch = EngineScratch::default();
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| engine.score(divan::black_box(&features), &mut scratch, &mut raw));
}

/// Rows of which most columns are 0 or 1, as those of one-hot features are, where a network has as many as `mlp`.
fn features(rows: usize, inputs: usize) -> Vec<f64> {
    let value = |at: usize| {
        let drawn = at.wrapping_mul(2_654_435_761) >> 7;
        match inputs == 137 && at % inputs >= 16 {
            true => f64::from(u8::from(drawn.is_multiple_of(24))),
            false => (drawn % 1000) as f64 / 100.0 - 5.0,
        }
    };
    (0..rows * inputs).map(value).collect()
}

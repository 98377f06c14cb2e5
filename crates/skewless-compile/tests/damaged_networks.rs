//! Damaged network files give an error or a network that scores: never a panic, a hang or a plan that cannot be read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::path::PathBuf;

use skewless_compile::{Calibration, Compiled, Source, compile, quantize};
use skewless_core::plan::{EngineScratch, decode};
use skewless_core::{Error, ErrorKind};

/// Small networks, one of each shape that the readers have.
const FILES: [&str; 12] = [
    "activations.onnx",
    "branches.onnx",
    "convolutions_2d.onnx",
    "dense_operators.onnx",
    "depthwise_operators.onnx",
    "embedding.onnx",
    "integer_products.onnx",
    "integers_in_and_out.onnx",
    "lite_functions.tflite",
    "lite_positions.tflite",
    "lite_residual.tflite",
    "lite_windows.tflite",
];

const FLOAT_FILES: [&str; 2] = ["float_convolutions_2d.onnx", "float_embedding.onnx"];

/// Changed copies tried of each file.
const MUTATIONS: usize = 300;

#[test]
fn changed_networks_are_refused_or_score() {
    for file in FILES {
        each_change(file, |bytes, what| {
            if let Ok(source) = Source::detect(bytes) {
                try_result(compile(bytes, source), what);
            }
        });
    }
}

#[test]
fn changed_float_networks_are_refused_or_quantised() {
    for file in FLOAT_FILES {
        each_change(file, |bytes, what| {
            let Ok(network) = skewless_compile::FloatNetwork::read(bytes) else {
                return;
            };
            let columns = network.columns();
            if columns < 1_000 {
                let rows = vec![1.0; 2 * columns];
                try_result(quantize(bytes, &rows, Calibration::LeastError), what);
            }
        });
    }
}

/// The file cut short and changed in many ways.
fn each_change(file: &str, try_bytes: impl Fn(&[u8], &str)) {
    let bytes = read(file);
    for length in (0..bytes.len()).step_by((bytes.len() / 60).max(1)) {
        try_bytes(&bytes[..length], &format!("{file} cut to {length} bytes"));
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..MUTATIONS {
        let mut changed = bytes.clone();
        for _ in 0..=random.below(3) {
            mutate(&mut changed, &mut random);
        }
        try_bytes(&changed, &format!("{file}, mutation {round}"));
    }
}

fn read(file: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/references/networks");
    std::fs::read(folder.join(file)).unwrap()
}

fn try_result(result: Result<Compiled, Error>, what: &str) {
    let compiled = match result {
        Ok(compiled) => compiled,
        Err(error) => {
            let blamed = matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            );
            assert!(blamed, "{what}: {error:?}");
            return;
        }
    };
    let plan = match compiled.model.encode() {
        Ok(plan) => plan,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{what}: {error}");
            return;
        }
    };
    let engine = decode(&plan).unwrap_or_else(|error| panic!("{what}: {error}"));
    let checked = compiled.output.check(engine.outputs());
    checked.unwrap_or_else(|error| panic!("{what}: {error}"));
    if engine.inputs() < 10_000 {
        let mut raw = vec![f64::NAN; engine.outputs()];
        let row = vec![0.0; engine.inputs()];
        engine
            .score(&row, &mut EngineScratch::default(), &mut raw)
            .unwrap();
        assert!(raw.iter().all(|score| !score.is_nan()), "{what}: {raw:?}");
    }
}

/// One change: a byte, a bit, or a stretch left out or doubled.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(30)).min(bytes.len());
    match random.below(6) {
        0 | 1 => bytes[at] = random.byte(),
        2 | 3 => bytes[at] ^= 1 << random.below(8),
        4 => {
            bytes.drain(at..end);
        }
        _ => {
            let stretch = bytes[at..end].to_vec();
            bytes.splice(at..at, stretch);
        }
    }
}

/// A splitmix64 generator: the same mutations on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn byte(&mut self) -> u8 {
        (self.next() & 0xff) as u8
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

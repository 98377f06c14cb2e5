//! Damaged model files give an error or a model that scores: never a panic, a hang or a plan that cannot be read.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may fail loudly

use std::path::PathBuf;

use skewless_compile::{Source, compile};
use skewless_core::ErrorKind;
use skewless_core::plan::{EngineScratch, decode};

/// The smallest reference models, one of each shape a reader has.
const FILES: [(&str, Source); 19] = [
    ("lightgbm_categorical.txt", Source::LightGbm),
    ("lightgbm_random_forest.txt", Source::LightGbm),
    ("lightgbm_stump.txt", Source::LightGbm),
    ("xgboost_categorical.json", Source::XgBoost),
    ("xgboost_multiclass_label.json", Source::XgBoost),
    ("xgboost_dart.json", Source::XgBoost),
    ("xgboost_categorical.ubj", Source::XgBoost),
    ("xgboost_dart_multiclass.ubj", Source::XgBoost),
    ("xgboost_linear_multiclass.ubj", Source::XgBoost),
    ("sklearn_forest_multiclass.onnx", Source::Onnx),
    ("sklearn_hist_binary.onnx", Source::Onnx),
    ("sklearn_logistic_multiclass.onnx", Source::Onnx),
    ("onnx_branch_modes.onnx", Source::Onnx),
    ("sklearn_isolation_forest.onnx", Source::Onnx),
    ("sklearn_sgd.onnx", Source::Onnx),
    ("pipeline_columns.onnx", Source::Onnx),
    ("onnx_equality.onnx", Source::Onnx),
    ("onnx_members.onnx", Source::Onnx),
    ("onnx_ensemble_v5.onnx", Source::Onnx),
];

/// Changed copies tried of each file.
const MUTATIONS: usize = 400;

#[test]
fn cut_files_are_refused_or_harmless() {
    for (file, source) in FILES {
        let bytes = read(file);
        let step = (bytes.len() / 150).max(1);
        for length in (0..bytes.len()).step_by(step) {
            try_bytes(&bytes[..length], source, || {
                format!("{file} cut to {length} bytes")
            });
        }
    }
}

#[test]
fn a_cut_model_with_an_end_is_refused_until_its_trees_are_complete() {
    for (file, source) in FILES
        .into_iter()
        .filter(|(_, source)| *source != Source::Onnx)
    {
        let bytes = read(file);
        let complete = match source {
            Source::LightGbm => find(&bytes, b"end of trees") + b"end of trees".len(),
            _ => bytes.len(),
        };
        for length in (0..complete).step_by(97).chain([complete - 1]) {
            let code = compile(&bytes[..length], source)
                .map(|_| ())
                .map_err(|error| error.code());
            let expected = if source == Source::LightGbm {
                "model.invalid_lightgbm"
            } else {
                "model.invalid_xgboost"
            };
            assert_eq!(code, Err(expected), "{file} cut to {length} bytes");
        }
    }
}

#[test]
fn changed_files_are_refused_or_score() {
    for (file, source) in FILES {
        let bytes = read(file);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..MUTATIONS {
            let mut changed = bytes.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut changed, source, &mut random);
            }
            try_bytes(&changed, source, || format!("{file}, mutation {round}"));
        }
    }
}

#[test]
fn every_bit_of_a_ubjson_model_may_be_wrong() {
    let bytes = read("xgboost_linear_multiclass.ubj");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            try_bytes(&changed, Source::XgBoost, || {
                format!("bit {bit} of byte {at}")
            });
        }
    }
}

#[test]
fn any_bytes_are_refused_by_every_reader() {
    let mut random = Random(7);
    for length in [0, 1, 2, 3, 10, 100, 1000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        for source in [Source::LightGbm, Source::XgBoost, Source::Onnx] {
            let error = compile(&bytes, source).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "{source:?} {bytes:?}: {error}"
            );
        }
    }
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/references")
            .join(file),
    )
    .unwrap()
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .position(|window| window == part)
        .unwrap()
}

fn try_bytes(bytes: &[u8], source: Source, what: impl Fn() -> String) {
    let compiled = match compile(bytes, source) {
        Ok(compiled) => compiled,
        Err(error) => {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::InvalidInput | ErrorKind::Unsupported),
                "{}: {error}",
                what()
            );
            return;
        }
    };
    let plan = match compiled.model.encode() {
        Ok(plan) => plan,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", what());
            return;
        }
    };
    let engine = decode(&plan).unwrap_or_else(|error| panic!("{}: {error}", what()));
    compiled
        .output
        .check(engine.outputs())
        .unwrap_or_else(|error| panic!("{}: {error}", what()));
    if engine.inputs() < 10_000 {
        let mut raw = vec![f64::NAN; engine.outputs()];
        let row = vec![0.5; engine.inputs()];
        engine
            .score(&row, &mut EngineScratch::default(), &mut raw)
            .unwrap();
        assert!(
            raw.iter().all(|score| !score.is_nan()),
            "{}: {raw:?}",
            what()
        );
    }
}

/// One change: a byte, a digit for a digit, or a stretch left out or doubled.
fn mutate(bytes: &mut Vec<u8>, source: Source, random: &mut Random) {
    let at = random.below(bytes.len());
    let length = 1 + random.below(40).min(bytes.len() - at - 1);
    match random.below(4) {
        0 if source == Source::Onnx || bytes.starts_with(b"{L") => bytes[at] = random.next() as u8,
        0 => bytes[at] = b"0123456789-.,e= \n[]{}\""[random.below(22)],
        1 => {
            // Numbers are what most of a model file is made of.
            let digit = (at..bytes.len())
                .find(|&index| bytes[index].is_ascii_digit())
                .unwrap_or(at);
            bytes[digit] = b'0' + random.below(10) as u8;
        }
        2 => {
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        _ => {
            let stretch = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, stretch);
        }
    }
    if bytes.is_empty() {
        bytes.push(0);
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

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

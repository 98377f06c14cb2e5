//! The committed flights bundle: sound, small, and of this tree.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use skewless_core::{Bundle, Predictor, Record};

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../models/flights")
        .join(path)
}

fn bytes() -> Vec<u8> {
    std::fs::read(at("flights.skw")).unwrap()
}

#[test]
fn it_answers_its_golden_rows() {
    let bundle = Bundle::from_bytes(&bytes()).unwrap();
    let golden = bundle.golden().unwrap();
    assert!(golden.len() >= 32, "{} golden rows", golden.len());
    Predictor::new(&bundle)
        .unwrap()
        .check_golden(&golden)
        .unwrap();
}

#[test]
fn a_changed_golden_row_is_found() {
    let bundle = Bundle::from_bytes(&bytes()).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    let mut golden = bundle.golden().unwrap();
    let raw = &mut golden[3].prediction.raw[0];
    *raw = raw.next_up();
    let error = predictor.check_golden(&golden).unwrap_err();
    assert_eq!(
        (error.code(), error.row()),
        ("bundle.golden_mismatch", Some(3))
    );
}

fn sample() -> Vec<Record> {
    let text = std::fs::read_to_string(at("sample.jsonl")).unwrap();
    let lines = text.lines();
    lines.map(|line| Record::from_json(line).unwrap()).collect()
}

#[test]
fn every_sample_flight_is_answered() {
    let predictor = Predictor::new(&Bundle::from_bytes(&bytes()).unwrap()).unwrap();
    let batch = predictor.predict_records(&sample()).unwrap();
    assert_eq!((batch.rows(), batch.errors.len()), (1000, 0));
    assert!(batch.values.iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn every_sample_flight_is_explained() {
    let predictor = Predictor::new(&Bundle::from_bytes(&bytes()).unwrap()).unwrap();
    for record in sample() {
        let explanation = predictor.explain(&record).unwrap();
        let features = explanation.features.iter();
        let added: f64 = features.map(|feature| feature.contributions[0]).sum();
        let sum = explanation.base[0] + added;
        assert!((sum - explanation.raw[0]).abs() < 1e-13, "{explanation:?}");
    }
}

/// `tests/web/explain.test.mjs` holds WebAssembly to the same numbers.
#[test]
fn explanations_have_these_bits() {
    let predictor = Predictor::new(&Bundle::from_bytes(&bytes()).unwrap()).unwrap();
    let explained = sample().into_iter().step_by(100).map(|record| {
        let explanation = predictor.explain(&record).unwrap();
        serde_json::to_string(&explanation).unwrap()
    });
    let lines: Vec<String> = explained.collect();
    insta::assert_snapshot!("explanations", lines.join("\n"));
}

#[test]
fn the_card_is_the_bundles() {
    let card = std::fs::read_to_string(at("card.md")).unwrap();
    assert_eq!(Bundle::from_bytes(&bytes()).unwrap().card(), card);
}

#[test]
fn a_sampled_flip_or_cut_is_refused() {
    let good = bytes();
    for at in (0..good.len()).step_by(4_099) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(Bundle::from_bytes(&bad).is_err(), "byte {at}");
        assert!(Bundle::from_bytes(&good[..at]).is_err(), "cut at {at}");
    }
}

//! The flights' study on a seeded sample of the flights: what the whole one does in minutes, held to what it promises.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use skewless_core::{Bundle, Predictor};
use skewless_train::Silent;
use skewless_train::study::{Studied, StudyOptions, StudyReport, study};

const ROWS: usize = 30_000;

/// The committed configuration with fewer rows, and smaller trees that those rows can fill.
fn sampled(folder: &Path) -> PathBuf {
    let flights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/flights");
    let text = std::fs::read_to_string(flights.join("study.toml")).unwrap();
    let changes = [
        (
            "[data]\n".to_owned(),
            format!("[data]\nmax_rows = {ROWS}\n"),
        ),
        (
            "\"data/".to_owned(),
            format!("\"{}/data/", flights.display()),
        ),
        (
            "iterations = [300]".to_owned(),
            "iterations = [60]".to_owned(),
        ),
    ];
    let text = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn run(config: &Path, threads: usize) -> Studied {
    let options = StudyOptions {
        threads,
        ..StudyOptions::default()
    };
    study(config, &options, &mut Silent).unwrap()
}

#[test]
fn a_sample_of_the_flights_is_learnt_from_with_the_same_bytes_on_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    let config = sampled(folder.path());
    let one = run(&config, 1);
    let report = &one.report;

    let steps = report.steps.iter().map(|step| step.rows);
    assert_eq!(steps.take(2).collect::<Vec<_>>(), [336_776, ROWS]);
    let candidates = report.candidates.iter().map(|one| &one.candidate);
    let families: BTreeSet<&str> = candidates
        .clone()
        .map(|one| one.parameters.kind())
        .collect();
    let sets: BTreeSet<&str> = candidates.map(|one| one.feature_set.as_str()).collect();
    assert!(
        families.len() >= 3 && sets.len() >= 3,
        "{families:?} {sets:?}"
    );

    // The winner is better than knowing nothing, and the card says whether the promise of coverage held.
    let log_loss = |place: usize| report.candidates[place].measures[measure(report)];
    let kind = |place: usize| report.candidates[place].candidate.parameters.kind();
    let constant = (0..report.candidates.len()).find(|&place| kind(place) == "constant");
    assert!(log_loss(report.selection.winner) < log_loss(constant.unwrap()) - 0.005);
    assert!(
        report.gates.iter().all(|gate| gate.passed),
        "{:?}",
        report.gates
    );
    let coverage = report.coverage.as_ref().unwrap();
    let (low, high) = (coverage.test.low, coverage.test.high);
    assert!(
        coverage.test.value > 0.85 && low < high,
        "{:?}",
        coverage.test
    );
    let told = match (low..=high).contains(&coverage.confidence) {
        true => "The promise lies in that interval.",
        false => " percentage points ",
    };
    assert!(one.card.contains(told), "{told}: {}", one.card);

    let bytes = one.bundle.as_ref().unwrap();
    let bundle = Bundle::from_bytes(bytes).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    predictor.check_golden(&bundle.golden().unwrap()).unwrap();
    let two = run(&config, 2);
    assert!(two.bundle.as_ref() == Some(bytes));
}

/// The place of the measure that chooses.
fn measure(report: &StudyReport) -> usize {
    let mut measures = report.test.measures.iter();
    measures
        .position(|one| one.measure == report.selection.by)
        .unwrap()
}

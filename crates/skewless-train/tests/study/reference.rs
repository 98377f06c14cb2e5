//! The committed small models beside scikit-learn on the same rows: `models/make_small_data.py` made the references.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skewless_train::Silent;
use skewless_train::study::measure::Measure;
use skewless_train::study::{Studied, StudyOptions, study};

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(name)
}

fn studied(name: &str) -> (Studied, Value) {
    let reference = std::fs::read_to_string(model(name).join("reference.json")).unwrap();
    let studied = study(
        &model(name).join("skewless.toml"),
        &StudyOptions::default(),
        &mut Silent,
    )
    .unwrap();
    (studied, serde_json::from_str(&reference).unwrap())
}

fn numbers(values: &Value, measure: &str) -> Vec<f64> {
    let folds = values["folds"].as_array().unwrap();
    folds
        .iter()
        .map(|fold| fold[measure].as_f64().unwrap())
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The best of a family on all features, by the mean over the folds, beside scikit-learn's counterpart: no worse than by
/// the spread of scikit-learn's own folds.
fn held_to(name: &str, by: Measure) {
    let (studied, reference) = studied(name);
    let report = &studied.report;
    let place = Measure::of_task(report.task)
        .iter()
        .position(|one| *one == by)
        .unwrap();
    let rows = |part: &str| {
        report
            .parts
            .iter()
            .find(|one| one.name == part)
            .unwrap()
            .rows as u64
    };
    assert_eq!(Some(rows("test")), reference["rows"]["test"].as_u64());
    for fold in 0..5 {
        let name = format!("validate {}", fold + 1);
        assert_eq!(Some(rows(&name)), reference["rows"]["folds"][fold].as_u64());
    }
    for family in ["linear", "trees"] {
        let theirs = numbers(&reference["models"][family], by.name());
        let of_fold = |values: &Vec<f64>| values[place];
        let ours = (report.candidates.iter())
            .filter(|one| {
                one.candidate.feature_set == "all" && one.candidate.parameters.kind() == family
            })
            .map(|one| one.folds.iter().map(of_fold).collect::<Vec<_>>())
            .min_by(|a, b| by.gain(mean(b), mean(a)).total_cmp(&0.0))
            .unwrap();
        let centre = mean(&theirs);
        let spread = (theirs
            .iter()
            .map(|value| (value - centre).powi(2))
            .sum::<f64>()
            / 4.0)
            .sqrt();
        assert!(
            by.gain(mean(&ours), centre) > -spread,
            "{name} {family}: {ours:?} beside {theirs:?}, {centre:.4} ± {spread:.4}"
        );
    }
    let test = report
        .test
        .measures
        .iter()
        .find(|one| one.measure == by)
        .unwrap()
        .estimate;
    let theirs = numbers(&reference["models"]["linear"], by.name());
    let spread = (theirs
        .iter()
        .map(|value| (value - mean(&theirs)).powi(2))
        .sum::<f64>()
        / 4.0)
        .sqrt();
    let theirs = reference["models"]["linear"]["test"][by.name()]
        .as_f64()
        .unwrap();
    assert!(
        by.gain(test.value, theirs) > -spread,
        "{test:?} beside {theirs}"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(
            model(name).join(format!("{name}.skw")),
            studied.bundle.as_ref().unwrap(),
        )
        .unwrap();
        std::fs::write(model(name).join("card.md"), &studied.card).unwrap();
    }
    let committed = std::fs::read(model(name).join(format!("{name}.skw"))).unwrap();
    assert!(
        studied.bundle.unwrap() == committed,
        "{name}.skw is not what its configuration gives"
    );
}

#[test]
fn diabetes_is_as_good_as_scikit_learns() {
    held_to("diabetes", Measure::Rmse);
}

#[test]
fn wine_is_as_good_as_scikit_learns() {
    held_to("wine", Measure::LogLoss);
}

/// The same formula on the same rows gives the same numbers, to what two optimisers leave open.
#[test]
fn an_elastic_net_is_scikit_learns_elastic_net() {
    let (studied, reference) = studied("diabetes");
    let ours = (studied.report.candidates.iter())
        .find(|one| {
            one.candidate.feature_set == "all"
                && one.candidate.parameters.described() == "penalty 0.1, L1 share 0.5"
        })
        .unwrap();
    let theirs = numbers(&reference["models"]["linear"], "rmse");
    for (ours, theirs) in ours.folds.iter().zip(theirs) {
        assert!(
            (ours[0] - theirs).abs() < 1e-3 * theirs,
            "{} beside {theirs}",
            ours[0]
        );
    }
}

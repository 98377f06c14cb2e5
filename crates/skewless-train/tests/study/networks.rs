//! Small networks in a study: beside scikit-learn's on the committed tables, served as measured, the same bytes always.

use std::path::Path;

use serde_json::Value;
use skewless_core::{Bundle, Predictor};
use skewless_train::study::StudyOptions;

use crate::project::{BY_TIME, Project, binary, regression, rows, table};

const NETWORK: &str = "[[experiment.model]]\nkind = \"mlp\"\nfeature_sets = [\"all\"]\nhidden = [[16]]\nepochs = [30]\n\
    learning_rate = [0.01]\nl2 = [0.01]\nbatch = 32\n";

/// The configuration with a network as the only family.
fn alone(config: &str) -> String {
    let (head, _) = config.split_once("[[experiment.model]]").unwrap();
    format!("{head}{NETWORK}")
}

/// The mean over the folds is no worse than scikit-learn's by the spread of scikit-learn's own folds.
#[test]
fn networks_are_as_good_as_scikit_learns() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(home.join("tests/references/families.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    for (name, measure, place) in [("wine", "log_loss", 0), ("diabetes", "rmse", 0)] {
        let folder = home.join("../../models").join(name);
        let config = std::fs::read_to_string(folder.join("skewless.toml")).unwrap();
        let config = alone(&config).replace(
            &format!("data/{name}.csv"),
            folder.join(format!("data/{name}.csv")).to_str().unwrap(),
        );
        let report = Project::new(&config).run().unwrap().report;
        let ours: Vec<f64> = (report.candidates[0].folds.iter())
            .map(|fold| fold[place])
            .collect();
        let folds = &reference["networks"][name]["models"]["mlp"]["folds"];
        let theirs: Vec<f64> = (folds.as_array().unwrap().iter())
            .map(|fold| fold[measure].as_f64().unwrap())
            .collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let centre = mean(&theirs);
        let squares = theirs.iter().map(|value| (value - centre).powi(2));
        let spread = (squares.sum::<f64>() / 4.0).sqrt();
        assert!(
            mean(&ours) < centre + spread,
            "{name}: {ours:?} beside {theirs:?}"
        );
    }
}

#[test]
fn a_network_wins_and_is_the_same_on_any_threads() {
    for config in [alone(&binary(BY_TIME)), alone(&regression(BY_TIME))] {
        let project = Project::new(&config);
        let one = project.run().unwrap();
        // Quantising costs something, and not much.
        let test = &one.report.test;
        assert_eq!(test.before_int8.len(), test.measures.len());
        let pairs = test.measures.iter().zip(&test.before_int8);
        let mut lost =
            pairs.map(|(int8, floats)| (int8.estimate.value - floats).abs() / floats.abs());
        assert!(lost.clone().any(|lost| lost > 0.0) && lost.all(|lost| lost < 0.05));
        assert!(one.card.contains("before int8"));
        let options = StudyOptions {
            threads: 2,
            ..StudyOptions::default()
        };
        let bytes = one.bundle.unwrap();
        assert!(Some(&bytes) == project.run_with(&options).unwrap().bundle.as_ref());
        let bundle = Bundle::from_bytes(&bytes).unwrap();
        let predictor = Predictor::new(&bundle).unwrap();
        predictor.check_golden(&bundle.golden().unwrap()).unwrap();
        assert!(one.card.contains("mlp") && one.card.contains("int8 network"));
    }
}

/// Rows of the test become absurd: no measure of validation and nothing fitted moves.
#[test]
fn a_network_never_sees_the_rows_that_are_held_out() {
    let config = alone(&binary(BY_TIME));
    let clean = rows(1_200);
    let mut poisoned = clean.clone();
    for row in poisoned.iter_mut().filter(|row| row.day >= 90) {
        row.distance = 1e6 + row.id as f64;
        row.rain = Some(999_999);
    }
    let fitted = |rows: &[crate::project::Delivery]| {
        let table = table(rows, "", |_| String::new());
        let report = Project::with_table(&config, &table).run().unwrap().report;
        report.candidates[0].folds.clone()
    };
    assert_eq!(fitted(&clean), fitted(&poisoned));
}

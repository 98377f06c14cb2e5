//! What a network learns, what quantisation leaves of it, and what is refused.

use skewless_core::output::Task;
use skewless_core::pipeline::FeatureRows;
use skewless_core::plan::{EngineScratch, decode};

use super::*;
use crate::random::Random;

fn rows(task: Task, classes: usize, features: Vec<f64>, truth: Vec<f64>) -> TrainingRows {
    let width = features.len() / truth.len();
    TrainingRows {
        features: FeatureRows {
            width,
            values: features,
            errors: Vec::new(),
        },
        columns: (0..width).map(|column| format!("c{column}")).collect(),
        truth,
        task,
        classes,
        levels: Vec::new(),
    }
}

fn parameters(hidden: &[usize]) -> MlpParameters {
    MlpParameters {
        hidden: hidden.to_vec(),
        epochs: 60,
        learning_rate: 0.01,
        l2: 0.0,
        batch: 32,
        patience: None,
    }
}

/// Two numbers from −1 to 1; the truth is whether their signs differ.
fn exclusive_or() -> TrainingRows {
    let mut random = Random::new(3, 9);
    let features: Vec<f64> = (0..1_200).map(|_| 2.0 * random.unit() - 1.0).collect();
    let truth = (features.chunks(2))
        .map(|pair| if pair[0] * pair[1] < 0.0 { 1.0 } else { 0.0 })
        .collect();
    rows(Task::Binary, 2, features, truth)
}

fn scores(model: &Model, features: &[f64]) -> Vec<f64> {
    let engine = decode(&model.encode().unwrap()).unwrap();
    let count = features.len() / engine.inputs();
    let mut raw = vec![0.0; count * engine.outputs()];
    engine
        .score(features, &mut EngineScratch::default(), &mut raw)
        .unwrap();
    raw
}

fn accuracy(model: &Model, rows: &TrainingRows) -> f64 {
    let scores = scores(model, &rows.features.values);
    let right = scores.iter().zip(&rows.truth);
    let right = right.filter(|(score, truth)| (**score > 0.0) == (**truth > 0.5));
    right.count() as f64 / rows.truth.len() as f64
}

#[test]
fn it_learns_what_no_line_can() {
    let rows = exclusive_or();
    let network = fit(&rows, &parameters(&[16]), 7).unwrap();
    let network = accuracy(&network.quantised().unwrap(), &rows);
    assert!(network > 0.95, "{network}");
    let line = toml::from_str("kind = \"linear\"").unwrap();
    let (line, _) = super::super::expand(&line, 0).unwrap();
    let line = super::super::fit(&line[0], &rows, 7, 1).unwrap();
    let line = accuracy(&line.model, &rows);
    assert!(line < 0.65, "{line}");
}

#[test]
fn a_seed_fixes_the_bytes_and_another_seed_gives_others() {
    let rows = exclusive_or();
    let bytes = |seed| {
        let floats = fit(&rows, &parameters(&[8, 4]), seed).unwrap();
        floats.quantised().unwrap().encode().unwrap()
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

/// The label's mean and deviation are in the last layer, and a step of the output is a 255th of its range.
#[test]
fn a_regression_answers_in_the_labels_own_unit() {
    let mut random = Random::new(3, 9);
    let features: Vec<f64> = (0..1_000).map(|_| 2.0 * random.unit() - 1.0).collect();
    let truth: Vec<f64> = (features.chunks(2))
        .map(|pair| 500.0 + 200.0 * pair[0].abs() - 100.0 * pair[1])
        .collect();
    let rows = rows(Task::Regression, 0, features, truth);
    let floats = fit(&rows, &parameters(&[16]), 7).unwrap();
    let found = scores(&floats.quantised().unwrap(), &rows.features.values);
    let float = FloatNetwork::dense(&floats.layers).unwrap();
    let float = float.run(&rows.features.values).unwrap();
    let error = |found: &[f64], due: &[f64]| {
        let squares = found.iter().zip(due).map(|(a, b)| (a - b) * (a - b));
        (squares.sum::<f64>() / due.len() as f64).sqrt()
    };
    assert!(
        error(&float, &rows.truth) < 15.0,
        "{}",
        error(&float, &rows.truth)
    );
    assert!(error(&found, &float) < 5.0, "{}", error(&found, &float));
}

#[test]
fn raising_moves_every_score_by_a_level() {
    let rows = exclusive_or();
    let mut floats = fit(&rows, &parameters(&[8]), 7).unwrap();
    let before = scores(&floats.quantised().unwrap(), &rows.features.values);
    floats.raise(1.5);
    let after = scores(&floats.quantised().unwrap(), &rows.features.values);
    let moved = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before);
    let mean = moved.sum::<f64>() / before.len() as f64;
    assert!((mean - 1.5).abs() < 0.05, "{mean}");
}

#[test]
fn features_that_are_missing_or_not_scaled_are_refused() {
    let refused = |features: Vec<f64>| {
        let rows = rows(Task::Binary, 2, features, vec![0.0, 1.0, 1.0]);
        let error = fit(&rows, &parameters(&[2]), 7).err().unwrap();
        assert_eq!(error.code(), "train.mlp");
        error.to_string()
    };
    assert!(refused(vec![f64::NAN, 1.0, 2.0]).contains("impute"));
    let years = refused(vec![2012.0, 0.0, 2013.0, 1.0, 2014.0, 0.0]);
    assert!(
        years.contains("`c0`") && years.contains("standardize"),
        "{years}"
    );
    // A column that never moves is no fault.
    let still = rows(
        Task::Binary,
        2,
        vec![0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
        vec![0.0, 1.0, 1.0],
    );
    fit(&still, &parameters(&[2]), 7)
        .unwrap()
        .quantised()
        .unwrap();
}

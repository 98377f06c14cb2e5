//! Logistic and multinomial regression with an elastic net: accelerated proximal gradient steps.
//!
//! FISTA (Beck and Teboulle 2009) with backtracking, and a restart wherever momentum leads uphill (O'Donoghue and Candès
//! 2015). The smooth part is the mean loss; the proximal step takes both penalties, so that weights are 0 and not nearly
//! so. Own code, because `linfa-logistic` has no L1 part. Every sum has one order, and exponentials are `libm`'s.

use skewless_core::Result;
use skewless_core::output::Task;

use super::config::LinearParameters;
use super::linear::failed;
use super::{TrainingRows, class};

/// Steps that count as one of `max_iterations`: an L-BFGS step, which the other losses take, is worth many.
const STEPS: u32 = 25;
/// Greatest derivative that is left, of features with a deviation of 1.
const TOLERANCE: f64 = 1e-9;
/// What rounding may make of a loss.
const ROUNDING: f64 = 1e-13;
/// A class without a training row is as unlikely as scores can say without being infinite.
const UNSEEN: f64 = -50.0;

/// Weights (outputs × inputs, row-major) and intercepts.
///
/// # Errors
/// `train.linear` where there is one class alone.
pub(super) fn fit(
    rows: &TrainingRows,
    parameters: &LinearParameters,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let labels: Vec<usize> = rows.truth.iter().map(|&truth| class(truth)).collect();
    let present: Vec<usize> = (0..rows.classes)
        .filter(|label| labels.contains(label))
        .collect();
    if present.len() < 2 {
        return Err(failed("all training rows have one label".to_owned()));
    }
    let is_binary = rows.task == Task::Binary;
    let outputs = if is_binary { 1 } else { present.len() };
    let place = |label: &usize| present.binary_search(label).unwrap_or_default();
    let columns = Columns::of(rows);
    let problem = Problem {
        width: rows.features.width,
        outputs,
        values: columns.scaled(&rows.features.values),
        labels: labels.iter().map(place).collect(),
        l1: columns.penalty(parameters.penalty * parameters.l1_ratio, 1),
        l2: columns.penalty(parameters.penalty * (1.0 - parameters.l1_ratio), 2),
    };
    let mut start = vec![0.0; (problem.width + 1) * outputs];
    let level = rows.level(0..labels.len());
    let free = start.iter_mut().skip(problem.width * outputs);
    let kept = (level.iter().enumerate()).filter(|(label, _)| is_binary || present.contains(label));
    free.zip(kept).for_each(|(free, (_, level))| *free = *level);
    let found = problem.minimise(start, parameters.max_iterations.saturating_mul(STEPS));
    let (weights, intercepts) = columns.unscaled(&found, outputs);
    if is_binary {
        return Ok((weights, intercepts));
    }
    let mean = intercepts.iter().sum::<f64>() / outputs as f64;
    let mut all = (
        vec![0.0; rows.classes * problem.width],
        vec![UNSEEN; rows.classes],
    );
    for (place, &label) in present.iter().enumerate() {
        let (from, to) = (place * problem.width, label * problem.width);
        all.0[to..to + problem.width].copy_from_slice(&weights[from..from + problem.width]);
        // Scores are told apart by their differences alone.
        all.1[label] = intercepts[place] - mean;
    }
    Ok(all)
}

/// Means and deviations. The steps are taken where every column has a mean of 0 and a deviation of 1; the free intercept
/// takes the means up, and each column's penalty its deviation, so that the objective is that of the columns as they are.
struct Columns {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Columns {
    fn of(rows: &TrainingRows) -> Self {
        let width = rows.features.width;
        let count = rows.truth.len() as f64;
        let mut means = vec![0.0; width];
        for row in rows.features.values.chunks_exact(width.max(1)) {
            means
                .iter_mut()
                .zip(row)
                .for_each(|(mean, value)| *mean += value);
        }
        means.iter_mut().for_each(|mean| *mean /= count);
        let mut squares = vec![0.0; width];
        for row in rows.features.values.chunks_exact(width.max(1)) {
            for ((square, value), mean) in squares.iter_mut().zip(row).zip(&means) {
                *square += (value - mean) * (value - mean);
            }
        }
        let deviation = |square: f64| match (square / count).sqrt() {
            deviation if deviation > 0.0 => deviation,
            _ => 1.0,
        };
        Self {
            means,
            deviations: squares.into_iter().map(deviation).collect(),
        }
    }

    fn scaled(&self, values: &[f64]) -> Vec<f64> {
        let columns = self.means.iter().zip(&self.deviations).cycle();
        let values = values.iter().zip(columns);
        values
            .map(|(value, (mean, deviation))| (value - mean) / deviation)
            .collect()
    }

    /// The penalty of each column's scaled weight: w = v / deviation.
    fn penalty(&self, penalty: f64, power: u8) -> Vec<f64> {
        let of = |deviation: &f64| (0..power).fold(penalty, |penalty, _| penalty / deviation);
        self.deviations.iter().map(of).collect()
    }

    /// Weights (outputs × inputs) and intercepts of the columns as they are.
    fn unscaled(&self, found: &[f64], outputs: usize) -> (Vec<f64>, Vec<f64>) {
        let width = self.means.len();
        let mut weights = Vec::with_capacity(width * outputs);
        let mut intercepts = found[width * outputs..].to_vec();
        for (output, intercept) in intercepts.iter_mut().enumerate() {
            for (column, (mean, deviation)) in self.means.iter().zip(&self.deviations).enumerate() {
                let weight = found[column * outputs + output] / deviation;
                *intercept -= weight * mean;
                weights.push(weight);
            }
        }
        (weights, intercepts)
    }
}

/// Parameters stand input by input, each with a weight for every output; the intercepts last.
struct Problem {
    width: usize,
    /// 1: one logit of two classes. Else a logit a class.
    outputs: usize,
    /// n × width, row-major.
    values: Vec<f64>,
    labels: Vec<usize>,
    l1: Vec<f64>,
    l2: Vec<f64>,
}

impl Problem {
    fn minimise(&self, start: Vec<f64>, steps: u32) -> Vec<f64> {
        let mut found = start;
        let mut ahead = found.clone();
        let mut gradient = vec![0.0; found.len()];
        let (mut momentum, mut step) = (1.0_f64, 4.0_f64);
        for _ in 0..steps {
            let loss = self.loss(&ahead, &mut gradient);
            let next = loop {
                let next = self.proximal(&ahead, &gradient, step);
                let (mut along, mut square) = (0.0, 0.0);
                for ((next, ahead), slope) in next.iter().zip(&ahead).zip(&gradient) {
                    along += slope * (next - ahead);
                    square += (next - ahead) * (next - ahead);
                }
                let bound = loss + along + square / (2.0 * step) + ROUNDING * (1.0 + loss);
                // A loss that is no number lets the step through; the caller refuses the weights.
                let is_above = self.loss_alone(&next) > bound;
                if !is_above || step < f64::EPSILON {
                    break next;
                }
                step /= 2.0;
            };
            let (mut left, mut uphill) = (0.0_f64, 0.0);
            for ((next, ahead), before) in next.iter().zip(&ahead).zip(&found) {
                left = left.max((next - ahead).abs() / step);
                uphill += (ahead - next) * (next - before);
            }
            let after = match uphill > 0.0 {
                true => 1.0,
                false => (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0,
            };
            let carried = if uphill > 0.0 {
                0.0
            } else {
                (momentum - 1.0) / after
            };
            for ((ahead, next), before) in ahead.iter_mut().zip(&next).zip(&found) {
                *ahead = next + carried * (next - before);
            }
            (found, momentum) = (next, after);
            if left <= TOLERANCE {
                break;
            }
        }
        found
    }

    /// A gradient step, then the least of both penalties and the way back to it.
    fn proximal(&self, from: &[f64], gradient: &[f64], step: f64) -> Vec<f64> {
        let mut next: Vec<f64> = (from.iter().zip(gradient))
            .map(|(from, slope)| from - step * slope)
            .collect();
        let columns = next.chunks_exact_mut(self.outputs);
        // The intercepts stand behind the last penalty.
        for ((weights, l1), l2) in columns.zip(&self.l1).zip(&self.l2) {
            for weight in weights {
                let shrunk = (weight.abs() - step * l1).max(0.0) / (1.0 + step * l2);
                *weight = if *weight < 0.0 { -shrunk } else { shrunk };
            }
        }
        next
    }

    fn loss_alone(&self, at: &[f64]) -> f64 {
        self.each(at, |_, _| ())
    }

    /// The mean loss, and its derivatives.
    fn loss(&self, at: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let loss = self.each(at, |row, slopes| {
            let (weights, intercepts) = gradient.split_at_mut(self.width * self.outputs);
            for (&value, sums) in row.iter().zip(weights.chunks_exact_mut(self.outputs)) {
                for (sum, slope) in sums.iter_mut().zip(slopes) {
                    *sum += value * slope;
                }
            }
            for (sum, slope) in intercepts.iter_mut().zip(slopes) {
                *sum += slope;
            }
        });
        let count = self.labels.len() as f64;
        gradient.iter_mut().for_each(|slope| *slope /= count);
        loss
    }

    /// Calls `see` with every row and the derivatives of its loss by the scores; gives the mean loss.
    fn each(&self, at: &[f64], mut see: impl FnMut(&[f64], &[f64])) -> f64 {
        let (weights, intercepts) = at.split_at(self.width * self.outputs);
        let mut scores = vec![0.0; self.outputs];
        let mut total = 0.0;
        for (place, &label) in self.labels.iter().enumerate() {
            let row = &self.values[place * self.width..(place + 1) * self.width];
            scores.copy_from_slice(intercepts);
            for (&value, weights) in row.iter().zip(weights.chunks_exact(self.outputs)) {
                for (score, weight) in scores.iter_mut().zip(weights) {
                    *score += value * weight;
                }
            }
            total += match self.outputs {
                1 => logistic(&mut scores[0], label),
                _ => softmax(&mut scores, label),
            };
            see(row, &scores);
        }
        total / self.labels.len() as f64
    }
}

/// The loss; the score becomes its derivative.
fn logistic(score: &mut f64, label: usize) -> f64 {
    let margin = if label == 1 { *score } else { -*score };
    let tail = libm::exp(-margin.abs());
    let wrong = match margin >= 0.0 {
        true => tail / (1.0 + tail),
        false => 1.0 / (1.0 + tail),
    };
    *score = if label == 1 { -wrong } else { wrong };
    (-margin).max(0.0) + libm::log1p(tail)
}

/// The loss; the scores become its derivatives.
fn softmax(scores: &mut [f64], label: usize) -> f64 {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let due = scores[label];
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::exp(*score - greatest);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
    scores[label] -= 1.0;
    greatest + libm::log(sum) - due
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;
    use skewless_core::pipeline::FeatureRows;

    use super::*;

    /// All wines; the truth of two classes is whether it is the second cultivar.
    fn wines(task: Task) -> TrainingRows {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/wine/data/wine.csv");
        let text = std::fs::read_to_string(path).unwrap();
        let (mut values, mut truth) = (Vec::new(), Vec::new());
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (label, numbers) = cells[1..].split_last().unwrap();
            values.extend(numbers.iter().map(|cell| cell.parse::<f64>().unwrap()));
            let cultivar = label.strip_prefix("cultivar_").unwrap();
            let place = cultivar.parse::<f64>().unwrap() - 1.0;
            truth.push(match task {
                Task::Binary => f64::from(u8::from(place == 1.0)),
                _ => place,
            });
        }
        TrainingRows {
            features: FeatureRows {
                width: values.len() / truth.len(),
                values,
                errors: Vec::new(),
            },
            columns: Vec::new(),
            truth,
            task,
            classes: if task == Task::Binary { 2 } else { 3 },
            levels: Vec::new(),
        }
    }

    fn standardized(mut rows: TrainingRows) -> TrainingRows {
        rows.features.values = Columns::of(&rows).scaled(&rows.features.values);
        rows
    }

    fn parameters(penalty: f64, l1_ratio: f64) -> LinearParameters {
        LinearParameters {
            penalty,
            l1_ratio,
            max_iterations: 10_000,
        }
    }

    #[test]
    fn weights_are_scikit_learns() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/families.json");
        let text = std::fs::read_to_string(path).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        for case in reference["elastic_nets"].as_array().unwrap() {
            let task = match case["labels"].as_str().unwrap() {
                "binary" => Task::Binary,
                _ => Task::Multiclass,
            };
            let number = |key: &str| case[key].as_f64().unwrap();
            let numbers = |value: &Value| -> Vec<f64> {
                let values = value.as_array().unwrap();
                values.iter().map(|value| value.as_f64().unwrap()).collect()
            };
            let parameters = parameters(number("penalty"), number("l1_ratio"));
            let (weights, intercept) = fit(&standardized(wines(task)), &parameters).unwrap();
            let due: Vec<f64> = (case["weights"].as_array().unwrap().iter())
                .flat_map(numbers)
                .collect();
            assert_eq!(weights.len(), due.len());
            for (ours, theirs) in weights.iter().zip(&due) {
                assert!(
                    (ours - theirs).abs() < 1e-5,
                    "{parameters:?}: {ours}, {theirs}"
                );
                assert_eq!(*ours == 0.0, *theirs == 0.0, "{parameters:?}");
            }
            let theirs = numbers(&case["intercept"]);
            let mean = match task {
                Task::Binary => 0.0,
                _ => theirs.iter().sum::<f64>() / theirs.len() as f64,
            };
            for (ours, theirs) in intercept.iter().zip(&theirs) {
                assert!((ours - (theirs - mean)).abs() < 1e-5, "{ours}, {theirs}");
            }
        }
    }

    /// At the least of a convex objective 0 is a subgradient: of columns as they are, far from scaled.
    #[test]
    fn no_weight_can_be_moved_for_the_better() {
        for task in [Task::Binary, Task::Multiclass] {
            let rows = wines(task);
            let parameters = parameters(0.05, 0.7);
            let (weights, intercept) = fit(&rows, &parameters).unwrap();
            let (width, outputs) = (rows.features.width, rows.outputs());
            let mut slopes = vec![0.0; outputs * (width + 1)];
            for (row, &truth) in rows.features.values.chunks(width).zip(&rows.truth) {
                let score = |output: usize| {
                    let own = &weights[output * width..(output + 1) * width];
                    let sum: f64 = own.iter().zip(row).map(|(w, x)| w * x).sum();
                    intercept[output] + sum
                };
                let mut scores: Vec<f64> = (0..outputs).map(score).collect();
                match task {
                    Task::Binary => logistic(&mut scores[0], class(truth)),
                    _ => softmax(&mut scores, class(truth)),
                };
                for (output, slope) in scores.iter().enumerate() {
                    let slope = slope / rows.truth.len() as f64;
                    for (column, x) in row.iter().enumerate() {
                        slopes[output * width + column] += slope * x;
                    }
                    slopes[outputs * width + output] += slope;
                }
            }
            let (l1, l2) = (0.05 * 0.7, 0.05 * (1.0 - 0.7));
            let columns = Columns::of(&rows);
            for (place, &weight) in weights.iter().enumerate() {
                let slope = slopes[place] + l2 * weight;
                let left = match weight == 0.0 {
                    true => (slope.abs() - l1).max(0.0),
                    false => (slope + l1 * weight.signum()).abs(),
                };
                let scaled = left / columns.deviations[place % width].max(1.0);
                assert!(scaled < 1e-7, "{task:?} {place}: {weight} {slope}");
            }
            assert!(
                slopes[outputs * width..]
                    .iter()
                    .all(|slope| slope.abs() < 1e-7)
            );
            let zeros = weights.iter().filter(|weight| **weight == 0.0).count();
            assert!(zeros > 0 && zeros < weights.len(), "{zeros}");
        }
    }

    #[test]
    fn a_class_without_a_row_is_unlikely_and_one_alone_is_refused() {
        let mut rows = standardized(wines(Task::Multiclass));
        rows.classes = 4;
        let (weights, intercept) = fit(&rows, &parameters(0.1, 0.5)).unwrap();
        assert_eq!(
            (weights.len(), intercept[3]),
            (4 * rows.features.width, UNSEEN)
        );
        rows.truth.fill(1.0);
        let error = fit(&rows, &parameters(0.1, 0.5)).unwrap_err();
        assert_eq!(error.code(), "train.linear");
    }
}

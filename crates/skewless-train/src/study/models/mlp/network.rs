//! Dense layers with their loss and its gradient, row by row.

use std::ops::Range;

use crate::random::Random;
use crate::study::models::class;

/// What a row's raw scores cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Loss {
    /// Half the squared error.
    Squared,
    /// Of one logit; the truth is 0 or 1.
    Logistic,
    /// Of a logit a class; the truth is the class.
    Softmax,
}

/// Where a layer stands among the parameters.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Inputs × outputs, row-major.
    pub(super) weights: Range<usize>,
    pub(super) bias: Range<usize>,
    outputs: usize,
}

/// A network, its parameters side by side.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) parameters: Vec<f64>,
    parts: Vec<Part>,
    loss: Loss,
}

/// Room for what layers give and for the loss's derivatives by it.
pub(super) struct Scratch {
    values: Vec<Vec<f64>>,
    slopes: Vec<Vec<f64>>,
}

impl Network {
    /// Layers of these sizes, the inputs' first. Weights are drawn evenly from ±√(6 / inputs) (He et al. 2015); biases are
    /// 0 but for the last, which are `level`.
    #[expect(clippy::cast_precision_loss, reason = "widths of layers")]
    pub(super) fn new(sizes: &[usize], loss: Loss, level: &[f64], random: &mut Random) -> Self {
        let (mut parameters, mut parts) = (Vec::new(), Vec::new());
        for pair in sizes.windows(2) {
            let (inputs, outputs) = (pair[0], pair[1]);
            let bound = (6.0 / inputs as f64).sqrt();
            let start = parameters.len();
            let middle = start + inputs * outputs;
            parameters.extend((start..middle).map(|_| (2.0 * random.unit() - 1.0) * bound));
            parameters.resize(middle + outputs, 0.0);
            parts.push(Part {
                weights: start..middle,
                bias: middle..middle + outputs,
                outputs,
            });
        }
        let mut network = Self {
            parameters,
            parts,
            loss,
        };
        if let Some(last) = network.parts.last() {
            network.parameters[last.bias.clone()].copy_from_slice(level);
        }
        network
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn scratch(&self) -> Scratch {
        let widths = || self.parts.iter().map(|part| vec![0.0; part.outputs]);
        Scratch {
            values: widths().collect(),
            slopes: widths().collect(),
        }
    }

    /// The loss of a row.
    pub(super) fn loss(&self, row: &[f64], truth: f64, scratch: &mut Scratch) -> f64 {
        self.forward(row, scratch);
        self.judge(truth, scratch)
    }

    /// The loss of a row; its derivatives by the parameters are added to `gradient`.
    pub(super) fn descend(
        &self,
        row: &[f64],
        truth: f64,
        scratch: &mut Scratch,
        gradient: &mut [f64],
    ) -> f64 {
        let loss = self.loss(row, truth, scratch);
        for (place, part) in self.parts.iter().enumerate().rev() {
            let (before, from) = scratch.slopes.split_at_mut(place);
            let slopes = &from[0];
            add(&mut gradient[part.bias.clone()], 1.0, slopes);
            let inputs = match place {
                0 => row,
                _ => &scratch.values[place - 1],
            };
            let rows = gradient[part.weights.clone()].chunks_exact_mut(part.outputs);
            for (&input, row) in inputs.iter().zip(rows) {
                add(row, input, slopes);
            }
            if let Some(before) = before.last_mut() {
                let weights = self.parameters[part.weights.clone()].chunks_exact(part.outputs);
                for ((slope, &input), weights) in before.iter_mut().zip(inputs).zip(weights) {
                    *slope = match input > 0.0 {
                        true => dot(weights, slopes),
                        false => 0.0,
                    };
                }
            }
        }
        loss
    }

    fn forward(&self, row: &[f64], scratch: &mut Scratch) {
        for (place, part) in self.parts.iter().enumerate() {
            let (before, from) = scratch.values.split_at_mut(place);
            let sums = &mut from[0];
            sums.copy_from_slice(&self.parameters[part.bias.clone()]);
            let inputs = before.last().map_or(row, Vec::as_slice);
            let weights = self.parameters[part.weights.clone()].chunks_exact(part.outputs);
            for (&input, weights) in inputs.iter().zip(weights) {
                add(sums, input, weights);
            }
            if place + 1 < self.parts.len() {
                sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
            }
        }
    }

    /// The loss of the last layer's scores, with its derivatives by them.
    fn judge(&self, truth: f64, scratch: &mut Scratch) -> f64 {
        let (Some(scores), Some(slopes)) = (scratch.values.last(), scratch.slopes.last_mut())
        else {
            return 0.0;
        };
        match self.loss {
            Loss::Squared => {
                slopes[0] = scores[0] - truth;
                slopes[0] * slopes[0] / 2.0
            }
            Loss::Logistic => {
                let score = scores[0];
                let tail = libm::exp(-score.abs());
                let positive = match score >= 0.0 {
                    true => 1.0 / (1.0 + tail),
                    false => tail / (1.0 + tail),
                };
                slopes[0] = positive - truth;
                score.max(0.0) - truth * score + libm::log1p(tail)
            }
            Loss::Softmax => {
                let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for (slope, score) in slopes.iter_mut().zip(scores) {
                    *slope = libm::exp(score - greatest);
                }
                let sum: f64 = slopes.iter().sum();
                slopes.iter_mut().for_each(|slope| *slope /= sum);
                let due = class(truth);
                slopes[due] -= 1.0;
                greatest + libm::log(sum) - scores[due]
            }
        }
    }
}

/// `sums + factor · values`; zeros, of which one-hot columns and relus are full, cost nothing.
fn add(sums: &mut [f64], factor: f64, values: &[f64]) {
    if factor != 0.0 {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += factor * value;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every derivative beside the slope of the loss over a small step to both sides.
    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let row = [0.4, -1.3, 0.0];
        for (loss, level, truth) in [
            (Loss::Squared, &[0.1][..], 1.7),
            (Loss::Logistic, &[-0.3], 1.0),
            (Loss::Logistic, &[0.3], 0.0),
            (Loss::Softmax, &[0.2, 0.0, -0.5], 2.0),
        ] {
            let sizes = [3, 5, 4, level.len()];
            let mut network = Network::new(&sizes, loss, level, &mut Random::new(11, 0));
            let mut scratch = network.scratch();
            let mut gradient = vec![0.0; network.parameters.len()];
            let found = network.descend(&row, truth, &mut scratch, &mut gradient);
            assert_eq!(found, network.loss(&row, truth, &mut scratch));
            assert!(gradient.iter().filter(|slope| **slope != 0.0).count() > 10);
            for (place, &due) in gradient.iter().enumerate() {
                let kept = network.parameters[place];
                let mut at = |value: f64| {
                    network.parameters[place] = value;
                    network.loss(&row, truth, &mut scratch)
                };
                let step = 1e-5;
                let slope = (at(kept + step) - at(kept - step)) / (2.0 * step);
                at(kept);
                assert!(
                    (slope - due).abs() < 1e-8 * (1.0 + slope.abs()),
                    "{loss:?} {place}: {slope} beside {due}"
                );
            }
        }
    }

    #[test]
    fn a_loss_far_from_the_truth_is_finite() {
        let network = |loss, level: &[f64]| {
            Network::new(&[1, level.len()], loss, level, &mut Random::new(1, 0))
        };
        for (network, truth) in [
            (network(Loss::Logistic, &[900.0]), 0.0),
            (network(Loss::Logistic, &[-900.0]), 1.0),
            (network(Loss::Softmax, &[900.0, 0.0]), 1.0),
        ] {
            let loss = network.loss(&[0.0], truth, &mut network.scratch());
            assert!((loss - 900.0).abs() < 1e-9, "{loss}");
        }
    }
}

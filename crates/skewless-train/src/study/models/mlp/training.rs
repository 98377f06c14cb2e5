//! Adam over shuffled batches, and when it ends.

use super::network::{Loss, Network};
use crate::random::Random;
use crate::study::models::config::MlpParameters;

/// Streams of the seed: first weights, order of rows, rows kept aside.
const WEIGHTS: u64 = 4;
const ORDER: u64 = 5;
const ASIDE: u64 = 6;
/// With `patience`, one of so many training rows is kept aside.
const ASIDE_OF: usize = 10;
/// Adam's moments and its guard (Kingma and Ba 2015).
const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const GUARD: f64 = 1e-8;

/// Rows with what is true of them.
pub(super) struct Examples<'a> {
    pub(super) width: usize,
    /// n × width, row-major.
    pub(super) features: &'a [f64],
    pub(super) truth: &'a [f64],
}

impl Examples<'_> {
    fn row(&self, row: usize) -> (&[f64], f64) {
        let start = row * self.width;
        (&self.features[start..start + self.width], self.truth[row])
    }
}

/// Minimises mean loss + l2 / 2 · |w|², biases free, from scores of `level` on. With `patience`, a tenth of the rows is kept
/// aside, and the epoch with their least loss is what counts.
pub(super) fn train(
    examples: &Examples<'_>,
    loss: Loss,
    level: &[f64],
    parameters: &MlpParameters,
    seed: u64,
) -> Network {
    let mut sizes = vec![examples.width];
    sizes.extend(&parameters.hidden);
    sizes.push(level.len());
    let network = Network::new(&sizes, loss, level, &mut Random::new(seed, WEIGHTS));
    let (mut rows, aside) = kept_aside(examples.truth.len(), parameters.patience, seed);
    let mut best = (f64::INFINITY, network.clone());
    let mut adam = Adam::new(network, parameters);
    let mut order = Random::new(seed, ORDER);
    let mut waited = 0;
    for _ in 0..parameters.epochs {
        order.shuffle(&mut rows);
        for batch in rows.chunks(parameters.batch) {
            adam.step(examples, batch);
        }
        let Some(patience) = parameters.patience.filter(|_| !aside.is_empty()) else {
            continue;
        };
        let found = adam.mean_loss(examples, &aside);
        if found < best.0 {
            best = (found, adam.network.clone());
            waited = 0;
        } else {
            waited += 1;
            if waited >= patience {
                break;
            }
        }
    }
    match aside.is_empty() {
        true => adam.network,
        false => best.1,
    }
}

/// Rows to learn from and rows to stop by, both in their order.
fn kept_aside(count: usize, patience: Option<usize>, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..count).collect();
    if patience.is_none() {
        return (rows, Vec::new());
    }
    Random::new(seed, ASIDE).shuffle(&mut rows);
    let mut aside = rows.split_off(count - count / ASIDE_OF);
    rows.sort_unstable();
    aside.sort_unstable();
    (rows, aside)
}

struct Adam {
    network: Network,
    rate: f64,
    l2: f64,
    gradient: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    /// What the moments still lack of their means' weight.
    lacks: (f64, f64),
}

impl Adam {
    fn new(network: Network, parameters: &MlpParameters) -> Self {
        let zeros = vec![0.0; network.parameters.len()];
        Self {
            network,
            rate: parameters.learning_rate,
            l2: parameters.l2,
            gradient: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
            lacks: (1.0, 1.0),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "rows of a batch")]
    fn step(&mut self, examples: &Examples<'_>, batch: &[usize]) {
        self.gradient.fill(0.0);
        let mut scratch = self.network.scratch();
        for &row in batch {
            let (features, truth) = examples.row(row);
            (self.network).descend(features, truth, &mut scratch, &mut self.gradient);
        }
        let count = batch.len() as f64;
        self.gradient.iter_mut().for_each(|slope| *slope /= count);
        for part in self.network.parts() {
            let weights = self.network.parameters[part.weights.clone()].iter();
            let slopes = self.gradient[part.weights.clone()].iter_mut();
            slopes
                .zip(weights)
                .for_each(|(slope, weight)| *slope += self.l2 * weight);
        }
        self.lacks = (self.lacks.0 * FIRST, self.lacks.1 * SECOND);
        let whole = (1.0 - self.lacks.0, 1.0 - self.lacks.1);
        let moments = self.first.iter_mut().zip(&mut self.second);
        let places = self.network.parameters.iter_mut().zip(&self.gradient);
        for ((parameter, slope), (first, second)) in places.zip(moments) {
            *first = FIRST * *first + (1.0 - FIRST) * slope;
            *second = SECOND * *second + (1.0 - SECOND) * slope * slope;
            *parameter -= self.rate * (*first / whole.0) / ((*second / whole.1).sqrt() + GUARD);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    fn mean_loss(&self, examples: &Examples<'_>, rows: &[usize]) -> f64 {
        let mut scratch = self.network.scratch();
        let losses = rows.iter().map(|&row| {
            let (features, truth) = examples.row(row);
            self.network.loss(features, truth, &mut scratch)
        });
        losses.sum::<f64>() / rows.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_kept_aside_where_it_is_asked_for() {
        assert_eq!(kept_aside(5, None, 1), ((0..5).collect(), vec![]));
        let (rows, aside) = kept_aside(100, Some(3), 1);
        assert_eq!((rows.len(), aside.len()), (90, 10));
        assert!(rows.is_sorted() && aside.iter().all(|row| !rows.contains(row)));
        assert_eq!(kept_aside(100, Some(3), 1).1, aside);
        assert!(kept_aside(9, Some(3), 1).1.is_empty());
    }

    /// Noise teaches nothing: training ends after the patience, and what the rows aside liked best is kept.
    #[test]
    fn patience_ends_what_only_learns_by_heart() {
        let mut random = Random::new(5, 9);
        let features: Vec<f64> = (0..400).map(|_| 2.0 * random.unit() - 1.0).collect();
        let truth: Vec<f64> = (0..100).map(|_| random.below(2) as f64).collect();
        let examples = Examples {
            width: 4,
            features: &features,
            truth: &truth,
        };
        let parameters = |epochs, patience| MlpParameters {
            hidden: vec![32],
            epochs,
            learning_rate: 0.02,
            l2: 0.0,
            batch: 10,
            patience,
        };
        let fit = |parameters: &MlpParameters| {
            train(&examples, Loss::Logistic, &[0.0], parameters, 3).parameters
        };
        let stopped = fit(&parameters(300, Some(5)));
        assert_eq!(stopped, fit(&parameters(600, Some(5))));
        assert_ne!(stopped, fit(&parameters(300, None)));
    }
}

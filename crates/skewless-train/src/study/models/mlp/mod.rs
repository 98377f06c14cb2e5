//! A small network of dense layers with relus between them, fitted here in f64 and served in int8.
//!
//! Own code, because results must be the same bytes on any number of threads and any target: every sum has one order, one
//! thread computes a fit, and exponentials and logarithms are `libm`'s. What leaves this module is the int8 network of the
//! project's own quantiser, whose ranges come from training rows, so that whoever measures a candidate measures what is
//! served.

mod network;
mod training;

use skewless_compile::{Calibration, DenseLayer, FloatNetwork};
use skewless_core::output::Task;
use skewless_core::plan::Model;
use skewless_core::{Error, Result};

use super::config::{MlpGrid, MlpParameters};
use super::{Parameters, TrainingRows};
use crate::recipe::fault;
use network::{Loss, Network};
use training::{Examples, train};

/// Most rows that ranges are read from; of more, evenly spaced ones.
const CALIBRATION_ROWS: usize = 4_096;
/// Widest hidden layer.
const WIDEST: usize = 4_096;
/// Steps of an int8.
const STEPS: f64 = 255.0;

/// # Errors
/// `train.config` for a value out of range.
pub(super) fn expand(grid: &MlpGrid) -> Result<Vec<Parameters>> {
    let is_layers = |hidden: &Vec<usize>| {
        !hidden.is_empty() && hidden.iter().all(|width| (1..=WIDEST).contains(width))
    };
    let possible = grid.hidden.iter().all(is_layers)
        && grid.epochs.iter().all(|&epochs| epochs > 0)
        && (grid.learning_rate.iter()).all(|rate| rate.is_finite() && *rate > 0.0)
        && grid.l2.iter().all(|l2| l2.is_finite() && *l2 >= 0.0)
        && grid.batch > 0
        && grid.patience != Some(0);
    if !possible {
        return fault(
            "experiment.model",
            "mlp: at least one hidden layer of 1 to 4096 units, epochs, batch and patience at least 1, rates above 0, \
             penalties finite and not negative",
        );
    }
    let mut all = Vec::new();
    for hidden in &grid.hidden {
        for &epochs in &grid.epochs {
            for &learning_rate in &grid.learning_rate {
                for &l2 in &grid.l2 {
                    all.push(Parameters::Mlp(MlpParameters {
                        hidden: hidden.clone(),
                        epochs,
                        learning_rate,
                        l2,
                        batch: grid.batch,
                        patience: grid.patience,
                    }));
                }
            }
        }
    }
    Ok(all)
}

/// The float network that was fitted, with the training rows that ranges are read from.
pub(crate) struct Floats {
    layers: Vec<DenseLayer>,
    /// n × width, row-major.
    rows: Vec<f64>,
}

impl Floats {
    /// The int8 network that is served.
    ///
    /// # Errors
    /// Those of [`FloatNetwork::quantize`].
    pub(crate) fn quantised(&self) -> Result<Model> {
        let network = FloatNetwork::dense(&self.layers)?;
        Ok(network.quantize(&self.rows, Calibration::LeastError)?.model)
    }

    /// The raw scores of feature rows, row-major.
    ///
    /// # Errors
    /// Those of [`FloatNetwork::run`].
    pub(crate) fn run(&self, rows: &[f64]) -> Result<Vec<f64>> {
        FloatNetwork::dense(&self.layers)?.run(rows)
    }

    /// Adds to every raw score.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "layers are quantised from f32"
    )]
    pub(crate) fn raise(&mut self, level: f64) {
        if let Some(last) = self.layers.last_mut() {
            for bias in &mut last.bias {
                *bias += level as f32;
            }
        }
    }
}

/// # Errors
/// `train.mlp` for a feature that is missing, not finite or not scaled, and for a fit that is not finite.
pub(super) fn fit(rows: &TrainingRows, parameters: &MlpParameters, seed: u64) -> Result<Floats> {
    check(rows)?;
    let scale = Scale::of(rows);
    let truth: Vec<f64> = (rows.truth.iter())
        .map(|truth| (truth - scale.mean) / scale.deviation)
        .collect();
    let loss = match rows.task {
        Task::Binary => Loss::Logistic,
        Task::Multiclass => Loss::Softmax,
        Task::Regression | Task::Vector => Loss::Squared,
    };
    let examples = Examples {
        width: rows.features.width,
        features: &rows.features.values,
        truth: &truth,
    };
    let level = match loss {
        Loss::Squared => vec![0.0],
        _ => rows.level(0..rows.truth.len()),
    };
    let network = train(&examples, loss, &level, parameters, seed);
    let layers = layers(&network, &scale);
    let finite = |layer: &DenseLayer| {
        let mut values = layer.weights.iter().chain(&layer.bias);
        values.all(|value| value.is_finite())
    };
    if !layers.iter().all(finite) {
        return Err(failed(
            "a weight is not finite; take a smaller learning rate".to_owned(),
        ));
    }
    Ok(Floats {
        layers,
        rows: calibration(rows),
    })
}

fn failed(error: String) -> Error {
    Error::input(
        "train.mlp",
        format!("the network cannot be fitted: {error}"),
    )
}

/// All columns share the 255 steps of the network's input: one that varies by less than a step would be lost.
fn check(rows: &TrainingRows) -> Result<()> {
    let (width, values) = (rows.features.width, &rows.features.values);
    if width == 0 || rows.truth.is_empty() {
        return Err(failed("there is no feature or no row".to_owned()));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(failed(
            "a feature is missing or not finite; impute it".to_owned(),
        ));
    }
    let mut spans = vec![(f64::INFINITY, f64::NEG_INFINITY); width];
    for row in values.chunks_exact(width) {
        for ((low, high), &value) in spans.iter_mut().zip(row) {
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
    let low = spans.iter().fold(0.0_f64, |low, span| low.min(span.0));
    let high = spans.iter().fold(0.0_f64, |high, span| high.max(span.1));
    let step = (high - low) / STEPS;
    let lost = |(low, high): &(f64, f64)| *high > *low && high - low < step;
    match spans.iter().position(lost) {
        None => Ok(()),
        Some(place) => {
            let name = rows.columns.get(place).map_or("", String::as_str);
            Err(failed(format!(
                "column `{name}` varies by less than a step of the int8 input, which reaches from {low} to {high}; scale \
                 the features, as by `standardize`"
            )))
        }
    }
}

/// Mean and deviation of a regression's label; the network learns what is left.
struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    fn of(rows: &TrainingRows) -> Self {
        if rows.task != Task::Regression {
            return Self {
                mean: 0.0,
                deviation: 1.0,
            };
        }
        let count = rows.truth.len() as f64;
        let mean = rows.truth.iter().sum::<f64>() / count;
        let squares = rows
            .truth
            .iter()
            .map(|truth| (truth - mean) * (truth - mean));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        Self {
            mean,
            deviation: if deviation > 0.0 { deviation } else { 1.0 },
        }
    }
}

/// The layers in f32, the label's scale in the last.
#[expect(
    clippy::cast_possible_truncation,
    reason = "layers are quantised from f32"
)]
fn layers(network: &Network, scale: &Scale) -> Vec<DenseLayer> {
    let count = network.parts().len();
    let layer = |(place, part): (usize, &network::Part)| {
        let (mean, deviation) = match place + 1 == count {
            true => (scale.mean, scale.deviation),
            false => (0.0, 1.0),
        };
        let weights = network.parameters[part.weights.clone()].iter();
        let bias = network.parameters[part.bias.clone()].iter();
        DenseLayer {
            weights: weights.map(|weight| (weight * deviation) as f32).collect(),
            bias: bias.map(|bias| (bias * deviation + mean) as f32).collect(),
        }
    };
    network.parts().iter().enumerate().map(layer).collect()
}

/// The rows that ranges are read from.
fn calibration(rows: &TrainingRows) -> Vec<f64> {
    let count = rows.truth.len();
    let kept = count.min(CALIBRATION_ROWS);
    let row = |place: usize| {
        let start = place * count / kept * rows.features.width;
        &rows.features.values[start..start + rows.features.width]
    };
    (0..kept).flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests;

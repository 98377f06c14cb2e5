//! From raw scores to a prediction: link, calibration, labels, threshold, and what is promised around it.

mod calibration;
mod conformal;

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::columns::index_to_code;
use crate::error::{Error, Result};
use crate::pipeline::Index;

pub use calibration::Calibration;
pub use conformal::{Conformal, ConformalMethod, Group, falling};

/// What a model predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A number.
    #[default]
    Regression,
    /// One of two labels.
    Binary,
    /// One of several labels.
    Multiclass,
    /// Several numbers: a reconstruction, an embedding, a state.
    Vector,
}

impl Task {
    /// The task that JSON parts call so.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "regression" => Self::Regression,
            "binary" => Self::Binary,
            "multiclass" => Self::Multiclass,
            "vector" => Self::Vector,
            _ => return None,
        })
    }
}

/// How raw scores become values. All functions are computed in f64 with the portable `libm`, never the platform's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The raw score.
    #[default]
    Identity,
    /// 1 / (1 + exp(−scale · raw)).
    Logistic {
        /// Steepness; 1 but for LightGBM models trained with another `sigmoid`.
        scale: f64,
    },
    /// exp(raw_k − max) / Σ exp(raw_j − max), summed in the outputs' order.
    Softmax,
    /// exp(raw).
    Exp,
    /// Per output 1 / (1 + exp(−scale · raw)), not normalised (LightGBM `multiclassova`).
    OneVsRest {
        /// Steepness.
        scale: f64,
    },
    /// sign(raw) · raw² (LightGBM `reg_sqrt`).
    SquareSigned,
    /// 1 where raw > 0, else 0 (XGBoost `binary:hinge`).
    Step,
    /// ln(1 + exp(raw)) (LightGBM `cross_entropy_lambda`).
    Softplus,
    /// As softmax, but a score within 1e-7 of 0 takes no part in the sum and stays near 0 (ONNX `SOFTMAX_ZERO`).
    SoftmaxZero,
    /// offset − 2^(−raw / divisor): scikit-learn's isolation forest, whose raw score is the sum of its trees' depths.
    Isolation {
        /// Average depth of a tree of the training sample's size, times the number of trees; above 0.
        divisor: f64,
        /// What outliers are below.
        offset: f64,
    },
    /// √2 · erf⁻¹(2 · raw − 1) for 0 < raw < 1 by Winitzki's approximation with ONNX Runtime's constants (ONNX
    /// `PROBIT`); NaN outside.
    Probit,
}

/// Everything between raw scores and a prediction: the part `output.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// What the prediction is called.
    pub name: String,
    /// What is predicted.
    pub task: Task,
    /// From raw scores to values.
    pub link: Link,
    /// `[negative, positive]` for binary, one a class for multi-class, empty for regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Binary: the positive label is given from this probability on. Absent: 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Binary: what becomes of the link's probability before it is compared with the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Intervals of a regression, or sets of labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformal: Option<Conformal>,
    /// Unit of a regression's value, or of a vector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Vector: how many numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

/// The answer for one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// The model's scores before the link; of a regression by [`ConformalMethod::Cqr`] the value's, the lower and the upper
    /// quantile.
    pub raw: Vec<f64>,
    /// Binary: the probability of the positive label. Multi-class: one probability a label. Regression: the value.
    /// Vector: its numbers.
    pub values: Vec<f64>,
    /// Index of the label; absent for regression and vectors.
    pub label: Option<u32>,
    /// The conformal quantile of the row's group, infinite where nothing is promised; absent without [`Output::conformal`].
    #[serde(skip)]
    pub quantile: Option<f64>,
}

/// The label code of a row without a label.
pub const NO_LABEL: u32 = u32::MAX;

impl Output {
    /// Checks that the parts fit each other and `outputs` raw scores.
    ///
    /// # Errors
    /// `bundle.invalid_output`.
    pub fn check(&self, outputs: usize) -> Result<()> {
        let fits = match (self.task, self.link) {
            (
                Task::Regression,
                Link::Identity
                | Link::Exp
                | Link::SquareSigned
                | Link::Softplus
                | Link::Probit
                | Link::Isolation { .. }
                | Link::Logistic { .. },
            ) => self.labels.is_empty() && outputs == self.numbers(),
            (Task::Binary, Link::Logistic { .. } | Link::Identity | Link::Step) => {
                self.labels.len() == 2 && outputs == 1
            }
            (
                Task::Multiclass,
                Link::Softmax | Link::SoftmaxZero | Link::OneVsRest { .. } | Link::Identity,
            ) => self.labels.len() == outputs && outputs > 1,
            (Task::Vector, Link::Identity | Link::Probit) => {
                self.labels.is_empty() && self.length == Some(outputs) && outputs > 0
            }
            _ => false,
        };
        let fits = fits && (self.task == Task::Vector || self.length.is_none());
        let scale = match self.link {
            Link::Logistic { scale } | Link::OneVsRest { scale } => scale,
            Link::Isolation { divisor, offset } if divisor > 0.0 => divisor + offset,
            Link::Isolation { .. } => f64::NAN,
            _ => 1.0,
        };
        let threshold_fits = self
            .threshold
            .is_none_or(|threshold| self.task == Task::Binary && (0.0..=1.0).contains(&threshold));
        let promise_fits = self.conformal.as_ref().is_none_or(|conformal| {
            let of_numbers = conformal.method.is_of_numbers();
            let fits = match self.task {
                // The link is not for quantiles.
                Task::Regression => {
                    of_numbers && (self.numbers() == 1 || matches!(self.link, Link::Identity))
                }
                Task::Binary | Task::Multiclass => !of_numbers,
                Task::Vector => false,
            };
            fits && conformal.is_sound()
        });
        let calibration = self.calibration.as_ref();
        let calibration_fits =
            calibration.is_none_or(|table| self.task == Task::Binary && table.is_sound());
        let fits = fits && promise_fits && calibration_fits;
        if fits && threshold_fits && scale.is_finite() && Index::all_distinct(&self.labels) {
            return Ok(());
        }
        Err(Error::bundle(
            "bundle.invalid_output",
            format!(
                "output.json: task, link, {} labels, threshold, calibration, conformal or length do not fit {outputs} raw scores, or a label stands twice",
                self.labels.len(),
            ),
        )
        .with_field("output.json"))
    }

    /// Values per row.
    pub fn values(&self) -> usize {
        match self.task {
            Task::Regression | Task::Binary => 1,
            Task::Multiclass => self.labels.len(),
            Task::Vector => self.length.unwrap_or_default(),
        }
    }

    /// Raw scores of a regression: the value's, and where intervals are made from quantiles the lower and the upper one's.
    fn numbers(&self) -> usize {
        let conformal = self.conformal.as_ref();
        conformal.map_or(1, |conformal| conformal.method.raw_scores())
    }

    /// Turns one row's raw scores into its values, and gives the label's index or [`NO_LABEL`].
    pub fn apply(&self, raw: &[f64], values: &mut [f64]) -> u32 {
        self.link.apply(raw, values);
        match self.task {
            Task::Regression | Task::Vector => NO_LABEL,
            Task::Binary => {
                if let (Some(table), Some(value)) = (&self.calibration, values.first_mut()) {
                    *value = table.at(*value);
                }
                let threshold = self.threshold.unwrap_or(0.5);
                u32::from(
                    values
                        .first()
                        .is_some_and(|&probability| probability >= threshold),
                )
            }
            Task::Multiclass => index_to_code(first_greatest(values)),
        }
    }

    /// The name of a label.
    pub fn label_name(&self, label: u32) -> Option<&str> {
        self.labels.get(label as usize).map(String::as_str)
    }

    /// The interval around a regression's value; none without a promise.
    pub fn interval(&self, prediction: &Prediction) -> Option<[f64; 2]> {
        let quantile = prediction
            .quantile
            .filter(|quantile| quantile.is_finite())?;
        let value = prediction.values.first()?;
        let method = self.conformal.as_ref()?.method;
        Some(method.interval(*value, &prediction.raw, quantile))
    }

    /// Which labels are in the set of a prediction, by the labels' order; none without [`Output::conformal`].
    pub fn set(&self, prediction: &Prediction) -> Option<Vec<bool>> {
        let method = self.conformal.as_ref()?.method;
        let quantile = prediction.quantile?;
        Some(match (self.task, prediction.values.first()) {
            (Task::Binary, Some(probability)) => {
                method.set(&[1.0 - probability, *probability], quantile)
            }
            _ => method.set(&prediction.values, quantile),
        })
    }

    /// The prediction as every door writes it.
    ///
    /// Binary: `{"label", "probability", "raw"}`; multi-class: `{"label", "probabilities": {label: p}, "raw": [..]}`;
    /// regression: `{"raw", "value"}`; vector: `{"values": [..]}`. With [`Output::conformal`] a regression has an
    /// `"interval": [low, high]` first, which is `null` where nothing is promised, and a classification a `"set"` of labels
    /// last. Members, and labels among the probabilities, stand in the order of their names.
    pub fn prediction_json<'a>(&'a self, prediction: &'a Prediction) -> PredictionJson<'a> {
        PredictionJson {
            output: self,
            prediction,
        }
    }
}

/// A prediction that is written as JSON, by [`serde`] or by its `Display`.
#[derive(Clone, Copy, Debug)]
pub struct PredictionJson<'a> {
    output: &'a Output,
    prediction: &'a Prediction,
}

impl Serialize for PredictionJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self { output, prediction } = self;
        let label = prediction.label.and_then(|label| output.label_name(label));
        let value = prediction.values.first();
        let mut map = serializer.serialize_map(None)?;
        match output.task {
            Task::Regression => {
                if output.conformal.is_some() {
                    map.serialize_entry("interval", &output.interval(prediction))?;
                }
                map.serialize_entry("raw", &prediction.raw.first())?;
                map.serialize_entry("value", &value)?;
            }
            Task::Binary => {
                map.serialize_entry("label", &label)?;
                map.serialize_entry("probability", &value)?;
                map.serialize_entry("raw", &prediction.raw.first())?;
            }
            Task::Multiclass => {
                let labels = output.labels.iter().map(String::as_str);
                let probabilities: BTreeMap<&str, f64> =
                    labels.zip(prediction.values.iter().copied()).collect();
                map.serialize_entry("label", &label)?;
                map.serialize_entry("probabilities", &probabilities)?;
                map.serialize_entry("raw", &prediction.raw)?;
            }
            Task::Vector => map.serialize_entry("values", &prediction.values)?,
        }
        if let Some(set) = output.set(prediction).filter(|_| label.is_some()) {
            let labels = output.labels.iter().zip(set);
            let set: Vec<&String> = labels
                .filter_map(|(label, is_in)| is_in.then_some(label))
                .collect();
            map.serialize_entry("set", &set)?;
        }
        map.end()
    }
}

impl fmt::Display for PredictionJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Link {
    fn apply(self, raw: &[f64], values: &mut [f64]) {
        match self {
            Self::Softmax => softmax(raw, values),
            Self::SoftmaxZero => softmax_zero(raw, values),
            _ => raw
                .iter()
                .zip(values)
                .for_each(|(&raw, value)| *value = self.of_one(raw)),
        }
    }

    fn of_one(self, raw: f64) -> f64 {
        match self {
            Self::Identity | Self::Softmax | Self::SoftmaxZero => raw,
            Self::Logistic { scale } | Self::OneVsRest { scale } => {
                1.0 / (1.0 + libm::exp(-scale * raw))
            }
            Self::Exp => libm::exp(raw),
            Self::SquareSigned => raw.signum() * raw * raw,
            Self::Step => f64::from(u8::from(raw > 0.0)),
            // From about 709 on exp overflows, and the 1 has long ceased to count.
            Self::Softplus if raw > 700.0 => raw,
            Self::Softplus => libm::log1p(libm::exp(raw)),
            Self::Isolation { divisor, offset } => offset - libm::exp2(-raw / divisor),
            Self::Probit => std::f64::consts::SQRT_2 * inverse_error(2.0 * raw - 1.0),
        }
    }
}

fn softmax(raw: &[f64], values: &mut [f64]) {
    let greatest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (&raw, value) in raw.iter().zip(values.iter_mut()) {
        *value = libm::exp(raw - greatest);
        sum += *value;
    }
    values.iter_mut().for_each(|value| *value /= sum);
}

fn softmax_zero(raw: &[f64], values: &mut [f64]) {
    let greatest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (&raw, value) in raw.iter().zip(values.iter_mut()) {
        if raw.abs() > 1e-7 {
            *value = libm::exp(raw - greatest);
            sum += *value;
        } else {
            *value = raw * libm::exp(-greatest);
        }
    }
    // Where every score is 0 there is nothing to share.
    let sum = if sum > 0.0 { sum } else { 1.0 };
    values.iter_mut().for_each(|value| *value /= sum);
}

/// erf⁻¹(x) after S. Winitzki, "A handy approximation for the error function and its inverse" (2008), with a = 0.147.
fn inverse_error(x: f64) -> f64 {
    let logarithm = libm::log((1.0 - x) * (1.0 + x));
    // 2 / (π · 0.147) with the π of ONNX Runtime, 3.14159.
    let v = 4.330_750_408_828_252 + 0.5 * logarithm;
    let root = libm::sqrt(libm::sqrt(v * v - logarithm / 0.147) - v);
    if x < 0.0 { -root } else { root }
}

/// The index of the greatest value; of equal ones the first.
fn first_greatest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if values.get(best).is_some_and(|greatest| value > greatest) {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(task: Task, link: Link, labels: &[&str]) -> Output {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Output {
            name: "y".into(),
            task,
            link,
            labels,
            ..Output::default()
        }
    }

    #[test]
    fn links_give_what_their_formulas_say() {
        let cases = [
            (Link::Identity, 2.5, 2.5),
            (Link::Logistic { scale: 1.0 }, 0.0, 0.5),
            (Link::Logistic { scale: 2.0 }, -800.0, 0.0),
            (Link::Exp, 1.0, std::f64::consts::E),
            (Link::SquareSigned, -3.0, -9.0),
            (Link::Step, 0.0, 0.0),
            (Link::Step, 1e-30, 1.0),
            (Link::Softplus, 0.0, std::f64::consts::LN_2),
            (Link::Softplus, 1e3, 1e3),
            (Link::Probit, 0.5, 0.0),
            (
                Link::Isolation {
                    divisor: 4.0,
                    offset: 0.5,
                },
                8.0,
                0.25,
            ),
        ];
        for (link, raw, expected) in cases {
            assert!((link.of_one(raw) - expected).abs() < 1e-15, "{link:?}");
        }
    }

    #[test]
    fn scores_of_zero_take_no_part_in_softmax_zero() {
        let output = output(Task::Multiclass, Link::SoftmaxZero, &["a", "b", "c"]);
        let mut values = [0.0; 3];
        assert_eq!(output.apply(&[2.0, 0.0, 2.0], &mut values), 0);
        assert_eq!(values, [0.5, 0.0, 0.5]);
        output.apply(&[0.0; 3], &mut values);
        assert_eq!(values, [0.0; 3]);
    }

    #[test]
    fn ties_take_the_first_label_and_large_scores_do_not_overflow() {
        let output = output(Task::Multiclass, Link::Softmax, &["a", "b", "c"]);
        let mut values = [0.0; 3];
        assert_eq!(output.apply(&[1e6, 1e6, -1e6], &mut values), 0);
        assert_eq!(values, [0.5, 0.5, 0.0]);
    }

    #[test]
    fn the_threshold_belongs_to_the_positive_label() {
        let mut output = output(Task::Binary, Link::Logistic { scale: 1.0 }, &["no", "yes"]);
        let mut values = [0.0];
        assert_eq!(output.apply(&[0.0], &mut values), 1);
        output.threshold = Some(0.6);
        assert_eq!(output.apply(&[0.0], &mut values), 0);
    }

    /// With an interval from quantiles.
    fn promising(output: Output) -> Output {
        let promise = r#"{"method": "cqr", "confidence": 0.8, "quantile": 0.5}"#;
        Output {
            conformal: Some(serde_json::from_str(promise).unwrap()),
            ..output
        }
    }

    #[test]
    fn quantiles_stand_beside_the_value() {
        let regression = promising(output(Task::Regression, Link::Identity, &[]));
        regression.check(3).unwrap();
        let binary = Link::Logistic { scale: 1.0 };
        for (refused, outputs) in [
            (promising(output(Task::Regression, Link::Exp, &[])), 3),
            (promising(output(Task::Binary, binary, &["no", "yes"])), 1),
            (output(Task::Regression, Link::Identity, &[]), 3),
        ] {
            let error = refused.check(outputs).unwrap_err();
            assert_eq!(error.code(), "bundle.invalid_output", "{refused:?}");
        }
        let (raw, mut values) = (vec![7.0, 4.0, 1.0], [0.0]);
        assert_eq!(regression.apply(&raw, &mut values), NO_LABEL);
        let prediction = Prediction {
            raw,
            values: values.to_vec(),
            label: None,
            quantile: Some(0.5),
        };
        let json = regression.prediction_json(&prediction).to_string();
        assert_eq!(json, r#"{"interval":[0.5,4.5],"raw":7.0,"value":7.0}"#);
    }

    #[test]
    fn contradictions_are_refused() {
        let wrong = [
            output(Task::Binary, Link::Logistic { scale: 1.0 }, &["no"]),
            output(Task::Binary, Link::Softmax, &["no", "yes"]),
            output(
                Task::Binary,
                Link::Logistic { scale: f64::NAN },
                &["no", "yes"],
            ),
            output(Task::Binary, Link::Logistic { scale: 1.0 }, &["yes", "yes"]),
            output(Task::Regression, Link::Identity, &["a"]),
            output(Task::Multiclass, Link::Softmax, &["a", "b"]),
            // Quantiles are raw scores of their own.
            promising(output(Task::Regression, Link::Identity, &[])),
        ];
        for output in wrong {
            assert_eq!(
                output.check(1).unwrap_err().code(),
                "bundle.invalid_output",
                "{output:?}"
            );
        }
    }
}

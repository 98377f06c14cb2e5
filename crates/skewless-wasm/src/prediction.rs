//! Predictions as JavaScript receives them; the shapes are those of every door's JSON.

use js_sys::{Float64Array, Uint32Array};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use skewless_core::{BatchPrediction as ScoredBatch, Output, Prediction as Scored, Task};
use tsify::Tsify;
use wasm_bindgen::JsValue;

use crate::error::ErrorData;
use crate::object;

/// The answer of a model that chooses between two labels.
#[derive(Serialize, Tsify)]
pub struct BinaryPrediction<'a> {
    /// The label chosen by the model's threshold.
    #[tsify(type = "string")]
    pub label: Option<&'a str>,
    /// The probability of the second label, between 0 and 1.
    #[tsify(type = "number")]
    pub probability: Option<f64>,
    /// The score before the link function.
    #[tsify(type = "number")]
    pub raw: Option<f64>,
}

/// The answer of a model that chooses among several labels.
#[derive(Serialize, Tsify)]
pub struct MulticlassPrediction<'a> {
    /// The most probable label.
    #[tsify(type = "string")]
    pub label: Option<&'a str>,
    /// The probability of each label.
    #[tsify(type = "Record<string, number>")]
    pub probabilities: ByLabel<'a>,
    /// The scores before the link function, in the order of the labels.
    pub raw: &'a [f64],
}

/// The answer of a model that estimates a number.
#[derive(Serialize, Tsify)]
pub struct RegressionPrediction {
    /// The estimate, in the unit of the target.
    #[tsify(type = "number")]
    pub value: Option<f64>,
    /// The score before the link function.
    #[tsify(type = "number")]
    pub raw: Option<f64>,
}

/// The answer of a model that gives several numbers.
#[derive(Serialize, Tsify)]
pub struct VectorPrediction<'a> {
    /// The numbers, in the unit of the target.
    pub values: &'a [f64],
}

/// The answer for one record; `info.task` says which.
#[derive(Serialize, Tsify)]
#[serde(untagged)]
pub enum Prediction<'a> {
    /// Of a model that chooses between two labels.
    Binary(BinaryPrediction<'a>),
    /// Of a model that chooses among several labels.
    Multiclass(MulticlassPrediction<'a>),
    /// Of a model that estimates a number.
    Regression(RegressionPrediction),
    /// Of a model that gives several numbers.
    Vector(VectorPrediction<'a>),
}

/// Values under their labels.
pub struct ByLabel<'a>(&'a [String], &'a [f64]);

impl Serialize for ByLabel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, value) in self.0.iter().zip(self.1) {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
}

/// The object for one prediction.
pub(crate) fn single(output: &Output, prediction: &Scored) -> JsValue {
    object::of(&shaped(output, prediction))
}

fn shaped<'a>(output: &'a Output, prediction: &'a Scored) -> Prediction<'a> {
    let label = prediction.label.and_then(|label| output.label_name(label));
    let raw = prediction.raw.first().copied();
    let value = prediction.values.first().copied();
    match output.task {
        Task::Binary => Prediction::Binary(BinaryPrediction {
            label,
            probability: value,
            raw,
        }),
        Task::Multiclass => Prediction::Multiclass(MulticlassPrediction {
            label,
            probabilities: ByLabel(&output.labels, &prediction.values),
            raw: &prediction.raw,
        }),
        Task::Regression => Prediction::Regression(RegressionPrediction { value, raw }),
        Task::Vector => Prediction::Vector(VectorPrediction {
            values: &prediction.values,
        }),
    }
}

/// The answers for a batch. Rows that could not be answered hold `NaN` and stand in `errors`.
#[derive(Serialize, Tsify)]
pub struct BatchPrediction<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Scores before the link function: row after row, one for each output.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "Float64Array")]
    pub raw: Float64Array,
    /// Row after row: the probability of the second label (binary), of each label (multiclass), or the value.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "Float64Array")]
    pub values: Float64Array,
    /// The index of each row's label in `info.labels`; 4294967295 for none.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "Uint32Array")]
    pub labels: Uint32Array,
    /// The rows that failed, each with its `row`.
    pub errors: Vec<ErrorData<'a>>,
}

/// The object for a batch.
pub(crate) fn batch(prediction: &ScoredBatch) -> JsValue {
    object::of(&BatchPrediction {
        rows: prediction.rows(),
        raw: Float64Array::from(prediction.raw.as_slice()),
        values: Float64Array::from(prediction.values.as_slice()),
        labels: Uint32Array::from(prediction.labels.as_slice()),
        errors: prediction.errors.iter().map(ErrorData::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use skewless_core::Link;

    use super::*;

    #[test]
    fn shapes_are_those_of_every_door() {
        let cases: [(Task, Link, &[&str], &[f64]); 3] = [
            (
                Task::Binary,
                Link::Logistic { scale: 1.0 },
                &["no", "yes"],
                &[-0.7],
            ),
            (
                Task::Multiclass,
                Link::Softmax,
                &["a", "b", "c"],
                &[0.1, 2.5, -1.0],
            ),
            (Task::Regression, Link::Exp, &[], &[0.3]),
        ];
        for (task, link, labels, raw) in cases {
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            let output = Output {
                name: "y".into(),
                task,
                link,
                labels,
                threshold: None,
                unit: None,
                length: None,
            };
            let mut values = vec![0.0; output.values()];
            let label = Some(output.apply(raw, &mut values))
                .filter(|&label| output.label_name(label).is_some());
            let prediction = Scored {
                raw: raw.to_vec(),
                values,
                label,
            };
            let ours = serde_json::to_value(shaped(&output, &prediction)).unwrap();
            assert_eq!(ours, output.prediction_json(&prediction), "{task:?}");
        }
    }
}

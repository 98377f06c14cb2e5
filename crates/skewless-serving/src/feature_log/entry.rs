//! One row of the feature log.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use skewless_core::{Error, Prediction, Record, Result};
use skewless_protocol::{ModelFacts, Service};

use super::LOG_TARGET;
use crate::clock::utc;

/// A row as it was used.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Seconds since 1970-01-01T00:00Z.
    pub(super) time: f64,
    pub(super) facts: Arc<ModelFacts>,
    /// The value of the field that decides what is logged, as JSON text.
    pub(super) key: Option<String>,
    /// The declared inputs that are not personal, as a JSON object.
    pub(super) inputs: String,
    /// The names of the feature row's columns.
    pub(super) names: Arc<[String]>,
    /// The feature row without the columns of tensors; NaN is missing.
    pub(super) features: Vec<f64>,
    pub(super) label: Option<String>,
    pub(super) values: Vec<f64>,
    pub(super) raw: Vec<f64>,
}

/// What an entry takes beside its numbers and texts, roughly.
const OVERHEAD: usize = 160;

impl Entry {
    pub(super) fn new(
        service: &Service,
        record: &Record,
        prediction: &Prediction,
        key: Option<&str>,
        time: f64,
    ) -> Result<Self> {
        let predictor = service.predictor();
        let pipeline = predictor.pipeline();
        let declared = pipeline.declared_inputs().iter();
        let inputs: Record = declared
            .filter(|input| !input.pii)
            .filter_map(|input| Some((input.name.clone(), record.value(&input.name)?.clone())))
            .collect();
        let features = pipeline.without_tensors(&predictor.feature_row(record)?);
        let label = prediction
            .label
            .and_then(|label| predictor.output().label_name(label));
        let (facts, names) = service.shared_facts();
        Ok(Self {
            time,
            facts,
            key: key
                .and_then(|key| record.value(key))
                .map(text)
                .transpose()?,
            inputs: text(&inputs)?,
            names,
            features,
            label: label.map(str::to_owned),
            values: prediction.values.clone(),
            raw: prediction.raw.clone(),
        })
    }

    /// Bytes that it takes in memory, roughly.
    pub(super) fn size(&self) -> usize {
        let numbers = self.features.len() + self.values.len() + self.raw.len();
        OVERHEAD + self.inputs.len() + 8 * numbers
    }

    /// `{"event":"features","time",…,"inputs":{…},"features":{…},"label","values","raw"}`; a missing feature is `null`.
    pub(super) fn write_json(&self, text: &mut Vec<u8>) -> Result<()> {
        let pairs = self.names.iter().zip(&self.features);
        let features: Map<String, Json> = pairs
            .map(|(name, &value)| (name.clone(), json!((!value.is_nan()).then_some(value))))
            .collect();
        let inputs: Json = serde_json::from_str(&self.inputs).map_err(no_json)?;
        let line = json!({
            "event": LOG_TARGET,
            "time": utc(self.time),
            "model": self.facts.name,
            "version": self.facts.version,
            "digest": self.facts.digest,
            "inputs": inputs,
            "features": features,
            "label": self.label,
            "values": self.values,
            "raw": self.raw,
        });
        serde_json::to_writer(text, &line).map_err(no_json)
    }
}

fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(no_json)
}

fn no_json(error: serde_json::Error) -> Error {
    Error::internal("internal.json", "a row of the feature log has no JSON form").with_source(error)
}

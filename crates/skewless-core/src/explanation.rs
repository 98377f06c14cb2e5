//! Explanations: what each feature of a record added to the raw scores.

use serde::Serialize;

use crate::batch::BatchPrediction;
use crate::error::{Error, Result};
use crate::output::Task;
use crate::pipeline::{Cells, RecordCells};
use crate::plan::Contributions;
use crate::predictor::{Predictor, Scratch};
use crate::record::Record;

/// How contributions are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Weight times column: exact.
    Linear,
    /// Path-dependent TreeSHAP: Shapley values of the trees' expectations, where an unknown column goes both ways, by
    /// the shares of training rows.
    TreeShap,
}

impl Method {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::TreeShap => "tree_shap",
        }
    }
}

/// What each feature added to the raw scores of one record.
///
/// Of a regression the value alone is explained, not the quantiles that its interval may be made from. For each output k, `raw[k]` is `base[k]` and the contributions to k of all features, added; but for rounding, whose
/// bound `docs/explain.md` states. The numbers have the same bits on every target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// How contributions were computed.
    pub method: Method,
    /// The raw scores, one an output, as the prediction has them.
    pub raw: Vec<f64>,
    /// What the model says where nothing is known, one value an output.
    pub base: Vec<f64>,
    /// The features that the model sees, in the specification's order.
    pub features: Vec<FeatureContribution>,
}

/// What one feature added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureContribution {
    /// The feature's name.
    pub feature: String,
    /// The inputs that it is made from in the end, in the specification's order.
    pub inputs: Vec<String>,
    /// One value an output: the sum over the feature's columns.
    pub contributions: Vec<f64>,
}

impl Predictor {
    /// Predicts one record and says what each feature added to the raw scores.
    ///
    /// # Errors
    /// `unsupported.explain` where the bundle or its engine cannot say it; the record's first fault, as `input.*`.
    pub fn explain(&self, record: &Record) -> Result<Explanation> {
        let records = std::slice::from_ref(record);
        let pipeline = self.pipeline();
        let refused = pipeline.unknown_fields(records);
        let cells = RecordCells::new(records, pipeline);
        let (mut scratch, mut batch) = (Scratch::default(), BatchPrediction::default());
        let (method, found) = self.explain_cells(&cells, refused, &mut scratch, &mut batch)?;
        let contributions = found.added.chunks_exact(found.base.len().max(1));
        let features =
            (pipeline.seen().zip(contributions)).map(|(seen, contributions)| FeatureContribution {
                feature: seen.name.clone(),
                inputs: pipeline.inputs_behind(&seen.name),
                contributions: contributions.to_vec(),
            });
        Ok(Explanation {
            method,
            features: features.collect(),
            raw: batch.raw,
            base: found.base,
        })
    }

    /// What each feature added to the raw scores of one row of cells, with the faults that the caller found; its
    /// prediction goes to `batch`, with the raw scores that are explained, and is not counted.
    ///
    /// # Errors
    /// As [`Predictor::explain`].
    pub fn explain_cells(
        &self,
        cells: &dyn Cells,
        refused: Vec<Error>,
        scratch: &mut Scratch,
        batch: &mut BatchPrediction,
    ) -> Result<(Method, Contributions)> {
        let engine = self.engine();
        let method = engine.explains()?;
        // A record that is predicted and explained is one record.
        let counter = scratch.counter.take();
        let predicted = self.predict_cells(cells, refused, scratch, batch);
        scratch.counter = counter;
        predicted?;
        if let Some(error) = batch.errors.pop() {
            return Err(error);
        }
        let row = self.feature_row_of_cells(cells)?;
        let columns = self.pipeline().seen().map(|seen| seen.columns);
        // Quantiles beside a value are not explained.
        let outputs = match self.output().task {
            Task::Regression => 1,
            _ => engine.outputs(),
        };
        let mut found = Contributions::new(outputs, columns);
        engine.explain(&row, &mut found)?;
        batch.raw.truncate(outputs);
        Ok((method, found))
    }
}

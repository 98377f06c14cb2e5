//! One fitted model with its features, and how it does on rows it has not seen. The trees and the baseline are arms.

use skewless_core::output::Output;
use skewless_core::pipeline::{FeatureRows, Pipeline};
use skewless_core::plan::{LinearModel, Model};
use skewless_core::spec::FeatureSpec;
use skewless_core::{Error, FittedSpec, Predictor, Result};

use crate::baseline;
use crate::config::BaselineConfig;
use crate::data::Data;
use crate::metrics::Scored;

/// Features fitted on the training rows, and those rows transformed.
pub(crate) struct Prepared {
    pub(crate) spec: FittedSpec,
    pub(crate) pipeline: Pipeline,
    pub(crate) features: FeatureRows,
    pub(crate) positive: Vec<bool>,
}

impl Prepared {
    /// Fits `spec` on `rows` alone.
    ///
    /// # Errors
    /// `spec.*`, and the first faulty row's `input.*` with its row in the data file.
    pub(crate) fn new(spec: &FeatureSpec, data: &Data, rows: &[usize]) -> Result<Self> {
        let columns = data.columns.select(rows);
        let spec = spec
            .fit(&columns, data.lookups.clone())
            .map_err(|error| in_file(error, rows))?;
        let pipeline = Pipeline::new(&spec)?;
        let features = checked(pipeline.transform(&columns, 0..rows.len())?, rows)?;
        Ok(Self {
            spec,
            pipeline,
            features,
            positive: data.labels_of(rows),
        })
    }

    /// Other rows transformed with what was fitted.
    ///
    /// # Errors
    /// The first faulty row's `input.*` with its row in the data file.
    pub(crate) fn transform(&self, data: &Data, rows: &[usize]) -> Result<FeatureRows> {
        checked(
            self.pipeline
                .transform(&data.columns.select(rows), 0..rows.len())?,
            rows,
        )
    }
}

fn checked(mut features: FeatureRows, rows: &[usize]) -> Result<FeatureRows> {
    match features.errors.is_empty() {
        true => Ok(features),
        false => Err(in_file(features.errors.swap_remove(0), rows)),
    }
}

/// The same error with the row counted in the file instead of in the selection.
pub(crate) fn in_file(error: Error, rows: &[usize]) -> Error {
    match error.row().and_then(|row| rows.get(row).copied()) {
        Some(row) => error.with_row(row),
        None => error,
    }
}

/// A fitted model with its features.
pub(crate) struct Arm {
    pub(crate) spec: FittedSpec,
    pub(crate) model: Model,
}

impl Arm {
    /// Fits the baseline on `rows`.
    ///
    /// # Errors
    /// As [`Prepared::new`], and `train.baseline`.
    pub(crate) fn baseline(
        spec: &FeatureSpec,
        config: &BaselineConfig,
        data: &Data,
        rows: &[usize],
    ) -> Result<Self> {
        let prepared = Prepared::new(spec, data, rows)?;
        let model: LinearModel = baseline::fit(prepared.features, &prepared.positive, config)?;
        Ok(Self {
            spec: prepared.spec,
            model: Model::Linear(model),
        })
    }

    /// Predicts `rows` as a door would, and sets the predictions beside what happened.
    ///
    /// # Errors
    /// The first faulty row's `input.*`, and `train.metric_rows`.
    pub(crate) fn scored(
        &self,
        output: Output,
        data: &Data,
        rows: &[usize],
        bins: usize,
    ) -> Result<Scored> {
        let predictor = Predictor::from_parts(&self.spec, &self.model, output)?;
        let mut batch = predictor.predict_columns(&data.columns.select(rows))?;
        match batch.errors.is_empty() {
            true => Scored::new(&batch.values, &data.labels_of(rows), bins),
            false => Err(in_file(batch.errors.swap_remove(0), rows)),
        }
    }
}

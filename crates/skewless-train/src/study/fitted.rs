//! A model with its features, fitted on given rows and on nothing else, and what it predicts for others.

use std::path::Path;

use skewless_core::output::{Conformal, Link, Output, Task};
use skewless_core::pipeline::Pipeline;
use skewless_core::plan::Model;
use skewless_core::{BatchPrediction, Bundle, Error, FittedSpec, Predictor, Result};

use super::calibration::Platt;
use super::confidence::Calibrated;
use super::data::Data;
use super::models::mlp::Floats;
use super::models::{self, Parameters, Trained, TrainingRows};
use super::recipe::{Candidate, Recipe};
use crate::arm::in_file;
use crate::recipe::unreadable;

/// A fitted candidate.
#[expect(clippy::large_enum_variant, reason = "a fit holds one at a time")]
pub(crate) enum Fitted {
    /// Fitted here.
    Here {
        spec: FittedSpec,
        model: Model,
        output: Output,
        /// The network before it was quantised, where the model is one.
        floats: Option<Box<Floats>>,
    },
    /// Packed from elsewhere.
    Elsewhere { bundle: Box<Bundle>, bytes: Vec<u8> },
}

/// The rows given to a fit.
pub(crate) struct Fit<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) data: &'a Data,
    pub(crate) candidate: &'a Candidate,
    pub(crate) rows: &'a [usize],
    /// Levels of the quantiles that are fitted beside the value; those of [`Recipe::levels`], or none.
    pub(crate) levels: &'a [f64],
    pub(crate) threads: usize,
}

impl Fit<'_> {
    /// Fits features and model on the rows.
    ///
    /// # Errors
    /// `spec.*`, the first faulty row's `input.*` with its row in the data file, and what the trainer refuses; for a
    /// bundle from elsewhere `train.unreadable`, `bundle.*` and `train.external`.
    pub(crate) fn run(&self) -> Result<Fitted> {
        if let Parameters::External { bundle } = &self.candidate.parameters {
            return external(self.recipe, &self.recipe.folder.join(bundle));
        }
        let set = self.recipe.set(&self.candidate.feature_set)?;
        let rows = self
            .candidate
            .rows_of((self.data, self.recipe.classes()), self.rows);
        let columns = self.data.columns.select(&rows);
        let spec = set
            .spec
            .fit(&columns, self.data.lookups_of(&set.spec))
            .map_err(|error| in_file(error, &rows))?;
        let pipeline = Pipeline::new(&spec)?;
        self.check_missing(&pipeline)?;
        let mut features = pipeline.transform(&columns, 0..rows.len())?;
        if !features.errors.is_empty() {
            return Err(in_file(features.errors.swap_remove(0), &rows));
        }
        let rows = TrainingRows {
            features,
            columns: pipeline.column_names(),
            truth: self.data.truth_of(&rows),
            task: self.recipe.task(),
            classes: self.recipe.classes(),
            levels: self.levels.to_vec(),
        };
        let Trained { model, floats } = models::fit(
            &self.candidate.parameters,
            &rows,
            self.candidate.seed,
            self.threads,
        )?;
        Ok(Fitted::Here {
            spec,
            model,
            output: match self.levels.is_empty() {
                true => self.recipe.output(),
                false => self.recipe.output_with_quantiles(),
            },
            floats: floats.map(Box::new),
        })
    }
}

impl Fit<'_> {
    /// What may be missing in a record cannot go into a family that takes no missing value, also where no training row lacks
    /// it: the bundle would refuse to open.
    fn check_missing(&self, pipeline: &Pipeline) -> Result<()> {
        let code = match self.candidate.parameters {
            Parameters::Linear(_) => "train.linear",
            Parameters::Mlp(_) => "train.mlp",
            _ => return Ok(()),
        };
        let Some(column) = pipeline.may_be_missing() else {
            return Ok(());
        };
        let message = format!(
            "feature `{column}` of set `{}` may be missing, which a {} model does not take: impute it",
            self.candidate.feature_set,
            self.candidate.parameters.kind()
        );
        Err(Error::input(code, message).with_field(column))
    }
}

fn external(recipe: &Recipe, path: &Path) -> Result<Fitted> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    let bundle = Bundle::from_bytes(&bytes)?;
    let (found, due) = (bundle.output(), recipe.output());
    if found.task != due.task || found.labels != due.labels {
        let message = format!(
            "`{}` predicts something else: its task or its labels are not the configuration's",
            path.display()
        );
        return Err(Error::input("train.external", message));
    }
    Ok(Fitted::Elsewhere {
        bundle: Box::new(bundle),
        bytes,
    })
}

impl Fitted {
    /// Calibrates the probabilities. A bundle from elsewhere stays as it is, which the answer says.
    ///
    /// # Errors
    /// As [`Floats::quantised`].
    pub(crate) fn calibrate(&mut self, calibrated: &Calibrated) -> Result<bool> {
        match (calibrated, &mut *self) {
            (Calibrated::Platt(platt), _) => self.sigmoid(platt),
            (
                Calibrated::Isotonic(table) | Calibrated::VennAbers(table),
                Self::Here { output, .. },
            ) => {
                output.calibration = Some(table.clone());
                Ok(true)
            }
            (_, Self::Elsewhere { .. }) => Ok(false),
        }
    }

    /// Gives the positive label from another probability on; a bundle from elsewhere stays as it is, which the answer says.
    pub(crate) fn decide(&mut self, threshold: f64) -> bool {
        let Self::Here { output, .. } = self else {
            return false;
        };
        output.threshold = Some(threshold);
        true
    }

    /// What a network in floating point gives for `rows`, of which the int8 one is made; none of other models.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub(crate) fn in_floats(&self, data: &Data, rows: &[usize]) -> Result<Option<Vec<f64>>> {
        let Self::Here {
            spec,
            output,
            floats: Some(floats),
            ..
        } = self
        else {
            return Ok(None);
        };
        let pipeline = Pipeline::new(spec)?;
        let features = pipeline.transform(&data.columns.select(rows), 0..rows.len())?;
        let scores = floats.run(&features.values)?;
        let (width, outputs) = (output.values(), scores.len() / rows.len().max(1));
        let mut values = vec![0.0; rows.len() * width];
        for (raw, values) in scores
            .chunks_exact(outputs.max(1))
            .zip(values.chunks_exact_mut(width))
        {
            output.apply(raw, values);
        }
        Ok(Some(values))
    }

    /// Whether it was fitted by this study.
    pub(crate) fn is_from_here(&self) -> bool {
        matches!(self, Self::Here { .. })
    }

    /// The threshold that a binary bundle from elsewhere came with.
    pub(crate) fn threshold(&self) -> Option<f64> {
        match self {
            Self::Elsewhere { bundle, .. } => {
                let output = bundle.output();
                (output.task == Task::Binary).then(|| output.threshold.unwrap_or(0.5))
            }
            Self::Here { .. } => None,
        }
    }

    /// Lets the bundle promise its intervals or sets; one from elsewhere stays as it is.
    pub(crate) fn promise(&mut self, conformal: Conformal) {
        if let Self::Here { output, .. } = self {
            output.conformal = Some(conformal);
        }
    }

    /// Puts a sigmoid over the raw scores: its slope becomes the link's, and intercept over slope joins the model's level. A
    /// network is quantised anew.
    fn sigmoid(&mut self, platt: &Platt) -> Result<bool> {
        let Self::Here {
            model,
            output,
            floats,
            ..
        } = self
        else {
            return Ok(false);
        };
        let added = platt.intercept / platt.slope;
        let level = match (&mut *model, floats) {
            (Model::Trees(trees), _) => trees.base.first_mut(),
            (Model::Linear(linear), _) => linear.intercept.first_mut(),
            (Model::Network(_), Some(floats)) => {
                floats.raise(added);
                *model = floats.quantised()?;
                output.link = Link::Logistic { scale: platt.slope };
                return Ok(true);
            }
            (Model::Network(_), None) => None,
        };
        let Some(level) = level else {
            return Ok(false);
        };
        *level += added;
        output.link = Link::Logistic { scale: platt.slope };
        Ok(true)
    }

    /// The predictor that a door would make of it.
    ///
    /// # Errors
    /// As [`Predictor::from_parts`].
    pub(crate) fn predictor(&self) -> Result<Predictor> {
        match self {
            Self::Here {
                spec,
                model,
                output,
                ..
            } => Predictor::from_parts(spec, model, output.clone()),
            Self::Elsewhere { bundle, .. } => Predictor::new(bundle),
        }
    }

    /// What is predicted for `rows`, none of which fails.
    ///
    /// # Errors
    /// The first faulty row's `input.*` with its row in the data file.
    pub(crate) fn predict(&self, data: &Data, rows: &[usize]) -> Result<BatchPrediction> {
        let predictor = self.predictor()?;
        let mut batch = predictor.predict_columns(&data.columns.select(rows))?;
        match batch.errors.is_empty() {
            true => Ok(batch),
            false => Err(in_file(batch.errors.swap_remove(0), rows)),
        }
    }
}

//! The winner as a bundle: reference profile, golden rows, card and provenance beside it.

use skewless_core::{Bundle, BundleParts, Predictor, Profile, Result, golden};

use super::data::Data;
use super::fitted::Fitted;
use super::folds::Folds;
use super::recipe::{Candidate, Recipe};
use super::report::StudyReport;
use super::{card, provenance};
use crate::run::{GOLDEN_ROWS, golden_candidates};

/// What a bundle is made from, the model aside.
pub(crate) struct Packing<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) data: &'a Data,
    pub(crate) folds: &'a Folds,
    pub(crate) source_date_epoch: Option<i64>,
    pub(crate) winner: &'a Candidate,
}

/// A packed bundle.
pub(crate) struct Packed {
    pub(crate) bundle: Vec<u8>,
    pub(crate) digest: String,
    pub(crate) card: String,
}

impl Packing<'_> {
    /// Packs a model that was fitted here; a bundle from elsewhere stays as it is, its card and its provenance too.
    ///
    /// # Errors
    /// As [`BundleParts::to_bytes`], `train.config` for a date that is none, and `internal.*` where the packed bundle does
    /// not answer its golden rows.
    pub(crate) fn pack(
        &self,
        fitted: Fitted,
        predictor: &Predictor,
        report: &StudyReport,
    ) -> Result<Packed> {
        let (spec, model, output) = match fitted {
            Fitted::Elsewhere { bundle, bytes } => {
                return Ok(Packed {
                    digest: bundle.digest().to_owned(),
                    card: bundle.card().to_owned(),
                    bundle: bytes,
                });
            }
            Fitted::Here {
                spec,
                model,
                output,
                ..
            } => (spec, model, output),
        };
        let training = self.data.columns.select(&self.folds.last);
        let profile = Profile::reference(&spec, &training, &predictor.predict_columns(&training)?)?;
        let candidates = golden_candidates(&self.data.columns, &self.folds.test, predictor);
        let golden = golden::choose(predictor, &candidates, GOLDEN_ROWS)?;
        let card = card::write(self.recipe, report, self.winner, &profile);
        let provenance = provenance::statement(self, report, &model)?;
        let parts = BundleParts {
            name: report.name.clone(),
            version: report.version.clone(),
            features: spec,
            model: model.into(),
            output,
            profile,
            golden,
            card: card.clone(),
            provenance,
        };
        let bytes = parts.to_bytes()?;
        let bundle = Bundle::from_bytes(&bytes)?;
        Predictor::new(&bundle)?.check_golden(&bundle.golden()?)?;
        Ok(Packed {
            digest: bundle.digest().to_owned(),
            bundle: bytes,
            card,
        })
    }
}

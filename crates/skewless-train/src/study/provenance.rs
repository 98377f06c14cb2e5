//! Provenance of a study's bundle: an in-toto statement with a SLSA v1 predicate, as of a bundle without experiments.

use serde_json::{Value, json};
use skewless_core::Result;
use skewless_core::plan::Model;

use super::pack::Packing;
use super::report::StudyReport;
use super::retrain::{KeySplit, seen_until};
use crate::provenance::{Build, date, written};

/// The statement about `model`.
///
/// # Errors
/// `train.config` for a date that is none.
pub(crate) fn statement(
    packing: &Packing<'_>,
    report: &StudyReport,
    model: &Model,
) -> Result<Value> {
    let (winner, model_config) = (packing.winner, &packing.recipe.config.model);
    let build = Build {
        kind: "study/v1",
        configuration: &report.configuration,
        name: &report.name,
        version: &report.version,
        internal: json!({
            "seed": winner.seed,
            "feature_set": winner.feature_set,
            "parameters": written(&winner.parameters),
        }),
        files: &report.files,
        finished: date(&model_config.date, packing.source_date_epoch)?,
    };
    let mut details = json!({
        "skewless_rows": written(&report.steps),
        "skewless_parts": written(&report.parts),
        "skewless_feature_sets": written(&report.feature_sets),
        "skewless_findings": written(&report.findings),
        "skewless_study": {
            "candidates": written(&report.candidates),
            "selection": written(&report.selection),
            "test": written(&report.test),
            "calibration": written(&report.calibration),
            "coverage": written(&report.coverage),
            "slices": written(&report.slices),
        },
    });
    let seen = seen_until(packing.recipe, packing.data, packing.folds)?;
    if let (Value::Object(details), Some(seen)) = (&mut details, seen) {
        details.insert("skewless_seen_until".to_owned(), seen.into());
    }
    let split = KeySplit::of(packing.recipe)?;
    if let (Value::Object(details), Some(split)) = (&mut details, split) {
        details.insert("skewless_split".to_owned(), written(&split));
    }
    if let (Value::Object(details), false) = (&mut details, report.sources.is_empty()) {
        details.insert("skewless_sources".to_owned(), written(&report.sources));
        details.insert("skewless_joins".to_owned(), written(&report.joins));
    }
    build.statement(model, details)
}

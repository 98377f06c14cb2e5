//! Provenance of a study's bundle: an in-toto statement with a SLSA v1 predicate, as of a bundle without experiments.

use serde_json::{Value, json};
use skewless_core::Result;
use skewless_core::digest::sha256_hex;
use skewless_core::plan::Model;

use super::pack::Packing;
use super::report::StudyReport;
use crate::provenance::{date, written};

/// The statement about `model`.
///
/// # Errors
/// `train.config` for a date that is none.
pub(crate) fn statement(
    packing: &Packing<'_>,
    report: &StudyReport,
    model: &Model,
) -> Result<Value> {
    let dependencies = report.files.iter().map(|file| {
        json!({
            "uri": file.path,
            "digest": { "sha256": file.sha256 },
            "annotations": { "rows": file.rows, "bytes": file.bytes },
        })
    });
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "model.plan", "digest": { "sha256": sha256_hex(&model.encode()?) } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": concat!(env!("CARGO_PKG_REPOSITORY"), "/study/v1"),
                "externalParameters": {
                    "configuration": { "digest": { "sha256": report.configuration } },
                    "model": report.name,
                    "version": report.version,
                },
                "internalParameters": {
                    "seed": packing.winner.seed,
                    "feature_set": packing.winner.feature_set,
                    "parameters": written(&packing.winner.parameters),
                },
                "resolvedDependencies": dependencies.collect::<Vec<_>>(),
            },
            "runDetails": {
                "builder": {
                    "id": concat!(env!("CARGO_PKG_REPOSITORY"), "/skewless-train"),
                    "version": { "skewless-train": env!("CARGO_PKG_VERSION") },
                },
                "metadata": { "finishedOn": date(&packing.recipe.config.model.date, packing.source_date_epoch)? },
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
            },
        },
    }))
}

//! Provenance: an in-toto statement with a SLSA v1 predicate, saying from what and how the bundle was made.
//!
//! SLSA fixes the fields; what it has no field for stands under names that begin with `skewless_`, as it asks.
//! Measures are rounded to six decimals: the last bits of the baseline's depend on the processor's arithmetic units.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use skewless_core::digest::sha256_hex;
use skewless_core::plan::Model;
use skewless_core::{Error, Result};

use crate::data::SourceFile;
use crate::recipe::Recipe;
use crate::report::{Report, Step};
use crate::run::TrainOptions;

/// What every statement says of how a bundle was made.
pub(crate) struct Build<'a> {
    /// The last part of the build type's address.
    pub(crate) kind: &'a str,
    /// SHA-256 of the configuration.
    pub(crate) configuration: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// What the run chose by itself.
    pub(crate) internal: Value,
    pub(crate) files: &'a [SourceFile],
    pub(crate) finished: String,
}

impl Build<'_> {
    /// The statement about `model`; `details` are the project's own fields of the run.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub(crate) fn statement(self, model: &Model, details: Value) -> Result<Value> {
        let dependencies = self.files.iter().map(|file| {
            json!({
                "uri": file.path,
                "digest": { "sha256": file.sha256 },
                "annotations": { "rows": file.rows, "bytes": file.bytes },
            })
        });
        let mut run = json!({
            "builder": {
                "id": concat!(env!("CARGO_PKG_REPOSITORY"), "/skewless-train"),
                "version": { "skewless-train": env!("CARGO_PKG_VERSION") },
            },
            "metadata": { "finishedOn": self.finished },
        });
        if let (Value::Object(run), Value::Object(details)) = (&mut run, details) {
            run.extend(details);
        }
        Ok(json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "model.plan", "digest": { "sha256": sha256_hex(&model.encode()?) } }],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": format!("{}/{}", env!("CARGO_PKG_REPOSITORY"), self.kind),
                    "externalParameters": {
                        "configuration": { "digest": { "sha256": self.configuration } },
                        "model": self.name,
                        "version": self.version,
                    },
                    "internalParameters": self.internal,
                    "resolvedDependencies": dependencies.collect::<Vec<_>>(),
                },
                "runDetails": run,
            },
        }))
    }
}

/// The statement about `model`.
///
/// # Errors
/// `train.config` for a date that is none.
pub(crate) fn statement(
    recipe: &Recipe,
    report: &Report,
    model: &Model,
    options: &TrainOptions,
) -> Result<Value> {
    let chosen = report.candidates.get(report.chosen);
    let build = Build {
        kind: "train/v1",
        configuration: &recipe.digest,
        name: &report.name,
        version: &report.version,
        internal: json!({
            "seed": recipe.config.model.seed,
            "parameters": chosen.map(|candidate| written(&candidate.parameters)),
        }),
        files: &report.files,
        finished: date(&recipe.config.model.date, options.source_date_epoch)?,
    };
    build.statement(
        model,
        json!({
            "skewless_rows": rows(&report.steps),
            "skewless_parts": written(&report.parts),
            "skewless_select_by": report.select_by,
            "skewless_candidates": written(&report.candidates),
            "skewless_test": written(&report.test),
            "skewless_random_split": written(&report.random_split),
        }),
    )
}

fn rows(steps: &[Step]) -> Value {
    steps
        .iter()
        .map(|step| json!({ "step": step.step, "rows": step.rows }))
        .collect()
}

/// The given epoch, or else the configuration's date.
///
/// # Errors
/// `train.config` for a time beyond the calendar.
pub(crate) fn date(configured: &str, source_date_epoch: Option<i64>) -> Result<String> {
    let fault = |text: &str| {
        Error::spec("train.config", format!("`{text}` is not a date"))
            .with_field("model.date")
            .with_value(text)
    };
    match source_date_epoch {
        Some(seconds) => {
            let time = Timestamp::from_second(seconds).map_err(|_| fault(&seconds.to_string()))?;
            Ok(time.to_string())
        }
        None => Ok(format!("{configured}T00:00:00Z")),
    }
}

/// The same time in seconds since 1970 UTC.
///
/// # Errors
/// As [`date`].
pub(crate) fn seconds(configured: &str, source_date_epoch: Option<i64>) -> Result<f64> {
    let text = date(configured, source_date_epoch)?;
    let time: std::result::Result<Timestamp, _> = text.parse();
    #[expect(clippy::cast_precision_loss, reason = "seconds of the calendar")]
    time.map(|time| time.as_second() as f64).map_err(|error| {
        Error::spec("train.config", format!("`{configured}` is not a date"))
            .with_field("model.date")
            .with_source(error)
    })
}

/// As JSON, with its fractions rounded.
pub(crate) fn written(value: &impl Serialize) -> Value {
    rounded(serde_json::to_value(value).unwrap_or_default())
}

fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map(|number| json!((number * 1e6).round() / 1e6))
            .unwrap_or_default(),
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, rounded(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_rounded_at_every_depth_and_counts_are_kept() {
        let value = json!({ "a": [0.123_456_789, 7], "b": { "c": -1e-9 }, "d": null });
        assert_eq!(
            rounded(value),
            json!({ "a": [0.123_457, 7], "b": { "c": -0.0 }, "d": null })
        );
    }
}

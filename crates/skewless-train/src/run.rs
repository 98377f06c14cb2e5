//! The run: from the configuration's path to the bundle's bytes.

use std::path::Path;

use skewless_core::columns::Columns;
use skewless_core::plan::{Model, ModelSummary};
use skewless_core::spec::{Input, Role};
use skewless_core::{Bundle, BundleParts, Error, Predictor, Profile, Record, Result, golden};

use crate::arm::{Arm, Prepared};
use crate::bootstrap::{Estimates, Resampled, Resampling};
use crate::data::Data;
use crate::metrics::Scored;
use crate::progress::Progress;
use crate::recipe::{Recipe, TreeParameters};
use crate::report::{Candidate, Comparison, Part, Report, Step};
use crate::split::Split;
use crate::trees::{self, ColumnMajor};
use crate::{card, provenance};
use skewless_table::records;

/// How many records golden rows are chosen from, at most.
const GOLDEN_CANDIDATES: usize = 2_000;
/// Golden rows in a bundle, at least.
pub(crate) const GOLDEN_ROWS: usize = 64;

/// How to run; nothing here changes the result but the date.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Threads that train trees.
    pub threads: usize,
    /// Seconds since 1970 that stand for the date of the configuration (`SOURCE_DATE_EPOCH`).
    pub source_date_epoch: Option<i64>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            source_date_epoch: None,
        }
    }
}

/// What a run gives.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
    /// The card, as in the bundle.
    pub card: String,
    /// What was found out.
    pub report: Report,
}

/// Trains what the configuration at `config_path` describes.
///
/// # Errors
/// `train.*` for configuration and data, `spec.*` for inputs and features (`spec.leak` names an input that is not known
/// at prediction and feeds a feature), `table.*` and `input.*` for the tables' contents with the row in the file,
/// `unsupported.task`, `unsupported.weight`, and `internal.*` where a check on the result fails.
pub fn train(
    config_path: &Path,
    options: &TrainOptions,
    progress: &mut dyn Progress,
) -> Result<Trained> {
    let recipe = Recipe::read(config_path)?;
    progress.begin("Reading tables", None);
    let data = Data::read(&recipe)?;
    let rows = data.labelled();
    let (split, dealt) = splits(&recipe, &data, &rows)?;
    progress.finish(&format!(
        "{} rows, {} with a label",
        data.labels.len(),
        rows.len()
    ));

    let run = Run {
        recipe: &recipe,
        data: &data,
        options,
    };
    let (arm, candidates, chosen) = run.choose(&split, progress)?;
    progress.begin("Testing against the baseline", None);
    let baseline = run.baseline(&split)?;
    let test = run.compare(&arm, &baseline, &split.test)?;
    progress.finish(&format!(
        "ROC AUC {:.4}, baseline {:.4}",
        test.model.roc_auc.value, test.baseline.roc_auc.value
    ));
    let random_split = run.random_split(&dealt, candidate(&candidates, chosen)?, progress)?;

    progress.begin("Packing the bundle", None);
    let predictor = Predictor::from_parts(&arm.spec, &arm.model, recipe.output())?;
    let (trees, leaves) = match predictor.engine().summary() {
        ModelSummary::Trees { trees, leaves, .. } => (trees, leaves),
        _ => (0, 0),
    };
    let mut report = Report {
        name: recipe.config.model.name.clone(),
        version: recipe.config.model.version.clone(),
        digest: String::new(),
        bytes: 0,
        canvas: recipe.config.canvas.clone(),
        files: data.files.clone(),
        steps: run.steps(&rows, &split),
        parts: run.parts(&split),
        candidates,
        select_by: recipe.config.trees.select_by,
        chosen,
        trees,
        leaves,
        test,
        random_split,
    };
    let trained = run.pack(arm, &predictor, &split, &mut report)?;
    progress.finish(&format!("{} bytes, digest {}", report.bytes, report.digest));
    Ok(Trained { report, ..trained })
}

/// The split by time and the one at random beside it, both proved usable before anything is trained.
fn splits(recipe: &Recipe, data: &Data, rows: &[usize]) -> Result<(Split, Split)> {
    let by_time = Split::by_time(&data.times, rows, recipe.boundaries)?;
    let label = &recipe.config.label.input;
    by_time.check_labels(&data.labels, "by time", label)?;
    let dealt = Split::at_random(rows, &by_time, recipe.config.model.seed)?;
    dealt.check_labels(&data.labels, "at random", label)?;
    Ok((by_time, dealt))
}

/// All rows of the test period with the inputs that a forecast knows, those without a label too: the material of
/// conformance runs.
///
/// # Errors
/// As the reading part of [`train`].
pub fn test_columns(config_path: &Path) -> Result<Columns> {
    let recipe = Recipe::read(config_path)?;
    let data = Data::read(&recipe)?;
    let rows: Vec<usize> = (data.times.iter().enumerate())
        .filter(|(_, time)| **time >= recipe.boundaries.test_from)
        .map(|(row, _)| row)
        .collect();
    let selected = data.columns.select(&rows);
    let mut columns = Columns::new(rows.len());
    for input in known(&recipe.config.input) {
        if let Some(column) = selected.column(&input.name) {
            columns.push(&input.name, column.clone())?;
        }
    }
    Ok(columns)
}

/// The rows of [`test_columns`] as raw records; times are ISO 8601 text.
///
/// # Errors
/// As [`test_columns`].
pub fn test_records(config_path: &Path) -> Result<Vec<Record>> {
    let recipe = Recipe::read(config_path)?;
    let columns = test_columns(config_path)?;
    Ok(records(&columns, known(&recipe.config.input)))
}

fn known(inputs: &[Input]) -> impl Iterator<Item = &Input> {
    inputs.iter().filter(|input| {
        input.known_at_prediction && matches!(input.role, Role::Feature | Role::Time)
    })
}

struct Run<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    options: &'a TrainOptions,
}

impl Run<'_> {
    /// Trains every candidate on the training rows; the best on the validation rows is the model, the first of equals.
    fn choose(
        &self,
        split: &Split,
        progress: &mut dyn Progress,
    ) -> Result<(Arm, Vec<Candidate>, usize)> {
        progress.begin("Training candidates", Some(self.recipe.grid.len() as u64));
        let prepared = Prepared::new(&self.recipe.spec, self.data, &split.train)?;
        let validation = prepared.transform(self.data, &split.validate)?;
        let features = ColumnMajor::new(&prepared.features);
        let metric = self.recipe.config.trees.select_by;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut best: Option<(usize, f64, Arm)> = None;
        for (place, parameters) in self.recipe.grid.iter().enumerate() {
            let trained = self.fit_trees(&features, &prepared.positive, parameters)?;
            trained.check_same_scores(&validation)?;
            let arm = Arm {
                spec: prepared.spec.clone(),
                model: Model::Trees(trained.model),
            };
            let measures = self.scored(&arm, &split.validate)?.metrics();
            candidates.push(Candidate {
                parameters: *parameters,
                validation: measures,
            });
            let value = metric.of(&measures);
            if best
                .as_ref()
                .is_none_or(|(_, least, _)| metric.is_better(value, *least))
            {
                best = Some((place, value, arm));
            }
            progress.advance(1);
        }
        let (chosen, value, arm) =
            best.ok_or_else(|| Error::internal("internal.grid", "the grid has no candidate"))?;
        progress.finish(&format!(
            "number {} with {} {value:.4} on validation",
            chosen + 1,
            metric.title()
        ));
        Ok((arm, candidates, chosen))
    }

    fn fit_trees(
        &self,
        features: &ColumnMajor,
        positive: &[bool],
        parameters: &TreeParameters,
    ) -> Result<trees::Trained> {
        trees::fit(
            features,
            positive,
            parameters,
            self.recipe.config.model.seed,
            self.options.threads,
        )
    }

    fn baseline(&self, split: &Split) -> Result<Arm> {
        Arm::baseline(
            &self.recipe.baseline_spec,
            &self.recipe.config.baseline,
            self.data,
            &split.train,
        )
    }

    fn scored(&self, arm: &Arm, rows: &[usize]) -> Result<Scored> {
        let bins = self.recipe.config.evaluate.calibration_bins;
        arm.scored(self.recipe.output(), self.data, rows, bins)
    }

    /// Measures both arms on the same rows and the same resamples.
    #[expect(clippy::cast_precision_loss, reason = "counts of rows")]
    fn compare(&self, model: &Arm, baseline: &Arm, rows: &[usize]) -> Result<Comparison> {
        let (model, baseline) = (self.scored(model, rows)?, self.scored(baseline, rows)?);
        let evaluate = &self.recipe.config.evaluate;
        let resampling = Resampling {
            resamples: evaluate.resamples,
            confidence: evaluate.confidence,
            seed: self.recipe.config.model.seed,
        };
        let resampled = Resampled::new(&[&model, &baseline], resampling)?;
        let present = |estimates: Option<Estimates>| {
            estimates.ok_or_else(|| {
                Error::internal("internal.compare", "a compared model has no measures")
            })
        };
        let positive = self
            .data
            .labels_of(rows)
            .into_iter()
            .filter(|&label| label)
            .count();
        Ok(Comparison {
            rows: rows.len(),
            positive_share: positive as f64 / rows.len() as f64,
            model: present(resampled.estimates(0))?,
            baseline: present(resampled.estimates(1))?,
            difference: present(resampled.difference(0, 1))?,
            calibration: model.calibration(),
        })
    }

    /// The chosen parameters and the baseline once more, with rows dealt at random: what a split by time is set beside.
    fn random_split(
        &self,
        split: &Split,
        parameters: &TreeParameters,
        progress: &mut dyn Progress,
    ) -> Result<Comparison> {
        progress.begin("Comparing with a random split", None);
        let prepared = Prepared::new(&self.recipe.spec, self.data, &split.train)?;
        let features = ColumnMajor::new(&prepared.features);
        let trained = self.fit_trees(&features, &prepared.positive, parameters)?;
        let arm = Arm {
            spec: prepared.spec,
            model: Model::Trees(trained.model),
        };
        let comparison = self.compare(&arm, &self.baseline(split)?, &split.test)?;
        progress.finish(&format!("ROC AUC {:.4}", comparison.model.roc_auc.value));
        Ok(comparison)
    }

    fn steps(&self, labelled: &[usize], split: &Split) -> Vec<Step> {
        let step = |step: &str, rows: usize| Step {
            step: step.to_owned(),
            rows,
        };
        vec![
            step("read", self.data.labels.len()),
            step("with a label", labelled.len()),
            step("training", split.train.len()),
            step("validation", split.validate.len()),
            step("test", split.test.len()),
        ]
    }

    fn parts(&self, split: &Split) -> Vec<Part> {
        let part = |name: &str, rows: &[usize]| Part {
            name: name.to_owned(),
            rows: rows.len(),
            positive: self
                .data
                .labels_of(rows)
                .into_iter()
                .filter(|&label| label)
                .count(),
        };
        vec![
            part("train", &split.train),
            part("validate", &split.validate),
            part("test", &split.test),
        ]
    }

    fn pack(
        &self,
        arm: Arm,
        predictor: &Predictor,
        split: &Split,
        report: &mut Report,
    ) -> Result<Trained> {
        let training = self.data.columns.select(&split.train);
        let profile =
            Profile::reference(&arm.spec, &training, &predictor.predict_columns(&training)?)?;
        let golden = golden::choose(
            predictor,
            &golden_candidates(&self.data.columns, &split.test, predictor),
            GOLDEN_ROWS,
        )?;
        let card = card::write(self.recipe, report, &profile);
        let provenance = provenance::statement(self.recipe, report, &arm.model, self.options)?;
        let parts = BundleParts {
            name: report.name.clone(),
            version: report.version.clone(),
            features: arm.spec,
            model: arm.model.into(),
            output: self.recipe.output(),
            profile,
            golden,
            card: card.clone(),
            provenance,
        };
        let bundle = parts.to_bytes()?;
        report.digest = Bundle::from_bytes(&bundle)?.digest().to_owned();
        report.bytes = bundle.len();
        Ok(Trained {
            bundle,
            card,
            report: report.clone(),
        })
    }
}

/// Records that golden rows are chosen from, spread evenly over the rows.
pub(crate) fn golden_candidates(
    columns: &Columns,
    rows: &[usize],
    predictor: &Predictor,
) -> Vec<Record> {
    let count = GOLDEN_CANDIDATES.min(rows.len());
    let spread: Vec<usize> = (0..count)
        .filter_map(|candidate| rows.get(candidate * rows.len() / count).copied())
        .collect();
    records(&columns.select(&spread), predictor.pipeline().inputs())
}

fn candidate(candidates: &[Candidate], chosen: usize) -> Result<&TreeParameters> {
    let found = candidates
        .get(chosen)
        .map(|candidate| &candidate.parameters);
    found.ok_or_else(|| Error::internal("internal.grid", "the chosen candidate is not in the grid"))
}

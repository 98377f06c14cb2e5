//! The run of a study: from the configuration's path to the bundle's bytes, or to the gate that held it back.

use std::path::{Path, PathBuf};

use skewless_core::output::{Conformal, Task};
use skewless_core::{BatchPrediction, Error, Predictor, Result};

use super::checks::{self, Checked};
use super::confidence::{self, Calibrated, Coverage, Predicted};
use super::config::CalibrationMethod;
use super::data::{Data, digest_rows};
use super::fitted::{Fit, Fitted};
use super::folds::{Fold, Folds};
use super::gates::{self, Incumbent, Taken};
use super::intervals::Resampled;
use super::jobs::Limits;
use super::measure::Measure;
use super::models::{Parameters, class};
use super::pack;
use super::plots::Drawing;
use super::race::{Finish, Race, Standing, judged};
use super::recipe::Recipe;
use super::report::{
    CandidateReport, FeatureSetFacts, Finding, Level, Part, Selection, StudyReport, TestReport,
    Timing,
};
use super::retrain::{Champion, Verdict};
use super::select::select;
use super::slices;
use super::stop::stop;
use super::store::Store;
use super::threshold::{self, Threshold};
use crate::bootstrap::Resampling;
use crate::plural::counted;
use crate::progress::{Opening, Progress};
use crate::report::Step;
use crate::run::golden_candidates;

/// How to run; nothing here changes the result but the date.
#[derive(Clone, Debug)]
pub struct StudyOptions {
    /// Threads of all fits together.
    pub threads: usize,
    /// Bytes that all fits together may take, by estimate.
    pub memory: u64,
    /// Folder of results, so that a run that was killed goes on, and of copies of what lies elsewhere; without it none are
    /// kept.
    pub store: Option<PathBuf>,
    /// Seconds since 1970 that stand for the date of the configuration (`SOURCE_DATE_EPOCH`).
    pub source_date_epoch: Option<i64>,
}

impl Default for StudyOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            memory: 4 << 30,
            store: None,
            source_date_epoch: None,
        }
    }
}

/// What a study gives.
#[derive(Clone, Debug)]
pub struct Studied {
    /// The bundle's bytes; none where a gate failed.
    pub bundle: Option<Vec<u8>>,
    /// The card, as in the bundle.
    pub card: String,
    /// What was found out; equal for equal inputs.
    pub report: StudyReport,
    /// How long each fit took; never equal.
    pub timings: Vec<Timing>,
    /// Fits whose results were there from an earlier run.
    pub reused: usize,
}

/// Runs the study that the configuration at `config_path` describes.
///
/// # Errors
/// `train.*` for configuration and data, `spec.*` for inputs and features (`spec.leak` names an input that is not known
/// at prediction and feeds a feature), `table.*` and `input.*` for the tables' contents with the row in the file,
/// `source.*` for files that cannot be had, `check.*` for what the checks before training found, `unsupported.*` for what cannot be trained. A failed gate is no
/// error: it leaves the bundle out.
pub fn study(
    config_path: &Path,
    options: &StudyOptions,
    progress: &mut dyn Progress,
) -> Result<Studied> {
    let recipe = Recipe::read(config_path)?;
    run(&recipe, options, None, progress).map(|(studied, _)| studied)
}

/// Runs a study; against a champion, with a verdict whose decision is still open.
///
/// # Errors
/// As [`study`], and as [`Champion::meet`].
pub(crate) fn run(
    recipe: &Recipe,
    options: &StudyOptions,
    champion: Option<&Champion>,
    progress: &mut dyn Progress,
) -> Result<(Studied, Option<Verdict>)> {
    progress.begin("Reading tables", None);
    let data = Data::read(recipe, options.source_date_epoch, options.store.as_deref())?;
    progress.read(&data.files);
    let folds = data.split(recipe)?;
    let labelled = data.labelled().len();
    progress.finish(&format!(
        "{} rows, {labelled} with a label",
        data.truth.len()
    ));
    progress.begin("Checking the data", None);
    let checked = checks::check(recipe, &data, &folds).map_err(|error| data.located(error))?;
    stop(&checked.findings)?;
    let found = counted(checked.findings.len(), "finding");
    progress.finish(&format!("{found}, no error"));
    let gate = recipe.config.gates.champion.as_ref();
    let labelled = data.labelled();
    let few = labelled.get(..labelled.len().min(FEW)).unwrap_or_default();
    let incumbent = gate.map(|gate| Incumbent::read(recipe, gate, &data.columns.select(few)));
    let incumbent = incumbent.transpose()?;
    let run = Run {
        incumbent: incumbent.as_ref(),
        recipe,
        data: &data,
        folds: &folds,
        options,
        champion,
    };
    run.whole(checked, progress)
}

/// Rows that a champion is tried on before anything is trained.
const FEW: usize = 200;

#[derive(Clone, Copy)]
struct Run<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    folds: &'a Folds,
    options: &'a StudyOptions,
    champion: Option<&'a Champion>,
    incumbent: Option<&'a Incumbent>,
}

impl Run<'_> {
    fn whole(
        &self,
        mut checked: Checked,
        progress: &mut dyn Progress,
    ) -> Result<(Studied, Option<Verdict>)> {
        let recipe = self.recipe;
        let race = Race {
            recipe,
            data: self.data,
            folds: self.folds,
            store: &Store::open(self.options.store.as_deref())?,
            limits: Limits {
                threads: self.options.threads.max(1),
                memory: self.options.memory,
            },
        };
        let Finish {
            standings,
            timings,
            reused,
        } = race.run(progress)?;
        progress.begin("Selecting", None);
        let selection = self.select(&standings)?;
        let winner = winner(&standings, &selection)?;
        progress.finish(&format!(
            "{} on `{}`, {} {:.4}",
            winner.candidate.parameters.kind(),
            winner.candidate.feature_set,
            selection.by.title(),
            winner.judged.measure(selection.by)
        ));
        let levels = self.recipe.levels();
        let bounds = match levels.is_empty() {
            true => Vec::new(),
            false => race.quantiles(&winner.candidate, &levels, progress)?,
        };
        progress.begin("Opening the test", None);
        let fit = Fit {
            recipe,
            data: self.data,
            candidate: &winner.candidate,
            rows: &self.folds.last,
            levels: &levels,
            threads: self.options.threads.max(1),
        };
        let mut fitted = fit.run()?;
        let (calibration, validated) =
            self.calibrate(winner, &mut fitted, &mut checked.findings)?;
        let threshold = self.threshold(&validated, &mut fitted);
        let own = fitted.threshold();
        let decided = threshold.map(|chosen| chosen.value).or(own);
        let decided = decided.map(|threshold| self.recipe.with_threshold(threshold));
        checked.findings.extend(self.stays(winner));
        let run = Run {
            recipe: decided.as_ref().unwrap_or(self.recipe),
            ..*self
        };
        let (test, BatchPrediction { values, raw, .. }) = run.test(winner, &fitted)?;
        progress.opened(&Opening {
            data: &run.data.digest,
            winner: selection.winner,
            measures: &test.measures,
        });
        let meeting = match run.champion {
            Some(champion) => {
                Some(champion.meet((run.recipe, run.data, run.folds), &values, run.resampling())?)
            }
            None => None,
        };
        progress.finish(&counted(test.rows, "row"));
        checked.findings.extend(run.too_good(winner, &test));
        let mut report = run.report(checked, &standings, selection, test);
        report.calibration = calibration;
        report.threshold = threshold;
        let validated = (validated.as_slice(), bounds.as_slice());
        let mut silent = None;
        let promised = match fitted.is_from_here() {
            true => run.coverage(validated, (&values, &raw)),
            false => None,
        };
        if let Some((conformal, coverage, rows)) = promised {
            fitted.promise(conformal);
            report.coverage = Some(coverage);
            silent = Some(rows);
        }
        report.slices = slices::slices(
            run.recipe,
            run.data,
            &run.folds.test,
            &values,
            run.resampling(),
        )?;
        progress.begin("Drawing importance and learning curve", None);
        let mut plots = run
            .drawing()
            .plots(&standings, &winner.candidate, &values)?;
        plots.test.silent = silent;
        report.plots = Some(plots);
        progress.finish("on the last fold");
        progress.begin("Packing the bundle", None);
        let predictor = fitted.predictor()?;
        let taken = run.taken(&predictor)?;
        let packing = pack::Packing {
            recipe: run.recipe,
            data: run.data,
            folds: run.folds,
            source_date_epoch: run.options.source_date_epoch,
            winner: &winner.candidate,
        };
        let mut packed = packing.pack(fitted, &predictor, &report)?;
        report.bytes = packed.bundle.len();
        report.gates = gates::gates(&run.recipe.config.gates, &report, taken);
        let bundle = report
            .gates
            .iter()
            .all(|gate| gate.passed)
            .then_some(packed.bundle);
        if bundle.is_some() {
            report.digest = std::mem::take(&mut packed.digest);
        }
        progress.finish(&match &bundle {
            Some(_) => format!("{} bytes, digest {}", report.bytes, report.digest),
            None => "a gate failed, there is no bundle".to_owned(),
        });
        let verdict = match (run.champion, meeting) {
            (Some(champion), Some(meeting)) => {
                Some(champion.verdict(run.recipe, &report, meeting)?)
            }
            _ => None,
        };
        let studied = Studied {
            bundle,
            card: packed.card,
            report,
            timings,
            reused,
        };
        Ok((studied, verdict))
    }

    fn resampling(&self) -> Resampling {
        let evaluate = &self.recipe.config.evaluate;
        Resampling {
            resamples: evaluate.resamples,
            confidence: evaluate.confidence,
            seed: self.recipe.config.model.seed,
        }
    }

    fn drawing(&self) -> Drawing<'_> {
        Drawing {
            recipe: self.recipe,
            data: self.data,
            folds: self.folds,
            threads: self.options.threads.max(1),
            resampling: self.resampling(),
        }
    }

    fn select(&self, standings: &[Standing]) -> Result<Selection> {
        let columns = |standing: &Standing| {
            let set = self.recipe.set(&standing.candidate.feature_set);
            set.map_or(0, |set| set.shown().len())
        };
        let measures = Measure::of_task(self.recipe.task());
        select(
            standings,
            columns,
            measures,
            &self.recipe.config.select,
            self.resampling(),
        )
    }

    /// What the gates ask for beyond the report.
    fn taken(&self, predictor: &Predictor) -> Result<Taken> {
        let gates = &self.recipe.config.gates;
        let test = &self.folds.test;
        let agreement =
            |incumbent: &Incumbent| incumbent.agreement(predictor, &self.data.columns.select(test));
        let latency = gates.max_latency_us.map(|_| {
            gates::latency(
                predictor,
                &golden_candidates(&self.data.columns, test, predictor),
            )
        });
        Ok(Taken {
            agreement: self.incumbent.map(agreement).transpose()?,
            latency: latency.transpose()?,
        })
    }

    /// The winner's calibration where the configuration asks for one (a finding where Platt's sigmoid does not rise, as of a
    /// constant), and its predictions of the validation rows through it.
    fn calibrate(
        &self,
        winner: &Standing,
        fitted: &mut Fitted,
        findings: &mut Vec<Finding>,
    ) -> Result<(Option<Calibrated>, Vec<f64>)> {
        let Some(config) = &self.recipe.config.calibrate else {
            return Ok((None, winner.values.clone()));
        };
        let truth = self.data.truth_of(&self.validated());
        let calibrated = match Calibrated::fit(config.method, &winner.values, &truth) {
            Err(error) if config.method == CalibrationMethod::Platt => {
                let message = format!("the winner is not calibrated: {}", error.message());
                findings.push(warning("check.calibration", message));
                return Ok((None, winner.values.clone()));
            }
            found => found?,
        };
        if !fitted.calibrate(&calibrated)? {
            return Ok((None, winner.values.clone()));
        }
        let through = winner.values.iter().map(|&value| calibrated.at(value));
        let through = through.collect();
        Ok((Some(calibrated), through))
    }

    /// A bundle from elsewhere is written as it is, whatever the configuration asks of a winner.
    fn stays(&self, winner: &Standing) -> Option<Finding> {
        let Parameters::External { bundle } = &winner.candidate.parameters else {
            return None;
        };
        let config = &self.recipe.config;
        let asked = [
            (config.calibrate.is_some(), "[calibrate]"),
            (config.threshold.is_some(), "[threshold]"),
            (config.conformal.is_some(), "[conformal]"),
        ];
        let asked: Vec<&str> = asked
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| *name)
            .collect();
        let asked = (!asked.is_empty()).then(|| asked.join(", "))?;
        let message = format!("`{bundle}` is written as it was packed, without {asked}");
        Some(warning("check.external", message))
    }

    /// A bundle from elsewhere that is worse on the test rows than on the validation rows, whose labels its maker had.
    fn too_good(&self, winner: &Standing, test: &TestReport) -> Option<Finding> {
        let Parameters::External { bundle } = &winner.candidate.parameters else {
            return None;
        };
        let by = self.recipe.config.select.by;
        let validated = winner.judged.measure(by);
        let tested = test.measures.iter().find(|one| one.measure == by)?.estimate;
        let best = if by.rises() { tested.high } else { tested.low };
        (by.gain(validated, best) > 0.0).then(|| {
            let message = format!(
                "`{bundle}` has {} {validated:.4} on the validation rows and {:.4} ({:.4}–{:.4}) on the test rows: it may have \
                 been fitted on the former, whose labels are exported",
                by.title(),
                tested.value,
                tested.low,
                tested.high
            );
            warning("check.external", message)
        })
    }

    /// The winner's threshold where the configuration asks for one, by its predictions of the validation rows.
    fn threshold(&self, validated: &[f64], fitted: &mut Fitted) -> Option<Threshold> {
        let by = self.recipe.config.threshold?;
        let truth = self.data.truth_of(&self.validated());
        let positive: Vec<bool> = truth.iter().map(|&truth| truth > 0.5).collect();
        let chosen = threshold::choose(by, validated, &positive);
        fitted.decide(chosen.value).then_some(chosen)
    }

    /// Validation rows fold after fold, as candidates predict them.
    fn validated(&self) -> Vec<usize> {
        self.folds
            .folds
            .iter()
            .flat_map(|fold| fold.validate.iter().copied())
            .collect()
    }

    /// The promise and its coverage, from values and raw scores of the validation and of the test rows.
    fn coverage(
        &self,
        validated: (&[f64], &[f64]),
        tested: (&[f64], &[f64]),
    ) -> Option<(Conformal, Coverage, usize)> {
        let config = self.recipe.config.conformal.as_ref()?;
        let validate = Predicted {
            rows: &self.validated(),
            values: validated.0,
            raw: validated.1,
        };
        let test = Predicted {
            rows: &self.folds.test,
            values: tested.0,
            raw: tested.1,
        };
        Some(confidence::coverage(
            self.recipe,
            self.data,
            config,
            &validate,
            &test,
        ))
    }

    /// Predicts the test rows: the only place that does.
    fn test(&self, winner: &Standing, fitted: &Fitted) -> Result<(TestReport, BatchPrediction)> {
        let rows = &self.folds.test;
        let found = fitted.predict(self.data, rows)?;
        let of_test = judged(self.recipe, &found.values, &self.data.truth_of(rows))?
            .in_groups(self.data.groups_of(self.recipe, rows));
        let measures = Measure::of_task(self.recipe.task());
        let floats = fitted.in_floats(self.data, rows)?;
        let truth = self.data.truth_of(rows);
        let floats = floats.map(|values| judged(self.recipe, &values, &truth));
        let report = TestReport {
            before_int8: floats
                .transpose()?
                .map_or_else(Vec::new, |one| one.measures()),
            opened_by: winner.candidate.digest.clone(),
            times: 1,
            rows: rows.len(),
            digest: digest_rows(rows),
            measures: Resampled::new(measures, &[&of_test], self.resampling())?.measured(0),
            calibration: of_test.calibration(),
        };
        Ok((report, found))
    }

    fn report(
        &self,
        checked: Checked,
        standings: &[Standing],
        selection: Selection,
        test: TestReport,
    ) -> StudyReport {
        let config = &self.recipe.config;
        let step = |step: &str, rows: usize| Step {
            step: step.to_owned(),
            rows,
        };
        let labelled = self.data.labelled().len();
        let winner = standings.get(selection.winner);
        let most = winner.and_then(|winner| winner.candidate.max_rows);
        let fitted_on = self.folds.last.len().min(most.unwrap_or(usize::MAX));
        StudyReport {
            name: config.model.name.clone(),
            version: config.model.version.clone(),
            task: config.model.task,
            configuration: self.recipe.digest.clone(),
            digest: String::new(),
            bytes: 0,
            canvas: config.canvas.clone(),
            files: self.data.files.clone(),
            data: self.data.digest.clone(),
            sources: self.data.sources.clone(),
            joins: self.data.joins.clone(),
            steps: (self.data.steps.iter().cloned())
                .chain([
                    step("with a label", labelled),
                    step("outside the gaps", labelled - self.folds.left_out),
                    step("fit of the winner", fitted_on),
                    step("test", self.folds.test.len()),
                ])
                .collect(),
            parts: self.parts(),
            feature_sets: self.recipe.sets.iter().map(facts).collect(),
            findings: checked.findings,
            inputs: checked.inputs,
            candidates: standings.iter().map(candidate).collect(),
            selection,
            calibration: None,
            threshold: None,
            test,
            coverage: None,
            slices: Vec::new(),
            gates: Vec::new(),
            plots: None,
        }
    }

    fn parts(&self) -> Vec<Part> {
        let of_fold = |(place, fold): (usize, &Fold)| {
            [
                self.part(format!("train {}", place + 1), &fold.train),
                self.part(format!("validate {}", place + 1), &fold.validate),
            ]
        };
        let mut parts: Vec<Part> = self
            .folds
            .folds
            .iter()
            .enumerate()
            .flat_map(of_fold)
            .collect();
        parts.push(self.part("test".to_owned(), &self.folds.test));
        parts
    }

    fn part(&self, name: String, rows: &[usize]) -> Part {
        let truth = self.data.truth_of(rows);
        let count = rows.len().max(1) as f64;
        let level = match self.recipe.task() {
            Task::Regression => vec![truth.iter().sum::<f64>() / count],
            _ => (0..self.recipe.classes())
                .map(|label| {
                    truth.iter().filter(|&&truth| class(truth) == label).count() as f64 / count
                })
                .collect(),
        };
        Part {
            name,
            rows: rows.len(),
            level,
        }
    }
}

/// A warning that the data checks could not give.
fn warning(check: &str, message: String) -> Finding {
    Finding {
        check: check.to_owned(),
        level: Level::Warning,
        input: None,
        message,
    }
}

fn winner<'a>(standings: &'a [Standing], selection: &Selection) -> Result<&'a Standing> {
    let winner = standings.get(selection.winner);
    winner
        .ok_or_else(|| Error::internal("internal.select", "the winner is not among the candidates"))
}

fn facts(set: &super::feature_set::FeatureSet) -> FeatureSetFacts {
    FeatureSetFacts {
        name: set.name.clone(),
        doc: set.doc.clone(),
        digest: set.digest.clone(),
        features: set.shown(),
    }
}

fn candidate(standing: &Standing) -> CandidateReport {
    CandidateReport {
        candidate: standing.candidate.clone(),
        folds: standing.folds.clone(),
        measures: standing.judged.measures(),
        left_at: standing.left_at,
    }
}

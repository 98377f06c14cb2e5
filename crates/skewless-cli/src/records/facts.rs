//! From the reports of training to the facts of a run.

use serde_json::Value as Json;
use skewless_train::metrics::{Metric as Rate, Metrics};
use skewless_train::progress::Opening;
use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::report::{CandidateReport, Gate as Found, Measured};
use skewless_train::{Report, SourceFile};

use super::{Artefact, Candidate, Direction, Gate, Metric, Parameter, Part, Run, Status};

/// Takes over what was read.
pub(super) fn read(run: &mut Run, files: &[SourceFile]) {
    run.artefacts = files.iter().map(input).collect();
}

/// Takes over what was seen of the test, whatever comes of the run.
pub(super) fn opened(run: &mut Run, opening: &Opening<'_>) {
    run.data = Some(opening.data.to_owned());
    run.metrics = tested(opening.winner, opening.measures);
}

fn tested(candidate: usize, measures: &[Measured]) -> Vec<Metric> {
    let each = measures.iter().map(|one| Metric {
        candidate,
        part: Part::Test,
        fold: None,
        name: one.measure.name().to_owned(),
        value: one.estimate.value,
        low: Some(one.estimate.low),
        high: Some(one.estimate.high),
    });
    each.collect()
}

/// Takes over what a study found.
pub(super) fn study(run: &mut Run, report: &StudyReport) {
    run.model = Some(report.name.clone());
    run.version = Some(report.version.clone());
    run.task = serde_json::to_value(report.task)
        .ok()
        .and_then(|task| task.as_str().map(str::to_owned));
    run.data = Some(report.data.clone());
    run.winner = Some(report.selection.winner);
    run.bundle = (!report.digest.is_empty()).then(|| report.digest.clone());
    run.artefacts = report.files.iter().map(input).collect();
    run.gates = report.gates.iter().map(gate).collect();
    run.metrics.clear();
    let measures = Measure::of_task(report.task);
    for (place, one) in report.candidates.iter().enumerate() {
        run.candidates.push(candidate(place, one));
        run.parameters.extend(parameters(
            place,
            serde_json::to_value(&one.candidate.parameters),
        ));
        run.metrics.extend(validated(place, one, measures));
    }
    run.metrics
        .extend(tested(report.selection.winner, &report.test.measures));
    let failed: Vec<&str> = report
        .gates
        .iter()
        .filter(|gate| !gate.passed)
        .map(|gate| gate.gate.as_str())
        .collect();
    if run.bundle.is_none() {
        run.status = Status::GateFailed;
        run.message = Some(failed.join(", "));
    } else {
        run.status = Status::Done;
    }
}

/// Takes over what a run of trees beside a baseline found.
pub(super) fn trees(run: &mut Run, report: &Report) {
    run.model = Some(report.name.clone());
    run.version = Some(report.version.clone());
    run.task = Some("binary".to_owned());
    run.winner = Some(report.chosen);
    run.bundle = Some(report.digest.clone());
    run.artefacts = report.files.iter().map(input).collect();
    run.status = Status::Done;
    for (place, one) in report.candidates.iter().enumerate() {
        run.candidates.push(Candidate {
            place,
            experiment: None,
            feature_set: None,
            kind: "trees".to_owned(),
            seed: None,
            digest: None,
            left_at: None,
        });
        run.parameters
            .extend(parameters(place, serde_json::to_value(one.parameters)));
        run.metrics.extend(rates(place, &one.validation));
    }
    run.metrics.extend(Rate::ALL.into_iter().map(|rate| {
        let estimate = report.test.model.of(rate);
        Metric {
            candidate: report.chosen,
            part: Part::Test,
            fold: None,
            name: rate.name().to_owned(),
            value: estimate.value,
            low: Some(estimate.low),
            high: Some(estimate.high),
        }
    }));
}

fn input(file: &SourceFile) -> Artefact {
    Artefact {
        direction: Direction::Input,
        path: file.path.clone(),
        sha256: file.sha256.clone(),
        bytes: file.bytes,
        rows: Some(file.rows),
    }
}

fn gate(gate: &Found) -> Gate {
    Gate {
        gate: gate.gate.clone(),
        found: gate.found,
        min: gate.min,
        max: gate.max,
        passed: gate.passed,
    }
}

fn candidate(place: usize, one: &CandidateReport) -> Candidate {
    let candidate = &one.candidate;
    Candidate {
        place,
        experiment: Some(candidate.experiment.clone()),
        feature_set: Some(candidate.feature_set.clone()),
        kind: candidate.parameters.kind().to_owned(),
        seed: Some(candidate.seed),
        digest: Some(candidate.digest.clone()),
        left_at: one.left_at,
    }
}

fn parameters(candidate: usize, all: serde_json::Result<Json>) -> Vec<Parameter> {
    let Ok(Json::Object(all)) = all else {
        return Vec::new();
    };
    let named = all.into_iter().filter(|(name, _)| name != "kind");
    named
        .map(|(name, value)| Parameter {
            candidate,
            name,
            value,
        })
        .collect()
}

fn validated(place: usize, one: &CandidateReport, measures: &[Measure]) -> Vec<Metric> {
    let of = |fold: Option<usize>, values: &[f64]| -> Vec<Metric> {
        let named = measures.iter().zip(values);
        named
            .map(|(measure, &value)| validation(place, fold, measure.name(), value))
            .collect()
    };
    let mut all = of(None, &one.measures);
    for (fold, values) in one.folds.iter().enumerate() {
        all.extend(of(Some(fold), values));
    }
    all
}

fn rates(place: usize, metrics: &Metrics) -> Vec<Metric> {
    let of = |rate: Rate| validation(place, None, rate.name(), rate.of(metrics));
    Rate::ALL.into_iter().map(of).collect()
}

fn validation(candidate: usize, fold: Option<usize>, name: &str, value: f64) -> Metric {
    Metric {
        candidate,
        part: Part::Validate,
        fold,
        name: name.to_owned(),
        value,
        low: None,
        high: None,
    }
}

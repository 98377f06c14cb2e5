//! The card of a study's winner: data, split, candidates, test, slices, inputs, limits, in plain words and Markdown.

use skewless_core::Profile;
use skewless_core::output::ConformalMethod;

use super::confidence::Calibrated;
use super::config::ThresholdConfig;
use super::measure::Measure;
use super::recipe::{Candidate, Recipe};
use super::report::{Level, Measured, StudyReport};
use super::threshold::Threshold;
use crate::canvas;
use crate::card::{
    Card, grouped, inputs, interval, limits, one_line, percent, platform_and_license, sources,
};
use crate::plural::counted;

/// Writes the card of the winner.
pub(crate) fn write(
    recipe: &Recipe,
    report: &StudyReport,
    winner: &Candidate,
    profile: &Profile,
) -> String {
    let model = &recipe.config.model;
    let mut card = Card::default();
    card.line(&format!("# {}", model.title));
    card.paragraph(&format!(
        "`{}` {}. {}",
        report.name,
        report.version,
        one_line(&model.summary)
    ));
    canvas::section(&mut card, recipe.config.canvas.as_ref());
    data(&mut card, recipe, report);
    split(&mut card, report);
    checks(&mut card, report);
    candidates(&mut card, report, winner);
    test(&mut card, recipe, report);
    confidence(&mut card, report);
    slices(&mut card, recipe, report);
    inputs(
        &mut card,
        &recipe.config.input,
        profile,
        "rows that the winner was fitted on",
    );
    limits(&mut card, &model.limits);
    reproduction(&mut card, recipe, report);
    card.text
}

fn data(card: &mut Card, recipe: &Recipe, report: &StudyReport) {
    sources(card, recipe.config.data.doc.as_deref(), &report.files);
    let steps = report
        .steps
        .iter()
        .map(|step| vec![step.step.clone(), grouped(step.rows)]);
    card.table(&["step", "rows"], steps);
    if report.joins.is_empty() {
        return;
    }
    let joins = report.joins.iter().map(|join| {
        vec![
            format!("`{}`", join.source),
            join.on.join(", "),
            join.as_of.clone().unwrap_or_else(|| "–".to_owned()),
            percent(join.unmatched_share),
        ]
    });
    card.table(&["joined", "on", "as of", "rows without a match"], joins);
}

fn split(card: &mut Card, report: &StudyReport) {
    card.heading("Split");
    card.line(
        "Everything is fitted on the training rows of its fold alone. Candidates are chosen on validation rows; the test \
         rows were predicted once, by the winner.",
    );
    let level = |level: &[f64]| {
        let each: Vec<String> = level.iter().map(|level| format!("{level:.4}")).collect();
        each.join(" · ")
    };
    let rows = report
        .parts
        .iter()
        .map(|part| vec![part.name.clone(), grouped(part.rows), level(&part.level)]);
    card.table(
        &["part", "rows", "mean of the label, or each label's share"],
        rows,
    );
}

fn checks(card: &mut Card, report: &StudyReport) {
    card.heading("Checks before training");
    if report.findings.is_empty() {
        card.line("Nothing was found.");
    }
    for finding in &report.findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "note",
        };
        card.line(&format!(
            "- {level} `{}`: {}",
            finding.check, finding.message
        ));
    }
}

fn candidates(card: &mut Card, report: &StudyReport, winner: &Candidate) {
    let selection = &report.selection;
    card.heading("Model");
    card.line(&format!(
        "{} on the feature set `{}` ({}), chosen among {} by {} on the validation rows. A more complex family \
         replaces a simpler one only where it gains at least {} and the paired interval of the gain lies above 0.",
        winner.parameters.kind(),
        winner.feature_set,
        winner.parameters.described(),
        counted(report.candidates.len(), "candidate"),
        selection.by.title(),
        selection.margin
    ));
    let measures = Measure::of_task(report.task);
    let head: Vec<&str> = ["feature set", "family", "parameters"]
        .into_iter()
        .chain(measures.iter().map(|measure| measure.title()))
        .collect();
    let rows = report
        .candidates
        .iter()
        .enumerate()
        .map(|(place, candidate)| {
            let parameters = &candidate.candidate.parameters;
            let mark = match (place == selection.winner, candidate.left_at) {
                (true, _) => " ← chosen".to_owned(),
                (false, Some(rung)) => format!(" (left at rung {rung})"),
                (false, None) => String::new(),
            };
            let mut row = vec![
                format!("`{}`", candidate.candidate.feature_set),
                parameters.kind().to_owned(),
                format!("{}{mark}", parameters.described()),
            ];
            row.extend(candidate.measures.iter().map(|value| format!("{value:.4}")));
            row
        });
    card.table(&head, rows);
    let name = |place: usize| {
        let candidate = report.candidates.get(place).map(|one| &one.candidate);
        candidate.map_or_else(String::new, |one| {
            format!("{} on `{}`", one.parameters.kind(), one.feature_set)
        })
    };
    let duels = selection.duels.iter().map(|duel| {
        let verdict = if duel.won {
            "takes its place"
        } else {
            "does not"
        };
        vec![
            name(duel.challenger),
            name(duel.incumbent),
            interval(duel.gain),
            verdict.to_owned(),
        ]
    });
    card.table(&["more complex", "best so far", "gain", "verdict"], duels);
}

fn test(card: &mut Card, recipe: &Recipe, report: &StudyReport) {
    let evaluate = &recipe.config.evaluate;
    card.heading("Results on the test rows");
    card.line(&format!(
        "{}. In brackets the {} interval from {} bootstrap resamples of the rows.",
        counted(report.test.rows, "row"),
        percent(evaluate.confidence),
        evaluate.resamples
    ));
    let floats = report.test.before_int8.iter();
    let mut floats = floats.map(|value| format!("{value:.4}")).peekable();
    let head: &[&str] = match floats.peek() {
        Some(_) => &["measure", "value", "before int8"],
        None => &["measure", "value"],
    };
    let rows = report.test.measures.iter().map(|one| {
        let row = [one.measure.title().to_owned(), interval(one.estimate)];
        row.into_iter().chain(floats.next()).collect()
    });
    card.table(head, rows);
}

fn confidence(card: &mut Card, report: &StudyReport) {
    match &report.calibration {
        Some(Calibrated::Platt(platt)) => card.paragraph(&format!(
            "Probabilities are a sigmoid of the raw score with slope {:.4} and intercept {:.4}, fitted on the validation rows.",
            platt.slope, platt.intercept
        )),
        Some(Calibrated::Isotonic(table)) => card.paragraph(&format!(
            "Probabilities are the model's on a rising line through {} points, by isotonic regression on the validation rows.",
            table.from.len()
        )),
        Some(Calibrated::VennAbers(table)) => card.paragraph(&format!(
            "Probabilities are the model's on rising steps through {} points, by inductive Venn-Abers on the validation rows.",
            table.from.len()
        )),
        None => {}
    }
    if let Some(Threshold { value, by, reached }) = report.threshold {
        let (from, reached) = (format!("{value:.4}"), format!("{reached:.4}"));
        card.paragraph(&match by {
            ThresholdConfig::F1 {} => format!(
                "The positive label is given from a probability of {from} on, by the greatest F1 of the validation rows, {reached}."
            ),
            ThresholdConfig::Costs {
                false_positive,
                false_negative,
            } => format!(
                "The positive label is given from a probability of {from} on, by the least mean cost of the validation rows, \
                 {reached}, where a false positive costs {false_positive} and a false negative {false_negative}."
            ),
        });
    }
    let Some(coverage) = &report.coverage else {
        return;
    };
    let what = match coverage.method {
        ConformalMethod::Split => "Intervals",
        ConformalMethod::Cqr => "Intervals from quantiles that were fitted beside the value,",
        ConformalMethod::Lac | ConformalMethod::Aps => "Sets of labels",
    };
    card.paragraph(&format!(
        "{what} with a promise of {}, from {} validation rows, held the truth of {} of the test rows. {}",
        percent(coverage.confidence),
        grouped(coverage.rows),
        interval(coverage.test),
        coverage.verdict()
    ));
    if coverage.says_nothing {
        card.paragraph(match coverage.method.is_of_numbers() {
            true => "The promise is kept by saying nothing: no interval has an end, because too few validation rows were there.",
            false => "The promise is kept by saying nothing: every set has all labels.",
        });
    }
    let Some(by) = &coverage.by else {
        return;
    };
    let size = match coverage.method.is_of_numbers() {
        true => "mean width",
        false => "labels in a set",
    };
    let rows = coverage.groups.iter().map(|group| {
        let number =
            |number: Option<f64>| number.map_or_else(|| "–".to_owned(), |one| format!("{one:.4}"));
        vec![
            group.value.clone().unwrap_or_else(|| "others".to_owned()),
            grouped(group.rows),
            interval(group.test),
            if group.holds { "yes" } else { "no" }.to_owned(),
            number(group.size),
        ]
    });
    let head = [
        &format!("`{by}`"),
        "rows",
        "held the truth",
        "promise in the interval",
        size,
    ];
    card.table(&head, rows);
}

fn slices(card: &mut Card, recipe: &Recipe, report: &StudyReport) {
    if report.slices.is_empty() {
        return;
    }
    card.heading("Slices of the test rows");
    let least = report
        .slices
        .iter()
        .map(|slice| slice.rows)
        .min()
        .unwrap_or_default();
    card.line(&format!(
        "The smallest group has {}; groups under {}, or with a single label, are not measured.",
        counted(least, "row"),
        counted(recipe.config.slices.least_rows, "row")
    ));
    let measures = Measure::of_task(report.task);
    let head: Vec<&str> = ["input", "value", "rows"]
        .into_iter()
        .chain(measures.iter().map(|measure| measure.title()))
        .collect();
    let rows = report.slices.iter().map(|slice| {
        let value = |measure: &Measure| {
            let is = |one: &&Measured| one.measure == *measure;
            slice
                .measures
                .iter()
                .find(is)
                .map_or_else(|| "–".to_owned(), |one| interval(one.estimate))
        };
        let mut row = vec![
            format!("`{}`", slice.input),
            slice.value.clone().unwrap_or_else(|| "missing".to_owned()),
            grouped(slice.rows),
        ];
        row.extend(measures.iter().map(value));
        row
    });
    card.table(&head, rows);
}

fn reproduction(card: &mut Card, recipe: &Recipe, report: &StudyReport) {
    card.heading("Reproduction");
    card.line(&format!(
        "Configuration SHA-256 `{}`, data `{}`, seed {}. On one machine the same configuration and files give the same \
         bundle, byte for byte, on any number of threads and after any interruption; `provenance.json` has the details.",
        report.configuration, report.data, recipe.config.model.seed
    ));
    platform_and_license(card, recipe.config.model.license.as_deref());
}

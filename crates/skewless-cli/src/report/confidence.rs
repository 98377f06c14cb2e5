//! How far probabilities and promises can be trusted: the calibration and its error, the coverage of intervals or sets.

use skewless_core::output::{ConformalMethod, Task};
use skewless_train::metrics::CalibrationBin;
use skewless_train::plural::counted;
use skewless_train::study::confidence::{Calibrated, Coverage, GroupCoverage};
use skewless_train::study::config::ThresholdConfig;
use skewless_train::study::measure::Measure;
use skewless_train::study::threshold::Threshold;
use skewless_train::study::{StudyReport, wilson};

use super::html::{Html, Row, stacked};
use super::number::{interval, percent, short};
use super::section;
use crate::inspect::grouped;

pub(super) fn confidence(html: &mut Html, report: &StudyReport) {
    section(
        html,
        "confidence",
        "Calibration and confidence",
        "",
        |html| {
            if report.task != Task::Regression {
                html.leaf("h3", &[], "Calibration of the probabilities");
                html.leaf("p", &[], &calibrated(report));
            }
            if let Some(chosen) = report.threshold {
                html.leaf("h3", &[], "Chosen threshold");
                html.leaf("p", &[], &threshold(chosen));
            }
            if !report.test.before_int8.is_empty() {
                html.leaf("h3", &[], "What int8 costs");
                html.leaf("p", &[], &quantised(report));
            }
            html.leaf("h3", &[], "Promised confidence");
            match &report.coverage {
                Some(found) => coverage(html, report, found),
                None => html.prose(
                    "p",
                    &[],
                    "Nothing is promised: the configuration has no `[conformal]`.",
                ),
            }
        },
    );
}

fn calibrated(report: &StudyReport) -> String {
    let method = match &report.calibration {
        Some(Calibrated::Platt(platt)) => format!(
            "Platt’s sigmoid of the raw score, with slope {} and intercept {}, fitted on the validation rows.",
            short(platt.slope),
            short(platt.intercept)
        ),
        Some(Calibrated::Isotonic(table)) => format!(
            "Isotonic regression on the validation rows: a rising line through {}.",
            counted(table.from.len(), "point")
        ),
        Some(Calibrated::VennAbers(table)) => format!(
            "Inductive Venn-Abers on the validation rows: rising steps through {}.",
            counted(table.from.len(), "point")
        ),
        None => {
            "Probabilities are given as the model makes them; nothing calibrates them.".to_owned()
        }
    };
    let is_error = |measure: &Measure| *measure == Measure::CalibrationError;
    let tested = (report.test.measures.iter()).find(|one| is_error(&one.measure));
    let place = Measure::of_task(report.task).iter().position(is_error);
    let winner = report.candidates.get(report.selection.winner);
    let before = winner
        .zip(place)
        .and_then(|(winner, place)| winner.measures.get(place));
    let before =
        before
            .filter(|_| report.calibration.is_some())
            .map_or_else(String::new, |before| {
                format!(
                    " Before it the calibration error was {} on the validation rows.",
                    short(*before)
                )
            });
    let after = tested.map_or_else(String::new, |one| {
        format!(
            " On the test rows the calibration error is {}.",
            interval(one.estimate)
        )
    });
    format!("{method}{before}{after} {}", level(report))
}

fn threshold(Threshold { value, by, reached }: Threshold) -> String {
    let (from, reached) = (short(value), short(reached));
    match by {
        ThresholdConfig::F1 {} => format!(
            "The positive label is given from a probability of {from} on: there the validation rows have their greatest F1, {reached}."
        ),
        ThresholdConfig::Costs {
            false_positive,
            false_negative,
        } => format!(
            "The positive label is given from a probability of {from} on: there a validation row costs least, {reached} in the \
             mean, where a false positive costs {false_positive} and a false negative {false_negative}."
        ),
    }
}

/// The network's measures on the test rows, beside those that it had before it was quantised.
fn quantised(report: &StudyReport) -> String {
    let pairs = report.test.measures.iter().zip(&report.test.before_int8);
    let said = pairs.map(|(one, floats)| {
        let title = one.measure.title();
        format!(
            "{title} {}, in floating point {}",
            short(one.estimate.value),
            short(*floats)
        )
    });
    let said: Vec<String> = said.collect();
    format!("On the test rows: {}.", said.join("; "))
}

/// Whether probabilities are too low or too high on the whole.
fn level(report: &StudyReport) -> String {
    let labels = report.plots.as_ref().map_or(&[][..], |plots| &plots.labels);
    if report.task == Task::Binary {
        let positive = labels.last().map_or("the positive label", String::as_str);
        let what = format!("were “{positive}”");
        return leaning(&report.test.calibration, &what);
    }
    let bins = report.plots.as_ref().map(|plots| &plots.test.top_label);
    bins.map_or_else(String::new, |bins| {
        leaning(bins, "had the label that was given")
    })
}

/// The mean of what was predicted against the share that came true, over all bins.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of rows"
)]
pub(super) fn leaning(bins: &[CalibrationBin], what: &str) -> String {
    let rows = bins.iter().map(|bin| bin.rows).sum::<usize>();
    if rows == 0 {
        return String::new();
    }
    let total = |of: fn(&CalibrationBin) -> f64| -> f64 {
        bins.iter().map(|bin| of(bin) * bin.rows as f64).sum()
    };
    let predicted = total(|bin| bin.predicted) / rows as f64;
    let observed = wilson(total(|bin| bin.observed).round() as usize, rows);
    let verdict = if predicted < observed.low {
        "probabilities are too low on the whole, which puts dots above the line"
    } else if predicted > observed.high {
        "probabilities are too high on the whole, which puts dots below the line"
    } else {
        "on the whole probabilities are neither too low nor too high"
    };
    format!(
        "The mean probability on the test rows is {}, and {} of them ({} to {}) {what}: {verdict}.",
        percent(predicted),
        percent(observed.value),
        percent(observed.low),
        percent(observed.high)
    )
}

fn coverage(html: &mut Html, report: &StudyReport, found: &Coverage) {
    let is_of_numbers = found.method.is_of_numbers();
    html.prose("p", &[], &sentence(found));
    let silent = silent(report, found);
    if !silent.is_empty() {
        html.leaf("p", &[], &silent);
    }
    let size = match (is_of_numbers, unit(report)) {
        (true, Some(unit)) => format!("Mean width, {unit}"),
        (true, None) => "Mean width".to_owned(),
        (false, _) => "Labels in a set".to_owned(),
    };
    let head = ["Test rows", "Count", "Held the truth", "Promise", &size];
    let row = |name: &str, rows: usize, test, verdict: String, size: Option<f64>| {
        vec![
            name.to_owned(),
            grouped(rows),
            interval(test),
            verdict,
            size.map_or_else(|| "–".to_owned(), short),
        ]
    };
    let all = row(
        "All",
        report.test.rows,
        found.test,
        verdict(found.holds, found.test.value, found.confidence).to_owned(),
        found.size,
    );
    let of_group = |group: &GroupCoverage| {
        let by = found.by.as_deref().unwrap_or_default();
        let name = group
            .value
            .as_ref()
            .map_or_else(|| "Others".to_owned(), |value| format!("{by} = {value}"));
        let said = verdict(group.holds, group.test.value, found.confidence);
        Row::of(row(
            &name,
            group.rows,
            group.test,
            said.to_owned(),
            group.size,
        ))
        .marked("failed", is_missed(group, found))
    };
    let all = Row::of(all).marked(
        "failed",
        !found.holds && found.test.value < found.confidence,
    );
    let rows: Vec<Row> = std::iter::once(all)
        .chain(found.groups.iter().map(of_group))
        .collect();
    let caption = match &found.by {
        Some(by) => format!(
            "What was promised and what held, with Wilson’s 95 % intervals; each `{by}` has quantiles of its own"
        ),
        None => "What was promised and what held, with Wilson’s 95 % interval".to_owned(),
    };
    stacked(html, &caption, &head, &rows);
}

fn unit(report: &StudyReport) -> Option<&str> {
    report.plots.as_ref()?.unit.as_deref()
}

fn method(found: &Coverage) -> &'static str {
    match found.method {
        ConformalMethod::Split => "Intervals by split conformal prediction",
        ConformalMethod::Cqr => "Intervals by conformalised quantiles (`cqr`)",
        ConformalMethod::Lac => "Sets of labels by least ambiguous sets (`lac`)",
        ConformalMethod::Aps => "Sets of labels by adaptive sets (`aps`)",
    }
}

fn sentence(found: &Coverage) -> String {
    format!(
        "{}, from {}, promise to hold the truth of {} of rows, and held that of {} of the test rows ({} to {}). {}",
        method(found),
        counted(found.rows, "validation row"),
        percent(found.confidence),
        percent(found.test.value),
        percent(found.test.low),
        percent(found.test.high),
        found.verdict()
    )
}

fn silence(found: &Coverage) -> &'static str {
    match found.method.is_of_numbers() {
        true => {
            "The promise is kept by saying nothing: no interval has an end, because too few validation rows were there."
        }
        false => "The promise is kept by saying nothing: every set has all labels.",
    }
}

/// Of how many rows nothing is said; empty where that is not known.
#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn silent(report: &StudyReport, found: &Coverage) -> String {
    if found.says_nothing {
        return silence(found).to_owned();
    }
    let rows = report.plots.as_ref().and_then(|plots| plots.test.silent);
    let what = match found.method.is_of_numbers() {
        true => "interval has no end",
        false => "set has all labels",
    };
    rows.filter(|&rows| rows > 0)
        .map_or_else(String::new, |rows| {
            format!(
                "It says nothing of {} ({}): their {what}.",
                counted(rows, "test row"),
                percent(rows as f64 / report.test.rows as f64)
            )
        })
}

fn verdict(holds: bool, value: f64, confidence: f64) -> &'static str {
    match (holds, value < confidence) {
        (true, _) => "kept",
        (false, true) => "missed: too few",
        (false, false) => "wider than need be",
    }
}

fn is_missed(group: &GroupCoverage, found: &Coverage) -> bool {
    !group.holds && group.test.value < found.confidence
}

/// What the head of the page warns of, in short and in full; nothing where the promise is kept.
pub(super) fn missed(found: &Coverage) -> Option<(&'static str, String)> {
    let mut said = Vec::new();
    if found.says_nothing {
        let title = "the promised confidence says nothing";
        said.push((title, silence(found).to_owned()));
    }
    if !found.holds && found.test.value < found.confidence {
        said.push(("the promised confidence was missed", sentence(found)));
    }
    let groups: Vec<&str> = (found.groups.iter())
        .filter(|group| is_missed(group, found))
        .map(|group| group.value.as_deref().unwrap_or("others"))
        .collect();
    if let (Some(by), false) = (&found.by, groups.is_empty()) {
        let told = format!(
            "Of {} of `{by}` {} got less than the promised {}: {}.",
            counted(found.groups.len(), "group"),
            groups.len(),
            percent(found.confidence),
            groups.join(", ")
        );
        said.push(("the promised confidence was missed in groups", told));
    }
    let title = said.first()?.0;
    let said: Vec<String> = said.into_iter().map(|(_, told)| told).collect();
    Some((title, said.join(" ")))
}

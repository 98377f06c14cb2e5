//! What the model is and how good it is at a glance; the canvas; the checks of the data.

use skewless_train::canvas::Canvas;
use skewless_train::study::StudyReport;
use skewless_train::study::report::{Finding, Level};

use super::html::{Html, Row, table};
use super::number::{ends, interval, percent, short};
use super::section;
use crate::inspect::grouped;

pub(super) fn header(html: &mut Html, report: &StudyReport) {
    html.open("header", &[]);
    let plots = report.plots.as_ref();
    html.leaf(
        "p",
        &[("class", "over")],
        &format!("{} {}", report.name, report.version),
    );
    html.leaf(
        "h1",
        &[],
        plots.map_or(report.name.as_str(), |plots| plots.title.as_str()),
    );
    if let Some(plots) = plots {
        html.leaf("p", &[("class", "lead")], &plots.summary);
    }
    html.within("dl", &[("class", "tiles")], |html| {
        for one in &report.test.measures {
            html.within("div", &[], |html| {
                html.leaf("dt", &[], one.measure.title());
                html.leaf("dd", &[("class", "value")], &short(one.estimate.value));
                html.leaf("dd", &[], &ends(one.estimate));
            });
        }
    });
    html.leaf("p", &[("class", "note")], &sentence(report));
    html.close();
}

fn sentence(report: &StudyReport) -> String {
    let winner = report.candidates.get(report.selection.winner);
    let winner = winner.map_or_else(String::new, |one| {
        let (kind, set) = (one.candidate.parameters.kind(), &one.candidate.feature_set);
        format!(" The model: {kind} on the feature set “{set}”.")
    });
    let confidence = report.plots.as_ref().map_or_else(String::new, |plots| {
        format!(
            ", with the {:.0} % interval below",
            100.0 * plots.confidence
        )
    });
    let rows = grouped(report.test.rows);
    let outcome = if report.gates.iter().any(|gate| !gate.passed) {
        " A gate failed: there is no bundle."
    } else {
        ""
    };
    format!("Measured on {rows} test rows, opened once{confidence}.{winner}{outcome}")
}

/// What the model is for, question by question; nothing where nothing was answered.
pub(super) fn canvas(html: &mut Html, report: &StudyReport) {
    let all = report.canvas.iter().flat_map(Canvas::answers);
    let answered: Vec<(&str, &str)> = all
        .filter_map(|one| one.answer.map(|answer| (one.question, answer)))
        .collect();
    if answered.is_empty() {
        return;
    }
    section(html, "canvas", "Canvas", "", |html| {
        html.within("dl", &[("class", "canvas")], |html| {
            for (question, answer) in answered {
                html.within("div", &[], |html| {
                    html.leaf("dt", &[], question);
                    html.leaf("dd", &[], answer.trim());
                });
            }
        });
    });
}

pub(super) fn checks(html: &mut Html, report: &StudyReport) {
    let said = match report.findings.len() {
        0 => "The checks before training found nothing.".to_owned(),
        1 => "The checks before training had one finding.".to_owned(),
        count => format!("The checks before training had {count} findings."),
    };
    section(html, "checks", "Data checks", &said, |html| {
        if !report.findings.is_empty() {
            let rows: Vec<Row> = report.findings.iter().map(finding).collect();
            table(
                html,
                "Findings, the gravest first",
                &["Level", "Check", "Input", "What was found"],
                &rows,
            );
        }
        html.open("details", &[]);
        let count = report.inputs.len();
        html.leaf(
            "summary",
            &[],
            &format!("Missing and unseen values of {count} inputs"),
        );
        inputs(html, report);
        html.close();
    });
}

fn finding(finding: &Finding) -> Row {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    };
    Row::of(vec![
        level.to_owned(),
        finding.check.clone(),
        finding.input.clone().unwrap_or_default(),
        finding.message.clone(),
    ])
}

fn inputs(html: &mut Html, report: &StudyReport) {
    let shown = |estimate: skewless_train::bootstrap::Estimate| {
        format!(
            "{} (to {})",
            percent(estimate.value),
            percent(estimate.high)
        )
    };
    let row = |input: &skewless_train::study::report::InputShares| {
        Row::of(vec![
            input.name.clone(),
            shown(input.missing_train),
            shown(input.missing_validate),
            input.unseen.map_or_else(|| "–".to_owned(), shown),
            input.strength.map_or_else(|| "–".to_owned(), short),
        ])
    };
    let rows: Vec<Row> = report.inputs.iter().map(row).collect();
    table(
        html,
        "Shares of rows, in brackets the upper end of Wilson’s 95 % interval. Strength: how well the input alone tells the label, from 0 to 1",
        &[
            "Input",
            "Missing, training",
            "Missing, validation",
            "Unseen, validation",
            "Strength",
        ],
        &rows,
    );
}

/// A value with its interval, as the tables of measures have it.
pub(super) fn measured(found: Option<skewless_train::bootstrap::Estimate>) -> String {
    found.map_or_else(|| "–".to_owned(), interval)
}

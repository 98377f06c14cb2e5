//! What the model is and how good it is at a glance, and what speaks against it; the canvas; the checks of the data.

use skewless_train::canvas::Canvas;
use skewless_train::plural::counted;
use skewless_train::study::StudyReport;
use skewless_train::study::report::{Finding, Gate, Level};

use super::confidence::missed;
use super::html::{Html, Row, stacked};
use super::number::{ends, interval, of_gate, percent, short};
use super::section;

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
        html.prose("p", &[("class", "lead")], &plots.summary);
    }
    failed_gates(html, report);
    missed_promise(html, report);
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

fn failed_gates(html: &mut Html, report: &StudyReport) {
    let failed: Vec<&Gate> = report.gates.iter().filter(|gate| !gate.passed).collect();
    if failed.is_empty() {
        return;
    }
    let banner = [("class", "banner failed"), ("role", "status")];
    html.within("div", &banner, |html| {
        let said = format!(
            "{} failed: there is no bundle.",
            counted(failed.len(), "gate")
        );
        html.within("p", &[], |html| html.leaf("strong", &[], &said));
        html.within("ul", &[], |html| {
            for gate in failed {
                let said = format!(
                    "`{}` is {}, and must be {}",
                    gate.gate,
                    found(gate),
                    bounds(gate)
                );
                html.prose("li", &[], &said);
            }
        });
    });
}

/// What was found of a gate.
pub(super) fn found(gate: &Gate) -> String {
    match gate.found.is_nan() {
        true => "not measurable".to_owned(),
        false => of_gate(gate, gate.found),
    }
}

fn bounds(gate: &Gate) -> String {
    let least = gate
        .min
        .map(|min| format!("at least {}", of_gate(gate, min)));
    let most = gate
        .max
        .map(|max| format!("at most {}", of_gate(gate, max)));
    let both: Vec<String> = least.into_iter().chain(most).collect();
    both.join(" and ")
}

fn missed_promise(html: &mut Html, report: &StudyReport) {
    let Some((title, said)) = report.coverage.as_ref().and_then(missed) else {
        return;
    };
    let banner = [("class", "banner warned"), ("role", "status")];
    html.within("div", &banner, |html| {
        html.within("p", &[], |html| {
            html.leaf("strong", &[], &format!("Warning: {title}."));
            html.prose_text(&format!(" {said}"));
        });
    });
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
    let rows = counted(report.test.rows, "test row");
    let findings = match report.findings.is_empty() {
        true => "nothing".to_owned(),
        false => by_level(report),
    };
    format!(
        "Measured on {rows}, opened once{confidence}.{winner} The checks of the data found {findings}."
    )
}

/// How many findings there are of each level that has some.
fn by_level(report: &StudyReport) -> String {
    let count = |level: Level| {
        let of_level = report.findings.iter().filter(|one| one.level == level);
        of_level.count()
    };
    let levels = [Level::Error, Level::Warning, Level::Info];
    let each = levels.into_iter().map(|level| (count(level), level));
    let said: Vec<String> = each
        .filter(|(count, _)| *count > 0)
        .map(|(count, level)| counted(count, named(level)))
        .collect();
    said.join(", ")
}

fn named(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
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
                    html.prose("dd", &[], answer.trim());
                });
            }
        });
    });
}

pub(super) fn checks(html: &mut Html, report: &StudyReport) {
    let said = match report.findings.is_empty() {
        true => "The checks before training found nothing.".to_owned(),
        false => format!("The checks before training found {}.", by_level(report)),
    };
    section(html, "checks", "Data checks", &said, |html| {
        let (notes, grave): (Vec<&Finding>, Vec<&Finding>) =
            (report.findings.iter()).partition(|finding| finding.level == Level::Info);
        if !grave.is_empty() {
            findings(html, "Findings, the gravest first", &grave);
        }
        if !notes.is_empty() {
            html.open("details", &[]);
            html.leaf("summary", &[], &counted(notes.len(), "note"));
            findings(html, "What is as it should be, or harmless", &notes);
            html.close();
        }
        html.open("details", &[]);
        let count = counted(report.inputs.len(), "input");
        html.leaf(
            "summary",
            &[],
            &format!("Missing and unseen values of {count}"),
        );
        inputs(html, report);
        html.close();
    });
}

fn findings(html: &mut Html, caption: &str, findings: &[&Finding]) {
    let row = |finding: &&Finding| {
        Row::of(vec![
            named(finding.level).to_owned(),
            format!("`{}`", finding.check),
            finding.input.clone().unwrap_or_default(),
            finding.message.clone(),
        ])
    };
    let rows: Vec<Row> = findings.iter().map(row).collect();
    let head = ["Level", "Check", "Input", "What was found"];
    stacked(html, caption, &head, &rows);
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
    stacked(
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

//! Who won and by how much; what the winner looks at, what more rows would bring; the gates.

use std::cmp::Reverse;

use serde_json::Value as Json;
use skewless_train::plural::counted;
use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::models::Parameters;
use skewless_train::study::plots::{Importance, Leader};
use skewless_train::study::report::{CandidateReport, Duel, Gate};

use super::bars::{Bar, Mark, Words, bars};
use super::head::found;
use super::html::{Cell, Html, Row, stacked, table};
use super::number::{ends, interval, of_gate, short};
use super::plot::{Axis, Plot};
use super::section;
use crate::inspect::grouped;

pub(super) fn leaderboard(html: &mut Html, report: &StudyReport) {
    let by = report.selection.by.title();
    let better = if report.selection.by.rises() {
        "more"
    } else {
        "less"
    };
    let said = format!(
        "{} by {by} on the validation rows ({better} is better). A more complex family replaces a simpler one only where it gains at least {} and the paired interval of the gain lies above 0.",
        counted(report.candidates.len(), "candidate"),
        report.selection.margin
    );
    section(html, "leaderboard", "Leaderboard", &said, |html| {
        let leaders = report
            .plots
            .as_ref()
            .map_or(&[][..], |plots| &plots.leaders);
        if !leaders.is_empty() {
            let places = leaders.iter().enumerate();
            let rows: Vec<Bar> = places
                .filter_map(|(place, one)| leader(report, place, one))
                .collect();
            let shown = match report.candidates.len() {
                all if all > rows.len() => format!("The best {} of {all} by {by}", rows.len()),
                _ => format!("All candidates by {by}"),
            };
            let words = Words {
                caption: &format!(
                    "{shown}, with intervals, the best first; {better} is better. The chosen one is filled. Below a name stand the parameters that its family tried several values of"
                ),
                described: &shown,
                axis: &format!("{by} on the validation rows"),
            };
            bars(html, Mark::Interval, &words, &rows);
        }
        duels(html, report);
        html.open("details", &[]);
        html.leaf("summary", &[], "Every candidate");
        candidates(html, report);
        html.close();
    });
}

fn leader(report: &StudyReport, place: usize, leader: &Leader) -> Option<Bar> {
    let candidate = report.candidates.get(leader.candidate)?;
    let is_winner = leader.candidate == report.selection.winner;
    let chosen = if is_winner { " (chosen)" } else { "" };
    Some(Bar {
        name: format!("{}. {}{chosen}", place + 1, name(candidate)),
        detail: differing(report, candidate),
        value: leader.by,
        said: interval(leader.by),
        class: if is_winner { "dot" } else { "dot hollow" },
    })
}

fn name(candidate: &CandidateReport) -> String {
    let candidate = &candidate.candidate;
    format!(
        "{} on {}",
        candidate.parameters.kind(),
        candidate.feature_set
    )
}

/// The parameters that the candidate's family has several values of.
fn differing(report: &StudyReport, candidate: &CandidateReport) -> String {
    let kind = candidate.candidate.parameters.kind();
    let family = (report.candidates.iter()).filter(|one| one.candidate.parameters.kind() == kind);
    let family: Vec<_> = family.map(parameters).collect();
    let differs = |(name, value): &(String, String)| {
        let is_same = |(other, known): &(String, String)| other == name && known == value;
        !family.iter().all(|one| one.iter().any(is_same))
    };
    let own = parameters(candidate).into_iter().filter(differs);
    let said: Vec<String> = own.map(|(name, value)| format!("{name} {value}")).collect();
    said.join(", ")
}

/// Names and values of a candidate's parameters.
fn parameters(candidate: &CandidateReport) -> Vec<(String, String)> {
    let candidate = &candidate.candidate;
    let mut named = match &candidate.parameters {
        Parameters::Rules { .. } => vec![("rules".to_owned(), candidate.parameters.described())],
        other => match serde_json::to_value(other) {
            Ok(Json::Object(fields)) => (fields.into_iter())
                .filter(|(name, _)| name != "kind")
                .map(|(name, value)| (name.replace('_', " "), said(&value)))
                .collect(),
            _ => Vec::new(),
        },
    };
    named.extend((candidate.max_rows).map(|rows| ("at most rows".to_owned(), grouped(rows))));
    named
}

fn said(value: &Json) -> String {
    match value {
        Json::Null => "none".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(each) => {
            let each: Vec<String> = each.iter().map(said).collect();
            format!("[{}]", each.join(", "))
        }
        other => other
            .as_f64()
            .map_or_else(|| other.to_string(), |number| number.to_string()),
    }
}

/// Places of the candidates: those that ran to the end by the measure, then those that were left, the latest first.
fn ranked(report: &StudyReport) -> Vec<usize> {
    let by = report.selection.by;
    let place_of_measure = (Measure::of_task(report.task).iter()).position(|&one| one == by);
    let merit = |one: &CandidateReport| {
        let value = place_of_measure.and_then(|place| one.measures.get(place));
        let merit = value.map_or(f64::NAN, |&value| by.gain(value, 0.0));
        if merit.is_nan() {
            f64::NEG_INFINITY
        } else {
            merit
        }
    };
    let mut places: Vec<(usize, &CandidateReport)> = report.candidates.iter().enumerate().collect();
    places.sort_by(|(_, a), (_, b)| {
        let left = |one: &CandidateReport| (one.left_at.is_some(), Reverse(one.left_at));
        left(a)
            .cmp(&left(b))
            .then_with(|| merit(b).total_cmp(&merit(a)))
    });
    places.into_iter().map(|(place, _)| place).collect()
}

fn duels(html: &mut Html, report: &StudyReport) {
    let of = |place: usize| {
        let candidate = report.candidates.get(place);
        let cell = candidate.map_or_else(String::new, name);
        Cell::of(cell).above(candidate.map_or_else(String::new, |one| differing(report, one)))
    };
    let row = |duel: &Duel| {
        let verdict = if duel.won {
            "takes its place"
        } else {
            "does not"
        };
        let cells = vec![
            of(duel.challenger),
            of(duel.incumbent),
            Cell::of(interval(duel.gain)),
            Cell::of(verdict.to_owned()),
        ];
        Row::with(cells).marked("chosen", duel.won)
    };
    let rows: Vec<Row> = report.selection.duels.iter().map(row).collect();
    if !rows.is_empty() {
        let head = ["More complex", "Best so far", "Gain", "Verdict"];
        stacked(
            html,
            "The best of each family and feature set, from the simplest on",
            &head,
            &rows,
        );
    }
}

fn candidates(html: &mut Html, report: &StudyReport) {
    let measures = Measure::of_task(report.task).iter().map(|one| one.title());
    let head: Vec<&str> = ["Rank", "Model", "Parameters"]
        .into_iter()
        .chain(measures)
        .collect();
    let row = |(rank, place): (usize, usize)| {
        let one = report.candidates.get(place)?;
        let rank = match one.left_at {
            Some(_) => "–".to_owned(),
            None => (rank + 1).to_string(),
        };
        let left = one
            .left_at
            .map_or_else(String::new, |rung| format!(" (left at rung {rung})"));
        let parameters = one.candidate.parameters.described();
        let mut cells = vec![rank, name(one), format!("{parameters}{left}")];
        cells.extend(one.measures.iter().map(|value| short(*value)));
        Some(Row::of(cells).marked("chosen", place == report.selection.winner))
    };
    let rows: Vec<Row> = ranked(report)
        .into_iter()
        .enumerate()
        .filter_map(row)
        .collect();
    stacked(
        html,
        "Measures over the validation rows of all folds",
        &head,
        &rows,
    );
}

pub(super) fn importance(html: &mut Html, report: &StudyReport) {
    let Some(held_out) = report.plots.as_ref().map(|plots| &plots.held_out) else {
        return;
    };
    let by = held_out.measure.map_or("the measure", Measure::title);
    let said = format!(
        "By how much {by} gets worse when one input is shuffled among {} of the last fold: mean of {} shuffles, each on a fresh draw of the rows, and the interval that holds 95 % of them. Inputs that tell the same share their importance.",
        counted(held_out.rows, "validation row"),
        held_out.repeats
    );
    section(html, "importance", "Feature importance", &said, |html| {
        let bar = |one: &Importance| Bar {
            name: one.input.clone(),
            detail: String::new(),
            value: one.loss,
            said: interval(one.loss),
            class: "dot",
        };
        let rows: Vec<Bar> = held_out.importance.iter().map(bar).collect();
        let worse = format!("How much worse {by} gets when an input is shuffled");
        let words = Words {
            caption: &format!("{worse}, the most important input first; at 0 it is not missed"),
            described: &worse,
            axis: &format!("Worse by, in {by}"),
        };
        bars(html, Mark::Interval, &words, &rows);
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
pub(super) fn learning(html: &mut Html, report: &StudyReport) {
    let Some(held_out) = report.plots.as_ref().map(|plots| &plots.held_out) else {
        return;
    };
    let points = &held_out.learning;
    let by = held_out.measure.map_or("measure", Measure::title);
    let said = if points.is_empty() {
        "The model was fitted elsewhere: there is none."
    } else {
        "The winner’s candidate fitted on an eighth, a quarter, a half and all training rows of the last fold, measured on its validation rows."
    };
    section(html, "learning", "Learning curve", said, |html| {
        let Some(most) = points.iter().map(|point| point.rows).max() else {
            return;
        };
        let ends_of = points
            .iter()
            .flat_map(|one| [one.by.low, one.by.value, one.by.high]);
        let y = Axis::around(by, ends_of);
        let from = match y.low > 0.0 || y.high < 0.0 {
            true => ". The vertical axis does not begin at 0",
            false => "",
        };
        let plot = Plot {
            caption: &format!(
                "Vertical lines are the intervals of the measure on the validation rows{from}"
            ),
            described: &format!("{by} by number of training rows"),
            x: Axis::count("Training rows", 1.05 * most as f64),
            y,
        };
        html.open("div", &[("class", "figures")]);
        plot.draw(html, |plot, html| {
            let at: Vec<[f64; 2]> = points
                .iter()
                .map(|one| [one.rows as f64, one.by.value])
                .collect();
            plot.path(html, "curve", &at);
            for (point, &at) in points.iter().zip(&at) {
                plot.path(
                    html,
                    "whisker",
                    &[[at[0], point.by.low], [at[0], point.by.high]],
                );
                let said = format!("{}: {}", counted(point.rows, "row"), interval(point.by));
                plot.dot(html, "dot", at, 4.0, &said);
            }
        });
        let row = |one: &skewless_train::study::plots::LearningPoint| {
            Row::of(vec![grouped(one.rows), short(one.by.value), ends(one.by)])
        };
        let rows: Vec<Row> = points.iter().map(row).collect();
        table(
            html,
            "The same in numbers",
            &["Training rows", by, "Interval"],
            &rows,
        );
        html.close();
    });
}

pub(super) fn gates(html: &mut Html, report: &StudyReport) {
    if report.gates.is_empty() {
        return;
    }
    section(html, "gates", "Gates", "", |html| {
        let row = |gate: &Gate| {
            let bound = |bound: Option<f64>| {
                bound.map_or_else(|| "–".to_owned(), |bound| of_gate(gate, bound))
            };
            Row::of(vec![
                format!("`{}`", gate.gate),
                found(gate),
                bound(gate.min),
                bound(gate.max),
                if gate.passed { "passed" } else { "✗ failed" }.to_owned(),
            ])
            .marked("failed", !gate.passed)
        };
        let rows: Vec<Row> = report.gates.iter().map(row).collect();
        let head = ["Gate", "Found", "At least", "At most", "Outcome"];
        stacked(
            html,
            "What had to hold for a bundle to be written",
            &head,
            &rows,
        );
    });
}

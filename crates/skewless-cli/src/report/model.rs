//! Who won and by how much; what the winner looks at, what more rows would bring; the gates.

use skewless_train::study::StudyReport;
use skewless_train::study::measure::Measure;
use skewless_train::study::plots::{Importance, Leader};
use skewless_train::study::report::{CandidateReport, Duel, Gate};

use super::bars::{Bar, Mark, bars};
use super::html::{Html, Row, table};
use super::number::{ends, interval, short};
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
        "{} candidates by {by} on the validation rows ({better} is better). A more complex family replaces a simpler one only where it gains at least {} and the paired interval of the gain lies above 0.",
        report.candidates.len(),
        report.selection.margin
    );
    section(html, "leaderboard", "Leaderboard", &said, |html| {
        let leaders = report
            .plots
            .as_ref()
            .map_or(&[][..], |plots| &plots.leaders);
        if !leaders.is_empty() {
            let rows: Vec<Bar> = leaders
                .iter()
                .filter_map(|one| leader(report, one))
                .collect();
            let caption = format!(
                "The best {} by {by}, with intervals. The chosen one is filled",
                rows.len()
            );
            bars(html, Mark::Interval, &caption, &caption, &rows);
        }
        duels(html, report);
        html.open("details", &[]);
        html.leaf("summary", &[], "Every candidate");
        candidates(html, report);
        html.close();
    });
}

fn leader(report: &StudyReport, leader: &Leader) -> Option<Bar> {
    let candidate = report.candidates.get(leader.candidate)?;
    let is_winner = leader.candidate == report.selection.winner;
    Some(Bar {
        name: format!("{}. {}", leader.candidate + 1, name(candidate)),
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

fn named(report: &StudyReport, place: usize) -> String {
    let candidate = report.candidates.get(place);
    candidate.map_or_else(String::new, |one| format!("{}. {}", place + 1, name(one)))
}

fn duels(html: &mut Html, report: &StudyReport) {
    let row = |duel: &Duel| Row {
        cells: vec![
            named(report, duel.challenger),
            named(report, duel.incumbent),
            interval(duel.gain),
            if duel.won {
                "takes its place"
            } else {
                "does not"
            }
            .to_owned(),
        ],
        is_marked: duel.won,
    };
    let rows: Vec<Row> = report.selection.duels.iter().map(row).collect();
    if !rows.is_empty() {
        let head = ["More complex", "Best so far", "Gain", "Verdict"];
        table(
            html,
            "The best of each family and feature set, from the simplest on",
            &head,
            &rows,
        );
    }
}

fn candidates(html: &mut Html, report: &StudyReport) {
    let measures = Measure::of_task(report.task).iter().map(|one| one.title());
    let head: Vec<&str> = ["No.", "Model", "Parameters"]
        .into_iter()
        .chain(measures)
        .collect();
    let row = |(place, one): (usize, &CandidateReport)| {
        let left = one
            .left_at
            .map_or_else(String::new, |rung| format!(" (left at rung {rung})"));
        let parameters = one.candidate.parameters.described();
        let mut cells = vec![
            (place + 1).to_string(),
            name(one),
            format!("{parameters}{left}"),
        ];
        cells.extend(one.measures.iter().map(|value| short(*value)));
        Row {
            cells,
            is_marked: place == report.selection.winner,
        }
    };
    let rows: Vec<Row> = report.candidates.iter().enumerate().map(row).collect();
    table(
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
        "By how much {by} gets worse when one input is shuffled among {} validation rows of the last fold: mean of {} shuffles, each on a fresh draw of the rows, and the interval that holds 95 % of them. Inputs that tell the same share their importance.",
        grouped(held_out.rows),
        held_out.repeats
    );
    section(html, "importance", "Feature importance", &said, |html| {
        let bar = |one: &Importance| Bar {
            name: one.input.clone(),
            value: one.loss,
            said: interval(one.loss),
            class: "dot",
        };
        let rows: Vec<Bar> = held_out.importance.iter().map(bar).collect();
        let caption = format!("Loss in {by} by permutation of each input");
        bars(html, Mark::Interval, &caption, &caption, &rows);
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
        let plot = Plot {
            caption: "Vertical lines are the intervals of the measure on the validation rows",
            described: &format!("{by} by number of training rows"),
            x: Axis::count("Training rows", 1.05 * most as f64),
            y: Axis::around(by, ends_of),
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
                let said = format!("{} rows: {}", grouped(point.rows), interval(point.by));
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
        let bound = |bound: Option<f64>| bound.map_or_else(|| "–".to_owned(), short);
        let row = |gate: &Gate| {
            Row::of(vec![
                gate.gate.clone(),
                short(gate.found),
                bound(gate.min),
                bound(gate.max),
                if gate.passed { "passed" } else { "failed" }.to_owned(),
            ])
        };
        let rows: Vec<Row> = report.gates.iter().map(row).collect();
        let head = ["Gate", "Found", "At least", "At most", "Outcome"];
        table(
            html,
            "What had to hold for a bundle to be written",
            &head,
            &rows,
        );
    });
}

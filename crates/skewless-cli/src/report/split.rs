//! The split as a picture: rows of every part, and of a split by time when they happened.

use skewless_train::bootstrap::Estimate;
use skewless_train::study::StudyReport;
use skewless_train::study::report::Part;

use super::bars::{Bar, Mark, Words, bars};
use super::html::{Html, Row, table};
use super::number::{percent, short};
use super::section;
use crate::inspect::grouped;

pub(super) fn split(html: &mut Html, report: &StudyReport) {
    let said = report.plots.as_ref().map_or_else(String::new, |plots| {
        let (by, input) = (&plots.split_by, &plots.split_input);
        format!("Split by {by} of “{input}”. Everything is fitted on the training rows of its fold alone.")
    });
    section(html, "split", "Split", &said, |html| {
        let each = report.parts.iter().enumerate();
        let rows: Vec<Bar> = each.map(|(place, part)| bar(report, place, part)).collect();
        let described = "Rows of each part of the split";
        let words = Words {
            caption: described,
            described,
            axis: "Rows",
        };
        bars(html, Mark::Bar, &words, &rows);
        levels(html, report);
    });
}

#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn bar(report: &StudyReport, place: usize, part: &Part) -> Bar {
    let rows = part.rows as f64;
    let count = grouped(part.rows);
    Bar {
        name: part.name.clone(),
        detail: String::new(),
        value: Estimate {
            value: rows,
            low: rows,
            high: rows,
        },
        said: match span(report, place) {
            Some([from, to]) => format!("{count} · {from} – {to}"),
            None => count,
        },
        class: match part.name.split(' ').next() {
            Some("train") => "bar quiet",
            Some("validate") => "bar second",
            _ => "bar",
        },
    }
}

fn span(report: &StudyReport, place: usize) -> Option<&[String; 2]> {
    report.plots.as_ref()?.spans.get(place)
}

fn levels(html: &mut Html, report: &StudyReport) {
    let labels = report.plots.as_ref().map_or(&[][..], |plots| &plots.labels);
    let mut head = vec!["Part", "Rows"];
    if labels.is_empty() {
        head.push("Mean of the label");
    }
    head.extend(labels.iter().map(String::as_str));
    let level = |level: &f64| {
        if labels.is_empty() {
            short(*level)
        } else {
            percent(*level)
        }
    };
    let row = |part: &Part| {
        let mut cells = vec![part.name.clone(), grouped(part.rows)];
        cells.extend(part.level.iter().map(level));
        Row::of(cells)
    };
    let rows: Vec<Row> = report.parts.iter().map(row).collect();
    html.open("details", &[]);
    html.leaf("summary", &[], "The label in each part");
    table(html, "Rows and label of each part", &head, &rows);
    html.close();
}

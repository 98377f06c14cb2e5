//! Sources, views and joins: what each row was made from, and what did not match.

use skewless_train::study::StudyReport;
use skewless_train::study::report::{JoinFacts, SourceFacts, SourceKind};

use super::html::{Html, Row, stacked};
use super::number::{duration, percent};
use super::section;
use crate::inspect::grouped;

/// Nothing where there are neither.
pub(super) fn sources(html: &mut Html, report: &StudyReport) {
    if report.sources.is_empty() {
        return;
    }
    let said =
        "A join as of a time takes the newest row that was known then, and never a later one.";
    section(html, "sources", "Sources and joins", said, |html| {
        let rows: Vec<Row> = report.sources.iter().map(source).collect();
        let head = ["Name", "Kind", "Made from", "Rows", "Newest", "Owner"];
        stacked(html, "Sources and views", &head, &rows);
        if report.sources.iter().any(|source| source.owner.is_none()) {
            let said =
                "Nobody answers for what has no owner: `skewless lint` lists what is not answered.";
            html.prose("p", &[("class", "note")], said);
        }
        if !report.joins.is_empty() {
            let rows: Vec<Row> = report.joins.iter().map(join).collect();
            let head = [
                "Source",
                "On",
                "As of",
                "Late by",
                "Within",
                "Columns",
                "Rows",
                "Matched",
                "Unmatched",
            ];
            let caption = "Joins, in their order. Late by: how long after its time a row counts as known. Within: how old it may be at most";
            stacked(html, caption, &head, &rows);
        }
    });
}

fn source(source: &SourceFacts) -> Row {
    let kind = match source.kind {
        SourceKind::Files => "files",
        SourceKind::View => "view",
    };
    let unsaid = || "–".to_owned();
    Row::of(vec![
        source.name.clone(),
        kind.to_owned(),
        source.files.join(", "),
        grouped(source.rows),
        source.newest.clone().unwrap_or_else(unsaid),
        source.owner.clone().unwrap_or_else(unsaid),
    ])
}

fn join(join: &JoinFacts) -> Row {
    Row::of(vec![
        join.source.clone(),
        join.on.join(", "),
        join.as_of.clone().unwrap_or_else(|| "–".to_owned()),
        late(join),
        join.within.map_or_else(|| "–".to_owned(), duration),
        join.columns.join(", "),
        grouped(join.rows),
        percent(1.0 - join.unmatched_share),
        format!(
            "{} ({})",
            percent(join.unmatched_share),
            grouped(join.unmatched)
        ),
    ])
}

/// How late rows of a join as of a time are known.
pub(super) fn late(join: &JoinFacts) -> String {
    match join.as_of {
        Some(_) => duration(join.lateness),
        None => "–".to_owned(),
    }
}

//! Sources, views and joins: what each row was made from, and what did not match.

use skewless_train::study::StudyReport;
use skewless_train::study::report::{JoinFacts, SourceFacts, SourceKind};

use super::html::{Html, Row, table};
use super::number::percent;
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
        table(html, "Sources and views", &head, &rows);
        if !report.joins.is_empty() {
            let rows: Vec<Row> = report.joins.iter().map(join).collect();
            let head = ["Source", "On", "As of", "Columns", "Rows", "Unmatched"];
            table(html, "Joins, in their order", &head, &rows);
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
        join.columns.join(", "),
        grouped(join.rows),
        format!(
            "{} ({})",
            grouped(join.unmatched),
            percent(join.unmatched_share)
        ),
    ])
}

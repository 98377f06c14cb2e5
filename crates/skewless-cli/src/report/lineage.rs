//! Where the bundle comes from: files, features, winner, bundle, each with its digest.

use skewless_train::study::StudyReport;
use skewless_train::study::report::SourceKind;

use super::html::{Html, Row, table};
use super::plot::{label_at, line, rectangle};
use super::section;
use crate::inspect::grouped;

const BOX: f64 = 58.0;
const GAP: f64 = 26.0;

/// A step: what it is, its name, its digest.
struct Stop {
    kind: &'static str,
    name: String,
    digest: String,
}

pub(super) fn lineage(html: &mut Html, report: &StudyReport) {
    let said =
        "Equal digests are equal bytes: the same configuration and files give the same bundle.";
    section(html, "lineage", "Lineage", said, |html| {
        let ranks = ranks(report);
        graph(html, &ranks);
        let row = |stop: &Stop| {
            Row::of(vec![
                stop.kind.to_owned(),
                stop.name.clone(),
                stop.digest.clone(),
            ])
        };
        let rows: Vec<Row> = ranks.iter().flatten().map(row).collect();
        html.open("details", &[]);
        html.leaf("summary", &[], "Digests in full");
        table(
            html,
            "SHA-256 of each step",
            &["Step", "Name", "SHA-256"],
            &rows,
        );
        html.close();
    });
}

/// From the sources down to the bundle.
fn ranks(report: &StudyReport) -> Vec<Vec<Stop>> {
    let configuration = Stop {
        kind: "configuration",
        name: report.name.clone(),
        digest: report.configuration.clone(),
    };
    // The files of a source stand under its name.
    let sources = report.sources.iter().map(|source| Stop {
        kind: match source.kind {
            SourceKind::Files => "source",
            SourceKind::View => "view",
        },
        name: format!("{}, {} rows", source.name, grouped(source.rows)),
        digest: source.digest.clone(),
    });
    let named: Vec<&String> = report.sources.iter().flat_map(|one| &one.files).collect();
    let unnamed = report
        .files
        .iter()
        .filter(|file| !named.contains(&&file.path));
    let files = unnamed.map(|file| Stop {
        kind: "source",
        name: format!("{}, {} rows", file.path, grouped(file.rows)),
        digest: file.sha256.clone(),
    });
    let winner = report
        .candidates
        .get(report.selection.winner)
        .map(|one| &one.candidate);
    let set = winner.and_then(|one| {
        let mut sets = report.feature_sets.iter();
        sets.find(|set| set.name == one.feature_set)
    });
    let set = set.map(|set| Stop {
        kind: "features",
        name: format!("{}, {} features", set.name, set.features.len()),
        digest: set.digest.clone(),
    });
    let winner = winner.map(|one| Stop {
        kind: "winner",
        name: format!("{} on {}", one.parameters.kind(), one.feature_set),
        digest: one.digest.clone(),
    });
    let bundle = Stop {
        kind: "bundle",
        name: match report.digest.is_empty() {
            true => "none: a gate failed".to_owned(),
            false => format!("{}.skw, {} bytes", report.name, grouped(report.bytes)),
        },
        digest: report.digest.clone(),
    };
    let mut ranks = vec![
        std::iter::once(configuration)
            .chain(files)
            .chain(sources)
            .collect(),
    ];
    ranks.extend(
        set.into_iter()
            .chain(winner)
            .chain([bundle])
            .map(|stop| vec![stop]),
    );
    ranks
}

/// Sources stand in rows of three, and on narrow pages one below the other.
fn graph(html: &mut Html, ranks: &[Vec<Stop>]) {
    let said = "From the sources to the bundle";
    html.open("figure", &[]);
    for (class, width, beside) in [("wide", 640.0, 3), ("narrow", 360.0, 1)] {
        let rows: Vec<&[Stop]> = ranks.iter().flat_map(|rank| rank.chunks(beside)).collect();
        let height = rows.iter().fold(2.0 - GAP, |height, _| height + BOX + GAP);
        let size = format!("0 0 {width} {height}");
        html.open(
            "svg",
            &[
                ("class", class),
                ("viewBox", &size),
                ("role", "img"),
                ("aria-label", said),
            ],
        );
        html.leaf("title", &[], said);
        boxes(html, width, &rows);
        html.close();
    }
    html.leaf("figcaption", &[], said);
    html.close();
}

#[expect(clippy::cast_precision_loss, reason = "a few boxes")]
fn boxes(html: &mut Html, width: f64, rows: &[&[Stop]]) {
    for (place, stops) in rows.iter().enumerate() {
        let y = 1.0 + place as f64 * (BOX + GAP);
        let share = width / stops.len() as f64;
        let below = rows.get(place + 1).map(|stops| stops.len());
        for (column, stop) in stops.iter().enumerate() {
            let x = share * (column as f64 + 0.5);
            if let Some(below) = below {
                let to = if below == 1 { width / 2.0 } else { x };
                line(html, "edge", [x, y + BOX], [to, y + BOX + GAP]);
            }
            stop_at(html, stop, [x, y]);
        }
    }
}

fn stop_at(html: &mut Html, stop: &Stop, at: [f64; 2]) {
    const WIDE: f64 = 204.0;
    let [x, y] = at;
    rectangle(html, "box", [x - WIDE / 2.0, y], [WIDE, BOX]);
    label_at(html, "middle", [x, y + 17.0], stop.kind);
    let name: String = stop.name.chars().take(32).collect();
    label_at(html, "middle", [x, y + 34.0], &name);
    let digest: String = stop.digest.chars().take(12).collect();
    label_at(html, "middle", [x, y + 50.0], &digest);
}

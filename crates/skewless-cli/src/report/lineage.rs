//! Where the bundle comes from: files, sources, views, joins, features, experiment, winner, bundle and report, each with
//! its digest where it has one.

use skewless_train::plural::counted;
use skewless_train::study::StudyReport;
use skewless_train::study::report::{JoinFacts, SourceFacts, SourceKind};

use super::html::{Html, Row, stacked};
use super::number::{duration, percent};
use super::plot::{label_at, line, rectangle};
use super::section;
use super::sources::late;

const BOX: f64 = 58.0;
const WIDE: f64 = 204.0;
const GAP: f64 = 26.0;

/// A step: what it is, its name, its digest, what more there is to say, and the steps that it is made from.
#[derive(Default)]
struct Stop {
    kind: &'static str,
    name: String,
    digest: String,
    said: String,
    from: Vec<usize>,
}

/// Steps in ranks, each made from steps of ranks above.
#[derive(Default)]
struct Graph {
    stops: Vec<Stop>,
    /// Places of the steps of each rank.
    ranks: Vec<Vec<usize>>,
}

impl Graph {
    /// Adds a rank, if it has steps; their places.
    fn rank(&mut self, stops: impl IntoIterator<Item = Stop>) -> Vec<usize> {
        let first = self.stops.len();
        self.stops.extend(stops);
        let places: Vec<usize> = (first..self.stops.len()).collect();
        if !places.is_empty() {
            self.ranks.push(places.clone());
        }
        places
    }

    fn name(&self, place: usize) -> String {
        let stop = self.stops.get(place);
        stop.map_or_else(String::new, |stop| format!("{} {}", stop.kind, stop.name))
    }

    /// Names of the steps that a step is made from.
    fn from(&self, stop: &Stop) -> String {
        let names: Vec<String> = stop.from.iter().map(|&place| self.name(place)).collect();
        names.join("; ")
    }
}

/// `digest` is that of the report's bytes.
pub(super) fn lineage(html: &mut Html, report: &StudyReport, digest: &str) {
    let said =
        "Equal digests are equal bytes: the same configuration and files give the same bundle.";
    section(html, "lineage", "Lineage", said, |html| {
        let graph = steps(report, digest);
        draw(html, &graph);
        let row = |stop: &Stop| {
            let or_none = |text: String| match text.is_empty() {
                true => "–".to_owned(),
                false => text,
            };
            Row::of(vec![
                stop.kind.to_owned(),
                stop.name.clone(),
                or_none(graph.from(stop)),
                or_none(stop.said.clone()),
                or_none(stop.digest.clone()),
            ])
        };
        let rows: Vec<Row> = graph.stops.iter().map(row).collect();
        html.open("details", &[]);
        html.leaf("summary", &[], "Digests in full");
        let head = ["Step", "Name", "Made from", "How", "SHA-256"];
        stacked(html, "Each step with its SHA-256", &head, &rows);
        html.close();
    });
}

/// From the sources down to bundle and report.
fn steps(report: &StudyReport, digest: &str) -> Graph {
    let mut graph = Graph::default();
    let from = tables(&mut graph, report);
    let configuration = Stop {
        kind: "configuration",
        name: report.name.clone(),
        digest: report.configuration.clone(),
        ..Stop::default()
    };
    let rows = report.steps.first().map_or(0, |step| step.rows);
    let table = Stop {
        kind: "table",
        name: counted(rows, "row"),
        digest: report.data.clone(),
        said: "The digest is over all files, sources and joins".to_owned(),
        from,
    };
    let both = graph.rank([configuration, table]);
    let winner = report.candidates.get(report.selection.winner);
    let winner = winner.map(|one| &one.candidate);
    let set = winner.and_then(|one| {
        let mut sets = report.feature_sets.iter();
        sets.find(|set| set.name == one.feature_set)
    });
    let set = set.map(|set| Stop {
        kind: "features",
        name: format!("{}, {}", set.name, counted(set.features.len(), "feature")),
        digest: set.digest.clone(),
        from: both,
        ..Stop::default()
    });
    let sets = graph.rank(set);
    let experiment = winner.map(|one| Stop {
        kind: "experiment",
        name: one.experiment.clone(),
        said: format!(
            "{}, chosen by {}",
            counted(report.candidates.len(), "candidate"),
            report.selection.by.title()
        ),
        from: sets,
        ..Stop::default()
    });
    let experiments = graph.rank(experiment);
    let winner = winner.map(|one| Stop {
        kind: "winner",
        name: format!("{} on {}", one.parameters.kind(), one.feature_set),
        digest: one.digest.clone(),
        said: one.parameters.described(),
        from: experiments,
    });
    let winners = graph.rank(winner);
    let bundle = Stop {
        kind: "bundle",
        name: match report.digest.is_empty() {
            true => "none: a gate failed".to_owned(),
            false => format!("{}.skw, {}", report.name, counted(report.bytes, "byte")),
        },
        digest: report.digest.clone(),
        from: winners.clone(),
        ..Stop::default()
    };
    let told = Stop {
        kind: "report",
        name: "the report of this page".to_owned(),
        digest: digest.to_owned(),
        from: winners,
        ..Stop::default()
    };
    graph.rank([bundle, told]);
    graph
}

/// Files and sources, views, joins in their order; the places of what the table is made from.
fn tables(graph: &mut Graph, report: &StudyReport) -> Vec<usize> {
    let of_kind = |kind| report.sources.iter().filter(move |one| one.kind == kind);
    // The files of a source stand under its name.
    let is_named = |path: &String| report.sources.iter().any(|one| one.files.contains(path));
    let unnamed = report.files.iter().filter(|file| !is_named(&file.path));
    let files = unnamed.map(|file| Stop {
        kind: "source",
        name: format!("{}, {}", file.path, counted(file.rows, "row")),
        digest: file.sha256.clone(),
        ..Stop::default()
    });
    let mut known: Vec<(&str, usize)> = Vec::new();
    let stop = |kind: &'static str, source: &SourceFacts, from| Stop {
        kind,
        name: format!("{}, {}", source.name, counted(source.rows, "row")),
        digest: source.digest.clone(),
        said: source.files.join(", "),
        from,
    };
    let sources = of_kind(SourceKind::Files).map(|source| stop("source", source, Vec::new()));
    let first = graph.rank(files.chain(sources));
    let (bases, places) = first.split_at(first.len() - of_kind(SourceKind::Files).count());
    let mut bases = bases.to_vec();
    let names = of_kind(SourceKind::Files).map(|one| one.name.as_str());
    known.extend(names.zip(places.iter().copied()));
    // A view may be made from another.
    for view in of_kind(SourceKind::View) {
        let is_in = |(name, _): &&(&str, usize)| view.files.iter().any(|one| one == name);
        let from = known.iter().filter(is_in).map(|(_, place)| *place);
        let place = graph.rank([stop("view", view, from.collect())]);
        known.extend(place.into_iter().map(|place| (view.name.as_str(), place)));
    }
    let taken = graph.stops.iter().flat_map(|stop| stop.from.clone());
    let taken: Vec<usize> = taken.collect();
    let joins = |name: &str| report.joins.iter().any(|join| join.source == name);
    let is_base = |(name, place): &&(&str, usize)| !taken.contains(place) && !joins(name);
    bases.extend(known.iter().filter(is_base).map(|(_, place)| *place));
    for join in &report.joins {
        let joined = known.iter().filter(|(name, _)| *name == join.source);
        let place = graph.rank([Stop {
            kind: "join",
            name: join.source.clone(),
            said: joins_by(join),
            from: (bases.into_iter())
                .chain(joined.map(|(_, place)| *place))
                .collect(),
            ..Stop::default()
        }]);
        bases = place;
    }
    bases
}

/// How a join matches.
fn joins_by(join: &JoinFacts) -> String {
    let mut said = vec![format!("on {}", join.on.join(", "))];
    if let Some(as_of) = &join.as_of {
        said.push(format!("as of {as_of}"));
        said.push(format!("late by {}", late(join)));
    }
    said.extend(
        join.within
            .map(|within| format!("within {}", duration(within))),
    );
    said.push(format!("{} unmatched", percent(join.unmatched_share)));
    said.join(", ")
}

/// Ranks stand in rows of three, and on narrow pages one step below the other.
fn draw(html: &mut Html, graph: &Graph) {
    let said = "From the sources to bundle and report";
    html.open("figure", &[]);
    for (class, width, beside) in [("wide", 640.0, 3), ("narrow", 360.0, 1)] {
        let rows: Vec<&[usize]> = (graph.ranks.iter())
            .flat_map(|rank| rank.chunks(beside))
            .collect();
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
        boxes(html, width, graph, &rows);
        html.close();
    }
    html.leaf(
        "figcaption",
        &[],
        "From the sources to bundle and report. How a step is made shows under the pointer and stands in the table below",
    );
    html.close();
}

/// Lines first, so that boxes stand before those that pass a row.
#[expect(clippy::cast_precision_loss, reason = "a few boxes")]
fn boxes(html: &mut Html, width: f64, graph: &Graph, rows: &[&[usize]]) {
    let mut places = vec![[0.0, 0.0]; graph.stops.len()];
    for (row, stops) in rows.iter().enumerate() {
        let share = width / stops.len() as f64;
        for (column, &stop) in stops.iter().enumerate() {
            if let Some(place) = places.get_mut(stop) {
                *place = [
                    share * (column as f64 + 0.5),
                    1.0 + row as f64 * (BOX + GAP),
                ];
            }
        }
    }
    let at = |place: usize| places.get(place).copied().unwrap_or_default();
    for (place, stop) in graph.stops.iter().enumerate() {
        let [to_x, to_y] = at(place);
        for &from in &stop.from {
            let [from_x, from_y] = at(from);
            line(html, "edge", [from_x, from_y + BOX], [to_x, to_y]);
        }
    }
    for (place, stop) in graph.stops.iter().enumerate() {
        html.within("g", &[], |html| stop_at(html, graph, stop, at(place)));
    }
}

fn stop_at(html: &mut Html, graph: &Graph, stop: &Stop, at: [f64; 2]) {
    let [x, y] = at;
    let from = match graph.from(stop) {
        from if from.is_empty() => from,
        from => format!("from {from}"),
    };
    let told = [
        format!("{} {}", stop.kind, stop.name),
        stop.said.clone(),
        from,
        stop.digest.clone(),
    ];
    let told: Vec<String> = told.into_iter().filter(|text| !text.is_empty()).collect();
    html.leaf("title", &[], &told.join("\n"));
    rectangle(html, "box", [x - WIDE / 2.0, y], [WIDE, BOX]);
    label_at(html, "middle", [x, y + 17.0], stop.kind);
    label_at(html, "middle", [x, y + 34.0], &begun(&stop.name, 32));
    let third = match stop.digest.is_empty() {
        true => begun(&stop.said, 32),
        false => stop.digest.chars().take(12).collect(),
    };
    label_at(html, "middle", [x, y + 50.0], &third);
}

fn begun(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters - 1).collect();
    format!("{kept}…")
}

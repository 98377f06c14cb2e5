//! `skewless report`: the page of the examples and of a study by time has what the report has, and nothing that runs.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::fmt::Write as _;
use std::path::Path;

use fixture::{Fixture, ended};
use serde_json::Value;

const HEADINGS: [&str; 7] = [
    "Data checks",
    "Split",
    "Leaderboard",
    "Test",
    "Feature importance",
    "Learning curve",
    "Lineage",
];

/// Trains a copy of an example; the bundle is the one that is kept.
fn example(name: &str) -> Fixture {
    let fixture = Fixture::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(name);
    std::fs::create_dir(fixture.path("data")).unwrap();
    for file in ["skewless.toml".to_owned(), format!("data/{name}.csv")] {
        std::fs::copy(folder.join(&file), fixture.path(&file)).unwrap();
    }
    trained(&fixture, "2");
    let bundle = format!("{name}.skw");
    assert!(
        std::fs::read(fixture.path(&bundle)).unwrap()
            == std::fs::read(folder.join(&bundle)).unwrap(),
        "{bundle} is another one"
    );
    fixture
}

fn trained(fixture: &Fixture, threads: &str) {
    let run = fixture.run(&["train", "skewless.toml", "--no-store", "--threads", threads]);
    ended(&run, 0, "");
}

fn page(fixture: &Fixture) -> String {
    ended(&fixture.run(&["report", "report.json"]), 0, "");
    std::fs::read_to_string(fixture.path("report.html")).unwrap()
}

fn report(fixture: &Fixture) -> Value {
    serde_json::from_slice(&std::fs::read(fixture.path("report.json")).unwrap()).unwrap()
}

/// Every tag closes the one that was opened last, headings descend one level at a time, and nothing comes from elsewhere.
fn is_sound(page: &str) {
    let mut open = Vec::new();
    let mut level = 0;
    for tag in page
        .split('<')
        .skip(2)
        .map(|rest| rest.split('>').next().unwrap())
    {
        let name = tag.split([' ', '\n']).next().unwrap();
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "in {tag}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        if let Some(found) = name
            .strip_prefix('h')
            .and_then(|digit| digit.parse::<u32>().ok())
        {
            assert!(found <= level + 1, "h{found} under h{level}");
            level = found;
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    for forbidden in [
        "<script", "http:", "https:", " src=", " href=", "url(", "@import", " on", "<iframe",
        "<link",
    ] {
        let found = page.match_indices(forbidden).any(|(at, _)| {
            forbidden != " on"
                || page[at..]
                    .find('=')
                    .is_some_and(|end| page[at + 1..at + end].chars().all(char::is_alphabetic))
        });
        assert!(!found, "{forbidden}");
    }
    assert_eq!(
        page.matches("<svg ").count(),
        page.matches("role=\"img\" aria-label=\"").count()
    );
    assert_eq!(
        page.matches("<table>").count(),
        page.matches("<caption>").count()
    );
}

fn has_sections(page: &str, more: &[&str]) {
    for heading in HEADINGS.iter().map(|title| format!("<h2>{title}</h2>")) {
        assert!(page.contains(&heading), "{heading}");
    }
    for heading in more.iter().map(|title| format!("<h3>{title}</h3>")) {
        assert!(page.contains(&heading), "{heading}");
    }
}

/// The page's large numbers are the report's measures of the test, in four digits.
fn has_measures(page: &str, report: &Value) {
    let measures = report["test"]["measures"].as_array().unwrap();
    let shown: Vec<f64> = page
        .split("<dd class=\"value\">")
        .skip(1)
        .map(|rest| {
            rest.split('<')
                .next()
                .unwrap()
                .replace('−', "-")
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(shown.len(), measures.len());
    for (shown, measure) in shown.iter().zip(measures) {
        let value = measure["value"].as_f64().unwrap();
        assert!(
            (shown - value).abs() <= 6e-4 * value.abs().max(0.1),
            "{shown} is not {value}"
        );
    }
    assert!(page.contains(report["digest"].as_str().unwrap()));
}

#[test]
fn several_labels() {
    let fixture = example("wine");
    let (page, report) = (page(&fixture), report(&fixture));
    is_sound(&page);
    has_sections(&page, &["Calibration", "Confusion", "Scores"]);
    has_measures(&page, &report);
    let confusion = report["plots"]["test"]["confusion"]["rows"]
        .as_array()
        .unwrap();
    let rows: u64 = confusion
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(Some(rows), report["test"]["rows"].as_u64());
    assert_eq!(
        page.matches("Rows that were “cultivar_").count(),
        3 * 3,
        "title, label and caption of each"
    );
}

#[test]
fn a_number() {
    let fixture = example("diabetes");
    let (page, report) = (page(&fixture), report(&fixture));
    is_sound(&page);
    has_sections(&page, &["Predicted and actual", "Residuals"]);
    has_measures(&page, &report);
    let dots = report["plots"]["test"]["scatter"].as_array().unwrap().len();
    assert_eq!(Some(dots as u64), report["test"]["rows"].as_u64());
    assert_eq!(page.matches("class=\"dot see\"").count(), 2 * dots);
    let importance = report["plots"]["held_out"]["importance"]
        .as_array()
        .unwrap();
    assert_eq!(importance.len(), 10);
    for one in importance {
        let loss = &one["loss"];
        let (low, value, high) = (
            loss["low"].as_f64(),
            loss["value"].as_f64(),
            loss["high"].as_f64(),
        );
        assert!(low <= value && value <= high, "{one}");
    }
    assert!(
        ["s5", "bmi"].contains(&importance[0]["input"].as_str().unwrap()),
        "{}",
        importance[0]
    );
    let learning = report["plots"]["held_out"]["learning"].as_array().unwrap();
    let rows: Vec<u64> = learning
        .iter()
        .map(|point| point["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(rows, [35, 70, 140, 280]);
}

const FLIGHTS: &str = r#"
[model]
name = "late"
version = "0.1.0"
task = "binary"
target = "late"
labels = ["on_time", "late"]
title = "Late <script>alert('title')</script> flights"
summary = "Made up & small."
date = "2026-01-01"
seed = 3
[data]
source = "flights.csv"
[label]
input = "late"
[split]
by = "time"
input = "day"
validate_from = ["2013-01-15"]
test_from = "2013-01-22"
[evaluate]
resamples = 50
[select]
by = "log_loss"
[slices]
by = ["carrier"]
least_rows = 50
[[input]]
name = "day"
type = "date"
[[input]]
name = "carrier"
type = "category"
[[input]]
name = "distance"
type = "number"
[[input]]
name = "noise"
type = "number"
[[input]]
name = "late"
type = "category"
role = "label"
known_at_prediction = false
[[feature]]
name = "far"
op = "standardize"
from = "distance"
[[feature]]
name = "loud"
op = "standardize"
from = "noise"
[[feature]]
name = "carrier_is"
op = "one_hot"
from = "carrier"
[[experiment]]
name = "all"
[[experiment.model]]
kind = "linear"
penalty = [0.001]
"#;

/// 1,400 flights of four weeks, late the more often the farther; `noise` says nothing.
fn flights() -> Fixture {
    let mut state = 5_u32;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % bound
    };
    let mut csv = String::from("day,carrier,distance,noise,late\n");
    for row in 0..1_400 {
        let (distance, noise) = (random(300_000), random(1_000_000));
        let carrier = ["AA", "<script>alert('slice')</script>", "UA"][random(3) as usize];
        let late = if random(300_000) < distance {
            "late"
        } else {
            "on_time"
        };
        writeln!(
            csv,
            "2013-01-{:02},{carrier},{distance},{noise},{late}",
            1 + row / 50
        )
        .unwrap();
    }
    let fixture = Fixture::new();
    fixture.write("flights.csv", csv);
    fixture.write("skewless.toml", FLIGHTS);
    fixture
}

#[test]
fn two_labels_by_time_with_hostile_names_and_any_number_of_threads() {
    let fixture = flights();
    trained(&fixture, "1");
    let (page, found) = (page(&fixture), report(&fixture));
    is_sound(&page);
    has_sections(
        &page,
        &[
            "ROC",
            "Precision and recall",
            "Calibration",
            "Confusion",
            "Scores",
        ],
    );
    has_measures(&page, &found);
    for told in [
        "Late &lt;script&gt;alert(&#39;title&#39;)&lt;/script&gt; flights",
        "carrier = &lt;script&gt;alert(&#39;slice&#39;)&lt;/script&gt;",
        "Made up &amp; small.",
        "2013-01-22 – 2013-01-28",
        "at the threshold 0.5",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let plots = &found["plots"];
    let roc: Vec<Vec<f64>> = serde_json::from_value(plots["test"]["roc"].clone()).unwrap();
    assert!(roc.len() <= 200, "{}", roc.len());
    assert_eq!(
        (&roc[0], roc.last().unwrap()),
        (&vec![0.0, 0.0], &vec![1.0, 1.0])
    );
    let area: f64 = roc
        .windows(2)
        .map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0)
        .sum();
    let due = found["test"]["measures"][0]["value"].as_f64().unwrap();
    assert!((area - due).abs() < 0.01, "{area} is not {due}");
    let first = &plots["held_out"]["importance"][0];
    assert_eq!(first["input"], "distance");
    assert!(first["loss"]["low"].as_f64().unwrap() > 0.0, "{first}");
    let whole = std::fs::read(fixture.path("report.json")).unwrap();
    trained(&fixture, "4");
    assert!(
        whole == std::fs::read(fixture.path("report.json")).unwrap(),
        "threads change the report"
    );
    assert_eq!(page, self::page(&fixture));
}

#[test]
fn a_canvas_and_a_failed_measure_are_shown() {
    let fixture = flights();
    trained(&fixture, "2");
    let mut value = report(&fixture);
    value["canvas"] = serde_json::json!({"failure_cost": "Travellers <b>", "owner": null});
    value["test"]["measures"][0]["low"] = Value::Null;
    fixture.write("report.json", value.to_string());
    let shown = page(&fixture);
    is_sound(&shown);
    assert!(shown.contains("<h2>Canvas</h2>") && shown.contains("Travellers &lt;b&gt;"));
    assert!(
        shown.contains("<dt>What does a wrong prediction cost?</dt>")
            && !shown.contains("<dt>Who ")
    );
    assert!(
        shown.contains("<dd>– to "),
        "a measure that could not be taken"
    );
    value.as_object_mut().unwrap().remove("plots");
    fixture.write("report.json", value.to_string());
    assert!(page(&fixture).contains("of an earlier version"));
}

#[test]
fn what_is_no_report_is_refused() {
    let fixture = Fixture::new();
    ended(
        &fixture.run(&["report", "none.json"]),
        4,
        "input.unreadable",
    );
    ended(&fixture.run(&["report", "."]), 4, "input.unreadable");
    for text in ["", "{", "[]", "{}", "{\"name\": \"x\"}", "\u{0}", "null"] {
        fixture.write("bad.json", text);
        ended(
            &fixture.run(&["report", "bad.json"]),
            4,
            "input.not_a_report: `bad.json`",
        );
        assert!(!fixture.path("bad.html").exists());
    }
    ended(
        &fixture.run(&["report", "small.skw"]),
        4,
        "input.not_a_report",
    );
}

#[test]
fn the_page_goes_where_it_is_asked_to() {
    let fixture = flights();
    trained(&fixture, "2");
    let beside = page(&fixture);
    let run = fixture.run(&["report", "report.json", "-o", "-"]);
    assert_eq!((run.status, run.stdout == beside), (0, true));
    ended(
        &fixture.run(&["report", "report.json", "-o", "no/such/folder.html"]),
        5,
        "cannot be written",
    );
}

//! `skewless report`: the page of the examples and of a study by time has what the report has, and nothing that runs.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::fmt::Write as _;
use std::path::Path;

use fixture::{Fixture, ended};
use serde_json::Value;

/// In their order: what came out, then what went in.
const HEADINGS: [&str; 8] = [
    "Leaderboard",
    "Test",
    "Calibration and confidence",
    "Feature importance",
    "Learning curve",
    "Data checks",
    "Split",
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
    let mut above = 0;
    for heading in HEADINGS.iter().map(|title| format!("<h2>{title}</h2>")) {
        let at = page.find(&heading).unwrap_or_default();
        assert!(at > above, "{heading}");
        above = at;
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

/// What the test of a classification is drawn as.
const OF_LABELS: [&str; 5] = [
    "ROC",
    "Precision and recall",
    "Calibration",
    "Confusion",
    "Scores",
];

#[test]
fn several_labels() {
    let fixture = example("wine");
    let (page, report) = (page(&fixture), report(&fixture));
    is_sound(&page);
    has_sections(&page, &OF_LABELS);
    has_sections(
        &page,
        &["Calibration of the probabilities", "Promised confidence"],
    );
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
    has(
        &page,
        &[
            "All candidates by log loss",
            "1. linear on all (chosen)</text>",
            ">penalty 0.001</text>",
            ">2. linear on all</text>",
            ">12. constant on all</text>",
            ">log loss on the validation rows</text>",
            "How much worse log loss gets when an input is shuffled",
            "had the label that was given: ",
            "the configuration has no <code>[conformal]</code>",
        ],
    );
    let rest = report["plots"]["test"]["rest"].as_array().unwrap();
    assert_eq!(rest.len(), 3);
    for (place, one) in rest.iter().enumerate() {
        let name = format!("cultivar_{}", place + 1);
        assert_eq!(
            page.matches(&format!(
                "<li><span class=\"sample curve c{place}\" aria-hidden=\"true\"></span>{name} ("
            ))
            .count(),
            2
        );
        let roc: Vec<[f64; 2]> = serde_json::from_value(one["roc"].clone()).unwrap();
        let due = one["roc_auc"].as_f64().unwrap();
        assert!((area(&roc) - due).abs() < 0.01, "{name}: {due}");
    }
}

fn has(page: &str, told: &[&str]) {
    for told in told {
        assert!(page.contains(told), "{told}");
    }
}

fn area(curve: &[[f64; 2]]) -> f64 {
    curve
        .windows(2)
        .map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0)
        .sum()
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
    has(
        &page,
        &["All 105 test rows; on the thin line both are equal. The axes are fitted to the data"],
    );
    let low = learning[0]["by"]["low"].as_f64().unwrap();
    assert!(low > 20.0, "{low}");
    has(&page, &["The vertical axis does not begin at 0"]);
    let mut more = report.clone();
    more["test"]["rows"] = 1_000.into();
    fixture.write("report.json", more.to_string());
    let shown = self::page(&fixture);
    has(&shown, &["A sample of 105 of the 1,000 test rows"]);
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
    has_sections(&page, &OF_LABELS);
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
    let roc: Vec<[f64; 2]> = serde_json::from_value(plots["test"]["roc"].clone()).unwrap();
    assert!(roc.len() <= 200, "{}", roc.len());
    assert_eq!((&roc[0], roc.last().unwrap()), (&[0.0, 0.0], &[1.0, 1.0]));
    let area = area(&roc);
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
fn failed_gates_and_missed_promises_lead_the_page() {
    let fixture = flights();
    let more = "[calibrate]\nmethod = \"platt\"\n[conformal]\nmethod = \"lac\"\nconfidence = 0.8\nby = \"carrier\"\n\
        [gates.test]\nroc_auc = { min = 0.99 }\n[gates.worst_slice]\nroc_auc = { max = 0.9999 }\n";
    fixture.write("skewless.toml", format!("{FLIGHTS}{more}"));
    let run = fixture.run(&["train", "skewless.toml", "--no-store"]);
    ended(&run, 1, "");
    let mut value = report(&fixture);
    let coverage = &value["coverage"];
    assert_eq!(coverage["groups"].as_array().unwrap().len(), 3);
    let silent = value["plots"]["test"]["silent"].as_u64().unwrap();
    assert!(silent > 0 && silent < value["test"]["rows"].as_u64().unwrap());
    let shown = page(&fixture);
    is_sound(&shown);
    has_sections(&shown, &["Promised confidence"]);
    let above = shown.split("<h2>").next().unwrap();
    has(
        above,
        &[
            "<div class=\"banner failed\" role=\"status\"><p><strong>1 gate failed: there is no bundle.</strong>",
            "<li><code>test.roc_auc</code> is 0.",
            ", and must be at least 0.9900</li>",
        ],
    );
    has(
        &shown,
        &[
            "<tr class=\"failed\"><th scope=\"row\"><code>test.roc_auc</code></th>",
            "✗ failed",
            "<tr class=\"\"><th scope=\"row\"><code>worst_slice.roc_auc</code></th>",
            "Platt’s sigmoid of the raw score, with slope ",
            "Before it the calibration error was ",
            "On the test rows the calibration error is ",
            " of them (",
            "Sets of labels by least ambiguous sets (<code>lac</code>), from ",
            "promise to hold the truth of 80.0 % of rows",
            &format!("It says nothing of {silent} test rows ("),
            "<th scope=\"row\">carrier = AA</th>",
            "the worst by ROC AUC",
            "none: a gate failed",
        ],
    );

    let found = |value: f64, low: f64, high: f64| serde_json::json!({"value": value, "low": low, "high": high});
    value["coverage"]["test"] = found(0.85, 0.84, 0.86);
    value["coverage"]["holds"] = true.into();
    for group in value["coverage"]["groups"].as_array_mut().unwrap() {
        group["holds"] = true.into();
    }
    for bin in value["test"]["calibration"].as_array_mut().unwrap() {
        bin["predicted"] = 0.01.into();
    }
    fixture.write("report.json", value.to_string());
    let kept = page(&fixture);
    assert!(!kept.contains("banner warned"));
    has(&kept, &["probabilities are too low on the whole"]);

    value["coverage"]["test"] = found(0.72, 0.7, 0.74);
    value["coverage"]["holds"] = false.into();
    let group = &mut value["coverage"]["groups"][2];
    group["test"] = found(0.6, 0.5, 0.7);
    group["holds"] = false.into();
    for bin in value["test"]["calibration"].as_array_mut().unwrap() {
        bin["predicted"] = 0.99.into();
    }
    fixture.write("report.json", value.to_string());
    let shown = page(&fixture);
    is_sound(&shown);
    has(
        shown.split("<h2>").next().unwrap(),
        &[
            "<div class=\"banner warned\" role=\"status\"><p><strong>Warning: the promised confidence was missed.</strong>",
            "held that of 72.0 % of the test rows (70.0 % to 74.0 %). That is 8.0 percentage points less than promised",
            "Of 3 groups of <code>carrier</code> 1 got less than the promised 80.0 %: UA.",
        ],
    );
    has(
        &shown,
        &[
            "<tr class=\"failed\"><th scope=\"row\">carrier = UA</th>",
            "missed: too few",
            "probabilities are too high on the whole",
        ],
    );
    value["coverage"]["says_nothing"] = true.into();
    fixture.write("report.json", value.to_string());
    has(
        page(&fixture).split("<h2>").next().unwrap(),
        &["The promise is kept by saying nothing: every set has all labels."],
    );
}

/// The worst group first, its interval below each value, and groups that are not measured counted below the table.
#[test]
fn slices_are_ordered_and_the_worst_is_marked() {
    let fixture = flights();
    let toml = FLIGHTS.replace("least_rows = 50", "least_rows = 110");
    fixture.write("skewless.toml", toml);
    trained(&fixture, "2");
    let mut value = report(&fixture);
    let slices = value["slices"].as_array_mut().unwrap();
    let least = slices.iter_mut().min_by_key(|one| one["rows"].as_u64());
    least.unwrap()["measures"] = serde_json::json!([]);
    let loss = |slice: &Value| -> Option<(f64, String)> {
        let measures = slice["measures"].as_array().unwrap().iter();
        let found = measures
            .into_iter()
            .find(|one| one["measure"] == "log_loss")?;
        Some((
            found["value"].as_f64()?,
            slice["value"].as_str()?.to_owned(),
        ))
    };
    let mut measured: Vec<(f64, String)> = slices.iter().filter_map(loss).collect();
    measured.sort_by(|a, b| b.0.total_cmp(&a.0));
    fixture.write("report.json", value.to_string());
    let shown = page(&fixture);
    let escaped = |name: &str| {
        let name = name.replace('<', "&lt;").replace('>', "&gt;");
        format!("carrier = {}", name.replace('\'', "&#39;"))
    };
    let section = shown.split("<section id=\"slices\">").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    let at: Vec<usize> = measured
        .iter()
        .map(|(_, name)| section.find(&escaped(name)).unwrap())
        .collect();
    assert!(at.is_sorted() && at.len() < 3, "{measured:?}");
    let worst = escaped(&measured[0].1);
    has(
        section,
        &[
            &format!(
                "<tr class=\"chosen\"><th scope=\"row\">{worst}<span class=\"below\">the worst by log loss</span>"
            ),
            "All test rows",
            "data-head=\"average precision\">0.",
            "Not measured: carrier = ",
        ],
    );
}

#[test]
fn notes_are_folded_and_code_is_code() {
    let fixture = flights();
    trained(&fixture, "2");
    let mut value = report(&fixture);
    let finding = |level: &str, message: &str| serde_json::json!({"check": "check.made_up", "level": level, "input": "noise", "message": message});
    value["findings"] = serde_json::json!([
        finding("warning", "`noise` says <nothing>"),
        finding("info", "first"),
        finding("info", "second"),
    ]);
    fixture.write("report.json", value.to_string());
    let shown = page(&fixture);
    is_sound(&shown);
    has(
        &shown,
        &[
            "The checks of the data found 1 warning, 2 notes.",
            "<code>noise</code> says &lt;nothing&gt;",
            "<details><summary>2 notes</summary>",
            "<div class=\"scroll stack\">",
            "data-head=\"What was found\">",
        ],
    );
    let folded = shown.split("<details><summary>2 notes</summary>").nth(1);
    let folded = folded.unwrap().split("</details>").next().unwrap();
    has(folded, &["first", "second"]);
    assert!(!folded.contains("<code>noise</code> says"));
}

/// Sources, a view of one of them and a join with the view stand in the lineage, and how each is made.
#[test]
fn the_lineage_has_views_joins_experiment_and_report() {
    let fixture = flights();
    trained(&fixture, "2");
    let mut value = report(&fixture);
    let source = |name: &str, kind: &str, files: &[&str], owner: Option<&str>| {
        serde_json::json!({"name": name, "kind": kind, "doc": null, "owner": owner, "files": files, "digest": "ab".repeat(32),
            "rows": 1, "newest": null})
    };
    value["sources"] = serde_json::json!([
        source("readings", "files", &["readings.csv"], Some("us")),
        source("weather", "view", &["readings"], None),
    ]);
    value["joins"] = serde_json::json!([{"source": "weather", "on": ["origin"], "as_of": "day", "lateness": 1800.0,
        "within": 21600.0, "columns": ["wind"], "rows": 1400, "unmatched": 140, "unmatched_share": 0.1, "without_key": 0,
        "without_time": 0}]);
    let bytes = value.to_string();
    let digest = skewless_core::digest::sha256_hex(bytes.as_bytes());
    fixture.write("report.json", bytes);
    let shown = page(&fixture);
    is_sound(&shown);
    has(
        &shown,
        &[
            "<title>join weather\non origin, as of day, late by 30 minutes, within 6 hours, 10.0 % unmatched\nfrom source flights.csv, 1,400 rows; view weather, 1 row</title>",
            "<title>view weather, 1 row\nreadings\nfrom source readings, 1 row\n",
            "<title>table 1,400 rows\n",
            "\nfrom join weather\n",
            "<title>experiment all\n1 candidate, chosen by log loss\n",
            "<title>report the report of this page\nfrom winner linear on all\n",
            &digest,
            "data-head=\"Late by\">30 minutes</td>",
            "data-head=\"Within\">6 hours</td>",
            "90.0 %</td>",
            "10.0 % (140)</td>",
            "<code>skewless lint</code> lists what is not answered.",
        ],
    );
    value["sources"][1]["owner"] = "them".into();
    fixture.write("report.json", value.to_string());
    assert!(!page(&fixture).contains("skewless lint"));
}

/// What was not written leaves no heading behind, and one is no plural.
#[test]
fn one_candidate_and_no_limits() {
    let fixture = flights();
    trained(&fixture, "2");
    let card = std::fs::read_to_string(fixture.path("card.md")).unwrap();
    assert!(card.contains("chosen among 1 candidate by"), "{card}");
    assert!(
        !card.contains("## Limits") && !card.contains("\n\n\n"),
        "{card}"
    );
    has(
        &page(&fixture),
        &["1 candidate by log loss", "All candidates by log loss"],
    );
    let limits = "summary = \"Made up & small.\"\nlimits = [\"None.\"]";
    let toml = FLIGHTS.replace("summary = \"Made up & small.\"", limits);
    fixture.write("skewless.toml", toml);
    trained(&fixture, "2");
    let card = std::fs::read_to_string(fixture.path("card.md")).unwrap();
    assert!(card.contains("\n## Limits\n\n- None.\n"), "{card}");
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

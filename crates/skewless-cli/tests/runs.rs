//! Records of training as they are kept and read: the numbers of the report, gates, errors, two runs at once, damage; and
//! `lint`.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Fixture, Run, ended};
use rusqlite::Connection;
use serde_json::Value as Json;

const CONFIG: &str = r#"
[model]
name = "tiny"
version = "0.1.0"
task = "regression"
target = "y"
title = "Tiny"
summary = "Made up."
date = "2026-01-01"
seed = 3
[data]
source = "tiny.csv"
[label]
input = "y"
[split]
by = "hash"
input = "id"
test = 0.3
folds = 3
[evaluate]
resamples = 20
[select]
by = "rmse"
[[input]]
name = "id"
type = "category"
role = "id"
doc = "Its name."
owner = "us"
[[input]]
name = "x"
type = "number"
doc = "What is known."
[[input]]
name = "y"
type = "number"
role = "label"
known_at_prediction = false
doc = "What is sought."
owner = "us"
[[feature]]
name = "x_scaled"
op = "standardize"
from = "x"
[[experiment]]
name = "all"
[[experiment.model]]
kind = "constant"
[[experiment.model]]
kind = "linear"
penalty = [0.001, 0.01]
"#;

const CANVAS: [&str; 12] = [
    "decision",
    "action",
    "value",
    "users",
    "success",
    "baseline",
    "failure_cost",
    "privacy",
    "fairness",
    "monitoring",
    "owner",
    "retire",
];

fn project(more: &str) -> Fixture {
    let fixture = Fixture::new();
    let row = |id: u32| {
        let x = f64::from(id * 37 % 101);
        format!("r{id},{x},{}\n", 2.0 * x + f64::from(id * 29 % 113))
    };
    let rows: String = (0..200).map(row).collect();
    fixture.write("tiny.csv", format!("id,x,y\n{rows}"));
    fixture.write("skewless.toml", format!("{CONFIG}{more}"));
    fixture
}

fn train(fixture: &Fixture, more: &[&str], status: i32) -> Run {
    let arguments = [&["train", "skewless.toml"], more].concat();
    let run = fixture.run(&arguments);
    ended(&run, status, "");
    run
}

fn database(fixture: &Fixture) -> Connection {
    Connection::open(fixture.path(".skewless/runs.sqlite")).unwrap()
}

fn told(fixture: &Fixture, arguments: &[&str]) -> String {
    let run = fixture.run(arguments);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

fn report(fixture: &Fixture) -> Json {
    json(&std::fs::read_to_string(fixture.path("report.json")).unwrap())
}

#[test]
fn the_record_has_the_numbers_of_the_report() {
    let fixture = project("");
    train(&fixture, &[], 0);
    train(&fixture, &[], 0);
    let (report, database) = (report(&fixture), database(&fixture));
    let query = "SELECT m.value FROM metric m JOIN run r ON r.id = m.run WHERE r.number = ?1 AND m.name = 'rmse' AND \
        m.part = ?2 AND m.candidate = ?3 AND m.fold IS ?4";
    let value = |part: &str, candidate: usize, fold: Option<usize>| -> Option<f64> {
        let (candidate, fold) = (candidate as i64, fold.map(|fold| fold as i64));
        let values = [1, 2].map(|run| {
            let found = rusqlite::params![run, part, candidate, fold];
            database.query_row(query, found, |row| row.get(0)).unwrap()
        });
        assert_eq!(values[0], values[1]);
        values[0]
    };
    for (place, one) in report["candidates"].as_array().unwrap().iter().enumerate() {
        assert_eq!(value("validate", place, None), one["measures"][0].as_f64());
        for fold in 0..3 {
            let known = one["folds"][fold][0].as_f64();
            assert_eq!(value("validate", place, Some(fold)), known);
        }
    }
    let winner = report["selection"]["winner"].as_u64().unwrap() as usize;
    assert_eq!(
        value("test", winner, None),
        report["test"]["measures"][0]["value"].as_f64()
    );
    let text = |query: &str| -> String { database.query_row(query, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        text("SELECT bundle FROM run WHERE number = 2"),
        report["digest"]
    );
    assert_eq!(
        text("SELECT configuration_sha256 FROM run"),
        report["configuration"]
    );
    assert_eq!(
        text("SELECT sha256 FROM artefact WHERE direction = 'input'"),
        report["files"][0]["sha256"]
    );
    assert_eq!(
        text("SELECT value FROM parameter WHERE name = 'penalty' AND candidate = 2"),
        "0.01"
    );
    let outputs: i64 = database
        .query_row(
            "SELECT count(*) FROM artefact WHERE direction = 'output'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(outputs, 6);
}

#[test]
fn runs_are_listed_compared_and_plotted() {
    let fixture = project("");
    train(&fixture, &[], 0);
    fixture.write("skewless.toml", CONFIG.replace("seed = 3", "seed = 4"));
    train(&fixture, &[], 0);
    for place in ["skewless.toml", ".", ".skewless"] {
        let list = told(&fixture, &["runs", place]);
        assert!(
            list.contains("tiny 0.1.0") && list.contains("linear on all"),
            "{list}"
        );
    }
    let all = json(&told(&fixture, &["runs", "--json"]));
    assert_eq!(
        (all[0]["status"].as_str(), all[1]["seed"].as_u64()),
        (Some("done"), Some(4))
    );
    let id = all[1]["id"].as_str().unwrap();
    let compared = json(&told(&fixture, &["runs", "compare", "1", id, "--json"]));
    let of = |what: &str| {
        compared
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["what"] == what)
            .unwrap()
    };
    assert_eq!(of("seed")["equal"], false);
    assert_eq!(of("data")["equal"], true);
    let rmse = of("test.rmse");
    let less = rmse["b"].as_f64().unwrap() - rmse["a"].as_f64().unwrap();
    assert_eq!(rmse["difference"].as_f64(), Some(less));
    assert!(told(&fixture, &["runs", "compare", "1", "2"]).contains("parameter.penalty"));
    let plot = told(&fixture, &["runs", "plot", "rmse"]);
    assert!(plot.starts_with("rmse, bars begin at "), "{plot}");
    assert_eq!(
        plot.lines().filter(|line| line.contains('█')).count(),
        2,
        "{plot}"
    );
    for (arguments, code) in [
        (["runs", "plot", "fame"], "records.unknown_metric"),
        (["runs", "plot", "rmse"], "records.absent"),
    ] {
        if code == "records.absent" {
            std::fs::remove_file(fixture.path(".skewless/runs.sqlite")).unwrap();
        }
        let run = fixture.run(&arguments);
        assert!(
            run.status == 4 && run.stderr.contains(code),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn failed_gates_and_errors_are_recorded() {
    let fixture = project("[gates.test]\nrmse = { max = 0.001 }\n");
    train(&fixture, &[], 1);
    fixture.write("tiny.csv", "id,x,y\na,1,far\n");
    train(&fixture, &[], 4);
    let all = json(&told(&fixture, &["runs", "--json"]));
    assert_eq!(all[0]["status"], "gate_failed");
    assert_eq!(all[0]["message"], "test.rmse");
    assert_eq!(all[0]["gates"][0]["passed"], false);
    assert_eq!(all[1]["status"], "error");
    assert!(
        all[1]["code"]
            .as_str()
            .is_some_and(|code| code.contains('.')),
        "{}",
        all[1]
    );
}

#[test]
fn runs_at_once_are_all_recorded() {
    let fixture = project("");
    let begin = |name: &str| {
        fixture
            .command(&["train", "skewless.toml", "-o", name])
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = ["a.skw", "b.skw", "c.skw", "d.skw"].map(begin).into();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(
            ended.status.success() && !told.contains("warning"),
            "{told}"
        );
    }
    let done: i64 = database(&fixture)
        .query_row(
            "SELECT count(*) FROM run WHERE status = 'done'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(done, 4);
}

#[test]
fn a_bundle_is_written_whatever_becomes_of_its_record() {
    let fixture = project("");
    train(&fixture, &["--no-store", "-o", "without.skw"], 0);
    assert!(!fixture.path(".skewless").exists());
    let known = std::fs::read(fixture.path("without.skw")).unwrap();
    let path = fixture.path(".skewless/runs.sqlite");
    let same = |code: Option<&str>| {
        let run = train(&fixture, &["-o", "with.skw"], 0);
        assert!(std::fs::read(fixture.path("with.skw")).unwrap() == known);
        let warned = run.stderr.matches("skewless: warning: ").count();
        assert_eq!(warned, usize::from(code.is_some()), "{}", run.stderr);
        assert!(
            run.stderr.contains(code.unwrap_or_default()),
            "{}",
            run.stderr
        );
    };
    same(None);
    database(&fixture)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    same(Some("records.newer"));
    let refused = fixture.run(&["runs"]);
    assert!(
        refused.status == 4 && refused.stderr.contains("records.newer"),
        "{}",
        refused.stderr
    );
    std::fs::write(&path, "no database ".repeat(1_000)).unwrap();
    same(Some("records.damaged"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    same(Some("records.unwritable"));
}

#[test]
fn lineage_is_told_as_events() {
    let fixture = project("");
    train(&fixture, &["--openlineage", "events.jsonl"], 0);
    fixture.write("tiny.csv", "id,x,y\na,1,far\n");
    train(
        &fixture,
        &["--openlineage", "events.jsonl", "--no-store"],
        4,
    );
    let text = std::fs::read_to_string(fixture.path("events.jsonl")).unwrap();
    let events: Vec<Json> = text.lines().map(json).collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["START", "COMPLETE", "START", "FAIL"]);
    for event in &events {
        assert_eq!(event["job"]["name"], "train.tiny");
        assert_eq!(event["run"]["runId"].as_str().unwrap().len(), 36);
        assert!(event["eventTime"].as_str().unwrap().ends_with('Z'));
        assert!(event["schemaURL"].as_str().unwrap().contains("/2-0-2/"));
        assert!(event["producer"].is_string());
    }
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    let input = &events[1]["inputs"][0];
    assert!(
        input["name"].as_str().unwrap().ends_with("tiny.csv"),
        "{input}"
    );
    assert_eq!(input["inputFacets"]["inputStatistics"]["rowCount"], 200);
    assert_eq!(events[1]["outputs"].as_array().unwrap().len(), 3);
    assert!(events[3]["run"]["facets"]["errorMessage"]["message"].is_string());
}

#[test]
fn the_committed_configurations_leave_nothing_unsaid() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    for model in [
        "flights/skewless.toml",
        "flights/study.toml",
        "wine/skewless.toml",
        "diabetes/skewless.toml",
    ] {
        told(&Fixture::new(), &["lint", &format!("{models}/{model}")]);
    }
}

#[test]
fn a_server_that_is_not_there_costs_a_warning() {
    let fixture = project("");
    train(&fixture, &["--no-store", "-o", "without.skw"], 0);
    // Nobody listens where a listener has just been.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = train(&fixture, &["--mlflow", &address, "-o", "with.skw"], 0);
    assert!(
        run.stderr.contains("skewless: warning: records.mlflow: "),
        "{}",
        run.stderr
    );
    let bytes = |name: &str| std::fs::read(fixture.path(name)).unwrap();
    assert!(bytes("with.skw") == bytes("without.skw"));
    let all = json(&told(&fixture, &["runs", "--json"]));
    assert_eq!(all[0]["status"], "done");
    let run = fixture.run(&["train", "skewless.toml", "--mlflow", "sqlite:///runs.db"]);
    ended(&run, 2, "config.invalid_value");
}

#[test]
fn lint_lists_what_is_unsaid_until_it_is_said() {
    let fixture = project("");
    let run = fixture.run(&["lint", "skewless.toml", "--json"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let found = json(&run.stdout);
    let codes = |code: &str| {
        found
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["code"] == code)
            .count()
    };
    assert_eq!(
        (codes("lint.canvas"), codes("lint.doc"), codes("lint.owner")),
        (12, 1, 1)
    );
    train(&fixture, &[], 0);
    let card = std::fs::read_to_string(fixture.path("card.md")).unwrap();
    assert!(!card.contains("Purpose") && report(&fixture).get("canvas").is_none());
    let answers: String = CANVAS
        .iter()
        .map(|key| format!("{key} = \"As to {key}.\"\n"))
        .collect();
    let said = CONFIG
        .replace(
            "doc = \"What is known.\"",
            "doc = \"What is known.\"\nowner = \"us\"",
        )
        .replace(
            "source = \"tiny.csv\"",
            "source = \"tiny.csv\"\ndoc = \"Made up.\"",
        );
    let but_one = answers.replace("retire = \"As to retire.\"\n", "");
    fixture.write("skewless.toml", format!("{said}[canvas]\n{but_one}"));
    let run = fixture.run(&["lint", "skewless.toml"]);
    assert!(run.stdout.starts_with("1 finding\n"), "{}", run.stdout);
    fixture.write("skewless.toml", format!("{said}[canvas]\n{answers}"));
    assert_eq!(
        told(&fixture, &["lint", "skewless.toml"]),
        "nothing is left unsaid\n"
    );
    train(&fixture, &[], 0);
    let card = std::fs::read_to_string(fixture.path("card.md")).unwrap();
    assert!(
        card.contains("## Purpose") && card.contains("As to failure_cost."),
        "{card}"
    );
    assert_eq!(report(&fixture)["canvas"]["retire"], "As to retire.");
    fixture.write("skewless.toml", format!("{CONFIG}[canvas]\nownr = \"x\"\n"));
    let run = fixture.run(&["lint", "skewless.toml"]);
    assert!(
        run.status == 4 && run.stderr.contains("train.config"),
        "{}",
        run.stderr
    );
}

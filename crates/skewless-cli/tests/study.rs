//! `skewless train` with experiments as it is run: killed and resumed, held back by a gate, out of disk; and `features`.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use fixture::{Fixture, ended};

/// 4,000 rooms whose price hangs on size, floor and district.
fn rooms() -> String {
    let mut state = 99_u32;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % bound
    };
    let mut csv = String::from("id,size,floor,district,price\n");
    for id in 0..4_000 {
        let (size, floor) = (10.0 + f64::from(random(9_000)) / 100.0, random(12));
        let district = ["north", "south", "west"][random(3) as usize];
        let extra = if district == "west" { 300.0 } else { 0.0 };
        let price =
            8.0 * size + 12.0 * f64::from(floor) + extra + f64::from(random(10_000)) / 100.0;
        writeln!(csv, "r{id},{size},{floor},{district},{price}").unwrap();
    }
    csv
}

const CONFIG: &str = r#"
[model]
name = "rooms"
version = "0.1.0"
task = "regression"
target = "price"
title = "Prices of rooms"
summary = "Made up."
date = "2026-01-01"
seed = 3
[data]
source = "rooms.csv"
[label]
input = "price"
[split]
by = "hash"
input = "id"
test = 0.2
folds = 4
[evaluate]
resamples = 30
[select]
by = "rmse"
[[input]]
name = "id"
type = "category"
role = "id"
[[input]]
name = "size"
type = "number"
[[input]]
name = "floor"
type = "integer"
[[input]]
name = "district"
type = "category"
[[input]]
name = "price"
type = "number"
role = "label"
known_at_prediction = false
[[feature]]
name = "wide"
op = "standardize"
from = "size"
[[feature]]
name = "high"
op = "number"
from = "floor"
[[feature]]
name = "district_is"
op = "one_hot"
from = "district"
[[experiment]]
name = "all"
[[experiment.model]]
kind = "linear"
penalty = [0.001, 0.01]
[[experiment.model]]
kind = "trees"
iterations = [120]
learning_rate = [0.05, 0.1]
max_depth = [3, 5]
"#;

fn project(more: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("rooms.csv", rooms());
    fixture.write("skewless.toml", format!("{CONFIG}{more}"));
    fixture
}

fn results(fixture: &Fixture) -> usize {
    let is_result = |name: String| name.ends_with(".json");
    std::fs::read_dir(fixture.path(".skewless/results"))
        .map(|folder| {
            folder
                .flatten()
                .filter(|entry| is_result(entry.file_name().into_string().unwrap()))
                .count()
        })
        .unwrap_or_default()
}

/// Killed by `kill -9` between two fits, the run goes on where it stopped, with the same bundle and report at the end.
#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let whole = project("");
    ended(
        &whole.run(&["train", "skewless.toml", "--threads", "1"]),
        0,
        "",
    );
    let killed = project("");
    let mut child = killed
        .command(&["train", "skewless.toml", "--threads", "2"])
        .spawn()
        .unwrap();
    while results(&killed) < 5 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before it was killed"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = results(&killed);
    assert!((5..24).contains(&kept), "{kept} of 24 fits");
    for name in ["rooms.skw", "card.md", "report.json"] {
        assert!(!killed.path(name).exists(), "{name}");
    }
    let resumed = killed.run(&["train", "skewless.toml", "--threads", "2"]);
    ended(&resumed, 0, &format!("24 fits, {kept} of them from before"));
    let runs = killed.run(&["runs", "skewless.toml", "--json"]);
    let runs: Vec<serde_json::Value> = serde_json::from_str(&runs.stdout).unwrap();
    let status: Vec<_> = runs.iter().map(|run| &run["status"]).collect();
    assert_eq!(status, ["running", "done"]);
    for name in ["rooms.skw", "card.md", "report.json"] {
        let bytes = |fixture: &Fixture| std::fs::read(fixture.path(name)).unwrap();
        assert!(bytes(&whole) == bytes(&killed), "{name} differs");
    }
}

#[test]
fn a_failed_gate_writes_the_report_and_no_bundle() {
    let fixture = project("[gates.test]\nrmse = { max = 1.0 }\n");
    let run = fixture.run(&["train", "skewless.toml"]);
    ended(&run, 1, "a gate failed");
    assert!(
        run.stdout.contains("test.rmse") && run.stdout.contains("failed"),
        "{}",
        run.stdout
    );
    assert!(!fixture.path("rooms.skw").exists() && !fixture.path("card.md").exists());
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["gates"][0]["passed"], false);
    assert!(
        !report.to_string().contains("seconds"),
        "times are no part of the report"
    );
    let elsewhere = fixture.run(&["train", "skewless.toml", "-o", "out.skw"]);
    ended(&elsewhere, 1, "a gate failed");
    assert!(!fixture.path("out.skw").exists());
    let same = std::fs::read(fixture.path("report.json")).unwrap();
    assert_eq!(
        std::fs::read(fixture.path("out.report.json")).unwrap(),
        same
    );
}

#[test]
fn who_opens_the_test_again_with_another_configuration_is_told() {
    let fixture = project("");
    let run = fixture.run(&["train", "skewless.toml"]);
    ended(&run, 0, "");
    assert!(!run.stdout.contains("opened before"), "{}", run.stdout);
    let again = fixture.run(&["train", "skewless.toml"]);
    assert!(!again.stdout.contains("opened before"), "{}", again.stdout);
    let other = std::fs::read_to_string(fixture.path("skewless.toml")).unwrap();
    fixture.write(
        "skewless.toml",
        other.replace("resamples = 30", "resamples = 31"),
    );
    let run = fixture.run(&["train", "skewless.toml"]);
    assert!(
        run.stdout.contains("opened before") && run.stdout.contains("by 2 recorded runs"),
        "{}",
        run.stdout
    );
    fixture.write("skewless.toml", other);
    let run = fixture.run(&["train", "skewless.toml"]);
    let told = run.stdout.contains("by 1 recorded run of");
    assert!(told, "{}", run.stdout);
}

#[test]
fn a_run_that_fails_after_it_opened_the_test_has_opened_it() {
    let fixture = project("");
    // What is written last cannot be.
    std::fs::create_dir(fixture.path("report.json")).unwrap();
    let run = fixture.run(&["train", "skewless.toml"]);
    assert!(run.stderr.contains("train.unwritable"), "{}", run.stderr);
    std::fs::remove_dir(fixture.path("report.json")).unwrap();
    let other = CONFIG.replace("resamples = 30", "resamples = 31");
    fixture.write("skewless.toml", other);
    let run = fixture.run(&["train", "skewless.toml"]);
    ended(&run, 0, "");
    assert!(
        run.stdout.contains("opened before") && run.stdout.contains("by 1 recorded run"),
        "{}",
        run.stdout
    );
}

#[test]
fn where_nothing_can_be_written_nothing_is_read() {
    let fixture = project("");
    std::fs::remove_file(fixture.path("rooms.csv")).unwrap();
    std::fs::create_dir(fixture.path("folder")).unwrap();
    for output in ["nowhere/rooms.skw", "folder", "new.skw/", "./skewless.toml"] {
        let run = fixture.run(&["train", "skewless.toml", "-o", output]);
        assert!(
            run.stderr.starts_with("skewless: train.unwritable") && run.stderr.contains(output),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn what_was_learnt_from_is_not_overwritten() {
    let fixture = project("");
    let before = std::fs::read(fixture.path("rooms.csv")).unwrap();
    let run = fixture.run(&["train", "skewless.toml", "-o", "./rooms.csv"]);
    assert!(
        run.stderr.contains("is a file that was learnt from"),
        "{}",
        run.stderr
    );
    assert_eq!(std::fs::read(fixture.path("rooms.csv")).unwrap(), before);
}

#[test]
fn a_check_stops_the_run_before_anything_is_written() {
    let leak = "[[input]]\nname = \"tax\"\ntype = \"number\"\n[[feature_set]]\nname = \"leaky\"\n\
        [[feature_set.feature]]\nname = \"taxed\"\nop = \"number\"\nfrom = \"tax\"\n";
    let fixture = project(leak);
    let taxed = rooms()
        .lines()
        .enumerate()
        .fold(String::new(), |text, (row, line)| {
            let price = line.rsplit(',').next().unwrap();
            let tax = price
                .parse()
                .map_or("tax".to_owned(), |price: f64| (price * 0.07).to_string());
            assert!(row == 0 || tax != "tax");
            text + line + "," + &tax + "\n"
        });
    fixture.write("rooms.csv", taxed);
    let run = fixture.run(&["train", "skewless.toml"]);
    ended(&run, 4, "check.target_leak");
    assert!(run.stderr.contains("`tax`"), "{}", run.stderr);
    assert_eq!(results(&fixture), 0);
    assert!(!fixture.path("report.json").exists());
}

/// Damaged Parquet and a line without end are told by their file; nothing half-written stays.
#[test]
fn damaged_tables_are_told_by_their_file() {
    let fixture = project("");
    let features = ["features", "skewless.toml", "-o", "features.parquet"];
    ended(&fixture.run(&features), 0, "");
    let whole = std::fs::read(fixture.path("features.parquet")).unwrap();
    let mut broken = whole.clone();
    let end = broken.len();
    broken[end - 12..end - 8].fill(0xff);
    let config = CONFIG.replace("rooms.csv", "rooms.parquet");
    fixture.write("skewless.toml", config);
    for bytes in [&whole[..whole.len() / 2], &broken[..], b"PAR1"] {
        fixture.write("rooms.parquet", bytes);
        let run = fixture.run(&["train", "skewless.toml"]);
        ended(&run, 4, "rooms.parquet");
        assert!(run.stderr.starts_with("skewless: table."), "{}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
    fixture.write("skewless.toml", CONFIG);
    let long = format!(
        "id,size,floor,district,price\nr0,1,1,{},5\n",
        "x".repeat(20_000_000)
    );
    fixture.write("rooms.csv", long);
    let run = fixture.run(&["train", "skewless.toml"]);
    assert_eq!(run.status, 4, "{}", run.stderr);
    assert!(
        run.stderr.len() < 2_000 && run.stderr.starts_with("skewless: "),
        "{}",
        run.stderr.len()
    );
}

/// A file that may not grow beyond a few bytes stands in for a disk that is full: the write fails, nothing stays.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_coded_error_and_leaves_nothing() {
    let fixture = project("");
    let program = env!("CARGO_BIN_EXE_skewless");
    for (arguments, blocks) in [("--no-store", 8), ("--threads 1", 8)] {
        // SIGXFSZ is ignored, so that the write fails as on a full disk and the process lives.
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {program} train skewless.toml {arguments}"
        );
        let ended = std::process::Command::new("bash")
            .args(["-c", &script])
            .current_dir(fixture.path("."))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(5), "{told}");
        assert!(told.contains("train.unwritable"), "{told}");
        assert!(!fixture.path("rooms.skw").exists());
        assert!(!Path::new(&fixture.path("report.json")).exists());
        let left = std::fs::read_dir(fixture.path(".")).unwrap().flatten();
        let partial = left
            .filter(|entry| entry.file_name().to_string_lossy().contains("partial"))
            .count();
        assert_eq!(partial, 0);
    }
}

#[test]
fn features_are_exported_without_the_test_and_with_what_packs() {
    let fixture = project("");
    let run = fixture.run(&[
        "features",
        "skewless.toml",
        "--spec",
        "features.json",
        "-o",
        "features.csv",
    ]);
    ended(&run, 0, "");
    let text = std::fs::read_to_string(fixture.path("features.csv")).unwrap();
    assert_eq!(
        text.lines().next(),
        Some("row,part,label,wide,high,district_is=north,district_is=south,district_is=west")
    );
    let parts: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap())
        .collect();
    assert!(
        (3_000..3_400).contains(&parts.len()),
        "{}: a fifth of the keys is the test",
        parts.len()
    );
    assert!(["1", "2", "3", "4"].iter().all(|part| parts.contains(part)) && !parts.contains(&"0"));
    let spec = std::fs::read_to_string(fixture.path("features.json")).unwrap();
    assert!(spec.contains("district_is"), "{spec}");
    let other = fixture.run(&[
        "features",
        "skewless.toml",
        "rooms.csv",
        "-o",
        "other.parquet",
    ]);
    ended(&other, 0, "");
    assert!(
        other.stdout.starts_with("4,000 rows, 5 columns"),
        "{}",
        other.stdout
    );
    let unknown = fixture.run(&["features", "skewless.toml", "--set", "none", "-o", "f.csv"]);
    ended(&unknown, 4, "train.config");
}

/// A source is joined, shown and exported; what is wrong with it ends with its code.
#[test]
fn a_source_is_joined_shown_and_exported() {
    let more = "[[source]]\nname = \"districts\"\npath = \"districts*.csv\"\nstatic = true\n\
        [[join]]\nsource = \"districts\"\non = [\"district\"]\ncolumns = [\"trams\"]\n\
        [[input]]\nname = \"trams\"\ntype = \"number\"\nnullable = true\n";
    let fixture = project(more);
    fixture.write("districts.csv", "trams,district\n4,west\n2,north\n");
    let run = fixture.run(&["train", "skewless.toml", "--no-store"]);
    ended(&run, 0, "");
    assert!(run.stdout.contains("Joins"), "{}", run.stdout);
    ended(&fixture.run(&["report", "report.json"]), 0, "");
    let page = std::fs::read_to_string(fixture.path("report.html")).unwrap();
    assert!(page.contains("Sources and joins") && page.contains("districts.csv"));
    let export = ["lookup", "skewless.toml", "districts", "-o", "trams.csv"];
    let run = fixture.run(&export);
    ended(&run, 0, "");
    assert!(
        run.stdout.starts_with("2 keys, 1 column of "),
        "{}",
        run.stdout
    );
    let written = std::fs::read_to_string(fixture.path("trams.csv")).unwrap();
    assert_eq!(written, "district,trams\nnorth,2\nwest,4\n");
    let lint = fixture.run(&["lint", "skewless.toml"]);
    assert!(lint.stdout.contains("source.districts"), "{}", lint.stdout);
    fixture.write("districts-2.csv", "trams,district\n4,west\n");
    let run = fixture.run(&["train", "skewless.toml", "--no-store"]);
    ended(&run, 4, "join.duplicate_key");
    assert!(run.stderr.contains("districts.csv"), "{}", run.stderr);
    ended(&fixture.run(&export), 4, "table.lookup_key");
}

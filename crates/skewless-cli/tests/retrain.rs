//! `skewless retrain` as it is run: on data that moved, on data that did not, and against champions that cannot be compared.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::fmt::Write as _;
use std::path::PathBuf;

use fixture::{Fixture, Run, ended};
use serde_json::Value;

const CONFIG: &str = include_str!("../../../tests/retrain/rooms.toml");

/// Rooms sold on `days` days from 2026-01-01 on, 30 a day; from day `risen` on a square metre costs 12 instead of 8.
fn rooms(days: u32, risen: u32) -> String {
    let mut state = 7_u32;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % bound
    };
    let mut csv = String::from("sold,size,price\n");
    for day in 0..days {
        let (month, date) = (1 + day / 28, 1 + day % 28);
        for _ in 0..30 {
            let size = 10.0 + f64::from(random(5_000)) / 100.0;
            let each = if day < risen { 8.0 } else { 12.0 };
            let price = each * size + f64::from(random(4_000)) / 100.0;
            writeln!(csv, "2026-{month:02}-{date:02},{size},{price}").unwrap();
        }
    }
    csv
}

/// A project with a champion trained on the first 56 days.
fn project(more: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("rooms.csv", rooms(56, 100));
    fixture.write("skewless.toml", format!("{CONFIG}{more}"));
    ended(
        &fixture.run(&["train", "skewless.toml", "--no-store", "-o", "champion.skw"]),
        0,
        "",
    );
    fixture
}

fn retrain(fixture: &Fixture, more: &[&str]) -> Run {
    let arguments = [
        "retrain",
        "skewless.toml",
        "--champion",
        "champion.skw",
        "--no-store",
    ];
    fixture.run(&[&arguments[..], more].concat())
}

fn verdict(fixture: &Fixture) -> Value {
    let text = std::fs::read_to_string(fixture.path("challenger/verdict.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn challenger(fixture: &Fixture) -> PathBuf {
    fixture.path("challenger/rooms.skw")
}

#[test]
fn prices_that_rose_promote_the_challenger() {
    let fixture = project("");
    fixture.write("rooms.csv", rooms(252, 60));
    let run = retrain(&fixture, &["--set-version", "1.1.0"]);
    ended(&run, 0, "");
    assert!(
        run.stdout.contains("promote: the challenger takes"),
        "{}",
        run.stdout
    );
    let verdict = verdict(&fixture);
    assert_eq!(verdict["decision"], "promote", "{verdict:#}");
    assert_eq!(verdict["challenger"]["version"], "1.1.0");
    assert_eq!(verdict["window"]["rows"], 300);
    assert_eq!(verdict["window"]["compared"], 300);
    assert_eq!(verdict["window"]["from"], "2026-09-19");
    assert_eq!(verdict["window"]["champion_until"], "2026-02-18");
    // A square metre's four more, 35 of them on average.
    let (champion, challenger_found) = (
        verdict["champion"]["measures"][0]["value"]
            .as_f64()
            .unwrap(),
        verdict["challenger"]["measures"][0]["value"]
            .as_f64()
            .unwrap(),
    );
    assert!(champion > 100.0 && challenger_found < 80.0, "{verdict:#}");
    let inspected = fixture.run(&["verify", "challenger/rooms.skw"]);
    ended(&inspected, 0, "");
}

#[test]
fn the_same_data_and_a_gain_below_the_margin_keep_the_champion() {
    let fixture = project("[retrain]\nmargin = 0.5\n");
    ended(&retrain(&fixture, &[]), 0, "");
    let same = verdict(&fixture);
    assert_eq!(same["decision"], "keep");
    assert_eq!(
        same["reasons"][0],
        "the challenger is the champion, byte for byte"
    );
    assert_eq!(
        std::fs::read(challenger(&fixture)).unwrap(),
        std::fs::read(fixture.path("champion.skw")).unwrap()
    );
    fixture.write("rooms.csv", rooms(70, 100));
    ended(&retrain(&fixture, &[]), 0, "");
    let newer = verdict(&fixture);
    assert_eq!(newer["decision"], "keep", "{newer:#}");
    assert_ne!(newer["challenger"]["digest"], newer["champion"]["digest"]);
}

#[test]
fn no_worse_is_enough_where_the_configuration_says_so() {
    let fixture = project("[retrain]\npromote = \"no_worse\"\nmargin = 1.0\n");
    fixture.write("rooms.csv", rooms(70, 100));
    ended(&retrain(&fixture, &[]), 0, "");
    assert_eq!(verdict(&fixture)["decision"], "promote");
}

#[test]
fn a_failed_gate_keeps_the_champion_and_leaves_no_challenger() {
    let fixture = project("[gates.test]\nrmse = { max = 20 }\n");
    fixture.write("rooms.csv", rooms(70, 100));
    ended(&retrain(&fixture, &[]), 0, "");
    assert!(challenger(&fixture).exists());
    fixture.write("rooms.csv", rooms(112, 92));
    let run = retrain(&fixture, &["--json"]);
    ended(&run, 1, "");
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["decision"], "keep");
    assert_eq!(verdict["reasons"][0], "the gate test.rmse failed");
    assert!(!challenger(&fixture).exists(), "one of an earlier run");
    assert!(!fixture.path("challenger/card.md").exists());
}

#[test]
fn rows_that_the_champion_refuses_are_counted_and_left_out() {
    let fixture = project("");
    let older = std::fs::read_to_string(fixture.path("skewless.toml")).unwrap();
    fixture.write("skewless.toml", older.replace("max = 60", "max = 90"));
    let mut newer = rooms(112, 60);
    newer.push_str("2026-04-28,80.0,980.0\n2026-04-28,85.0,1030.0\n");
    fixture.write("rooms.csv", newer);
    let refused = retrain(&fixture, &[]);
    ended(&refused, 4, "train.champion");
    assert!(
        refused.stderr.contains("--changed allows that"),
        "{}",
        refused.stderr
    );
    assert!(!fixture.path("challenger").exists());
    let run = retrain(&fixture, &["--changed"]);
    ended(&run, 0, "");
    assert!(
        run.stdout.contains("of which the champion refuses 2"),
        "{}",
        run.stdout
    );
    let verdict = verdict(&fixture);
    assert_eq!(verdict["champion"]["refused"], 2);
    assert_eq!(verdict["window"]["compared"], 300);
}

#[test]
fn a_split_that_changed_lets_no_champion_judge_rows_that_it_has_seen() {
    const BY_TIME: &str =
        "by = \"time\"\ninput = \"sold\"\nvalidate_last = \"10d\"\ntest_last = \"10d\"";
    assert!(CONFIG.contains(BY_TIME));
    let fixture = Fixture::new();
    fixture.write("rooms.csv", rooms(56, 100));
    let by_key = |seed: u32, test: f64| {
        let split = format!("by = \"hash\"\ninput = \"size\"\nvalidate = 0.2\ntest = {test}");
        CONFIG
            .replace(BY_TIME, &split)
            .replace("seed = 3", &format!("seed = {seed}"))
    };
    let write = |config: &str| {
        fixture.write("skewless.toml", config);
    };
    let train = |config: &str| {
        write(config);
        let run = fixture.run(&["train", "skewless.toml", "--no-store", "-o", "champion.skw"]);
        ended(&run, 0, "");
    };
    train(&by_key(3, 0.3));
    // A smaller share by the same hash is a part of what the champion has not seen.
    for (config, status, told) in [
        (by_key(3, 0.3), 0, ""),
        (by_key(3, 0.2), 0, ""),
        (
            by_key(3, 0.4),
            4,
            "its own was a share of 0.3 of `size` by the seed 3, this one is 0.4",
        ),
        (by_key(8, 0.3), 4, "it has seen rows of this test"),
        (
            CONFIG.to_owned(),
            4,
            "its rows were split by `size` and are of all times",
        ),
    ] {
        write(&config);
        ended(&retrain(&fixture, &["--changed"]), status, told);
    }
    train(CONFIG);
    write(&by_key(3, 0.3));
    let told = "it was trained on rows up to a time, whatever their `size`";
    ended(&retrain(&fixture, &["--changed"]), 4, told);
}

#[test]
fn a_folder_that_holds_the_champion_gets_no_challenger() {
    let fixture = project("");
    let champion = std::fs::read(fixture.path("champion.skw")).unwrap();
    std::fs::create_dir(fixture.path("in_use")).unwrap();
    std::fs::rename(
        fixture.path("champion.skw"),
        fixture.path("in_use/rooms.skw"),
    )
    .unwrap();
    fixture.write("afile", "");
    for (output, told) in [
        ("./in_use", "is where the champion lies"),
        ("afile", "is no folder"),
    ] {
        let run = fixture.run(&[
            "retrain",
            "skewless.toml",
            "--champion",
            "in_use/rooms.skw",
            "-o",
            output,
        ]);
        ended(&run, 5, told);
        assert!(!run.stderr.contains("Reading tables"), "{}", run.stderr);
    }
    assert_eq!(
        std::fs::read(fixture.path("in_use/rooms.skw")).unwrap(),
        champion
    );
}

#[test]
fn a_champion_that_cannot_be_compared_is_told() {
    let fixture = project("");
    fixture.write("rooms.csv", rooms(45, 100));
    ended(
        &retrain(&fixture, &[]),
        4,
        "it has seen rows up to 2026-02-18",
    );
    std::fs::copy(fixture.path("small.skw"), fixture.path("champion.skw")).unwrap();
    ended(&retrain(&fixture, &[]), 4, "another task or other labels");
    fixture.write("champion.skw", "no bundle");
    ended(&retrain(&fixture, &[]), 3, "champion.skw: bundle.");
    std::fs::remove_file(fixture.path("champion.skw")).unwrap();
    ended(&retrain(&fixture, &[]), 4, "train.unreadable");
    fixture.write("skewless.toml", "[trees]\n");
    fixture.write("champion.skw", "");
    ended(&retrain(&fixture, &[]), 4, "unsupported.retrain");
}

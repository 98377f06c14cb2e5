//! `verify` and `inspect` on good and on damaged bundles.

mod fixture;

use fixture::Fixture;
use serde_json::{Value as Json, json};

/// The text with the bundle's digest and those of its parts replaced, which change with every format change.
fn without_digests(text: &str) -> String {
    let is_digest =
        |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lines = text.lines().map(|line| {
        let words = line
            .split(' ')
            .map(|word| if is_digest(word) { "SHA256" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn verify_says_what_it_checked() {
    let fixture = Fixture::new();
    let run = fixture.run(&["verify", "small.skw"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout
            .lines()
            .filter(|line| line.starts_with("ok  "))
            .count(),
        4,
        "{}",
        run.stdout
    );
    let run = fixture.run(&["verify", "small.skw", "--json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&report["name"], &report["checked"]["parts"]),
        (&json!("small"), &json!(9))
    );
    assert!(report["checked"]["golden_rows"].as_u64().unwrap() >= 32);
}

#[test]
fn inspect_shows_inputs_features_model_and_metrics() {
    let fixture = Fixture::new();
    let run = fixture.run(&["inspect", "small.skw"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let head: Vec<&str> = run.stdout.split("\nParts\n").collect();
    insta::assert_snapshot!("inspect", without_digests(head[0]));
    for part in [
        "features.json",
        "model.plan",
        "output.json",
        "profile.json",
        "golden.jsonl",
        "card.md",
    ] {
        assert!(head[1].contains(part), "{part}");
    }
}

/// A cell of several lines stands in its own column.
#[test]
fn long_cells_stay_in_their_column() {
    let fixture = Fixture::new();
    let run = fixture.run(&["inspect", "small.skw"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let at = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    let (header, first) = (at("meaning"), at("Two-letter code"));
    let column = lines[header].find("meaning");
    assert_eq!(lines[first].find("Two-letter code"), column);
    let last = at("by the airline alone.");
    assert!(last > first, "{}", run.stdout);
    let beginning = lines[first + 1].len() - lines[first + 1].trim_start().len();
    assert_eq!(Some(beginning), column, "{}", run.stdout);
}

#[test]
fn inspect_gives_programs_json() {
    let fixture = Fixture::new();
    let run = fixture.run(&["inspect", "small.skw", "--json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["model"]["kind"], "trees");
    assert_eq!(
        (&report["model"]["trees"], &report["model"]["leaves"]),
        (&json!(2), &json!(6))
    );
    assert_eq!(
        report["columns"],
        json!(["carrier_code", "miles", "hour", "wet"])
    );
    assert_eq!(report["features"][2]["inputs"], json!(["departure"]));
    assert_eq!(report["metrics"]["test, split by time"]["rows"], 1500);
    let verified = fixture.run(&["verify", "small.skw", "--json"]);
    let verified: Json = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(
        (&report["sha256"], &report["size"]),
        (&verified["sha256"], &verified["size"])
    );
}

/// What a study measured stands under its own title, and its candidates are not among the facts.
#[test]
fn inspect_shows_how_well_a_study_does() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let fixture = Fixture::new();
    for (name, title, rows) in [
        (
            "wine",
            "Metrics: test, 36 rows, chosen by log loss",
            [
                "log loss  0.0017  (0.0000 … 0.0048)",
                "macro F1  1.0000  (1.0000 … 1.0000)",
            ],
        ),
        (
            "diabetes",
            "Metrics: test, 105 rows, chosen by RMSE",
            [
                "RMSE     50.5301  (43.2253 … 57.8457)",
                "R²       0.5037  (0.3241 … 0.6401)",
            ],
        ),
    ] {
        let bundle = format!("{models}/{name}/{name}.skw");
        let text = fixture.run(&["inspect", &bundle]).stdout;
        for expected in [title].iter().chain(&rows) {
            let found = text.lines().any(|line| line.trim() == *expected);
            assert!(found, "{expected}: {text}");
        }
        assert!(!text.contains("candidates"), "{text}");
        let json = fixture.run(&["inspect", &bundle, "--json"]).stdout;
        let json: Json = serde_json::from_str(&json).unwrap();
        let study = &json["provenance"]["predicate"]["runDetails"]["skewless_study"];
        let test = &json["metrics"]["test"];
        assert_eq!(test["measures"], study["test"]["measures"]);
        assert_eq!(test["chosen_by"], study["selection"]["by"]);
    }
}

#[test]
fn a_damaged_bundle_is_status_3_for_every_command() {
    let fixture = Fixture::new();
    let good = std::fs::read(fixture.path("small.skw")).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let longer = [good.as_slice(), b"x"].concat();
    for (bytes, code) in [
        (&good[..good.len() / 2], "bundle.truncated"),
        (&good[..good.len() - 1], "bundle.truncated"),
        (&good[..0], "bundle."),
        (&flipped[..], "bundle."),
        (&longer[..], "bundle.trailing_data"),
        (&b"carrier,distance\nAA,1\n"[..], "bundle.not_a_bundle"),
    ] {
        fixture.write("bad.skw", bytes);
        for command in ["verify", "inspect", "predict"] {
            let run = fixture.run_with_input(&[command, "bad.skw"], b"{}\n");
            assert_eq!(
                (run.status, run.stdout.as_str()),
                (3, ""),
                "{command} {code}: {}",
                run.stderr
            );
            assert!(
                run.stderr
                    .starts_with(&format!("skewless: bad.skw: {code}")),
                "{}",
                run.stderr
            );
            assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        }
    }
}

#[test]
fn an_absent_bundle_is_named() {
    let fixture = Fixture::new();
    let run = fixture.run(&["inspect", "absent.skw"]);
    assert_eq!(run.status, 3);
    insta::assert_snapshot!("absent_bundle_stderr", run.stderr);
}

//! `skewless fit`, run as a program: what the library fits on all rows at once, whatever the files, the threads and the memory,
//! in memory that does not grow with the tables.

#![cfg(feature = "pack")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Fixture, csv, ended, json_lines, rows};
use skewless_core::{FeatureSpec, FittedSpec};
use skewless_table::{Wanted, read_columns};

const SPEC: &str = r#"
[[input]]
name = "carrier"
type = "category"
nullable = true
[[input]]
name = "distance"
type = "number"
[[input]]
name = "departure"
type = "timestamp"
zone = "local"

[[feature]]
name = "miles"
op = "standardize"
from = "distance"
[[feature]]
name = "miles_bucket"
op = "bucketize"
quantiles = 20
from = "miles"
[[feature]]
name = "carrier_code"
op = "one_hot"
from = "carrier"
missing_column = true
[[feature]]
name = "hour"
op = "date_part"
part = "hour"
from = "departure"
"#;

const MANY: usize = 30_000;

/// Three files, each in its format where the build has it.
fn tables(fixture: &Fixture) -> Vec<&'static str> {
    let rows = rows(MANY);
    fixture.write("b.csv", csv(&rows[9_000..17_000]));
    fixture.write("c.jsonl", json_lines(&rows[17_000..]));
    #[cfg(feature = "parquet")]
    {
        fixture.write("a.parquet", fixture::parquet(&rows[..9_000]));
        vec!["a.parquet", "b.csv", "c.jsonl"]
    }
    #[cfg(not(feature = "parquet"))]
    {
        fixture.write("a.csv", csv(&rows[..9_000]));
        vec!["a.csv", "b.csv", "c.jsonl"]
    }
}

/// What the library makes of the same rows, all in memory.
fn expected(fixture: &Fixture) -> FittedSpec {
    let all = fixture.write("all.csv", csv(&rows(MANY)));
    let spec: FeatureSpec = toml::from_str(SPEC).unwrap();
    let wanted: Vec<Wanted> = spec.input.iter().map(Wanted::from).collect();
    let columns = read_columns(&all, None, &wanted).unwrap();
    spec.fit(&columns, Vec::new()).unwrap()
}

#[test]
fn files_threads_and_memory_change_nothing() {
    let fixture = Fixture::new();
    fixture.write("spec.toml", SPEC);
    let tables = tables(&fixture);
    let expected = expected(&fixture);
    // Two passes for the deviation, one for quantiles that fit into memory, one to compute every feature.
    for (threads, memory, due) in [("1", "1GB", 4..=4), ("2", "300KB", 5..=12)] {
        let mut arguments = vec!["fit", "spec.toml"];
        arguments.extend(&tables);
        arguments.extend(["-o", "out.json", "--threads", threads, "--memory", memory]);
        let run = fixture.run(&arguments);
        ended(&run, 0, "");
        let passes = run
            .stdout
            .strip_prefix(&format!("4 features fitted on {MANY} rows in "))
            .and_then(|rest| rest.strip_suffix(" passes, in out.json\n"))
            .and_then(|passes| passes.parse::<usize>().ok());
        assert!(
            passes.is_some_and(|passes| due.contains(&passes)),
            "{}",
            run.stdout
        );
        let fitted = std::fs::read_to_string(fixture.path("out.json")).unwrap();
        let fitted: FittedSpec = serde_json::from_str(&fitted).unwrap();
        assert!(fitted == expected, "{threads} threads, {memory}");
    }
    let run = fixture.run(&["transform", "out.json", "b.csv", "--to", "csv"]);
    ended(&run, 0, "");
    assert_eq!(run.stdout.lines().count(), 8_001);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_table() {
    let fixture = Fixture::new();
    fixture.write("spec.toml", SPEC);
    let table = rows(MANY * 10);
    let peaks = [MANY, MANY * 10].map(|count| {
        fixture.write("in.csv", csv(&table[..count]));
        fixture.peak(&[
            "fit",
            "spec.toml",
            "in.csv",
            "-o",
            "out.json",
            "--threads",
            "1",
            "--memory",
            "4MB",
        ])
    });
    // Ten times the rows are 2.4 MB of numbers alone, twice, and 12 MB of text.
    assert!(peaks[1] < peaks[0] + 2 * 1024, "{peaks:?} KiB");
}

#[test]
fn what_cannot_be_fitted_is_told_with_its_file_and_row_and_writes_nothing() {
    let fixture = Fixture::new();
    fixture.write("spec.toml", SPEC);
    let mut text = json_lines(&rows(10));
    text.push_str(
        "{\"carrier\": \"AA\", \"distance\": \"far\", \"departure\": \"2013-11-01T05:15\"}\n",
    );
    fixture.write("bad.jsonl", &text);
    fixture.write("good.jsonl", json_lines(&rows(10)));
    let farther = "carrier,distance,departure\nAA,3,2013-11-01T05:15\nAA,-3,2013-11-01T05:15\n";
    fixture.write("negative.csv", farther);
    let logarithm = "[[feature]]\nname = \"log\"\nop = \"log1p\"\nfrom = \"distance\"\n";
    fixture.write("log.toml", format!("{SPEC}\n{logarithm}"));
    fixture.write("none.csv", "carrier,distance,departure\n");
    fixture.write("short.csv", "carrier,distance\nAA,3\n");
    fixture.write("stray.toml", "[[input]]\nname = 'x'\ntyp = 'number'\n");
    for (arguments, status, told) in [
        (
            &["spec.toml", "good.jsonl", "bad.jsonl"][..],
            4,
            "`bad.jsonl`, row 10: ",
        ),
        (
            &["log.toml", "good.jsonl", "negative.csv"],
            4,
            "`negative.csv`, row 1: ",
        ),
        (&["spec.toml", "none.csv"], 4, "spec.nothing_to_fit"),
        (&["spec.toml", "short.csv"], 4, "table.missing_column"),
        (&["spec.toml", "absent.csv"], 4, "table.unreadable"),
        (
            &["absent.toml", "good.jsonl"],
            4,
            "spec.invalid: `absent.toml` cannot be read",
        ),
        (&["stray.toml", "good.jsonl"], 4, "stray.toml: spec.invalid"),
        (
            &["spec.toml", "good.jsonl", "--set", "all"],
            4,
            "train.config",
        ),
        (&["spec.toml"], 2, "<TABLE>..."),
    ] {
        let mut all = vec!["fit", "-o", "out.json"];
        all.extend(arguments);
        let run = fixture.run(&all);
        ended(&run, status, told);
        assert!(!fixture.path("out.json").exists(), "{arguments:?}");
    }
}

#[cfg(feature = "train")]
#[test]
fn a_feature_set_of_a_study_is_fitted_by_its_name() {
    let wine = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/wine");
    let fixture = Fixture::new();
    let config = format!("{wine}/skewless.toml");
    let table = format!("{wine}/data/wine.csv");
    let text = std::fs::read_to_string(&config).unwrap();
    let parsed: toml::Table = toml::from_str(&text).unwrap();
    let sets = parsed["feature_set"].as_array().unwrap();
    assert!(sets.len() > 1);
    for set in sets {
        let name = set["name"].as_str().unwrap();
        let run = fixture.run(&["fit", &config, &table, "--set", name, "-o", "out.json"]);
        ended(&run, 0, "");
        let fitted = std::fs::read_to_string(fixture.path("out.json")).unwrap();
        let fitted: FittedSpec = serde_json::from_str(&fitted).unwrap();
        let shown = fitted.features.iter().filter(|feature| !feature.hidden);
        assert_eq!(
            shown.count(),
            set["features"].as_array().unwrap().len(),
            "{name}"
        );
    }
    let run = fixture.run(&["fit", &config, &table, "--set", "none", "-o", "out.json"]);
    ended(&run, 4, "there is no such feature set");
}

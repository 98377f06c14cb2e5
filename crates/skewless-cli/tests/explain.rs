//! `skewless explain`, run as a program: what each feature of each record added.

mod fixture;

use fixture::{Fixture, csv, json_lines, rows};
use serde_json::{Value as Json, json};

/// Numbers as they are for people: the last digits of a sum are for the property tests.
fn rounded(json: &Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().map(|x| (x * 1e9).round() / 1e9).into(),
        Json::Array(list) => list.iter().map(rounded).collect(),
        Json::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), rounded(value)));
            Json::Object(fields.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn a_line_a_record_in_its_place() {
    let fixture = Fixture::new();
    let bad = "{\"distance\":1}\n{\n";
    let text = format!("{}{bad}{}", json_lines(&rows(1)), json_lines(&rows(2)));
    let run = fixture.run_with_input(&["explain", "small.skw"], text.as_bytes());
    assert_eq!(run.status, 1);
    let lines = run.lines();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], lines[3]);
    insta::assert_json_snapshot!("explain", rounded(&lines[0]));
    assert_eq!(lines[1]["error"]["code"], "input.missing_field");
    assert_eq!(lines[2]["error"]["code"], "input.invalid_json");
    assert_eq!(lines[2]["error"]["row"], 2);
    assert!(
        run.stderr.contains("2 of 5 rows failed; first, row 1"),
        "{}",
        run.stderr
    );
}

#[test]
fn contributions_add_up_to_what_predict_says() {
    let fixture = Fixture::new();
    fixture.write("a.csv", csv(&rows(200)));
    let predicted = fixture.run(&["predict", "small.skw", "a.csv"]).lines();
    let run = fixture.run(&["explain", "small.skw", "a.csv", "-o", "out.jsonl"]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
    let text = std::fs::read_to_string(fixture.path("out.jsonl")).unwrap();
    let explained: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(explained.len(), 200);
    for (explained, predicted) in explained.iter().zip(&predicted) {
        assert_eq!(explained["raw"], json!([predicted["raw"]]));
        let features = explained["features"].as_array().unwrap().iter();
        let added = features.map(|feature| feature["contributions"][0].as_f64().unwrap());
        let sum = explained["base"][0].as_f64().unwrap() + added.sum::<f64>();
        assert!((sum - predicted["raw"].as_f64().unwrap()).abs() < 1e-12);
    }
}

#[test]
fn formats_and_streams_are_those_of_predict() {
    let fixture = Fixture::new();
    let lines = fixture.run_with_input(
        &["explain", "small.skw", "-"],
        json_lines(&rows(50)).as_bytes(),
    );
    let cells = ["explain", "small.skw", "--from", "csv"];
    let cells = fixture.run_with_input(&cells, csv(&rows(50)).as_bytes());
    assert_eq!((lines.status, cells.status), (0, 0));
    assert_eq!(lines.stdout, cells.stdout);
    let empty = fixture.run(&["explain", "small.skw"]);
    assert_eq!((empty.status, empty.stdout.as_str()), (4, ""));
    assert!(
        empty.stderr.contains("input.empty_batch"),
        "{}",
        empty.stderr
    );
}

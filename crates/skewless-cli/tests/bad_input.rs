//! The cases of `tests/bad_inputs.json` through the program: the same codes as on every other door, row by row.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cases() -> Vec<Json> {
    let text = std::fs::read_to_string(root().join("tests/bad_inputs.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn predict(lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skewless"))
        .args(["predict", "models/flights/flights.skw"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn sample() -> String {
    let text = std::fs::read_to_string(root().join("models/flights/sample.jsonl")).unwrap();
    text.lines().next().unwrap().to_owned()
}

#[test]
fn each_bad_record_is_an_error_in_its_place() {
    let cases: Vec<Json> = cases()
        .into_iter()
        .filter(|case| case.get("record").is_some())
        .collect();
    let good = sample();
    let lines: String = cases
        .iter()
        .map(|case| format!("{}\n{good}\n", case["record"]))
        .collect();
    let output = predict(&lines);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 2 * cases.len());
    for (at, (case, pair)) in cases.iter().zip(answers.chunks(2)).enumerate() {
        assert_eq!(
            pair[0]["error"]["code"], case["code"],
            "{}: {}",
            case["name"], pair[0]
        );
        assert_eq!(pair[0]["error"]["row"], 2 * at, "{}", case["name"]);
        assert!(
            pair[1]["probability"].is_number(),
            "{}: {}",
            case["name"],
            pair[1]
        );
    }
}

#[test]
fn lines_that_are_no_records_fail_alone() {
    let good = sample();
    let doubled = good.replacen('{', "{\"carrier\":\"UA\",", 1);
    let nan = good.replacen("\"distance\":529", "\"distance\":NaN", 1);
    assert_ne!(nan, good);
    let cases = [
        ("{\"carrier\":", "input.invalid_json"),
        ("3", "input.not_an_object"),
        (doubled.as_str(), "input.duplicate_field"),
        (nan.as_str(), "input.invalid_json"),
    ];
    let lines: String = cases
        .iter()
        .map(|(line, _)| format!("{line}\n{good}\n"))
        .collect();
    let text = String::from_utf8(predict(&lines).stdout).unwrap();
    let answers: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for ((line, code), pair) in cases.iter().zip(answers.chunks(2)) {
        assert_eq!(pair[0]["error"]["code"], *code, "{line}");
        assert!(pair[1]["probability"].is_number(), "{line}");
    }
}

//! ONNX's backend node tests, through the importer and the engine: each passes or is refused by a code that
//! `docs/onnx.md` states.
//!
//! `tests/onnx-nodes/cases.jsonl` holds the small cases. With `SKEWLESS_ONNX_NODES` naming a file of all of them (as
//! `cargo xtask onnx` does), the document's table is written anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod case;
#[path = "../../src/onnx/message.rs"]
mod message;
mod table;
mod tensor;

use std::path::PathBuf;

use case::{Case, Outcome};

#[test]
fn every_case_passes_or_is_refused_as_the_document_says() {
    let all = std::env::var_os("SKEWLESS_ONNX_NODES");
    let path = all.clone().map_or_else(
        || root().join("tests/onnx-nodes/cases.jsonl"),
        PathBuf::from,
    );
    let cases: Vec<Case> = std::fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(cases.len() > 400, "{} cases", cases.len());
    let results: Vec<(&Case, Outcome)> = cases.iter().map(|case| (case, case.run())).collect();
    let wrong: Vec<String> = results
        .iter()
        .filter_map(|(case, outcome)| match outcome {
            Outcome::Wrong(what) => Some(format!("{}: {what}", case.case)),
            _ => None,
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let document = root().join("docs/onnx.md");
    let text = std::fs::read_to_string(&document).unwrap();
    if all.is_some() {
        std::fs::write(&document, table::replaced(&text, &results)).unwrap();
        return;
    }
    let absent: Vec<String> = results
        .iter()
        .map(|(case, outcome)| table::row(case, outcome))
        .filter(|row| !text.contains(row.as_str()))
        .collect();
    assert!(
        absent.is_empty(),
        "{} rows are not in docs/onnx.md (`cargo xtask onnx` writes it):\n{}",
        absent.len(),
        absent.join("\n")
    );
}

#[test]
fn a_wrong_answer_is_seen() {
    let text = std::fs::read_to_string(root().join("tests/onnx-nodes/cases.jsonl")).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("\"ai_onnx_ml_tree_ensemble_single_tree\""))
        .unwrap();
    let mut case: Case = serde_json::from_str(line).unwrap();
    assert!(matches!(case.run(), Outcome::Pass), "{:?}", case.run());
    case.spoil();
    assert!(matches!(case.run(), Outcome::Wrong(_)));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

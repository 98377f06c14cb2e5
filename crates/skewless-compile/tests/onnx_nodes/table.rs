//! The table of `docs/onnx.md`.

use crate::case::{Case, Outcome};

const BEGIN: &str = "<!-- cases: written by `cargo xtask onnx` -->\n";
const END: &str = "<!-- end of cases -->\n";

/// The document with its table written anew, sorted by operator and case.
pub(crate) fn replaced(text: &str, results: &[(&Case, Outcome)]) -> String {
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let passed = results
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Pass))
        .count();
    let mut sorted: Vec<_> = results.iter().collect();
    sorted.sort_by_key(|(case, _)| (&case.operator, &case.case));
    let rows: String = sorted
        .iter()
        .map(|(case, outcome)| row(case, outcome))
        .collect();
    let count = results.len();
    format!(
        "{before}{BEGIN}\n{passed} of {count} cases pass, {} are refused.\n\n\
         | operator | case | result |\n|---|---|---|\n{rows}\n{END}{after}",
        count - passed
    )
}

pub(crate) fn row(case: &Case, outcome: &Outcome) -> String {
    let result = match outcome {
        Outcome::Pass => "pass".to_owned(),
        Outcome::Refused { code, reason } => format!(
            "`{code}`: {}",
            reason.replace('|', "\\|").replace('\n', " ")
        ),
        Outcome::Wrong(what) => format!("wrong: {what}"),
    };
    format!("| {} | {} | {result} |\n", case.operator, case.case)
}

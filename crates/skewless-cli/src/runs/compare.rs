//! Two runs side by side: what went in, what was chosen, how it did.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::inspect::{section, table, width};
use crate::records::Run;

/// A fact of both runs.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    what: String,
    a: Json,
    b: Json,
    /// Of numbers, b less a.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<f64>,
    equal: bool,
}

/// Every fact that one of the runs has.
pub(super) fn differences(a: &Run, b: &Run) -> Vec<Difference> {
    let (ours, theirs) = (facts(a), facts(b));
    let of = |facts: &[(String, Json)], what: &str| {
        let found = facts.iter().find(|(known, _)| known == what);
        found.map_or(Json::Null, |(_, value)| value.clone())
    };
    let added = theirs
        .iter()
        .filter(|(what, _)| !ours.iter().any(|(known, _)| known == what));
    let all = ours.iter().chain(added);
    all.map(|(what, _)| difference(what, of(&ours, what), of(&theirs, what)))
        .collect()
}

fn difference(what: &str, a: Json, b: Json) -> Difference {
    let is_measure = ["parameter.", "validate.", "test."]
        .iter()
        .any(|part| what.starts_with(part));
    let numbers = a.as_f64().zip(b.as_f64()).filter(|_| is_measure);
    Difference {
        what: what.to_owned(),
        difference: numbers.map(|(a, b)| b - a),
        equal: a == b,
        a,
        b,
    }
}

fn facts(run: &Run) -> Vec<(String, Json)> {
    let mut facts = vec![
        ("configuration".to_owned(), json!(run.configuration_sha256)),
        ("data".to_owned(), json!(run.data)),
        ("seed".to_owned(), json!(run.seed)),
        ("status".to_owned(), json!(run.status)),
        ("code".to_owned(), json!(run.code)),
        ("bundle".to_owned(), json!(run.bundle)),
    ];
    if let Some(winner) = run
        .candidates
        .iter()
        .find(|one| Some(one.place) == run.winner)
    {
        facts.push(("winner".to_owned(), json!(winner.kind)));
        facts.push(("feature set".to_owned(), json!(winner.feature_set)));
    }
    let of_winner = run
        .parameters
        .iter()
        .filter(|one| Some(one.candidate) == run.winner);
    facts.extend(of_winner.map(|one| (format!("parameter.{}", one.name), one.value.clone())));
    facts.extend(run.measured().map(|(name, value)| (name, json!(value))));
    facts
}

pub(super) fn text(a: &Run, b: &Run) -> String {
    let mut table = table(width());
    table.set_header([
        "",
        &format!("run {}", a.number),
        &format!("run {}", b.number),
        "difference",
    ]);
    for one in differences(a, b) {
        let told = match (one.equal, one.difference) {
            (true, _) => String::new(),
            (false, Some(difference)) => format!("{difference:+.4}"),
            (false, None) => "differs".to_owned(),
        };
        table.add_row([one.what, cell(&one.a), cell(&one.b), told]);
    }
    section("Two runs, the second less the first", &table)
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => "–".to_owned(),
        Json::String(text) => text.chars().take(16).collect(),
        Json::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(String::new, |number| format!("{number:.4}")),
        other => other.to_string(),
    }
}

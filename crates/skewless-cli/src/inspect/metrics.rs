//! Metrics and provenance: JSON of the bundle's maker, laid out as tables.

use comfy_table::Table;
use serde_json::{Map, Value as Json};

use crate::inspect::made::number;
use crate::inspect::text::grouped;

/// Longest text that a row of the provenance shows.
const LONGEST: usize = 100;

/// Where training puts its measures: under these names, in the details of its run.
const MEASURED: [(&str, &str); 2] = [
    ("skewless_test", "test, split by time"),
    ("skewless_random_split", "the same under a random split"),
];

/// Long lists that are read in the bundle itself, and what the names of the facts say already.
const LEFT_OUT: [&str; 7] = [
    "skewless_test",
    "skewless_random_split",
    "skewless_candidates",
    "_type",
    "uri",
    "name",
    "step",
];

/// Steps of the provenance's structure that tell a reader nothing.
const STRUCTURE: [&str; 8] = [
    "predicate",
    "buildDefinition",
    "runDetails",
    "externalParameters",
    "internalParameters",
    "metadata",
    "annotations",
    "digest",
];

/// The measures of a training run, by what was measured; none for a bundle that was packed.
pub(super) fn of(provenance: &Json) -> Option<Map<String, Json>> {
    let details = provenance.get("predicate")?.get("runDetails")?;
    let found = MEASURED
        .iter()
        .filter_map(|(key, title)| Some(((*title).to_owned(), details.get(key)?.clone())));
    let found: Map<String, Json> = found.collect();
    (!found.is_empty()).then_some(found)
}

/// A measure a row; models, and the difference between them, side by side.
pub(super) fn table(measured: &Json, mut table: Table) -> Table {
    let arms = ["model", "baseline", "difference"];
    let present: Vec<(&str, &Map<String, Json>)> = arms
        .iter()
        .filter_map(|arm| Some((*arm, measured.get(arm)?.as_object()?)))
        .collect();
    table.set_header(std::iter::once("measure").chain(present.iter().map(|(arm, _)| *arm)));
    let Some((_, first)) = present.first() else {
        return table;
    };
    for measure in first.keys() {
        let cells = present
            .iter()
            .map(|(_, arm)| arm.get(measure).map(shown).unwrap_or_default());
        table.add_row(
            std::iter::once(measure.replace('_', " ").replace("roc auc", "ROC AUC")).chain(cells),
        );
    }
    table
}

/// How many rows were measured, in words.
pub(super) fn rows_measured(measured: &Json) -> Option<String> {
    let rows = usize::try_from(measured.get("rows")?.as_u64()?).ok()?;
    let share = measured.get("positive_share")?.as_f64()?;
    Some(format!(
        "{} rows, {:.1} % positive",
        grouped(rows),
        100.0 * share
    ))
}

/// `0.6890  (0.6800 … 0.7000)` of an estimate with its interval, or a plain value.
fn shown(json: &Json) -> String {
    let part = |name: &str| json.get(name).and_then(Json::as_f64);
    match (part("value"), part("low"), part("high")) {
        (Some(value), Some(low), Some(high)) => format!("{value:.4}  ({low:.4} … {high:.4})"),
        _ => plain(json).unwrap_or_default(),
    }
}

/// The provenance without the measures, one fact a row.
pub(super) fn provenance_table(provenance: &Json, mut table: Table) -> Table {
    let mut facts = Vec::new();
    collect(provenance, &mut Vec::new(), &mut facts);
    for (name, value) in facts {
        table.add_row([name, value]);
    }
    table
}

fn collect(json: &Json, steps: &mut Vec<String>, facts: &mut Vec<(String, String)>) {
    if let Some(text) = plain(json) {
        let told: Vec<&str> = steps
            .iter()
            .map(String::as_str)
            .filter(|step| !STRUCTURE.contains(step))
            .collect();
        facts.push((
            told.join(" ")
                .replace("resolvedDependencies", "from")
                .replace("skewless_", ""),
            text,
        ));
        return;
    }
    let members: Vec<(String, &Json)> = match json {
        Json::Object(members) => members
            .iter()
            .map(|(step, value)| (step.clone(), value))
            .collect(),
        Json::Array(members) => members
            .iter()
            .enumerate()
            .map(|(at, value)| (called(value, at), value))
            .collect(),
        _ => Vec::new(),
    };
    for (step, value) in members {
        if LEFT_OUT.contains(&step.as_str()) {
            continue;
        }
        steps.push(step);
        collect(value, steps, facts);
        steps.pop();
    }
}

/// What a member of a list is called: by its own name where it has one.
fn called(member: &Json, at: usize) -> String {
    let own = ["uri", "name", "step"]
        .iter()
        .find_map(|key| member.get(key)?.as_str());
    own.map_or_else(|| at.to_string(), str::to_owned)
}

fn plain(json: &Json) -> Option<String> {
    let text = match json {
        Json::Object(_) => return None,
        Json::Array(members) => {
            let scalars = members.iter().map(|member| {
                if member.is_array() {
                    None
                } else {
                    plain(member)
                }
            });
            scalars.collect::<Option<Vec<String>>>()?.join(", ")
        }
        Json::Null => "none".to_owned(),
        Json::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        Json::String(text) => text.clone(),
        Json::Bool(value) => value.to_string(),
    };
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    Some(short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_named_without_the_structure_around_them() {
        let provenance = json!({
            "_type": "x",
            "predicate": {
                "buildDefinition": {"resolvedDependencies": [{"uri": "a.csv", "digest": {"sha256": "00"}}, 7]},
                "runDetails": {"metadata": {"finishedOn": "2026"}, "skewless_test": {"rows": 3}},
            },
        });
        let mut facts = Vec::new();
        collect(&provenance, &mut Vec::new(), &mut facts);
        let expected = [
            ("from a.csv sha256", "00"),
            ("from 1", "7"),
            ("finishedOn", "2026"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(facts, expected);
    }

    #[test]
    fn only_training_has_measures() {
        assert_eq!(
            of(&json!({"predicate": {"runDetails": {"builder": {}}}})),
            None
        );
        let measured = json!({"predicate": {"runDetails": {"skewless_test": {"rows": 2000, "positive_share": 0.25}}}});
        let found = of(&measured).unwrap();
        assert_eq!(
            rows_measured(&found["test, split by time"]).as_deref(),
            Some("2,000 rows, 25.0 % positive")
        );
    }
}

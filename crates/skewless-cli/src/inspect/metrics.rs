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

/// Where a study puts what it found.
const STUDY: &str = "skewless_study";

/// Long lists that are read in the bundle itself, and what the names of the facts say already.
const LEFT_OUT: [&str; 8] = [
    "skewless_test",
    "skewless_random_split",
    STUDY,
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
    let mut found: Map<String, Json> = found.collect();
    if let Some(tested) = details.get(STUDY).and_then(of_study) {
        found.insert("test".to_owned(), tested);
    }
    (!found.is_empty()).then_some(found)
}

/// The test of a study, with the measure that chose the model, its coverage and its slices where it has any.
fn of_study(study: &Json) -> Option<Json> {
    let mut tested = study.get("test")?.as_object()?.clone();
    let chosen_by = study.get("selection").and_then(|found| found.get("by"));
    let beside = [
        ("chosen_by", chosen_by),
        ("coverage", study.get("coverage")),
        ("slices", study.get("slices")),
    ];
    for (name, found) in beside {
        let is_empty = |found: &Json| found.as_array().is_some_and(Vec::is_empty);
        if let Some(found) = found.filter(|found| !found.is_null() && !is_empty(found)) {
            tested.insert(name.to_owned(), found.clone());
        }
    }
    Some(Json::Object(tested))
}

/// A measure a row; models, and the difference between them, side by side.
pub(super) fn table(measured: &Json, mut table: Table) -> Table {
    if let Some(list) = measured.get("measures").and_then(Json::as_array) {
        table.set_header(["measure", "model"]);
        for one in list {
            table.add_row([title(measure(one)), shown(one)]);
        }
        return table;
    }
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
        table.add_row(std::iter::once(title(measure)).chain(cells));
    }
    table
}

/// How many rows were measured and what chose the model, in words.
pub(super) fn rows_measured(measured: &Json) -> Option<String> {
    let mut words = vec![format!("{} rows", rows(measured)?)];
    if let Some(share) = measured.get("positive_share").and_then(Json::as_f64) {
        words.push(format!("{} positive", percent(share)));
    }
    if let Some(measure) = measured.get("chosen_by").and_then(Json::as_str) {
        words.push(format!("chosen by {}", title(measure)));
    }
    Some(words.join(", "))
}

/// What intervals or sets of labels promise, and what the test rows found; `None` where nothing is promised.
pub(super) fn coverage_table(measured: &Json, mut table: Table) -> Option<Table> {
    let coverage = measured.get("coverage")?;
    let number = |name: &str| coverage.get(name).and_then(Json::as_f64);
    let method = coverage.get("method").and_then(Json::as_str)?;
    let of_numbers = matches!(method, "split" | "cqr");
    let what = if of_numbers {
        "intervals"
    } else {
        "sets of labels"
    };
    table.add_row(["method".to_owned(), format!("{what}, {method}")]);
    table.add_row(["promised".to_owned(), percent(number("confidence")?)]);
    table.add_row(["found".to_owned(), share(coverage)?]);
    if let Some(rows) = rows(coverage) {
        table.add_row(["from".to_owned(), format!("{rows} validation rows")]);
    }
    if let Some(size) = number("size") {
        let name = if of_numbers {
            "mean width"
        } else {
            "labels in a set"
        };
        table.add_row([name.to_owned(), format!("{size:.4}")]);
    }
    if coverage.get("says_nothing").and_then(Json::as_bool) == Some(true) {
        let said = "every answer holds everything";
        table.add_row(["warning".to_owned(), said.to_owned()]);
    }
    let by = coverage.get("by").and_then(Json::as_str);
    let groups = coverage.get("groups").and_then(Json::as_array);
    for group in groups.into_iter().flatten() {
        let value = group.get("value").and_then(Json::as_str);
        table.add_row([
            format!("{} = {}", by.unwrap_or_default(), value.unwrap_or("others")),
            format!("{} rows, {}", rows(group)?, share(group)?),
        ]);
    }
    Some(table)
}

/// The share of test rows that were covered, of all or of a group, and whether the promise lies in its interval.
fn share(coverage: &Json) -> Option<String> {
    let test = coverage.get("test")?;
    let part = |name: &str| test.get(name).and_then(Json::as_f64).map(percent);
    let holds = match coverage.get("holds").and_then(Json::as_bool) {
        Some(true) => ", the promise within",
        Some(false) => ", the promise outside",
        None => "",
    };
    let (found, low, high) = (part("value")?, part("low")?, part("high")?);
    Some(format!("{found}  ({low} … {high}){holds}"))
}

/// A group of test rows a row; `None` where there are no groups.
pub(super) fn slices_table(measured: &Json, mut table: Table) -> Option<Table> {
    let slices = measured.get("slices")?.as_array()?;
    let of = |slice: &Json| {
        let measures = slice.get("measures").and_then(Json::as_array);
        measures.cloned().unwrap_or_default()
    };
    // Small groups have no measures.
    let most = slices.iter().map(of).max_by_key(Vec::len)?;
    let names: Vec<&str> = most.iter().map(measure).collect();
    let head = ["group", "rows"].map(str::to_owned);
    table.set_header(head.into_iter().chain(names.iter().map(|name| title(name))));
    for slice in slices {
        let text = |name: &str| slice.get(name).and_then(Json::as_str);
        let group = format!(
            "{} = {}",
            text("input").unwrap_or_default(),
            text("value").unwrap_or("missing")
        );
        let measures = of(slice);
        let cells = names.iter().map(|name| {
            let found = measures.iter().find(|one| measure(one) == *name);
            found.map(shown).unwrap_or_default()
        });
        table.add_row(
            [group, rows(slice).unwrap_or_default()]
                .into_iter()
                .chain(cells),
        );
    }
    Some(table)
}

fn measure(one: &Json) -> &str {
    one.get("measure")
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// A measure's name for people.
fn title(measure: &str) -> String {
    match measure {
        "roc_auc" => "ROC AUC".to_owned(),
        "macro_f1" => "macro F1".to_owned(),
        "rmse" => "RMSE".to_owned(),
        "mae" => "MAE".to_owned(),
        "r2" => "R²".to_owned(),
        _ => measure.replace('_', " "),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn rows(json: &Json) -> Option<String> {
    let rows = usize::try_from(json.get("rows")?.as_u64()?).ok()?;
    Some(grouped(rows))
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
        Json::Array(members) if members.is_empty() => "none".to_owned(),
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
                "runDetails": {
                    "metadata": {"finishedOn": "2026"},
                    "skewless_findings": [],
                    "skewless_test": {"rows": 3},
                },
            },
        });
        let mut facts = Vec::new();
        collect(&provenance, &mut Vec::new(), &mut facts);
        let expected = [
            ("from a.csv sha256", "00"),
            ("from 1", "7"),
            ("finishedOn", "2026"),
            ("findings", "none"),
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

    #[test]
    fn a_study_shows_what_it_measured() {
        let estimate =
            |value: f64| json!({"value": value, "low": value - 0.25, "high": value + 0.25});
        let measured = |value: f64| {
            let mut one = estimate(value);
            one["measure"] = "roc_auc".into();
            one
        };
        let study = json!({
            "candidates": [1],
            "selection": {"by": "roc_auc"},
            "test": {"rows": 1200, "measures": [measured(0.75)], "calibration": []},
            "coverage": {
                "method": "lac", "confidence": 0.9, "rows": 300, "quantiles": {"all": 0.5}, "test": estimate(0.5), "holds": false, "size": 1.5,
                "by": "city", "groups": [
                    {"value": "Bern", "rows": 3, "test": estimate(0.5), "holds": false, "size": 1.0},
                    {"value": null, "rows": 1197, "test": estimate(0.75), "holds": true, "size": 2.0},
                ],
                "says_nothing": true,
            },
            "slices": [
                {"input": "city", "value": "Bern", "rows": 3, "measures": []},
                {"input": "city", "value": null, "rows": 1000, "measures": [measured(0.5)]},
            ],
        });
        let provenance = json!({"predicate": {"runDetails": {"skewless_study": study}}});
        let found = &of(&provenance).unwrap()["test"];
        assert_eq!(
            rows_measured(found).as_deref(),
            Some("1,200 rows, chosen by ROC AUC")
        );
        let words = |table: Table| {
            let lines = table.lines().map(|line| line.trim().to_owned());
            let lines = lines.map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect::<Vec<_>>()
                    .join(" | ")
            });
            lines.collect::<Vec<_>>()
        };
        let empty = || crate::inspect::table(100);
        assert_eq!(
            words(table(found, empty())),
            ["measure | model", "ROC AUC | 0.7500 | (0.5000 … 1.0000)"]
        );
        assert_eq!(
            words(coverage_table(found, empty()).unwrap()),
            [
                "method | sets of labels, lac",
                "promised | 90.0 %",
                "found | 50.0 % | (25.0 % … 75.0 %), the promise outside",
                "from | 300 validation rows",
                "labels in a set | 1.5000",
                "warning | every answer holds everything",
                "city = Bern | 3 rows, 50.0 % | (25.0 % … 75.0 %), the promise outside",
                "city = others | 1,197 rows, 75.0 % | (50.0 % … 100.0 %), the promise within",
            ]
        );
        assert_eq!(
            words(slices_table(found, empty()).unwrap()),
            [
                "group | rows | ROC AUC",
                "city = Bern | 3",
                "city = missing | 1,000 | 0.5000 | (0.2500 … 0.7500)",
            ]
        );
        let mut facts = Vec::new();
        collect(&provenance, &mut Vec::new(), &mut facts);
        assert_eq!(facts, []);
    }
}

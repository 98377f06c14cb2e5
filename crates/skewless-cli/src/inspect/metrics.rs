//! Metrics and provenance: JSON of the bundle's maker, laid out as rows of name and value.

use comfy_table::Table;
use serde_json::Value as Json;

use crate::inspect::made::number;

/// Longest text that a row of the provenance shows.
const LONGEST: usize = 100;

/// One row a metric; an estimate with an interval stands on one line.
pub(super) fn table(metrics: &Json, mut table: Table) -> Table {
    rows(metrics, String::new(), &mut |name, value| {
        table.add_row([name, value]);
    });
    table
}

/// The provenance without the metrics.
pub(super) fn provenance_table(provenance: &Json, mut table: Table) -> Table {
    rows(provenance, String::new(), &mut |name, value| {
        if !name.split('.').any(|step| step == "metrics") {
            table.add_row([name, value]);
        }
    });
    table
}

fn rows(json: &Json, name: String, row: &mut impl FnMut(String, String)) {
    let under = |step: &str| {
        if name.is_empty() {
            step.to_owned()
        } else {
            format!("{name}.{step}")
        }
    };
    if let Some(text) = estimate(json).or_else(|| plain(json)) {
        return row(name, text);
    }
    match json {
        Json::Object(members) => members
            .iter()
            .for_each(|(step, value)| rows(value, under(step), row)),
        Json::Array(members) => {
            for (at, value) in members.iter().enumerate() {
                let step = value
                    .get("name")
                    .and_then(Json::as_str)
                    .map_or(at.to_string(), str::to_owned);
                rows(value, under(&step), row);
            }
        }
        _ => {}
    }
}

/// `0.69  (0.68 … 0.70)` of an object with a value and an interval.
fn estimate(json: &Json) -> Option<String> {
    let value = json.get("value")?.as_f64()?;
    let bounds = json
        .get("interval")
        .and_then(Json::as_array)
        .map(Vec::as_slice);
    let (low, high) = match bounds {
        Some([low, high]) => (low.as_f64()?, high.as_f64()?),
        _ => (json.get("low")?.as_f64()?, json.get("high")?.as_f64()?),
    };
    Some(format!(
        "{}  ({} … {})",
        number(value),
        number(low),
        number(high)
    ))
}

fn plain(json: &Json) -> Option<String> {
    let text = match json {
        Json::Object(_) => return None,
        Json::Array(members) => {
            let scalars: Option<Vec<String>> = members
                .iter()
                .map(|member| {
                    if member.is_object() || member.is_array() {
                        None
                    } else {
                        plain(member)
                    }
                })
                .collect();
            scalars?.join(", ")
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

    fn flat(json: &Json) -> Vec<(String, String)> {
        let mut found = Vec::new();
        rows(json, String::new(), &mut |name, value| {
            found.push((name, value))
        });
        found
    }

    #[test]
    fn estimates_stand_on_one_line() {
        let metrics = json!({
            "test": {"roc_auc": {"value": 0.689_012_34, "interval": [0.68, 0.7]}, "rows": 53_991},
            "folds": [{"name": "a", "loss": 0.5}],
            "empty": [],
        });
        let found = flat(&metrics);
        let expected = [
            ("empty", ""),
            ("folds.a.name", "a"),
            ("folds.a.loss", "0.5"),
            ("test.roc_auc", "0.689012  (0.68 … 0.7)"),
            ("test.rows", "53991"),
        ];
        for (name, value) in expected {
            assert!(
                found.contains(&(name.to_owned(), value.to_owned())),
                "{name} in {found:?}"
            );
        }
        assert_eq!(found.len(), expected.len());
    }
}

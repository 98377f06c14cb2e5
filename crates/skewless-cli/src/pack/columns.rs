//! Whether the model's columns are those that the specification gives.

use skewless_core::{Error, FittedSpec, Pipeline, Result};

use crate::pack::engine::Chosen;

/// Most columns that an error names.
const NAMED: usize = 5;

/// Checks number, names and order.
///
/// # Errors
/// `pack.column_mismatch` naming the first columns that differ.
pub(super) fn check(chosen: &Chosen, spec: &FittedSpec) -> Result<()> {
    let pipeline = Pipeline::new(spec)?;
    let given = pipeline.column_names();
    let due = chosen.columns()?;
    match &chosen.feature_names {
        Some(names) => compare(names, &given),
        None if due == given.len() => Ok(()),
        None => Err(Error::input(
            "pack.column_mismatch",
            format!(
                "the model takes {due} columns and names none; the features give {}: {}",
                given.len(),
                listed(given.iter().map(String::as_str))
            ),
        )),
    }
}

fn compare(due: &[String], given: &[String]) -> Result<()> {
    if due == given {
        return Ok(());
    }
    let without = |all: &[String], these: &[String]| {
        let rest = all
            .iter()
            .filter(|name| !these.contains(name))
            .map(String::as_str);
        listed(rest)
    };
    let (absent, extra) = (without(due, given), without(given, due));
    let mut faults = Vec::new();
    if !absent.is_empty() {
        faults.push(format!("no feature gives the model's {absent}"));
    }
    if !extra.is_empty() {
        faults.push(format!("the model does not take {extra}"));
    }
    if faults.is_empty() {
        let first = due
            .iter()
            .zip(given)
            .position(|(due, given)| due != given)
            .unwrap_or_default();
        let name = |names: &[String]| names.get(first).cloned().unwrap_or_default();
        faults.push(format!(
            "the order differs: column {first} is `{}` in the model and `{}` in the features",
            name(due),
            name(given)
        ));
    }
    Err(Error::input("pack.column_mismatch", faults.join("; ")))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    let mut text = names
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn differing_columns_are_named() {
        for (due, given, message) in [
            (
                &["a", "b"][..],
                &["a", "c"][..],
                "no feature gives the model's `b`; the model does not take `c`",
            ),
            (&["a", "b"], &["a"], "no feature gives the model's `b`"),
            (&["a"], &["a", "b"], "the model does not take `b`"),
            (
                &["a", "b"],
                &["b", "a"],
                "the order differs: column 0 is `a` in the model and `b` in the features",
            ),
            (
                &["1", "2", "3", "4", "5", "6", "7"],
                &[],
                "no feature gives the model's `1`, `2`, `3`, `4`, `5` and 2 more",
            ),
        ] {
            let error = compare(&names(due), &names(given)).unwrap_err();
            assert_eq!(
                (error.code(), error.message()),
                ("pack.column_mismatch", message)
            );
        }
        assert!(compare(&names(&["a", "b"]), &names(&["a", "b"])).is_ok());
    }
}

//! Leaks planted on purpose, each caught and named, and data that nothing can be learnt from.

use skewless_core::Error;

use crate::project::{
    BY_HASH, BY_TIME, Delivery, Project, binary, deliveries, multiclass, regression, rows, table,
};

const INPUT: &str = "[[input]]\nname = \"extra\"\ntype = \"number\"\nnullable = true\n";
const FEATURE: &str = "[[feature_set]]\nname = \"leaky\"\n[[feature_set.feature]]\nname = \"leak\"\nop = \"impute\"\nstrategy = \"mean\"\nfrom = \"extra\"\n";

fn leaky(config: &str, extra: impl Fn(&Delivery) -> String) -> Error {
    let config = format!("{config}\n{INPUT}\n{FEATURE}");
    let table = table(&rows(1_200), ",extra", |row| format!(",{}", extra(row)));
    Project::with_table(&config, &table).run().err().unwrap()
}

fn named(error: &Error) -> (&str, Option<&str>) {
    (error.code(), error.field())
}

#[test]
fn a_copied_label_is_a_target_leak() {
    let copy = |row: &Delivery| {
        row.delay
            .map_or_else(|| "1".to_owned(), |delay| (2.0 * delay).to_string())
    };
    for config in [binary(BY_TIME), regression(BY_HASH), multiclass(BY_HASH)] {
        let config = config.replace("[select]", "[checks]\nleak = 0.98\n[select]");
        assert_eq!(
            named(&leaky(&config, copy)),
            ("check.target_leak", Some("extra"))
        );
    }
}

#[test]
fn what_is_known_only_with_the_label_is_named() {
    // As a flight's time in the air: no better than chance at telling the label, and missing where the label is.
    let air_time = |row: &Delivery| {
        row.delay
            .map_or_else(String::new, |_| (row.id * 7919 % 400).to_string())
    };
    let error = leaky(&binary(BY_HASH), air_time);
    assert_eq!(named(&error), ("check.missing_with_label", Some("extra")));
}

#[test]
fn an_input_declared_as_known_afterwards_feeds_no_feature() {
    let config = binary(BY_HASH).replace(
        "name = \"far\"\nop = \"standardize\"\nfrom = \"distance\"",
        "name = \"far\"\nop = \"impute\"\nstrategy = \"mean\"\nfrom = \"delay\"",
    );
    assert_eq!(
        named(&Project::new(&config).run().err().unwrap()),
        ("spec.leak", Some("delay"))
    );
}

#[test]
fn a_scaler_of_all_rows_is_named() {
    let distances: Vec<f64> = rows(1_200).iter().map(|row| row.distance).collect();
    let mean = distances.iter().sum::<f64>() / 1_200.0;
    let std = (distances.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1_200.0).sqrt();
    let given = |mean: f64, std: f64| {
        let scaler = format!("from = \"distance\"\nmean = {mean:?}\nstd = {std:?}");
        binary(BY_HASH).replace("from = \"distance\"", &scaler)
    };
    let error = Project::new(&given(mean, std)).run().err().unwrap();
    assert_eq!(named(&error), ("check.fitted_on_all", Some("distance")));
    // Round numbers that a person chose are no leak.
    Project::new(&given(20.0, 10.0)).run().unwrap();
}

#[test]
fn duplicates_across_the_split_are_counted() {
    let mut doubled = rows(600);
    let copies = doubled.clone();
    doubled.extend(copies.into_iter().map(|row| Delivery {
        id: row.id + 10_000,
        ..row
    }));
    let table = table(&doubled, "", |_| String::new());
    let error = Project::with_table(&binary(BY_HASH), &table)
        .run()
        .err()
        .unwrap();
    assert_eq!(error.code(), "check.duplicates");
    assert!(error.message().contains("test rows"), "{error}");
}

#[test]
fn an_accepted_finding_becomes_a_warning() {
    let config = format!(
        "{}\n[checks]\naccept = [\"extra\"]\n{INPUT}\n{FEATURE}",
        regression(BY_HASH)
    );
    let table = table(&rows(1_200), ",extra", |row| {
        format!(",{}", row.delay.unwrap_or(0.0))
    });
    let report = Project::with_table(&config, &table).run().unwrap().report;
    let finding = &report.findings[0];
    assert_eq!(
        (finding.check.as_str(), finding.input.as_deref()),
        ("check.target_leak", Some("extra"))
    );
}

#[test]
fn findings_that_stop_nothing_stand_in_the_report() {
    let report = Project::new(&binary(BY_HASH)).run().unwrap().report;
    let checks: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.check.as_str())
        .collect();
    assert!(checks.contains(&"check.time_order"), "{checks:?}");
    let rain = report
        .inputs
        .iter()
        .find(|input| input.name == "rain")
        .unwrap();
    let missing = rain.missing_train;
    assert!(
        missing.low < missing.value
            && missing.value < missing.high
            && (missing.value - 0.125).abs() < 0.05
    );
    assert!(rain.strength.unwrap() > 0.5);
}

#[test]
fn data_that_cannot_be_learnt_from_is_refused_by_its_place() {
    let whole = deliveries(1_200);
    let head = whole.lines().next().unwrap();
    let each = |change: &dyn Fn(usize, &str) -> String| {
        let rows = whole
            .lines()
            .skip(1)
            .enumerate()
            .map(|(row, line)| change(row, line));
        format!("{head}\n{}\n", rows.collect::<Vec<_>>().join("\n"))
    };
    let cell = |line: &str, at: usize, value: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[at] = value;
        cells.join(",")
    };
    for (table, code, field, row) in [
        (String::new(), "table.no_header", None, None),
        (format!("{head}\n"), "train.no_rows", None, None),
        (
            each(&|_, line| cell(line, 4, "")),
            "check.all_missing",
            Some("rain"),
            None,
        ),
        (
            each(&|_, line| cell(line, 5, "99")),
            "train.one_class",
            Some("delay"),
            None,
        ),
        (
            each(&|row, line| {
                if row == 17 {
                    cell(line, 3, "far")
                } else {
                    line.to_owned()
                }
            }),
            "input.wrong_type",
            Some("distance"),
            Some(17),
        ),
        (
            each(&|row, line| {
                if row == 1_100 {
                    cell(line, 3, "-4")
                } else {
                    line.to_owned()
                }
            }),
            "input.out_of_range",
            Some("distance"),
            Some(1_100),
        ),
        (
            each(&|row, line| {
                if row == 3 {
                    cell(line, 0, "")
                } else {
                    line.to_owned()
                }
            }),
            "train.split_key",
            None,
            Some(3),
        ),
    ] {
        let error = Project::with_table(&binary(BY_HASH), &table)
            .run()
            .err()
            .unwrap();
        assert_eq!(
            (error.code(), error.field(), error.row()),
            (code, field, row),
            "{error}"
        );
    }
    let odd = each(&|row, line| {
        if row == 5 {
            cell(line, 6, "soon")
        } else {
            line.to_owned()
        }
    });
    let error = Project::with_table(&multiclass(BY_HASH), &odd)
        .run()
        .err()
        .unwrap();
    assert_eq!(
        (error.code(), error.field(), error.row()),
        ("train.unknown_label", Some("class"), Some(5))
    );
}

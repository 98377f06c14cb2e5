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
fn a_label_that_comes_in_by_a_table_is_a_target_leak() {
    let mut scores = "parcel,score\n".to_owned();
    for row in rows(1_200) {
        let score = row.delay.map_or(1.0, |delay| 2.0 * delay);
        scores += &format!("p{},{score}\n", row.id);
    }
    let input = "[[input]]\nname = \"parcel\"\ntype = \"category\"\n";
    let lookup = "[[lookup]]\nname = \"scores\"\nsource = \"scores.csv\"\nkey = \"parcel\"\ncolumns = [\"score\"]\n";
    let feature = "[[feature_set]]\nname = \"leaky\"\n[[feature_set.feature]]\nname = \"score\"\nop = \"lookup\"\n\
        table = \"scores\"\ncolumn = \"score\"\ndefault = 0\nfrom = \"parcel\"\n";
    let table = table(&rows(1_200), ",parcel", |row| format!(",p{}", row.id));
    for config in [binary(BY_TIME), regression(BY_HASH)] {
        let config = format!("{config}\n{input}\n{lookup}\n{feature}");
        let project = Project::with_table(&config, &table).with("scores.csv", &scores);
        let error = project.run().err().unwrap();
        assert_eq!(named(&error), ("check.target_leak", Some("parcel")));
        assert!(error.message().contains("feature `score` alone"), "{error}");
    }
}

#[test]
fn a_label_made_by_two_inputs_is_a_target_leak() {
    // Neither the sum nor the distance tells the delay; their difference does.
    let sum = |row: &Delivery| (row.delay.unwrap_or(1.0) + 40.0 * row.distance).to_string();
    let forty = |row: &Delivery| (40.0 * row.distance).to_string();
    let inputs = "[[input]]\nname = \"sum\"\ntype = \"number\"\n[[input]]\nname = \"forty\"\ntype = \"number\"\n";
    let feature = "[[feature_set]]\nname = \"leaky\"\n[[feature_set.feature]]\nname = \"left\"\nop = \"difference\"\n\
        from = [\"sum\", \"forty\"]\n";
    for config in [binary(BY_HASH), regression(BY_HASH)] {
        let config = format!("{config}\n{inputs}\n{feature}");
        let table = table(&rows(1_200), ",sum,forty", |row| {
            format!(",{},{}", sum(row), forty(row))
        });
        let error = Project::with_table(&config, &table).run().err().unwrap();
        assert_eq!(named(&error), ("check.target_leak", Some("sum")));
        assert!(error.message().contains("`sum` and `forty`"), "{error}");
    }
}

#[test]
fn an_indicator_of_one_label_is_warned_of() {
    let late = |row: &Delivery| match row.delay {
        Some(delay) if delay >= 20.0 => ",1".to_owned(),
        _ => ",0".to_owned(),
    };
    let config = format!("{}\n{INPUT}\n{FEATURE}", multiclass(BY_HASH));
    let table = table(&rows(1_200), ",extra", late);
    let report = Project::with_table(&config, &table).run().unwrap().report;
    let finding = (report.findings.iter())
        .find(|finding| finding.check == "check.target_leak")
        .unwrap();
    assert_eq!(finding.input.as_deref(), Some("extra"));
    assert!(finding.message.contains("label `late`"), "{finding:?}");
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

/// Distances of `rows` in rising order.
fn distances(rows: &[Delivery]) -> Vec<f64> {
    let mut distances: Vec<f64> = rows.iter().map(|row| row.distance).collect();
    distances.sort_by(f64::total_cmp);
    distances
}

fn moments(values: &[f64], less: f64) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (count - less)).sqrt())
}

fn scaled(mean: &str, std: &str) -> String {
    let scaler = format!("from = \"distance\"\nmean = {mean}\nstd = {std}");
    binary(BY_HASH).replace("from = \"distance\"", &scaler)
}

#[test]
fn a_scaler_of_all_rows_is_named() {
    let all = rows(1_200);
    let labelled: Vec<Delivery> = all
        .iter()
        .filter(|row| row.delay.is_some())
        .cloned()
        .collect();
    for rows in [&all, &labelled] {
        for less in [0.0, 1.0] {
            let (mean, std) = moments(&distances(rows), less);
            for digits in [17, 3] {
                let config = scaled(&format!("{mean:.digits$}"), &format!("{std:.digits$}"));
                let error = Project::new(&config).run().err().unwrap();
                assert_eq!(named(&error), ("check.fitted_on_all", Some("distance")));
            }
        }
    }
}

#[test]
fn edges_and_fillings_of_all_rows_are_named() {
    let distances = distances(&rows(1_200));
    let quarter = |part: usize| {
        let place = part as f64 * (distances.len() - 1) as f64 / 4.0;
        let below = place.floor() as usize;
        distances[below] + (distances[below + 1] - distances[below]) * (place - place.floor())
    };
    let edges = format!(
        "edges = [{:?}, {:?}, {:?}]",
        quarter(1),
        quarter(2),
        quarter(3)
    );
    let filled = format!(
        "strategy = \"constant\"\nvalue = {:?}",
        moments(&distances, 0.0).0
    );
    for (op, given, is_of_all) in [
        ("bucketize", edges.as_str(), true),
        ("bucketize", "edges = [10, 20, 30]", false),
        ("min_max", "min = 0\nmax = 45", false),
        ("impute", filled.as_str(), true),
    ] {
        let feature = format!("op = \"{op}\"\n{given}\nfrom = \"distance\"");
        let config = binary(BY_HASH).replace("op = \"standardize\"\nfrom = \"distance\"", &feature);
        let run = Project::new(&config).run();
        assert_eq!(run.is_err(), is_of_all, "{feature}");
        if let Err(error) = run {
            assert_eq!(named(&error), ("check.fitted_on_all", Some("distance")));
        }
    }
}

#[test]
fn what_a_person_chose_is_no_leak() {
    Project::new(&scaled("20.0", "10.0")).run().unwrap();
    // What the training rows themselves would give.
    Project::new(&scaled("21.5", "11.6")).run().unwrap();
}

#[test]
fn folds_are_checked_against_their_own_training() {
    // Every courier works in one window only, so that each validation has one that its training has not.
    let moved: Vec<Delivery> = (rows(1_200).into_iter())
        .map(|row| Delivery {
            courier: ["ann", "bob", "cem", "dan"][row.day / 30],
            ..row
        })
        .collect();
    let split = BY_TIME.replace("\"2020-03-01\"", "[\"2020-02-01\", \"2020-03-01\"]");
    let table = table(&moved, "", |_| String::new());
    let report = Project::with_table(&binary(&split), &table)
        .run()
        .unwrap()
        .report;
    let courier = report.inputs.iter().find(|input| input.name == "courier");
    assert_eq!(courier.unwrap().unseen.unwrap().value, 1.0);
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
            each(&|_, line| cell(line, 5, "")),
            "train.no_label",
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
    let same = each(&|_, line| cell(line, 5, "7"));
    let error = Project::with_table(&regression(BY_HASH), &same).run();
    let error = error.err().unwrap();
    assert_eq!(named(&error), ("train.constant_label", Some("delay")));
    // No row lacks the rain, but a record may.
    let raw = regression(BY_HASH).replace(
        "op = \"standardize\"\nfrom = \"rain_filled\"",
        "op = \"passthrough_missing\"\nfrom = \"rain\"",
    );
    let wet = each(&|_, line| cell(line, 4, &(line.len() % 9).to_string()));
    let error = Project::with_table(&raw, &wet).run().err().unwrap();
    assert_eq!(named(&error), ("train.linear", Some("wet")));
    let gate = format!(
        "{}\n[gates.worst_slice]\nroc_auc = {{ min = 0.5 }}",
        regression(BY_HASH)
    );
    let error = Project::new(&gate).run().err().unwrap();
    assert_eq!(error.code(), "train.config");
    assert!(error.message().contains("rmse, mae, r2"), "{error}");
    let elsewhere = binary(BY_HASH).replace("\"deliveries.csv\"", "\"gs://bucket/deliveries.csv\"");
    let error = Project::new(&elsewhere).run().err().unwrap();
    assert_eq!(error.code(), "unsupported.source");
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

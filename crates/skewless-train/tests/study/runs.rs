//! Whole studies: every task and split, the same bytes on any number of threads and from kept results, poison.

use std::collections::{BTreeMap, BTreeSet};

use skewless_core::{Bundle, Predictor, Record, Task};
use skewless_train::study::report::{Finding, Level};
use skewless_train::study::{StudyOptions, StudyReport, export};

use crate::project::{
    BY_HASH, BY_TIME, Delivery, Project, binary, deliveries, multiclass, regression, rows, table,
};

const GROUP: &str = "[split]\nby = \"group\"\ninput = \"courier\"\ntest = 0.3\nvalidate = 0.3\n";
const WINDOWS: &str = "[split]\nby = \"time\"\ninput = \"ordered\"\nvalidate_from = [\"2020-02-01\", \"2020-03-01\"]\n\
    test_from = \"2020-04-01\"\n";

fn kinds(report: &StudyReport) -> Vec<&str> {
    let candidates = report.candidates.iter();
    candidates
        .map(|one| one.candidate.parameters.kind())
        .collect()
}

#[test]
fn every_task_and_split_gives_a_bundle_that_answers() {
    for (task, config) in [
        (Task::Binary, binary(BY_HASH)),
        (Task::Binary, binary(BY_TIME)),
        (Task::Regression, regression(BY_HASH)),
        (Task::Regression, regression(WINDOWS)),
        (Task::Multiclass, multiclass(BY_HASH)),
    ] {
        let studied = Project::new(&config).run().unwrap();
        let report = &studied.report;
        let bundle = Bundle::from_bytes(&studied.bundle.unwrap()).unwrap();
        assert_eq!(
            (bundle.output().task, bundle.digest()),
            (task, report.digest.as_str())
        );
        Predictor::new(&bundle)
            .unwrap()
            .check_golden(&bundle.golden().unwrap())
            .unwrap();
        assert_eq!(bundle.card(), studied.card);
        assert_eq!(
            kinds(report),
            [
                "constant", "rules", "linear", "linear", "linear", "linear", "trees", "trees",
                "trees", "trees"
            ]
        );
        // The label hangs on all features: whoever sees them wins against who doesn't, and the constant never does.
        let winner = &report.candidates[report.selection.winner].candidate;
        assert_eq!(winner.feature_set, "all", "{task:?}");
        assert!(
            ["linear", "trees"].contains(&winner.parameters.kind()),
            "{winner:?}"
        );
        assert_eq!(
            (report.test.opened_by.as_str(), report.test.times),
            (winner.digest.as_str(), 1)
        );
        let folds = report.candidates[0].folds.len();
        assert_eq!(report.parts.len(), 2 * folds + 1);
    }
}

#[test]
fn groups_stay_whole() {
    let zone = |row: &Delivery| row.id * 7919 % 40;
    let input = "[[input]]\nname = \"zone\"\ntype = \"integer\"\n";
    let split = GROUP.replace("courier", "zone");
    let config = format!("{}\n{input}", binary(&split));
    let all = rows(1_200);
    let table = table(&all, ",zone", |row| format!(",{}", zone(row)));
    let project = Project::with_table(&config, &table);
    project.run().unwrap();
    let exported = export(
        &project.path().join("skewless.toml"),
        Some("all"),
        None,
        None,
    )
    .unwrap();
    let column = |name: &str| {
        let place = exported.names.iter().position(|known| known == name);
        &exported.columns[place.unwrap()]
    };
    let mut part_of = BTreeMap::new();
    for (&row, &part) in column("row").iter().zip(column("part")) {
        let zone = zone(&all[row as usize]);
        assert_eq!(
            *part_of.entry(zone).or_insert(part),
            part,
            "zone {zone} is torn apart"
        );
    }
    let parts: BTreeSet<u64> = part_of.values().map(|part| part.to_bits()).collect();
    assert_eq!(parts.len(), 2, "training and validation");
    let outside = |row: &&Delivery| row.delay.is_some() && !part_of.contains_key(&zone(row));
    let tested = all.iter().filter(outside).count();
    let report = project.run().unwrap().report;
    assert_eq!(
        report.test.rows, tested,
        "the test's zones are in no other part"
    );
}

#[test]
fn threads_memory_and_kept_results_change_nothing() {
    let project = Project::new(&binary(BY_HASH));
    let plain = project.run().unwrap();
    let options = |threads, memory| StudyOptions {
        threads,
        memory,
        store: Some(project.store()),
        source_date_epoch: None,
    };
    let kept = project.run_with(&options(2, 1)).unwrap();
    assert_eq!((kept.reused, kept.timings.len()), (0, 30));
    let half: Vec<_> = std::fs::read_dir(project.store().join("results"))
        .unwrap()
        .collect();
    assert_eq!(half.len(), 30);
    for entry in half.into_iter().step_by(2) {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let resumed = project.run_with(&options(3, 1 << 30)).unwrap();
    assert_eq!(resumed.reused, 15);
    for other in [kept, resumed] {
        assert_eq!(other.bundle, plain.bundle);
        assert_eq!(other.report, plain.report);
        assert_eq!(other.card, plain.card);
    }
}

#[test]
fn a_changed_row_changes_data_and_bundle_and_reuses_nothing() {
    let project = Project::new(&binary(BY_HASH));
    let options = StudyOptions {
        store: Some(project.store()),
        ..StudyOptions::default()
    };
    let before = project.run_with(&options).unwrap();
    let changed = deliveries(1_200).replacen("d7,", "d7x,", 1);
    std::fs::write(project.path().join("deliveries.csv"), changed).unwrap();
    let after = project.run_with(&options).unwrap();
    assert_eq!(after.reused, 0);
    assert_ne!(before.report.data, after.report.data);
    assert_ne!(before.report.digest, after.report.digest);
}

/// What a study fitted and chose by.
#[derive(Debug, PartialEq)]
struct Fitted {
    /// Measures of every candidate by fold.
    measures: Vec<Vec<f64>>,
    features: String,
    /// Raw scores of the given rows: what the weights are.
    scores: Vec<f64>,
}

fn fitted(config: &str, table: &str, probe: &[Delivery]) -> Fitted {
    let studied = Project::with_table(config, table).run().unwrap();
    let bundle = Bundle::from_bytes(&studied.bundle.unwrap()).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    let record = |row: &Delivery| {
        let rain = row.rain.map_or("null".to_owned(), |rain| rain.to_string());
        let text = format!(
            r#"{{"courier":"{}","distance":{},"rain":{rain}}}"#,
            row.courier, row.distance
        );
        Record::from_json(&text).unwrap()
    };
    let records: Vec<Record> = probe.iter().map(record).collect();
    let candidates = studied.report.candidates.iter();
    Fitted {
        measures: candidates.flat_map(|one| one.folds.clone()).collect(),
        features: serde_json::to_string(bundle.features()).unwrap(),
        scores: predictor.predict_records(&records).unwrap().raw,
    }
}

/// The rows of some days become absurd: had a mean, a vocabulary, a weight or a choice seen them, it would move.
fn poisoned(days: std::ops::Range<usize>) -> String {
    let mut rows = rows(1_200);
    for row in rows.iter_mut().filter(|row| days.contains(&row.day)) {
        row.distance = 1e6 + row.id as f64;
        row.rain = Some(999_999);
        row.courier = "poison";
        row.delay = row.delay.map(|_| if row.id % 2 == 0 { -1e6 } else { 1e6 });
    }
    table(&rows, "", |_| String::new())
}

#[test]
fn nothing_that_is_fitted_sees_the_rows_that_are_held_out() {
    let probe = &rows(1_200)[..50];
    // Of one candidate, so that the validation chooses nothing.
    let alone = |config: String, kind: &str| {
        let (head, _) = config.split_once("[[experiment]]").unwrap();
        let family = match kind {
            "linear" => "kind = \"linear\"\npenalty = [0.01]\n",
            "trees" => {
                "kind = \"trees\"\niterations = [15]\nlearning_rate = [0.2]\nmax_depth = [3]\n"
            }
            _ => "kind = \"mlp\"\nhidden = [[4]]\nepochs = [5]\nlearning_rate = [0.05]\n",
        };
        let model =
            "[[experiment]]\nname = \"one\"\nfeature_sets = [\"all\"]\n[[experiment.model]]\n";
        format!("{head}{model}{family}")
    };
    for kind in ["linear", "trees", "mlp"] {
        for config in [binary(BY_TIME), regression(BY_TIME)] {
            let config = alone(config, kind);
            let clean = fitted(&config, &poisoned(0..0), probe);
            // The test: neither what is fitted nor what is chosen by moves.
            assert_eq!(fitted(&config, &poisoned(90..120), probe), clean, "{kind}");
            // The validation: what is fitted stays, and only its measures move.
            let validated = fitted(&config, &poisoned(60..89), probe);
            assert_eq!(
                (&validated.features, &validated.scores),
                (&clean.features, &clean.scores),
                "{kind}"
            );
            assert_ne!(validated.measures, clean.measures);
            // And the test can fail: poison in the training rows moves what is fitted.
            let trained = fitted(&config, &poisoned(0..20), probe);
            assert_ne!(trained.features, clean.features);
            assert_ne!(trained.scores, clean.scores);
        }
    }
    // All candidates, in one fold and in windows that expand, whose first fold does not see what the second trains on.
    for split in [BY_TIME, WINDOWS] {
        let config = binary(split);
        let clean = fitted(&config, &poisoned(0..0), probe);
        assert_eq!(fitted(&config, &poisoned(90..120), probe), clean);
    }
    let config = binary(WINDOWS);
    let (clean, later) = (
        fitted(&config, &poisoned(0..0), probe),
        fitted(&config, &poisoned(60..90), probe),
    );
    let firsts =
        |fitted: &Fitted| -> Vec<Vec<f64>> { fitted.measures.iter().step_by(2).cloned().collect() };
    assert_eq!(
        firsts(&clean),
        firsts(&later),
        "the first window ends before"
    );
    assert_ne!(clean.measures, later.measures);
}

#[test]
fn a_bound_on_rows_draws_them_by_the_seed() {
    let bounded = |rows: usize| {
        let bound = format!("name = \"families\"\nmax_rows = {rows}");
        let config = regression(BY_HASH).replace("name = \"families\"", &bound);
        Project::new(&config).run().unwrap()
    };
    let fit = |report: &StudyReport| {
        let steps = &report.steps;
        let step = steps.iter().find(|step| step.step == "fit of the winner");
        step.unwrap().rows
    };
    let few = bounded(300);
    assert_eq!(fit(&few.report), 300);
    assert_eq!(few.report.candidates[0].candidate.max_rows, Some(300));
    assert_eq!(bounded(300).bundle, few.bundle);
    let (plain, wide) = (
        Project::new(&regression(BY_HASH)).run().unwrap(),
        bounded(5_000),
    );
    assert_eq!(fit(&plain.report), fit(&wide.report));
    let measures = |report: &StudyReport| -> Vec<Vec<f64>> {
        report
            .candidates
            .iter()
            .map(|one| one.measures.clone())
            .collect()
    };
    assert_eq!(measures(&plain.report), measures(&wide.report));
    assert_ne!(measures(&plain.report), measures(&few.report));
}

#[test]
fn rows_are_drawn_while_they_are_read() {
    let drawn = |source: &str, rows: usize| {
        let source = format!("source = \"{source}\"\nmax_rows = {rows}");
        regression(BY_HASH).replace("source = \"deliveries.csv\"", &source)
    };
    let files = "[[source]]\nname = \"parts\"\npath = \"parts/*.csv\"\n\
                 [[view]]\nname = \"seen\"\nsql = \"SELECT * FROM parts\"\n";
    let all = deliveries(1_200);
    let lines: Vec<&str> = all.lines().collect();
    let part = |lines_of: &[&str]| format!("{}\n{}\n", lines[0], lines_of.join("\n"));
    let project = |config: &str| {
        Project::with_table(config, &all)
            .with("parts/1.csv", &part(&lines[1..500]))
            .with("parts/2.csv", &part(&lines[500..]))
    };
    let steps = |report: &StudyReport| -> Vec<(String, usize)> {
        (report.steps.iter())
            .map(|step| (step.step.clone(), step.rows))
            .collect()
    };
    let measures = |report: &StudyReport| -> Vec<Vec<f64>> {
        (report.candidates.iter())
            .map(|one| one.measures.clone())
            .collect()
    };
    let few = project(&drawn("deliveries.csv", 700)).run().unwrap();
    assert_eq!(steps(&few.report)[0], ("read".to_owned(), 1_200));
    assert_eq!(steps(&few.report)[1], ("drawn by the seed".to_owned(), 700));
    let again = project(&drawn("deliveries.csv", 700)).run().unwrap();
    assert_eq!(again.bundle, few.bundle);
    // The same rows, whether one file, two, or SQLite gives them.
    for source in ["parts", "seen"] {
        let config = format!("{}\n{files}", drawn(source, 700));
        let same = project(&config).run().unwrap();
        assert_eq!(measures(&same.report), measures(&few.report), "{source}");
        assert_eq!(
            steps(&same.report)[..2],
            steps(&few.report)[..2],
            "{source}"
        );
    }
    // More than there are: all, in their order. Another number is another data digest.
    let plain = project(&regression(BY_HASH)).run().unwrap();
    let wide = project(&drawn("deliveries.csv", 5_000)).run().unwrap();
    assert_eq!(measures(&plain.report), measures(&wide.report));
    assert_eq!(
        steps(&wide.report)[1],
        ("drawn by the seed".to_owned(), 1_200)
    );
    assert_ne!(measures(&few.report), measures(&wide.report));
    assert_ne!(few.report.data, wide.report.data);
    assert_ne!(plain.report.data, wide.report.data);

    // A fault is told with the row's place in its file, and only of a row that is drawn.
    let without_distance = |line: usize| {
        let mut cells: Vec<&str> = lines[line].split(',').collect();
        cells[3] = "";
        let bad = cells.join(",");
        let mut lines = lines.clone();
        lines[line] = &bad;
        let table = format!("{}\n", lines.join("\n"));
        Project::with_table(&drawn("deliveries.csv", 700), &table).run()
    };
    let mut faults = 0;
    for line in [1, 2, 3, 4, 5, 6, 1_199, 1_200] {
        if let Err(error) = without_distance(line) {
            assert_eq!(error.code(), "input.missing_field", "{error}");
            assert_eq!(error.row(), Some(line - 1), "{error}");
            faults += 1;
        }
    }
    assert!((2..=7).contains(&faults), "{faults} of 8");
    let none = Project::new(&drawn("deliveries.csv", 0)).run().unwrap_err();
    assert_eq!(
        (none.code(), none.field()),
        ("train.config", Some("data.max_rows"))
    );
}

#[test]
fn halving_leaves_most_behind_and_random_search_tries_a_few() {
    let search = "max_depth = [1, 2, 3]\nmax_leaves = [4, 8]\nsearch = { by = \"halving\", factor = 2, least_rows = 100 }\n";
    let config = regression(BY_HASH).replace("max_depth = [2, 3]\n", search);
    let report = Project::new(&config).run().unwrap().report;
    let trees: Vec<_> = (report.candidates.iter())
        .filter(|one| {
            one.candidate.parameters.kind() == "trees" && one.candidate.feature_set == "all"
        })
        .map(|one| one.left_at)
        .collect();
    assert_eq!(trees.len(), 6);
    assert_eq!(trees.iter().filter(|left| left.is_none()).count(), 1);
    assert_eq!(trees.iter().filter(|left| **left == Some(1)).count(), 3);
    let winner = &report.candidates[report.selection.winner];
    assert_eq!(winner.left_at, None);
    let random = "max_depth = [1, 2, 3]\nsearch = { by = \"random\", samples = 2 }\n";
    let config = regression(BY_HASH).replace("max_depth = [2, 3]\n", random);
    let report = Project::new(&config).run().unwrap().report;
    assert_eq!(
        kinds(&report)
            .iter()
            .filter(|kind| **kind == "trees")
            .count(),
        4
    );
}

#[test]
fn rare_labels_are_among_the_rows_of_every_rung() {
    // One in two hundred is as late as that.
    let rare = binary(BY_HASH).replace("above = 15", "above = 74");
    let search =
        "max_depth = [1, 2, 3]\nsearch = { by = \"halving\", factor = 2, least_rows = 20 }\n";
    for (from, to) in [
        ("max_depth = [2, 3]\n", search),
        (
            "name = \"families\"\n",
            "name = \"families\"\nmax_rows = 30\n",
        ),
    ] {
        let config = rare.replace(from, to);
        assert_ne!(config, rare);
        let report = Project::new(&config).run().unwrap().report;
        let share = report.parts[0].level[1];
        assert!(share > 0.0 && share < 0.02, "{share}");
    }
}

#[test]
fn a_margin_keeps_the_simpler_model() {
    let config = regression(BY_HASH).replace("by = \"rmse\"", "by = \"rmse\"\nmargin = 1000.0");
    let report = Project::new(&config).run().unwrap().report;
    assert_eq!(
        report.candidates[report.selection.winner]
            .candidate
            .parameters
            .kind(),
        "constant"
    );
    assert!(report.selection.duels.iter().all(|duel| !duel.won));
    assert!(
        report
            .selection
            .duels
            .iter()
            .any(|duel| duel.gain.low > 1.0)
    );
}

/// Fitted on the rows that it is measured on first, it shines there and nowhere else.
#[test]
fn a_model_from_elsewhere_that_knew_the_validation_rows_is_named() {
    let by_time = |from: &str| {
        let window = format!("validate_from = \"{from}\"");
        binary(BY_TIME).replace("validate_from = \"2020-03-01\"", &window)
    };
    let alone = |config: &str, kind: &str, more: &str| {
        let (head, _) = config.split_once("[[experiment.model]]").unwrap();
        let all = "feature_sets = [\"all\"]\n";
        format!("{head}[[experiment.model]]\nkind = \"{kind}\"\n{all}{more}")
    };
    let deep = "iterations = [400]\nlearning_rate = [0.3]\nmax_depth = [6]\n";
    let late = Project::new(&alone(&by_time("2020-03-27"), "trees", deep));
    let bundle = late.run().unwrap().bundle.unwrap();
    let early = alone(
        &by_time("2020-02-01"),
        "external",
        "bundle = \"other.skw\"\n",
    );
    let project = Project::new(&early);
    std::fs::write(project.path().join("other.skw"), bundle).unwrap();
    let report = project.run().unwrap().report;
    let found = report
        .findings
        .iter()
        .find(|one| one.check == "check.external");
    let finding = found.unwrap();
    assert_eq!(finding.level, Level::Warning);
    assert!(
        finding.message.contains("`other.skw`"),
        "{}",
        finding.message
    );
    // It is written as it is: nothing is promised in its name.
    let promised = format!("{early}\n[conformal]\nmethod = \"lac\"\nconfidence = 0.9\n");
    std::fs::write(project.path().join("skewless.toml"), promised).unwrap();
    let studied = project.run().unwrap();
    assert_eq!(studied.report.coverage, None);
    let said = |one: &Finding| {
        one.message
            .ends_with("as it was packed, without [conformal]")
    };
    assert!(studied.report.findings.iter().any(said));
    // One that did not know them is not suspected.
    let honest = Project::new(&alone(
        &by_time("2020-03-01"),
        "external",
        "bundle = \"other.skw\"\n",
    ));
    let own = Project::new(&alone(
        &by_time("2020-03-01"),
        "linear",
        "penalty = [0.1]\n",
    ));
    std::fs::write(
        honest.path().join("other.skw"),
        own.run().unwrap().bundle.unwrap(),
    )
    .unwrap();
    let report = honest.run().unwrap().report;
    assert!(
        report
            .findings
            .iter()
            .all(|one| one.check != "check.external")
    );
}

#[test]
fn a_bundle_from_elsewhere_joins_the_comparison() {
    let by_time = regression(BY_TIME);
    let first = Project::new(&by_time);
    let bundle = first.run().unwrap().bundle.unwrap();
    let external = "[[experiment.model]]\nkind = \"external\"\nbundle = \"other.skw\"\nfeature_sets = [\"all\"]\n";
    let second = Project::new(&format!("{by_time}\n{external}"));
    std::fs::write(second.path().join("other.skw"), &bundle).unwrap();
    let report = second.run().unwrap().report;
    assert_eq!(*kinds(&report).last().unwrap(), "external");
    // The same model again is no better than itself.
    let duel = report.selection.duels.last().unwrap();
    assert_eq!((duel.gain.value, duel.won), (0.0, false));
    let folds = Project::new(&format!("{}\n{external}", regression(BY_HASH)));
    std::fs::write(folds.path().join("other.skw"), &bundle).unwrap();
    assert_eq!(folds.run().err().unwrap().code(), "train.external");
}

//! Whole studies: every task and split, the same bytes on any number of threads and from kept results, poison.

use skewless_core::{Bundle, Predictor, Task};
use skewless_train::study::{StudyOptions, StudyReport};

use crate::project::{
    BY_HASH, BY_TIME, Project, binary, deliveries, multiclass, regression, rows, table,
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

/// Three couriers are few groups: that a whole courier can be missing from the training is what the split is for.
#[test]
fn groups_stay_whole_or_the_empty_part_is_named() {
    let error = Project::new(&binary(GROUP)).run().err();
    if let Some(error) = error {
        assert!(
            ["train.empty_split", "input.unknown"].contains(&error.code()),
            "{error}"
        );
    }
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

/// What is fitted for the winner, with everything that it was chosen by.
fn fitted(config: &str, table: &str) -> (Vec<Vec<f64>>, String) {
    let studied = Project::with_table(config, table).run().unwrap();
    let bundle = Bundle::from_bytes(&studied.bundle.unwrap()).unwrap();
    let folds = studied
        .report
        .candidates
        .iter()
        .flat_map(|candidate| candidate.folds.clone());
    (
        folds.collect(),
        serde_json::to_string(bundle.features()).unwrap(),
    )
}

/// The held-out rows become absurd: had a mean, a vocabulary or a choice seen them, it would move.
#[test]
fn nothing_that_is_fitted_sees_the_rows_that_are_held_out() {
    let clean = rows(1_200);
    let poisoned = |from: usize, to: usize| {
        let mut rows = clean.clone();
        for row in rows.iter_mut().filter(|row| (from..to).contains(&row.day)) {
            row.distance = 1e6 + row.id as f64;
            row.rain = Some(999_999);
            row.courier = "poison";
            row.delay = row.delay.map(|_| if row.id % 2 == 0 { -1e6 } else { 1e6 });
        }
        table(&rows, "", |_| String::new())
    };
    let config = binary(BY_TIME);
    let (measures, features) = fitted(&config, &table(&clean, "", |_| String::new()));
    // The test: neither what is fitted nor what is chosen by moves.
    let (same, unmoved) = fitted(&config, &poisoned(90, 120));
    assert_eq!((&same, &unmoved), (&measures, &features));
    // The validation: what is fitted stays, and only its measures move.
    let (moved, unmoved) = fitted(&config, &poisoned(60, 89));
    assert_eq!(unmoved, features);
    assert_ne!(moved, measures);
    // And the test can fail: poison in the training rows moves what is fitted.
    assert_ne!(fitted(&config, &poisoned(0, 20)).1, features);
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

//! Gates and slices: a failed gate keeps the report and gives no bundle.

use skewless_core::{Bundle, Predictor, Record};
use skewless_train::progress::{Opening, Progress};
use skewless_train::study::confidence::Calibrated;
use skewless_train::study::report::{Finding, Level};
use skewless_train::study::{Studied, StudyOptions, StudyReport, study};

use crate::project::{BY_HASH, BY_TIME, Project, binary, multiclass, regression};

#[test]
fn a_failed_gate_leaves_the_report_and_no_bundle() {
    let gated = |gates: &str| {
        let config = format!(
            "{}\n[slices]\nby = [\"courier\"]\nleast_rows = 20\n{gates}",
            binary(BY_HASH)
        );
        Project::new(&config).run().unwrap()
    };
    let open = gated(
        "[conformal]\nmethod = \"aps\"\nconfidence = 0.9\n[gates]\nmax_bytes = 1_000_000\nmax_latency_us = 1e6\ncoverage = { min = 0.7 }\n[gates.test]\nroc_auc = { min = 0.6 }\n[gates.worst_slice]\naccuracy = { min = 0.5 }\n",
    );
    assert!(open.bundle.is_some());
    assert_eq!(open.report.gates.len(), 5);
    assert_eq!(open.report.slices.len(), 3);
    let slices = &open.report.slices;
    assert!(
        slices
            .iter()
            .all(|slice| slice.rows >= 20 && !slice.measures.is_empty())
    );
    for (gates, failed) in [
        ("[gates.test]\nlog_loss = { max = 0.01 }\n", "test.log_loss"),
        (
            "[gates.worst_slice]\nroc_auc = { min = 0.9999 }\n",
            "worst_slice.roc_auc",
        ),
        ("[gates]\nmax_bytes = 100\n", "max_bytes"),
        ("[gates]\nmax_warnings = 0\n", "max_warnings"),
        // No machine reads a record in a thousandth of a microsecond.
        ("[gates]\nmax_latency_us = 0.001\n", "max_latency_us"),
        (
            "[conformal]\nmethod = \"lac\"\nconfidence = 0.9\n[gates]\ncoverage = { min = 0.999 }\n",
            "coverage",
        ),
    ] {
        let shut = gated(gates);
        assert!(shut.bundle.is_none(), "{failed}");
        assert_eq!(shut.report.digest, "");
        let gate = &shut.report.gates[0];
        assert_eq!((gate.gate.as_str(), gate.passed), (failed, false));
    }
}

#[test]
fn a_slice_too_small_to_measure_fails_a_gate_on_it() {
    let config = format!(
        "{}\n[slices]\nby = [\"courier\"]\nleast_rows = 100000\n[gates.worst_slice]\nrmse = {{ max = 1e9 }}\n",
        regression(BY_HASH)
    );
    let shut = Project::new(&config).run().unwrap();
    assert!(shut.bundle.is_none());
    assert!(
        shut.report
            .slices
            .iter()
            .all(|slice| slice.measures.is_empty())
    );
}

#[test]
fn a_champion_must_agree() {
    for config in [binary(BY_TIME), regression(BY_TIME)] {
        let champion = Project::new(&config).run().unwrap().bundle.unwrap();
        let weak = config.replace("[[experiment.model]]\nkind = \"linear\"\npenalty = [0.001, 0.1]\n", "")
            .replace("[[experiment.model]]\nkind = \"trees\"\niterations = [15]\nlearning_rate = [0.2]\nmax_depth = [2, 3]\n", "");
        for (config, agrees) in [(&config, true), (&weak, false)] {
            let gate = "[gates.champion]\nbundle = \"champion.skw\"\nagreement = 0.95\n";
            let project = Project::new(&format!("{config}\n{gate}"));
            std::fs::write(project.path().join("champion.skw"), &champion).unwrap();
            let studied = project.run().unwrap();
            let found = studied.report.gates[0].found;
            assert_eq!(studied.bundle.is_some(), agrees, "{found}");
            if agrees {
                assert!((found - 1.0).abs() < 1e-12, "{found}");
            }
        }
    }
}

#[test]
fn what_no_run_could_pass_is_refused_before_anything_is_read() {
    let slices = "[slices]\nby = [\"courier\"]\n";
    for (gates, field) in [
        ("[gates.test]\nroc_auc = {}\n", "gates.test.roc_auc"),
        (
            "[gates.test]\nroc_auc = { min = 0.9, max = 0.1 }\n",
            "gates.test.roc_auc",
        ),
        (
            "[gates.test]\nlog_loss = { max = nan }\n",
            "gates.test.log_loss",
        ),
        (
            "[gates.test]\nlog_loss = { min = 0 }\n",
            "gates.test.log_loss",
        ),
        (
            "[gates.test]\nroc_auc = { min = 1.2 }\n",
            "gates.test.roc_auc",
        ),
        ("[gates]\nmax_bytes = 0\n", "gates.max_bytes"),
        (
            "[gates.worst_slice]\naccuracy = { min = 0.5 }\n",
            "gates.worst_slice",
        ),
        (
            "[gates.champion]\nbundle = \"champion.skw\"\nagreement = 90\n",
            "gates.champion.agreement",
        ),
    ] {
        let slices = if field == "gates.worst_slice" {
            ""
        } else {
            slices
        };
        let config = format!("{}\n{slices}{gates}", binary(BY_HASH));
        let project = Project::new(&config);
        std::fs::remove_file(project.path().join("deliveries.csv")).unwrap();
        let error = project.run().err().unwrap();
        assert_eq!((error.code(), error.field()), ("train.config", Some(field)));
    }
}

/// Hears whether candidates were trained and the test was opened.
#[derive(Default)]
struct Heard {
    steps: Vec<String>,
    opened: usize,
}

impl Progress for Heard {
    fn begin(&mut self, step: &str, _: Option<u64>) {
        self.steps.push(step.to_owned());
    }

    fn opened(&mut self, opening: &Opening<'_>) {
        assert!(!opening.data.is_empty() && !opening.measures.is_empty());
        self.opened += 1;
    }
}

#[test]
fn a_champion_that_cannot_answer_is_refused_before_the_test_is_opened() {
    let gate = "[gates.champion]\nbundle = \"champion.skw\"\nagreement = 0.9\n";
    let project = Project::new(&format!("{}\n{gate}", binary(BY_HASH)));
    let run = |heard: &mut Heard| {
        let path = project.path().join("skewless.toml");
        study(&path, &StudyOptions::default(), heard)
    };
    let other = Project::new(&regression(BY_HASH))
        .run()
        .unwrap()
        .bundle
        .unwrap();
    for (bundle, code) in [(None, "train.unreadable"), (Some(other), "train.champion")] {
        if let Some(bundle) = bundle {
            std::fs::write(project.path().join("champion.skw"), bundle).unwrap();
        }
        let mut heard = Heard::default();
        assert_eq!(run(&mut heard).err().unwrap().code(), code);
        assert_eq!(heard.opened, 0);
        assert!(heard.steps.iter().all(|step| !step.starts_with("Training")));
    }
    let own = Project::new(&binary(BY_HASH))
        .run()
        .unwrap()
        .bundle
        .unwrap();
    std::fs::write(project.path().join("champion.skw"), own).unwrap();
    let mut heard = Heard::default();
    assert!(run(&mut heard).unwrap().bundle.is_some());
    assert_eq!(heard.opened, 1);
}

#[test]
fn a_constant_is_left_uncalibrated_with_a_warning() {
    let whole = format!("{}\n[calibrate]\nmethod = \"platt\"\n", binary(BY_HASH));
    let only = "kind = \"constant\"\nfeature_sets = [\"all\"]\n";
    let (start, rest) = whole.split_once("[[experiment.model]]").unwrap();
    let after = rest.split_once("[calibrate]").unwrap().1;
    let config = format!("{start}[[experiment.model]]\n{only}[calibrate]{after}");
    let studied = Project::new(&config).run().unwrap();
    assert!(studied.bundle.is_some());
    assert_eq!(studied.report.calibration, None);
    let is_it = |one: &&Finding| one.check == "check.calibration";
    let finding = studied.report.findings.iter().find(is_it).unwrap();
    assert_eq!(finding.level, Level::Warning);
    // A constant ranks nothing, in each fold and over all of them.
    let ranks = studied.report.candidates[0].measures[0];
    assert_eq!(ranks, 0.5);
}

#[test]
fn a_threshold_is_chosen_on_the_validation_rows_and_served() {
    let config = |threshold: &str| format!("{}\n{threshold}", binary(BY_TIME));
    let plain = Project::new(&config("")).run().unwrap();
    assert_eq!(plain.report.threshold, None);
    let given = |studied: &Studied| {
        let plots = studied.report.plots.as_ref().unwrap();
        let of_test = plots.test.confusion.as_ref().unwrap();
        let second: usize = of_test.rows.iter().map(|row| row[1]).sum();
        (of_test.threshold, second)
    };
    let mut shares = Vec::new();
    for by in [
        "by = \"costs\"\nfalse_positive = 9\nfalse_negative = 1\n",
        "by = \"f1\"\n",
        "by = \"costs\"\nfalse_positive = 1\nfalse_negative = 9\n",
    ] {
        let studied = Project::new(&config(&format!("[threshold]\n{by}")))
            .run()
            .unwrap();
        let chosen = studied.report.threshold.unwrap();
        // The same winner and the same probabilities; what is given from which one on is the bundle's.
        assert_eq!(studied.report.selection, plain.report.selection);
        assert_eq!(predictor(&studied).output().threshold, Some(chosen.value));
        let (threshold, count) = given(&studied);
        assert_eq!(threshold, Some(chosen.value));
        assert!(
            studied.card.contains("is given from a probability of"),
            "{}",
            studied.card
        );
        shares.push(count);
    }
    assert!(shares[0] < shares[1] && shares[1] < shares[2], "{shares:?}");
    let extra = "[threshold]\nby = \"f1\"\nfalse_postive = 1\n";
    let error = Project::new(&config(extra)).run().err().unwrap();
    assert_eq!(error.code(), "train.config");
    for wrong in [
        "[threshold]\nby = \"costs\"\nfalse_positive = 0\nfalse_negative = 0\n",
        "[threshold]\nby = \"costs\"\nfalse_positive = -1\nfalse_negative = 2\n",
    ] {
        let error = Project::new(&config(wrong)).run().err().unwrap();
        assert_eq!(
            (error.code(), error.field()),
            ("train.config", Some("threshold"))
        );
    }
    let of_numbers = format!("{}\n[threshold]\nby = \"f1\"\n", regression(BY_TIME));
    let error = Project::new(&of_numbers).run().err().unwrap();
    assert_eq!(error.field(), Some("threshold"));
}

#[test]
fn confidence_is_stated_with_its_coverage() {
    let calibrated = format!("{}\n[calibrate]\nmethod = \"platt\"\n", binary(BY_HASH));
    let (plain, sigmoid) = (
        Project::new(&binary(BY_HASH)).run().unwrap(),
        Project::new(&calibrated).run().unwrap(),
    );
    let Some(Calibrated::Platt(platt)) = sigmoid.report.calibration.clone() else {
        panic!("{:?}", sigmoid.report.calibration);
    };
    // The same order of rows; other probabilities, and those of the sigmoid to the last bits.
    let order = |report: &StudyReport| report.test.measures[0].estimate.value;
    assert_eq!(order(&plain.report), order(&sigmoid.report));
    let answer = |studied: &Studied| predictor(studied).predict(&delivery("\"bob\"")).unwrap();
    assert!((answer(&sigmoid).values[0] - platt.at(answer(&plain).raw[0])).abs() < 1e-12);
}

fn predictor(studied: &Studied) -> Predictor {
    Predictor::new(&Bundle::from_bytes(studied.bundle.as_ref().unwrap()).unwrap()).unwrap()
}

/// A delivery by a courier, given as JSON.
fn delivery(courier: &str) -> Record {
    let json = format!(
        r#"{{"courier": {courier}, "distance": 12.5, "rain": 9, "ordered": "2020-02-03", "id": "x"}}"#
    );
    Record::from_json(&json).unwrap()
}

#[test]
fn isotonic_regression_and_venn_abers_are_a_table_in_the_bundle() {
    let plain = Project::new(&binary(BY_HASH)).run().unwrap();
    for method in ["isotonic", "venn_abers"] {
        let config = format!("{}\n[calibrate]\nmethod = \"{method}\"\n", binary(BY_HASH));
        let calibrated = Project::new(&config).run().unwrap();
        let table = match (method, &calibrated.report.calibration) {
            ("isotonic", Some(Calibrated::Isotonic(table))) => table,
            ("venn_abers", Some(Calibrated::VennAbers(table))) => table,
            (_, other) => panic!("{other:?}"),
        };
        let predictors = [predictor(&plain), predictor(&calibrated)];
        assert_eq!(predictors[1].output().calibration.as_ref(), Some(table));
        for courier in ["\"ann\"", "\"bob\"", "\"cem\""] {
            let [plain, calibrated] = predictors
                .each_ref()
                .map(|one| one.predict(&delivery(courier)).unwrap());
            assert_eq!(plain.raw, calibrated.raw);
            assert_eq!(calibrated.values[0], table.at(plain.values[0]));
        }
    }
}

#[test]
fn rows_of_no_group_are_counted_last() {
    let courier = "name = \"courier\"\ntype = \"category\"\n";
    let config = regression(BY_HASH);
    assert!(config.contains(courier));
    let missing = format!("{courier}nullable = true\nmissing = [\"cem\"]\n");
    let config = config.replace(courier, &missing);
    let promise = "[conformal]\nmethod = \"split\"\nconfidence = 0.9\nby = \"courier\"\n";
    let studied = Project::new(&format!("{config}\n{promise}")).run().unwrap();
    let groups = &studied.report.coverage.as_ref().unwrap().groups;
    let values: Vec<_> = groups.iter().map(|group| group.value.as_deref()).collect();
    assert_eq!(values, [Some("ann"), Some("bob"), None]);
    assert!(groups.iter().all(|group| group.rows > 50), "{groups:?}");
}

#[test]
fn a_promise_that_says_nothing_is_a_warning() {
    for (config, method, said) in [
        (multiclass(BY_HASH), "lac", "every set has all labels"),
        (regression(BY_HASH), "split", "no interval has an end"),
    ] {
        let warnings = |confidence| {
            let promise =
                format!("[conformal]\nmethod = \"{method}\"\nconfidence = {confidence}\n");
            let gated = format!("{config}\n{promise}[gates]\nmax_warnings = 9\n");
            let studied = Project::new(&gated).run().unwrap();
            let coverage = studied.report.coverage.as_ref().unwrap();
            assert_eq!(
                coverage.says_nothing,
                studied.card.contains(said),
                "{method}"
            );
            (coverage.says_nothing, studied.report.gates[0].found)
        };
        // Nine hundred rows promise no more than 1 in 900 to lie outside.
        let (told, silent) = (warnings(0.9), warnings(0.9999));
        assert_eq!((told.0, silent.0), (false, true), "{method}");
        assert_eq!(silent.1, told.1 + 1.0, "{method}");
    }
}

/// What the bundle answers promises what the report says, group by group.
#[test]
fn bundles_answer_with_intervals_and_sets() {
    for (config, method) in [
        (regression(BY_HASH), "split"),
        (multiclass(BY_HASH), "lac"),
        (multiclass(BY_HASH), "aps"),
        (binary(BY_HASH), "lac"),
    ] {
        let groups = format!(
            "{config}\n[conformal]\nmethod = \"{method}\"\nconfidence = 0.9\nby = \"courier\"\n"
        );
        let studied = Project::new(&groups).run().unwrap();
        let coverage = studied.report.coverage.as_ref().unwrap();
        let predictor = predictor(&studied);
        let conformal = predictor.output().conformal.as_ref().unwrap();
        for group in &conformal.groups {
            assert_eq!(coverage.quantiles[&group.value], group.quantile);
        }
        let of_group = |courier: &str| coverage.quantiles[courier];
        for (courier, quantile) in [
            ("\"ann\"", of_group("ann")),
            ("\"bob\"", of_group("bob")),
            ("\"dan\"", conformal.quantile),
        ] {
            let answer = predictor.predict(&delivery(courier)).unwrap();
            assert_eq!(answer.quantile, quantile, "{method} {courier}");
            let json = predictor.output().prediction_json(&answer).to_string();
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            match method {
                "split" => {
                    let (value, quantile) = (answer.values[0], quantile.unwrap());
                    let due = serde_json::json!([value - quantile, value + quantile]);
                    assert_eq!(json["interval"], due);
                }
                _ => assert!(json["set"].is_array(), "{json}"),
            }
        }
        assert_eq!(coverage.quantiles.len(), 3);
        let groups = coverage.groups.iter();
        let (rows, held) = groups.fold((0, 0.0), |(rows, held), group| {
            (
                rows + group.rows,
                held + group.test.value * group.rows as f64,
            )
        });
        assert_eq!((rows, coverage.groups.len()), (studied.report.test.rows, 3));
        assert!(
            (held / rows as f64 - coverage.test.value).abs() < 1e-12,
            "{coverage:?}"
        );
        assert!(
            !coverage.says_nothing && studied.card.contains("| bob |"),
            "{coverage:?}"
        );
        assert!(
            coverage.test.value > 0.8 && coverage.size.unwrap() > 0.0,
            "{coverage:?}"
        );
        // Sets with a promise kept by chance alone would be as wide as everything.
        assert!(
            method == "split" || coverage.size.unwrap() < 2.5,
            "{coverage:?}"
        );
    }
    let blind = "[[feature_set]]\nname = \"blind\"\nfeatures = [\"far\"]\n[[experiment]]\nname = \"blind\"\nfeature_sets = [\"blind\"]\n[[experiment.model]]\nkind = \"linear\"\n";
    for (rest, said) in [
        (
            "[conformal]\nmethod = \"lac\"\nconfidence = 0.9\n".to_owned(),
            "`split` or `cqr` for regression",
        ),
        (
            "[gates]\ncoverage = { min = 0.8 }\n".to_owned(),
            "coverage is that of [conformal]",
        ),
        ("[gates]\nmax_latency_us = 0\n".to_owned(), "above 0"),
        (
            format!("{blind}[conformal]\nmethod = \"split\"\nconfidence = 0.9\nby = \"courier\"\n"),
            "no feature of set `blind` reads `courier`",
        ),
    ] {
        let error = Project::new(&format!("{}\n{rest}", regression(BY_HASH)))
            .run()
            .unwrap_err();
        assert_eq!(error.code(), "train.config", "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

//! Gates and slices: a failed gate keeps the report and gives no bundle.

use skewless_core::{Bundle, Predictor, Record};
use skewless_train::study::StudyReport;

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
        "[gates]\nmax_bytes = 1_000_000\n[gates.test]\nroc_auc = { min = 0.6 }\n[gates.worst_slice]\naccuracy = { min = 0.5 }\n",
    );
    assert!(open.bundle.is_some());
    assert_eq!(open.report.gates.len(), 3);
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
fn confidence_is_stated_with_its_coverage() {
    let calibrated = format!("{}\n[calibrate]\nmethod = \"platt\"\n", binary(BY_HASH));
    let (plain, sigmoid) = (
        Project::new(&binary(BY_HASH)).run().unwrap(),
        Project::new(&calibrated).run().unwrap(),
    );
    let platt = sigmoid.report.calibration.unwrap();
    // The same order of rows; other probabilities, and those of the sigmoid to the last bits.
    let order = |report: &StudyReport| report.test.measures[0].estimate.value;
    assert_eq!(order(&plain.report), order(&sigmoid.report));
    let predictor = |bytes: &[u8]| Predictor::new(&Bundle::from_bytes(bytes).unwrap()).unwrap();
    let (plain, sigmoid) = (
        predictor(&plain.bundle.unwrap()),
        predictor(&sigmoid.bundle.unwrap()),
    );
    let record =
        r#"{"courier": "bob", "distance": 12.5, "rain": 9, "ordered": "2020-02-03", "id": "x"}"#;
    let answer = |predictor: &Predictor| {
        predictor
            .predict(&Record::from_json(record).unwrap())
            .unwrap()
    };
    assert!((answer(&sigmoid).values[0] - platt.at(answer(&plain).raw[0])).abs() < 1e-12);

    for (config, method) in [
        (regression(BY_HASH), "split"),
        (multiclass(BY_HASH), "lac"),
        (multiclass(BY_HASH), "aps"),
        (binary(BY_HASH), "lac"),
    ] {
        let groups = format!(
            "{config}\n[conformal]\nmethod = \"{method}\"\nconfidence = 0.9\nby = \"courier\"\n"
        );
        let coverage = Project::new(&groups)
            .run()
            .unwrap()
            .report
            .coverage
            .unwrap();
        assert_eq!(coverage.quantiles.len(), 3);
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
    let wrong = format!(
        "{}\n[conformal]\nmethod = \"lac\"\nconfidence = 0.9\n",
        regression(BY_HASH)
    );
    assert_eq!(
        Project::new(&wrong).run().err().unwrap().code(),
        "train.config"
    );
}

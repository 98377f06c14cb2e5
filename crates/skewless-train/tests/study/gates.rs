//! Gates and slices: a failed gate keeps the report and gives no bundle.

use crate::project::{BY_HASH, BY_TIME, Project, binary, regression};

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

//! Intervals from quantiles: conformalised quantile regression from the configuration to the bundle.

use serde_json::{Value, json};
use skewless_core::{Bundle, Predictor, Record};
use skewless_train::study::{Studied, StudyOptions};

use crate::project::{BY_HASH, BY_TIME, Delivery, Project, binary, regression, rows, table};

/// Deliveries whose delay is the more uncertain the longer the way is.
fn spreading() -> String {
    let mut state = 99_u32;
    let mut unit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let spread = |delivery: Delivery| Delivery {
        delay: Some(delivery.distance * (1.0 + unit())),
        ..delivery
    };
    let rows: Vec<Delivery> = rows(4_000).into_iter().map(spread).collect();
    table(&rows, "", |_| String::new())
}

const LINEAR: &str = "[[experiment.model]]\nkind = \"linear\"\npenalty = [0.001, 0.1]\n";
const TREES: &str = "[[experiment.model]]\nkind = \"trees\"\niterations = [15]\nlearning_rate = [0.2]\nmax_depth = [2, 3]\n";
const MORE_TREES: &str = "[[experiment.model]]\nkind = \"trees\"\niterations = [100]\nlearning_rate = [0.2]\nmax_depth = [4]\nmin_leaf_weight = [20]\n";
const RULES: &str = "[[experiment.model]]\nkind = \"rules\"\nfeature_sets = [\"all\"]\nrule = [{ feature = \"far\", from = 0.5 }, { feature = \"wet\", below = -0.5 }]\n";

/// The configuration without the family that has no quantiles, and with trees enough for a tail.
fn config(split: &str, promise: &str) -> String {
    let all = regression(split);
    assert!(all.contains(LINEAR) && all.contains(TREES) && all.contains(RULES));
    let some = all.replace(LINEAR, "").replace(TREES, MORE_TREES);
    format!("{some}\n[conformal]\n{promise}\n")
}

const CQR: &str = "method = \"cqr\"\nconfidence = 0.9";

fn predictor(studied: &Studied) -> Predictor {
    Predictor::new(&Bundle::from_bytes(studied.bundle.as_ref().unwrap()).unwrap()).unwrap()
}

fn delivery(distance: f64, courier: &str) -> Record {
    let json = json!({"courier": courier, "distance": distance, "rain": 9, "ordered": "2020-02-03", "id": "x"});
    Record::from_json(&json.to_string()).unwrap()
}

#[test]
fn intervals_cover_and_are_as_wide_as_the_noise() {
    for (split, by) in [
        (BY_HASH, ""),
        (BY_TIME, ""),
        (BY_HASH, "\nby = \"courier\""),
    ] {
        let [cqr, split] = [CQR, "method = \"split\"\nconfidence = 0.9"].map(|promise| {
            let config = config(split, &format!("{promise}{by}"));
            Project::with_table(&config, &spreading()).run().unwrap()
        });
        let coverage = cqr.report.coverage.as_ref().unwrap();
        assert!(coverage.holds, "{coverage:?}");
        let of_split = split.report.coverage.as_ref().unwrap();
        assert!(
            coverage.size.unwrap() < 0.9 * of_split.size.unwrap(),
            "{coverage:?} {of_split:?}"
        );

        let predictors = [predictor(&cqr), predictor(&split)];
        let answers = |distance| {
            predictors.each_ref().map(|one| {
                let answer = one.predict(&delivery(distance, "bob")).unwrap();
                let json = one.output().prediction_json(&answer).to_string();
                (answer, serde_json::from_str::<Value>(&json).unwrap())
            })
        };
        let width = |json: &Value| {
            json["interval"][1].as_f64().unwrap() - json["interval"][0].as_f64().unwrap()
        };
        let ([near, of_split], [far, _]) = (answers(4.0), answers(36.0));
        assert!(width(&far.1) > 4.0 * width(&near.1), "{near:?} {far:?}");
        // The value is what it is without quantiles.
        assert_eq!(near.0.values, of_split.0.values);
        let (&[value, low, high], quantile) = (
            near.0.raw.as_chunks().0[0..1].first().unwrap(),
            near.0.quantile.unwrap(),
        );
        assert_eq!(near.1["value"], json!(value));
        assert_eq!(near.1["interval"], json!([low - quantile, high + quantile]));
        let due = match by {
            "" => coverage.quantiles["all"],
            _ => coverage.quantiles["bob"],
        };
        assert_eq!(due, Some(quantile));
        if !by.is_empty() {
            assert_eq!(coverage.quantiles.len(), 3);
        }
        let explanation = predictors[0].explain(&delivery(4.0, "bob")).unwrap();
        assert_eq!(explanation.raw, [value]);
        assert!(cqr.card.contains("Intervals from quantiles"));
    }
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads_and_goes_on_where_it_stopped() {
    let project = Project::new(&config(BY_HASH, CQR));
    let run = |threads, store| {
        let options = StudyOptions {
            threads,
            store,
            ..StudyOptions::default()
        };
        project.run_with(&options).unwrap()
    };
    let first = run(1, None);
    for again in [
        run(1, None),
        run(2, None),
        run(2, Some(project.store())),
        run(1, Some(project.store())),
    ] {
        assert!(again.bundle == first.bundle);
        assert_eq!(again.report, first.report);
    }
    // Of the fits with quantiles too.
    let kept = std::fs::read_dir(project.store().join("results"))
        .unwrap()
        .count();
    assert_eq!(kept, 3 + 3 * first.report.candidates.len());
}

#[test]
fn a_constant_has_the_quantiles_of_its_rows() {
    let few = config(BY_HASH, CQR).replace(MORE_TREES, "");
    let constant = Project::new(&few.replace(RULES, "")).run().unwrap();
    let rules = Project::new(&few).run().unwrap();
    for (studied, kind) in [(&constant, "constant"), (&rules, "rules")] {
        let report = &studied.report;
        let winner = &report.candidates[report.selection.winner].candidate;
        assert_eq!(winner.parameters.kind(), kind);
        assert!(
            report.coverage.as_ref().unwrap().holds,
            "{:?}",
            report.coverage
        );
    }
    let answer = |studied, distance| {
        let answer = predictor(studied)
            .predict(&delivery(distance, "ann"))
            .unwrap();
        answer.raw
    };
    assert_eq!(answer(&constant, 2.0), answer(&constant, 40.0));
    assert!(answer(&rules, 2.0)[2] < answer(&rules, 40.0)[2]);
}

#[test]
fn families_without_quantiles_are_refused() {
    let promised = |config: &str| {
        let error = Project::new(&format!("{config}\n[conformal]\n{CQR}\n"))
            .run()
            .unwrap_err();
        (error.code(), error.to_string())
    };
    let (code, said) = promised(&regression(BY_HASH));
    assert_eq!(code, "train.conformal");
    assert!(
        said.contains("`constant`, `rules` and `trees`") && said.contains("`linear`"),
        "{said}"
    );
    let (code, said) = promised(&binary(BY_HASH));
    assert_eq!(code, "train.config");
    assert!(said.contains("`split` or `cqr` for regression"), "{said}");
}

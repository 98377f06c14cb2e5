//! The whole run on a small table made here: the same bytes twice and with any number of threads, and clear refusals.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use skewless_core::{Bundle, ErrorKind, Predictor};
use skewless_train::{Silent, TrainOptions, Trained, test_columns, test_records, train};

/// 2,400 deliveries over four months; late with rain, distance and one of three couriers, plus a fixed disturbance.
fn deliveries() -> String {
    let mut csv = String::from("ordered,courier,van,distance,rain,delay\n");
    let mut state = 12_345_u32;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % bound
    };
    for row in 0..2_400_u32 {
        let (month, day) = (1 + row / 600, 1 + row % 600 / 22);
        let courier = ["ann", "bob", "cem"][random(3) as usize];
        let van = if random(10) == 0 {
            String::new()
        } else {
            format!("v{}", random(6))
        };
        let distance = 1 + random(40);
        let rain = if random(8) == 0 {
            String::new()
        } else {
            random(20).to_string()
        };
        let wet: u32 = rain.parse().unwrap_or(5);
        let minutes = distance + 2 * wet + if courier == "bob" { 15 } else { 0 } + random(30);
        let delay = if random(50) == 0 {
            String::new()
        } else {
            (f64::from(minutes) - 30.0).to_string()
        };
        writeln!(
            csv,
            "2020-{month:02}-{day:02},{courier},{van},{distance},{rain},{delay}"
        )
        .unwrap();
    }
    csv
}

const CONFIG: &str = r#"
[model]
name = "deliveries"
version = "0.1.0"
task = "binary"
target = "late"
labels = ["on_time", "late"]
title = "Late deliveries"
summary = "Made up."
date = "2020-06-01"
seed = 7

[data]
source = "deliveries.csv"

[label]
input = "delay"
above = 15

[split]
by = "time"
input = "ordered"
validate_from = "2020-03-01"
test_from = "2020-04-01"

[evaluate]
resamples = 30

[[input]]
name = "ordered"
type = "date"
role = "time"

[[input]]
name = "courier"
type = "category"

[[input]]
name = "van"
type = "category"
nullable = true

[[input]]
name = "distance"
type = "number"
range = { min = 0 }

[[input]]
name = "rain"
type = "number"
nullable = true

[[input]]
name = "delay"
type = "number"
nullable = true
role = "label"
known_at_prediction = false

[[lookup]]
name = "vans"
source = "vans.csv"
key = "van"
columns = ["seats"]

[[feature]]
name = "courier_code"
op = "ordinal"
from = "courier"

[[feature]]
name = "far"
op = "number"
from = "distance"

[[feature]]
name = "wet"
op = "passthrough_missing"
from = "rain"

[[feature]]
name = "seats"
op = "lookup"
table = "vans"
column = "seats"
from = "van"

[trees]
iterations = [20]
learning_rate = [0.1]
max_depth = [2, 3]
columns_by_tree = [0.8]
select_by = "log_loss"

[baseline]
kind = "logistic"

[[baseline.feature]]
name = "courier_is"
op = "one_hot"
from = "courier"

[[baseline.feature]]
name = "far"
op = "standardize"
from = "distance"

[[baseline.feature]]
name = "rain_filled"
op = "impute"
strategy = "mean"
from = "rain"
"#;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("deliveries.csv"), deliveries()).unwrap();
        std::fs::write(
            folder.path().join("vans.csv"),
            "van,seats\nv3,5\nv0,2\nv1,3\nv2,\n",
        )
        .unwrap();
        std::fs::write(folder.path().join("skewless.toml"), config).unwrap();
        Self { folder }
    }

    fn config(&self) -> PathBuf {
        self.path().join("skewless.toml")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn train(&self, threads: usize) -> skewless_core::Result<Trained> {
        train(
            &self.config(),
            &TrainOptions {
                threads,
                source_date_epoch: None,
            },
            &mut Silent,
        )
    }
}

/// The fault of a configuration whose data is not there: found before any table is read.
fn early_refusal(config: &str) -> (String, Option<String>) {
    let project = Project::new(config);
    std::fs::remove_file(project.path().join("deliveries.csv")).unwrap();
    let error = project.train(1).err().unwrap();
    (error.code().to_owned(), error.field().map(str::to_owned))
}

fn refusal(config: &str) -> (String, Option<String>) {
    let error = Project::new(config).train(1).err().unwrap();
    (error.code().to_owned(), error.field().map(str::to_owned))
}

#[test]
fn the_same_bytes_twice_and_with_any_number_of_threads() {
    let project = Project::new(CONFIG);
    let first = project.train(1).unwrap();
    assert_eq!(first.bundle, project.train(1).unwrap().bundle);
    assert_eq!(first.bundle, project.train(2).unwrap().bundle);
    assert_eq!(first.bundle, Project::new(CONFIG).train(3).unwrap().bundle);
    let other_seed = Project::new(&CONFIG.replace("seed = 7", "seed = 8"))
        .train(1)
        .unwrap();
    assert_ne!(first.bundle, other_seed.bundle);
}

#[test]
fn the_bundle_answers_and_carries_its_story() {
    let project = Project::new(CONFIG);
    let trained = project.train(2).unwrap();
    let bundle = Bundle::from_bytes(&trained.bundle).unwrap();
    assert_eq!(bundle.digest(), trained.report.digest);
    assert_eq!(bundle.card(), trained.card);
    for promise in [
        "on any number of threads",
        "another C library may give other bytes",
    ] {
        assert!(trained.card.contains(promise), "{promise}");
    }
    let predictor = Predictor::new(&bundle).unwrap();
    let golden = bundle.golden().unwrap();
    assert!(golden.len() >= 32, "{} golden rows", golden.len());
    predictor.check_golden(&golden).unwrap();

    let report = &trained.report;
    assert_eq!(report.steps[0].rows, 2_400);
    let parts: usize = report.parts.iter().map(|part| part.rows).sum();
    assert_eq!(parts, report.steps[1].rows);
    assert!(report.steps[1].rows < 2_400, "some rows have no label");
    let auc = report.test.model.roc_auc;
    assert!(
        auc.value > 0.8 && auc.low <= auc.value && auc.value <= auc.high,
        "{auc:?}"
    );

    let provenance: serde_json::Value = serde_json::from_str(bundle.provenance()).unwrap();
    assert_eq!(
        provenance["predicate"]["runDetails"]["metadata"]["finishedOn"],
        "2020-06-01T00:00:00Z"
    );
    let files = provenance["predicate"]["buildDefinition"]["resolvedDependencies"]
        .as_array()
        .unwrap();
    assert_eq!(files.len(), 2);
    assert!(
        trained
            .card
            .contains(files[0]["digest"]["sha256"].as_str().unwrap())
    );
}

#[test]
fn a_source_date_epoch_takes_the_place_of_the_date() {
    let project = Project::new(CONFIG);
    let options = TrainOptions {
        threads: 1,
        source_date_epoch: Some(86_400),
    };
    let bundle = train(&project.config(), &options, &mut Silent)
        .unwrap()
        .bundle;
    let bundle = Bundle::from_bytes(&bundle).unwrap();
    assert!(bundle.provenance().contains("1970-01-02T00:00:00Z"));
}

#[test]
fn test_rows_hold_what_a_forecast_knows_and_predict_alike_both_ways() {
    let project = Project::new(CONFIG);
    let trained = project.train(1).unwrap();
    let predictor = Predictor::new(&Bundle::from_bytes(&trained.bundle).unwrap()).unwrap();
    let columns = test_columns(&project.config()).unwrap();
    assert_eq!(
        columns.names(),
        ["ordered", "courier", "van", "distance", "rain"]
    );
    assert!(
        columns.rows() > trained.report.test.rows,
        "rows without a label are there too"
    );
    let records = test_records(&project.config()).unwrap();
    let (by_column, by_record) = (
        predictor.predict_columns(&columns).unwrap(),
        predictor.predict_records(&records).unwrap(),
    );
    assert_eq!(by_column.raw, by_record.raw);
    assert!(by_column.errors.is_empty());
}

#[test]
fn what_is_known_only_afterwards_may_not_feed_a_feature() {
    let leaking =
        "[[feature]]\nname = \"leak\"\nop = \"passthrough_missing\"\nfrom = \"delay\"\n\n[trees]";
    assert_eq!(
        refusal(&CONFIG.replace("[trees]", leaking)),
        ("spec.leak".into(), Some("delay".into()))
    );
    let standardized = "op = \"standardize\"\nfrom = ";
    let in_baseline = CONFIG.replace(
        &format!("{standardized}\"distance\""),
        &format!("{standardized}\"delay\""),
    );
    assert_eq!(
        refusal(&in_baseline),
        ("spec.leak".into(), Some("delay".into()))
    );
}

#[test]
fn wrong_configurations_are_refused_with_the_field() {
    for (from, to, code, field) in [
        ("seed = 7", "seed = \"x\"", "train.config", None),
        ("seed = 7", "seed = 7\nsede = 7", "train.config", None),
        (
            "source = \"deliveries.csv\"",
            "source = \"s3://bucket/deliveries.csv\"",
            "unsupported.source",
            None,
        ),
        (
            "task = \"binary\"",
            "task = \"regression\"",
            "unsupported.task",
            Some("model.task"),
        ),
        (
            "input = \"delay\"",
            "input = \"rain\"",
            "train.config",
            Some("label.input"),
        ),
        (
            "input = \"delay\"",
            "input = \"dealy\"",
            "train.config",
            Some("label.input"),
        ),
        (
            "max_depth = [2, 3]",
            "max_depth = []",
            "train.config",
            Some("trees"),
        ),
        (
            "learning_rate = [0.1]",
            "learning_rate = [0.0]",
            "train.config",
            Some("trees"),
        ),
        (
            "test_from = \"2020-04-01\"",
            "test_from = \"2020-02-01\"",
            "train.config",
            Some("split.test_from"),
        ),
        (
            "test_from = \"2020-04-01\"",
            "test_from = \"April\"",
            "train.config",
            Some("split"),
        ),
        (
            "test_from = \"2020-04-01\"",
            "test_from = \"2021-04-01\"",
            "train.empty_split",
            None,
        ),
        (
            "resamples = 30",
            "resamples = 3",
            "train.config",
            Some("evaluate"),
        ),
        (
            "source = \"deliveries.csv\"",
            "source = \"nowhere.csv\"",
            "train.unreadable",
            None,
        ),
        (
            "key = \"van\"",
            "key = \"lorry\"",
            "table.missing_column",
            Some("lorry"),
        ),
        (
            "range = { min = 0 }",
            "range = { min = 3 }",
            "input.out_of_range",
            Some("distance"),
        ),
    ] {
        let found = refusal(&CONFIG.replacen(from, to, 1));
        assert_eq!(found, (code.to_owned(), field.map(str::to_owned)), "{to}");
    }
}

#[test]
fn what_the_bundle_would_refuse_is_refused_before_data_is_read() {
    let name = "name = \"deliveries\"";
    let version = "version = \"0.1.0\"";
    let labels = "labels = [\"on_time\", \"late\"]";
    let baseline = "kind = \"logistic\"";
    for (from, to, field) in [
        (name, "name = \"../x\"", "model.name"),
        (name, "name = \"..\"", "model.name"),
        (name, "name = \"\"", "model.name"),
        (version, "version = \"1\"", "model.version"),
        (version, "version = \"1.0.0-\"", "model.version"),
        (labels, "labels = [\"late\", \"late\"]", "model.labels"),
        (labels, "labels = [\"late\"]", "model.labels"),
        ("seed = 7", "seed = 7\nthreshold = 1.5", "model.threshold"),
        ("seed = 7", "seed = 7\nthreshold = -0.1", "model.threshold"),
        ("seed = 7", "seed = 7\nthreshold = nan", "model.threshold"),
        ("above = 15", "above = inf", "label.above"),
        (baseline, "kind = \"logistic\"\nl2 = -1.0", "baseline.l2"),
        (
            baseline,
            "kind = \"logistic\"\nmax_iterations = 0",
            "baseline.max_iterations",
        ),
        (
            "columns_by_tree = [0.8]",
            "columns_by_tree = [0.8]\nl2 = [inf]",
            "trees",
        ),
    ] {
        let found = early_refusal(&CONFIG.replacen(from, to, 1));
        assert_eq!(found, ("train.config".into(), Some(field.into())), "{to}");
    }
    // With nothing wrong the missing file is what remains.
    assert_eq!(early_refusal(CONFIG), ("train.unreadable".into(), None));
}

#[test]
fn a_weight_is_refused_by_its_name() {
    let weight =
        "[[input]]\nname = \"parcels\"\ntype = \"number\"\nrole = \"weight\"\n\n[[lookup]]";
    assert_eq!(
        early_refusal(&CONFIG.replacen("[[lookup]]", weight, 1)),
        ("unsupported.weight".into(), Some("parcels".into()))
    );
}

#[test]
fn a_bound_that_leaves_one_label_is_a_fault_of_the_input() {
    for (above, side) in [("1e9", "above"), ("-1e9", "at or below")] {
        let config = CONFIG.replacen("above = 15", &format!("above = {above}"), 1);
        let error = Project::new(&config).train(1).err().unwrap();
        assert_eq!(
            (error.kind(), error.code(), error.field()),
            (ErrorKind::InvalidInput, "train.one_class", Some("delay"))
        );
        let expected = format!("no training row with `delay` {side} the label's bound");
        assert!(error.message().contains(&expected), "{error}");
    }
}

/// The recipe's rules are the bundle's: the least usual name, version and threshold that pass here pass there.
#[test]
fn what_the_recipe_lets_pass_the_bundle_takes() {
    let config = CONFIG
        .replacen("\"deliveries\"", "\".9_a-B\"", 1)
        .replacen("\"0.1.0\"", "\"0.10.0-rc.1-x\"", 1)
        .replacen("seed = 7", "seed = 7\nthreshold = 1.0", 1);
    let trained = Project::new(&config).train(1).unwrap();
    let bundle = Bundle::from_bytes(&trained.bundle).unwrap();
    assert_eq!(bundle.manifest().name, ".9_a-B");
    assert_eq!(bundle.manifest().version, "0.10.0-rc.1-x");
}

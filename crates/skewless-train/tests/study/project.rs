//! A project of made-up deliveries: a table, a configuration, a folder that goes away.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use skewless_core::Result;
use skewless_train::Silent;
use skewless_train::study::{Studied, StudyOptions, study};

pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new(config: &str) -> Self {
        Self::with_table(config, &deliveries(1_200))
    }

    pub(crate) fn with_table(config: &str, table: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("deliveries.csv"), table).unwrap();
        std::fs::write(folder.path().join("skewless.toml"), config).unwrap();
        Self { folder }
    }

    /// With one more file.
    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join(".skewless")
    }

    pub(crate) fn run(&self) -> Result<Studied> {
        self.run_with(&StudyOptions::default())
    }

    pub(crate) fn run_with(&self, options: &StudyOptions) -> Result<Studied> {
        study(&self.path().join("skewless.toml"), options, &mut Silent)
    }
}

/// One delivery.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) id: usize,
    pub(crate) day: usize,
    pub(crate) courier: &'static str,
    pub(crate) distance: f64,
    pub(crate) rain: Option<u32>,
    pub(crate) delay: Option<f64>,
}

/// Four months of deliveries; late with rain, distance and one of three couriers, plus a fixed disturbance.
pub(crate) fn rows(count: usize) -> Vec<Delivery> {
    let mut state = 12_345_u32;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % bound
    };
    let mut delivery = |id: usize| {
        let courier = ["ann", "bob", "cem"][random(3) as usize];
        let distance = 1.0 + f64::from(random(4_000)) / 100.0;
        let rain = (random(8) > 0).then(|| random(20));
        let fixed = 2 * rain.unwrap_or(5) + if courier == "bob" { 15 } else { 0 };
        let minutes = distance + f64::from(fixed) + f64::from(random(3_000)) / 100.0;
        Delivery {
            id,
            day: id * 120 / count,
            courier,
            distance,
            rain,
            delay: (random(25) > 0).then_some(minutes - 30.0),
        }
    };
    (0..count).map(&mut delivery).collect()
}

pub(crate) fn deliveries(count: usize) -> String {
    table(&rows(count), "", |_| String::new())
}

/// As CSV, with one more column behind the others.
pub(crate) fn table(rows: &[Delivery], head: &str, more: impl Fn(&Delivery) -> String) -> String {
    let mut csv = format!("id,ordered,courier,distance,rain,delay,class{head}\n");
    for row in rows {
        let cell = |value: Option<String>| value.unwrap_or_default();
        let class = row.delay.map(|delay| match delay {
            delay if delay < 0.0 => "early",
            delay if delay < 20.0 => "due",
            _ => "late",
        });
        writeln!(
            csv,
            "d{},2020-{:02}-{:02},{},{},{},{},{}{}",
            row.id,
            1 + row.day / 30,
            1 + row.day % 30 % 28,
            row.courier,
            row.distance,
            cell(row.rain.map(|rain| rain.to_string())),
            cell(row.delay.map(|delay| delay.to_string())),
            class.unwrap_or_default(),
            more(row),
        )
        .unwrap();
    }
    csv
}

const MODEL: &str = r#"
[model]
name = "deliveries"
version = "0.1.0"
target = "late"
title = "Late deliveries"
summary = "Made up."
date = "2020-06-01"
seed = 7
"#;

const BINARY: &str = r#"
task = "binary"
labels = ["on_time", "late"]
[label]
input = "delay"
above = 15
[select]
by = "log_loss"
"#;

const REGRESSION: &str = r#"
task = "regression"
[label]
input = "delay"
[select]
by = "rmse"
"#;

const MULTICLASS: &str = r#"
task = "multiclass"
labels = ["early", "due", "late"]
[label]
input = "class"
[select]
by = "log_loss"
"#;

pub(crate) const BY_HASH: &str = "[split]\nby = \"hash\"\ninput = \"id\"\ntest = 0.25\nfolds = 3\n";
pub(crate) const BY_TIME: &str = "[split]\nby = \"time\"\ninput = \"ordered\"\nvalidate_from = \"2020-03-01\"\n\
    test_from = \"2020-04-01\"\ngap = \"1d\"\n";

const REST: &str = r#"
[data]
source = "deliveries.csv"

[evaluate]
resamples = 40

[[input]]
name = "id"
type = "category"
role = "id"

[[input]]
name = "ordered"
type = "date"
role = "time"

[[input]]
name = "courier"
type = "category"

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
known_at_prediction = false

[[input]]
name = "class"
type = "category"
nullable = true
known_at_prediction = false

[[feature]]
name = "courier_is"
op = "one_hot"
from = "courier"

[[feature]]
name = "far"
op = "standardize"
from = "distance"

[[feature]]
name = "rain_filled"
op = "impute"
strategy = "mean"
from = "rain"

[[feature]]
name = "wet"
op = "standardize"
from = "rain_filled"

[[feature_set]]
name = "way"
features = ["courier_is", "far"]

[[feature_set]]
name = "all"
features = ["courier_is", "far", "wet"]

[[experiment]]
name = "families"

[[experiment.model]]
kind = "constant"
feature_sets = ["all"]

[[experiment.model]]
kind = "rules"
feature_sets = ["all"]
rule = [{ feature = "far", from = 0.5 }, { feature = "wet", below = -0.5 }]

[[experiment.model]]
kind = "linear"
penalty = [0.001, 0.1]

[[experiment.model]]
kind = "trees"
iterations = [15]
learning_rate = [0.2]
max_depth = [2, 3]
"#;

pub(crate) fn binary(split: &str) -> String {
    config(BINARY, "delay", split)
}

pub(crate) fn regression(split: &str) -> String {
    config(REGRESSION, "delay", split)
}

pub(crate) fn multiclass(split: &str) -> String {
    config(MULTICLASS, "class", split)
}

fn config(task: &str, label: &str, split: &str) -> String {
    let name = format!("name = \"{label}\"\n");
    let rest = REST.replacen(&name, &format!("{name}role = \"label\"\n"), 1);
    format!("{MODEL}{task}{split}{rest}")
}

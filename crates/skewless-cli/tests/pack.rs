//! `skewless pack`: models of other libraries become bundles that answer like those libraries.
#![cfg(feature = "pack")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::path::{Path, PathBuf};

use fixture::Fixture;
use serde_json::{Value as Json, json};

const FEATURES: &str = r#"
[[input]]
name = "temperature"
type = "number"
nullable = true

[[input]]
name = "distance"
type = "number"
unit = "km"
nullable = true

[[input]]
name = "carrier"
type = "number"
nullable = true

[[input]]
name = "delays"
type = "number"
nullable = true

[[input]]
name = "slope"
type = "number"
nullable = true

[[input]]
name = "night"
type = "number"
nullable = true
"#;

const INPUTS: [&str; 6] = [
    "temperature",
    "distance",
    "carrier",
    "delays",
    "slope",
    "night",
];

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/references")
        .join(name)
}

/// The specification: each input passed on under the name that the model knows, with a prefix for the inputs.
fn features(names: &[&str]) -> String {
    let mut text = FEATURES.to_owned();
    for input in INPUTS {
        text = text.replace(
            &format!("name = \"{input}\""),
            &format!("name = \"in_{input}\""),
        );
    }
    for (name, input) in names.iter().zip(INPUTS) {
        text.push_str(&format!(
            "\n[[feature]]\nname = \"{name}\"\nop = \"passthrough_missing\"\nfrom = \"in_{input}\"\n"
        ));
    }
    text
}

/// The reference's feature rows as raw records, and its raw scores.
fn rows(reference_rows: &str) -> (String, Vec<Json>) {
    let text = std::fs::read_to_string(reference(reference_rows)).unwrap();
    let rows: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut records = String::new();
    for row in &rows {
        let cells = row["row"].as_array().unwrap();
        let record: serde_json::Map<String, Json> = INPUTS
            .iter()
            .zip(cells)
            .map(|(input, cell)| (format!("in_{input}"), cell.clone()))
            .collect();
        records.push_str(&format!("{}\n", Json::Object(record)));
    }
    (records, rows.iter().map(|row| row["raw"].clone()).collect())
}

#[test]
fn packed_models_answer_like_their_libraries() {
    for (model, reference_rows) in [
        ("lightgbm_binary.txt", "lightgbm_binary.rows.jsonl"),
        ("lightgbm_regression.txt", "lightgbm_regression.rows.jsonl"),
        ("xgboost_binary.json", "xgboost_binary.rows.jsonl"),
    ] {
        let fixture = Fixture::new();
        fixture.write("features.toml", features(&INPUTS));
        let (records, raw) = rows(reference_rows);
        fixture.write("rows.jsonl", &records);
        let model_path = reference(model);
        let run = fixture.run(&[
            "pack",
            "--model",
            model_path.to_str().unwrap(),
            "--features",
            "features.toml",
            "--fit-on",
            "rows.jsonl",
            "--name",
            "packed",
            "--version",
            "0.1.0",
            "-o",
            "packed.skw",
        ]);
        assert_eq!(run.status, 0, "{model}: {}", run.stderr);
        assert_eq!(fixture.run(&["verify", "packed.skw"]).status, 0);
        let answers = fixture.run(&["predict", "packed.skw", "rows.jsonl"]);
        assert_eq!(answers.status, 0, "{model}: {}", answers.stderr);
        for (row, (answer, raw)) in answers.lines().iter().zip(&raw).enumerate() {
            let (found, expected) = (answer["raw"].as_f64().unwrap(), raw[0].as_f64().unwrap());
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{model}, row {row}: {found} and {expected}"
            );
        }
        let report: Json =
            serde_json::from_str(&fixture.run(&["inspect", "packed.skw", "--json"]).stdout)
                .unwrap();
        let materials =
            &report["provenance"]["predicate"]["buildDefinition"]["resolvedDependencies"];
        assert_eq!(materials[0]["uri"], model);
        assert_eq!(materials.as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_pipeline_brings_its_own_specification() {
    let fixture = Fixture::new();
    let text = std::fs::read_to_string(reference("pipeline_columns.rows.jsonl")).unwrap();
    let references: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let records: Vec<String> = references
        .iter()
        .map(|reference| reference["record"].to_string())
        .collect();
    fixture.write("records.jsonl", records.join("\n"));
    let model = reference("pipeline_columns.onnx");
    let model = model.to_str().unwrap();
    let mut arguments = vec!["pack", "--model", model, "--golden-from", "records.jsonl"];
    arguments.extend(["--name", "packed", "--version", "0.1.0", "-o", "out.skw"]);
    let run = fixture.run(&arguments);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let answers = fixture
        .run(&["predict", "out.skw", "records.jsonl"])
        .lines();
    assert_eq!(answers.len(), references.len());
    for (answer, reference) in answers.iter().zip(&references) {
        let found = answer["probability"].as_f64().unwrap();
        let due = reference["values"][0].as_f64().unwrap();
        assert!((found - due).abs() < 1e-6, "{found}, due {due}");
    }
    fixture.write("features.toml", features(&INPUTS));
    arguments.extend(["--features", "features.toml"]);
    let run = fixture.run(&arguments);
    assert_eq!(run.status, 4);
    assert!(run.stderr.contains("pack.features_twice"), "{}", run.stderr);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let fixture = Fixture::new();
    fixture.write("features.toml", features(&INPUTS));
    fixture.write("rows.jsonl", rows("lightgbm_binary.rows.jsonl").0);
    let mut bundles = Vec::new();
    for out in ["a.skw", "b.skw"] {
        let run = pack(&fixture, "features.toml", &["-o", out]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        bundles.push(std::fs::read(fixture.path(out)).unwrap());
    }
    assert!(bundles[0] == bundles[1]);
}

#[test]
fn leaves_of_16_bits_make_a_smaller_bundle_whose_error_is_told() {
    let fixture = Fixture::new();
    fixture.write("features.toml", features(&INPUTS));
    let (records, raw) = rows("lightgbm_binary.rows.jsonl");
    fixture.write("rows.jsonl", &records);
    let mut sizes = Vec::new();
    for leaves in ["exact", "i16"] {
        let run = pack(&fixture, "features.toml", &["--leaves", leaves]);
        assert_eq!(run.status, 0, "{leaves}: {}", run.stderr);
        let report = fixture.run(&["inspect", "out.skw", "--json"]).stdout;
        let report: Json = serde_json::from_str(&report).unwrap();
        let parts = report["parts"].as_array().unwrap();
        let plan = parts.iter().find(|part| part["name"] == "model.plan");
        sizes.push(plan.unwrap()["size"].as_u64().unwrap());
        // The exact answers differ in nothing, those of 16 bits by no more than `inspect` says.
        let bound = report["model"]["rounding"]["bound"].as_f64();
        assert_eq!(bound.is_some(), leaves == "i16", "{}", report["model"]);
        let answers = fixture.run(&["predict", "out.skw", "rows.jsonl"]).lines();
        let differences = answers.iter().zip(&raw).map(|(answer, raw)| {
            (answer["raw"].as_f64().unwrap() - raw[0].as_f64().unwrap()).abs()
        });
        let greatest = differences.fold(0.0, f64::max);
        assert!(
            greatest <= bound.unwrap_or_default(),
            "{leaves}: {greatest:e}"
        );
        let told = fixture.run(&["inspect", "out.skw"]).stdout;
        assert_eq!(told.contains("a raw score by at most"), leaves == "i16");
    }
    assert!(sizes[1] < sizes[0] * 2 / 3, "{sizes:?}");
}

/// How training rows went through the trees: LightGBM's file says it, ONNX's does not.
#[test]
fn pack_says_whether_and_how_the_bundle_is_explained() {
    let fixture = Fixture::new();
    fixture.write("features.toml", features(&INPUTS));
    for (model, told) in [
        (
            "lightgbm_binary.txt",
            "with the shares of rows that the file states",
        ),
        ("xgboost_linear_multiclass.ubj", "exactly"),
        (
            "sklearn_boosting_regression.onnx",
            "with shares counted over 120 rows",
        ),
        (
            "onnx_min.onnx",
            "not: the least or the greatest leaf is no sum",
        ),
    ] {
        let name = model.split('.').next().unwrap();
        let (records, _) = rows(&format!("{name}.rows.jsonl"));
        let whole = |line: &&str| !line.contains("null");
        let records: Vec<&str> = records.lines().filter(whole).cycle().take(120).collect();
        fixture.write("rows.jsonl", records.join("\n"));
        let mut spec = features(&INPUTS);
        if model.contains("linear") {
            spec = spec.replace("nullable = true", "");
        }
        fixture.write("features.toml", spec);
        let path = reference(model);
        let mut arguments = vec!["pack", "--model", path.to_str().unwrap(), "-o", "out.skw"];
        arguments.extend(["--features", "features.toml", "--golden-from", "rows.jsonl"]);
        arguments.extend(["--name", "packed", "--version", "0.1.0"]);
        let run = fixture.run(&arguments);
        assert_eq!(run.status, 0, "{model}: {}", run.stderr);
        let line = run
            .stdout
            .lines()
            .find(|line| line.starts_with("  explain "));
        assert!(line.unwrap().ends_with(told), "{model}: {}", run.stdout);
        let explained = fixture.run(&["explain", "out.skw", "rows.jsonl"]);
        if told.starts_with("not") {
            assert_eq!(explained.status, 3, "{model}");
            assert!(
                explained.stderr.contains("unsupported.explain"),
                "{}",
                explained.stderr
            );
            let told = fixture.run(&["inspect", "out.skw"]).stdout;
            assert!(told.contains("explained  no: the least"), "{told}");
            continue;
        }
        assert_eq!(
            (explained.status, explained.lines().len()),
            (0, 120),
            "{}",
            explained.stderr
        );
        for line in explained.lines() {
            for (output, raw) in line["raw"].as_array().unwrap().iter().enumerate() {
                let features = line["features"].as_array().unwrap().iter();
                let added = features.map(|feature| feature["contributions"][output].as_f64());
                let sum = line["base"][output].as_f64().unwrap() + added.flatten().sum::<f64>();
                let off = (sum - raw.as_f64().unwrap()).abs();
                assert!(off < 2e-5 * (1.0 + sum.abs()), "{model}: {sum}, {raw}");
            }
        }
    }
}

fn pack(fixture: &Fixture, features: &str, more: &[&str]) -> fixture::Run {
    let model = reference("lightgbm_binary.txt");
    let mut arguments = vec![
        "pack",
        "--model",
        model.to_str().unwrap(),
        "--features",
        features,
    ];
    arguments.extend([
        "--golden-from",
        "rows.jsonl",
        "--name",
        "packed",
        "--version",
        "0.1.0",
    ]);
    if !more.contains(&"-o") {
        arguments.extend(["-o", "out.skw"]);
    }
    arguments.extend(more);
    fixture.run(&arguments)
}

#[test]
fn a_fitted_specification_is_taken_as_it_is() {
    let fixture = Fixture::new();
    fixture.write("rows.jsonl", rows("lightgbm_binary.rows.jsonl").0);
    let inputs: Vec<Json> = INPUTS
        .iter()
        .map(|name| json!({"name": format!("in_{name}"), "type": "number", "nullable": true}))
        .collect();
    let features: Vec<Json> = INPUTS
        .iter()
        .map(|name| json!({"name": name, "from": [format!("in_{name}")], "op": "passthrough_missing"}))
        .collect();
    let fitted = json!({"unknown_fields": "ignore", "inputs": inputs, "features": features});
    fixture.write("features.json", fitted.to_string());
    let run = pack(&fixture, "features.json", &["--labels", "on_time,late"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let answers = fixture.run(&["predict", "out.skw", "rows.jsonl"]).lines();
    assert!(answers.iter().any(|answer| answer["label"] == "late"));
    let run = pack(&fixture, "features.json", &["--fit-on", "rows.jsonl"]);
    assert_eq!(run.status, 4);
    assert!(run.stderr.contains("pack.already_fitted"), "{}", run.stderr);
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    let fixture = Fixture::new();
    fixture.write("rows.jsonl", rows("lightgbm_binary.rows.jsonl").0);
    let mut swapped = INPUTS;
    swapped.swap(0, 1);
    fixture.write("swapped.toml", features(&swapped));
    fixture.write(
        "renamed.toml",
        features(&[
            "temperature",
            "distance",
            "airline",
            "delays",
            "slope",
            "night",
        ]),
    );
    fixture.write("narrow.toml", features(&INPUTS[..5]));
    fixture.write(
        "typo.toml",
        features(&INPUTS).replace("nullable", "nulable"),
    );
    fixture.write("good.toml", features(&INPUTS));
    fixture.write("model.pkl", b"\x80\x04\x95");
    let mut told = String::new();
    for (features, more) in [
        ("swapped.toml", &[][..]),
        ("renamed.toml", &[]),
        ("narrow.toml", &[]),
        ("typo.toml", &[]),
        ("absent.toml", &[]),
        ("good.toml", &["--labels", "only"]),
        ("good.toml", &["--model-format", "xgboost"]),
    ] {
        let run = pack(&fixture, features, more);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (4, ""),
            "{features}: {}",
            run.stderr
        );
        assert!(!fixture.path("out.skw").exists());
        let folder = reference("").display().to_string();
        told.push_str(&format!(
            "{features} {more:?}\n{}\n",
            run.stderr.replace(&folder, "")
        ));
    }
    insta::assert_snapshot!("pack_refusals", told);
    let pickle = [
        "--model",
        "model.pkl",
        "--features",
        "good.toml",
        "--fit-on",
        "rows.jsonl",
        "--name",
        "x",
        "--version",
        "1.0.0",
    ];
    let run = fixture.run(
        &["pack"]
            .into_iter()
            .chain(pickle)
            .chain(["-o", "x.skw"])
            .collect::<Vec<_>>(),
    );
    assert_eq!(run.status, 4);
    assert!(
        run.stderr
            .starts_with("skewless: model.pkl: unsupported.model_format: "),
        "{}",
        run.stderr
    );
}

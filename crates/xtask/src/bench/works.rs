//! What a bench works on: the peers installed, the models made by the committed scripts, and the project's bundles of them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::runner::Runner;
use super::{FOLDER, field};
use crate::command::{at, cargo, run, step};
use crate::{setup, tiny, web};

const BUNDLE: &str = "models/flights/flights.skw";
const SAMPLE: &str = "models/flights/sample.jsonl";

/// The works of a run.
pub(crate) struct Works {
    /// The folder that holds one folder a work.
    pub(crate) folder: PathBuf,
    pub(crate) names: Vec<String>,
    /// Whether the peers are installed.
    pub(crate) peers: bool,
    /// Of the native engine.
    pub(crate) profile: &'static str,
}

impl Works {
    /// A file of a work.
    pub(crate) fn path(&self, work: &str, file: &str) -> PathBuf {
        let folder = match work {
            "record-to-prediction" => "gbdt-200x31",
            other => other,
        };
        self.folder.join(folder).join(file)
    }

    /// What `work.json` says.
    pub(crate) fn facts(&self, work: &str) -> Result<Value> {
        let path = self.path(work, "work.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Everything: peers, models, and, where they are not `built` already, bundles and both builds of the project.
pub(crate) fn all(built: bool) -> Result<Works> {
    let works = Works {
        folder: at(FOLDER).join("works"),
        names: Vec::new(),
        peers: true,
        profile: "release",
    };
    std::fs::create_dir_all(&works.folder)?;
    step("the peers", install)?;
    let tiny = tiny::folder();
    step("the models", || make(&works, tiny.as_ref()))?;
    let mut names = vec!["gbdt-200x31", "record-to-prediction", "mlp-int8"];
    match tiny {
        Some(_) => names.extend(tiny::NAMES),
        None => println!("  skipped: {}", tiny::absent()),
    }
    let works = Works {
        names: names.into_iter().map(str::to_owned).collect(),
        ..works
    };
    if !built {
        step("the package and the runner", build)?;
        step("the bundles", || pack(&works))?;
    }
    Ok(works)
}

/// The committed bundle and its sample as a work, for a run that installs nothing. What the native engine answers is due
/// on every target.
pub(crate) fn committed() -> Result<Works> {
    let works = Works {
        folder: at(FOLDER).join("small"),
        names: vec!["record-to-prediction".to_owned()],
        peers: false,
        profile: "ci",
    };
    let folder = works.folder.join("gbdt-200x31");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(at(BUNDLE), folder.join("bundle.skw"))?;
    std::fs::copy(at(SAMPLE), folder.join("records.jsonl"))?;
    let facts = json!({"bound": {"ours": 0.0}, "batches": [1, 256]});
    std::fs::write(folder.join("work.json"), facts.to_string())?;
    let mut native = Runner::start("skewless", field::native_runner(&works)?)?;
    let raw = native.answer("record-to-prediction", usize::MAX)?.values;
    let bytes: Vec<u8> = raw.iter().flat_map(|number| number.to_le_bytes()).collect();
    std::fs::write(folder.join("expected.f64"), bytes)?;
    Ok(works)
}

/// The Python that has the native peers.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(setup::venv("peers", "tests/peers/requirements.txt")?.join("python"))
}

/// The folder whose `node_modules` holds the peers in WebAssembly.
pub(crate) fn modules() -> PathBuf {
    at(FOLDER).join("npm")
}

fn install() -> Result<()> {
    python()?;
    let modules = modules();
    std::fs::create_dir_all(&modules)?;
    for file in ["package.json", "package-lock.json"] {
        let wanted = std::fs::read(at("tests/peers").join(file))?;
        let there = modules.join(file);
        // An unchanged file keeps its time, by which the installed packages are judged.
        if std::fs::read(&there).ok().as_ref() != Some(&wanted) {
            std::fs::write(&there, wanted)?;
        }
    }
    setup::npm(&format!("{FOLDER}/npm"))?;
    setup::npm("tests/web")?;
    setup::chromium()
}

/// Makes the models again where the scripts or the data changed.
fn make(works: &Works, tiny: Option<&PathBuf>) -> Result<()> {
    let stamp = works.folder.join("made.txt");
    let wanted = fingerprint(tiny)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    let mut make = Command::new(python()?);
    make.arg(at("tests/peers/make_works.py"))
        .arg(at("models/flights"))
        .arg(&works.folder)
        .args(tiny)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(make)?;
    Ok(std::fs::write(stamp, wanted)?)
}

/// What the models are made from: the scripts' text, the versions, the size of the data.
fn fingerprint(tiny: Option<&PathBuf>) -> Result<String> {
    let mut text = String::new();
    for file in [
        "requirements.txt",
        "make_works.py",
        "flights_table.py",
        "flights_trees.py",
        "float_graph.py",
        "tiny.py",
    ] {
        text += &std::fs::read_to_string(at("tests/peers").join(file))?;
    }
    text += &std::fs::read_to_string(at("models/flights/data/origin.json"))?;
    Ok(format!("{text}\ntiny: {}\n", tiny.is_some()))
}

fn build() -> Result<()> {
    web::build_full()?;
    let runner = ["build", "--quiet", "--release", "--package=skewless-runner"];
    run(cargo(&runner))?;
    run(cargo(&[&runner[..], &["--features=tract"]].concat()))
}

/// The project's bundle of each model, and the one that tract runs; a model that is refused leaves its work without a
/// bundle, which then fails by name.
fn pack(works: &Works) -> Result<()> {
    for name in works
        .names
        .iter()
        .filter(|name| *name != "record-to-prediction")
    {
        let trees = name == "gbdt-200x31";
        let model = if trees { "model.txt" } else { "model.onnx" };
        pack_one(works, name, model, "", "bundle.skw", &[]);
        if field::TRACT.contains(&name.as_str()) {
            let scores: &[&str] = if trees {
                &["--scores=probabilities"]
            } else {
                &[]
            };
            let prefix = if trees { "tract_" } else { "" };
            let options = [&["--engine=tract"], scores].concat();
            pack_one(works, name, "model.onnx", prefix, "tract.skw", &options);
        }
    }
    Ok(())
}

fn pack_one(works: &Works, name: &str, model: &str, prefix: &str, out: &str, options: &[&str]) {
    let path = |file: &str| works.path(name, file);
    let _ = std::fs::remove_file(path(out));
    let mut pack = cargo(&["run", "--quiet", "--release", "--package=skewless-cli"]);
    pack.args([
        "--no-default-features",
        "--features=pack,tract",
        "--",
        "pack",
    ])
    .args(["--name", name, "--version=1.0.0"])
    .arg("--model")
    .arg(path(model))
    .arg("--features")
    .arg(path(&format!("{prefix}features.toml")))
    .arg("--golden-from")
    .arg(path(&format!("{prefix}records.jsonl")))
    .arg("--output")
    .arg(path(out))
    .args(options);
    if let Err(error) = run(pack) {
        println!("  {name}: {out} is not made: {error:#}");
    }
}

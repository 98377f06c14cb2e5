//! `bench lambda`: from the start of a process to its first answer, of the Lambda function and of others in turn.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{FOLDER, table};
use crate::command::{at, command, output, run};
use crate::{built, setup, web};

const BUNDLE: &str = "models/flights/flights.skw";
const PEERS: &str = "tests/lambda/cold";
/// What is deployed.
const PROFILE: &str = "lambda";
const ROUNDS: usize = 31;
/// Openings in one process.
const OPENINGS: usize = 301;

/// Measures all of them, and writes `target/bench/lambda.json` and the table.
pub(crate) fn run_bench(date: Option<&str>, is_built: bool) -> Result<()> {
    if !is_built {
        built::function(PROFILE)?;
        built::hello(PROFILE)?;
        built::runner(PROFILE)?;
    }
    let python = setup::venv("lambda-cold", &format!("{PEERS}/requirements.txt"))?;
    setup::npm(PEERS)?;
    let model = at(FOLDER).join("lambda");
    let mut make = command(python.join("python"), &[&format!("{PEERS}/make_model.py")]);
    make.arg(at(BUNDLE)).arg(&model);
    run(make)?;
    let folder = model.display().to_string();
    let python = python.join("python").display().to_string();
    let programs = web::target().join(PROFILE);
    let mut functions = own(&programs);
    functions.push(json!({
        "name": "Python with ONNX Runtime", "model": true,
        "command": [python, "-m", "awslambdaric", "handler.handler"],
        "env": {"MODEL_FOLDER": folder, "PYTHONPATH": at(PEERS), "LAMBDA_TASK_ROOT": at(PEERS)},
    }));
    functions.push(json!({
        "name": "Node with onnxruntime-web", "model": true,
        "command": ["node", at(PEERS).join("handler.mjs")],
        "env": {"MODEL_FOLDER": folder},
    }));
    let measured = measure(&functions, &model, ROUNDS, &programs)?;
    std::fs::write(
        at(FOLDER).join("lambda.json"),
        serde_json::to_string_pretty(&measured)? + "\n",
    )?;
    let mut text = table::machine(date)?;
    text.push_str("\n\n");
    text.push_str(&markdown(&measured)?);
    println!("\n{text}");
    table::replace("lambda", &text)
}

/// The same script in two rounds with what CI has built, without the peers that would have to be installed.
pub(crate) fn small() -> Result<()> {
    println!("\n── cold starts of the Lambda function");
    built::workspace()?;
    let model = at(FOLDER).join("lambda-small");
    std::fs::create_dir_all(&model)?;
    let mut unpack = command("python3", &["-m", "zipfile", "-e", BUNDLE]);
    unpack.arg(&model);
    run(unpack)?;
    let programs = web::target().join(built::CI);
    markdown(&measure(&own(&programs), &model, 2, &programs)?).map(drop)
}

/// The functions in Rust.
fn own(built: &Path) -> Vec<Value> {
    vec![
        json!({
            "name": "Skewless", "model": true, "exact": true, "command": [built.join("bootstrap")],
            "env": {"SKEWLESS_BUNDLE": at(BUNDLE)},
        }),
        json!({"name": "Rust hello-world", "command": [built.join("hello")], "env": {}}),
    ]
}

fn measure(functions: &[Value], model: &Path, rounds: usize, built: &Path) -> Result<Value> {
    let list: PathBuf = model.join("functions.json");
    std::fs::write(&list, serde_json::to_string(functions)?)?;
    let mut node = command("node", &["tests/lambda/cold.mjs"]);
    node.arg(&list).arg(model).arg(rounds.to_string());
    let mut measured: Vec<Value> = serde_json::from_str(&output(node)?)?;
    let openings = OPENINGS.to_string();
    let opened = output(command(built.join("runner"), &["open", BUNDLE, &openings]))?;
    let opened: Value = serde_json::from_str(&opened)?;
    measured.push(json!({"name": "Skewless, opening in process", "times": opened}));
    measured.into_iter().map(with_spread).collect()
}

/// Least, median and greatest of the times beside them.
fn with_spread(mut measured: Value) -> Result<Value> {
    let times = measured["times"].as_array().context("no times")?;
    let mut times: Vec<f64> = times.iter().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    let [first, .., last] = times.as_slice() else {
        bail!("{} has no two times", measured["name"]);
    };
    if *first <= 0.0 {
        bail!("{first} is no time");
    }
    let median = times[times.len() / 2];
    measured["spread"] = json!({"min": first, "median": median, "max": last});
    Ok(measured)
}

/// One row a function: median, in brackets least and greatest, and how that is beside Skewless.
fn markdown(measured: &Value) -> Result<String> {
    let mut text = String::from(
        "| function | to the first answer, ms | less that of Skewless, ms | beside Skewless |\n|---|---:|---:|---:|\n",
    );
    let rows = measured.as_array().context("no list")?;
    let median = |row: &Value| row["spread"]["median"].as_f64().context("no median");
    let ours = median(rows.first().context("nothing was measured")?)?;
    for row in rows {
        let (name, spread) = (row["name"].as_str().context("no name")?, &row["spread"]);
        let figure = |part: &str| spread[part].as_f64().unwrap_or(f64::NAN);
        let beside = match name.starts_with("Skewless") {
            true => "– | –".to_owned(),
            false => format!("{:.2} | {:.2}×", median(row)? - ours, median(row)? / ours),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {:.2} ({:.2}–{:.2}) | {beside} |",
            figure("median"),
            figure("min"),
            figure("max")
        );
    }
    Ok(text)
}

//! `bench serve`: `skewless serve` on one core beside servers in Python with the same model, all under the same load.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::load::{Round, Running, free_port};
use super::{FOLDER, table};
use crate::command::{at, cargo, command, exists, output, run, step};
use crate::{built, setup, web};

/// Records in a request.
const SIZES: [usize; 2] = [1, 10];
/// Rounds, in which every server has its turn, and seconds of load in each.
const ROUNDS: usize = 5;
const SECONDS: u32 = 4;

/// A server: its name in the table, and the command that starts it.
struct Peer {
    name: &'static str,
    command: fn(&Bench, u16) -> Command,
}

const OURS: Peer = Peer {
    name: "`skewless serve`",
    command: |bench, port| bench.ours(port, "off"),
};
const OURS_LOGGING: Peer = Peer {
    name: "`skewless serve`, a log line a request",
    command: |bench, port| bench.ours(port, "info"),
};
const OTHERS: [Peer; 2] = [
    Peer {
        name: "FastAPI, ONNX Runtime",
        command: |bench, port| bench.python("fastapi_server.py", port),
    },
    Peer {
        name: "MLflow, ONNX Runtime",
        command: |bench, port| bench.python("mlflow_server.py", port),
    },
];

/// What the servers work with.
struct Bench {
    program: PathBuf,
    bundle: PathBuf,
    /// The folder of the model, and the Python with its peers; none in a run without them.
    model: PathBuf,
    python: PathBuf,
}

/// Measures every server, and writes `target/bench/serve.json` and the table.
pub(crate) fn run_bench(date: Option<&str>) -> Result<()> {
    let bench = prepare()?;
    let servers: Vec<&Peer> = [&OURS, &OURS_LOGGING].into_iter().chain(&OTHERS).collect();
    let measured = measure(&bench, &servers, ROUNDS, SECONDS)?;
    let path = format!("{FOLDER}/serve.json");
    std::fs::write(at(&path), serde_json::to_string_pretty(&measured)? + "\n")?;
    let mut text = table::machine(date)?;
    text.push_str("\n\n");
    text.push_str(&markdown(&measured)?);
    println!("\n{text}");
    table::replace("serve", &text)
}

/// The same on the committed bundle, in one short round and without peers: what CI runs.
pub(crate) fn small() -> Result<()> {
    println!("\n── skewless serve under load");
    wrk()?;
    let bench = Bench {
        program: built::skewless(built::CI)?,
        bundle: at("models/flights/flights.skw"),
        model: at(FOLDER).join("serve-small"),
        python: PathBuf::new(),
    };
    std::fs::create_dir_all(&bench.model)?;
    let sample = at("models/flights/sample.jsonl");
    std::fs::copy(sample, bench.model.join("records.jsonl"))?;
    let measured = measure(&bench, &[&OURS], 1, 1)?;
    markdown(&measured).map(drop)
}

fn wrk() -> Result<()> {
    // `wrk --version` ends with a failure.
    let found = Command::new("wrk").arg("--version").output().is_ok();
    if found {
        return Ok(());
    }
    if !exists("apt-get") {
        bail!("wrk is needed and not found");
    }
    setup::debian(&["wrk"]).context("wrk is needed, and installing it failed")
}

/// The peers, the model in both forms, and the program.
fn prepare() -> Result<Bench> {
    let mut python = PathBuf::new();
    step("the load and the peers", || {
        wrk()?;
        python = setup::venv("serve-peers", "tests/serve/peers.txt")?.join("python");
        Ok(())
    })?;
    let model = at(FOLDER).join("serve");
    std::fs::create_dir_all(&model)?;
    step("the model", || {
        let mut make = Command::new(&python);
        make.arg(at("tests/serve/make_model.py"))
            .arg(at("models/flights"))
            .arg(&model)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run(make)
    })?;
    let program = web::target().join("release/skewless");
    let bundle = model.join("bundle.skw");
    step("the program and the bundle", || {
        run(cargo(&[
            "build",
            "--quiet",
            "--release",
            "--package=skewless-cli",
            "--no-default-features",
            "--features=pack,serve",
        ]))?;
        let mut pack = command(&program, &["pack", "--name=flights", "--version=1.0.0"]);
        for (option, file) in [
            ("--model", "model.txt"),
            ("--features", "features.toml"),
            ("--golden-from", "records.jsonl"),
        ] {
            pack.arg(option).arg(model.join(file));
        }
        pack.args(["--labels=on_time,late", "--output"])
            .arg(&bundle);
        run(pack)
    })?;
    Ok(Bench {
        program,
        bundle,
        model,
        python,
    })
}

impl Bench {
    fn ours(&self, port: u16, level: &str) -> Command {
        let mut serve = Command::new("taskset");
        serve
            .args(["-c", "0"])
            .arg(&self.program)
            .arg("serve")
            .arg(&self.bundle)
            .args(["--threads=1", "--log", level])
            .arg(format!("--listen=127.0.0.1:{port}"));
        serve
    }

    fn python(&self, script: &str, port: u16) -> Command {
        let mut serve = Command::new("taskset");
        serve
            .args(["-c", "0"])
            .arg(&self.python)
            .arg(at("tests/serve").join(script))
            .arg(&self.model)
            .arg(port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        serve
    }

    /// Requests of each size as files, of the first records.
    fn bodies(&self) -> Result<Vec<(usize, PathBuf)>> {
        let text = std::fs::read_to_string(self.model.join("records.jsonl"))?;
        let body = |size| {
            let records: Vec<&str> = text.lines().take(size).collect();
            let path = self.model.join(format!("request-{size}.json"));
            let body = format!("{{\"dataframe_records\":[{}]}}", records.join(","));
            std::fs::write(&path, body)?;
            Ok((size, path))
        };
        SIZES.into_iter().map(body).collect()
    }
}

/// Every server in turn, round after round; nothing is timed before its answers are right.
fn measure(bench: &Bench, servers: &[&Peer], rounds: usize, seconds: u32) -> Result<Value> {
    let bodies = bench.bodies()?;
    let due = due(bench, &bodies)?;
    let mut all: Vec<Vec<Round>> = servers
        .iter()
        .flat_map(|_| &bodies)
        .map(|_| Vec::new())
        .collect();
    for round in 0..rounds {
        for (place, server) in servers.iter().enumerate() {
            let running = Running::start((server.command)(bench, free_port()?), server.name)?;
            for (index, (size, body)) in bodies.iter().enumerate() {
                running
                    .check(body, &due[index])
                    .with_context(|| format!("{} answers wrongly", server.name))?;
                // A second of warming up, which the just-in-time parts of the servers want.
                running.load(body, 1)?;
                let measured = running.load(body, seconds)?;
                println!(
                    "  {:<40} {size:>3} records: {:>9.0} requests/s, p99 {:>8.0} µs, {} KiB  (round {round})",
                    server.name, measured.requests_per_second, measured.p99_us, measured.memory
                );
                all[place * bodies.len() + index].push(measured);
            }
        }
    }
    let names = servers
        .iter()
        .flat_map(|server| bodies.iter().map(move |(size, _)| (server.name, size)));
    let rows = names
        .zip(&all)
        .map(|((name, size), rounds)| row(name, *size, rounds));
    rows.collect::<Result<Vec<Value>>>().map(Value::from)
}

/// The probabilities that `skewless predict` gives.
fn due(bench: &Bench, bodies: &[(usize, PathBuf)]) -> Result<Vec<Vec<f64>>> {
    let mut predict = command(&bench.program, &["predict"]);
    predict
        .arg(&bench.bundle)
        .arg(bench.model.join("records.jsonl"));
    let text = output(predict)?;
    let probability = |line: &str| {
        let prediction: Value = serde_json::from_str(line)?;
        prediction["probability"].as_f64().context("no probability")
    };
    let most = bodies
        .iter()
        .map(|(size, _)| *size)
        .max()
        .unwrap_or_default();
    let all: Vec<f64> = text
        .lines()
        .take(most)
        .map(probability)
        .collect::<Result<_>>()?;
    Ok(bodies
        .iter()
        .map(|(size, _)| all.iter().take(*size).copied().collect())
        .collect())
}

/// The medians of the rounds.
fn row(server: &str, records: usize, rounds: &[Round]) -> Result<Value> {
    let median = |number: fn(&Round) -> f64| {
        let mut numbers: Vec<f64> = rounds.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied().context("no rounds")
    };
    let requests = median(|round| round.requests_per_second)?;
    Ok(json!({
        "server": server,
        "records": records,
        "requests_per_second": requests,
        "rows_per_second": requests * records as f64,
        "p50_us": median(|round| round.p50_us)?,
        "p99_us": median(|round| round.p99_us)?,
        "memory_kib": rounds.iter().map(|round| round.memory).max(),
    }))
}

fn markdown(measured: &Value) -> Result<String> {
    let mut text = String::from(
        "| server | records a request | requests/s | rows/s | p50, ms | p99, ms | memory, MiB | rows/s of ours to its |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let rows = measured.as_array().context("no rows")?;
    for row in rows {
        let number = |row: &Value, name: &str| row[name].as_f64().filter(|number| *number > 0.0);
        let of = |name: &str| number(row, name).with_context(|| format!("no {name} in {row}"));
        let ours = rows
            .iter()
            .find(|other| other["server"] == OURS.name && other["records"] == row["records"]);
        let ours = ours
            .and_then(|ours| number(ours, "rows_per_second"))
            .context("none of ours")?;
        let ratio = if row["server"] == OURS.name {
            "–".to_owned()
        } else {
            format!("{}×", table::figure(ours / of("rows_per_second")?))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {} | {} | {} | {ratio} |",
            row["server"].as_str().unwrap_or_default(),
            row["records"],
            of("requests_per_second")?,
            of("rows_per_second")?,
            table::figure(of("p50_us")? / 1e3),
            table::figure(of("p99_us")? / 1e3),
            table::figure(of("memory_kib")? / 1024.0),
        );
    }
    Ok(text)
}

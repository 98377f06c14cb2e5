//! One digest over the predictions for every flight of the test months, on every target.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{at, cargo, command, output, run as run_command};
use crate::{setup, web};

const BUNDLE: &str = "models/flights/flights.skw";
const ROWS: &str = "target/parity/rows.jsonl";
const RESULT: &str = "target/parity.json";
/// Every target that must run; one that is missing from the results is a failure.
const TARGETS: [&str; 9] = [
    "native-single",
    "native-batch",
    "cli-jsonl",
    "wasm-node-single",
    "wasm-node-batch",
    "wasm-chromium-single",
    "wasm-chromium-batch",
    "worker-workerd",
    "lambda-watch",
];
/// Events that `cargo lambda invoke` sends, one of each kind.
const EVENTS: [&str; 5] = [
    "lambda/events/record.json",
    "lambda/events/records.json",
    "lambda/events/apigw-v1.json",
    "lambda/events/apigw-v2.json",
    "lambda/events/function-url.json",
];
/// How long the emulator may take to build and start the function.
const PATIENCE: Duration = Duration::from_secs(900);

/// Builds the package, runs every target, prints the table.
pub(crate) fn run() -> Result<()> {
    web::build()?;
    setup::npm("tests/web")?;
    setup::chromium()?;
    compare("release")
}

/// Runs every target with what is built already, natively in `profile`.
pub(crate) fn compare(profile: &str) -> Result<()> {
    let mut results: Vec<Value> = Vec::new();
    let profile_flag = format!("--profile={profile}");
    let mut native = cargo(&[
        "run",
        "--quiet",
        &profile_flag,
        "--package=skewless-conformance",
        "--bin=parity",
        "--",
    ]);
    native.args([BUNDLE, "models/flights/skewless.toml", ROWS]);
    std::fs::create_dir_all(at("target/parity"))?;
    collect(&mut results, &output(native)?)?;
    collect(&mut results, &cli(&profile_flag)?)?;
    for script in [
        "parity-node.mjs",
        "parity-chromium.mjs",
        "parity-worker.mjs",
    ] {
        let script = format!("tests/web/{script}");
        collect(
            &mut results,
            &output(command(
                "node",
                &[&script, "--bundle", BUNDLE, "--rows", ROWS],
            ))?,
        )?;
    }
    collect(&mut results, &lambda(profile)?)?;
    std::fs::write(at(RESULT), serde_json::to_string_pretty(&results)? + "\n")?;
    judge(&results)
}

/// The command line over the same rows.
fn cli(profile: &str) -> Result<String> {
    let arguments = [
        "run",
        "--quiet",
        profile,
        "--package=skewless-cli",
        // What `train` builds too; without tract, which would be built once more.
        "--no-default-features",
        "--features=train",
        "--",
        "predict",
        BUNDLE,
        ROWS,
        "--digest-only",
    ];
    let digest = output(cargo(&arguments))?;
    let rows = std::fs::read_to_string(at(ROWS))?.lines().count();
    Ok(
        serde_json::json!({"target": "cli-jsonl", "rows": rows, "sha256": digest.trim()})
            .to_string(),
    )
}

/// The handler under `cargo lambda watch`, called through the emulated invocation API.
fn lambda(profile: &str) -> Result<String> {
    let programs = setup::venv("lambda", "tests/lambda/requirements.txt")?;
    // The emulator builds at the first call, which would wait for it longer than a client does.
    let profile_flag = format!("--profile={profile}");
    run_command(cargo(&[
        "build",
        "--quiet",
        &profile_flag,
        "--package=skewless-lambda",
        "--no-default-features",
    ]))?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let mut watch = command(
        programs.join("cargo-lambda"),
        &[
            "lambda",
            "watch",
            "--ignore-changes",
            "--package",
            "skewless-lambda",
            "--no-default-features",
        ],
    );
    watch
        .args([
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port.to_string(),
        ])
        .args(if profile == "release" {
            vec!["--release".to_owned()]
        } else {
            vec!["--profile".to_owned(), profile.to_owned()]
        })
        .env("SKEWLESS_BUNDLE", at(BUNDLE))
        .env("PATH", path_with(&programs)?)
        .stdin(Stdio::null())
        .stdout(log_file()?)
        .stderr(log_file()?);
    let mut emulator = Running(watch.spawn().context("cargo lambda watch does not start")?);
    emulator.wait_for(&url)?;
    for event in EVENTS {
        invoke(&programs, port, event)?;
    }
    let arguments = [
        "tests/lambda/parity.mjs",
        "--url",
        &url,
        "--function",
        "bootstrap",
        "--rows",
        ROWS,
    ];
    output(command("node", &arguments)).context("the log stands in target/parity/lambda.log")
}

/// The README's `cargo lambda invoke`: the event's answer must hold a prediction.
fn invoke(programs: &Path, port: u16, event: &str) -> Result<()> {
    let mut invoke = command(
        programs.join("cargo-lambda"),
        &["lambda", "invoke", "bootstrap", "--data-file", event],
    );
    invoke.args([
        "--invoke-address",
        "127.0.0.1",
        "--invoke-port",
        &port.to_string(),
    ]);
    let answer = output(invoke)?;
    match answer.contains("probability") {
        true => Ok(()),
        false => bail!("{event} is answered with {answer}"),
    }
}

fn log_file() -> Result<std::fs::File> {
    Ok(std::fs::File::options()
        .create(true)
        .append(true)
        .open(at("target/parity/lambda.log"))?)
}

fn path_with(programs: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// A process that ends with its owner, children included.
struct Running(Child);

impl Running {
    fn wait_for(&mut self, url: &str) -> Result<()> {
        let address = url.trim_start_matches("http://").to_owned();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                bail!("cargo lambda watch ended with {status}; see target/parity/lambda.log");
            }
            if std::net::TcpStream::connect(&address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("cargo lambda watch does not answer; see target/parity/lambda.log")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An interrupt lets the emulator end the function it started.
        let _ = command("kill", &["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// Takes the JSON lines that a target prints.
fn collect(results: &mut Vec<Value>, text: &str) -> Result<()> {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let result: Value =
            serde_json::from_str(line).with_context(|| format!("not a parity line: {line}"))?;
        println!("  {line}");
        results.push(result);
    }
    Ok(())
}

fn judge(results: &[Value]) -> Result<()> {
    println!("\n  {:<22} {:>7}  sha256", "target", "rows");
    for result in results {
        let text = |key: &str| result[key].as_str().unwrap_or("?").to_owned();
        println!(
            "  {:<22} {:>7}  {}",
            text("target"),
            result["rows"],
            text("sha256")
        );
    }
    for target in TARGETS {
        if !results.iter().any(|result| result["target"] == target) {
            bail!("the target {target} did not run");
        }
    }
    let first = results.first().context("no target ran")?;
    if first["rows"].as_u64().is_none_or(|rows| rows == 0) {
        bail!("{} scored no rows", first["target"]);
    }
    let different = results
        .iter()
        .find(|result| result["sha256"] != first["sha256"] || result["rows"] != first["rows"]);
    if let Some(result) = different {
        bail!("{} differs from {}", result["target"], first["target"]);
    }
    println!(
        "\n  {} targets, {} rows, one digest. {RESULT} holds it.",
        results.len(),
        first["rows"]
    );
    Ok(())
}

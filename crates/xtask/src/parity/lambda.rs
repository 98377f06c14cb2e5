//! The handler under `cargo lambda watch`, called through the emulated invocation API.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{at, command, output};
use crate::{built, setup, tiny};

/// Events that `cargo lambda invoke` sends, one of each kind.
const EVENTS: [&str; 5] = [
    "lambda/events/record.json",
    "lambda/events/records.json",
    "lambda/events/apigw-v1.json",
    "lambda/events/apigw-v2.json",
    "lambda/events/function-url.json",
];
/// The function's name in the emulator.
const NAME: &str = "bootstrap";
/// How long the emulator may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The handler under `cargo lambda watch`, called through the emulated invocation API.
pub(super) fn digest(profile: &str, bundle: &str, rows: &str) -> Result<String> {
    let programs = setup::venv("lambda", "tests/lambda/requirements.txt")?;
    let function = built::function(profile)?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let mut watch = command(
        programs.join("cargo-lambda"),
        &[
            "lambda",
            "watch",
            // The emulator would build the function by itself, with another set of features than the workspace's.
            "--only-lambda-apis",
        ],
    );
    watch
        .args([
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port.to_string(),
        ])
        .env("PATH", path_with(&programs)?)
        .stdin(Stdio::null())
        .stdout(log_file()?)
        .stderr(log_file()?);
    let mut emulator = Running(watch.spawn().context("cargo lambda watch does not start")?);
    emulator.wait_for(&url)?;
    let mut function = command(&function, &[]);
    function
        .env("AWS_LAMBDA_RUNTIME_API", format!("{url}/.rt/{NAME}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", NAME)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("SKEWLESS_BUNDLE", at(bundle))
        // The function refuses settings that it does not know.
        .env_remove(tiny::VARIABLE)
        .stdin(Stdio::null())
        .stdout(log_file()?)
        .stderr(log_file()?);
    let _function = Running(function.spawn().context("the function does not start")?);
    for event in EVENTS {
        invoke(&programs, port, event)?;
    }
    let arguments = [
        "tests/lambda/parity.mjs",
        "--url",
        &url,
        "--function",
        NAME,
        "--rows",
        rows,
    ];
    output(command("node", &arguments)).context("the log stands in target/parity/lambda.log")
}

/// The README's `cargo lambda invoke`: the event's answer must hold a prediction.
fn invoke(programs: &Path, port: u16, event: &str) -> Result<()> {
    let mut invoke = command(
        programs.join("cargo-lambda"),
        &["lambda", "invoke", NAME, "--data-file", event],
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

pub(crate) fn path_with(programs: &Path) -> Result<std::ffi::OsString> {
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

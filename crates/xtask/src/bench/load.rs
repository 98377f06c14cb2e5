//! A server under the load of `wrk`: started, asked once, loaded, measured, ended.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{at, command, output};

/// Connections of the load, which asks on each again as soon as it is answered.
const CONNECTIONS: u32 = 16;
/// How long a server may take to its first answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far a probability of ONNX Runtime, whose leaves are f32, may be from ours.
const BOUND: f64 = 1e-4;

/// A running server, ended with this.
pub(super) struct Running {
    process: Child,
    address: SocketAddr,
}

/// One round of one server.
pub(super) struct Round {
    pub(super) requests_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// Most memory that the process had in use, in KiB.
    pub(super) memory: u64,
}

impl Running {
    /// Starts a server whose last argument ends with its port, and waits until it listens.
    pub(super) fn start(mut server: Command, name: &str) -> Result<Self> {
        let port = server.get_args().last().and_then(|last| {
            let text = last.to_str()?;
            text.rsplit(':').next()?.parse().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.context("no port")?));
        let process = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let mut running = Self { process, address };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if running.process.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                bail!("{name} does not listen");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }

    /// Asks once, and compares the probabilities.
    pub(super) fn check(&self, body: &Path, due: &[f64]) -> Result<()> {
        let body = std::fs::read(body)?;
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        write!(
            stream,
            "POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        )?;
        stream.write_all(&body)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, json) = answer.split_once("\r\n\r\n").context("no body")?;
        let begin = json.find('{').context("no JSON")?;
        let answer: Value =
            serde_json::Deserializer::from_str(json.get(begin..).unwrap_or_default())
                .into_iter::<Value>()
                .next()
                .context("no JSON")??;
        let predictions = answer["predictions"].as_array().context("no predictions")?;
        let right = predictions.len() == due.len()
            && predictions.iter().zip(due).all(|(prediction, due)| {
                prediction["probability"]
                    .as_f64()
                    .is_some_and(|found| (found - due).abs() <= BOUND)
            });
        if right {
            return Ok(());
        }
        bail!("{answer} where {due:?} is due")
    }

    /// Loads the server for some seconds; no request may fail.
    pub(super) fn load(&self, body: &Path, seconds: u32) -> Result<Round> {
        let mut load = command("taskset", &["-c", "1", "wrk", "--threads=1", "--latency"]);
        load.arg(format!("--connections={CONNECTIONS}"))
            .arg(format!("--duration={seconds}s"))
            .arg("--timeout=30s")
            .arg("--script")
            .arg(at("tests/serve/load.lua"))
            .arg(format!("http://{}/invocations", self.address))
            .env("BODY", body);
        let text = output(load)?;
        let line = text.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(line).with_context(|| format!("wrk says {text}"))?;
        let number = |name: &str| {
            told[name]
                .as_f64()
                .with_context(|| format!("no {name} in {line}"))
        };
        if number("failed")? > 0.0 || number("requests")? == 0.0 {
            bail!("requests failed: {line}");
        }
        Ok(Round {
            requests_per_second: number("requests")? / number("us")? * 1e6,
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
            memory: self.memory()?,
        })
    }

    fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        kibibytes.context("no VmHWM")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

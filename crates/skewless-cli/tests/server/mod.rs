//! A running `skewless serve`, and requests to it over sockets, as whole or as broken as a test wants them.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, Row, rows};

/// No test waits longer for anything; a server that answers needs a part of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, stopped at the end.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    log: Option<std::path::PathBuf>,
}

/// Status line and headers in lower case, and the body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(fixture: &Fixture, arguments: &[&str]) -> Self {
        let arguments = [
            ["serve", "small.skw", "--listen", "127.0.0.1:0"].as_slice(),
            arguments,
        ]
        .concat();
        let log = fixture.path("log.jsonl");
        let file = std::fs::File::create(&log).unwrap();
        let mut child = fixture
            .command(&arguments)
            .stderr(Stdio::from(file))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        Self {
            child,
            address: rest.trim().trim_end_matches('/').to_owned(),
            log: Some(log),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.ask_with(method, path, "", body)
    }

    /// The same with further header lines, each with its line end.
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let head = head(
            method,
            path,
            &format!("connection: close\r\n{headers}"),
            body.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses a long body may stop reading it.
        let _ = stream.write_all(body);
        rest(&mut stream)
    }

    /// Sends bytes as they are and gives all that comes back.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// True where the server answers rightly.
    pub(crate) fn is_well(&self, asked: &Asked) -> bool {
        let answer = self.ask("POST", "/invocations", &asked.body);
        answer.has("http/1.1 200") && answer.body == asked.due
    }

    /// Asks the system to end the server.
    pub(crate) fn terminate(&self) {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
    }

    /// Waits for the server's end and gives the exit status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends SIGTERM and gives the exit status.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.wait()
    }

    /// A line of `/proc/PID/status` in kilobytes, such as `VmHWM`, the most memory that was in use.
    #[cfg(target_os = "linux")]
    pub(crate) fn kilobytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Entries of the log, waiting until there is one that `wanted` accepts.
    pub(crate) fn logged(&self, wanted: impl Fn(&Json) -> bool) -> Json {
        let found = until(|| {
            let text = std::fs::read_to_string(self.log.as_ref().unwrap()).unwrap();
            let entries = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            entries.into_iter().find(|entry| wanted(entry))
        });
        found.unwrap_or_else(|| {
            let text = std::fs::read_to_string(self.log.as_ref().unwrap()).unwrap();
            unreachable!("no such entry in\n{text}")
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to stop after `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.head.contains(text)
    }

    /// A refusal with a status, its code in header and body.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> bool {
        self.has(&format!("http/1.1 {status} "))
            && self.has(&format!("\r\nx-skewless-error: {code}"))
            && String::from_utf8_lossy(&self.body).contains(&format!("\"code\":\"{code}\""))
    }

    /// Each of the three headers that say which bundle answered stands there once.
    pub(crate) fn names_the_bundle(&self) -> bool {
        [
            "x-skewless-model",
            "x-skewless-version",
            "x-skewless-digest",
        ]
        .iter()
        .all(|name| self.head.matches(&format!("\r\n{name}: ")).count() == 1)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| unreachable!("no head in {bytes:?}"));
        Self {
            head: String::from_utf8(bytes[..end].to_vec())
                .unwrap()
                .to_lowercase(),
            body: bytes[end + 4..].to_vec(),
        }
    }
}

/// The head of a request whose body has a length.
pub(crate) fn head(method: &str, path: &str, headers: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n"
    )
}

/// What comes until the connection ends.
pub(crate) fn rest(stream: &mut TcpStream) -> Answer {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Answer::of(&answer)
}

/// One answer on a connection that stays open, by its content-length.
pub(crate) fn one(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let mut answer = Answer::of(&bytes);
    let (_, length) = answer.head.split_once("content-length: ").unwrap();
    let length = length.split("\r\n").next().unwrap().trim().parse().unwrap();
    answer.body = vec![0; length];
    stream.read_exact(&mut answer.body).unwrap();
    answer
}

/// A request of some rows, and the bytes that must answer it.
pub(crate) struct Asked {
    pub(crate) body: Vec<u8>,
    pub(crate) due: Vec<u8>,
}

impl Asked {
    /// Some rows to `/invocations`, with the answers of `skewless predict`.
    pub(crate) fn rows(fixture: &Fixture, count: usize) -> Self {
        let rows = rows(count);
        let records: Vec<Json> = rows.iter().map(Row::json).collect();
        let due = predicted(fixture, &rows);
        let lines: Vec<&str> = due.lines().collect();
        Self {
            body: json!({"dataframe_records": records})
                .to_string()
                .into_bytes(),
            due: format!("{{\"predictions\":[{}]}}", lines.join(",")).into_bytes(),
        }
    }

    /// The same as JSON lines.
    pub(crate) fn lines(fixture: &Fixture, count: usize) -> Self {
        let rows = rows(count);
        Self {
            body: crate::fixture::json_lines(&rows).into_bytes(),
            due: predicted(fixture, &rows).into_bytes(),
        }
    }
}

/// The lines that `skewless predict` writes.
fn predicted(fixture: &Fixture, rows: &[Row]) -> String {
    fixture.write("asked.jsonl", crate::fixture::json_lines(rows));
    let run = fixture.run(&["predict", "small.skw", "asked.jsonl"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.stdout
}

/// What `look` finds, as soon as it does; nothing where patience ends first.
pub(crate) fn until<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

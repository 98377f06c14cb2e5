//! `skewless serve` as a client meets it: over a socket.
#![cfg(all(feature = "serve", unix))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};

use fixture::Fixture;

/// A running server, stopped at the end.
struct Server {
    child: Child,
    address: String,
}

/// Status line and headers, and the body.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Server {
    fn start(fixture: &Fixture, arguments: &[&str]) -> Self {
        let arguments = [
            ["serve", "small.skw", "--listen", "127.0.0.1:0"].as_slice(),
            arguments,
        ]
        .concat();
        let mut child = fixture.command(&arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        Self {
            child,
            address: rest.trim().trim_end_matches('/').to_owned(),
        }
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses a long body may stop reading it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        Answer {
            head: String::from_utf8(answer[..end].to_vec())
                .unwrap()
                .to_lowercase(),
            body: answer[end + 4..].to_vec(),
        }
    }

    /// Sends SIGTERM and gives the exit status.
    fn stop(mut self) -> Option<i32> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        self.child.wait().unwrap().code()
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
    fn has(&self, text: &str) -> bool {
        self.head.contains(text)
    }

    /// Each of the three headers that say which bundle answered stands there once.
    fn names_the_bundle(&self) -> bool {
        [
            "x-skewless-model",
            "x-skewless-version",
            "x-skewless-digest",
        ]
        .iter()
        .all(|name| self.head.matches(&format!("\r\n{name}: ")).count() == 1)
    }
}

#[test]
fn the_protocols_answer() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &[]);
    let ready = server.ask("GET", "/v2/health/ready", b"");
    assert!(
        ready.has("http/1.1 200") && ready.names_the_bundle(),
        "{}",
        ready.head
    );
    let metrics = server.ask("GET", "/metrics", b"");
    let counted = String::from_utf8(metrics.body.clone()).unwrap();
    assert!(
        counted.contains("skewless_requests_total{route=\"ready\",status=\"200\"} 1\n"),
        "{counted}"
    );
    let refused = server.ask("POST", "/invocations", b"{");
    assert!(
        refused.has("http/1.1 400") && refused.has("x-skewless-error: input.invalid_json"),
        "{}",
        refused.head
    );
    let unknown = server.ask("GET", "/", b"");
    assert!(
        unknown.has("http/1.1 404") && unknown.has("request.unknown_path"),
        "{}",
        unknown.head
    );
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &[]);
    let answer = server.ask("POST", "/invocations", &vec![b' '; (16 << 20) + 1]);
    assert!(
        answer.has("http/1.1 413") && answer.has("x-skewless-error: request.too_large"),
        "{}",
        answer.head
    );
}

#[test]
fn the_bundle_and_the_playground_are_served() {
    let fixture = Fixture::new();
    for (name, content) in [
        ("index.html", "<!doctype html>"),
        ("model.wasm", "\0asm"),
        ("page.js", "export {};"),
    ] {
        std::fs::create_dir_all(fixture.path("page")).unwrap();
        fixture.write(&format!("page/{name}"), content);
    }
    let server = Server::start(&fixture, &["--playground", "page"]);
    for (path, kind) in [
        ("/", "text/html"),
        ("/model.wasm", "application/wasm"),
        ("/page.js", "text/javascript"),
    ] {
        let answer = server.ask("GET", path, b"");
        assert!(
            answer.has("http/1.1 200") && answer.has(&format!("content-type: {kind}")),
            "{path}: {}",
            answer.head
        );
        assert!(answer.has(
            "content-security-policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval';"
        ));
        assert!(answer.names_the_bundle(), "{path}: {}", answer.head);
    }
    let bundle = std::fs::read(fixture.path("small.skw")).unwrap();
    for path in ["/bundle.skw", "/small.skw"] {
        let answer = server.ask("GET", path, b"");
        assert!(
            answer.has("content-type: application/zip") && answer.body == bundle,
            "{path}: {}",
            answer.head
        );
        assert!(answer.names_the_bundle(), "{path}: {}", answer.head);
    }
}

#[test]
fn what_is_not_served_is_refused_by_code() {
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.path("page")).unwrap();
    fixture.write("page/page.js", "export {};");
    for arguments in [["--playground", "page"].as_slice(), &[]] {
        let server = Server::start(&fixture, arguments);
        for (method, path, status, code) in [
            ("GET", "/../small.skw", 404, "request.unknown_path"),
            ("GET", "/%2e%2e/sample.jsonl", 404, "request.unknown_path"),
            ("GET", "/missing.js", 404, "request.unknown_path"),
            ("POST", "/missing.js", 404, "request.unknown_path"),
            ("POST", "/page.js", 404, "request.unknown_path"),
            ("POST", "/bundle.skw", 405, "request.method_not_allowed"),
            ("GET", "/invocations", 405, "request.method_not_allowed"),
        ] {
            let answer = server.ask(method, path, b"");
            assert!(
                answer.has(&format!("http/1.1 {status}"))
                    && answer.has(&format!("\r\nx-skewless-error: {code}")),
                "{method} {path}: {}",
                answer.head
            );
            assert!(answer.names_the_bundle(), "{path}: {}", answer.head);
            assert_eq!(
                answer.head.matches("\r\nallow: ").count(),
                usize::from(status == 405),
                "{path}: {}",
                answer.head
            );
            let body = String::from_utf8(answer.body).unwrap();
            assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
        }
    }
}

#[test]
fn being_asked_to_stop_is_no_failure() {
    let fixture = Fixture::new();
    assert_eq!(Server::start(&fixture, &[]).stop(), Some(0));
}

#[test]
fn a_bad_bundle_is_not_served() {
    let fixture = Fixture::new();
    let bytes = std::fs::read(fixture.path("small.skw")).unwrap();
    fixture.write("cut.skw", &bytes[..bytes.len() / 2]);
    let run = fixture.run(&["serve", "cut.skw", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(run.stderr.contains("bundle."), "{}", run.stderr);
}

//! `skewless serve` as a client meets it: over a socket.
#![cfg(all(feature = "serve", unix))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod server;

use std::io::{Read, Write};

use fixture::Fixture;
use serde_json::json;
use server::{Asked, Server};

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
        let entry = server.logged(|entry| entry["path"] == path);
        assert_eq!(
            (&entry["status"], &entry["code"]),
            (&json!(200), &json!(null)),
            "{path}"
        );
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

#[test]
fn lines_are_answered_while_they_arrive() {
    let fixture = Fixture::new();
    for options in [&[][..], &["--batch-rows", "8"]] {
        let server = Server::start(&fixture, options);
        let lines = Asked::lines(&fixture, 40);
        let mut stream = server.connect();
        let head = "POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\n\
                    transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answered = Vec::new();
        for (line, due) in lines
            .body
            .split_inclusive(|byte| *byte == b'\n')
            .zip(lines.due.split_inclusive(|byte| *byte == b'\n'))
        {
            stream
                .write_all(format!("{:x}\r\n", line.len()).as_bytes())
                .unwrap();
            stream.write_all(line).unwrap();
            stream.write_all(b"\r\n").unwrap();
            // The answer to this line is there before the next one is sent.
            let mut came = [0; 4096];
            while !answered.ends_with(due) {
                let count = stream.read(&mut came).unwrap();
                assert!(count > 0);
                // Chunks end with their own line end.
                answered.extend_from_slice(
                    came[..count]
                        .strip_suffix(b"\r\n")
                        .unwrap_or(&came[..count]),
                );
            }
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let entry = server.logged(|entry| entry["rows"] == 40);
        assert!(entry.get("code").is_none(), "{entry}");
    }
}

#[test]
fn lines_without_a_row_and_beyond_limits_have_a_code() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--max-stream-rows", "2", "--max-line", "300"]);
    let lines = "content-type: application/x-ndjson\r\n";
    let empty = server.ask_with("POST", "/invocations", lines, b"\n\n");
    assert!(empty.refuses(400, "input.empty_batch"), "{}", empty.head);
    let three = server.ask_with(
        "POST",
        "/invocations",
        lines,
        &Asked::lines(&fixture, 3).body,
    );
    let text = String::from_utf8(three.body).unwrap();
    assert!(
        three.head.contains("http/1.1 200")
            && text.contains("{\"error\":{\"code\":\"input.too_many_rows\""),
        "{text}"
    );
    let long = server.ask_with("POST", "/invocations", lines, &[b' '; 400]);
    assert!(
        String::from_utf8(long.body)
            .unwrap()
            .contains("input.line_too_long")
    );
}

#[test]
fn a_request_has_an_id_times_and_a_line_in_the_log() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &[]);
    let asked = Asked::rows(&fixture, 2);
    let kept = server.ask_with(
        "POST",
        "/invocations",
        "x-request-id: mine-7\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        &asked.body,
    );
    assert!(
        kept.has("\r\nx-request-id: mine-7") && kept.has("\r\nserver-timing: read;dur="),
        "{}",
        kept.head
    );
    let entry = server.logged(|entry| entry["request_id"] == "mine-7");
    for (name, value) in [
        ("event", json!("request")),
        ("level", json!("INFO")),
        ("method", json!("POST")),
        ("path", json!("/invocations")),
        ("status", json!(200)),
        ("rows", json!(2)),
        ("failures", json!(0)),
        ("model", json!("small")),
        ("version", json!("1.2.3")),
        ("trace_id", json!("0af7651916cd43dd8448eb211c80319c")),
    ] {
        assert_eq!(entry[name], value, "{entry}");
    }
    assert!(
        entry["ms"].as_f64().unwrap() > 0.0 && entry["digest"].is_string(),
        "{entry}"
    );
    // No entry holds anything of a record.
    let departure = String::from_utf8_lossy(&asked.body)
        .split("2013-11-")
        .nth(1)
        .unwrap()[..8]
        .to_owned();
    assert!(!entry.to_string().contains(&departure), "{entry}");
    let untraced = server.ask_with(
        "GET",
        "/ping",
        "x-request-id: untraced\r\ntraceparent: 00-\"-\"-01\r\n",
        b"",
    );
    assert!(untraced.has("http/1.1 200"));
    let entry = server.logged(|entry| entry["request_id"] == "untraced");
    assert!(entry.get("trace_id").is_none(), "{entry}");
    let odd = server.ask_with("GET", "/ping", "x-request-id: two words\r\n", b"");
    assert!(
        !odd.has("two words") && odd.has("\r\nx-request-id: "),
        "{}",
        odd.head
    );
    let other = server.ask("GET", "/ping", b"");
    let id = |answer: &server::Answer| {
        answer
            .head
            .split("x-request-id: ")
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_ne!(id(&odd), id(&other));
    let bad = format!(
        "{{\"dataframe_records\":[{{}},{}]}}",
        fixture::rows(1)[0].json()
    );
    let partly = server.ask_with(
        "POST",
        "/invocations",
        "x-request-id: partly\r\n",
        bad.as_bytes(),
    );
    assert!(partly.has("http/1.1 200"), "{}", partly.head);
    let entry = server.logged(|entry| entry["request_id"] == "partly");
    assert_eq!(
        (&entry["failures"], &entry["codes"]),
        (&1.into(), &"input.missing_field 1".into()),
        "{entry}"
    );
}

#[test]
fn a_silent_log_holds_nothing() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--log", "off"]);
    assert!(server.ask("GET", "/ping", b"").has("http/1.1 200"));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(
        std::fs::read_to_string(fixture.path("log.jsonl")).unwrap(),
        ""
    );
}

#[test]
fn the_openapi_document_is_the_bundles() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--max-rows", "12"]);
    let answer = server.ask("GET", "/openapi.json", b"");
    assert!(
        answer.has("http/1.1 200") && answer.names_the_bundle(),
        "{}",
        answer.head
    );
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["info"]["title"], "small");
    assert_eq!(document["x-limits"]["max_rows"], 12);
    assert!(document["paths"]["/v2/models/small/versions/1.2.3/infer"]["post"].is_object());
}

#[test]
fn the_configuration_is_layered_and_printed() {
    let fixture = Fixture::new();
    fixture.write(
        "serve.toml",
        "max_rows = 7\nmax_queue = 3\nbundle = \"small.skw\"\n",
    );
    let run = fixture.run(&[
        "serve",
        "--config",
        "serve.toml",
        "--max-queue",
        "5",
        "--print-config",
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for line in [
        "max_rows = 7  # serve.toml",
        "max_queue = 5  # --max-queue",
        "bundle = \"small.skw\"  # serve.toml",
        "max_connections = 1024  # default",
    ] {
        assert!(
            run.stdout.lines().any(|found| found == line),
            "{line}\n{}",
            run.stdout
        );
    }
    fixture.write("wrong.toml", "max_rowz = 7\n");
    for (arguments, said) in [
        (
            &["serve", "small.skw", "--config", "wrong.toml"][..],
            "config.unknown_key",
        ),
        (
            &["serve", "small.skw", "--max-rows", "none"],
            "config.invalid_value",
        ),
        (&["serve", "small.skw", "--max-rowz", "7"], "--max-rowz"),
        (&["serve"], "config.invalid_value"),
    ] {
        let run = fixture.run(arguments);
        assert_eq!(run.status, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
    let server = Server::start(&fixture, &["--config", "serve.toml"]);
    let refused = server.ask("POST", "/invocations", &Asked::rows(&fixture, 8).body);
    assert!(
        refused.refuses(413, "input.too_many_rows"),
        "{}",
        refused.head
    );
}

#[test]
fn another_bundle_takes_the_place_of_the_first() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--check-seconds", "1"]);
    let first = server.ask("GET", "/bundle.skw", b"");
    let other = Fixture::with_unknown_fields("reject");
    let bytes = std::fs::read(other.path("small.skw")).unwrap();
    assert_ne!(first.body, bytes);
    std::fs::rename(other.path("small.skw"), fixture.path("small.skw")).unwrap();
    let taken =
        server::until(|| (server.ask("GET", "/bundle.skw", b"").body == bytes).then_some(()));
    assert!(taken.is_some());
    let unknown = br#"{"dataframe_records":[{"colour":"red"}]}"#;
    let refused = server.ask("POST", "/invocations", unknown);
    assert!(
        refused.has("input.unknown_field") || refused.has("http/1.1 400"),
        "{}",
        refused.head
    );
    fixture.write("small.skw", "no bundle");
    server.logged(|entry| entry["outcome"] == "refused");
    let ready = server.ask("GET", "/v2/health/ready", b"");
    let text = String::from_utf8(ready.body).unwrap();
    assert!(
        ready.head.contains("http/1.1 200") && text.contains("refused_bundle"),
        "{text}"
    );
    assert_eq!(server.ask("GET", "/bundle.skw", b"").body, bytes);
}

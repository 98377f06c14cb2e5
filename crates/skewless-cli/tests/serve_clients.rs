//! `skewless serve` with clients that die, dawdle, or speak no HTTP: the others are answered rightly all the while.
#![cfg(all(feature = "serve", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod server;

use std::io::{Read, Write};
use std::net::Shutdown;

use fixture::Fixture;
use server::{Answer, Asked, PATIENCE, Server, head, one, rest};

const LINES: &str = "content-type: application/x-ndjson\r\n";

#[test]
fn a_client_that_dies_in_mid_request_takes_nothing_along() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--max-queue", "2"]);
    let asked = Asked::rows(&fixture, 50);
    // More than the queue holds: a place that were not given back would be missed.
    for round in 0..6 {
        let mut stream = server.connect();
        let head = head(
            "POST",
            "/invocations",
            &format!("x-request-id: dead-{round}\r\n"),
            asked.body.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&asked.body[..100]).unwrap();
        drop(stream);
        let entry = server.logged(|entry| entry["request_id"] == format!("dead-{round}"));
        assert_eq!(entry["code"], "request.aborted", "{entry}");
        assert_eq!(entry["rows"], 0, "{entry}");
        assert!(server.is_well(&asked));
    }
}

#[test]
fn a_client_that_dies_in_mid_answer_takes_nothing_along() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--max-queue", "2"]);
    let asked = Asked::rows(&fixture, 50);
    let lines = Asked::lines(&fixture, 500).body.repeat(100);
    for round in 0..4 {
        let mut stream = server.connect();
        let id = format!("{LINES}x-request-id: dead-{round}\r\n");
        stream
            .write_all(head("POST", "/invocations", &id, lines.len()).as_bytes())
            .unwrap();
        let mut writer = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Fails when the reader has gone.
                let _ = writer.write_all(&lines);
            });
            let mut begun = [0; 1000];
            stream.read_exact(&mut begun).unwrap();
            assert!(begun.starts_with(b"HTTP/1.1 200 OK\r\n"));
            stream.shutdown(Shutdown::Both).unwrap();
        });
        drop((stream, writer));
        let entry = server.logged(|entry| entry["request_id"] == format!("dead-{round}"));
        assert_eq!(
            (&entry["code"], &entry["status"]),
            (&"request.aborted".into(), &200.into()),
            "{entry}"
        );
        assert!(server.is_well(&asked));
    }
}

#[test]
fn a_head_that_does_not_end_is_told_so() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--header-seconds", "1"]);
    let mut silent = server.connect();
    let mut slow = server.connect();
    // A byte now and then does not prolong the time.
    let dawdling = std::thread::spawn(move || {
        for byte in head("GET", "/ping", "x-padding: ", 0)
            .as_bytes()
            .iter()
            .chain([b'x'; 10_000].iter())
        {
            if slow.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut answered = [0; 1];
            slow.set_nonblocking(true).unwrap();
            let came = slow.peek(&mut answered);
            slow.set_nonblocking(false).unwrap();
            if came.is_ok() {
                break;
            }
        }
        rest(&mut slow)
    });
    let asked = Asked::rows(&fixture, 3);
    assert!(server.is_well(&asked));
    let answer = dawdling.join().unwrap();
    assert!(answer.refuses(408, "request.timeout"), "{}", answer.head);
    assert!(answer.names_the_bundle() && answer.has("connection: close"));
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty(), "who says nothing is told nothing");
    assert!(server.is_well(&asked));
}

#[test]
fn a_body_that_does_not_come_is_told_so() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--request-seconds", "1"]);
    let asked = Asked::rows(&fixture, 20);
    let mut whole = server.connect();
    whole
        .write_all(head("POST", "/invocations", "", asked.body.len()).as_bytes())
        .unwrap();
    whole.write_all(&asked.body[..200]).unwrap();
    let answer = rest(&mut whole);
    assert!(answer.refuses(408, "request.timeout"), "{}", answer.head);
    // Of lines, none of which has come, the same.
    let mut lines = server.connect();
    lines
        .write_all(head("POST", "/invocations", LINES, 1000).as_bytes())
        .unwrap();
    let answer = rest(&mut lines);
    assert!(answer.refuses(408, "request.timeout"), "{}", answer.head);
    // Where answers have begun, their last line says it.
    let asked_lines = Asked::lines(&fixture, 5);
    let mut begun = server.connect();
    begun
        .write_all(head("POST", "/invocations", LINES, 100_000).as_bytes())
        .unwrap();
    begun.write_all(&asked_lines.body).unwrap();
    let answer = rest(&mut begun);
    let text = String::from_utf8(dechunked(&answer)).unwrap();
    let due = String::from_utf8(asked_lines.due).unwrap();
    let (answered, last) = text.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(format!("{answered}\n"), due);
    assert!(
        last.starts_with("{\"error\":{\"code\":\"request.timeout\""),
        "{last}"
    );
    assert!(server.is_well(&asked));
}

#[test]
fn an_idle_connection_is_closed_and_one_in_use_is_kept() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--idle-seconds", "1"]);
    let asked = Asked::rows(&fixture, 3);
    let mut stream = server.connect();
    for _ in 0..20 {
        stream
            .write_all(head("POST", "/invocations", "", asked.body.len()).as_bytes())
            .unwrap();
        stream.write_all(&asked.body).unwrap();
        let answer = one(&mut stream);
        assert!(
            answer.has("http/1.1 200") && answer.body == asked.due,
            "{}",
            answer.head
        );
    }
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).unwrap(), 0);
}

/// A stream whose answers nobody takes is read no further, and costs no memory; taken again, it is whole.
#[test]
fn a_slow_reader_holds_back_its_own_stream_alone() {
    const ROUNDS: usize = 1600;
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &[]);
    let lines = Asked::lines(&fixture, 500);
    let asked = Asked::rows(&fixture, 50);
    assert!(server.is_well(&asked));
    let before = server.kilobytes("VmRSS");
    let mut stream = server.connect();
    let length = lines.body.len() * ROUNDS;
    stream
        .write_all(
            head(
                "POST",
                "/invocations",
                &format!("{LINES}connection: close\r\n"),
                length,
            )
            .as_bytes(),
        )
        .unwrap();
    let mut writer = stream.try_clone().unwrap();
    // Tells when no more is taken: then the socket has been full for a while.
    writer
        .set_write_timeout(Some(std::time::Duration::from_millis(1500)))
        .unwrap();
    let mut written = 0;
    let all = lines.body.repeat(ROUNDS);
    let blocked = loop {
        match writer.write(&all[written..]) {
            Ok(0) => break false,
            Ok(count) => written += count,
            Err(_) => break true,
        }
        if written == all.len() {
            break false;
        }
    };
    assert!(blocked, "{length} bytes were taken though no answer was");
    assert!(server.is_well(&asked));
    let grown = server.kilobytes("VmRSS").saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} kB more while nobody reads");
    writer.set_write_timeout(Some(PATIENCE)).unwrap();
    let sending = std::thread::spawn(move || writer.write_all(&all[written..]).unwrap());
    let answer = rest(&mut stream);
    sending.join().unwrap();
    assert!(
        dechunked(&answer) == lines.due.repeat(ROUNDS),
        "{}",
        answer.head
    );
}

#[test]
fn an_answer_that_nobody_takes_ends_after_its_time() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--request-seconds", "1"]);
    let lines = Asked::lines(&fixture, 500).body.repeat(1600);
    let mut stream = server.connect();
    let id = format!("{LINES}x-request-id: deaf\r\n");
    stream
        .write_all(head("POST", "/invocations", &id, lines.len()).as_bytes())
        .unwrap();
    // Ends when the server ends the connection.
    assert!(stream.write_all(&lines).is_err());
    let entry = server.logged(|entry| entry["request_id"] == "deaf");
    assert_eq!(entry["code"], "request.aborted", "{entry}");
    assert!(server.is_well(&Asked::rows(&fixture, 3)));
}

#[test]
fn what_is_no_http_is_refused() {
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &[]);
    let asked = Asked::rows(&fixture, 3);
    let long = |part: &str| part.repeat(200_000 / part.len());
    let many = "x: y\r\n".repeat(200);
    for (name, bytes, statuses) in [
        ("a word", "hello\r\n\r\n".to_owned(), &[400][..]),
        ("bytes of TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned() + "\r\n\r\n", &[400]),
        ("HTTP/2 without a word before", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("no version", "GET /ping\r\n\r\n".to_owned(), &[400]),
        ("a version of the future", "GET /ping HTTP/3.0\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("no target", "GET  HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("a method with a space", "GE T /ping HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("a header without a colon", "GET /ping HTTP/1.1\r\nhost x\r\n\r\n".to_owned(), &[400]),
        ("a header name with a space", "GET /ping HTTP/1.1\r\nho st: x\r\n\r\n".to_owned(), &[400]),
        ("a folded header", "GET /ping HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n".to_owned(), &[400]),
        ("a NUL in a header", "GET /ping HTTP/1.1\r\nhost: x\0y\r\n\r\n".to_owned(), &[400]),
        ("two lengths", "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned(), &[400]),
        ("a length below 0", "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(), &[400]),
        ("a length that is a word", "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n".to_owned(), &[400]),
        ("a coding that nobody knows", "POST /invocations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(), &[400]),
        ("a chunk that is no number", "POST /invocations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(), &[400]),
        ("a chunk of more than there is", "POST /invocations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(), &[400]),
        ("a body shorter than its length", "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{".to_owned(), &[400]),
        ("too many headers", format!("GET /ping HTTP/1.1\r\nhost: x\r\n{many}\r\n"), &[431]),
        ("a header that is too long", format!("GET /ping HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", long("y")), &[431]),
        ("a target that is too long", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", long("p")), &[414, 431]),
        ("a head without an end", format!("GET /ping HTTP/1.1\r\n{}", long("a: b\r\n")), &[431]),
    ] {
        let answer = server.send(bytes.as_bytes());
        let text = String::from_utf8_lossy(&answer);
        let status = text.strip_prefix("HTTP/1.1 ").or(text.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
        // A body that breaks off leaves a client that may have gone; one of HTTP/2 reads no other answer.
        let gone = answer.is_empty() && (statuses.is_empty() || name.starts_with("a body shorter"));
        assert!(gone || status.is_some_and(|status: u16| statuses.contains(&status)), "{name}: {text}");
        assert!(server.is_well(&asked), "after {name}");
    }
}

#[test]
fn a_large_body_is_answered_and_a_larger_one_refused() {
    let fixture = Fixture::new();
    let padded = |size: usize| {
        let asked = Asked::rows(&fixture, 2000);
        let mut body = asked.body.clone();
        body.resize(size, b' ');
        Asked { body, ..asked }
    };
    let (six, seven) = (padded(6 << 20), padded(7 << 20));
    let server = Server::start(&fixture, &[]);
    assert!(server.is_well(&six) && server.is_well(&seven));
    let bounded = Server::start(&fixture, &["--max-body", "6291456"]);
    assert!(bounded.is_well(&six));
    let refused = bounded.ask("POST", "/invocations", &seven.body);
    assert!(
        refused.refuses(413, "request.too_large"),
        "{}",
        refused.head
    );
    // One that does not say its length is refused when it is longer.
    let mut stream = bounded.connect();
    stream.write_all(b"POST /invocations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n").unwrap();
    let _ = stream.write_all(format!("{:x}\r\n", seven.body.len()).as_bytes());
    let _ = stream.write_all(&seven.body);
    let _ = stream.write_all(b"\r\n0\r\n\r\n");
    let refused = rest(&mut stream);
    assert!(
        refused.refuses(413, "request.too_large"),
        "{}",
        refused.head
    );
    assert!(bounded.is_well(&six));
}

/// The body of an answer that came in chunks.
fn dechunked(answer: &Answer) -> Vec<u8> {
    assert!(answer.has("transfer-encoding: chunked"), "{}", answer.head);
    let mut rest = answer.body.as_slice();
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

//! `skewless serve` under more than it can take, and asked to stop in the middle: what it accepts it answers, rightly.
#![cfg(all(feature = "serve", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod server;

use std::io::{Read, Write};
use std::net::TcpStream;

use fixture::Fixture;
use server::{Asked, Server, head, one, rest, until};

#[test]
fn a_full_queue_refuses_and_answers_what_it_took() {
    const PLACES: usize = 3;
    const CONTINUE: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let fixture = Fixture::new();
    let server = Server::start(&fixture, &["--max-queue", "3"]);
    let asked = Asked::rows(&fixture, 50);
    let begin = |half: &[u8]| {
        let mut stream = server.connect();
        let expected = "expect: 100-continue\r\n";
        let head = head("POST", "/invocations", expected, asked.body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // The server asks for a body once the request has its place.
        let mut told = [0; CONTINUE.len()];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(&told, CONTINUE);
        stream.write_all(half).unwrap();
        stream
    };
    // So many bodies that do not end fill the queue.
    let mut accepted: Vec<TcpStream> = (0..PLACES).map(|_| begin(&asked.body[..100])).collect();
    let refused = server.ask("POST", "/invocations", &asked.body);
    assert!(
        refused.refuses(503, "request.overloaded"),
        "{}",
        refused.head
    );
    assert!(refused.has("\r\nretry-after: 1") && refused.names_the_bundle());
    let infer = server.ask("POST", "/v2/models/small/infer", b"{}");
    assert!(infer.refuses(503, "request.overloaded"), "{}", infer.head);
    // Those that look after the server are answered all the while.
    for path in ["/v2/health/ready", "/v2/health/live", "/metrics", "/ping"] {
        assert!(server.ask("GET", path, b"").has("http/1.1 200"), "{path}");
    }
    for stream in &mut accepted {
        stream.write_all(&asked.body[100..]).unwrap();
        let answer = one(stream);
        assert!(
            answer.has("http/1.1 200") && answer.body == asked.due,
            "{}",
            answer.head
        );
    }
    assert!(server.is_well(&asked));
    let metrics = server.ask("GET", "/metrics", b"");
    let counted = String::from_utf8(metrics.body).unwrap();
    assert!(
        counted.contains("skewless_refusals_total{code=\"request.overloaded\"}"),
        "{counted}"
    );
}

#[test]
fn under_overload_every_answer_is_right_or_coded() {
    let fixture = Fixture::new();
    let asked = [Asked::rows(&fixture, 1), Asked::rows(&fixture, 300)];
    for options in [
        &["--max-queue", "2", "--threads", "1"][..],
        &["--max-queue", "2", "--threads", "2"],
        &["--max-queue", "8", "--threads", "2", "--batch-rows", "32"],
    ] {
        let server = Server::start(&fixture, options);
        let (answered, refused) = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..16)
                .map(|client| {
                    let (server, asked) = (&server, &asked[client % 2]);
                    scope.spawn(move || {
                        let (mut answered, mut refused) = (0, 0);
                        for _ in 0..40 {
                            let answer = server.ask("POST", "/invocations", &asked.body);
                            if answer.has("http/1.1 200") {
                                assert!(answer.body == asked.due, "{}", answer.head);
                                answered += 1;
                            } else {
                                assert!(
                                    answer.refuses(503, "request.overloaded"),
                                    "{}",
                                    answer.head
                                );
                                assert!(answer.has("\r\nretry-after: "), "{}", answer.head);
                                refused += 1;
                            }
                        }
                        (answered, refused)
                    })
                })
                .collect();
            let counts = clients.into_iter().map(|client| client.join().unwrap());
            counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
        });
        assert_eq!(answered + refused, 16 * 40, "{options:?}");
        assert!(answered > 0, "{options:?}");
        let metrics = server.ask("GET", "/metrics", b"");
        let counted = String::from_utf8(metrics.body).unwrap();
        let line =
            format!("skewless_requests_total{{route=\"invocations\",status=\"200\"}} {answered}\n");
        assert!(
            counted.contains(&line),
            "{options:?}: {line} is not in\n{counted}"
        );
    }
}

#[test]
fn ten_thousand_connections_are_held_in_bounded_memory() {
    const MOST: usize = 9_000;
    const CONNECTIONS: usize = 10_000;
    // This process has the other ends of the connections.
    let files = rlimit::increase_nofile_limit(CONNECTIONS as u64 + 500).unwrap();
    assert!(
        files >= CONNECTIONS as u64 + 500,
        "the system allows {files} open files only"
    );
    let fixture = Fixture::new();
    let most = MOST.to_string();
    let options = [
        "--max-connections",
        &most,
        "--header-seconds",
        "300",
        "--idle-seconds",
        "300",
        "--log",
        "off",
    ];
    let server = Server::start(&fixture, &options);
    let asked = Asked::rows(&fixture, 3);
    assert!(server.is_well(&asked));
    let mut open: Vec<TcpStream> = Vec::with_capacity(CONNECTIONS);
    let exchange = |stream: &mut TcpStream| {
        stream
            .write_all(head("POST", "/invocations", "", asked.body.len()).as_bytes())
            .unwrap();
        stream.write_all(&asked.body).unwrap();
        let answer = one(stream);
        answer.has("http/1.1 200") && answer.body == asked.due
    };
    while open.len() < MOST {
        let mut stream = server.connect();
        // Each is taken, and each tenth has asked.
        if open.len().is_multiple_of(10) {
            assert!(exchange(&mut stream), "connection {}", open.len());
        }
        open.push(stream);
    }
    // The ones beyond are told so, and no other suffers.
    let mut told = 0;
    for _ in MOST..CONNECTIONS {
        let mut stream = server.connect();
        let answer = rest(&mut stream);
        assert!(
            answer.refuses(503, "request.overloaded") && answer.has("retry-after: 1"),
            "{}",
            answer.head
        );
        told += 1;
    }
    assert_eq!(told, CONNECTIONS - MOST);
    for (place, stream) in open.iter_mut().enumerate().step_by(97) {
        assert!(exchange(stream), "connection {place}");
    }
    let most = server.kilobytes("VmHWM");
    assert!(most < 256 << 10, "{most} kB for {MOST} connections");
    drop(open);
    let answers = until(|| {
        let mut stream = server.connect();
        // The server may not have seen all ends yet.
        let head = head("GET", "/ping", "connection: close\r\n", 0);
        stream.write_all(head.as_bytes()).ok()?;
        rest(&mut stream).has("http/1.1 200").then_some(())
    });
    assert!(answers.is_some());
    assert!(server.is_well(&asked));
}

#[test]
fn asked_to_stop_in_mid_request_it_answers_first() {
    let fixture = Fixture::new();
    for options in [&["--threads", "1"][..], &["--threads", "2"]] {
        let mut server = Server::start(&fixture, options);
        let asked = Asked::rows(&fixture, 50);
        let begin = |extra: &str, sent: usize| {
            let mut stream = server.connect();
            let bytes = [
                head("POST", "/invocations", extra, asked.body.len()).as_bytes(),
                &asked.body,
            ]
            .concat();
            stream.write_all(&bytes[..sent]).unwrap();
            (stream, bytes)
        };
        let (mut in_body, body_bytes) = begin("", 200);
        let (mut in_head, head_bytes) = begin("", 10);
        let mut idle = server.connect();
        idle.write_all(head("GET", "/ping", "", 0).as_bytes())
            .unwrap();
        assert!(one(&mut idle).has("http/1.1 200"));
        // An answered request shows that the connections before it were taken.
        assert!(server.is_well(&asked));
        server.terminate();
        let told = until(|| {
            let ready = server.ask("GET", "/v2/health/ready", b"");
            ready.has("http/1.1 503").then_some(ready)
        });
        let told = told.unwrap();
        assert!(
            told.refuses(503, "request.not_ready") && told.has("connection: close"),
            "{}",
            told.head
        );
        assert!(rest_is_nothing(&mut idle), "an idle connection is closed");
        for (stream, bytes, sent) in [
            (&mut in_body, body_bytes, 200),
            (&mut in_head, head_bytes, 10),
        ] {
            stream.write_all(&bytes[sent..]).unwrap();
            let answer = rest(stream);
            assert!(
                answer.has("http/1.1 200") && answer.body == asked.due,
                "{}",
                answer.head
            );
            assert!(answer.has("connection: close"), "{}", answer.head);
        }
        assert_eq!(server.wait(), Some(0));
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn a_request_that_does_not_end_ends_with_the_time_to_stop() {
    let fixture = Fixture::new();
    let mut server = Server::start(&fixture, &["--shutdown-seconds", "1"]);
    let asked = Asked::rows(&fixture, 3);
    let mut stream = server.connect();
    stream
        .write_all(head("POST", "/invocations", "", asked.body.len()).as_bytes())
        .unwrap();
    assert!(server.is_well(&asked));
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    server.logged(|entry| entry["code"] == "request.aborted" && entry["connections"] == 1);
    assert!(rest_is_nothing(&mut stream));
}

fn rest_is_nothing(stream: &mut TcpStream) -> bool {
    use std::io::Read;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes.is_empty()
}

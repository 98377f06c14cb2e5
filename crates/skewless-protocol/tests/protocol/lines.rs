//! JSON lines: whole, in pieces of every length, and at every limit.

use serde_json::{Value, json};
use skewless_protocol::{Admission, Headers, Limits, Lines, Request, Service};

use crate::bundles;

const TEXT: &str =
    "\u{feff}{\"size\":1}\r\n\n{\"size\":\n  \n[1]\n{\"size\":\"far\"}\n{\"size\":4}";

fn request<'a>(media_type: &str, body: &'a [u8]) -> Request<'a> {
    Request {
        method: "POST",
        path: "/invocations",
        headers: [("content-type", media_type)].into_iter().collect(),
        body,
    }
}

fn parsed(answers: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(answers).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The answers to pieces of `size` bytes.
fn streamed(service: &Service, text: &[u8], size: usize) -> (Vec<u8>, Lines) {
    let mut lines = Lines::new(service);
    let mut answers = Vec::new();
    for piece in text.chunks(size) {
        answers.extend(lines.push(service, piece));
    }
    answers.extend(lines.finish(service));
    (answers, lines)
}

fn small(limits: Limits) -> Service {
    bundles::regression().with_limits(limits)
}

#[test]
fn a_bad_line_is_an_error_in_its_place() {
    let service = bundles::regression();
    for media_type in ["application/x-ndjson", "application/jsonl; charset=utf-8"] {
        let response = service.respond(&request(media_type, TEXT.as_bytes()));
        assert_eq!(
            (response.status, response.headers.value("content-type")),
            (200, Some("application/x-ndjson"))
        );
        assert_eq!((response.tally.rows, response.tally.failures), (5, 3));
        let codes: Vec<_> = response.failures.into_iter().collect();
        assert_eq!(
            codes,
            [
                ("input.invalid_json", 1),
                ("input.not_an_object", 1),
                ("input.wrong_type", 1)
            ]
        );
        let answers = parsed(&response.body);
        assert!(answers[0]["value"].is_number() && answers[4]["value"].is_number());
        let failed: Vec<_> = answers[1..4]
            .iter()
            .map(|answer| {
                (
                    answer["error"]["code"].clone(),
                    answer["error"]["row"].clone(),
                )
            })
            .collect();
        assert_eq!(
            failed,
            [
                (json!("input.invalid_json"), json!(1)),
                (json!("input.not_an_object"), json!(2)),
                (json!("input.wrong_type"), json!(3))
            ]
        );
    }
}

#[test]
fn cuts_do_not_change_the_answers() {
    let service = bundles::regression();
    let whole = service.respond(&request("application/jsonl", TEXT.as_bytes()));
    for size in 1..=TEXT.len() {
        let (answers, lines) = streamed(&service, TEXT.as_bytes(), size);
        assert_eq!(answers, whole.body, "pieces of {size} bytes");
        assert_eq!(lines.tally(), whole.tally);
        assert_eq!(lines.failures(), &whole.failures);
        assert!(lines.over().is_none());
    }
}

#[test]
fn a_line_is_answered_when_it_ends() {
    let service = bundles::regression();
    let mut lines = Lines::new(&service);
    assert!(lines.push(&service, b"{\"size\":1}").is_empty());
    assert_eq!(parsed(&lines.push(&service, b"\n{\"si")).len(), 1);
    assert_eq!(parsed(&lines.finish(&service))[0]["error"]["row"], 1);
}

#[test]
fn a_line_that_is_too_long_fails_alone() {
    let service = small(Limits {
        max_line: 12,
        ..Limits::default()
    });
    let long = format!(
        "{{\"size\":1}}\r\n{{\"size\":{}}}\n{{\"size\":123}}",
        "1".repeat(500)
    );
    for size in [1, 3, 100, 1000] {
        let (answers, _) = streamed(&service, long.as_bytes(), size);
        let answers = parsed(&answers);
        assert_eq!(answers.len(), 3);
        assert!(answers[0]["value"].is_number() && answers[2]["value"].is_number());
        assert_eq!(answers[1]["error"]["code"], "input.line_too_long");
        assert_eq!(answers[1]["error"]["row"], 1);
    }
    let (answers, lines) = streamed(&service, "x".repeat(1 << 20).as_bytes(), 4096);
    assert_eq!(parsed(&answers)[0]["error"]["code"], "input.line_too_long");
    assert_eq!(lines.tally().failures, 1);
}

#[test]
fn a_limit_ends_the_stream_with_an_error_of_no_row() {
    let text = "{\"size\":1}\n".repeat(9);
    for (limits, code, answered) in [
        (
            Limits {
                max_stream_rows: 4,
                ..Limits::default()
            },
            "input.too_many_rows",
            4,
        ),
        (
            Limits {
                max_stream_body: 40,
                ..Limits::default()
            },
            "request.too_large",
            3,
        ),
    ] {
        let service = small(limits);
        for size in [1, 7, 500] {
            let (answers, lines) = streamed(&service, text.as_bytes(), size);
            let answers = parsed(&answers);
            assert_eq!(answers.len(), answered + 1, "{code}");
            let error = &answers[answered]["error"];
            assert_eq!(
                (&error["code"], &error["row"]),
                (&json!(code), &Value::Null)
            );
            assert_eq!(lines.over().map(skewless_core::Error::code), Some(code));
            assert_eq!(lines.tally().rows, answered);
        }
    }
}

#[test]
fn whole_bodies_are_held_to_the_limits_of_requests() {
    let service = small(Limits {
        max_rows: 2,
        ..Limits::default()
    });
    let three = "{\"size\":1}\n".repeat(3);
    for (text, status, code) in [
        (three.as_str(), 413, "input.too_many_rows"),
        ("\n \n", 400, "input.empty_batch"),
    ] {
        let response = service.respond(&request("application/jsonl", text.as_bytes()));
        assert_eq!((response.status, response.code), (status, Some(code)));
    }
}

#[test]
fn admission_is_told_by_the_head() {
    let service = small(Limits {
        max_body: 100,
        max_stream_body: 200,
        ..Limits::default()
    });
    let admitted = |method: &'static str, path: &'static str, headers: &[(&str, &str)]| {
        let headers: Headers = headers.iter().copied().collect();
        service.admit(&Request {
            method,
            path,
            headers,
            body: b"",
        })
    };
    let lines = ("content-type", "application/x-ndjson");
    assert!(matches!(admitted("GET", "/ping", &[]), Admission::Whole(0)));
    assert!(matches!(
        admitted("POST", "/invocations", &[("content-length", "100")]),
        Admission::Whole(100)
    ));
    let Admission::Lines(begun) =
        admitted("POST", "/invocations", &[lines, ("content-length", "200")])
    else {
        panic!("lines are answered as lines")
    };
    assert_eq!(begun.headers.value("x-skewless-model"), Some("areas"));
    for (method, path, headers, status) in [
        ("POST", "/invocations", vec![("content-length", "101")], 413),
        (
            "POST",
            "/invocations",
            vec![lines, ("content-length", "201")],
            413,
        ),
        (
            "POST",
            "/invocations",
            vec![("content-length", "99999999999999999999")],
            200,
        ),
        (
            "POST",
            "/v2/models/areas/infer",
            vec![("content-length", "101")],
            413,
        ),
        (
            "POST",
            "/v2/models/other/infer",
            vec![("content-length", "1")],
            404,
        ),
        ("GET", "/invocations", vec![], 405),
        ("GET", "/nowhere", vec![], 404),
    ] {
        match admitted(method, path, &headers) {
            Admission::Answered(answer) => assert_eq!(answer.status, status, "{path}"),
            Admission::Whole(most) => assert_eq!((status, most), (200, 100), "{path}"),
            Admission::Lines(_) => panic!("{path}"),
        }
    }
}

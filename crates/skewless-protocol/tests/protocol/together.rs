//! Requests that are scored together: each gets the bytes that it would have got alone.

use proptest::prelude::*;
use skewless_protocol::{Headers, Request, Response, Service, Settings};

use crate::bundles::{DELAYED, binary};

/// Requests that differ in what can differ: forms, rows good and bad, what is no inference at all.
fn pool() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let json = "application/json";
    let rows = |rows: &[&str]| format!(r#"{{"dataframe_records":[{}]}}"#, rows.join(","));
    let unknown = r#"{"carrier":"AA","departure":"2013-11-01T05:00","colour":"red"}"#;
    let bad = r#"{"carrier":7,"departure":"2013-11-01T05:00"}"#;
    let tensors = r#"{"id":"7","inputs":[{"name":"carrier","shape":[2],"datatype":"BYTES","data":["AA","UA"]},
        {"name":"departure","shape":[2],"datatype":"BYTES","data":["2013-11-01T05:00","soon"]}],"outputs":[{"name":"raw"}]}"#;
    vec![
        ("POST", "/invocations", json, rows(&[DELAYED])),
        (
            "POST",
            "/invocations",
            json,
            rows(&[DELAYED, bad, unknown, DELAYED]),
        ),
        ("POST", "/invocations", json, rows(&[unknown, unknown])),
        ("POST", "/invocations", json, rows(&[bad])),
        ("POST", "/invocations", json, rows(&["7", DELAYED])),
        ("POST", "/invocations", json, rows(&[])),
        ("POST", "/invocations", json, "{".to_owned()),
        ("POST", "/invocations", "text/csv", "a,b".to_owned()),
        (
            "POST",
            "/invocations",
            "application/x-ndjson",
            format!("{DELAYED}\n{bad}\n"),
        ),
        ("POST", "/v2/models/delays/infer", json, tensors.to_owned()),
        (
            "POST",
            "/v2/models/delays/versions/1.2.0/infer",
            json,
            tensors.replace("soon", "2013-11-02T23:59"),
        ),
        ("POST", "/v2/models/other/infer", json, tensors.to_owned()),
        (
            "POST",
            "/v2/models/delays/infer",
            json,
            tensors.replace("raw", "cooked"),
        ),
        ("OPTIONS", "/invocations", json, String::new()),
        ("GET", "/v2/health/ready", json, String::new()),
        ("GET", "/nowhere", json, String::new()),
    ]
}

fn service() -> Service {
    let mut settings = Settings::default();
    settings.set("cors_origins", "https://a.example").unwrap();
    settings.set("max_rows", "3").unwrap();
    binary().with_settings(settings)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn together_is_as_alone(places in prop::collection::vec(0_usize..16, 0..20), most in 0_usize..9) {
        let (service, pool) = (service(), pool());
        prop_assert_eq!(pool.len(), 16);
        let requests: Vec<Request<'_>> = places
            .iter()
            .map(|&place| {
                let (method, path, media_type, body) = &pool[place];
                let headers: Headers = [
                    ("content-type", *media_type),
                    ("origin", "https://a.example"),
                    ("access-control-request-method", "POST"),
                ]
                .into_iter()
                .collect();
                Request { method, path, headers, body: body.as_bytes() }
            })
            .collect();
        let alone: Vec<Response> = requests.iter().map(|request| service.respond(request)).collect();
        prop_assert_eq!(service.respond_all(&requests, most), alone);
    }
}

/// The pool is worth its name only where requests are answered.
#[test]
fn the_pool_has_answers_and_refusals() {
    let service = service();
    let statuses: Vec<u16> = pool()
        .iter()
        .map(|(method, path, media_type, body)| {
            let headers: Headers = [("content-type", *media_type)].into_iter().collect();
            service
                .respond(&Request {
                    method,
                    path,
                    headers,
                    body: body.as_bytes(),
                })
                .status
        })
        .collect();
    assert_eq!(
        statuses,
        [
            200, 413, 200, 400, 200, 400, 400, 415, 200, 200, 200, 404, 400, 405, 200, 404
        ]
    );
}

//! A host's state: a bundle replaced under way, one refused, and the counters.

use serde_json::Value;
use skewless_protocol::{
    Headers, Host, Observation, RefusedBundle, Request, Response, Service, Settings,
};

use crate::bundles;

fn get<'a>(path: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        path,
        headers: Headers::new(),
        body: b"",
    }
}

fn asked(host: &Host, path: &str) -> (Response, String) {
    let response = host.respond(&host.service(), &get(path));
    let text = String::from_utf8(response.body.clone()).unwrap();
    (response, text)
}

fn refused(at: &str) -> RefusedBundle {
    RefusedBundle {
        code: "bundle.digest_mismatch".to_owned(),
        message: "a part has changed".to_owned(),
        at: at.to_owned(),
    }
}

fn name(service: &Service) -> &str {
    &service.facts().name
}

#[test]
fn who_holds_a_bundle_keeps_it() {
    let host = Host::new(bundles::regression());
    let before = host.service();
    host.replace(bundles::binary());
    let after = host.service();
    assert_ne!(name(&before), name(&after));
    let response = host.respond(&before, &get("/v2/health/live"));
    assert_eq!(
        response.headers.value("x-skewless-model"),
        Some(name(&before))
    );
}

#[test]
fn a_refused_bundle_stands_in_the_body_until_another_is_taken() {
    let host = Host::new(bundles::regression());
    host.refuse_bundle(refused("noon"));
    let (response, text) = asked(&host, "/v2/health/ready");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((response.status, &body["ready"]), (200, &Value::Bool(true)));
    assert_eq!(body["refused_bundle"]["code"], "bundle.digest_mismatch");
    assert_eq!(body["refused_bundle"]["at"], "noon");
    host.replace(bundles::regression());
    assert!(!asked(&host, "/v2/health/ready").1.contains("refused"));
    host.refuse_bundle(refused("later"));
    host.forget_refused();
    assert!(!asked(&host, "/v2/health/ready").1.contains("refused"));
    let (_, metrics) = asked(&host, "/metrics");
    assert!(metrics.contains("skewless_bundle_changes_total{outcome=\"refused\"} 2"));
    assert!(metrics.contains("skewless_bundle_changes_total{outcome=\"replaced\"} 1"));
}

#[test]
fn counters_are_there_where_state_is_kept() {
    let host = Host::new(bundles::regression());
    host.observe(&Observation {
        path: "/invocations",
        status: 200,
        code: None,
        rows: 3,
        failures: &[("input.wrong_type", 1)],
        seconds: 0.25,
    });
    let (response, metrics) = asked(&host, "/metrics");
    assert!(
        response
            .headers
            .value("content-type")
            .is_some_and(|value| value.starts_with("text/plain; version=0.0.4"))
    );
    assert!(metrics.contains("skewless_requests_total{route=\"invocations\",status=\"200\"} 1\n"));
    assert!(metrics.contains("skewless_rows_total 3\n"));
    // A service alone keeps nothing.
    assert_eq!(host.service().respond(&get("/metrics")).status, 404);
}

#[test]
fn without_a_bundle_a_host_lives_and_is_not_ready() {
    for (path, status) in [
        ("/v2/health/live", 200),
        ("/v2/health/ready", 503),
        ("/ping", 503),
        ("/invocations", 503),
    ] {
        let response = unavailable(&Settings::default(), &get(path));
        assert_eq!(response.status, status, "{path}");
        if status == 503 {
            assert_eq!(
                response.headers.value("x-skewless-error"),
                Some("input.unreachable")
            );
            let text = String::from_utf8(response.body).unwrap();
            assert!(text.contains("\"code\":\"input.unreachable\""), "{text}");
        }
    }
}

fn unavailable(settings: &Settings, request: &Request<'_>) -> Response {
    skewless_protocol::unavailable(settings, request, "input.unreachable", "no answer")
}

#[test]
fn without_a_bundle_pages_of_allowed_origins_read_why() {
    let mut settings = Settings::default();
    settings.set("cors_origins", "https://a.example").unwrap();
    let from = |method, origin: &str| {
        let mut request = get("/invocations");
        request.method = method;
        request.headers.push("origin", origin);
        let asked = ("access-control-request-method", "POST");
        if method == "OPTIONS" {
            request.headers.push(asked.0, asked.1);
        }
        unavailable(&settings, &request)
    };
    let allowed = |response: &Response| {
        let origin = response.headers.value("access-control-allow-origin");
        origin.map(str::to_owned)
    };
    let answer = from("POST", "https://a.example");
    assert_eq!(answer.status, 503);
    assert_eq!(allowed(&answer).as_deref(), Some("https://a.example"));
    let preflight = from("OPTIONS", "https://a.example");
    assert_eq!(preflight.status, 204);
    assert_eq!(allowed(&preflight).as_deref(), Some("https://a.example"));
    assert_eq!(from("OPTIONS", "https://b.example").status, 403);
    assert_eq!(allowed(&from("POST", "https://b.example")), None);
    let head = from("HEAD", "https://a.example");
    assert_eq!((head.status, head.body.len()), (503, 0));
}

#[test]
fn what_a_door_refuses_itself_is_signed_as_other_refusals() {
    let mut settings = Settings::default();
    settings.set("cors_origins", "*").unwrap();
    let service = bundles::binary().with_settings(settings);
    for path in ["/v2/models/m/infer", "/invocations"] {
        let mut request = get(path);
        request.headers.push("origin", "https://a.example");
        let refused = service.refuse_told(&request, 500, "internal.trap", "it stopped");
        let known = service.refuse(
            &request,
            &skewless_core::Error::internal("internal.trap", "it stopped"),
        );
        assert_eq!(refused.status, 500);
        assert_eq!(
            (&refused.headers, &refused.body),
            (&known.headers, &known.body),
            "{path}"
        );
    }
}

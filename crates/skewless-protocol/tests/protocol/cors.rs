//! CORS: what browsers are told, for any origin, for some and for none.

use skewless_protocol::{Admission, Headers, Request, Response, Service, Settings};

use crate::bundles;

fn service(origins: &str) -> Service {
    let mut settings = Settings::default();
    settings.set("cors_origins", origins).unwrap();
    settings.set("cors_max_age", "60").unwrap();
    bundles::regression().with_settings(settings)
}

fn asked(method: &'static str, path: &'static str, headers: &[(&str, &str)]) -> Request<'static> {
    Request {
        method,
        path,
        headers: headers.iter().copied().collect(),
        body: b"",
    }
}

const PREFLIGHT: (&str, &str) = ("access-control-request-method", "POST");

fn allowed(response: &Response) -> (u16, Option<&str>, Option<&str>) {
    let value = |name| response.headers.value(name);
    (
        response.status,
        value("access-control-allow-origin"),
        value("vary"),
    )
}

#[test]
fn any_origin() {
    let service = service("*");
    let origin = ("origin", "https://page.example");
    let preflight = asked("OPTIONS", "/invocations", &[origin, PREFLIGHT]);
    let response = service.respond(&preflight);
    assert_eq!(allowed(&response), (204, Some("*"), None));
    assert_eq!(
        response.headers.value("access-control-allow-methods"),
        Some("GET, HEAD, POST")
    );
    assert!(
        response
            .headers
            .value("access-control-allow-headers")
            .is_some_and(|names| names.contains("content-type"))
    );
    assert_eq!(response.headers.value("access-control-max-age"), Some("60"));
    let Admission::Answered(told) = service.admit(&preflight) else {
        panic!("a preflight has no body")
    };
    assert_eq!(told, response);
    // Refusals can be read by the page too.
    let refused = service.respond(&asked("GET", "/nowhere", &[origin]));
    assert_eq!(allowed(&refused), (404, Some("*"), None));
    assert!(
        refused
            .headers
            .value("access-control-expose-headers")
            .is_some_and(|names| names.contains("x-skewless-error"))
    );
}

#[test]
fn some_origins() {
    let service = service("https://a.example, https://b.example:8443");
    let of = |origin| [("origin", origin), PREFLIGHT];
    let known = asked("OPTIONS", "/invocations", &of("https://b.example:8443"));
    assert_eq!(
        allowed(&service.respond(&known)),
        (204, Some("https://b.example:8443"), Some("origin"))
    );
    let other = asked("OPTIONS", "/invocations", &of("https://b.example"));
    let response = service.respond(&other);
    assert_eq!(allowed(&response), (403, None, Some("origin")));
    assert_eq!(response.code, Some("request.origin_not_allowed"));
    // Whoever is no page of a known origin is answered, and told nothing.
    let plain = asked("GET", "/ping", &[("origin", "https://c.example")]);
    assert_eq!(
        allowed(&service.respond(&plain)),
        (200, None, Some("origin"))
    );
}

#[test]
fn no_origin() {
    let service = bundles::regression();
    let headers: Headers = [("origin", "https://a.example"), PREFLIGHT]
        .into_iter()
        .collect();
    let response = service.respond(&Request {
        method: "OPTIONS",
        path: "/invocations",
        headers,
        body: b"",
    });
    assert_eq!(allowed(&response), (405, None, None));
}

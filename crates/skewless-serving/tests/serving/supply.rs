//! A bundle replaced under way: from a file and from a web server, good ones and bad ones.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use skewless_protocol::{Headers, Request, Response, Service};
use skewless_serving::{Config, Door, Location, Source, Supply};

use crate::bundles::{RECORDS, body, bundle, engine};
use crate::server::Server;

pub(crate) fn ask(supply: &Supply, service: &Service, path: &str, body: &str) -> Response {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let headers: Headers = [("content-type", "application/json")].into_iter().collect();
    let request = Request {
        method,
        path,
        headers,
        body: body.as_bytes(),
    };
    supply.host().respond(service, &request)
}

pub(crate) fn text(supply: &Supply, path: &str) -> String {
    let response = ask(supply, &supply.host().service(), path, "");
    String::from_utf8(response.body).unwrap()
}

async fn open(location: &str) -> Supply {
    let mut config = Config::new(Door::Serve);
    config.bundle = Location::parse(location).unwrap();
    // Every check is due at once.
    config.check = Some(Duration::ZERO);
    let source = Source::new(&config.bundle, &[]).unwrap();
    let fetched = source.read(None).await.unwrap().unwrap();
    Supply::open(&config, source, fetched, engine, None).unwrap()
}

fn version(supply: &Supply) -> String {
    supply.host().service().facts().version.clone()
}

fn readiness(supply: &Supply) -> Value {
    serde_json::from_str(&text(supply, "/v2/health/ready")).unwrap()
}

#[tokio::test]
async fn a_new_bundle_takes_the_next_requests_and_what_is_under_way_keeps_the_old_one() {
    let server = Server::start(bundle("1.0.0", 0.1), Some("\"a\""));
    let supply = open(&server.url()).await;
    let under_way = supply.host().service();
    server.change(|held| (held.bytes, held.tag) = (bundle("2.0.0", 0.2), Some("\"b\"".into())));
    supply.check().await;
    let old = ask(&supply, &under_way, "/invocations", &body(&RECORDS));
    let new = ask(
        &supply,
        &supply.host().service(),
        "/invocations",
        &body(&RECORDS),
    );
    assert_eq!(old.headers.value("x-skewless-version"), Some("1.0.0"));
    assert_eq!(new.headers.value("x-skewless-version"), Some("2.0.0"));
    assert_ne!(old.body, new.body);
    assert_eq!(supply.bytes(), bundle("2.0.0", 0.2));
    assert!(
        text(&supply, "/metrics")
            .contains("skewless_bundle_changes_total{outcome=\"replaced\"} 1\n")
    );
}

#[tokio::test]
async fn an_address_is_asked_as_it_is_written_and_its_query_is_told_to_nobody() {
    let server = Server::start(bundle("1.0.0", 0.1), None);
    server.change(|held| held.chunked = true);
    let supply = open(&format!("{}?X-Amz-Signature=s3cret", server.url())).await;
    assert_eq!(version(&supply), "1.0.0");
    assert_eq!(server.target(), "/models/delays.skw?X-Amz-Signature=s3cret");
    server.change(|held| held.status = Some(403));
    supply.check().await;
    let told = readiness(&supply)["refused_bundle"].to_string();
    assert!(
        told.contains("403") && told.contains("delays.skw"),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn people_are_told_what_an_input_is() {
    let server = Server::start(bundle("1.0.0", 0.1), None);
    let supply = open(&server.url()).await;
    let document: Value = serde_json::from_str(&text(&supply, "/openapi.json")).unwrap();
    let wind = &document["components"]["schemas"]["Record"]["properties"]["wind"];
    assert_eq!(
        wind["description"], "Gusts at the airport. Unit: kn.",
        "{document}"
    );
}

#[tokio::test]
async fn an_unchanged_tag_is_read_once() {
    let server = Server::start(bundle("1.0.0", 0.1), Some("\"a\""));
    let supply = open(&server.url()).await;
    for _ in 0..3 {
        supply.check().await;
    }
    assert_eq!((server.sent(), version(&supply).as_str()), (1, "1.0.0"));
}

#[tokio::test]
async fn without_tags_the_content_tells() {
    let server = Server::start(bundle("1.0.0", 0.1), None);
    let supply = open(&server.url()).await;
    supply.check().await;
    assert_eq!(version(&supply), "1.0.0");
    assert!(
        text(&supply, "/metrics")
            .contains("skewless_bundle_changes_total{outcome=\"replaced\"} 0\n")
    );
    server.change(|held| held.bytes = bundle("2.0.0", 0.1));
    supply.check().await;
    assert_eq!(version(&supply), "2.0.0");
}

#[tokio::test]
async fn a_bad_new_bundle_never_serves() {
    let good = bundle("1.0.0", 0.1);
    let mut flipped = bundle("2.0.0", 0.2);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (bad, code) in [
        (b"<html>404</html>".to_vec(), "bundle.not_a_bundle"),
        (good[..good.len() / 2].to_vec(), "bundle."),
        (flipped, "bundle."),
        (Vec::new(), "bundle."),
    ] {
        let server = Server::start(good.clone(), Some("\"a\""));
        let supply = open(&server.url()).await;
        server.change(|held| (held.bytes, held.tag) = (bad, Some("\"b\"".into())));
        supply.check().await;
        assert_eq!(version(&supply), "1.0.0");
        let ready = readiness(&supply);
        let refused = ready["refused_bundle"]["code"].as_str().unwrap();
        assert!(refused.starts_with(code), "{ready}");
        assert_eq!(ready["ready"], true);
        // It is not read again until its tag changes.
        supply.check().await;
        assert_eq!(server.sent(), 2);
        server.change(|held| (held.bytes, held.tag) = (bundle("3.0.0", 0.3), Some("\"c\"".into())));
        supply.check().await;
        assert_eq!(version(&supply), "3.0.0");
        assert!(readiness(&supply)["refused_bundle"].is_null());
    }
}

#[tokio::test]
async fn a_place_that_is_gone_leaves_the_bundle_serving() {
    let server = Server::start(bundle("1.0.0", 0.1), Some("\"a\""));
    let supply = open(&server.url()).await;
    server.change(|held| held.status = Some(404));
    supply.check().await;
    let ready = readiness(&supply);
    assert_eq!(ready["refused_bundle"]["code"], "input.unreachable");
    let answer = ask(
        &supply,
        &supply.host().service(),
        "/invocations",
        &body(&RECORDS),
    );
    assert_eq!(answer.status, 200);
    server.change(|held| held.status = None);
    supply.check().await;
    assert!(readiness(&supply)["refused_bundle"].is_null());
}

#[tokio::test]
async fn a_place_that_is_gone_at_the_start_is_a_coded_error() {
    let server = Server::start(Vec::new(), None);
    server.change(|held| held.status = Some(403));
    for location in [server.url(), "http://127.0.0.1:1/b.skw".to_owned()] {
        let source = Source::new(&Location::parse(&location).unwrap(), &[]).unwrap();
        let error = source.read(None).await.unwrap_err();
        assert_eq!(error.code(), "input.unreachable", "{error}");
        assert!(error.message().contains(&location), "{error}");
    }
    let source = Source::new(
        &Location::parse("none.skw").unwrap(),
        &[PathBuf::from("/here"), PathBuf::from("/there")],
    );
    let error = source.unwrap().read_local().unwrap().unwrap_err();
    assert_eq!(error.code(), "bundle.unreadable");
    assert!(
        error
            .message()
            .contains("/here/none.skw or /there/none.skw"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("delays.skw");
    std::fs::write(&path, bundle("1.0.0", 0.1)).unwrap();
    let supply = open(path.to_str().unwrap()).await;
    let next = folder.path().join("next");
    std::fs::write(&next, bundle("2.0.0", 0.1)).unwrap();
    std::fs::rename(&next, &path).unwrap();
    supply.check().await;
    assert_eq!(version(&supply), "2.0.0");
    std::fs::remove_file(&path).unwrap();
    supply.check().await;
    assert_eq!(
        readiness(&supply)["refused_bundle"]["code"],
        "bundle.unreadable"
    );
    assert_eq!(version(&supply), "2.0.0");
}

#[tokio::test]
async fn values_are_counted_over_bundles() {
    let server = Server::start(bundle("1.0.0", 0.1), Some("\"a\""));
    let supply = open(&server.url()).await;
    ask(
        &supply,
        &supply.host().service(),
        "/invocations",
        &body(&RECORDS),
    );
    server.change(|held| (held.bytes, held.tag) = (bundle("2.0.0", 0.2), Some("\"b\"".into())));
    supply.check().await;
    ask(
        &supply,
        &supply.host().service(),
        "/invocations",
        &body(&RECORDS),
    );
    let metrics = text(&supply, "/metrics");
    for line in [
        "skewless_input_missing_total{input=\"wind\"} 2",
        "skewless_input_unseen_total{input=\"carrier\"} 0",
        "skewless_input_missing_total{input=\"carrier\"} 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    let unseen = r#"{"carrier":"QQ","stops":1}"#;
    ask(
        &supply,
        &supply.host().service(),
        "/invocations",
        &body(&[unseen]),
    );
    let metrics = text(&supply, "/metrics");
    assert!(
        metrics.contains("skewless_input_unseen_total{input=\"carrier\"} 1\n"),
        "{metrics}"
    );
    let age = metrics
        .lines()
        .find_map(|line| line.strip_prefix("skewless_bundle_age_seconds "));
    assert!(age.unwrap().parse::<f64>().unwrap() > 0.0);
}

//! The events that `aws_lambda_events` ships for the sources that are answered: each is read, and answered in its source's
//! form. They are read from that crate's sources, as cargo has them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use skewless_lambda::{Answer, Function};
use skewless_serving::config::Arguments;
use skewless_serving::{Config, Door};

/// What becomes of a fixture.
#[derive(Clone, Copy, Debug)]
enum Becomes {
    /// An HTTP response: its status, and the code of its refusal where it is one.
    Response(i64, Option<&'static str>),
    /// The function's error of this code: another service's event, or none at all.
    Error(&'static str),
    /// A partial failure of all these messages, because no message holds a record of flights.
    Failed(&'static [&'static str]),
    /// A schedule's answer.
    Healthy,
}
use Becomes::{Error, Failed, Healthy, Response};

/// Names that begin so are of sources that are answered.
const SOURCES: [&str; 5] = ["alb-", "apigw-", "eventbridge-", "kinesis-event", "sqs-"];
/// And of S3, those of notifications; Object Lambda is another service.
const S3: &str = "s3-event";

const UNKNOWN_PATH: Becomes = Response(404, Some("request.unknown_path"));

const TABLE: &[(&str, Becomes)] = &[
    ("alb-lambda-target-request-headers-only", UNKNOWN_PATH),
    ("alb-lambda-target-request-multivalue-headers", UNKNOWN_PATH),
    ("alb-lambda-target-response", Error("input.missing_field")),
    ("apigw-console-request", UNKNOWN_PATH),
    ("apigw-console-test-request", UNKNOWN_PATH),
    ("apigw-custom-auth-request", Error("input.missing_field")),
    (
        "apigw-custom-auth-request-type-request",
        Error("unsupported.event"),
    ),
    ("apigw-custom-auth-response", Error("input.missing_field")),
    (
        "apigw-custom-auth-response-with-condition",
        Error("input.missing_field"),
    ),
    (
        "apigw-custom-auth-response-with-single-value-action",
        Error("input.missing_field"),
    ),
    (
        "apigw-custom-auth-response-with-single-value-resource",
        Error("input.missing_field"),
    ),
    ("apigw-request", UNKNOWN_PATH),
    ("apigw-request-catch-all", UNKNOWN_PATH),
    ("apigw-request-multi-value-parameters", UNKNOWN_PATH),
    ("apigw-response", Error("input.missing_field")),
    ("apigw-restapi-openapi-request", UNKNOWN_PATH),
    ("apigw-sam-http-request", UNKNOWN_PATH),
    ("apigw-sam-rest-request", UNKNOWN_PATH),
    (
        "apigw-v2-custom-authorizer-v1-request",
        Error("unsupported.event"),
    ),
    (
        "apigw-v2-custom-authorizer-v2-request",
        Error("unsupported.event"),
    ),
    (
        "apigw-v2-custom-authorizer-v2-request-null-maps",
        Error("unsupported.event"),
    ),
    (
        "apigw-v2-custom-authorizer-v2-request-without-cookies",
        Error("unsupported.event"),
    ),
    (
        "apigw-v2-custom-authorizer-v2-request-without-identity-source",
        Error("unsupported.event"),
    ),
    (
        "apigw-v2-custom-authorizer-websocket-request",
        Error("unsupported.event"),
    ),
    ("apigw-v2-request-iam", UNKNOWN_PATH),
    ("apigw-v2-request-jwt-authorizer", UNKNOWN_PATH),
    ("apigw-v2-request-lambda-authorizer", UNKNOWN_PATH),
    ("apigw-v2-request-multi-value-parameters", UNKNOWN_PATH),
    ("apigw-v2-request-no-authorizer", UNKNOWN_PATH),
    ("apigw-websocket-request", Error("unsupported.event")),
    (
        "apigw-websocket-request-disconnect-route",
        Error("unsupported.event"),
    ),
    (
        "apigw-websocket-request-without-method",
        Error("unsupported.event"),
    ),
    ("eventbridge-event-obj", Error("unsupported.event")),
    ("eventbridge-schedule", Healthy),
    (
        "kinesis-event",
        Failed(&[
            "49568167373333333333333333333333333333333333333333333333",
            "49568167373333333334444444444444444444444444444444444444",
        ]),
    ),
    ("kinesis-event-encrypted", Failed(&[])),
    ("s3-event", Error("table.unknown_format")),
    ("s3-event-with-decoded", Error("table.unknown_format")),
    ("sqs-api-event-obj", Error("input.missing_field")),
    ("sqs-batch-response", Error("input.missing_field")),
    ("sqs-event", Failed(&["MessageID_1"])),
    ("sqs-event-obj", Failed(&[])),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of the crate's fixtures, which cargo tells.
fn folder() -> PathBuf {
    let said = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    // Packages of other platforms need not be there.
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
        ])
        .arg(host.unwrap())
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let events = packages
        .iter()
        .find(|package| package["name"] == "aws_lambda_events");
    let manifest = Path::new(events.unwrap()["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("src/fixtures")
}

fn shipped() -> BTreeSet<String> {
    let names = std::fs::read_dir(folder()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        Some(
            name.strip_prefix("example-")?
                .strip_suffix(".json")?
                .to_owned(),
        )
    });
    names
        .filter(|name| {
            SOURCES.iter().any(|source| name.starts_with(source)) || name.starts_with(S3)
        })
        .collect()
}

#[test]
fn every_fixture_of_these_sources_is_in_the_table() {
    let listed: BTreeSet<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(shipped(), listed);
}

#[tokio::test]
async fn every_fixture_is_answered_in_its_form() {
    let folder = folder();
    let variables = [
        ("SKEWLESS_BUNDLE", "models/flights/flights.skw"),
        ("SKEWLESS_OUTPUT", "s3://predictions/of-events"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::resolve(Door::Lambda, variables, &Arguments::default()).unwrap();
    let function = Function::open(&config, &[root()]).await.unwrap();
    let mut wrong = Vec::new();
    for (name, becomes) in TABLE {
        let event = std::fs::read_to_string(folder.join(format!("example-{name}.json"))).unwrap();
        let invocation = function.invoke(&event, "r-1").await;
        let answer = invocation.outcome.map(|answer| match answer {
            Answer::Whole(value) => value,
            Answer::Streamed(_) => json!("a stream"),
        });
        let is_right = match (*becomes, &answer) {
            (Response(status, code), Ok(answer)) => {
                answer["statusCode"] == status && invocation.ended.code == code
            }
            (Error(code), Err(error)) => error.code() == code,
            (Failed(ids), Ok(answer)) => {
                failed(answer) == ids.to_vec() || ids.is_empty() && !failed(answer).is_empty()
            }
            (Healthy, Ok(answer)) => answer["ready"] == true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name}: {becomes:?}, and not {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn failed(answer: &Value) -> Vec<&str> {
    let list = answer["batchItemFailures"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    list.iter()
        .filter_map(|failure| failure["itemIdentifier"].as_str())
        .collect()
}

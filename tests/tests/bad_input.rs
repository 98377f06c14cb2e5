//! Bad input gives the same code on every native door: the cases of `bad_inputs.json`, which the JavaScript doors read
//! too, through the core, the HTTP protocol and the Lambda function.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use skewless_core::{Bundle, Predictor, Record};
use skewless_lambda::{Answer, Function};
use skewless_protocol::{Headers, Request, Service};
use skewless_serving::{Config, Door, Location};

struct Case {
    name: String,
    code: String,
    record: Option<Json>,
    body: Option<String>,
}

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(at("bad_inputs.json")).unwrap();
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    let cases: Vec<Case> = cases
        .into_iter()
        .map(|case| Case {
            name: case["name"].as_str().unwrap().to_owned(),
            code: case["code"].as_str().unwrap().to_owned(),
            record: case.get("record").cloned(),
            body: case.get("body").and_then(Json::as_str).map(str::to_owned),
        })
        .collect();
    assert!(
        cases.iter().any(|case| case.record.is_some())
            && cases.iter().any(|case| case.body.is_some())
    );
    cases
}

fn bundle() -> Vec<u8> {
    std::fs::read(at("../models/flights/flights.skw")).unwrap()
}

fn good() -> Json {
    let text = std::fs::read_to_string(at("../models/flights/sample.jsonl")).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn the_core_names_each_fault() {
    let predictor = Predictor::new(&Bundle::from_bytes(&bundle()).unwrap()).unwrap();
    for case in cases() {
        let Some(record) = case.record else { continue };
        let record = Record::from_json(&record.to_string()).unwrap();
        let error = predictor.predict(&record).unwrap_err();
        assert_eq!(error.code(), case.code, "{}: {error}", case.name);
        assert!(
            error.field().is_some(),
            "{}: no field in {error}",
            case.name
        );
        let field = error.field().unwrap();
        assert!(
            error.message().contains(field),
            "{}: {error} does not name {field}",
            case.name
        );
    }
}

#[test]
fn http_gives_the_same_codes_and_loses_no_good_row() {
    let service = Service::new(&Bundle::from_bytes(&bundle()).unwrap()).unwrap();
    for case in cases() {
        let alone = case
            .body
            .clone()
            .unwrap_or_else(|| json!({"dataframe_records": [case.record]}).to_string());
        let (status, answer) = post(&service, &alone);
        assert!(
            (400..500).contains(&status),
            "{}: status {status}",
            case.name
        );
        assert_eq!(
            answer["error"]["code"], case.code,
            "{}: {answer}",
            case.name
        );
        let Some(record) = case.record else { continue };
        let among = json!({"dataframe_records": [good(), record, good()]}).to_string();
        let (status, answer) = post(&service, &among);
        assert_eq!(status, 200, "{}: {answer}", case.name);
        let predictions = answer["predictions"].as_array().unwrap();
        assert_eq!(
            predictions[1]["error"]["code"], case.code,
            "{}: {answer}",
            case.name
        );
        assert_eq!(predictions[1]["error"]["row"], 1);
        assert!(
            predictions[0]["probability"].is_number() && predictions[0] == predictions[2],
            "{}",
            case.name
        );
    }
}

fn post(service: &Service, body: &str) -> (u16, Json) {
    let mut headers = Headers::new();
    headers.push("content-type", "application/json");
    let request = Request {
        method: "POST",
        path: "/invocations",
        headers,
        body: body.as_bytes(),
    };
    let response = service.respond(&request);
    (
        response.status,
        serde_json::from_slice(&response.body).unwrap(),
    )
}

#[tokio::test]
async fn lambda_gives_the_same_codes() {
    let mut config = Config::new(Door::Lambda);
    config.bundle = Location::Path(at("../models/flights/flights.skw"));
    let function = Function::open(&config, &[]).await.unwrap();
    for case in cases() {
        let Some(record) = case.record else { continue };
        let list = json!([good(), record]).to_string();
        let Ok(Answer::Whole(answer)) = function.invoke(&list, "r-1").await.outcome else {
            unreachable!("{}", case.name);
        };
        assert_eq!(
            answer[1]["error"]["code"], case.code,
            "{}: {answer}",
            case.name
        );
        assert!(answer[0]["probability"].is_number(), "{}", case.name);
    }
}

//! The function on the sample events of each source, over the committed flights bundle.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use skewless_lambda::{Config, Function, Invocation, Measured, Source, metrics_line};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn function() -> Function {
    let bundle = (
        "SKEWLESS_BUNDLE".to_owned(),
        "models/flights/flights.skw".to_owned(),
    );
    Function::load(&Config::from_variables([bundle]).unwrap(), &[root()]).unwrap()
}

fn event(name: &str) -> String {
    std::fs::read_to_string(root().join("lambda/events").join(name)).unwrap()
}

/// The answers that the two sample records get directly.
fn predictions(function: &Function) -> [Value; 2] {
    let answer = function.invoke(&event("records.json")).outcome.unwrap();
    [answer[0].clone(), answer[1].clone()]
}

fn body(invocation: &Invocation) -> Value {
    let response = invocation.outcome.as_ref().unwrap();
    serde_json::from_str(response["body"].as_str().unwrap()).unwrap()
}

#[test]
fn a_record_is_answered_with_a_prediction() {
    let function = function();
    let invocation = function.invoke(&event("record.json"));
    let answer = invocation.outcome.as_ref().unwrap();
    assert!(
        ["on_time", "late"].contains(&answer["label"].as_str().unwrap()),
        "{answer}"
    );
    let probability = answer["probability"].as_f64().unwrap();
    assert!(probability > 0.0 && probability < 1.0 && answer["raw"].is_f64());
    assert_eq!(*answer, predictions(&function)[0]);
    assert_eq!(
        (invocation.source, invocation.code),
        (Some(Source::Direct), None)
    );
    assert_eq!((invocation.tally.rows, invocation.tally.failures), (1, 0));
}

#[test]
fn a_bad_record_in_a_list_has_its_error_in_its_place() {
    let invocation = function().invoke(&event("records.json"));
    let answer = invocation.outcome.as_ref().unwrap();
    assert_eq!(answer.as_array().map(Vec::len), Some(3));
    assert_ne!(answer[0]["raw"], answer[1]["raw"]);
    let error = &answer[2]["error"];
    assert_eq!(
        (&error["code"], &error["field"], &error["row"]),
        (&json!("input.wrong_type"), &json!("distance"), &json!(2))
    );
    assert_eq!(
        (
            invocation.tally.rows,
            invocation.tally.failures,
            invocation.code
        ),
        (3, 1, None)
    );
}

#[test]
fn api_gateway_v1_gets_open_inference() {
    let function = function();
    let invocation = function.invoke(&event("apigw-v1.json"));
    let response = invocation.outcome.as_ref().unwrap();
    assert_eq!(
        (&response["statusCode"], &response["isBase64Encoded"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(
        response["headers"]["x-skewless-digest"],
        json!(function.facts().digest)
    );
    let body = body(&invocation);
    assert_eq!(
        (&body["id"], &body["model_name"]),
        (&json!("42"), &json!("flights"))
    );
    let expected = predictions(&function);
    assert_eq!(
        body["outputs"][0]["data"],
        json!([expected[0]["label"], expected[1]["label"]])
    );
    assert_eq!(
        body["outputs"][2]["data"],
        json!([expected[0]["raw"], expected[1]["raw"]])
    );
    assert_eq!(
        (invocation.source, invocation.tally.rows),
        (Some(Source::ApiGatewayV1), 2)
    );
}

#[test]
fn json_lines_are_answered_by_lines_within_the_configured_limits() {
    let function = function();
    let mut asked: Value = serde_json::from_str(&event("apigw-v2.json")).unwrap();
    let records: Value = serde_json::from_str(&event("records.json")).unwrap();
    let lines: Vec<String> = records
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    asked["headers"]["content-type"] = json!("application/x-ndjson");
    asked["body"] = json!(lines.join("\n"));
    asked["isBase64Encoded"] = json!(false);
    let invocation = function.invoke(&asked.to_string());
    let response = invocation.outcome.as_ref().unwrap();
    let answers: Vec<Value> = response["body"]
        .as_str()
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers[..2], predictions(&function));
    assert_eq!(answers[2]["error"]["code"], "input.wrong_type");
    assert_eq!((invocation.tally.rows, invocation.tally.failures), (3, 1));
    let variables = [
        ("SKEWLESS_BUNDLE", "models/flights/flights.skw"),
        ("SKEWLESS_MAX_ROWS", "2"),
    ];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let strict = Function::load(&Config::from_variables(variables).unwrap(), &[root()]).unwrap();
    let refused = strict.invoke(&asked.to_string());
    assert_eq!(refused.code, Some("input.too_many_rows"));
    assert_eq!(refused.outcome.unwrap()["statusCode"], 413);
}

#[test]
fn api_gateway_v2_and_function_urls_get_invocations() {
    let function = function();
    for name in ["apigw-v2.json", "function-url.json"] {
        let invocation = function.invoke(&event(name));
        let response = invocation.outcome.as_ref().unwrap();
        assert_eq!(
            (&response["statusCode"], &response["cookies"]),
            (&json!(200), &json!([])),
            "{name}"
        );
        assert_eq!(response["headers"]["content-type"], "application/json");
        assert_eq!(
            body(&invocation),
            json!({"predictions": predictions(&function)}),
            "{name}"
        );
        assert_eq!(invocation.source, Some(Source::ApiGatewayV2));
    }
}

#[test]
fn a_load_balancer_gets_its_health_check() {
    let invocation = function().invoke(&event("alb.json"));
    let response = invocation.outcome.as_ref().unwrap();
    assert_eq!(
        (&response["statusCode"], &response["statusDescription"]),
        (&json!(200), &json!("200 OK"))
    );
    assert_eq!(
        response["multiValueHeaders"]["x-skewless-model"],
        json!(["flights"])
    );
    assert_eq!(invocation.source, Some(Source::Alb));
}

#[test]
fn a_refusal_over_http_is_an_answer_and_directly_the_functions_error() {
    let function = function();
    for (body, base64, status, code) in [
        (json!("{"), false, 400, "input.invalid_json"),
        (json!("{"), true, 400, "request.invalid_base64"),
        (
            json!(r#"{"instances":[{}]}"#),
            false,
            400,
            "input.missing_field",
        ),
        (Value::Null, false, 400, "input.invalid_json"),
    ] {
        let mut event: Value = serde_json::from_str(&event("function-url.json")).unwrap();
        event["body"] = body;
        event["isBase64Encoded"] = json!(base64);
        let invocation = function.invoke(&event.to_string());
        assert_eq!(invocation.code, Some(code));
        let response = invocation.outcome.unwrap();
        assert_eq!(
            (
                &response["statusCode"],
                &response["headers"]["x-skewless-error"]
            ),
            (&json!(status), &json!(code))
        );
    }
    for (event, code, rows) in [
        ("{", "input.invalid_json", 1),
        ("7", "input.not_an_object", 1),
        ("{}", "input.missing_field", 1),
        ("[]", "input.empty_batch", 0),
        (r#"{"Records":[]}"#, "unsupported.event", 0),
        (
            r#"{"httpMethod":"GET","requestContext":{"httpMethod":7}}"#,
            "request.invalid_event",
            0,
        ),
    ] {
        let invocation = function.invoke(event);
        assert_eq!(invocation.outcome.unwrap_err().code(), code, "{event}");
        assert_eq!(
            (invocation.code, invocation.tally.rows),
            (Some(code), rows),
            "{event}"
        );
    }
}

#[test]
fn a_damaged_bundle_fails_initialisation() {
    let bytes = std::fs::read(root().join("models/flights/flights.skw")).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [&bytes[..bytes.len() - 1], &flipped, b"".as_slice()] {
        let code = Function::from_bytes(damaged).err().unwrap().code();
        assert!(code.starts_with("bundle."), "{code}");
    }
}

#[test]
fn the_metrics_line_names_what_it_declares() {
    let function = function();
    let first = function.invoke(&event("records.json"));
    let second = function.invoke("{}");
    let measured = Measured {
        request_id: "r-1",
        timestamp: 1_383_296_400_000,
        latency: Duration::from_micros(1500),
    };
    let line = metrics_line("Skewless", function.facts(), &first, measured);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    for metric in directive["Metrics"].as_array().unwrap() {
        assert!(
            line[metric["Name"].as_str().unwrap()].is_number(),
            "{metric}"
        );
    }
    for dimension in directive["Dimensions"][0].as_array().unwrap() {
        assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
    }
    let figures = ["Rows", "Failures", "Refused", "ColdStart", "Latency"]
        .map(|name| line[name].as_f64().unwrap());
    assert_eq!(figures, [3.0, 1.0, 0.0, 1.0, 1.5]);
    assert_eq!(
        (&line["_aws"]["Timestamp"], &line["RequestId"]),
        (&json!(1_383_296_400_000_u64), &json!("r-1"))
    );
    let line = metrics_line("Skewless", function.facts(), &second, measured);
    assert_eq!(
        (&line["Refused"], &line["ColdStart"]),
        (&json!(1), &json!(0))
    );
}

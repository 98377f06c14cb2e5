//! The function on the sample events of each source, over the committed flights bundle.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use skewless_core::Result;
use skewless_lambda::{Answer, Function, Invocation, Measured, Metrics, Source};
use skewless_protocol::Tally;
use skewless_serving::config::Arguments;
use skewless_serving::{Config, Door};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A function under test, called as from a program without a runtime of its own.
struct Tested(Function);

/// An invocation with its answer.
struct Invoked {
    outcome: Result<Value>,
    source: Option<Source>,
    tally: Tally,
    code: Option<&'static str>,
    whole: Invocation,
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

impl Tested {
    fn new(variables: &[(&str, &str)]) -> Self {
        let bundle = ("SKEWLESS_BUNDLE", "models/flights/flights.skw");
        let all = std::iter::once(&bundle).chain(variables);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::resolve(Door::Lambda, all, &Arguments::default()).unwrap();
        Self(wait(Function::open(&config, &[root()])).unwrap())
    }

    fn invoke(&self, event: &str) -> Invoked {
        let mut invocation = wait(self.0.invoke(event, "r-1"));
        let unread = Ok(Answer::Whole(Value::Null));
        let outcome = std::mem::replace(&mut invocation.outcome, unread);
        Invoked {
            outcome: outcome.map(whole),
            source: invocation.source,
            tally: invocation.ended.tally,
            code: invocation.ended.code,
            whole: invocation,
        }
    }
}

/// The answer, of a stream its status, headers and all of its body.
fn whole(answer: Answer) -> Value {
    match answer {
        Answer::Whole(value) => value,
        Answer::Streamed(mut streamed) => {
            let headers: Vec<(String, String)> = streamed
                .headers()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let mut body = Vec::new();
            while let Some(piece) = streamed.next_piece() {
                assert!(!piece.is_empty());
                body.extend(piece);
            }
            let tally = streamed.ended().tally;
            json!({
                "status": streamed.status(),
                "headers": headers.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                "body": String::from_utf8(body).unwrap(),
                "rows": tally.rows,
                "failures": tally.failures,
                "code": streamed.ended().code,
            })
        }
    }
}

fn function() -> Tested {
    Tested::new(&[])
}

fn event(name: &str) -> String {
    std::fs::read_to_string(root().join("lambda/events").join(name)).unwrap()
}

/// The answers that the two sample records get directly.
fn predictions(function: &Tested) -> [Value; 2] {
    let answer = function.invoke(&event("records.json")).outcome.unwrap();
    [answer[0].clone(), answer[1].clone()]
}

fn body(invocation: &Invoked) -> Value {
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
        json!(function.0.facts().digest)
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
    let strict = Tested::new(&[("SKEWLESS_MAX_ROWS", "2")]);
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
            r#"{"inputs":[{"name":"carrier"}]}"#,
            "request.invalid_shape",
            0,
        ),
        (
            r#"{"Records":[{"eventSource":"aws:sqs"}]}"#,
            "config.missing_value",
            0,
        ),
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.skw");
    for damaged in [&bytes[..bytes.len() - 1], &flipped, b"".as_slice()] {
        std::fs::write(&path, damaged).unwrap();
        let mut config = Config::new(Door::Lambda);
        config.bundle = skewless_serving::Location::Path(path.clone());
        let error = wait(Function::open(&config, &[])).err().unwrap();
        assert!(error.code().starts_with("bundle."), "{error}");
    }
}

#[test]
fn an_open_inference_request_is_answered_directly() {
    let function = function();
    let records: Value = serde_json::from_str(&event("records.json")).unwrap();
    let fields = records[0].as_object().unwrap();
    let tensors: Vec<Value> = fields
        .iter()
        .map(|(name, value)| {
            let datatype = if value.is_string() { "BYTES" } else { "FP64" };
            json!({"name": name, "shape": [1], "datatype": datatype, "data": [value]})
        })
        .collect();
    let asked = json!({"id": "7", "inputs": tensors});
    let invocation = function.invoke(&asked.to_string());
    let answer = invocation.outcome.unwrap();
    let expected = &predictions(&function)[0];
    assert_eq!(
        (&answer["id"], &answer["model_name"]),
        (&json!("7"), &json!("flights"))
    );
    assert_eq!(answer["outputs"][0]["data"], json!([expected["label"]]));
    assert_eq!(answer["outputs"][2]["data"], json!([expected["raw"]]));
    assert_eq!(
        (invocation.source, invocation.tally.rows),
        (Some(Source::Direct), 1)
    );
    let mut bad = asked;
    bad["inputs"][0]["data"] = json!([[]]);
    let invocation = function.invoke(&bad.to_string());
    assert!(invocation.outcome.unwrap_err().code().starts_with("input."));
}

#[test]
fn a_function_url_is_answered_as_a_stream_where_that_is_configured() {
    let (plain, streaming) = (function(), Tested::new(&[("SKEWLESS_STREAM", "true")]));
    let mut asked: Value = serde_json::from_str(&event("function-url.json")).unwrap();
    let whole = body(&plain.invoke(&asked.to_string()));
    let streamed = streaming.invoke(&asked.to_string()).outcome.unwrap();
    assert_eq!(streamed["status"], 200);
    assert_eq!(streamed["headers"]["content-type"], "application/json");
    assert_eq!(
        serde_json::from_str::<Value>(streamed["body"].as_str().unwrap()).unwrap(),
        whole
    );
    let sample = std::fs::read_to_string(root().join("models/flights/sample.jsonl")).unwrap();
    asked["headers"]["content-type"] = json!("application/x-ndjson");
    asked["isBase64Encoded"] = json!(false);
    asked["body"] = json!(format!("{sample}{{\n\n{{}}"));
    let plain = plain.invoke(&asked.to_string());
    let expected = plain.outcome.unwrap();
    let streamed = streaming.invoke(&asked.to_string()).outcome.unwrap();
    assert_eq!(streamed["body"], expected["body"]);
    assert_eq!(streamed["headers"]["content-type"], "application/x-ndjson");
    assert_eq!(streamed["rows"], json!(plain.tally.rows));
    assert_eq!(streamed["failures"], 2);
    // Refused before it begins, and after.
    asked["rawPath"] = json!("/nowhere");
    asked["requestContext"]["http"]["path"] = json!("/nowhere");
    let refused = streaming.invoke(&asked.to_string());
    assert_eq!(refused.code, Some("request.unknown_path"));
    assert_eq!(refused.outcome.unwrap()["status"], 404);
    let mut lines: Value = serde_json::from_str(&event("function-url.json")).unwrap();
    lines["headers"]["content-type"] = json!("application/x-ndjson");
    lines["isBase64Encoded"] = json!(false);
    lines["body"] = json!(sample);
    let few = Tested::new(&[
        ("SKEWLESS_STREAM", "true"),
        ("SKEWLESS_MAX_STREAM_ROWS", "10"),
    ]);
    let cut = few.invoke(&lines.to_string()).outcome.unwrap();
    assert_eq!(
        (&cut["rows"], &cut["code"]),
        (&json!(10), &json!("input.too_many_rows"))
    );
}

#[test]
fn a_schedule_asks_whether_all_is_well() {
    let function = function();
    let invocation = function.invoke(&event("schedule.json"));
    let answer = invocation.outcome.unwrap();
    assert_eq!(
        (&answer["ready"], &answer["digest"], invocation.source),
        (
            &json!(true),
            &json!(function.0.facts().digest),
            Some(Source::Schedule)
        )
    );
    assert!(answer["age_seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn counters_are_no_route_of_a_function() {
    let mut asked: Value = serde_json::from_str(&event("function-url.json")).unwrap();
    asked["rawPath"] = json!("/metrics");
    asked["requestContext"]["http"]["method"] = json!("GET");
    let refused = function().invoke(&asked.to_string());
    assert_eq!(refused.code, Some("request.unknown_path"));
}

fn line_of(function: &Tested, metrics: &Metrics, invoked: &Invoked) -> Value {
    let measured = Measured {
        request_id: "r-1",
        time: 1_795_849_200.25,
        latency: Duration::from_micros(1500),
        ended: &invoked.whole.ended,
    };
    metrics.line(&function.0, &invoked.whole, &measured)
}

fn by_code(metrics: &Metrics, invoked: &Invoked) -> Vec<Value> {
    let measured = Measured {
        request_id: "r-1",
        time: 1_795_849_200.25,
        latency: Duration::ZERO,
        ended: &invoked.whole.ended,
    };
    metrics.by_code(&invoked.whole, &measured)
}

fn figures<const N: usize>(line: &Value, names: [&str; N]) -> [f64; N] {
    names.map(|name| line[name].as_f64().unwrap())
}

#[test]
fn the_metrics_line_follows_the_published_schema() {
    let schema = std::fs::read_to_string(root().join("lambda/tests/emf.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let function = Tested::new(&[
        ("SKEWLESS_SHADOW", "models/flights/flights.skw"),
        ("SKEWLESS_SHADOW_SHARE", "1"),
    ]);
    let metrics = Metrics::new("Skewless");
    for text in [
        event("records.json"),
        event("schedule.json"),
        "{}".to_owned(),
    ] {
        let invoked = function.invoke(&text);
        let line = line_of(&function, &metrics, &invoked);
        for line in std::iter::once(line).chain(by_code(&metrics, &invoked)) {
            let faults: Vec<String> = validator
                .iter_errors(&line)
                .map(|fault| fault.to_string())
                .collect();
            assert!(faults.is_empty(), "{faults:?}\n{line}");
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
        }
    }
    let mut bad = line_of(&function, &metrics, &function.invoke("{}"));
    bad["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = json!("Bananas");
    assert!(!validator.is_valid(&bad), "the schema tells a wrong line");
}

#[test]
fn metrics_tell_what_has_come_since_the_line_before() {
    let function = Tested::new(&[
        ("SKEWLESS_SHADOW", "models/flights/flights.skw"),
        ("SKEWLESS_SHADOW_SHARE", "1"),
    ]);
    let metrics = Metrics::new("Skewless");
    let first = function.invoke(&event("records.json"));
    wait(function.0.after_answer());
    let line = line_of(&function, &metrics, &first);
    let names = [
        "Rows",
        "Failures",
        "Refused",
        "ColdStart",
        "Latency",
        "ShadowRows",
        "ShadowDifferences",
    ];
    assert_eq!(figures(&line, names), [3.0, 1.0, 0.0, 1.0, 1.5, 2.0, 0.0]);
    assert_eq!(line["_aws"]["Timestamp"], json!(1_795_849_200_250_u64));
    assert!(line["BundleAge"].as_f64().unwrap() > 0.0);
    let known = line_of(&function, &metrics, &function.invoke(&event("record.json")));
    let mut unseen: Value = serde_json::from_str(&event("record.json")).unwrap();
    unseen["carrier"] = json!("??");
    let second = line_of(&function, &metrics, &function.invoke(&unseen.to_string()));
    let grown = figures(&second, ["Unseen"])[0] - figures(&known, ["Unseen"])[0];
    assert_eq!(grown, 1.0);
    assert_eq!(figures(&second, ["ShadowRows", "ColdStart"]), [0.0, 0.0]);
    let third = line_of(&function, &metrics, &function.invoke("{}"));
    assert_eq!(
        figures(&third, ["Unseen", "Missing", "Refused"]),
        [0.0, 0.0, 1.0]
    );
}

#[test]
fn a_clock_before_the_bundle_gives_no_negative_age() {
    let function = function();
    let invoked = function.invoke(&event("record.json"));
    let measured = Measured {
        request_id: "r-1",
        time: 0.0,
        latency: Duration::ZERO,
        ended: &invoked.whole.ended,
    };
    let line = Metrics::new("Skewless").line(&function.0, &invoked.whole, &measured);
    assert_eq!(figures(&line, ["BundleAge", "Latency"]), [0.0, 0.0]);
}

#[test]
fn failures_and_refusals_are_told_by_their_codes() {
    let function = function();
    let metrics = Metrics::new("Skewless");
    let told = |invoked: &Invoked| -> Vec<(String, f64, f64)> {
        let lines = by_code(&metrics, invoked);
        let count = |line: &Value, name: &str| line[name].as_f64().unwrap_or_default();
        lines
            .iter()
            .map(|line| {
                let code = line["Code"].as_str().unwrap().to_owned();
                (code, count(line, "Failures"), count(line, "Refused"))
            })
            .collect()
    };
    let list = function.invoke(&event("records.json"));
    assert_eq!(told(&list), [("input.wrong_type".to_owned(), 1.0, 0.0)]);
    let missing = function.invoke("[{},{},7]");
    let codes = told(&missing);
    assert_eq!(codes[0], ("input.missing_field".to_owned(), 2.0, 0.0));
    assert_eq!(codes.len(), 2, "{codes:?}");
    let lone = told(&function.invoke("{}"));
    assert_eq!(
        lone,
        [
            ("input.missing_field".to_owned(), 1.0, 0.0),
            ("input.missing_field".to_owned(), 0.0, 1.0)
        ]
    );
    assert!(told(&function.invoke(&event("record.json"))).is_empty());
}

#[test]
fn an_answer_that_lambda_would_not_carry_is_refused_by_code() {
    let function = function();
    let list = format!("[{}]", vec!["{}"; 60_000].join(","));
    let direct = function.invoke(&list);
    assert_eq!(direct.code, Some("request.answer_too_large"));
    assert_eq!(
        direct.outcome.unwrap_err().code(),
        "request.answer_too_large"
    );
    let few = format!("[{}]", vec!["{}"; 12_000].join(","));
    for (name, rows, status) in [
        ("function-url.json", &list, 413),
        ("function-url.json", &few, 200),
        ("alb.json", &few, 413),
    ] {
        let mut asked: Value = serde_json::from_str(&event(name)).unwrap();
        let body = format!(r#"{{"dataframe_records":{rows}}}"#);
        asked["body"] = json!(body);
        asked["isBase64Encoded"] = json!(false);
        if name == "alb.json" {
            asked["path"] = json!("/invocations");
            asked["httpMethod"] = json!("POST");
        }
        asked["headers"]["content-type"] = json!("application/json");
        let invoked = function.invoke(&asked.to_string());
        let code = (status == 413).then_some("request.answer_too_large");
        assert_eq!(invoked.code, code, "{name}");
        let answer = invoked.outcome.unwrap();
        assert_eq!(answer["statusCode"], json!(status), "{name}");
        let length = answer.to_string().len();
        assert!(
            length < 6 << 20 && (name != "alb.json" || length < 1_000_000),
            "{length}"
        );
        assert!(!answer["headers"]["server-timing"].is_null());
    }
}

#[test]
fn an_answer_over_http_carries_the_requests_id_and_its_time() {
    for stream in ["false", "true"] {
        let function = Tested::new(&[("SKEWLESS_STREAM", stream)]);
        let mut asked: Value = serde_json::from_str(&event("function-url.json")).unwrap();
        let header = |function: &Tested, asked: &Value, name: &str| {
            let answer = function.invoke(&asked.to_string()).outcome.unwrap();
            answer["headers"][name].as_str().unwrap().to_owned()
        };
        asked["headers"]["x-request-id"] = json!("mine-7");
        assert_eq!(header(&function, &asked, "x-request-id"), "mine-7");
        asked["headers"]["x-request-id"] = json!("no id");
        assert_eq!(header(&function, &asked, "x-request-id"), "r-1");
        let timing = header(&function, &asked, "server-timing");
        assert!(timing.starts_with("answer;dur="), "{timing}");
    }
}

#[test]
fn a_bundle_is_taken_from_the_zip_before_a_layer() {
    let (zip, layer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bundle = root().join("models/flights/flights.skw");
    let variables = [("SKEWLESS_BUNDLE".to_owned(), "flights.skw".to_owned())];
    let config = Config::resolve(Door::Lambda, variables, &Arguments::default()).unwrap();
    let folders = [zip.path().to_owned(), layer.path().to_owned()];
    let open = || wait(Function::open(&config, &folders));
    let absent = open().err().unwrap();
    assert_eq!(absent.code(), "bundle.unreadable");
    assert!(absent.message().contains(&*layer.path().to_string_lossy()));
    std::fs::copy(&bundle, layer.path().join("flights.skw")).unwrap();
    assert_eq!(open().unwrap().facts().name, "flights");
    std::fs::write(zip.path().join("flights.skw"), "no bundle").unwrap();
    assert_eq!(open().err().unwrap().code(), "bundle.not_a_bundle");
}

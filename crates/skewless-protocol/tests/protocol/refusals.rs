//! Requests that are not answered: status, code, body; and the headers that every answer carries.

use serde_json::{Value, json};
use skewless_protocol::{DIGEST, ERROR, Headers, IGNORED_FIELDS, Limits, MODEL, Request, VERSION};

use crate::{bundles, send};

const INFER: &str = "/v2/models/areas/infer";
const TENSOR: &str = r#"{"inputs":[{"name":"size","datatype":"FP64","shape":[1],"data":["far"]}]}"#;

#[test]
fn statuses_and_codes() {
    let service = bundles::regression().with_limits(Limits {
        max_body: 200,
        max_rows: 3,
        ..Limits::default()
    });
    let long = format!(r#"{{"instances":[{{"size":{}}}]}}"#, "1".repeat(200));
    for (method, path, body, status, code) in [
        ("GET", "/", "", 404, "request.unknown_path"),
        ("GET", "/v2/models/other", "", 404, "request.unknown_model"),
        (
            "POST",
            "/v2/models/other/infer",
            "{}",
            404,
            "request.unknown_model",
        ),
        (
            "GET",
            "/v2/models/areas/versions/9.0.0/ready",
            "",
            404,
            "request.unknown_version",
        ),
        ("GET", INFER, "", 405, "request.method_not_allowed"),
        ("DELETE", "/ping", "", 405, "request.method_not_allowed"),
        ("POST", "/invocations", "", 400, "input.invalid_json"),
        (
            "POST",
            "/invocations",
            "{\"instances\":[",
            400,
            "input.invalid_json",
        ),
        ("POST", "/invocations", "\u{0}", 400, "input.invalid_json"),
        ("POST", "/invocations", "[]", 400, "request.invalid_shape"),
        ("POST", "/invocations", "{}", 400, "request.invalid_shape"),
        (
            "POST",
            "/invocations",
            r#"{"instances":[],"inputs":[]}"#,
            400,
            "request.invalid_shape",
        ),
        (
            "POST",
            "/invocations",
            r#"{"instances":[]}"#,
            400,
            "input.empty_batch",
        ),
        (
            "POST",
            "/invocations",
            r#"{"inputs":{}}"#,
            400,
            "input.empty_batch",
        ),
        (
            "POST",
            "/invocations",
            r#"{"inputs":{"size":[1],"b":[1,2]}}"#,
            400,
            "input.ragged_columns",
        ),
        (
            "POST",
            "/invocations",
            r#"{"inputs":{"size":[1],"size":[1]}}"#,
            400,
            "input.duplicate_field",
        ),
        (
            "POST",
            "/invocations",
            r#"{"dataframe_split":{"columns":["a","a"],"data":[[1,2]]}}"#,
            400,
            "input.duplicate_field",
        ),
        (
            "POST",
            "/invocations",
            r#"{"instances":[{},{},{},{}]}"#,
            413,
            "input.too_many_rows",
        ),
        ("POST", "/invocations", &long, 413, "request.too_large"),
        (
            "POST",
            "/invocations",
            r#"{"instances":[{"size":"far"}]}"#,
            400,
            "input.wrong_type",
        ),
        (
            "POST",
            "/invocations",
            r#"{"instances":[{"size":1,"b":1}]}"#,
            400,
            "input.unknown_field",
        ),
        ("POST", INFER, "[]", 400, "request.invalid_shape"),
        ("POST", INFER, r#"{"inputs":[]}"#, 400, "input.empty_batch"),
        (
            "POST",
            INFER,
            r#"{"inputs":[{"name":"size","datatype":"FP64","shape":[0],"data":[]}]}"#,
            400,
            "input.empty_batch",
        ),
        (
            "POST",
            INFER,
            r#"{"inputs":[{"name":"size","datatype":"FP99","shape":[1],"data":[1]}]}"#,
            400,
            "request.invalid_shape",
        ),
        ("POST", INFER, TENSOR, 400, "input.wrong_type"),
    ] {
        let (response, json) = send(&service, method, path, body);
        let error = if path.starts_with("/v2") {
            &json["parameters"]["error"]
        } else {
            &json["error"]
        };
        assert_eq!(
            (response.status, &error["code"]),
            (status, &json!(code)),
            "{method} {path} {body}"
        );
        assert_eq!(response.headers.value(ERROR), Some(code));
        assert_eq!(response.code, Some(code));
    }
}

#[test]
fn an_error_says_where() {
    let service = bundles::regression();
    let (_, json) = send(
        &service,
        "POST",
        "/invocations",
        r#"{"instances":[{"size":"far"}]}"#,
    );
    let error = &json["error"];
    assert_eq!(
        (&error["field"], &error["value"], &error["row"]),
        (&json!("size"), &json!("far"), &json!(0))
    );
    assert!(error["message"].is_string());
    // Under /v2 the protocol wants `error` to be a string.
    let (_, json) = send(&service, "POST", INFER, TENSOR);
    assert!(
        json["error"]
            .as_str()
            .is_some_and(|text| text.starts_with("input.wrong_type: ")),
        "{json}"
    );
    assert_eq!(json["parameters"]["error"]["field"], "size");
}

#[test]
fn every_answer_names_the_bundle() {
    let service = bundles::regression();
    let facts = service.facts().clone();
    for (method, path, body) in [
        ("GET", "/v2/health/live", ""),
        ("HEAD", "/v2", ""),
        ("GET", "/nowhere", ""),
        ("POST", INFER, "{"),
        ("POST", "/invocations", r#"{"instances":[{"size":1}]}"#),
    ] {
        let (response, json) = send(&service, method, path, body);
        let named = [MODEL, VERSION, DIGEST]
            .map(|name| response.headers.value(name).unwrap_or_default().to_owned());
        assert_eq!(
            named,
            [
                facts.name.clone(),
                facts.version.clone(),
                facts.digest.clone()
            ],
            "{path}"
        );
        assert!(method != "HEAD" || json == Value::Null);
    }
    assert_eq!(facts.digest.len(), 64);
}

#[test]
fn a_refused_method_names_the_allowed_ones() {
    let service = bundles::regression();
    assert_eq!(
        send(&service, "PUT", INFER, "").0.headers.value("allow"),
        Some("POST")
    );
    assert_eq!(
        send(&service, "POST", "/v2", "").0.headers.value("Allow"),
        Some("GET, HEAD")
    );
}

#[test]
fn forms_that_are_not_read_are_refused() {
    let service = bundles::regression();
    for (name, value, path) in [
        ("content-type", "text/csv; header=present", "/invocations"),
        ("Inference-Header-Content-Length", "7", INFER),
    ] {
        let headers: Headers = [(name, value)].into_iter().collect();
        let response = service.respond(&Request {
            method: "POST",
            path,
            headers,
            body: b"size\n1\n",
        });
        assert_eq!(
            (response.status, response.code),
            (415, Some("request.unsupported_media_type"))
        );
    }
}

#[test]
fn ignored_fields_are_noted() {
    let service = bundles::multiclass();
    let (response, _) = send(
        &service,
        "POST",
        "/invocations",
        r#"{"instances":[{"x":1,"y":2,"z":3},{"x":1,"y":2,"a b":3,"z":0}]}"#,
    );
    assert_eq!(
        (response.status, response.headers.value(IGNORED_FIELDS)),
        (200, Some("z, a%20b"))
    );
    let (response, _) = send(
        &service,
        "POST",
        "/invocations",
        r#"{"instances":[{"x":1,"y":2}]}"#,
    );
    assert_eq!(response.headers.value(IGNORED_FIELDS), None);
}

#[test]
fn long_text_and_deep_json_end_in_an_error() {
    let service = bundles::binary();
    let long = format!(
        r#"{{"instances":[{{"carrier":"{}","departure":"2013-11-01T18:30"}}]}}"#,
        "x".repeat(10_000)
    );
    let (response, json) = send(&service, "POST", "/invocations", &long);
    assert_eq!(
        (response.status, &json["error"]["code"]),
        (400, &json!("input.too_long"))
    );
    for deep in [
        "[".repeat(1 << 20),
        format!(r#"{{"instances":{}"#, "[".repeat(1 << 20)),
        r#"{"a":"#.repeat(1 << 18),
    ] {
        let (response, json) = send(&service, "POST", "/invocations", &deep);
        assert_eq!(response.status, 400, "{json}");
    }
}

#[test]
fn a_million_names_do_not_hold_the_service_up() {
    let service = bundles::multiclass();
    let names: Vec<String> = (0..500_000).map(|place| format!("f{place}")).collect();
    let zeros = vec!["0"; names.len()].join(",");
    let record: Vec<String> = names.iter().map(|name| format!("\"{name}\":0")).collect();
    let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\":[0]")).collect();
    let split = json!({"columns": names, "data": []})
        .to_string()
        .replace("[]", &format!("[[{zeros}]]"));
    for body in [
        format!(r#"{{"instances":[{{{}}}]}}"#, record.join(",")),
        format!(r#"{{"inputs":{{{}}}}}"#, columns.join(",")),
        format!(r#"{{"dataframe_split":{split}}}"#),
    ] {
        let (response, json) = send(&service, "POST", "/invocations", &body);
        assert_eq!(
            (response.status, &json["error"]["code"]),
            (400, &json!("input.missing_field"))
        );
    }
}

#[test]
fn more_rows_than_allowed_are_counted_and_not_read() {
    let service = bundles::regression();
    let million = format!("[1{}]", ",1".repeat(999_999));
    let nested = format!("[[1]{}]", ",[1]".repeat(999_999));
    let tensor = |data: &str| {
        format!(
            r#"{{"inputs":[{{"name":"size","datatype":"FP64","shape":[1000000],"data":{data}}}]}}"#
        )
    };
    for (path, body) in [
        ("/invocations", format!(r#"{{"instances":{million}}}"#)),
        ("/invocations", format!(r#"{{"instances":{nested}}}"#)),
        ("/invocations", format!(r#"{{"inputs":{million}}}"#)),
        (
            "/invocations",
            format!(r#"{{"inputs":{{"size":{million}}}}}"#),
        ),
        (
            "/invocations",
            format!(r#"{{"dataframe_records":{million}}}"#),
        ),
        (
            "/invocations",
            format!(r#"{{"dataframe_split":{{"columns":["size"],"data":{million}}}}}"#),
        ),
        (INFER, tensor(&million)),
        (INFER, tensor(&nested)),
    ] {
        let (response, json) = send(&service, "POST", path, &body);
        assert_eq!(
            (response.status, response.code),
            (413, Some("input.too_many_rows")),
            "{json}"
        );
        // Every element counts, also those that were not kept.
        assert!(json.to_string().contains("1000000 rows"), "{json}");
        // What stands behind the limit has to be JSON all the same.
        let broken = body.replacen("1]", "?]", 1);
        assert_ne!(broken, body);
        let (_, json) = send(&service, "POST", path, &broken);
        assert!(json.to_string().contains("input.invalid_json"), "{json}");
    }
    let answer = service.answer(&million);
    assert_eq!(answer.outcome.unwrap_err().code(), "input.too_many_rows");
}

#[test]
fn a_name_is_not_repeated_without_end() {
    let service = bundles::multiclass();
    let name = "n".repeat(1 << 20);
    let values = vec!["1"; 100_000].join(",");
    let lists = vec!["[1]"; 100_000].join(",");
    for (path, body) in [
        (
            "/invocations",
            format!(r#"{{"inputs":{{"{name}":[{values}]}}}}"#),
        ),
        (
            "/invocations",
            format!(r#"{{"dataframe_split":{{"columns":["{name}"],"data":[{lists}]}}}}"#),
        ),
        (
            "/v2/models/sides/infer",
            format!(
                r#"{{"inputs":[{{"name":"{name}","datatype":"FP64","shape":[100000],"data":[{values}]}}]}}"#
            ),
        ),
    ] {
        let (response, json) = send(&service, "POST", path, &body);
        assert_eq!(
            (response.status, response.code),
            (413, Some("request.too_large")),
            "{json}"
        );
    }
}

#[test]
fn as_many_rows_as_allowed_are_answered() {
    let service = bundles::regression().with_limits(Limits {
        max_body: 200,
        max_rows: 2,
        ..Limits::default()
    });
    for body in [
        r#"{"instances":[[1],[2]]}"#,
        r#"{"inputs":{"size":[1,2]}}"#,
        r#"{"dataframe_records":[{"size":1},{"size":2}]}"#,
        r#"{"dataframe_split":{"columns":["size"],"data":[[1],[2]]}}"#,
    ] {
        let (response, json) = send(&service, "POST", "/invocations", body);
        assert_eq!((response.status, response.tally.rows), (200, 2), "{json}");
    }
}

//! Open Inference v2: health, metadata, inference.

use serde_json::{Value, json};
use skewless_core::Record;

use crate::{bundles, send};

#[test]
fn health_and_server_metadata() {
    let service = bundles::regression();
    for path in [
        "/v2/health/live",
        "/v2/models/areas/ready",
        "/v2/models/areas/versions/1.2.0/ready",
    ] {
        let (response, body) = send(&service, "GET", path, "");
        assert_eq!((response.status, body), (200, Value::Null), "{path}");
    }
    let facts = service.facts().clone();
    let (response, body) = send(&service, "GET", "/v2/health/ready", "");
    assert_eq!(
        (response.status, body),
        (
            200,
            json!({"ready": true, "name": "areas", "version": "1.2.0", "digest": facts.digest})
        )
    );
    let (_, body) = send(&service, "GET", "/v2/", "");
    assert_eq!(body["name"], "skewless");
    assert!(body["version"].is_string() && body["extensions"].is_array());
}

#[test]
fn a_server_on_its_way_down_says_so_and_still_answers() {
    let service = bundles::regression();
    service.set_ready(false);
    for (path, status) in [
        ("/v2/health/live", 200),
        ("/v2/health/ready", 503),
        ("/v2/models/areas/ready", 503),
        ("/ping", 503),
    ] {
        assert_eq!(send(&service, "GET", path, "").0.status, status, "{path}");
    }
    let (response, _) = send(
        &service,
        "POST",
        "/invocations",
        r#"{"instances":[{"size":3}]}"#,
    );
    assert_eq!(response.status, 200);
}

#[test]
fn metadata_lists_inputs_with_datatypes_and_outputs_with_labels() {
    let service = bundles::binary();
    let digest = service.facts().digest.clone();
    let (response, body) = send(&service, "GET", "/v2/models/delays/versions/1.2.0", "");
    assert_eq!(response.status, 200);
    assert_eq!(
        body,
        json!({
            "name": "delays",
            "versions": ["1.2.0"],
            "platform": "skewless_plan",
            "inputs": [
                {"name": "wind", "datatype": "FP64", "shape": [-1]},
                {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
                {"name": "stops", "datatype": "INT64", "shape": [-1]},
                {"name": "holiday", "datatype": "BOOL", "shape": [-1]},
                {"name": "departure", "datatype": "BYTES", "shape": [-1]},
                {"name": "day", "datatype": "BYTES", "shape": [-1]},
            ],
            "outputs": [
                {"name": "label", "datatype": "BYTES", "shape": [-1], "parameters": {"labels": ["on_time", "late"]}},
                {"name": "probability", "datatype": "FP64", "shape": [-1]},
                {"name": "raw", "datatype": "FP64", "shape": [-1]},
            ],
            "parameters": {"digest": digest},
        })
    );
}

#[test]
fn columns_of_every_datatype_give_what_the_records_give() {
    let service = bundles::binary();
    let request = json!({
        "id": "42",
        "parameters": {"anything": true},
        "inputs": [
            {"name": "wind", "datatype": "FP64", "shape": [2], "data": [30.5, null]},
            {"name": "carrier", "datatype": "BYTES", "shape": [2, 1], "data": [["UA"], ["ZZ"]]},
            {"name": "stops", "datatype": "INT64", "shape": [2, 1], "data": [1, null]},
            {"name": "holiday", "datatype": "BOOL", "shape": [2], "data": [true, false]},
            {"name": "departure", "datatype": "BYTES", "shape": [2], "data": ["2013-11-01T18:30", "2013-11-02T06:00"]},
            {"name": "day", "datatype": "BYTES", "shape": [2], "data": ["2013-11-01", null]},
        ],
    });
    let (response, body) = send(
        &service,
        "POST",
        "/v2/models/delays/infer",
        &request.to_string(),
    );
    assert_eq!(response.status, 200, "{body}");
    let second = r#"{"wind":null,"carrier":"ZZ","holiday":false,"departure":"2013-11-02T06:00"}"#;
    let records = [bundles::DELAYED, second].map(|text| Record::from_json(text).unwrap());
    let expected = records.map(|record| service.predictor().predict(&record).unwrap());
    let raw: Vec<f64> = expected
        .iter()
        .map(|prediction| prediction.raw[0])
        .collect();
    let probability: Vec<f64> = expected
        .iter()
        .map(|prediction| prediction.values[0])
        .collect();
    let labels: Vec<&str> = expected
        .iter()
        .map(|prediction| ["on_time", "late"][prediction.label.unwrap() as usize])
        .collect();
    assert_ne!(raw[0], raw[1]);
    assert_eq!(
        body,
        json!({
            "model_name": "delays",
            "model_version": "1.2.0",
            "id": "42",
            "parameters": {"digest": service.facts().digest},
            "outputs": [
                {"name": "label", "datatype": "BYTES", "shape": [2], "data": labels},
                {"name": "probability", "datatype": "FP64", "shape": [2], "data": probability},
                {"name": "raw", "datatype": "FP64", "shape": [2], "data": raw},
            ],
        })
    );
    assert_eq!((response.tally.rows, response.tally.failures), (2, 0));
}

#[test]
fn only_requested_outputs_come_back() {
    let service = bundles::regression();
    let request = r#"{"inputs":[{"name":"size","datatype":"FP32","shape":[3],"data":[3,0.1,-1e300]}],"outputs":[{"name":"raw"}]}"#;
    let (_, body) = send(&service, "POST", "/v2/models/areas/infer", request);
    // Numbers are taken as written, also under FP32.
    let raw =
        json!([{"name": "raw", "datatype": "FP64", "shape": [3], "data": [7.0, 1.2, -2e300]}]);
    assert_eq!(body["outputs"], raw);
    let (response, body) = send(
        &service,
        "POST",
        "/v2/models/areas/infer",
        &request.replace("\"raw\"", "\"label\""),
    );
    assert_eq!(
        (response.status, &body["parameters"]["error"]["code"]),
        (400, &json!("request.unknown_output"))
    );
}

#[test]
fn several_classes_are_a_matrix() {
    let service = bundles::multiclass();
    let request = r#"{"inputs":[{"name":"x","datatype":"FP64","shape":[2],"data":[2,0]},
                                {"name":"y","datatype":"FP64","shape":[2],"data":[0,3]}]}"#;
    let (_, body) = send(&service, "POST", "/v2/models/sides/infer", request);
    assert_eq!(body["outputs"][0]["data"], json!(["east", "north"]));
    assert_eq!(body["outputs"][1]["name"], "probabilities");
    assert_eq!(body["outputs"][1]["shape"], json!([2, 3]));
    assert_eq!(
        body["outputs"][1]["parameters"],
        json!({"labels": ["east", "north", "none"]})
    );
    assert_eq!(
        body["outputs"][2]["data"],
        json!([2.0, 0.0, -1.5, 0.0, 3.0, -2.5])
    );
}

#[test]
fn a_failed_row_is_null_with_its_error_beside() {
    let service = bundles::binary();
    let request = json!({
        "inputs": [
            {"name": "wind", "datatype": "FP64", "shape": [3], "data": [1, -1, 2]},
            {"name": "carrier", "datatype": "BYTES", "shape": [3], "data": ["UA", "UA", null]},
            {"name": "departure", "datatype": "BYTES", "shape": [3], "data": ["2013-11-01T18:30", "2013-11-01T18:30", "x"]},
        ],
    });
    let (response, body) = send(
        &service,
        "POST",
        "/v2/models/delays/infer",
        &request.to_string(),
    );
    assert_eq!(response.status, 200, "{body}");
    for output in body["outputs"].as_array().unwrap() {
        let nulls: Vec<bool> = output["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::is_null)
            .collect();
        assert_eq!(nulls, [false, true, true], "{output}");
    }
    let errors = body["parameters"]["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(
        (
            &errors[0]["row"],
            &errors[0]["code"],
            &errors[0]["field"],
            &errors[0]["value"]
        ),
        (
            &json!(1),
            &json!("input.out_of_range"),
            &json!("wind"),
            &json!("-1")
        )
    );
    assert_eq!(
        (&errors[1]["row"], &errors[1]["code"]),
        (&json!(2), &json!("input.missing_field"))
    );
    assert_eq!((response.tally.rows, response.tally.failures), (3, 2));
    assert_eq!(response.code, None);
}

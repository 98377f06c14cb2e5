//! MLflow's `/invocations` in its four forms.

use serde_json::json;

use crate::{bundles, send};

#[test]
fn every_form_gives_the_same_predictions() {
    let service = bundles::multiclass();
    let expected = json!({"predictions": [
        service.answer(r#"{"x":2,"y":0.5}"#).outcome.unwrap(),
        service.answer(r#"{"x":-1,"y":0.1}"#).outcome.unwrap(),
    ]});
    for body in [
        r#"{"dataframe_split":{"index":[7,8],"columns":["y","x"],"data":[[0.5,2],[0.1,-1]]}}"#,
        r#"{"dataframe_records":[{"x":2,"y":0.5},{"x":-1,"y":0.1}],"params":{"a":1}}"#,
        r#"{"instances":[{"x":2,"y":0.5},{"x":-1,"y":0.1}]}"#,
        r#"{"instances":[[2,0.5],[-1,0.1]]}"#,
        r#"{"inputs":{"x":[2,-1],"y":[0.5,0.1]}}"#,
        r#"{"inputs":[{"x":2,"y":0.5},{"x":-1,"y":0.1}]}"#,
        r#"{"inputs":[[2,0.5],[-1,0.1]],"signature_name":"serving_default"}"#,
    ] {
        let (response, answer) = send(&service, "POST", "/invocations", body);
        assert_eq!((response.status, &answer), (200, &expected), "{body}");
        assert_eq!(response.tally.rows, 2, "{body}");
    }
}

#[test]
fn a_failed_row_stands_in_its_place() {
    let service = bundles::regression();
    let body =
        r#"{"dataframe_records":[{"size":3},{"size":"far"},{"size":1,"size":2},[1],{"size":4}]}"#;
    let (response, answer) = send(&service, "POST", "/invocations", body);
    assert_eq!(response.status, 200);
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions[0], json!({"value": 7.0, "raw": 7.0}));
    for (row, code) in [
        (1, "input.wrong_type"),
        (2, "input.duplicate_field"),
        (3, "input.not_an_object"),
    ] {
        assert_eq!(
            (
                &predictions[row]["error"]["code"],
                &predictions[row]["error"]["row"]
            ),
            (&json!(code), &json!(row))
        );
    }
    assert_eq!(predictions[4]["value"], 9.0);
    assert_eq!((response.tally.rows, response.tally.failures), (5, 3));
}

#[test]
fn a_row_of_the_wrong_length_fails_alone() {
    let service = bundles::multiclass();
    let body = r#"{"dataframe_split":{"columns":["x","y"],"data":[[1],[1,2],{"x":1},[1,2,3]]}}"#;
    let (response, answer) = send(&service, "POST", "/invocations", body);
    assert_eq!((response.status, response.tally.failures), (200, 3));
    assert_eq!(
        answer["predictions"][0]["error"]["code"],
        "input.ragged_columns"
    );
    assert_eq!(answer["predictions"][1]["label"], "north");
    assert_eq!(
        answer["predictions"][2]["error"]["code"],
        "request.invalid_shape"
    );
}

#[test]
fn numbers_come_back_to_the_bit() {
    let service = bundles::regression();
    for size in [
        0.1,
        1.0 / 3.0,
        5e-324,
        1.797e308 / 4.0,
        -0.0,
        123_456_789.123_456_78,
    ] {
        let body = format!(r#"{{"instances":[{{"size":{size:?}}}]}}"#);
        let (_, answer) = send(&service, "POST", "/invocations", &body);
        let value = answer["predictions"][0]["value"].as_f64().unwrap();
        let expected: f64 = 1.0 + 2.0 * size;
        assert_eq!(value.to_bits(), expected.to_bits(), "{size:?}");
    }
}

#[test]
fn sagemaker_pings() {
    assert_eq!(
        send(&bundles::regression(), "GET", "/ping", "").0.status,
        200
    );
}

#[test]
fn a_bare_nan_is_a_missing_value() {
    let service = bundles::binary();
    let with = |value: &str| {
        let body = format!(
            r#"{{"dataframe_split":{{"columns":["wind","carrier","departure"],"data":[[{value},"NaN","2013-11-01T05:00"]]}}}}"#
        );
        send(&service, "POST", "/invocations", &body)
    };
    assert_eq!(with("NaN"), with("null"));
    assert_eq!(with("NaN").0.status, 200);
    assert_eq!(with("Nan").0.code, Some("input.invalid_json"));
}

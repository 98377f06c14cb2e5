//! What a bundle with conformal quantiles promises, at each protocol.

use serde_json::{Value, json};

use crate::{bundles, send};

fn outputs(body: &Value) -> Vec<(&str, &Value)> {
    let outputs = body["outputs"].as_array().unwrap().iter();
    outputs
        .map(|output| (output["name"].as_str().unwrap(), &output["data"]))
        .collect()
}

#[test]
fn a_regression_has_an_interval_of_its_group() {
    let service = bundles::promising_regression();
    let records = r#"[{"size":1,"place":"a"},{"size":1,"place":"b"},{"size":2,"place":"?"},{"size":2},{"size":"x"}]"#;
    let found = service.answer(records).outcome.unwrap();
    let intervals: Vec<&Value> = (0..4).map(|row| &found[row]["interval"]).collect();
    let due = json!([[2.75, 3.25], null, [6.5, 7.5], [6.5, 7.5]]);
    assert_eq!(json!(intervals), due);
    assert_eq!(found[4]["error"]["code"], "input.wrong_type");

    let request = r#"{"inputs":[
        {"name":"size","shape":[2],"datatype":"FP64","data":[1,1]},
        {"name":"place","shape":[2],"datatype":"BYTES","data":["a","b"]}
    ]}"#;
    let (response, body) = send(&service, "POST", "/v2/models/areas/infer", request);
    assert_eq!(response.status, 200, "{body}");
    let interval = body["outputs"].as_array().unwrap().last().unwrap();
    assert_eq!(interval["shape"], json!([2, 2]));
    assert_eq!(
        outputs(&body).last().unwrap(),
        &("interval", &json!([2.75, 3.25, null, null]))
    );
}

#[test]
fn quantiles_are_an_interval_beside_the_value() {
    let service = bundles::quantiles();
    let found = service
        .answer(r#"[{"size":1},{"size":-1},{"size":0.1}]"#)
        .outcome
        .unwrap();
    let due = json!([
        {"interval": [1.5, 3.5], "raw": 2.0, "value": 2.0},
        {"interval": [-3.5, -1.5], "raw": -2.0, "value": -2.0},
        {"interval": [0.25, 0.25], "raw": 0.2, "value": 0.2},
    ]);
    assert_eq!(found, due);
    let request = r#"{"inputs":[{"name":"size","shape":[2],"datatype":"FP64","data":[1,-1]}]}"#;
    let (_, body) = send(&service, "POST", "/v2/models/areas/infer", request);
    let due = [
        ("value", &json!([2.0, -2.0])),
        ("raw", &json!([2.0, -2.0])),
        ("interval", &json!([1.5, 3.5, -3.5, -1.5])),
    ];
    assert_eq!(outputs(&body), due);
}

#[test]
fn a_classification_has_a_set_of_labels() {
    let service = bundles::promising_multiclass();
    // Probabilities of about 0.58, 0.21 and 0.21; then of about 0.04, 0.04 and 0.92.
    let records = r#"[{"x":1,"y":0},{"x":-1,"y":-1}]"#;
    let found = service.answer(records).outcome.unwrap();
    for row in 0..2 {
        let answer = &found[row];
        let likely = ["east", "north", "none"]
            .into_iter()
            .filter(|label| 1.0 - answer["probabilities"][label].as_f64().unwrap() <= 0.75);
        assert_eq!(answer["set"], json!(likely.collect::<Vec<_>>()), "{answer}");
    }
    let (_, metadata) = send(&service, "GET", "/v2/models/sides", "");
    let set = metadata["outputs"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&set["name"], &set["datatype"], &set["shape"]),
        (&json!("set"), &json!("BOOL"), &json!([-1, 3]))
    );
    let request = r#"{"inputs":[
        {"name":"x","shape":[1],"datatype":"FP64","data":[-1]},
        {"name":"y","shape":[1],"datatype":"FP64","data":[-1]}
    ],"outputs":[{"name":"set"}]}"#;
    let (_, body) = send(&service, "POST", "/v2/models/sides/infer", request);
    assert_eq!(outputs(&body), [("set", &json!([false, false, true]))]);
    let (_, openapi) = send(&service, "GET", "/openapi.json", "");
    assert!(openapi.to_string().contains("Promised to hold the truth"));
}

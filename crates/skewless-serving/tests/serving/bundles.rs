//! A small bundle with a category, a nullable number, an id and a personal input.

use serde_json::json;
use skewless_core::bundle::{BundleParts, Contents};
use skewless_core::plan::{Accumulate, LinearModel, Model};
use skewless_core::profile::Profile;
use skewless_core::{Columns, FeatureSpec, Link, Output, Predictor, Record, Result, Task, golden};

/// Records that the bundle answers; the second lacks the number and has a carrier that it does not know.
pub(crate) const RECORDS: [&str; 2] = [
    r#"{"id":"f1","name":"Ada","wind":30.5,"carrier":"UA","stops":-0.0}"#,
    r#"{"id":"f2","name":"Bob","carrier":"ZZ","stops":2}"#,
];

/// The bundle's bytes: probability of `late` by wind, carrier and stops. Another `weight` or `version` is another bundle.
pub(crate) fn bundle(version: &str, weight: f64) -> Vec<u8> {
    let spec = json!({
        "input": [
            {"name": "id", "type": "text", "role": "id", "nullable": true},
            {"name": "name", "type": "text", "pii": true, "nullable": true},
            {"name": "wind", "type": "number", "nullable": true, "doc": "Gusts at the airport.", "unit": "kn"},
            {"name": "carrier", "type": "category"},
            {"name": "stops", "type": "number"},
        ],
        "feature": [
            {"name": "wind_value", "op": "impute", "from": "wind", "strategy": "constant", "value": 7.25},
            {"name": "carrier_is", "op": "one_hot", "from": "carrier", "vocabulary": ["AA", "UA"]},
            {"name": "stops_value", "op": "number", "from": "stops"},
        ],
    });
    let spec: FeatureSpec = serde_json::from_value(spec).unwrap();
    let features = spec.fit(&Columns::new(0), Vec::new()).unwrap();
    let width = skewless_core::Pipeline::new(&features).unwrap().width();
    let mut weights = vec![0.3; width];
    weights[0] = weight;
    let model = Model::Linear(LinearModel {
        inputs: width,
        outputs: 1,
        weights,
        intercept: vec![-0.7],
        accumulate: Accumulate::F64,
    });
    let output = Output {
        name: "late".to_owned(),
        task: Task::Binary,
        link: Link::Logistic { scale: 1.0 },
        labels: vec!["on_time".to_owned(), "late".to_owned()],
        ..Output::default()
    };
    let predictor = Predictor::from_parts(&features, &model, output.clone()).unwrap();
    let records = RECORDS.map(|text| Record::from_json(text).unwrap());
    let (columns, _) = predictor.pipeline().columns_of(&records).unwrap();
    let answers = predictor.predict_columns(&columns).unwrap();
    let parts = BundleParts {
        name: "delays".to_owned(),
        version: version.to_owned(),
        profile: Profile::reference(&features, &columns, &answers).unwrap(),
        features,
        model: model.into(),
        output,
        golden: golden::choose(&predictor, &records, records.len()).unwrap(),
        card: "# delays\n".to_owned(),
        provenance: json!({"predicate": {"runDetails": {"metadata": {"finishedOn": "2026-01-01T00:00:00Z"}}}}),
    };
    parts.to_bytes().unwrap()
}

/// The engine of plans.
pub(crate) fn engine(contents: &Contents<'_>) -> Result<Predictor> {
    Predictor::of_contents(contents)
}

/// A body of `/invocations` with these records.
pub(crate) fn body(records: &[&str]) -> String {
    format!("{{\"dataframe_records\":[{}]}}", records.join(","))
}

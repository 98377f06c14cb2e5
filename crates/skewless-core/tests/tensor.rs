//! Tensor inputs through the public border: records, columns, golden rows, and everything that is no such tensor.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use skewless_core::plan::{Accumulate, LinearModel, Model};
use skewless_core::{
    Bundle, BundleParts, Column, Columns, Error, FeatureSpec, FittedSpec, Link, Output, Pipeline,
    Predictor, Profile, Record, Task, golden,
};

const SPEC: &str = r#"
[[input]]
name = "age"
type = "number"
[[input]]
name = "image"
type = "tensor"
shape = [2, 3]
[[feature]]
name = "age"
op = "number"
from = "years"
[[feature]]
name = "pixels"
op = "number"
from = "image"
"#;

fn spec() -> FittedSpec {
    let spec: FeatureSpec = toml::from_str(&SPEC.replacen("\"age\"", "\"years\"", 1)).unwrap();
    spec.fit(&columns(), Vec::new()).unwrap()
}

/// Two rows.
fn columns() -> Columns {
    let mut columns = Columns::new(2);
    let years = Column::Number(vec![30.0, 40.0]);
    columns.push("years", years).unwrap();
    let values = (0..12).map(f64::from).collect();
    columns
        .push("image", Column::Tensor { width: 6, values })
        .unwrap();
    columns
}

/// Score k is the sum of the columns, each times k + 1.
fn model() -> Model {
    Model::Linear(LinearModel {
        inputs: 7,
        outputs: 2,
        weights: [vec![1.0; 7], vec![2.0; 7]].concat(),
        intercept: vec![0.0; 2],
        accumulate: Accumulate::F64,
    })
}

fn output() -> Output {
    Output {
        name: "y".into(),
        task: Task::Vector,
        link: Link::Identity,
        length: Some(2),
        ..Output::default()
    }
}

fn predictor() -> Predictor {
    Predictor::from_parts(&spec(), &model(), output()).unwrap()
}

fn record(image: &str) -> Record {
    Record::from_json(&format!("{{\"years\": 30, \"image\": {image}}}")).unwrap()
}

#[test]
fn elements_are_columns() {
    let pipeline = Pipeline::new(&spec()).unwrap();
    let names = pipeline.column_names();
    assert_eq!(names[..2], ["age", "pixels[0]"]);
    assert_eq!((names.len(), pipeline.layout().compact_width()), (7, 7));
    let rows = pipeline.transform(&columns(), 0..2).unwrap();
    let expected = [
        30.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 40.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0,
    ];
    assert_eq!(rows.values, expected);
}

#[test]
fn flat_nested_and_columns_give_the_same() {
    let predictor = predictor();
    let batch = predictor.predict_columns(&columns()).unwrap();
    for image in ["[0,1,2,3,4,5]", "[[0,1,2],[3,4,5]]"] {
        let prediction = predictor.predict(&record(image)).unwrap();
        assert_eq!(prediction.values, [45.0, 90.0]);
        assert_eq!(prediction, batch.row(0).unwrap());
    }
}

#[test]
fn what_is_no_such_tensor_fails_alone() {
    let predictor = predictor();
    let good = record("[0,1,2,3,4,5]");
    let cases = [
        ("[0,1,2,3,4]", "input.wrong_shape"),
        ("[[0,1],[2,3],[4,5]]", "input.wrong_shape"),
        ("[]", "input.wrong_shape"),
        ("[[0,1,2],[3,4]]", "input.wrong_type"),
        ("[0,1,2,3,4,null]", "input.wrong_type"),
        ("3", "input.wrong_type"),
        ("\"x\"", "input.wrong_type"),
        ("null", "input.missing_field"),
    ];
    for (image, code) in cases {
        let batch = predictor
            .predict_records(&[good.clone(), record(image), good.clone()])
            .unwrap();
        let errors: Vec<_> = batch
            .errors
            .iter()
            .map(|error| (error.code(), error.field(), error.row()))
            .collect();
        assert_eq!(errors, [(code, Some("image"), Some(1))], "{image}");
        assert_eq!(batch.row(0).unwrap(), batch.row(2).unwrap());
        let faults = predictor.validate(&record(image));
        assert_eq!(faults.iter().map(Error::code).collect::<Vec<_>>(), [code]);
    }
    let absent = Record::from_json("{\"years\": 1}").unwrap();
    assert_eq!(
        predictor.predict(&absent).unwrap_err().code(),
        "input.missing_field"
    );
    let array = Record::from_json("{\"years\": [1], \"image\": [0,1,2,3,4,5]}").unwrap();
    assert_eq!(
        predictor.predict(&array).unwrap_err().code(),
        "input.wrong_type"
    );
}

#[test]
fn columns_of_another_width_and_elements_that_are_no_numbers_are_refused() {
    let predictor = predictor();
    let mut narrow = Columns::new(1);
    let values = vec![0.0; 5];
    narrow
        .push("image", Column::Tensor { width: 5, values })
        .unwrap();
    narrow.push("years", Column::Number(vec![1.0])).unwrap();
    assert_eq!(
        predictor.predict_columns(&narrow).unwrap_err().code(),
        "input.wrong_shape"
    );

    let mut columns = Columns::new(2);
    let cut = Column::Tensor {
        width: 6,
        values: vec![0.0; 11],
    };
    assert_eq!(
        columns.push("image", cut).unwrap_err().code(),
        "input.ragged_columns"
    );
    let mut values = vec![0.0; 12];
    values[8] = f64::NAN;
    columns
        .push("image", Column::Tensor { width: 6, values })
        .unwrap();
    columns.push("years", Column::Number(vec![1.0; 2])).unwrap();
    let batch = predictor.predict_columns(&columns).unwrap();
    let error = &batch.errors[0];
    assert_eq!(
        (error.code(), error.field(), error.row()),
        ("input.not_finite", Some("image"), Some(1))
    );
    assert!(error.message().contains("element 2"), "{error}");
}

#[test]
fn a_shape_is_stated_where_it_means_something() {
    for (from, to) in [
        ("shape = [2, 3]", ""),
        ("shape = [2, 3]", "shape = []"),
        ("shape = [2, 3]", "shape = [2, 0]"),
        ("shape = [2, 3]", "shape = [4611686018427387904, 4]"),
        ("shape = [2, 3]", "shape = [2, 3]\nnullable = true"),
        ("type = \"number\"", "type = \"number\"\nshape = [1]"),
    ] {
        let spec: FeatureSpec = toml::from_str(&SPEC.replacen(from, to, 1)).unwrap();
        assert_eq!(
            spec.check().unwrap_err().code(),
            "spec.invalid_input",
            "{to}"
        );
    }
    let scaled = SPEC.replacen("\"age\"", "\"years\"", 1).replace(
        "op = \"number\"\nfrom = \"image\"",
        "op = \"clip\"\nmin = 0\nfrom = \"image\"",
    );
    let spec: FeatureSpec = toml::from_str(&scaled).unwrap();
    assert_eq!(
        spec.fit(&columns(), Vec::new()).unwrap_err().code(),
        "spec.invalid_feature"
    );
}

#[test]
fn a_bundle_keeps_few_golden_rows_and_does_not_say_elements_twice() {
    let predictor = predictor();
    let records = [record("[0,1,2,3,4,5]"), record("[[5,1,2],[3,4,0.5]]")];
    let rows = golden::choose(&predictor, &records, 2).unwrap();
    assert!(rows.iter().all(|row| row.features.len() == 1));
    let predictions = predictor.predict_columns(&columns()).unwrap();
    let bytes = BundleParts {
        name: "t".into(),
        version: "1.0.0".into(),
        features: spec(),
        model: model().into(),
        output: output(),
        profile: Profile::reference(&spec(), &columns(), &predictions).unwrap(),
        golden: rows,
        card: "# t".into(),
        provenance: serde_json::json!({}),
    }
    .to_bytes()
    .unwrap();
    let bundle = Bundle::from_bytes(&bytes).unwrap();
    let again = Predictor::new(&bundle).unwrap();
    again.check_golden(&bundle.golden().unwrap()).unwrap();
    let mut other = bundle.golden().unwrap();
    other[0].record = record("[0,1,2,3,4,6]");
    assert_eq!(
        again.check_golden(&other).unwrap_err().code(),
        "bundle.golden_mismatch"
    );

    let wide: FeatureSpec = toml::from_str(
        &SPEC
            .replacen("\"age\"", "\"years\"", 1)
            .replace("[2, 3]", "[20000]"),
    )
    .unwrap();
    let numbers = format!("[{}1]", "0,".repeat(19_999));
    let mut columns = Columns::new(1);
    columns.push("years", Column::Number(vec![1.0])).unwrap();
    columns
        .push(
            "image",
            Column::Tensor {
                width: 20_000,
                values: vec![0.0; 20_000],
            },
        )
        .unwrap();
    let model = LinearModel {
        inputs: 20_001,
        outputs: 1,
        weights: vec![1.0; 20_001],
        intercept: vec![0.0],
        accumulate: Accumulate::F64,
    };
    let output = Output {
        length: Some(1),
        ..output()
    };
    let wide = Predictor::from_parts(
        &wide.fit(&columns, Vec::new()).unwrap(),
        &Model::Linear(model),
        output,
    )
    .unwrap();
    assert_eq!(
        golden::choose(&wide, &vec![record(&numbers); 4], 32)
            .unwrap()
            .len(),
        1
    );
}

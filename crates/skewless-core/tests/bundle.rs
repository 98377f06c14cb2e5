//! Bundles through the public border: a small one is made, read, damaged in every byte, and answers bad records.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use skewless_core::plan::{
    Accumulate, Aggregate, LeafPrecision, Missing, Model, Node, Test, Tree, TreeModel,
};
use skewless_core::profile::Counts;
use skewless_core::{
    Bundle, BundleParts, Column, Columns, Counter, FeatureSpec, FittedSpec, Link, Output, Pipeline,
    Predictor, Profile, Record, Scratch, Task, TextColumn, Value, golden,
};

const SPEC: &str = r#"
unknown_fields = "reject"
[[input]]
name = "size"
type = "number"
unit = "m"
range = { min = 0, max = 100 }
[[input]]
name = "rooms"
type = "integer"
nullable = true
missing = [-999, "NA"]
range = { min = 0, max = 20, outside = "clip" }
[[input]]
name = "kind"
type = "category"
[[input]]
name = "sold"
type = "timestamp"
zone = "utc"
[[feature]]
name = "log_size"
op = "log1p"
from = "size"
"#;

fn spec() -> FeatureSpec {
    let features = "[[feature]]\nname = 'rooms_or_missing'\nop = 'passthrough_missing'\nfrom = 'rooms'\n\
        [[feature]]\nname = 'kinds'\nop = 'one_hot'\nfrom = 'kind'\nunknown_column = true\n\
        [[feature]]\nname = 'hour'\nop = 'date_part'\nfrom = 'sold'\npart = 'hour'\n";
    toml::from_str(&format!("{SPEC}{features}")).unwrap()
}

fn training() -> Columns {
    let mut columns = Columns::new(3);
    columns
        .push("size", Column::Number(vec![10.0, 20.0, 90.5]))
        .unwrap();
    columns
        .push("rooms", Column::Number(vec![1.0, f64::NAN, 4.0]))
        .unwrap();
    let kinds =
        TextColumn::from_dictionary(vec!["flat".into(), "house".into()], vec![0, 1, 0]).unwrap();
    columns.push("kind", Column::Text(kinds)).unwrap();
    let sold = TextColumn::from_values(
        [
            "2013-01-01T10:00Z",
            "2013-01-01T11:30:15+01:00",
            "2013-01-02T00:00Z",
        ]
        .map(Some),
    );
    columns.push("sold", Column::Text(sold)).unwrap();
    columns
}

fn fitted() -> FittedSpec {
    spec().fit(&training(), Vec::new()).unwrap()
}

/// Columns: log_size, rooms_or_missing, kinds=flat, kinds=house, kinds=?unknown, hour.
fn model() -> Model {
    let split = |input, test, missing, left, right| Node::Split {
        input,
        test,
        missing,
        left,
        right,
    };
    let leaf = |value| Node::Leaf { value };
    Model::Trees(TreeModel {
        inputs: 6,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.1],
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees: vec![
            Tree {
                output: 0,
                nodes: vec![
                    split(1, Test::Below(3.0), Missing::Right, 1, 2),
                    leaf(-0.3),
                    split(0, Test::AtMost(3.0), Missing::Left, 3, 4),
                    leaf(0.7),
                    leaf(1.1),
                ],
                covers: vec![8.0, 6.0, 2.0, 1.0, 1.0],
            },
            Tree {
                output: 0,
                nodes: vec![
                    split(5, Test::InSet(vec![0, 10]), Missing::Left, 1, 2),
                    leaf(0.01),
                    leaf(-0.02),
                ],
                covers: vec![8.0, 2.0, 6.0],
            },
        ],
    })
}

fn output() -> Output {
    Output {
        name: "expensive".into(),
        task: Task::Binary,
        link: Link::Logistic { scale: 1.0 },
        labels: vec!["no".into(), "yes".into()],
        ..Output::default()
    }
}

fn good() -> Record {
    Record::from_json(r#"{"size": 20, "rooms": 2, "kind": "flat", "sold": "2013-05-01T10:00Z"}"#)
        .unwrap()
}

fn bytes() -> Vec<u8> {
    let features = fitted();
    let predictor = Predictor::from_parts(&features, &model(), output()).unwrap();
    let predictions = predictor.predict_columns(&training()).unwrap();
    BundleParts {
        name: "houses".into(),
        version: "1.2.3".into(),
        profile: Profile::reference(&features, &training(), &predictions).unwrap(),
        golden: golden::choose(&predictor, &[good()], 1).unwrap(),
        features,
        model: model().into(),
        output: output(),
        card: "# Houses\n".into(),
        provenance: serde_json::json!({"_type": "https://in-toto.io/Statement/v1"}),
    }
    .to_bytes()
    .unwrap()
}

fn predictor() -> Predictor {
    Predictor::new(&Bundle::from_bytes(&bytes()).unwrap()).unwrap()
}

#[test]
fn the_same_parts_give_the_same_bytes_and_the_same_answers() {
    let bytes = bytes();
    assert_eq!(bytes, self::bytes());
    let bundle = Bundle::from_bytes(&bytes).unwrap();
    assert_eq!((bundle.size(), bundle.digest().len()), (bytes.len(), 64));
    let predictor = Predictor::new(&bundle).unwrap();
    predictor.check_golden(&bundle.golden().unwrap()).unwrap();
    let prediction = predictor.predict(&good()).unwrap();
    // rooms 2 < 3 → −0.3; hour 10 → +0.01; base 0.1.
    assert_eq!(prediction.raw, [0.1 + -0.3 + 0.01]);
    assert_eq!(prediction.label, Some(0));
}

#[test]
fn golden_rows_take_every_way() {
    let golden = Bundle::from_bytes(&bytes()).unwrap().golden().unwrap();
    let rooms: Vec<_> = golden.iter().map(|row| row.features[1]).collect();
    assert!(
        rooms.contains(&None) && rooms.contains(&Some(20.0)) && rooms.contains(&Some(0.0)),
        "{rooms:?}"
    );
    assert!(
        golden.iter().any(|row| row.features[4] == Some(1.0)),
        "no unseen category"
    );
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let good = bytes();
    for at in 0..good.len() {
        let cut = Bundle::from_bytes(&good[..at]).unwrap_err();
        assert!(
            matches!(cut.code(), "bundle.truncated" | "bundle.not_a_bundle"),
            "cut at {at}: {cut}"
        );
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let error = Bundle::from_bytes(&bad).map(|_| ()).unwrap_err();
            assert!(
                error.code().starts_with("bundle."),
                "byte {at}, bit {bit}: {error}"
            );
        }
    }
}

#[test]
fn damaged_plans_never_panic() {
    // The plan alone, without the digests that protect it in a bundle.
    let plan = model().encode().unwrap();
    let rows = [0.0; 6];
    for at in 0..plan.len() {
        assert!(
            skewless_core::plan::decode(&plan[..at]).is_err(),
            "cut at {at}"
        );
        for value in [0, 1, 2, 7, 127, 128, 255] {
            let mut bad = plan.clone();
            bad[at] = value;
            if let Ok(engine) = skewless_core::plan::decode(&bad) {
                let mut raw = vec![0.0; engine.outputs()];
                let _ = engine.score(&rows, &mut Default::default(), &mut raw);
            }
        }
    }
}

#[test]
fn bad_records_are_coded() {
    let predictor = predictor();
    let long = format!("\"{}\"", "x".repeat(10_000));
    let cases = [
        ("size", "null", "input.missing_field"),
        ("size", "\"20\"", "input.wrong_type"),
        ("size", "true", "input.wrong_type"),
        ("size", "[20]", "input.wrong_type"),
        ("size", "100.5", "input.out_of_range"),
        ("rooms", "2.5", "input.not_integer"),
        ("rooms", "\"two\"", "input.wrong_type"),
        ("kind", "7", "input.wrong_type"),
        ("kind", long.as_str(), "input.too_long"),
        ("sold", "\"2013-05-01T10:00\"", "input.invalid_timestamp"),
        ("sold", "\"yesterday\"", "input.invalid_timestamp"),
        ("sold", "12", "input.wrong_type"),
        ("colour", "1", "input.unknown_field"),
    ];
    for (field, value, code) in cases {
        let mut record = good();
        record.set(field, serde_json::from_str(value).unwrap());
        let error = predictor.predict(&record).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (code, Some(field)),
            "{field} = {value}: {error}"
        );
        assert_eq!(predictor.validate(&record).len(), 1);
    }
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        let mut record = good();
        record.set("size", skewless_core::Value::Number(value));
        assert_eq!(
            predictor.predict(&record).unwrap_err().code(),
            "input.not_finite"
        );
    }
}

#[test]
fn missing_tokens_clips_and_unseen_categories_are_answered() {
    let predictor = predictor();
    let row = |field: &str, value: &str| {
        let mut record = good();
        record.set(field, serde_json::from_str(value).unwrap());
        predictor.feature_row(&record).unwrap()
    };
    assert!(
        row("rooms", "-999")[1].is_nan()
            && row("rooms", "\"NA\"")[1].is_nan()
            && row("rooms", "null")[1].is_nan()
    );
    assert_eq!((row("rooms", "99")[1], row("rooms", "-3")[1]), (20.0, 0.0));
    assert_eq!(row("kind", "\"castle\"")[2..5], [0.0, 0.0, 1.0]);
}

#[test]
fn a_bad_row_fails_alone() {
    let predictor = predictor();
    let mut bad = good();
    bad.set("size", skewless_core::Value::Number(-1.0));
    let batch = predictor.predict_records(&[good(), bad, good()]).unwrap();
    assert_eq!(batch.row(0).unwrap(), batch.row(2).unwrap());
    let error = batch.row(1).unwrap_err();
    assert_eq!((error.code(), error.row()), ("input.out_of_range", Some(1)));
    assert!(batch.raw[1].is_nan() && batch.values[1].is_nan());
    assert_eq!(
        predictor
            .predict_columns(&Columns::new(0))
            .unwrap_err()
            .code(),
        "input.empty_batch"
    );
}

#[test]
fn profiles_count_and_merge() {
    let bundle = Bundle::from_bytes(&bytes()).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    let reference = bundle.profile().unwrap();
    let pipeline = predictor.pipeline();
    let mut scratch = Scratch::default();
    scratch.counter = Some(Counter::new(pipeline, &reference).unwrap());
    predictor
        .predict_columns_with(&training(), &mut scratch)
        .unwrap();
    let mut seen = scratch.counter.take().unwrap().profile().clone();
    assert_eq!(seen, reference);
    seen.merge(&reference).unwrap();
    assert_eq!((seen.rows, seen.inputs[1].missing), (6, 2));
    assert!(seen.merge(&Profile::default()).is_err());
    let other = Counter::new(pipeline, &Profile::default());
    assert_eq!(other.unwrap_err().code(), "misuse.profile");
}

#[test]
fn records_are_counted_as_they_are_answered() {
    let bundle = Bundle::from_bytes(&bytes()).unwrap();
    let predictor = Predictor::new(&bundle).unwrap();
    let reference = bundle.profile().unwrap();
    let mut scratch = Scratch::default();
    let counter = Counter::new(predictor.pipeline(), &reference);
    scratch.counter = Some(counter.unwrap());
    let record = |kind: &str, size: f64, rooms: Value| {
        let mut record = good();
        record.set("kind", Value::Text(kind.into()));
        record.set("size", Value::Number(size));
        record.set("rooms", rooms);
        record
    };
    let missing = || Value::Number(f64::NAN);
    let batches = [
        vec![
            record("flat", 20.0, Value::Number(1.0)),
            record("castle", 90.0, missing()),
            record("house", -1.0, Value::Number(1.0)),
        ],
        vec![record("house", 5.0, missing())],
    ];
    for batch in &batches {
        predictor.predict_records_with(batch, &mut scratch).unwrap();
    }
    let seen = scratch.counter.unwrap().profile().clone();
    assert_eq!((seen.rows, seen.failed), (3, 1));
    let of = |name: &str| seen.inputs.iter().find(|input| input.name == name).unwrap();
    assert_eq!((of("rooms").missing, of("size").missing), (2, 0));
    let Counts::Numbers(sizes) = &of("size").counts else {
        panic!("sizes are numbers");
    };
    // The edges are training values: 5 lies below all of them, 20 and 90 between the others.
    assert_eq!(sizes.edges, [10.0, 20.0, 90.5]);
    assert_eq!(sizes.counts, [1, 0, 2, 0]);
    let Counts::Categories {
        values,
        counts,
        other,
        out_of_vocabulary,
    } = &of("kind").counts
    else {
        panic!("kinds are categories");
    };
    assert_eq!(values, &["flat", "house"]);
    // The record that failed counts nowhere else; the castle is known to no feature.
    assert_eq!(
        (&counts[..], *other, *out_of_vocabulary),
        (&[1, 1][..], 0, 1)
    );
    assert_eq!(seen.predictions.counts.iter().sum::<u64>(), 3);
}

#[test]
fn personal_data_is_withheld_from_errors() {
    let mut spec = spec();
    spec.input.iter_mut().for_each(|input| input.pii = true);
    let pipeline = Pipeline::new(&spec.fit(&training(), Vec::new()).unwrap()).unwrap();
    let mut columns = Columns::new(1);
    columns
        .push("size", Column::Number(vec![123_456.0]))
        .unwrap();
    columns.push("rooms", Column::Number(vec![2.75])).unwrap();
    let long = "secret".repeat(100);
    columns
        .push(
            "kind",
            Column::Text(TextColumn::from_values([Some(long.as_str())])),
        )
        .unwrap();
    columns
        .push(
            "sold",
            Column::Text(TextColumn::from_values([Some("secret day")])),
        )
        .unwrap();
    let errors = pipeline.transform(&columns, 0..1).unwrap().errors;
    assert_eq!(errors.len(), 4);
    for error in errors {
        assert_eq!(error.value(), Some("withheld"), "{error}");
        assert!(
            !["secret", "123456", "2.75"]
                .iter()
                .any(|word| error.message().contains(word)),
            "{error}"
        );
    }
}

#[test]
fn a_specification_of_endless_columns_is_refused() {
    let features: String = (0..500)
        .map(|at| format!("[[feature]]\nname = 'f{at}'\nop = 'hash'\nfrom = 'kind'\nbuckets = 1048576\nencode = 'one_hot'\n"))
        .collect();
    let inputs = SPEC.split("[[feature]]").next().unwrap();
    let spec: FeatureSpec = toml::from_str(&format!("{inputs}{features}")).unwrap();
    assert_eq!(
        spec.fit(&training(), Vec::new()).unwrap_err().code(),
        "spec.invalid_feature"
    );
}

#[test]
fn times_beyond_the_calendar_are_refused_as_numbers_too() {
    let predictor = predictor();
    for seconds in [1e20, -1e300, 253_402_300_800.0] {
        let mut columns = Columns::new(1);
        columns.push("size", Column::Number(vec![10.0])).unwrap();
        columns
            .push(
                "kind",
                Column::Text(TextColumn::from_values([Some("flat")])),
            )
            .unwrap();
        columns.push("sold", Column::Number(vec![seconds])).unwrap();
        let batch = predictor.predict_columns(&columns).unwrap();
        assert_eq!(
            batch.row(0).unwrap_err().code(),
            "input.invalid_timestamp",
            "{seconds}"
        );
    }
}

#[test]
fn a_bundle_without_golden_rows_proves_nothing() {
    assert_eq!(
        golden::from_jsonl("").unwrap_err().code(),
        "bundle.invalid_golden"
    );
}

proptest! {
    /// A record alone, records together and columns give the same bits.
    #[test]
    fn one_code_for_records_and_columns(
        rows in prop::collection::vec((-5.0..110.0_f64, prop::option::of(-3..25_i32), "flat|house|hut", 0..30_i64), 1..40)
    ) {
        let predictor = predictor();
        let mut columns = Columns::new(rows.len());
        columns.push("size", Column::Number(rows.iter().map(|row| row.0).collect())).unwrap();
        columns.push("rooms", Column::Number(rows.iter().map(|row| row.1.map_or(f64::NAN, f64::from)).collect())).unwrap();
        columns.push("kind", Column::Text(TextColumn::from_values(rows.iter().map(|row| Some(row.2.as_str()))))).unwrap();
        let sold: Vec<String> = rows.iter().map(|row| format!("2013-01-01T{:02}:00Z", row.3)).collect();
        columns.push("sold", Column::Text(TextColumn::from_values(sold.iter().map(|text| Some(text.as_str()))))).unwrap();
        let records: Vec<Record> = rows.iter().zip(&sold).map(|(row, sold)| {
            let json = serde_json::json!({"size": row.0, "rooms": row.1, "kind": row.2, "sold": sold});
            Record::from_json(&json.to_string()).unwrap()
        }).collect();
        let by_columns = predictor.predict_columns(&columns).unwrap();
        let by_records = predictor.predict_records(&records).unwrap();
        for (index, record) in records.iter().enumerate() {
            let alone = predictor.predict(record).map_err(|error| error.code());
            prop_assert_eq!(&alone, &by_columns.row(index).map_err(|error| error.code()));
            prop_assert_eq!(&alone, &by_records.row(index).map_err(|error| error.code()));
        }
    }
}

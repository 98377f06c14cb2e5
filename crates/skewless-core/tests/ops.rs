//! Every op against its formula, through the public border: written specification in, feature row out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use skewless_core::{Column, Columns, FeatureSpec, Pipeline, Record, TextColumn};

/// Four training rows; the third has every nullable input missing.
const ROWS: &str = r#"
{"a": 1, "b": 0,  "flag": true,  "c": "x", "d": "2013-01-31", "t": "2013-01-31T23:59:30", "n": 5}
{"a": 2, "b": 4,  "flag": false, "c": "y", "d": "2012-02-29", "t": "2012-02-29T00:00", "n": 5}
{"a": 3, "b": -2, "flag": false, "c": null, "d": "1969-12-31", "t": "1969-12-31T12:30:00.5", "n": null}
{"a": 6, "b": 8,  "flag": true,  "c": "x", "d": "2000-12-31", "t": "2000-12-31T06:01", "n": 9}
"#;

const INPUTS: &str = r#"
[[input]]
name = "a"
type = "number"
[[input]]
name = "b"
type = "number"
[[input]]
name = "flag"
type = "boolean"
[[input]]
name = "c"
type = "category"
nullable = true
[[input]]
name = "d"
type = "date"
[[input]]
name = "t"
type = "timestamp"
zone = "local"
[[input]]
name = "n"
type = "number"
nullable = true
"#;

fn spec(features: &str) -> FeatureSpec {
    toml::from_str(&format!("{INPUTS}{features}")).unwrap()
}

fn records() -> Vec<Record> {
    ROWS.trim()
        .lines()
        .map(|line| Record::from_json(line).unwrap())
        .collect()
}

fn columns(records: &[Record]) -> Columns {
    use skewless_core::Value;
    let mut columns = Columns::new(records.len());
    for name in ["a", "b", "flag", "n"] {
        let values = records.iter().map(|record| match record.value(name) {
            Some(Value::Number(value)) => *value,
            Some(Value::Bool(value)) => f64::from(u8::from(*value)),
            _ => f64::NAN,
        });
        columns
            .push(name, Column::Number(values.collect()))
            .unwrap();
    }
    for name in ["c", "d", "t"] {
        let values = records.iter().map(|record| match record.value(name) {
            Some(Value::Text(value)) => Some(value.as_str()),
            _ => None,
        });
        columns
            .push(name, Column::Text(TextColumn::from_values(values)))
            .unwrap();
    }
    columns
}

/// Fits the features on the four rows and transforms them; one list of columns a row.
fn rows_of(features: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    let columns = columns(&records());
    let fitted = spec(features).fit(&columns, Vec::new()).unwrap();
    let text = serde_json::to_string(&fitted).unwrap();
    let pipeline = Pipeline::new(&serde_json::from_str(&text).unwrap()).unwrap();
    let rows = pipeline.transform(&columns, 0..4).unwrap();
    assert!(rows.errors.is_empty(), "{:?}", rows.errors);
    (
        pipeline.column_names(),
        rows.values
            .chunks(rows.width)
            .map(<[f64]>::to_vec)
            .collect(),
    )
}

const NAN: f64 = f64::NAN;

/// The op as written, the columns' names, and each row's columns.
type Case = (&'static str, &'static [&'static str], [&'static [f64]; 4]);

#[test]
fn each_op_gives_what_its_formula_says() {
    let cases: &[Case] = &[
        (
            "op = 'number'\nfrom = 'flag'",
            &["f"],
            [&[1.0], &[0.0], &[0.0], &[1.0]],
        ),
        (
            "op = 'passthrough_missing'\nfrom = 'n'",
            &["f"],
            [&[5.0], &[5.0], &[NAN], &[9.0]],
        ),
        (
            "op = 'impute'\nfrom = 'n'\nstrategy = 'constant'\nvalue = -1",
            &["f"],
            [&[5.0], &[5.0], &[-1.0], &[9.0]],
        ),
        (
            "op = 'impute'\nfrom = 'n'\nstrategy = 'mean'\nindicator = true",
            &["f", "f_missing"],
            [&[5.0, 0.0], &[5.0, 0.0], &[19.0 / 3.0, 1.0], &[9.0, 0.0]],
        ),
        (
            "op = 'impute'\nfrom = 'n'\nstrategy = 'median'",
            &["f"],
            [&[5.0], &[5.0], &[5.0], &[9.0]],
        ),
        (
            "op = 'impute'\nfrom = 'n'\nstrategy = 'most_frequent'",
            &["f"],
            [&[5.0], &[5.0], &[5.0], &[9.0]],
        ),
        (
            "op = 'clip'\nfrom = 'b'\nmin = 0\nmax = 4",
            &["f"],
            [&[0.0], &[4.0], &[0.0], &[4.0]],
        ),
        // Mean 3, population standard deviation √3.5.
        (
            "op = 'standardize'\nfrom = 'a'",
            &["f"],
            [
                &[-2.0 / 1.870_828_693_386_970_7],
                &[-1.0 / 1.870_828_693_386_970_7],
                &[0.0],
                &[3.0 / 1.870_828_693_386_970_7],
            ],
        ),
        (
            "op = 'min_max'\nfrom = 'b'",
            &["f"],
            [&[0.2], &[0.6], &[0.0], &[1.0]],
        ),
        (
            "op = 'min_max'\nfrom = 'b'\nmin = 0\nmax = 4",
            &["f"],
            [&[0.0], &[1.0], &[-0.5], &[2.0]],
        ),
        (
            "op = 'bucketize'\nfrom = 'a'\nedges = [2, 3]",
            &["f"],
            [&[0.0], &[1.0], &[2.0], &[2.0]],
        ),
        (
            "op = 'bucketize'\nfrom = 'a'\nedges = [2, 3]\nclosed = 'right'",
            &["f"],
            [&[0.0], &[0.0], &[1.0], &[2.0]],
        ),
        (
            "op = 'bucketize'\nfrom = 'n'\nedges = [6]\nencode = 'one_hot'",
            &["f=0", "f=1"],
            [&[1.0, 0.0], &[1.0, 0.0], &[0.0, 0.0], &[0.0, 1.0]],
        ),
        // Quartile edges by linear interpolation: 1.75, 2.5, 3.75.
        (
            "op = 'bucketize'\nfrom = 'a'\nquantiles = 4",
            &["f"],
            [&[0.0], &[1.0], &[2.0], &[3.0]],
        ),
        (
            "op = 'one_hot'\nfrom = 'c'",
            &["f=x", "f=y"],
            [&[1.0, 0.0], &[0.0, 1.0], &[0.0, 0.0], &[1.0, 0.0]],
        ),
        (
            "op = 'one_hot'\nfrom = 'c'\nvocabulary = ['y']\nunknown_column = true\nmissing_column = true",
            &["f=y", "f=?unknown", "f=?missing"],
            [
                &[0.0, 1.0, 0.0],
                &[1.0, 0.0, 0.0],
                &[0.0, 0.0, 1.0],
                &[0.0, 1.0, 0.0],
            ],
        ),
        (
            "op = 'one_hot'\nfrom = 'c'\nmin_count = 2",
            &["f=x"],
            [&[1.0], &[0.0], &[0.0], &[1.0]],
        ),
        (
            "op = 'ordinal'\nfrom = 'c'",
            &["f"],
            [&[0.0], &[1.0], &[NAN], &[0.0]],
        ),
        (
            "op = 'ordinal'\nfrom = 'c'\nvocabulary = ['y']",
            &["f"],
            [&[1.0], &[0.0], &[NAN], &[1.0]],
        ),
        (
            "op = 'difference'\nfrom = ['a', 'b']",
            &["f"],
            [&[1.0], &[-2.0], &[5.0], &[-2.0]],
        ),
        (
            "op = 'ratio'\nfrom = ['a', 'b']",
            &["f"],
            [&[NAN], &[0.5], &[-1.5], &[0.75]],
        ),
        (
            "op = 'product'\nfrom = ['a', 'b', 'flag']",
            &["f"],
            [&[0.0], &[0.0], &[-0.0], &[48.0]],
        ),
        (
            "op = 'normalize'\nfrom = ['a', 'b']",
            &["f"],
            [&[1.0], &[0.5], &[1.5], &[0.75]],
        ),
        (
            "op = 'normalize'\nfrom = ['a', 'a', 'b']\nnorm = 'l1'",
            &["f"],
            [&[1.0], &[2.0 / 6.0], &[0.6], &[6.0 / 14.0]],
        ),
        (
            "op = 'normalize'\nfrom = ['a', 'a', 'b']\nnorm = 'max'",
            &["f"],
            [&[1.0], &[0.5], &[1.0], &[0.75]],
        ),
        (
            "op = 'date_part'\nfrom = 'd'\npart = 'year'",
            &["f"],
            [&[2013.0], &[2012.0], &[1969.0], &[2000.0]],
        ),
        (
            "op = 'date_part'\nfrom = 'd'\npart = 'month'",
            &["f"],
            [&[1.0], &[2.0], &[12.0], &[12.0]],
        ),
        (
            "op = 'date_part'\nfrom = 'd'\npart = 'day'",
            &["f"],
            [&[31.0], &[29.0], &[31.0], &[31.0]],
        ),
        (
            "op = 'date_part'\nfrom = 'd'\npart = 'day_of_week'",
            &["f"],
            [&[3.0], &[2.0], &[2.0], &[6.0]],
        ),
        (
            "op = 'date_part'\nfrom = 'd'\npart = 'day_of_year'",
            &["f"],
            [&[31.0], &[60.0], &[365.0], &[366.0]],
        ),
        (
            "op = 'date_part'\nfrom = 't'\npart = 'hour'",
            &["f"],
            [&[23.0], &[0.0], &[12.0], &[6.0]],
        ),
        (
            "op = 'date_part'\nfrom = 't'\npart = 'minute'",
            &["f"],
            [&[59.0], &[0.0], &[30.0], &[1.0]],
        ),
        (
            "op = 'date_part'\nfrom = 't'\npart = 'minute_of_day'",
            &["f"],
            [&[1439.0], &[0.0], &[750.0], &[361.0]],
        ),
        // scikit-learn: murmurhash3_32("x") = 1050319643, ("y") = 1199411734.
        (
            "op = 'hash'\nfrom = 'c'\nbuckets = 1000",
            &["f"],
            [&[643.0], &[734.0], &[NAN], &[643.0]],
        ),
    ];
    for (op, names, expected) in cases {
        let (found_names, found) = rows_of(&format!("[[feature]]\nname = 'f'\n{op}\n"));
        assert_eq!(&found_names, names, "{op}");
        for (row, expected) in expected.iter().enumerate() {
            let bits = |row: &[f64]| {
                row.iter()
                    .map(|value| {
                        if value.is_nan() {
                            None
                        } else {
                            Some(value.to_bits())
                        }
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                bits(&found[row]),
                bits(expected),
                "{op}\nrow {row}: {:?} where {expected:?} is due",
                found[row]
            );
        }
    }
}

#[test]
fn transcendental_ops_stay_within_an_ulp_of_the_platform() {
    let (names, rows) = rows_of(
        "[[feature]]\nname = 'l'\nop = 'log1p'\nfrom = 'a'\n[[feature]]\nname = 'w'\nop = 'cyclic'\nfrom = 'a'\nperiod = 7",
    );
    assert_eq!(names, ["l", "w_sin", "w_cos"]);
    for (row, a) in rows.iter().zip([1.0_f64, 2.0, 3.0, 6.0]) {
        let angle = std::f64::consts::TAU * a / 7.0;
        for (found, expected) in row.iter().zip([a.ln_1p(), angle.sin(), angle.cos()]) {
            assert!(
                (found - expected).abs() <= 2.0 * f64::EPSILON,
                "{found} {expected}"
            );
        }
    }
}

#[test]
fn features_build_on_features() {
    let (names, rows) = rows_of(
        "[[feature]]\nname = 'year'\nop = 'date_part'\nfrom = 'd'\npart = 'year'\nhidden = true\n\
         [[feature]]\nname = 'filled'\nop = 'impute'\nfrom = 'c'\nstrategy = 'most_frequent'\nhidden = true\n\
         [[feature]]\nname = 'age'\nop = 'difference'\nfrom = ['year', 'a']\n\
         [[feature]]\nname = 'code'\nop = 'ordinal'\nfrom = 'filled'\n\
         [[feature]]\nname = 'both'\nop = 'cross'\nfrom = ['filled', 'filled']\nbuckets = 1000000\nseed = 7",
    );
    assert_eq!(names, ["age", "code", "both"]);
    assert_eq!(
        rows.iter().map(|row| row[..2].to_vec()).collect::<Vec<_>>(),
        [[2012.0, 0.0], [2010.0, 1.0], [1966.0, 0.0], [1994.0, 0.0]]
    );
    assert_eq!(rows[0][2], rows[2][2]);
    assert_ne!(rows[0][2], rows[1][2]);
}

#[test]
fn lookups_find_miss_and_default() {
    use skewless_core::spec::{LookupColumn, LookupTable};
    let table = LookupTable {
        name: "t".into(),
        keys: vec!["w".into(), "x".into()],
        columns: vec![LookupColumn {
            name: "v".into(),
            values: vec![Some(4.0), None],
        }],
    };
    let spec = spec(
        "[[feature]]\nname = 'plain'\nop = 'lookup'\nfrom = 'c'\ntable = 't'\ncolumn = 'v'\n\
         [[feature]]\nname = 'default'\nop = 'lookup'\nfrom = 'c'\ntable = 't'\ncolumn = 'v'\ndefault = -7",
    );
    let columns = columns(&records());
    let pipeline = Pipeline::new(&spec.fit(&columns, vec![table]).unwrap()).unwrap();
    let rows = pipeline.transform(&columns, 0..4).unwrap();
    // x is in the table without a value; y is not in it; the third row is missing.
    let shown: Vec<_> = rows
        .values
        .iter()
        .map(|value| (!value.is_nan()).then_some(*value))
        .collect();
    assert_eq!(
        shown,
        [None, None, None, Some(-7.0), None, None, None, None]
    );
}

#[test]
fn a_specification_that_cannot_be_is_refused_by_name() {
    let cases = [
        (
            "[[feature]]\nname = 'f'\nop = 'clip'\nfrom = 'a'\nedges = [1]",
            "spec.stray_parameter",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'nobody'",
            "spec.unknown_source",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'n'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'c'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'one_hot'\nfrom = 'a'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'a'\nop = 'number'\nfrom = 'b'",
            "spec.duplicate_name",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'number'\nfrom = ['a', 'b']",
            "spec.sources",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'difference'\nfrom = ['d', 't']",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'date_part'\nfrom = 'd'\npart = 'hour'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'bucketize'\nfrom = 'a'\nedges = [2, 1]",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'cyclic'\nfrom = 'a'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'impute'\nfrom = 'c'\nstrategy = 'most_frequent'",
            "spec.invalid_feature",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'a'\nhidden = true",
            "spec.no_features",
        ),
        (
            "[[feature]]\nname = 'f'\nop = 'lookup'\nfrom = 'c'\ntable = 'gone'\ncolumn = 'x'",
            "spec.invalid_feature",
        ),
        (
            "[[input]]\nname = 'z'\ntype = 'number'\nknown_at_prediction = false\n[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'z'",
            "spec.leak",
        ),
        (
            "[[input]]\nname = 'z'\ntype = 'number'\nrole = 'label'\n[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'z'",
            "spec.role",
        ),
        (
            "[[input]]\nname = 'z'\ntype = 'timestamp'\n[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'a'",
            "spec.invalid_input",
        ),
        (
            "[[input]]\nname = 'z'\ntype = 'number'\nrange = { min = 2, max = 1 }\n[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'a'",
            "spec.invalid_input",
        ),
        (
            "[[input]]\nname = 'z'\ntype = 'number'\nmax_age = 'soon'\n[[feature]]\nname = 'f'\nop = 'number'\nfrom = 'a'",
            "spec.invalid_input",
        ),
    ];
    for (text, code) in cases {
        let error = spec(text)
            .fit(&columns(&records()), Vec::new())
            .unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(
            error.field().is_some() || code == "spec.no_features",
            "{text}: {error}"
        );
    }
}

#[test]
fn an_overflow_on_the_way_is_an_error_and_not_a_missing_value() {
    let features = "[[feature]]\nname = 'aa'\nop = 'product'\nfrom = ['a', 'a']\nhidden = true\n\
         [[feature]]\nname = 'bb'\nop = 'product'\nfrom = ['b', 'b']\nhidden = true\n\
         [[feature]]\nname = 'gap'\nop = 'difference'\nfrom = ['aa', 'bb']\n";
    let fitted = spec(features)
        .fit(&columns(&records()), Vec::new())
        .unwrap();
    let pipeline = Pipeline::new(&fitted).unwrap();
    let mut columns = Columns::new(2);
    columns.push("a", Column::Number(vec![1e200, 2.0])).unwrap();
    columns.push("b", Column::Number(vec![1e200, 3.0])).unwrap();
    let rows = pipeline.transform(&columns, 0..2).unwrap();
    let faults: Vec<_> = rows
        .errors
        .iter()
        .map(|error| (error.code(), error.row(), error.field()))
        .collect();
    assert_eq!(faults[0], ("input.out_of_domain", Some(0), Some("aa")));
    assert!(
        faults.iter().all(|(_, row, _)| *row == Some(0)),
        "{faults:?}"
    );
    assert_eq!(rows.values[1], -5.0);
}

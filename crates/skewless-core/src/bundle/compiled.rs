//! The part `spec.plan`: `features.json` and `output.json` without what only people read, as bytes that a page reads
//! without a JSON reader. Whoever reads the JSON parts proves that they say the same.

use super::wire::{PART, Reader, Wire, Writer};
use crate::error::{Error, Result};
use crate::output::{ConformalMethod, Link, Output, Task};
use crate::spec::{
    Closed, DatePart, Encode, FittedFeature, FittedOp, FittedSpec, Input, InputType, LookupTable,
    Norm, Outside, Range, Token, UnknownFields,
};

/// Grows with every change of what follows. Bytes with nothing that a format has beyond the one before are of that one.
const FORMAT: u8 = 3;
/// The second format, whose conformal intervals are none of [`ConformalMethod::Cqr`].
const PROMISING: u8 = 2;
/// The first format, whose outputs have no calibration and no conformal quantiles.
const PLAIN: u8 = 1;

/// The bytes of a specification and an output.
pub(super) fn write(features: &FittedSpec, output: &Output) -> Vec<u8> {
    let mut writer = Writer::default();
    let method = output.conformal.as_ref().map(|conformal| conformal.method);
    let is_plain = output.calibration.is_none() && method.is_none();
    let mut format = match method {
        Some(ConformalMethod::Cqr) => FORMAT,
        _ if is_plain => PLAIN,
        _ => PROMISING,
    };
    writer.small(&mut format, u8::MAX);
    specification(&mut writer, &mut features.clone());
    answer(&mut writer, &mut output.clone());
    if !is_plain {
        confidence(&mut writer, &mut output.clone());
    }
    writer.0
}

/// The specification and the output of [`write`], without names, units and sentences that only people read.
///
/// # Errors
/// `bundle.invalid_features`, `unsupported.format_version`.
pub(super) fn read(bytes: &[u8]) -> Result<(FittedSpec, Output)> {
    let mut reader = Reader::new(bytes);
    let (mut format, mut features, mut output) = (0, FittedSpec::default(), Output::default());
    reader.small(&mut format, u8::MAX);
    if !(PLAIN..=FORMAT).contains(&format) {
        let message = "spec.plan has a format that this version does not read";
        return Err(Error::unsupported("unsupported.format_version", message).with_field(PART));
    }
    specification(&mut reader, &mut features);
    answer(&mut reader, &mut output);
    if format > PLAIN {
        confidence(&mut reader, &mut output);
    }
    reader.end()?;
    Ok((features, output))
}

fn specification(wire: &mut impl Wire, spec: &mut FittedSpec) {
    choice(
        wire,
        &mut spec.unknown_fields,
        &[UnknownFields::Ignore, UnknownFields::Reject],
    );
    wire.list(&mut spec.inputs, input);
    wire.list(&mut spec.lookups, lookup);
    wire.list(&mut spec.features, feature);
}

/// One of a list of values without content, by its place.
fn choice<T: Copy + PartialEq>(wire: &mut impl Wire, value: &mut T, all: &[T]) {
    let known = all.iter().zip(0_u8..).find(|(known, _)| *known == value);
    let mut place = known.map_or(0, |(_, place)| place);
    let limit = u8::try_from(all.len()).unwrap_or(u8::MAX);
    wire.small(&mut place, limit);
    if let Some(known) = all.get(usize::from(place)) {
        *value = *known;
    }
}

const TYPES: [InputType; 8] = [
    InputType::Number,
    InputType::Integer,
    InputType::Boolean,
    InputType::Category,
    InputType::Text,
    InputType::Timestamp,
    InputType::Date,
    InputType::Tensor,
];

fn input(wire: &mut impl Wire, input: &mut Input) {
    wire.text(&mut input.name);
    choice(wire, &mut input.kind, &TYPES);
    wire.flag(&mut input.nullable);
    wire.flag(&mut input.known_at_prediction);
    wire.flag(&mut input.pii);
    wire.list(&mut input.missing, token);
    wire.option(&mut input.range, range);
    // The unit stands in the sentence that says what the range is.
    wire.option(&mut input.unit, |wire, unit| wire.text(unit));
    wire.option(&mut input.zone, |wire, zone| wire.text(zone));
    wire.option(&mut input.max_length, |wire, length| wire.size(length));
    wire.option(&mut input.shape, |wire, shape| {
        wire.list(shape, |wire, length| wire.size(length))
    });
}

fn token(wire: &mut impl Wire, token: &mut Token) {
    let mut is_text = matches!(token, Token::Text(_));
    wire.flag(&mut is_text);
    if is_text && !matches!(token, Token::Text(_)) {
        *token = Token::Text(String::new());
    }
    match token {
        Token::Number(number) => wire.number(number),
        Token::Text(text) => wire.text(text),
    }
}

fn range(wire: &mut impl Wire, range: &mut Range) {
    wire.option(&mut range.min, |wire, min| wire.number(min));
    wire.option(&mut range.max, |wire, max| wire.number(max));
    choice(
        wire,
        &mut range.outside,
        &[Outside::Reject, Outside::Clip, Outside::Missing],
    );
}

/// Keys rise, so that each begins as the one before it does.
fn lookup(wire: &mut impl Wire, table: &mut LookupTable) {
    wire.text(&mut table.name);
    let mut before = String::new();
    wire.list(&mut table.keys, |wire, key| {
        wire.text_after(&before, key);
        before.clone_from(key);
    });
    wire.list(&mut table.columns, |wire, column| {
        wire.text(&mut column.name);
        wire.list(&mut column.values, |wire, value| {
            let mut number = value.unwrap_or(f64::NAN);
            wire.number(&mut number);
            *value = (!number.is_nan()).then_some(number);
        });
    });
}

fn feature(wire: &mut impl Wire, feature: &mut FittedFeature) {
    wire.text(&mut feature.name);
    wire.list(&mut feature.from, |wire, name| wire.text(name));
    wire.flag(&mut feature.hidden);
    let mut place = place_of(&feature.op);
    wire.small(&mut place, OPS);
    if place != place_of(&feature.op) {
        feature.op = op_at(place);
    }
    op(wire, &mut feature.op);
}

/// The number of ops.
const OPS: u8 = 20;

fn place_of(op: &FittedOp) -> u8 {
    match op {
        FittedOp::Number => 0,
        FittedOp::PassthroughMissing => 1,
        FittedOp::Impute { .. } => 2,
        FittedOp::ImputeCategory { .. } => 3,
        FittedOp::Clip { .. } => 4,
        FittedOp::Standardize { .. } => 5,
        FittedOp::MinMax { .. } => 6,
        FittedOp::Log1p => 7,
        FittedOp::Bucketize { .. } => 8,
        FittedOp::OneHot { .. } => 9,
        FittedOp::Ordinal { .. } => 10,
        FittedOp::Hash { .. } => 11,
        FittedOp::Cross { .. } => 12,
        FittedOp::Difference => 13,
        FittedOp::Ratio => 14,
        FittedOp::Product => 15,
        FittedOp::DatePart { .. } => 16,
        FittedOp::Cyclic { .. } => 17,
        FittedOp::Lookup { .. } => 18,
        FittedOp::Normalize { .. } => 19,
    }
}

/// An op by its place, with parameters that are still to be read.
fn op_at(place: u8) -> FittedOp {
    let (vocabulary, encode) = (Vec::new(), Encode::Index);
    let (buckets, seed) = (0, 0);
    match place {
        1 => FittedOp::PassthroughMissing,
        2 => FittedOp::Impute {
            value: 0.0,
            indicator: false,
        },
        3 => FittedOp::ImputeCategory {
            value: String::new(),
        },
        4 => FittedOp::Clip {
            min: None,
            max: None,
        },
        5 => FittedOp::Standardize {
            mean: 0.0,
            std: 0.0,
        },
        6 => FittedOp::MinMax { min: 0.0, max: 0.0 },
        7 => FittedOp::Log1p,
        8 => FittedOp::Bucketize {
            edges: Vec::new(),
            closed: Closed::Left,
            encode,
        },
        9 => FittedOp::OneHot {
            vocabulary,
            unknown_column: false,
            missing_column: false,
        },
        10 => FittedOp::Ordinal { vocabulary },
        11 => FittedOp::Hash {
            buckets,
            seed,
            encode,
        },
        12 => FittedOp::Cross {
            buckets,
            seed,
            encode,
        },
        13 => FittedOp::Difference,
        14 => FittedOp::Ratio,
        15 => FittedOp::Product,
        16 => FittedOp::DatePart {
            part: DatePart::Year,
        },
        17 => FittedOp::Cyclic { period: 0.0 },
        18 => FittedOp::Lookup {
            table: String::new(),
            column: String::new(),
            default: None,
        },
        19 => FittedOp::Normalize { norm: Norm::L1 },
        _ => FittedOp::Number,
    }
}

const ENCODINGS: [Encode; 2] = [Encode::Index, Encode::OneHot];
const PARTS_OF_DATES: [DatePart; 8] = [
    DatePart::Year,
    DatePart::Month,
    DatePart::Day,
    DatePart::DayOfWeek,
    DatePart::DayOfYear,
    DatePart::Hour,
    DatePart::Minute,
    DatePart::MinuteOfDay,
];

fn op(wire: &mut impl Wire, op: &mut FittedOp) {
    match op {
        FittedOp::Number
        | FittedOp::PassthroughMissing
        | FittedOp::Log1p
        | FittedOp::Difference
        | FittedOp::Ratio
        | FittedOp::Product => {}
        FittedOp::Impute { value, indicator } => {
            wire.number(value);
            wire.flag(indicator);
        }
        FittedOp::ImputeCategory { value } => wire.text(value),
        FittedOp::Clip { min, max } => {
            wire.option(min, |wire, min| wire.number(min));
            wire.option(max, |wire, max| wire.number(max));
        }
        FittedOp::Standardize { mean: a, std: b } | FittedOp::MinMax { min: a, max: b } => {
            wire.number(a);
            wire.number(b);
        }
        FittedOp::Bucketize {
            edges,
            closed,
            encode,
        } => {
            wire.list(edges, |wire, edge| wire.number(edge));
            choice(wire, closed, &[Closed::Left, Closed::Right]);
            choice(wire, encode, &ENCODINGS);
        }
        FittedOp::OneHot {
            vocabulary,
            unknown_column,
            missing_column,
        } => {
            wire.list(vocabulary, |wire, category| wire.text(category));
            wire.flag(unknown_column);
            wire.flag(missing_column);
        }
        FittedOp::Ordinal { vocabulary } => {
            wire.list(vocabulary, |wire, category| wire.text(category));
        }
        FittedOp::Hash {
            buckets,
            seed,
            encode,
        }
        | FittedOp::Cross {
            buckets,
            seed,
            encode,
        } => {
            word(wire, buckets);
            word(wire, seed);
            choice(wire, encode, &ENCODINGS);
        }
        FittedOp::DatePart { part } => choice(wire, part, &PARTS_OF_DATES),
        FittedOp::Cyclic { period } => wire.number(period),
        FittedOp::Normalize { norm } => choice(wire, norm, &[Norm::L1, Norm::L2, Norm::Max]),
        FittedOp::Lookup {
            table,
            column,
            default,
        } => {
            wire.text(table);
            wire.text(column);
            wire.option(default, |wire, default| wire.number(default));
        }
    }
}

/// A number of 32 bits; what is greater is cut, which a reader of the JSON parts finds.
#[expect(clippy::cast_possible_truncation, reason = "written from 32 bits")]
fn word(wire: &mut impl Wire, value: &mut u32) {
    let mut count = u64::from(*value);
    wire.count(&mut count);
    *value = count as u32;
}

fn answer(wire: &mut impl Wire, output: &mut Output) {
    choice(
        wire,
        &mut output.task,
        &[
            Task::Regression,
            Task::Binary,
            Task::Multiclass,
            Task::Vector,
        ],
    );
    link(wire, &mut output.link);
    wire.list(&mut output.labels, |wire, label| wire.text(label));
    wire.option(&mut output.threshold, |wire, threshold| {
        wire.number(threshold)
    });
    wire.option(&mut output.length, |wire, length| wire.size(length));
}

const METHODS: [ConformalMethod; 4] = [
    ConformalMethod::Split,
    ConformalMethod::Lac,
    ConformalMethod::Aps,
    ConformalMethod::Cqr,
];

fn confidence(wire: &mut impl Wire, output: &mut Output) {
    wire.option(&mut output.calibration, |wire, table| {
        wire.list(&mut table.from, |wire, from| wire.number(from));
        wire.list(&mut table.to, |wire, to| wire.number(to));
    });
    wire.option(&mut output.conformal, |wire, conformal| {
        choice(wire, &mut conformal.method, &METHODS);
        wire.number(&mut conformal.confidence);
        wire.option(&mut conformal.quantile, |wire, quantile| {
            wire.number(quantile)
        });
        wire.option(&mut conformal.by, |wire, by| wire.text(by));
        wire.list(&mut conformal.groups, |wire, group| {
            wire.text(&mut group.value);
            wire.option(&mut group.quantile, |wire, quantile| wire.number(quantile));
        });
    });
}

/// The links, with 1 for every number of theirs.
const LINKS: [Link; 11] = [
    Link::Identity,
    Link::Logistic { scale: 1.0 },
    Link::Softmax,
    Link::Exp,
    Link::OneVsRest { scale: 1.0 },
    Link::SquareSigned,
    Link::Step,
    Link::Softplus,
    Link::SoftmaxZero,
    Link::Probit,
    Link::Isolation {
        divisor: 1.0,
        offset: 1.0,
    },
];

fn link(wire: &mut impl Wire, link: &mut Link) {
    let one = |number: &mut f64| std::mem::replace(number, 1.0);
    let (mut first, mut second) = match link {
        Link::Logistic { scale } | Link::OneVsRest { scale } => (one(scale), 1.0),
        Link::Isolation { divisor, offset } => (one(divisor), one(offset)),
        _ => (1.0, 1.0),
    };
    choice(wire, link, &LINKS);
    match link {
        Link::Logistic { scale } | Link::OneVsRest { scale } => {
            wire.number(&mut first);
            *scale = first;
        }
        Link::Isolation { divisor, offset } => {
            wire.number(&mut first);
            wire.number(&mut second);
            (*divisor, *offset) = (first, second);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Calibration;

    /// Every attribute and every op, with parameters that are not the default.
    const FEATURES: &str = r#"{
        "unknown_fields": "reject",
        "inputs": [
            {"name": "a", "type": "number", "nullable": true, "missing": [-999, "NA", 0.1], "range": {"min": -1.5, "max": 1e300, "outside": "clip"}, "unit": "m"},
            {"name": "b", "type": "integer", "range": {"max": -0.0, "outside": "missing"}, "pii": true},
            {"name": "c", "type": "boolean", "known_at_prediction": false},
            {"name": "d", "type": "category", "max_length": 3},
            {"name": "e", "type": "text"},
            {"name": "f", "type": "timestamp", "zone": "+05:30"},
            {"name": "g", "type": "date"},
            {"name": "h", "type": "tensor", "shape": [2, 300]}
        ],
        "lookups": [{"name": "t", "keys": ["", "N1", "N10", "Nä", "Nö"], "columns": [{"name": "x", "values": [1.0, null, -2.5, 1956.0, -0.0]}]}],
        "features": [
            {"name": "f0", "from": ["a"], "op": "number", "hidden": true},
            {"name": "f1", "from": ["a"], "op": "passthrough_missing"},
            {"name": "f2", "from": ["a"], "op": {"impute": {"value": 0.25, "indicator": true}}},
            {"name": "f3", "from": ["d"], "op": {"impute_category": {"value": "?"}}},
            {"name": "f4", "from": ["a"], "op": {"clip": {"max": 3.0}}},
            {"name": "f5", "from": ["a"], "op": {"standardize": {"mean": 0.1, "std": 2.0}}},
            {"name": "f6", "from": ["a"], "op": {"min_max": {"min": -3.0, "max": 9007199254740993.0}}},
            {"name": "f7", "from": ["a"], "op": "log1p"},
            {"name": "f8", "from": ["a"], "op": {"bucketize": {"edges": [1.0, 2.5], "closed": "right", "encode": "one_hot"}}},
            {"name": "f9", "from": ["d"], "op": {"one_hot": {"vocabulary": ["x", "y"], "unknown_column": true, "missing_column": true}}},
            {"name": "f10", "from": ["d"], "op": {"ordinal": {"vocabulary": ["x"]}}},
            {"name": "f11", "from": ["d"], "op": {"hash": {"buckets": 1000, "seed": 4294967295, "encode": "one_hot"}}},
            {"name": "f12", "from": ["d", "e"], "op": {"cross": {"buckets": 7, "seed": 0, "encode": "index"}}},
            {"name": "f13", "from": ["a", "b"], "op": "difference"},
            {"name": "f14", "from": ["a", "b"], "op": "ratio"},
            {"name": "f15", "from": ["a", "b"], "op": "product"},
            {"name": "f16", "from": ["f"], "op": {"date_part": {"part": "minute_of_day"}}},
            {"name": "f17", "from": ["a"], "op": {"cyclic": {"period": 24.0}}},
            {"name": "f19", "from": ["a", "a", "b"], "op": {"normalize": {"norm": "max"}}},
            {"name": "f18", "from": ["d"], "op": {"lookup": {"table": "t", "column": "x", "default": 1e-7}}}
        ]
    }"#;

    fn features() -> FittedSpec {
        serde_json::from_str(FEATURES).unwrap()
    }

    fn output(link: Link) -> Output {
        Output {
            name: String::new(),
            task: Task::Multiclass,
            link,
            labels: vec!["a".into(), "ß".into()],
            threshold: Some(0.6),
            length: Some(300),
            ..Output::default()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let links = LINKS.into_iter().chain([Link::Logistic { scale: 0.3 }]);
        let outputs = [promising(), by_quantiles()];
        for output in links.map(output).chain(outputs) {
            let bytes = write(&features(), &output);
            let (read_features, read_output) = read(&bytes).unwrap();
            assert_eq!(read_features, features());
            assert_eq!(read_output, output);
            assert_eq!(write(&read_features, &read_output), bytes);
            let due = match output.conformal {
                Some(conformal) if conformal.method == ConformalMethod::Cqr => FORMAT,
                Some(_) => PROMISING,
                None => PLAIN,
            };
            assert_eq!(bytes[0], due);
        }
    }

    /// An output with a calibration and conformal quantiles, some of which promise nothing.
    fn promising() -> Output {
        let promise = r#"{
            "method": "aps", "confidence": 0.9, "quantile": null, "by": "d",
            "groups": [{"value": "x", "quantile": 0.25}, {"value": "y", "quantile": null}]
        }"#;
        Output {
            calibration: Some(Calibration {
                from: vec![0.1, 0.30000000000000004],
                to: vec![0.0, 1.0],
            }),
            conformal: Some(serde_json::from_str(promise).unwrap()),
            ..output(Link::Softmax)
        }
    }

    /// A regression whose interval is made from quantiles.
    fn by_quantiles() -> Output {
        let promise = r#"{"method": "cqr", "confidence": 0.8, "quantile": -1.5}"#;
        Output {
            task: Task::Regression,
            conformal: Some(serde_json::from_str(promise).unwrap()),
            ..Output::default()
        }
    }

    #[test]
    fn every_cut_is_refused_and_no_flipped_bit_panics() {
        let good = write(&features(), &promising());
        for at in 0..good.len() {
            assert!(read(&good[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                if let Ok((features, _)) = read(&bad) {
                    let _ = crate::Pipeline::new(&features);
                }
            }
        }
        assert!(read(&[good.as_slice(), &[0]].concat()).is_err());
    }
}

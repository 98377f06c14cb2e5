//! One case: a graph of one node, its inputs, and the outputs that are due.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde::Deserialize;
use skewless_compile::{Compiled, Source, compile};
use skewless_core::plan::{EngineScratch, decode};
use skewless_core::{Error, ErrorKind, Predictor, Record};

use crate::message::{ModelProto, TensorProto};
use crate::tensor::with_constants;

/// |ours − due| ≤ bound × (1 + |due|) for floats; whole numbers are equal.
const BOUND: f64 = 1e-6;

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) case: String,
    pub(crate) operator: String,
    model: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Pass,
    Refused { code: &'static str, reason: String },
    Wrong(String),
}

impl Case {
    /// The first input is the record. The others are what a plan needs when it is made (weights, scales, indices), so
    /// they become constants of the graph.
    pub(crate) fn run(&self) -> Outcome {
        let model = bytes(&self.model);
        let inputs: Vec<TensorProto> = self.inputs.iter().map(|input| tensor(input)).collect();
        let outputs: Vec<TensorProto> = self.outputs.iter().map(|output| tensor(output)).collect();
        let names = ModelProto::decode(model.as_slice())
            .unwrap()
            .graph
            .unwrap()
            .input;
        let first = names.first().map(|value| value.name.clone());
        let first = first.unwrap_or_default();
        let named = inputs.iter().zip(names).skip(1);
        let constants = named.map(|(input, value)| TensorProto {
            name: value.name,
            ..input.clone()
        });
        let compiled = match compile(&with_constants(&model, constants.collect()), Source::Onnx) {
            Ok(compiled) => compiled,
            Err(error) => return refusal(&error),
        };
        let (Some(input), Some(due)) = (inputs.first(), outputs.last()) else {
            return Outcome::Wrong("compiled, and there is no input or no output".to_owned());
        };
        answer(&compiled, &first, input)
            .map_or_else(|outcome| outcome, |found| compare(&found, due))
    }

    /// Changes what is due.
    pub(crate) fn spoil(&mut self) {
        let mut due = bytes(&self.outputs[0]);
        // The last byte of a float's raw data holds its sign.
        *due.last_mut().unwrap() ^= 0x80;
        self.outputs[0] = BASE64_STANDARD.encode(due);
    }
}

fn answer(compiled: &Compiled, name: &str, input: &TensorProto) -> Result<Vec<f64>, Outcome> {
    let plan = compiled.model.encode().map_err(|error| refusal(&error))?;
    let engine = decode(&plan).map_err(|error| refusal(&error))?;
    if let Some(head) = &compiled.head {
        let output = compiled.output.clone();
        let predictor =
            Predictor::from_engine(head, engine, output).map_err(|error| refusal(&error))?;
        return predicted(&predictor, name, input);
    }
    let rows = input
        .numbers()
        .ok_or_else(|| wrong("an input of another type"))?;
    if rows
        .iter()
        .any(|x| x.is_infinite() || (x.is_nan() && !engine.accepts_missing()))
    {
        return Err(Outcome::Refused {
            code: "input.not_finite",
            reason: "the record holds NaN or an infinite number".to_owned(),
        });
    }
    let n = rows.len() / engine.inputs().max(1);
    if n * engine.inputs() != rows.len() {
        return Err(wrong("a row of another width"));
    }
    let mut raw = vec![f64::NAN; n * engine.outputs()];
    engine
        .score(&rows, &mut EngineScratch::default(), &mut raw)
        .map_err(|error| wrong(&error.to_string()))?;
    let mut values = vec![f64::NAN; n * compiled.output.values()];
    let rows = raw
        .chunks(engine.outputs())
        .zip(values.chunks_mut(compiled.output.values()));
    for (raw, values) in rows {
        compiled.output.apply(raw, values);
    }
    Ok(values)
}

/// Through a head, a record a row.
fn predicted(predictor: &Predictor, name: &str, input: &TensorProto) -> Result<Vec<f64>, Outcome> {
    let cells = input
        .cells()
        .ok_or_else(|| wrong("an input of another type"))?;
    let width = match input.dims[..] {
        [_] => 1,
        [_, width] => usize::try_from(width).unwrap(),
        _ => return Err(wrong("an input of another rank")),
    };
    let mut values = Vec::new();
    for row in cells.chunks(width) {
        let field = |at: usize| {
            if width == 1 {
                name.to_owned()
            } else {
                format!("{name}_{at}")
            }
        };
        let fields = row
            .iter()
            .enumerate()
            .map(|(at, cell)| (field(at), cell.clone()));
        let record = Record::from_fields(fields.collect()).map_err(|error| refusal(&error))?;
        let prediction = predictor
            .predict(&record)
            .map_err(|error| Outcome::Refused {
                code: error.code(),
                reason: "the record holds what no record may".to_owned(),
            })?;
        values.extend(prediction.values);
    }
    Ok(values)
}

fn wrong(what: &str) -> Outcome {
    Outcome::Wrong(what.to_owned())
}

fn compare(found: &[f64], due: &TensorProto) -> Outcome {
    let Some(due) = due.numbers() else {
        return Outcome::Wrong("an output of another type".to_owned());
    };
    let near = |(ours, due): (&f64, &f64)| (ours - due).abs() <= BOUND * (1.0 + due.abs());
    match found.len() == due.len() && found.iter().zip(&due).all(near) {
        true => Outcome::Pass,
        false => Outcome::Wrong(
            format!("{found:?}, due {due:?}")
                .chars()
                .take(300)
                .collect(),
        ),
    }
}

fn refusal(error: &Error) -> Outcome {
    match error.kind() {
        ErrorKind::Unsupported => Outcome::Refused {
            code: error.code(),
            reason: error.message().to_owned(),
        },
        _ => Outcome::Wrong(error.to_string()),
    }
}

fn bytes(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

fn tensor(text: &str) -> TensorProto {
    TensorProto::decode(bytes(text).as_slice()).unwrap()
}

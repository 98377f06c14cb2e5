//! Choosing golden rows: every way through the specification that a record can take is taken by one of them.

use std::collections::BTreeSet;

use super::GoldenRow;
use crate::error::{Error, Result};
use crate::pipeline::RecordCells;
use crate::predictor::Predictor;
use crate::record::{Record, Value};
use crate::spec::{Input, InputType, Outside, Token};

/// Elements that the tensors of all golden rows may have, beyond the first row's: a bundle stays small.
const MOST_ELEMENTS: usize = 1 << 15;

/// A category that no vocabulary holds.
const UNSEEN: &str = "?never-seen";

/// Chooses at least `at_least` golden rows (as far as there are candidates that the model answers).
///
/// A candidate is taken when it takes a way through the specification that none before it took: missing or not, in
/// vocabulary or not, each bucket, each side of a bound, found in a table or not. Where no candidate does, variants of
/// the first one are tried: each nullable input missing (and by each token), each category unseen, each bound and,
/// where values outside it are taken, beyond it. The rest is filled with candidates at even distances, and with
/// variants of them where they are too few. Wide tensors make them fewer: beyond 32,768 elements in all, only a row
/// that takes a new way is added.
///
/// # Errors
/// The first candidate's error where no candidate is answered; `input.empty_batch` without candidates.
pub fn choose(
    predictor: &Predictor,
    candidates: &[Record],
    at_least: usize,
) -> Result<Vec<GoldenRow>> {
    let Some(first) = candidates
        .iter()
        .find(|record| predictor.predict(record).is_ok())
    else {
        return Err(
            match candidates.first().map(|record| predictor.predict(record)) {
                Some(Err(error)) => error,
                _ => Error::input("input.empty_batch", "golden rows need at least one record"),
            },
        );
    };
    let elements: usize = predictor.pipeline().inputs().map(Input::elements).sum();
    let at_least = at_least.min((MOST_ELEMENTS / elements.max(1)).max(1));
    let variants = variants(predictor, first);
    let mut covered = BTreeSet::new();
    let mut chosen: Vec<&Record> = Vec::new();
    for record in candidates.iter().chain(&variants) {
        let Some(branches) = branches(predictor, record)? else {
            continue;
        };
        let new = branches.iter().any(|branch| !covered.contains(branch));
        if new {
            covered.extend(branches);
            chosen.push(record);
        }
    }
    let more: Vec<Record> = match candidates.len() < at_least {
        true => candidates
            .iter()
            .flat_map(|record| self::variants(predictor, record))
            .collect(),
        false => Vec::new(),
    };
    fill(&mut chosen, candidates, at_least, predictor);
    fill(&mut chosen, &more, at_least, predictor);
    chosen
        .into_iter()
        .map(|record| predictor.golden_row(record))
        .collect()
}

/// The ways a record takes; `None` where the model does not answer it.
fn branches(predictor: &Predictor, record: &Record) -> Result<Option<Vec<(usize, u32)>>> {
    if predictor.predict(record).is_err() {
        return Ok(None);
    }
    let pipeline = predictor.pipeline();
    let records = std::slice::from_ref(record);
    let cells = RecordCells::new(records, pipeline);
    let frame = pipeline.run_cells(&cells, Vec::new());
    Ok(Some(pipeline.branches(&frame, 0)))
}

fn fill<'a>(
    chosen: &mut Vec<&'a Record>,
    candidates: &'a [Record],
    at_least: usize,
    predictor: &Predictor,
) {
    let wanted = at_least.saturating_sub(chosen.len());
    let step = (candidates.len() / wanted.max(1)).max(1);
    let offsets = (0..step).flat_map(|offset| candidates.iter().skip(offset).step_by(step));
    for record in offsets {
        if chosen.len() >= at_least {
            return;
        }
        if !chosen.contains(&record) && predictor.predict(record).is_ok() {
            chosen.push(record);
        }
    }
}

fn variants(predictor: &Predictor, base: &Record) -> Vec<Record> {
    let mut variants = Vec::new();
    for input in predictor.pipeline().inputs() {
        for value in unusual_values(input, base.value(&input.name)) {
            let mut record = base.clone();
            record.set(&input.name, value);
            variants.push(record);
        }
        if input.nullable {
            let mut record = base.clone();
            record.remove(&input.name);
            variants.push(record);
        }
    }
    variants
}

fn unusual_values(input: &Input, usual: Option<&Value>) -> Vec<Value> {
    let mut values = Vec::new();
    if let Some(Value::Number(usual)) = usual {
        // Neighbours, so that a small sample still gives golden rows enough.
        let near = [
            usual + 1.0,
            usual - 1.0,
            usual * 2.0,
            libm::floor(usual / 2.0),
        ];
        values.extend(near.map(Value::Number));
    }
    if input.nullable {
        values.push(Value::Missing);
    }
    values.extend(input.missing.iter().map(|token| match token {
        Token::Number(number) => Value::Number(*number),
        Token::Text(text) => Value::Text(text.clone()),
    }));
    match input.kind {
        InputType::Category | InputType::Text => values.push(Value::Text(UNSEEN.to_owned())),
        InputType::Boolean => values.extend([Value::Bool(true), Value::Bool(false)]),
        InputType::Number | InputType::Integer => values.extend(bounds(input).map(Value::Number)),
        InputType::Timestamp | InputType::Date | InputType::Tensor => {}
    }
    values
}

fn bounds(input: &Input) -> impl Iterator<Item = f64> {
    let range = input.range.as_ref();
    let beyond = range.is_some_and(|range| range.outside != Outside::Reject);
    let (min, max) = (
        range.and_then(|range| range.min),
        range.and_then(|range| range.max),
    );
    let outside = [min.map(|min| min - 1.0), max.map(|max| max + 1.0)]
        .into_iter()
        .flatten();
    [min, max, Some(0.0)]
        .into_iter()
        .flatten()
        .chain(outside.filter(move |_| beyond))
}

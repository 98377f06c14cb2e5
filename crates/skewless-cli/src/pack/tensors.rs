//! The specification of a model that takes tensors, made from its inputs, and rows of made-up numbers for it.

use serde_json::{Value as Json, json};
use skewless_core::{Column, Columns, Error, FeatureSpec, FittedSpec, Result};

use crate::pack::engine::{Chosen, TensorInput};

/// Numbers of all made-up rows together: wide inputs get fewer rows.
const NUMBERS: usize = 1 << 17;
/// Most and fewest made-up rows.
const ROWS: std::ops::RangeInclusive<usize> = 4..=64;

/// One input a tensor, whose numbers reach the model as they are.
///
/// # Errors
/// `pack.no_features` where the model's columns have no names or shapes of their own.
pub(super) fn specification(tensors: &[TensorInput]) -> Result<FittedSpec> {
    if tensors.is_empty() {
        return Err(Error::input(
            "pack.no_features",
            "this model takes columns, and only a specification says what they are: give --features",
        ));
    }
    let inputs: Vec<Json> = tensors.iter().map(input).collect();
    let features: Vec<Json> = tensors
        .iter()
        .map(|input| json!({"name": format!("{}_values", input.name), "op": "number", "from": input.name}))
        .collect();
    let spec: FeatureSpec = serde_json::from_value(json!({"input": inputs, "feature": features}))
        .map_err(|error| Error::spec("spec.invalid", error.to_string()))?;
    spec.fit(&Columns::new(0), vec![])
}

fn is_scalar(input: &TensorInput) -> bool {
    input.shape.iter().product::<usize>() == 1
}

fn input(input: &TensorInput) -> Json {
    match (is_scalar(input), input.whole) {
        (true, true) => json!({"name": input.name, "type": "integer"}),
        (true, false) => json!({"name": input.name, "type": "number"}),
        (false, _) => json!({"name": input.name, "type": "tensor", "shape": input.shape}),
    }
}

/// Rows of numbers in the inputs' ranges, the same ones every time.
///
/// # Errors
/// None but a fault of this program.
pub(super) fn made_up(chosen: &Chosen) -> Result<Columns> {
    let rows = (NUMBERS / chosen.columns()?.max(1)).clamp(*ROWS.start(), *ROWS.end());
    let mut columns = Columns::new(rows);
    let mut seed = 0;
    for input in &chosen.tensors {
        let width = input.shape.iter().product();
        let values = (0..rows * width)
            .map(|_| number(input, &mut seed))
            .collect();
        let column = if is_scalar(input) {
            Column::Number(values)
        } else {
            Column::Tensor { width, values }
        };
        columns.push(&input.name, column)?;
    }
    Ok(columns)
}

fn number(input: &TensorInput, seed: &mut u64) -> f64 {
    let (low, high) = input.range;
    // A thousand steps, rounded to three digits of the range, write short numbers.
    let share = (splitmix(seed) % 1001) as f64 / 1000.0;
    let number = low + share * (high - low);
    // The 256 steps of an int8 input are whole numbers where they span 255.
    if input.whole || high - low == 255.0 {
        return number.round();
    }
    let digits = 3 - (high - low).abs().max(1e-30).log10().floor() as i32;
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

/// SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

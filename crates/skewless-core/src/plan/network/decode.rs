//! Total reading of a network from plan bytes (kind 3; `docs/bundle.md`).

use super::check::MAX_RANK;
use super::model::{
    AddMeaning, NetworkInput, PoolMeaning, Requantize, SoftmaxMeaning, SumOrder, Tensor, Window,
};
use super::program::{Geometry, Product, Program, Step, StepOp};
use super::weights::Weights;
use crate::error::Result;
use crate::plan::bytes::PlanReader;

type Reader<'a, 'b> = &'a mut PlanReader<'b>;

/// Reads a program; its indices and sizes are yet to be checked.
pub(super) fn read(plan: Reader) -> Result<Program> {
    let tensors = read_list(plan, "tensors", read_tensor)?;
    let inputs = read_list(plan, "inputs", |plan| read_input(plan, &tensors))?;
    let steps = read_list(plan, "layers", |plan| read_step(plan, &tensors))?;
    let outputs = read_sizes(plan, "outputs")?;
    Ok(Program {
        inputs,
        tensors,
        steps,
        outputs,
    })
}

/// A counted list. Memory grows with what is read and not with what is claimed.
fn read_list<T>(
    plan: Reader,
    what: &str,
    mut read: impl FnMut(Reader) -> Result<T>,
) -> Result<Vec<T>> {
    let count = plan.size(what)?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(read(plan)?);
    }
    Ok(list)
}

fn read_sizes(plan: Reader, what: &str) -> Result<Vec<usize>> {
    read_list(plan, what, |plan| plan.size(what))
}

fn read_bytes(plan: Reader, count: usize, what: &str) -> Result<Vec<i8>> {
    let bytes = plan.raw(count, what)?;
    Ok(bytes.iter().map(|byte| byte.cast_signed()).collect())
}

fn read_byte(plan: Reader, what: &str) -> Result<i8> {
    Ok(plan.u8(what)?.cast_signed())
}

fn read_words(plan: Reader, count: usize, what: &str) -> Result<Vec<i32>> {
    let words = plan.words(count, what)?;
    Ok(words.into_iter().map(u32::cast_signed).collect())
}

fn read_word(plan: Reader, what: &str) -> Result<i32> {
    Ok(plan.u32(what)?.cast_signed())
}

fn read_float(plan: Reader, what: &str) -> Result<f32> {
    Ok(f32::from_bits(plan.u32(what)?))
}

fn read_tensor(plan: Reader) -> Result<Tensor> {
    let rank = plan.size("a tensor's rank")?;
    if rank > MAX_RANK {
        return Err(plan.invalid(&format!("rank {rank} where at most {MAX_RANK} is allowed")));
    }
    let shape = (0..rank).map(|_| plan.size("a tensor's shape"));
    Ok(Tensor {
        shape: shape.collect::<Result<_>>()?,
        scale: read_float(plan, "a tensor's scale")?,
        zero_point: read_byte(plan, "a tensor's zero point")?,
    })
}

/// A tensor's number of elements; wrong indices and products give 0 and are found by the check that follows.
fn elements(tensors: &[Tensor], tensor: usize) -> usize {
    let shape = tensors.get(tensor).map(|tensor| tensor.shape.as_slice());
    let mut dimensions = shape.unwrap_or_default().iter();
    let product = dimensions.try_fold(1usize, |all, &one| all.checked_mul(one));
    product.unwrap_or_default()
}

fn read_input(plan: Reader, tensors: &[Tensor]) -> Result<NetworkInput> {
    let kind = plan.u8("an input's kind")?;
    let tensor = plan.size("an input's tensor")?;
    match kind {
        0 => Ok(NetworkInput::Quantize { tensor }),
        1 => {
            let indices = plan.size("an embedding's indices")?;
            let rows = plan.size("an embedding's rows")?;
            let width = elements(tensors, tensor).checked_div(indices);
            let count = width.unwrap_or_default().saturating_mul(rows);
            Ok(NetworkInput::Embedding {
                tensor,
                indices,
                table: read_bytes(plan, count, "an embedding's table")?,
                rows,
            })
        }
        kind => Err(plan.invalid(&format!("input kind {kind}, expected 0 or 1"))),
    }
}

fn read_step(plan: Reader, tensors: &[Tensor]) -> Result<Step> {
    let inputs = read_sizes(plan, "a layer's inputs")?;
    let output = plan.size("a layer's output")?;
    let op = match plan.u8("a layer's kind")? {
        kind @ 0..=2 => {
            let geometry = read_geometry(plan, kind)?;
            let read = inputs.first().and_then(|&input| tensors.get(input));
            let (Some(input), Some(output)) = (read, tensors.get(output)) else {
                return Err(plan.invalid("a layer names a tensor that is not there"));
            };
            StepOp::Product(read_product(plan, geometry, (input, output))?)
        }
        3 => StepOp::MaxPool(read_window(plan)?),
        4 => StepOp::AveragePool {
            window: read_window(plan)?,
            include_padding: read_flag(plan, "the counting of padding")?,
            meaning: read_average(plan)?,
            clamp: read_clamp(plan)?,
        },
        5 => StepOp::Add {
            meaning: read_add(plan)?,
            clamp: read_clamp(plan)?,
        },
        6 => StepOp::Lookup {
            table: read_bytes(plan, 256, "a lookup's table")?,
        },
        7 => StepOp::Softmax(read_softmax(plan)?),
        8 => StepOp::Concat,
        9 => StepOp::Reshape,
        10 => StepOp::Transpose {
            permutation: read_sizes(plan, "a permutation")?,
        },
        kind => return Err(plan.invalid(&format!("layer kind {kind}, expected 0 to 10"))),
    };
    Ok(Step { op, inputs, output })
}

fn read_geometry(plan: Reader, kind: u8) -> Result<Geometry> {
    Ok(match kind {
        0 => Geometry::Dense,
        1 => Geometry::Conv {
            window: read_window(plan)?,
            groups: plan.size("a convolution's groups")?,
        },
        _ => Geometry::Depthwise {
            window: read_window(plan)?,
        },
    })
}

fn read_product(
    plan: Reader,
    geometry: Geometry,
    (input, output): (&Tensor, &Tensor),
) -> Result<Product> {
    let sized = |tensor: &Tensor| elements(std::slice::from_ref(tensor), 0) > 0;
    let shape = (geometry.weights_shape(input, output))
        .filter(|_| sized(input) && sized(output))
        .ok_or_else(|| plan.invalid("groups do not divide the channels, or a shape is no plane"))?;
    let count = shape.len();
    let weights = match read_flag(plan, "the width of weights")? {
        false => Weights::Narrow(read_bytes(plan, count, "weights")?),
        true => Weights::Wide(read_wide(plan, count)?),
    };
    let channels = match &geometry {
        Geometry::Dense => output.len(),
        _ => output.shape.last().copied().unwrap_or_default(),
    };
    Ok(Product {
        geometry,
        weights,
        bias: read_words(plan, channels, "biases")?,
        requantize: read_requantize(plan)?,
        clamp: read_clamp(plan)?,
    })
}

/// Weights of two bytes, of which at least one would not fit a single byte.
fn read_wide(plan: Reader, count: usize) -> Result<Vec<i16>> {
    let weights: Vec<i16> = (plan.narrow_or_wide(count, true, "weights")?.into_iter())
        .map(u16::cast_signed)
        .collect();
    let largest = super::weights::MAX_WEIGHT.unsigned_abs();
    if weights.iter().any(|it| it.unsigned_abs() > largest) {
        return Err(plan.invalid(&format!("a weight beyond ±{largest}")));
    }
    if weights.iter().all(|&it| i8::try_from(it).is_ok()) {
        return Err(plan.invalid("weights of two bytes that fit one"));
    }
    Ok(weights)
}

fn read_requantize(plan: Reader) -> Result<Requantize> {
    let kind = plan.u8("a requantisation's kind")?;
    let count = plan.size("the number of multipliers")?;
    let words = plan.words(count, "multipliers")?;
    if kind == 0 {
        let multiplier = words.into_iter().map(f32::from_bits).collect();
        return Ok(Requantize::Float { multiplier });
    }
    let multiplier = words.into_iter().map(u32::cast_signed).collect();
    let shift = read_bytes(plan, count, "exponents")?;
    match kind {
        1 => Ok(Requantize::Fixed { multiplier, shift }),
        2 => Ok(Requantize::FixedOnce { multiplier, shift }),
        _ => Err(plan.invalid(&format!("requantisation kind {kind}, expected 0 to 2"))),
    }
}

fn read_window(plan: Reader) -> Result<Window> {
    let mut pair = || Ok((plan.size("a window")?, plan.size("a window")?));
    Ok(Window {
        kernel: pair()?,
        stride: pair()?,
        dilation: pair()?,
        before: pair()?,
        after: pair()?,
    })
}

fn read_average(plan: Reader) -> Result<PoolMeaning> {
    match plan.u8("an average's meaning")? {
        0 => Ok(PoolMeaning::Float(SumOrder::Rows)),
        1 => Ok(PoolMeaning::Fixed),
        2 => Ok(PoolMeaning::FixedMean {
            multiplier: read_word(plan, "an average's multiplier")?,
            shift: read_byte(plan, "an average's exponent")?,
        }),
        3 => Ok(PoolMeaning::Float(SumOrder::Columns)),
        4 => Ok(PoolMeaning::Float(SumOrder::Lanes)),
        kind => Err(plan.invalid(&format!("average kind {kind}, expected 0 to 4"))),
    }
}

fn read_add(plan: Reader) -> Result<AddMeaning> {
    match plan.u8("a sum's meaning")? {
        0 => Ok(AddMeaning::Float),
        1 => {
            let left_shift = plan.u8("a sum's left shift")?;
            let multipliers = read_words(plan, 3, "a sum's multipliers")?;
            let shifts = read_bytes(plan, 3, "a sum's exponents")?;
            match (multipliers.try_into(), shifts.try_into()) {
                (Ok(multiplier), Ok(shift)) => Ok(AddMeaning::Fixed {
                    left_shift,
                    multiplier,
                    shift,
                }),
                _ => Err(plan.invalid("a sum needs three multipliers")),
            }
        }
        kind => Err(plan.invalid(&format!("sum kind {kind}, expected 0 or 1"))),
    }
}

fn read_softmax(plan: Reader) -> Result<SoftmaxMeaning> {
    match plan.u8("a softmax's meaning")? {
        0 => Ok(SoftmaxMeaning::Float),
        1 => Ok(SoftmaxMeaning::Fixed {
            multiplier: read_word(plan, "a softmax's multiplier")?,
            minimum_difference: read_word(plan, "a softmax's least difference")?,
            shift: read_byte(plan, "a softmax's exponent")?,
        }),
        2 => Ok(SoftmaxMeaning::Table {
            beta: read_float(plan, "a softmax's factor")?,
        }),
        kind => Err(plan.invalid(&format!("softmax kind {kind}, expected 0 to 2"))),
    }
}

fn read_flag(plan: Reader, what: &str) -> Result<bool> {
    match plan.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(plan.invalid(&format!("{what} is {other}, expected 0 or 1"))),
    }
}

fn read_clamp(plan: Reader) -> Result<(i8, i8)> {
    Ok((
        read_byte(plan, "a lower bound")?,
        read_byte(plan, "an upper bound")?,
    ))
}

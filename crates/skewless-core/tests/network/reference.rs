//! The meaning of a network a second time: from the model as importers build it, element by element, in wide integers.

use std::collections::BTreeMap;

use super::fixed;
use skewless_core::plan::network::{
    AddMeaning, Conv, Layer, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, SumOrder, Tensor, Window,
};

/// Raw scores of one row.
pub(crate) fn scores(model: &NetworkModel, row: &[f64]) -> Vec<f64> {
    let mut values: Vec<Vec<i8>> = vec![Vec::new(); model.tensors.len()];
    let NetworkModel { tensors, .. } = model;
    match &model.inputs[0] {
        NetworkInput::Quantize { tensor } => {
            let to = &tensors[*tensor];
            values[*tensor] = row
                .iter()
                .map(|&x| quantised(x as f32 / to.scale, to))
                .collect();
        }
        NetworkInput::Embedding {
            tensor,
            table,
            rows,
            ..
        } => {
            let width = table.len() / rows;
            let chosen = row.iter().map(|&it| it as usize);
            values[*tensor] = chosen
                .flat_map(|it| table[it * width..(it + 1) * width].to_vec())
                .collect();
        }
    }
    for layer in &model.layers {
        values[layer.output] = compute(layer, tensors, &values);
        assert_eq!(values[layer.output].len(), tensors[layer.output].len());
    }
    let scored = model.outputs.iter().flat_map(|&output| {
        let Tensor {
            scale, zero_point, ..
        } = tensors[output];
        let steps = values[output]
            .iter()
            .map(move |&q| i32::from(q) - i32::from(zero_point));
        steps.map(move |it| f64::from(it as f32 * scale))
    });
    scored.collect()
}

fn in_turn(reals: impl IntoIterator<Item = f32>) -> f32 {
    reals.into_iter().fold(0.0, |sum, it| sum + it)
}

pub(crate) fn saturated(value: i64) -> i8 {
    value.clamp(-128, 127) as i8
}

/// Real steps as int8: rounded half to even, the zero point added.
fn quantised(steps: f32, to: &Tensor) -> i8 {
    saturated(
        (f64::from(steps).clamp(-1e6, 1e6).round_ties_even() as i64) + i64::from(to.zero_point),
    )
}

fn compute(layer: &Layer, tensors: &[Tensor], values: &[Vec<i8>]) -> Vec<i8> {
    let from = &tensors[layer.inputs[0]];
    let to = &tensors[layer.output];
    let input = &values[layer.inputs[0]];
    let x = |index: usize| i64::from(input[index]) - i64::from(from.zero_point);
    match &layer.op {
        Op::Dense(dense) => (dense.bias.iter().enumerate())
            .map(|(output, &bias)| {
                let weights = dense.weights.iter().skip(output * from.len());
                let products = (0..from.len())
                    .zip(weights)
                    .map(|(i, &w)| x(i) * i64::from(w));
                let sum = products.sum::<i64>() + i64::from(bias);
                requantised(sum as i32, output, &dense.requantize, dense.clamp, to)
            })
            .collect(),
        Op::Conv(conv) => convolved(conv, from, to, x),
        Op::MaxPool(window) => pooled(window, from, to, |indices| {
            indices.iter().map(|&it| input[it]).max().unwrap_or(i8::MIN)
        }),
        Op::AveragePool {
            window,
            include_padding,
            meaning,
            clamp,
        } => pooled(window, from, to, |indices| {
            let taps = window.kernel.0 * window.kernel.1;
            let count = if *include_padding {
                taps
            } else {
                indices.len()
            }
            .max(1) as i64;
            let sum: i64 = indices.iter().map(|&it| x(it)).sum();
            let real = |it: &usize| x(*it) as f32 * from.scale;
            let mean = match meaning {
                PoolMeaning::Float(order) => {
                    let reals: Vec<f32> = indices.iter().map(real).collect();
                    let sum = match order {
                        SumOrder::Rows => in_turn(reals),
                        SumOrder::Columns => {
                            let (_, width, channels) = plane(from);
                            let mut columns: BTreeMap<i64, Vec<f32>> = BTreeMap::new();
                            for (&index, real) in indices.iter().zip(reals) {
                                let column = index as i64 / channels % width;
                                columns.entry(column).or_default().push(real);
                            }
                            in_turn(columns.into_values().map(in_turn))
                        }
                        SumOrder::Lanes => {
                            let (fours, rest) = reals.split_at(reals.len() / 4 * 4);
                            let lane = |lane| in_turn(fours.iter().skip(lane).step_by(4).copied());
                            let sum = (lane(0) + lane(2)) + (lane(1) + lane(3));
                            rest.iter().fold(sum, |sum, it| sum + it)
                        }
                    };
                    quantised(sum / count as f32 / to.scale, to)
                }
                PoolMeaning::Fixed => {
                    let sum: i64 = indices.iter().map(|&it| i64::from(input[it])).sum();
                    saturated(half_away(sum.into(), count.into()) as i64)
                }
                PoolMeaning::FixedMean { multiplier, shift } => {
                    let scaled = twice_rounded(sum as i32, *multiplier, *shift);
                    saturated(
                        half_away(scaled.into(), count.into()) as i64 + i64::from(to.zero_point),
                    )
                }
            };
            mean.clamp(clamp.0, clamp.1)
        }),
        Op::Add { meaning, clamp } => {
            let second = &tensors[layer.inputs[1]];
            let others = &values[layer.inputs[1]];
            let y = |index: usize| i64::from(others[index]) - i64::from(second.zero_point);
            (0..to.len())
                .map(|index| {
                    let sum = match meaning {
                        AddMeaning::Float => {
                            let real =
                                x(index) as f32 * from.scale + y(index) as f32 * second.scale;
                            quantised(real / to.scale, to)
                        }
                        AddMeaning::Fixed {
                            left_shift,
                            multiplier,
                            shift,
                        } => {
                            let part = |it: i64, at: usize| {
                                twice_rounded((it << left_shift) as i32, multiplier[at], shift[at])
                            };
                            let sum = part(x(index), 0).wrapping_add(part(y(index), 1));
                            let sum = twice_rounded(sum, multiplier[2], shift[2]);
                            saturated(i64::from(sum) + i64::from(to.zero_point))
                        }
                    };
                    sum.clamp(clamp.0, clamp.1)
                })
                .collect()
        }
        Op::Lookup { table } => {
            let index = |q: i8| (i32::from(q) + 128) as usize;
            input.iter().map(|&q| table[index(q)]).collect()
        }
        Op::Softmax(meaning) => {
            let width = *to.shape.last().unwrap();
            let stretches = input.chunks(width);
            stretches
                .flat_map(|it| softmax(*meaning, it, from, to))
                .collect()
        }
        Op::Concat => {
            let widths: Vec<usize> = (layer.inputs.iter())
                .map(|&it| *tensors[it].shape.last().unwrap())
                .collect();
            let stretches = to.len() / widths.iter().sum::<usize>();
            let parts = (0..stretches).flat_map(|row| {
                layer
                    .inputs
                    .iter()
                    .zip(&widths)
                    .flat_map(move |(&it, &width)| {
                        values[it][row * width..(row + 1) * width].to_vec()
                    })
            });
            parts.collect()
        }
        Op::Reshape => input.clone(),
        Op::Transpose { permutation } => {
            let mut output = vec![0; to.len()];
            for (index, &value) in input.iter().enumerate() {
                let mut rest = index;
                let mut place = vec![0; from.shape.len()];
                for (at, size) in place.iter_mut().zip(&from.shape).rev() {
                    *at = rest % size;
                    rest /= size;
                }
                let permuted = permutation
                    .iter()
                    .map(|&axis| (place[axis], from.shape[axis]));
                output[permuted.fold(0, |sum, (at, size)| sum * size + at)] = value;
            }
            output
        }
    }
}

fn plane(tensor: &Tensor) -> (i64, i64, i64) {
    let mut shape = vec![1; 3 - tensor.shape.len()];
    shape.extend(tensor.shape.iter().map(|&it| it as i64));
    (shape[0], shape[1], shape[2])
}

/// The pixels, as coordinates with the kernel's, that the window of an output pixel covers on the input.
fn covered(window: &Window, from: &Tensor, (y, x): (i64, i64)) -> Vec<((i64, i64), (i64, i64))> {
    let (height, width, _) = plane(from);
    let start = |at: i64, stride: usize, before: usize| at * stride as i64 - before as i64;
    let (top, left) = (
        start(y, window.stride.0, window.before.0),
        start(x, window.stride.1, window.before.1),
    );
    let mut covered = Vec::new();
    for ky in 0..window.kernel.0 as i64 {
        for kx in 0..window.kernel.1 as i64 {
            let pixel = (
                top + ky * window.dilation.0 as i64,
                left + kx * window.dilation.1 as i64,
            );
            if (0..height).contains(&pixel.0) && (0..width).contains(&pixel.1) {
                covered.push((pixel, (ky, kx)));
            }
        }
    }
    covered
}

fn pooled(window: &Window, from: &Tensor, to: &Tensor, pool: impl Fn(&[usize]) -> i8) -> Vec<i8> {
    let ((height, width, channels), (_, input_width, _)) = (plane(to), plane(from));
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..channels {
                let pixels = covered(window, from, (y, x)).into_iter();
                let index =
                    |(row, column)| ((row * input_width + column) * channels + channel) as usize;
                let indices: Vec<usize> = pixels.map(|(pixel, _)| index(pixel)).collect();
                output.push(pool(&indices));
            }
        }
    }
    output
}

fn convolved(conv: &Conv, from: &Tensor, to: &Tensor, x: impl Fn(usize) -> i64) -> Vec<i8> {
    let ((height, width, outputs), (_, input_width, inputs)) = (plane(to), plane(from));
    let groups = conv.groups as i64;
    let each = inputs / groups;
    let mut cells = Vec::new();
    for y in 0..height {
        for column in 0..width {
            for output in 0..outputs {
                let first = output / (outputs / groups) * each;
                let mut sum = i64::from(conv.bias[output as usize]);
                for ((row, at), (ky, kx)) in covered(&conv.window, from, (y, column)) {
                    for channel in 0..each {
                        let index = (row * input_width + at) * inputs + first + channel;
                        let kernel = (output * conv.window.kernel.0 as i64 + ky)
                            * conv.window.kernel.1 as i64
                            + kx;
                        let weight = conv.weights[(kernel * each + channel) as usize];
                        sum += x(index as usize) * i64::from(weight);
                    }
                }
                let channel = output as usize;
                cells.push(requantised(
                    sum as i32,
                    channel,
                    &conv.requantize,
                    conv.clamp,
                    to,
                ));
            }
        }
    }
    cells
}

/// Rounded quotient, half away from zero.
pub(crate) fn half_away(value: i128, divisor: i128) -> i128 {
    let magnitude = (2 * value.abs() + divisor) / (2 * divisor);
    value.signum() * magnitude
}

/// TensorFlow Lite's two roundings, each as a quotient in 128 bits.
pub(crate) fn twice_rounded(x: i32, multiplier: i32, shift: i8) -> i32 {
    let left = x.wrapping_mul(1i32.wrapping_shl(shift.max(0) as u32));
    let doubled = 2 * i128::from(left) * i128::from(multiplier);
    // Half up: the floor of the quotient plus a half.
    let high = (doubled + (1 << 31)).div_euclid(1 << 32);
    let high = high.clamp(i32::MIN.into(), i32::MAX.into());
    half_away(high, 1i128 << -i32::from(shift.min(0))) as i32
}

pub(crate) fn once_rounded(x: i32, multiplier: i32, shift: i8) -> i32 {
    let divisor = 1i128 << (31 - i32::from(shift));
    let product = i128::from(x) * i128::from(multiplier);
    let rounded = (product + divisor / 2).div_euclid(divisor);
    rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

fn requantised(
    sum: i32,
    channel: usize,
    requantize: &Requantize,
    clamp: (i8, i8),
    to: &Tensor,
) -> i8 {
    let pick = |count: usize| if count == 1 { 0 } else { channel };
    let quantised = match requantize {
        Requantize::Float { multiplier } => {
            quantised(sum as f32 * multiplier[pick(multiplier.len())], to)
        }
        Requantize::Fixed { multiplier, shift } => {
            let at = pick(multiplier.len());
            let steps = twice_rounded(sum, multiplier[at], shift[at]);
            saturated(i64::from(steps) + i64::from(to.zero_point))
        }
        Requantize::FixedOnce { multiplier, shift } => {
            let at = pick(multiplier.len());
            let steps = once_rounded(sum, multiplier[at], shift[at]);
            saturated(i64::from(steps) + i64::from(to.zero_point))
        }
    };
    quantised.clamp(clamp.0, clamp.1)
}

fn softmax(meaning: SoftmaxMeaning, input: &[i8], from: &Tensor, to: &Tensor) -> Vec<i8> {
    let greatest = i32::from(*input.iter().max().unwrap());
    let difference = |q: i8| greatest - i32::from(q);
    let real = |beta: f32| move |q: i8| libm::expf(-beta * difference(q) as f32);
    match meaning {
        SoftmaxMeaning::Float => {
            let term = real(from.scale);
            let sum = input.iter().fold(0f32, |sum, &q| sum + term(q));
            input
                .iter()
                .map(|&q| quantised(term(q) / sum / to.scale, to))
                .collect()
        }
        SoftmaxMeaning::Table { beta } => {
            let term = real(beta);
            let factor = 1.0 / (input.iter().fold(0f32, |sum, &q| sum + term(q)) * to.scale);
            let steps = input
                .iter()
                .map(|&q| f64::from(term(q) * factor).round() as i64);
            steps
                .map(|it| saturated(it + i64::from(to.zero_point)))
                .collect()
        }
        SoftmaxMeaning::Fixed {
            multiplier,
            shift,
            minimum_difference,
        } => fixed::softmax(input, i32::from(shift), multiplier, minimum_difference),
    }
}

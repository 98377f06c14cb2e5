//! Layers whose window moves over a plane: convolutions and pools.

use skewless_core::error::Result;
use skewless_core::plan::network::Window;

use super::axes::mean;
use super::{Floats, Operands, Value};
use crate::onnx::attributes::Attributes;
use crate::onnx::network::{Lies, POOL};
use crate::onnx::unsupported_op;

pub(super) fn conv(operands: &Operands<'_>) -> Result<Floats> {
    let known = [
        "kernel_shape",
        "strides",
        "pads",
        "dilations",
        "auto_pad",
        "group",
    ];
    let attributes = Attributes::of(operands.node, &known)?;
    let (x, w) = (operands.reals(0)?, operands.reals(1)?);
    let (channels, height, width) = plane(operands, x)?;
    let groups = usize::try_from(attributes.int("group", 1)).unwrap_or(0);
    let fits = w.shape.len() == x.shape.len()
        && groups > 0
        && w.shape[1].checked_mul(groups) == Some(channels)
        && w.shape[0].is_multiple_of(groups);
    if !fits {
        return Err(operands.invalid("weights that do not fit its input"));
    }
    let (outputs, depth) = (w.shape[0], w.shape[1]);
    let lies = Lies::read(&attributes, &x.shape[2..], Some(&w.shape[2..]))?;
    let out = lies.outputs(operands.node, &x.shape[2..])?;
    let window = lies.window();
    let bias = match operands.optional(2) {
        Some(Value::Reals(bias)) if bias.values.len() == outputs => bias.values.clone(),
        Some(_) => return Err(operands.invalid("a bias that does not fit its outputs")),
        None => vec![0.0; outputs],
    };
    let (rows, columns) = size_2d(&out);
    let area = window.kernel.0 * window.kernel.1;
    let mut values = vec![0.0; outputs * rows * columns];
    let at = |y: usize, x: usize| -> Vec<(usize, usize)> {
        taps(&window, (y, x), (height, width))
            .map(|(down, across, place)| (down * window.kernel.1 + across, place))
            .collect()
    };
    for y in 0..rows {
        for column in 0..columns {
            let taps = at(y, column);
            for (output, bias) in bias.iter().enumerate() {
                let first = output / (outputs / groups) * depth;
                let mut sum = 0.0_f32;
                for input in 0..depth {
                    let kernel = &w.values[(output * depth + input) * area..][..area];
                    let pixels = &x.values[(first + input) * height * width..][..height * width];
                    for &(tap, place) in &taps {
                        sum += kernel[tap] * pixels[place];
                    }
                }
                values[(output * rows + y) * columns + column] = sum + bias;
            }
        }
    }
    Ok(Floats::new(windowed(outputs, &out), values))
}

pub(super) fn pool(operands: &Operands<'_>) -> Result<Floats> {
    let attributes = Attributes::of(operands.node, &POOL)?;
    let x = operands.reals(0)?;
    let (channels, height, width) = plane(operands, x)?;
    let space = &x.shape[2..];
    let mut lies = match operands.node.op_type.as_str() {
        "GlobalAveragePool" => Lies::whole(space),
        _ => Lies::read(&attributes, space, None)?,
    };
    if attributes.int("ceil_mode", 0) != 0 {
        lies.round_up(space);
    }
    let out = lies.outputs(operands.node, space)?;
    let window = lies.window();
    let (rows, columns) = size_2d(&out);
    let include = attributes.int("count_include_pad", 0) != 0;
    let maximum = operands.node.op_type == "MaxPool";
    let mut values = Vec::with_capacity(channels * rows * columns);
    for channel in 0..channels {
        let pixels = &x.values[channel * height * width..][..height * width];
        for y in 0..rows {
            for column in 0..columns {
                let lying = taps(&window, (y, column), (height, width));
                let lying = lying.map(|(_, _, place)| pixels[place]);
                values.push(if maximum {
                    lying.fold(f32::NEG_INFINITY, f32::max)
                } else {
                    mean(lying, include.then_some(window.kernel.0 * window.kernel.1))
                });
            }
        }
    }
    Ok(Floats::new(windowed(channels, &out), values))
}

/// [1, channels, space…] as channels, height and width.
fn plane(operands: &Operands<'_>, x: &Floats) -> Result<(usize, usize, usize)> {
    match x.shape[..] {
        [1, channels, length] => Ok((channels, 1, length)),
        [1, channels, height, width] => Ok((channels, height, width)),
        _ => Err(unsupported_op(
            operands.node,
            "of other than one or two dimensions of space",
        )),
    }
}

/// The elements of a window that lie on the input: (row of the kernel, column of the kernel, place on the input).
fn taps(
    window: &Window,
    (y, x): (usize, usize),
    (height, width): (usize, usize),
) -> impl Iterator<Item = (usize, usize, usize)> {
    let (kernel, dilation, before) = (window.kernel, window.dilation, window.before);
    let start = (y * window.stride.0, x * window.stride.1);
    let lies = |padded: usize, before: usize, size: usize| {
        padded.checked_sub(before).filter(|&at| at < size)
    };
    (0..kernel.0)
        .filter_map(move |down| Some((down, lies(start.0 + down * dilation.0, before.0, height)?)))
        .flat_map(move |(down, y)| {
            (0..kernel.1).filter_map(move |across| {
                let x = lies(start.1 + across * dilation.1, before.1, width)?;
                Some((down, across, y * width + x))
            })
        })
}

/// [1, channels, out…] of a layer of windows.
fn windowed(channels: usize, out: &[usize]) -> Vec<usize> {
    [1, channels]
        .into_iter()
        .chain(out.iter().copied())
        .collect()
}

fn size_2d(out: &[usize]) -> (usize, usize) {
    match *out {
        [height, width] => (height, width),
        _ => (1, out.iter().product()),
    }
}

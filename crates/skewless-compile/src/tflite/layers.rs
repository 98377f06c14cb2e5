//! Layers of sums: convolutions, fully connected layers, means, additions; and the moves between them.

use skewless_core::error::Result;
use skewless_core::plan::network::{
    AddMeaning, Conv, Dense, Op, PoolMeaning, Requantize, SoftmaxMeaning, Tensor, Window,
};

use super::file::{INT8, INT32, INT64, Operator, UINT8};
use super::fixed::{Factor, input_radius};
use super::flatbuffer::Table;
use super::{DEPTHWISE_CONV_2D, Lowering, Padded, invalid, operator_name, unsupported};

impl Lowering<'_> {
    pub(super) fn conv(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let depthwise = operator.code == DEPTHWISE_CONV_2D;
        let options = options(operator)?;
        // DepthwiseConv2DOptions has the depth multiplier between the strides and the activation.
        let after = usize::from(depthwise);
        let number = operator.input(0)?;
        let padded = self.padded.get(&number).copied();
        let input = match padded {
            Some(padded) => padded.inner,
            None => self.value(operator, number)?,
        };
        let (from, to) = (self.tensor(number)?, self.tensor(operator.output()?)?);
        let weights = self.weights(operator, 1)?;
        let (&[height, width, channels], &[first, down, across, last]) =
            (&from.shape[..], &weights.shape[..])
        else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        let (outputs, groups) = match depthwise {
            true => (last, channels),
            false if last > 0 && channels % last == 0 => (first, channels / last),
            false => return Err(unsupported(operator, "weights that do not fit its input")),
        };
        let fits = if depthwise {
            first == 1 && channels > 0 && last % channels == 0
        } else {
            outputs % groups.max(1) == 0
        };
        if !fits || to.shape.last() != Some(&outputs) {
            return Err(invalid("a convolution whose weights do not fit its input"));
        }
        let mut window = window(
            operator,
            (options.i8(0), (height, width)),
            (down, across),
            (options.i32(2, 1), options.i32(1, 1)),
            (options.i32(5 + after, 1), options.i32(4 + after, 1)),
        )?;
        if let Some(padded) = &padded {
            add_padding(&mut window, padded);
        }
        let factors = (0..outputs).map(|output| {
            let scale = weights.scale(output);
            let factor = f64::from(from.scale) * f64::from(scale) / f64::from(to.scale);
            Factor::of(factor)
        });
        let (multiplier, shift) = lists(factors);
        let weights_due = if depthwise {
            channel_first(&weights.integers, down * across, outputs)
        } else {
            weights.integers
        };
        let op = Op::Conv(Conv {
            weights: weights_due,
            bias: self.bias(operator, 2, outputs)?,
            groups,
            window,
            requantize: Requantize::Fixed { multiplier, shift },
            clamp: activation(operator, options.i8(3 + after), &to)?,
        });
        Ok(self.layer(operator, op, vec![input], to))
    }

    pub(super) fn fully_connected(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let options = options(operator)?;
        if options.i8(1) != 0 {
            return Err(unsupported(operator, "shuffled weights"));
        }
        let input = self.input(operator, 0)?;
        let (from, to) = (
            self.tensor(operator.input(0)?)?,
            self.tensor(operator.output()?)?,
        );
        let weights = self.weights(operator, 1)?;
        let &[outputs, inputs] = &weights.shape[..] else {
            return Err(invalid("FULLY_CONNECTED: weights that are no matrix"));
        };
        let factors = (0..outputs).map(|output| {
            // The product of the scales is rounded to f32 first.
            let product = from.scale * weights.scale(output);
            let factor = match weights.scales.len() {
                1 => f64::from(product) / f64::from(to.scale),
                _ => {
                    let scale = f64::from(weights.scale(output));
                    f64::from(from.scale) * scale / f64::from(to.scale)
                }
            };
            Factor::of(factor)
        });
        let (multiplier, shift) = lists(factors);
        let requantize = Requantize::FixedOnce { multiplier, shift };
        let clamp = activation(operator, options.i8(0), &to)?;
        let bias = self.bias(operator, 2, outputs)?;
        let positions = from.len().checked_div(inputs).unwrap_or(0);
        if positions * inputs != from.len() || positions * outputs != to.len() {
            return Err(unsupported(operator, "weights that do not fit its input"));
        }
        if positions == 1 {
            let op = Op::Dense(Dense {
                weights: weights.integers,
                bias,
                requantize,
                clamp,
            });
            return Ok(self.layer(operator, op, vec![input], to));
        }
        // One position after the other: a convolution whose kernel is one element.
        let op = Op::Conv(Conv {
            weights: weights.integers,
            bias,
            groups: 1,
            window: ONE,
            requantize,
            clamp,
        });
        let input = self.builder.reshape(input, vec![1, positions, inputs]);
        let along = Tensor {
            shape: vec![1, positions, outputs],
            ..to.clone()
        };
        let output = self.layer(operator, op, vec![input], along);
        Ok(self.builder.reshape(output, to.shape))
    }

    pub(super) fn add(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let options = operator.options;
        let (a, b) = (self.input(operator, 0)?, self.input(operator, 1)?);
        let (of_a, of_b) = (
            self.tensor(operator.input(0)?)?,
            self.tensor(operator.input(1)?)?,
        );
        let to = self.tensor(operator.output()?)?;
        if of_a.shape != of_b.shape || of_a.shape != to.shape {
            return Err(unsupported(operator, "of tensors of different shapes"));
        }
        let left_shift = 20;
        let twice = 2.0 * f64::from(of_a.scale.max(of_b.scale));
        let factors = [
            Factor::of(f64::from(of_a.scale) / twice),
            Factor::of(f64::from(of_b.scale) / twice),
            Factor::of(twice / (f64::from(1 << left_shift) * f64::from(to.scale))),
        ];
        let fused = options.map_or(0, |options| options.i8(0));
        let op = Op::Add {
            meaning: AddMeaning::Fixed {
                left_shift,
                multiplier: factors.map(|factor| factor.mantissa),
                shift: factors.map(|factor| factor.exponent),
            },
            clamp: activation(operator, fused, &to)?,
        };
        let (a, b) = (
            self.restated(a, operator.input(0)?)?,
            self.restated(b, operator.input(1)?)?,
        );
        Ok(self.layer(operator, op, vec![a, b], to))
    }

    pub(super) fn average_pool(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let (input, window, to, fused) = self.pool(operator)?;
        let op = Op::AveragePool {
            window,
            include_padding: false,
            meaning: PoolMeaning::Fixed,
            clamp: activation(operator, fused, &to)?,
        };
        Ok(self.layer(operator, op, vec![input], to))
    }

    pub(super) fn max_pool(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let (input, window, to, fused) = self.pool(operator)?;
        let (low, high) = activation(operator, fused, &to)?;
        let quantization = (to.scale, to.zero_point);
        let pooled = self.layer(operator, Op::MaxPool(window), vec![input], to);
        let table = (i8::MIN..=i8::MAX).map(|q| q.clamp(low, high)).collect();
        Ok(self.builder.lookup("", pooled, table, quantization))
    }

    fn pool(&mut self, operator: &Operator<'_>) -> Result<(usize, Window, Tensor, i8)> {
        let options = options(operator)?;
        let input = self.input(operator, 0)?;
        let (from, to) = (
            self.tensor(operator.input(0)?)?,
            self.tensor(operator.output()?)?,
        );
        let &[height, width, _] = &from.shape[..] else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        if (from.scale, from.zero_point) != (to.scale, to.zero_point) {
            return Err(unsupported(operator, "that changes the quantisation"));
        }
        let kernel = (
            size(operator, options.i32(4, 1))?,
            size(operator, options.i32(3, 1))?,
        );
        let window = window(
            operator,
            (options.i8(0), (height, width)),
            kernel,
            (options.i32(2, 1), options.i32(1, 1)),
            (1, 1),
        )?;
        let input = self.restated(input, operator.input(0)?)?;
        Ok((input, window, to, options.i8(5)))
    }

    /// The mean over height and width: a sum of products with 1, whose factor holds the division.
    pub(super) fn mean(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let input = self.input(operator, 0)?;
        let (from, to) = (
            self.tensor(operator.input(0)?)?,
            self.tensor(operator.output()?)?,
        );
        let mut axes = self.integers(operator, 1)?;
        let &[height, width, channels] = &from.shape[..] else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        for axis in &mut axes {
            *axis += if *axis < 0 { 4 } else { 0 };
        }
        axes.sort_unstable();
        let (down, across) = match axes[..] {
            [1, 2] => (height, width),
            [1] => (height, 1),
            [2] => (1, width),
            _ => {
                return Err(unsupported(
                    operator,
                    "over other dimensions than height and width",
                ));
            }
        };
        let count = down * across;
        let full = Factor::of(f64::from(from.scale) / f64::from(to.scale));
        let (multiplier, shift) = divided(full, count);
        let op = Op::Conv(Conv {
            weights: vec![1; count * channels],
            bias: vec![0; channels],
            groups: channels,
            window: Window {
                kernel: (down, across),
                ..ONE
            },
            requantize: Requantize::Fixed {
                multiplier: vec![multiplier],
                shift: vec![shift],
            },
            clamp: (i8::MIN, i8::MAX),
        });
        let wide = Tensor {
            shape: vec![height / down, width / across, channels],
            ..to.clone()
        };
        let output = self.layer(operator, op, vec![input], wide);
        Ok(self.builder.reshape(output, to.shape))
    }

    pub(super) fn softmax(&mut self, operator: &Operator<'_>) -> Result<usize> {
        const INTEGER_BITS: i32 = 5;
        let beta = options(operator)?.f32(0);
        let input = self.input(operator, 0)?;
        let (from, to) = (
            self.tensor(operator.input(0)?)?,
            self.tensor(operator.output()?)?,
        );
        if to.scale != 1.0 / 256.0 || to.zero_point != i8::MIN {
            return Err(unsupported(
                operator,
                "an output other than in steps of 1/256 from 0",
            ));
        }
        let scaled = f64::from(beta) * f64::from(from.scale) * f64::from(1 << (31 - INTEGER_BITS));
        let factor = Factor::of(scaled.min(f64::from(i32::MAX)));
        if factor.exponent < 0 || factor.mantissa == 0 {
            return Err(unsupported(operator, "an input of very small steps"));
        }
        let op = Op::Softmax(SoftmaxMeaning::Fixed {
            multiplier: factor.mantissa,
            shift: factor.exponent,
            minimum_difference: -input_radius(INTEGER_BITS, factor.exponent),
        });
        Ok(self.layer(operator, op, vec![input], to))
    }

    pub(super) fn concat(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let options = options(operator)?;
        let to = self.tensor(operator.output()?)?;
        let rank = i32::try_from(to.shape.len()).unwrap_or(i32::MAX);
        let axis = options.i32(0, 0);
        let axis = if axis < 0 { axis + rank } else { axis - 1 };
        let axis = usize::try_from(axis)
            .ok()
            .filter(|&axis| axis < to.shape.len());
        let axis = axis.ok_or_else(|| unsupported(operator, "of batches"))?;
        // What stands behind the axis moves into it; what stands before it are positions.
        let inner: usize = to.shape.iter().skip(axis + 1).product();
        let outer: usize = to.shape.iter().take(axis).product();
        let mut parts = Vec::new();
        let mut width = 0;
        for index in 0..operator.inputs.len() {
            let from = self.tensor(operator.input(index)?)?;
            if (from.scale, from.zero_point) != (to.scale, to.zero_point)
                || from.shape.len() != to.shape.len()
            {
                return Err(unsupported(
                    operator,
                    "of tensors of different quantisations",
                ));
            }
            let part = self.input(operator, index)?;
            let part = self.restated(part, operator.input(index)?)?;
            let size = from.len() / outer.max(1);
            width += size;
            parts.push(self.builder.reshape(part, vec![outer, size]));
        }
        if width != inner * to.shape[axis] {
            return Err(invalid("CONCATENATION: parts that do not fill the output"));
        }
        let flat = Tensor {
            shape: vec![outer, width],
            ..to.clone()
        };
        let output = self.layer(operator, Op::Concat, parts, flat);
        let (low, high) = activation(operator, options.i8(1), &to)?;
        let table = (i8::MIN..=i8::MAX).map(|q| q.clamp(low, high)).collect();
        let output = self
            .builder
            .lookup("", output, table, (to.scale, to.zero_point));
        Ok(self.builder.reshape(output, to.shape))
    }

    pub(super) fn transpose(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let input = self.input(operator, 0)?;
        let rank = self.tensor(operator.input(0)?)?.shape.len();
        let axes: Option<Vec<usize>> = self
            .integers(operator, 1)?
            .into_iter()
            .map(|axis| usize::try_from(axis).ok())
            .collect();
        let axes = axes.unwrap_or_default();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        match axes.split_first() {
            Some((0, row)) if sorted.iter().copied().eq(0..=rank) => {
                let permutation = row.iter().map(|axis| axis - 1).collect();
                Ok(self.builder.transpose(input, permutation))
            }
            _ => Err(unsupported(operator, "that exchanges the batch")),
        }
    }

    pub(super) fn read_pad(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (number, output) = (operator.input(0)?, operator.output()?);
        let inner = self.input(operator, 0)?;
        let (from, to) = (self.tensor(number)?, self.tensor(output)?);
        let pads: Option<Vec<usize>> = self
            .integers(operator, 1)?
            .into_iter()
            .map(|size| usize::try_from(size).ok().filter(|&size| size < 1 << 16))
            .collect();
        if (from.scale, from.zero_point) != (to.scale, to.zero_point) || operator.inputs.len() > 2 {
            return Err(unsupported(operator, "with another value than 0"));
        }
        let Some(&[0, 0, top, bottom, left, right, 0, 0]) = pads.as_deref() else {
            return Err(unsupported(operator, "of other than a height and a width"));
        };
        let inner = self.restated(inner, number)?;
        let padded = Padded {
            inner,
            before: (top, left),
            after: (bottom, right),
        };
        self.padded.insert(output, padded);
        Ok(())
    }

    fn layer(&mut self, operator: &Operator<'_>, op: Op, inputs: Vec<usize>, to: Tensor) -> usize {
        let name = operator
            .output()
            .map(|output| self.graph.tensors[output].name);
        self.builder.layer(name.unwrap_or_default(), op, inputs, to)
    }

    fn weights(&self, operator: &Operator<'_>, index: usize) -> Result<Weights> {
        let tensor = &self.graph.tensors[operator.input(index)?];
        let count: Option<usize> = crate::network::elements(&tensor.shape);
        if !matches!(tensor.element, INT8 | UINT8) || tensor.data.is_empty() {
            return Err(unsupported(
                operator,
                "weights that are no constants of 8 bits",
            ));
        }
        let zero = match tensor.zero[..] {
            [] => 0,
            [zero] => zero,
            _ if tensor.zero.iter().all(|&zero| zero == 0) => 0,
            _ => return Err(unsupported(operator, "weights with several zero points")),
        };
        let value = |&byte: &u8| match tensor.element {
            INT8 => i64::from(byte.cast_signed()),
            _ => i64::from(byte),
        };
        let integers: Option<Vec<i16>> = tensor
            .data
            .iter()
            .map(|byte| i16::try_from(value(byte) - zero).ok())
            .map(|weight| weight.filter(|weight| (-255..=255).contains(weight)))
            .collect();
        let usable = |scale: &f32| scale.is_finite() && *scale > 0.0;
        let along_outputs = if operator.code == DEPTHWISE_CONV_2D {
            3
        } else {
            0
        };
        let places = tensor.scale.len() == 1
            || (tensor.axis == along_outputs
                && tensor
                    .shape
                    .get(usize::try_from(along_outputs).unwrap_or(0))
                    == Some(&tensor.scale.len()));
        match integers {
            Some(integers)
                if count == Some(integers.len())
                    && places
                    && !tensor.scale.is_empty()
                    && tensor.scale.iter().all(usable) =>
            {
                Ok(Weights {
                    shape: tensor.shape.clone(),
                    integers,
                    scales: tensor.scale.clone(),
                })
            }
            _ => Err(invalid(format!(
                "{}: weights that contradict their shape or scales",
                operator_name(operator.code)
            ))),
        }
    }

    fn bias(&self, operator: &Operator<'_>, index: usize, outputs: usize) -> Result<Vec<i32>> {
        let Some(number) = operator.inputs.get(index).copied().flatten() else {
            return Ok(vec![0; outputs]);
        };
        let tensor = &self.graph.tensors[number];
        let (values, rest) = tensor.data.as_chunks();
        if tensor.element != INT32 || !rest.is_empty() || values.len() != outputs {
            return Err(unsupported(
                operator,
                "a bias other than one of 32 bits an output",
            ));
        }
        Ok(values
            .iter()
            .map(|&bytes| i32::from_le_bytes(bytes))
            .collect())
    }

    /// A constant list of whole numbers.
    pub(super) fn integers(&self, operator: &Operator<'_>, index: usize) -> Result<Vec<i64>> {
        let tensor = &self.graph.tensors[operator.input(index)?];
        let wide = tensor.data.as_chunks().0;
        let narrow = tensor.data.as_chunks().0;
        match tensor.element {
            INT64 => Ok(wide
                .iter()
                .map(|&bytes| i64::from_le_bytes(bytes))
                .collect()),
            INT32 => Ok(narrow
                .iter()
                .map(|&bytes| i32::from_le_bytes(bytes).into())
                .collect()),
            _ => Err(unsupported(
                operator,
                "a list that is no constant of whole numbers",
            )),
        }
    }
}

/// Constant factors, without their zero point.
struct Weights {
    shape: Vec<usize>,
    integers: Vec<i16>,
    scales: Vec<f32>,
}

impl Weights {
    fn scale(&self, output: usize) -> f32 {
        let scale = self.scales.get(output).or(self.scales.first());
        scale.copied().unwrap_or(0.0)
    }
}

/// A window of one element.
const ONE: Window = Window {
    kernel: (1, 1),
    stride: (1, 1),
    dilation: (1, 1),
    before: (0, 0),
    after: (0, 0),
};

fn options<'a>(operator: &Operator<'a>) -> Result<Table<'a>> {
    operator
        .options
        .ok_or_else(|| invalid(format!("{} has no options", operator_name(operator.code))))
}

fn size(operator: &Operator<'_>, value: i32) -> Result<usize> {
    let size = usize::try_from(value).ok();
    size.filter(|&size| size > 0 && size < 1 << 16)
        .ok_or_else(|| unsupported(operator, "a window without a sensible size or step"))
}

/// `padding` is 0 for "same" and 1 for "valid"; `stride` and `dilation` are (height, width).
fn window(
    operator: &Operator<'_>,
    (padding, (height, width)): (i8, (usize, usize)),
    kernel: (usize, usize),
    stride: (i32, i32),
    dilation: (i32, i32),
) -> Result<Window> {
    let stride = (size(operator, stride.0)?, size(operator, stride.1)?);
    let dilation = (size(operator, dilation.0)?, size(operator, dilation.1)?);
    if kernel.0 == 0 || kernel.1 == 0 {
        return Err(invalid("a kernel without a size"));
    }
    let total = |size: usize, kernel: usize, stride: usize, dilation: usize| match padding {
        0 => {
            let reach = (kernel - 1) * dilation + 1;
            ((size.div_ceil(stride).max(1) - 1) * stride + reach).saturating_sub(size)
        }
        _ => 0,
    };
    let down = total(height, kernel.0, stride.0, dilation.0);
    let across = total(width, kernel.1, stride.1, dilation.1);
    Ok(Window {
        kernel,
        stride,
        dilation,
        before: (down / 2, across / 2),
        after: (down - down / 2, across - across / 2),
    })
}

fn add_padding(window: &mut Window, padded: &Padded) {
    window.before.0 += padded.before.0;
    window.before.1 += padded.before.1;
    window.after.0 += padded.after.0;
    window.after.1 += padded.after.1;
}

fn lists(factors: impl Iterator<Item = Factor>) -> (Vec<i32>, Vec<i8>) {
    let factors: Vec<Factor> = factors.collect();
    let same = factors.windows(2).all(|pair| pair[0] == pair[1]);
    let kept = if same {
        1.min(factors.len())
    } else {
        factors.len()
    };
    factors[..kept]
        .iter()
        .map(|factor| (factor.mantissa, factor.exponent))
        .unzip()
}

/// [kernel…, outputs] → [outputs, kernel…].
fn channel_first(weights: &[i16], area: usize, outputs: usize) -> Vec<i16> {
    (0..outputs)
        .flat_map(|output| (0..area).map(move |place| place * outputs + output))
        .filter_map(|at| weights.get(at).copied())
        .collect()
}

/// A factor divided by a count, as the kernel of MEAN divides it: with as many bits as fit before the division.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the quotient is below 2^31"
)]
fn divided(factor: Factor, count: usize) -> (i32, i8) {
    let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let shift = (63 - count.leading_zeros()).min(32);
    let room = u32::try_from(31 + i32::from(factor.exponent)).unwrap_or(0);
    let shift = shift.min(room);
    let mantissa = (i64::from(factor.mantissa) << shift) / count;
    let exponent = i32::from(factor.exponent) - i32::try_from(shift).unwrap_or(0);
    (mantissa as i32, i8::try_from(exponent).unwrap_or(i8::MIN))
}

/// The bounds of a layer's fused activation, in the output's steps.
pub(super) fn activation(operator: &Operator<'_>, kind: i8, to: &Tensor) -> Result<(i8, i8)> {
    let quantized = |value: f32| {
        let steps = (value / to.scale).round() + f32::from(to.zero_point);
        steps.clamp(-128.0, 127.0)
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped to int8")]
    let step = |value: f32| quantized(value) as i8;
    match kind {
        0 => Ok((i8::MIN, i8::MAX)),
        1 => Ok((step(0.0), i8::MAX)),
        2 => Ok((step(-1.0), step(1.0))),
        3 => Ok((step(0.0), step(6.0))),
        _ => Err(unsupported(
            operator,
            "a fused activation other than the relu family",
        )),
    }
}

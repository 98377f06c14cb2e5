//! Layers of sums: convolutions, fully connected layers, additions.

use skewless_core::error::Result;
use skewless_core::plan::network::{AddMeaning, Conv, Dense, Op, Requantize, Tensor};

use super::file::Operator;
use super::fixed::Factor;
use super::operator::{DEPTHWISE_CONV_2D, activation, options};
use super::window::{ONE, window};
use super::{Lowering, invalid, unsupported};

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
            padded.add_to(&mut window);
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
        let (from, to) = self.ends(operator)?;
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

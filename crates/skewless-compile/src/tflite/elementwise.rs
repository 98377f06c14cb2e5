//! Functions of single elements, as tables made with TensorFlow Lite's own arithmetic.

use skewless_core::error::Result;
use skewless_core::plan::network::Tensor;

use super::file::Operator;
use super::fixed::{Factor, input_radius, logistic, rounded, tanh};
use super::operator::{
    LEAKY_RELU, LOGISTIC, QUANTIZE, RELU, RELU_N1_TO_1, RELU6, TANH, activation,
};
use super::{Lowering, unsupported};

/// Integer bits of the argument of a sigmoid or a tanh.
const INTEGER_BITS: i32 = 4;

impl Lowering<'_> {
    pub(super) fn elementwise(&mut self, operator: &Operator<'_>) -> Result<usize> {
        let input = self.input(operator, 0)?;
        let (from, to) = self.ends(operator)?;
        let table = match operator.code {
            LOGISTIC => {
                stated(operator, &to, (1.0 / 256.0, i8::MIN))?;
                saturating(&from, |q4| rounded(logistic(q4), 8) - 128, (-128, 127))
            }
            TANH => {
                stated(operator, &to, (1.0 / 128.0, 0))?;
                saturating(&from, |q4| rounded(tanh(q4), 7), (-128, 127))
            }
            QUANTIZE => rescaled(&from, &to, (-128, 127)),
            RELU => rescaled(&from, &to, activation(operator, 1, &to)?),
            RELU_N1_TO_1 => rescaled(&from, &to, activation(operator, 2, &to)?),
            RELU6 => rescaled(&from, &to, activation(operator, 3, &to)?),
            LEAKY_RELU => {
                let alpha = operator.options.map_or(0.0, |options| options.f32(0));
                leaky(&from, &to, alpha)
            }
            _ => return Err(unsupported(operator, "not an operator that is read")),
        };
        let name = self.graph.tensors[operator.output()?].name;
        let to = (to.scale, to.zero_point);
        Ok(self.builder.lookup(name, input, table, to))
    }
}

fn stated(operator: &Operator<'_>, to: &Tensor, due: (f32, i8)) -> Result<()> {
    if (to.scale, to.zero_point) == due {
        Ok(())
    } else {
        Err(unsupported(
            operator,
            "an output in other steps than the kernel's own",
        ))
    }
}

/// A function whose argument has four integer bits, and which has reached its ends beyond them.
fn saturating(from: &Tensor, function: impl Fn(i32) -> i32, ends: (i8, i8)) -> Vec<i8> {
    let factor = Factor::of(f64::from(from.scale) * f64::from(1 << (31 - INTEGER_BITS)));
    let radius = input_radius(INTEGER_BITS, factor.exponent);
    elements(from, |x| {
        if x <= -radius {
            ends.0.into()
        } else if x >= radius {
            ends.1.into()
        } else {
            function(factor.times(x))
        }
    })
}

fn rescaled(from: &Tensor, to: &Tensor, (low, high): (i8, i8)) -> Vec<i8> {
    let factor = Factor::of(f64::from(from.scale) / f64::from(to.scale));
    elements(from, |x| {
        let q = factor.times(x) + i32::from(to.zero_point);
        q.clamp(low.into(), high.into())
    })
}

fn leaky(from: &Tensor, to: &Tensor, alpha: f32) -> Vec<i8> {
    let identity = Factor::of(f64::from(from.scale) / f64::from(to.scale));
    let slope = f64::from(from.scale) * f64::from(alpha.abs()) / f64::from(to.scale);
    let slope = Factor::of(slope);
    let sign = if alpha < 0.0 { -1 } else { 1 };
    elements(from, |x| {
        let scaled = if x >= 0 {
            identity.times(x)
        } else {
            sign * slope.times(x)
        };
        scaled + i32::from(to.zero_point)
    })
}

/// The table of a function of elements without their zero point.
#[expect(clippy::cast_possible_truncation, reason = "clamped to int8")]
fn elements(from: &Tensor, function: impl Fn(i32) -> i32) -> Vec<i8> {
    (i8::MIN..=i8::MAX)
        .map(|q| function(i32::from(q) - i32::from(from.zero_point)).clamp(-128, 127) as i8)
        .collect()
}

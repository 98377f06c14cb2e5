//! The functions that operators apply to single numbers.

use skewless_core::error::Result;

use super::elementwise::single;
use crate::onnx::attributes::Attributes;
use crate::onnx::message::NodeProto;
use crate::onnx::unsupported_op;

/// A function of one number.
pub(crate) type Function = Box<dyn Fn(f64) -> f64>;

/// The function of two numbers that a node's type names.
pub(crate) fn operation(node: &NodeProto) -> Result<fn(f32, f32) -> f32> {
    Ok(match node.op_type.as_str() {
        "Add" | "QLinearAdd" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" | "QLinearMul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Min" => f32::min,
        "Max" => f32::max,
        "Pow" => |a, b| single(libm::pow(f64::from(a), f64::from(b))),
        _ => return Err(unsupported_op(node, "of two values")),
    })
}

/// The function that an operator applies to each element.
pub(crate) fn function(node: &NodeProto) -> Result<Function> {
    let read = |known: &[&str]| Attributes::of(node, known);
    let plain = |function: fn(f64) -> f64| -> Result<Function> {
        read(&[])?;
        Ok(Box::new(function))
    };
    match node.op_type.as_str() {
        "Relu" => plain(|x| x.max(0.0)),
        "Sigmoid" | "QLinearSigmoid" => plain(sigmoid),
        "Tanh" => plain(libm::tanh),
        "Exp" => plain(libm::exp),
        "Log" => plain(libm::log),
        "Abs" => plain(f64::abs),
        "Neg" => plain(|x| -x),
        "Sqrt" => plain(f64::sqrt),
        "Reciprocal" => plain(|x| 1.0 / x),
        "Floor" => plain(f64::floor),
        "Ceil" => plain(f64::ceil),
        "Round" => plain(f64::round_ties_even),
        "Sin" => plain(libm::sin),
        "Cos" => plain(libm::cos),
        "Erf" => plain(libm::erf),
        "Softsign" => plain(|x| x / (1.0 + x.abs())),
        "Softplus" => plain(softplus),
        "Mish" => plain(|x| x * libm::tanh(softplus(x))),
        "HardSwish" => plain(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "LeakyRelu" | "QLinearLeakyRelu" => {
            let alpha = f64::from(read(&["alpha"])?.float_or("alpha", 0.01));
            Ok(Box::new(move |x| if x < 0.0 { x * alpha } else { x }))
        }
        "HardSigmoid" => {
            let attributes = read(&["alpha", "beta"])?;
            let alpha = f64::from(attributes.float_or("alpha", 0.2));
            let beta = f64::from(attributes.float_or("beta", 0.5));
            Ok(Box::new(move |x| (x * alpha + beta).clamp(0.0, 1.0)))
        }
        "Elu" => {
            let alpha = f64::from(read(&["alpha"])?.float_or("alpha", 1.0));
            Ok(Box::new(
                move |x| if x < 0.0 { alpha * libm::expm1(x) } else { x },
            ))
        }
        "Celu" => {
            let alpha = f64::from(read(&["alpha"])?.float_or("alpha", 1.0));
            Ok(Box::new(move |x| {
                x.max(0.0) + (alpha * libm::expm1(x / alpha)).min(0.0)
            }))
        }
        "Selu" => {
            let attributes = read(&["alpha", "gamma"])?;
            let alpha = f64::from(attributes.float_or("alpha", 1.673_263_2));
            let gamma = f64::from(attributes.float_or("gamma", 1.050_701));
            Ok(Box::new(move |x| {
                gamma * if x > 0.0 { x } else { alpha * libm::expm1(x) }
            }))
        }
        "ThresholdedRelu" => {
            let alpha = f64::from(read(&["alpha"])?.float_or("alpha", 1.0));
            Ok(Box::new(move |x| if x > alpha { x } else { 0.0 }))
        }
        "Gelu" => match read(&["approximate"])?.text("approximate", "none")? {
            "none" => Ok(Box::new(|x| {
                0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
            })),
            _ => Err(unsupported_op(node, "the approximation by tanh")),
        },
        _ => Err(unsupported_op(
            node,
            "no operator of a quantised network that is known",
        )),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// ln(1 + exp(x)), without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

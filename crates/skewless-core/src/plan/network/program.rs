//! A network in the form in which the plan stores it: the model's layers with their weights in the stored order.

use super::model::{
    AddMeaning, Conv, Dense, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, Tensor, Window,
};
use super::shape::plane;
use super::weights::{Weights, WeightsShape};

/// Tensors, and the steps that fill them.
pub(super) struct Program {
    pub(super) inputs: Vec<NetworkInput>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<usize>,
}

/// A layer.
pub(super) struct Step {
    pub(super) op: StepOp,
    pub(super) inputs: Vec<usize>,
    pub(super) output: usize,
}

/// What a step computes; see [`Op`].
pub(super) enum StepOp {
    Product(Product),
    MaxPool(Window),
    AveragePool {
        window: Window,
        include_padding: bool,
        meaning: PoolMeaning,
        clamp: (i8, i8),
    },
    Add {
        meaning: AddMeaning,
        clamp: (i8, i8),
    },
    Lookup {
        table: Vec<i8>,
    },
    Softmax(SoftmaxMeaning),
    Concat,
    Reshape,
    Transpose {
        permutation: Vec<usize>,
    },
}

/// A layer with weights: sums of products, requantised.
pub(super) struct Product {
    pub(super) geometry: Geometry,
    pub(super) weights: Weights,
    pub(super) bias: Vec<i32>,
    pub(super) requantize: Requantize,
    pub(super) clamp: (i8, i8),
}

/// Which elements of the input meet which weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Geometry {
    /// All of them.
    Dense,
    /// Those below a kernel, in the output's group of channels.
    Conv { window: Window, groups: usize },
    /// Those below a kernel, in the output's own channel.
    Depthwise { window: Window },
}

impl Geometry {
    /// The order of the weights between an input and an output; `None` where channels and groups do not fit.
    pub(super) fn weights_shape(&self, input: &Tensor, output: &Tensor) -> Option<WeightsShape> {
        match self {
            Self::Dense => Some(WeightsShape::Blocked {
                groups: 1,
                outputs: output.len(),
                runs: 1,
                run: input.len(),
            }),
            Self::Conv { window, groups } => {
                let (from, to) = (plane(&input.shape)?, plane(&output.shape)?);
                let fits = *groups > 0 && from.channels % groups == 0 && to.channels % groups == 0;
                let inputs = from.channels.checked_div(*groups)?;
                fits.then_some(WeightsShape::Blocked {
                    groups: *groups,
                    outputs: to.channels / groups,
                    runs: window.runs(),
                    run: window.run_elements().checked_mul(inputs)?,
                })
            }
            Self::Depthwise { window } => {
                let (from, to) = (plane(&input.shape)?, plane(&output.shape)?);
                (from.channels == to.channels).then_some(WeightsShape::Taps {
                    taps: window.taps(),
                    channels: from.channels,
                })
            }
        }
    }
}

impl Program {
    /// The program of a model, or what contradicts itself in it.
    pub(super) fn of(model: &NetworkModel) -> Result<Self, String> {
        let steps = model.layers.iter().map(|layer| {
            let tensor = |index: Option<&usize>| model.tensors.get(*index?);
            let product = |geometry, weights, bias: &[i32], requantize: &Requantize, clamp| {
                let (Some(input), Some(output)) =
                    (tensor(layer.inputs.first()), tensor(Some(&layer.output)))
                else {
                    return Err("a tensor is missing".to_owned());
                };
                product(geometry, weights, (input, output)).map(|(geometry, weights)| {
                    StepOp::Product(Product {
                        geometry,
                        weights,
                        bias: bias.to_vec(),
                        requantize: requantize.clone(),
                        clamp,
                    })
                })
            };
            let op = match &layer.op {
                Op::Dense(Dense {
                    weights,
                    bias,
                    requantize,
                    clamp,
                }) => product(Geometry::Dense, weights, bias, requantize, *clamp),
                Op::Conv(Conv {
                    weights,
                    bias,
                    groups,
                    window,
                    requantize,
                    clamp,
                }) => {
                    let geometry = conv_geometry(window, *groups, tensor(layer.inputs.first()));
                    product(geometry, weights, bias, requantize, *clamp)
                }
                op => weightless(op).ok_or_else(|| "an operation is unknown".to_owned()),
            };
            Ok(Step {
                op: op.map_err(|what| format!("layer `{}`: {what}", layer.name))?,
                inputs: layer.inputs.clone(),
                output: layer.output,
            })
        });
        Ok(Self {
            inputs: model.inputs.clone(),
            tensors: model.tensors.clone(),
            steps: steps.collect::<Result<_, String>>()?,
            outputs: model.outputs.clone(),
        })
    }
}

impl Program {
    /// Number of weights, biases aside.
    pub(super) fn weights(&self) -> usize {
        let of = |step: &Step| match &step.op {
            StepOp::Product(product) => product.weights.len(),
            _ => 0,
        };
        self.steps.iter().map(of).sum()
    }
}

/// A depthwise convolution has a layout of its own.
fn conv_geometry(window: &Window, groups: usize, input: Option<&Tensor>) -> Geometry {
    let window = window.clone();
    let channels = input.and_then(|input| Some(plane(&input.shape)?.channels));
    match channels {
        Some(channels) if channels == groups && groups > 1 => Geometry::Depthwise { window },
        _ => Geometry::Conv { window, groups },
    }
}

/// The geometry with the weights in its stored order. A depthwise convolution with several outputs a channel is a
/// grouped one.
fn product(
    geometry: Geometry,
    weights: &[i16],
    (input, output): (&Tensor, &Tensor),
) -> Result<(Geometry, Weights), String> {
    let geometry = match geometry {
        Geometry::Depthwise { window }
            if plane(&input.shape).map(|plane| plane.channels)
                != plane(&output.shape).map(|plane| plane.channels) =>
        {
            let groups = plane(&input.shape).map_or(1, |plane| plane.channels);
            Geometry::Conv { window, groups }
        }
        geometry => geometry,
    };
    let shape = geometry
        .weights_shape(input, output)
        .ok_or("its groups do not divide the channels")?;
    match Weights::stored(weights, &shape) {
        Some(weights) => Ok((geometry, weights)),
        None => Err(format!(
            "{} weights, or one of them beyond ±255, where {} are expected",
            weights.len(),
            shape.len()
        )),
    }
}

fn weightless(op: &Op) -> Option<StepOp> {
    Some(match op {
        Op::Dense(_) | Op::Conv(_) => return None,
        Op::MaxPool(window) => StepOp::MaxPool(window.clone()),
        Op::AveragePool {
            window,
            include_padding,
            meaning,
            clamp,
        } => StepOp::AveragePool {
            window: window.clone(),
            include_padding: *include_padding,
            meaning: *meaning,
            clamp: *clamp,
        },
        Op::Add { meaning, clamp } => StepOp::Add {
            meaning: *meaning,
            clamp: *clamp,
        },
        Op::Lookup { table } => StepOp::Lookup {
            table: table.clone(),
        },
        Op::Softmax(meaning) => StepOp::Softmax(*meaning),
        Op::Concat => StepOp::Concat,
        Op::Reshape => StepOp::Reshape,
        Op::Transpose { permutation } => StepOp::Transpose {
            permutation: permutation.clone(),
        },
    })
}

//! What a program must fulfil before it runs: every shape, every index, every size. What importers build and what
//! bytes hold goes through the same rules.

use super::model::{AddMeaning, NetworkInput, PoolMeaning, Requantize, SoftmaxMeaning, Tensor};
use super::program::{Geometry, Product, Program, Step, StepOp};
use super::shape::{MAX_ELEMENTS, plane};

/// Most dimensions of a tensor.
pub(super) const MAX_RANK: usize = 6;
/// Most elements of all tensors together.
const MAX_MEMORY: usize = 1 << 26;
/// Most multiplications, additions or comparisons of a row, so that no plan runs for long.
const MAX_WORK: usize = 1 << 31;

impl Program {
    /// Number of multiplications of a row, or what is wrong.
    pub(super) fn check(&self) -> Result<usize, String> {
        for (index, tensor) in self.tensors.iter().enumerate() {
            check_tensor(tensor).map_err(|what| format!("tensor {index}: {what}"))?;
        }
        let elements = (self.tensors.iter()).fold(0, |sum: usize, it| sum.saturating_add(it.len()));
        require(elements <= MAX_MEMORY, || {
            format!("{elements} elements where at most {MAX_MEMORY} are allowed")
        })?;
        let mut written = vec![false; self.tensors.len()];
        for input in &self.inputs {
            let tensor = check_input(input, &self.tensors)?;
            self.write(tensor, &mut written)?;
        }
        let (mut multiplications, mut work) = (0, 0usize);
        for (index, step) in self.steps.iter().enumerate() {
            let name = |what| format!("layer {index}: {what}");
            let cost = self.check_step(step, &written).map_err(name)?;
            self.write(step.output, &mut written).map_err(name)?;
            work = work.saturating_add(cost);
            require(work <= MAX_WORK, || name("too much work".to_owned()))?;
            if let StepOp::Product(_) = step.op {
                multiplications += cost;
            }
        }
        require(!self.outputs.is_empty(), || "no outputs".to_owned())?;
        for &output in &self.outputs {
            self.read(output, &written)?;
        }
        Ok(multiplications)
    }

    fn read(&self, tensor: usize, written: &[bool]) -> Result<&Tensor, String> {
        match (self.tensors.get(tensor), written.get(tensor)) {
            (Some(read), Some(true)) => Ok(read),
            _ => Err(format!("tensor {tensor} is read before it is written")),
        }
    }

    fn write(&self, tensor: usize, written: &mut [bool]) -> Result<(), String> {
        match written.get_mut(tensor) {
            Some(written @ false) => {
                *written = true;
                Ok(())
            }
            _ => Err(format!("tensor {tensor} is not there or written twice")),
        }
    }

    /// Operations that a step costs.
    fn check_step(&self, step: &Step, written: &[bool]) -> Result<usize, String> {
        let inputs: Vec<&Tensor> = (step.inputs.iter())
            .map(|&tensor| self.read(tensor, written))
            .collect::<Result<_, _>>()?;
        let output = (self.tensors.get(step.output))
            .ok_or_else(|| format!("tensor {} is not there", step.output))?;
        match (&step.op, inputs.as_slice()) {
            (StepOp::Product(product), [input]) => check_product(product, input, output),
            (StepOp::MaxPool(window), [input]) => {
                same_quantisation(input, output)?;
                check_pool(window, input, output)
            }
            (
                StepOp::AveragePool {
                    window,
                    meaning,
                    clamp,
                    ..
                },
                [input],
            ) => {
                check_average(*meaning, input, output)?;
                check_clamp(*clamp)?;
                check_pool(window, input, output)
            }
            (StepOp::Add { meaning, clamp }, [a, b]) => {
                check_clamp(*clamp)?;
                check_add(*meaning)?;
                require(a.shape == output.shape && b.shape == output.shape, || {
                    format!("{:?} + {:?} = {:?}", a.shape, b.shape, output.shape)
                })?;
                Ok(output.len())
            }
            (StepOp::Lookup { table }, [input]) => {
                require(table.len() == 256 && input.len() == output.len(), || {
                    "a table of 256 values and equal sizes are expected".to_owned()
                })?;
                Ok(output.len())
            }
            (StepOp::Softmax(meaning), [input]) => {
                check_softmax(*meaning)?;
                require(input.shape == output.shape, || "shapes differ".to_owned())?;
                Ok(output.len())
            }
            (StepOp::Concat, [first, ..]) => {
                inputs
                    .iter()
                    .try_for_each(|input| same_quantisation(input, output))?;
                check_concat(first, &inputs, output)
            }
            (StepOp::Reshape, [input]) => {
                same_quantisation(input, output)?;
                require(input.len() == output.len(), || {
                    format!("{:?} cannot become {:?}", input.shape, output.shape)
                })?;
                Ok(0)
            }
            (StepOp::Transpose { permutation }, [input]) => {
                same_quantisation(input, output)?;
                check_transpose(permutation, input, output)
            }
            _ => Err(format!("{} inputs", inputs.len())),
        }
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn check_tensor(tensor: &Tensor) -> Result<(), String> {
    let rank = tensor.shape.len();
    require((1..=MAX_RANK).contains(&rank), || {
        format!("{rank} dimensions where 1 to {MAX_RANK} are expected")
    })?;
    let elements = (tensor.shape.iter()).fold(1, |all: usize, &one| all.saturating_mul(one));
    require((1..=MAX_ELEMENTS).contains(&elements), || {
        format!("{elements} elements where 1 to {MAX_ELEMENTS} are expected")
    })?;
    require(tensor.scale.is_finite() && tensor.scale > 0.0, || {
        format!("scale {}", tensor.scale)
    })
}

/// The tensor that an input writes.
fn check_input(input: &NetworkInput, tensors: &[Tensor]) -> Result<usize, String> {
    match input {
        NetworkInput::Quantize { tensor } => Ok(*tensor),
        NetworkInput::Embedding {
            tensor,
            indices,
            table,
            rows,
        } => {
            let width = (tensors.get(*tensor))
                .and_then(|tensor| tensor.len().checked_div(*indices))
                .unwrap_or_default();
            let filled = tensors.get(*tensor).map(Tensor::len) == width.checked_mul(*indices);
            let whole = rows.checked_mul(width) == Some(table.len()) && *rows > 0;
            require(width > 0 && filled && whole, || {
                format!(
                    "an embedding of {indices} × {rows} rows does not fit tensor {tensor} or its table of {}",
                    table.len()
                )
            })?;
            Ok(*tensor)
        }
    }
}

fn check_product(product: &Product, input: &Tensor, output: &Tensor) -> Result<usize, String> {
    let weights = (product.geometry.weights_shape(input, output))
        .ok_or("groups do not divide the channels, or a shape is no plane")?;
    require(weights.len() == product.weights.len(), || {
        format!(
            "{} weights where {} are expected",
            product.weights.len(),
            weights.len()
        )
    })?;
    let channels = match &product.geometry {
        Geometry::Dense => output.len(),
        Geometry::Conv { window, .. } | Geometry::Depthwise { window } => {
            let to = plane(&output.shape).ok_or("the output is no plane")?;
            let from = plane(&input.shape).ok_or("the input is no plane")?;
            check_windows(window, (from, to))?;
            to.channels
        }
    };
    require(product.bias.len() == channels, || {
        format!(
            "{} biases where {channels} are expected",
            product.bias.len()
        )
    })?;
    check_clamp(product.clamp)?;
    check_requantize(&product.requantize, channels)?;
    let windows = output.len() / channels.max(1);
    Ok(weights.len().saturating_mul(windows))
}

fn check_windows(
    window: &super::model::Window,
    (from, to): (super::shape::Plane, super::shape::Plane),
) -> Result<(), String> {
    let placed = (window.place(from)).ok_or_else(|| {
        format!(
            "{window:?} does not lie on {} × {}",
            from.height, from.width
        )
    })?;
    require(placed.windows == (to.height, to.width), || {
        format!(
            "{} × {} windows where the output has {} × {}",
            placed.windows.0, placed.windows.1, to.height, to.width
        )
    })
}

fn check_requantize(requantize: &Requantize, channels: usize) -> Result<(), String> {
    let whole = |count: usize| count == 1 || count == channels;
    let holds = match requantize {
        Requantize::Float { multiplier } => {
            whole(multiplier.len()) && (multiplier.iter()).all(|it| it.is_finite() && *it >= 0.0)
        }
        Requantize::Fixed { multiplier, shift } | Requantize::FixedOnce { multiplier, shift } => {
            whole(multiplier.len())
                && shift.len() == multiplier.len()
                && (multiplier.iter().zip(shift)).all(|(&it, &by)| is_fixed(it, by))
        }
    };
    require(holds, || {
        "multipliers: one, or one a channel; not negative; exponents from −31 to 30".to_owned()
    })
}

fn is_fixed(multiplier: i32, shift: i8) -> bool {
    multiplier >= 0 && (-31..=30).contains(&shift)
}

fn check_pool(
    window: &super::model::Window,
    input: &Tensor,
    output: &Tensor,
) -> Result<usize, String> {
    let (Some(from), Some(to)) = (plane(&input.shape), plane(&output.shape)) else {
        return Err("a shape is no plane".to_owned());
    };
    check_windows(window, (from, to))?;
    require(from.channels == to.channels, || {
        format!("{} channels become {}", from.channels, to.channels)
    })?;
    Ok(output.len().saturating_mul(window.taps()))
}

fn check_average(meaning: PoolMeaning, input: &Tensor, output: &Tensor) -> Result<(), String> {
    match meaning {
        PoolMeaning::Float => Ok(()),
        PoolMeaning::Fixed => same_quantisation(input, output),
        PoolMeaning::FixedMean { multiplier, shift } => {
            require(is_fixed(multiplier, shift), || {
                format!("multiplier {multiplier} · 2^{shift}")
            })
        }
    }
}

fn check_add(meaning: AddMeaning) -> Result<(), String> {
    match meaning {
        AddMeaning::Float => Ok(()),
        AddMeaning::Fixed {
            left_shift,
            multiplier,
            shift,
        } => {
            let fixed = multiplier
                .iter()
                .zip(shift)
                .all(|(&it, by)| is_fixed(it, by));
            require(fixed && left_shift <= 22, || {
                "multipliers of an addition".to_owned()
            })
        }
    }
}

fn check_softmax(meaning: SoftmaxMeaning) -> Result<(), String> {
    let holds = match meaning {
        SoftmaxMeaning::Float => true,
        SoftmaxMeaning::Fixed {
            multiplier,
            shift,
            minimum_difference,
        } => multiplier >= 0 && (0..=30).contains(&shift) && minimum_difference <= 0,
        SoftmaxMeaning::Table { beta } => beta.is_finite() && beta > 0.0,
    };
    require(holds, || format!("{meaning:?}"))
}

fn check_concat(first: &Tensor, inputs: &[&Tensor], output: &Tensor) -> Result<usize, String> {
    let leading = |tensor: &Tensor| tensor.shape.split_last().map(|(_, rest)| rest.to_vec());
    let last = |tensor: &Tensor| tensor.shape.last().copied().unwrap_or_default();
    let width = (inputs.iter()).fold(0, |sum: usize, input| sum.saturating_add(last(input)));
    let aligned = inputs.iter().all(|input| leading(input) == leading(first));
    require(
        aligned && leading(first) == leading(output) && width == last(output),
        || format!("shapes do not add up to {:?}", output.shape),
    )?;
    Ok(output.len())
}

fn check_transpose(
    permutation: &[usize],
    input: &Tensor,
    output: &Tensor,
) -> Result<usize, String> {
    let mut seen = vec![false; input.shape.len()];
    let permuted: Option<Vec<usize>> = (permutation.iter())
        .map(|&axis| match seen.get_mut(axis) {
            Some(seen @ false) => {
                *seen = true;
                input.shape.get(axis).copied()
            }
            _ => None,
        })
        .collect();
    let holds = permutation.len() == input.shape.len() && permuted.as_ref() == Some(&output.shape);
    require(holds, || {
        format!(
            "{permutation:?} of {:?} is not {:?}",
            input.shape, output.shape
        )
    })?;
    Ok(output.len())
}

fn check_clamp((lower, upper): (i8, i8)) -> Result<(), String> {
    require(lower <= upper, || format!("clamp {lower} to {upper}"))
}

fn same_quantisation(input: &Tensor, output: &Tensor) -> Result<(), String> {
    let same = input.scale == output.scale && input.zero_point == output.zero_point;
    require(same, || {
        format!(
            "scale {} and zero point {} where {} and {} are expected",
            input.scale, input.zero_point, output.scale, output.zero_point
        )
    })
}

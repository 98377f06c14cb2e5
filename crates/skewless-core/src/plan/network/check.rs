//! What a program must fulfil before it runs: every shape, every index, every size. What importers build and what
//! bytes hold goes through the same rules.

use std::fmt;

use super::model::{
    AddMeaning, NetworkInput, PoolMeaning, Requantize, SoftmaxMeaning, Tensor, Window,
};
use super::program::{Geometry, Product, Program, Step, StepOp};
use super::shape::{MAX_ELEMENTS, Plane, plane};

/// Most dimensions of a tensor.
pub(super) const MAX_RANK: usize = 6;
/// Most elements of all tensors together.
const MAX_MEMORY: usize = 1 << 26;
/// Most multiplications, additions or comparisons of a row, so that no plan runs for long.
const MAX_WORK: usize = 1 << 31;

/// What a program breaks: a rule, or a number that is not the expected one, and where.
pub(super) struct Broken {
    rule: &'static str,
    numbers: Option<(usize, usize)>,
    place: Option<(&'static str, usize)>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((what, index)) = self.place {
            write!(f, "{what} {index}: ")?;
        }
        match self.numbers {
            Some((found, expected)) => {
                write!(f, "{} {found} where {expected} is expected", self.rule)
            }
            None => f.write_str(self.rule),
        }
    }
}

impl Broken {
    fn at(self, what: &'static str, index: usize) -> Self {
        let place = Some((what, index));
        Self { place, ..self }
    }
}

type Checked<T> = Result<T, Broken>;

fn require(holds: bool, rule: &'static str) -> Checked<()> {
    let broken = Broken {
        rule,
        numbers: None,
        place: None,
    };
    if holds { Ok(()) } else { Err(broken) }
}

/// The number of something is the expected one.
fn equal(rule: &'static str, found: usize, expected: usize) -> Checked<()> {
    let broken = Broken {
        rule,
        numbers: Some((found, expected)),
        place: None,
    };
    if found == expected {
        Ok(())
    } else {
        Err(broken)
    }
}

fn there<T>(value: Option<T>, rule: &'static str) -> Checked<T> {
    value.ok_or(Broken {
        rule,
        numbers: None,
        place: None,
    })
}

impl Program {
    /// Number of multiplications of a row, or what is wrong.
    pub(super) fn check(&self) -> Checked<usize> {
        for (index, tensor) in self.tensors.iter().enumerate() {
            check_tensor(tensor).map_err(|broken| broken.at("tensor", index))?;
        }
        let elements = (self.tensors.iter()).fold(0, |sum: usize, it| sum.saturating_add(it.len()));
        require(
            elements <= MAX_MEMORY,
            "all tensors together have too many elements",
        )?;
        let mut written = vec![false; self.tensors.len()];
        for (index, input) in self.inputs.iter().enumerate() {
            let tensor = check_input(input, &self.tensors);
            tensor
                .and_then(|tensor| write(tensor, &mut written))
                .map_err(|broken| broken.at("input", index))?;
        }
        let (mut multiplications, mut work) = (0, 0usize);
        for (index, step) in self.steps.iter().enumerate() {
            let cost = self.check_step(step, &mut written);
            let cost = cost.map_err(|broken| broken.at("layer", index))?;
            work = work.saturating_add(cost);
            require(work <= MAX_WORK, "the layers are too much work")?;
            if let StepOp::Product(_) = step.op {
                multiplications += cost;
            }
        }
        require(!self.outputs.is_empty(), "there are no outputs")?;
        for &output in &self.outputs {
            self.read(output, &written)?;
        }
        Ok(multiplications)
    }

    fn read(&self, tensor: usize, written: &[bool]) -> Checked<&Tensor> {
        let written = written.get(tensor) == Some(&true);
        require(written, "a tensor is read before it is written")?;
        there(self.tensors.get(tensor), "a tensor is not there")
    }

    /// Operations that a step costs.
    fn check_step(&self, step: &Step, written: &mut [bool]) -> Checked<usize> {
        let inputs: Vec<&Tensor> = (step.inputs.iter())
            .map(|&tensor| self.read(tensor, written))
            .collect::<Result<_, _>>()?;
        let output = there(self.tensors.get(step.output), "a tensor is not there")?;
        write(step.output, written)?;
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
                let same = a.shape == output.shape && b.shape == output.shape;
                require(same, "terms and sum have different shapes")?;
                Ok(output.len())
            }
            (StepOp::Lookup { table }, [input]) => {
                equal("values of a table", table.len(), 256)?;
                equal("elements", input.len(), output.len())?;
                Ok(output.len())
            }
            (StepOp::Softmax(meaning), [input]) => {
                check_softmax(*meaning)?;
                require(
                    input.shape == output.shape,
                    "input and output have different shapes",
                )?;
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
                equal("elements", input.len(), output.len())?;
                Ok(0)
            }
            (StepOp::Transpose { permutation }, [input]) => {
                same_quantisation(input, output)?;
                check_transpose(permutation, input, output)
            }
            (_, inputs) => {
                let expected = if matches!(step.op, StepOp::Add { .. }) {
                    2
                } else {
                    1
                };
                equal("inputs", inputs.len(), expected)?;
                Ok(0)
            }
        }
    }
}

fn write(tensor: usize, written: &mut [bool]) -> Checked<()> {
    let written = there(written.get_mut(tensor), "a tensor is not there")?;
    require(!*written, "a tensor is written twice")?;
    *written = true;
    Ok(())
}

fn check_tensor(tensor: &Tensor) -> Checked<()> {
    let rank = tensor.shape.len();
    require(
        (1..=MAX_RANK).contains(&rank),
        "its dimensions are not 1 to 6",
    )?;
    let elements = (tensor.shape.iter()).fold(1, |all: usize, &one| all.saturating_mul(one));
    require(
        (1..=MAX_ELEMENTS).contains(&elements),
        "its elements are not 1 to 2^24",
    )?;
    require(
        tensor.scale.is_finite() && tensor.scale > 0.0,
        "its scale is not positive and finite",
    )
}

/// The tensor that an input writes.
fn check_input(input: &NetworkInput, tensors: &[Tensor]) -> Checked<usize> {
    let NetworkInput::Embedding {
        tensor,
        indices,
        table,
        rows,
    } = input
    else {
        return Ok(input.tensor());
    };
    let elements = tensors.get(*tensor).map_or(0, Tensor::len);
    let width = elements.checked_div(*indices).unwrap_or_default();
    require(
        width > 0 && *rows > 0,
        "an embedding has no rows or no width",
    )?;
    equal("elements of an embedding", width * indices, elements)?;
    equal("values of a table", table.len(), rows.saturating_mul(width))?;
    Ok(*tensor)
}

fn check_product(product: &Product, input: &Tensor, output: &Tensor) -> Checked<usize> {
    let weights = there(
        product.geometry.weights_shape(input, output),
        "groups do not divide the channels, or a shape is no plane",
    )?;
    equal("weights", product.weights.len(), weights.len())?;
    let channels = match &product.geometry {
        Geometry::Dense => output.len(),
        Geometry::Conv { window, .. } | Geometry::Depthwise { window } => {
            check_windows(window, input, output)?.1.channels
        }
    };
    equal("biases", product.bias.len(), channels)?;
    check_clamp(product.clamp)?;
    check_requantize(&product.requantize, channels)?;
    let windows = output.len() / channels.max(1);
    Ok(weights.len().saturating_mul(windows))
}

/// The planes of input and output, between which the windows fit.
fn check_windows(window: &Window, input: &Tensor, output: &Tensor) -> Checked<(Plane, Plane)> {
    let from = there(plane(&input.shape), "the input is no plane")?;
    let to = there(plane(&output.shape), "the output is no plane")?;
    let placed = there(window.place(from), "the window does not lie on the input")?;
    equal("windows down", placed.windows.0, to.height)?;
    equal("windows across", placed.windows.1, to.width)?;
    Ok((from, to))
}

fn check_requantize(requantize: &Requantize, channels: usize) -> Checked<()> {
    let count = match requantize {
        Requantize::Float { multiplier } => {
            let holds = multiplier.iter().all(|it| it.is_finite() && *it >= 0.0);
            require(holds, "a multiplier is negative or not finite")?;
            multiplier.len()
        }
        Requantize::Fixed { multiplier, shift } | Requantize::FixedOnce { multiplier, shift } => {
            equal("exponents", shift.len(), multiplier.len())?;
            let mut pairs = multiplier.iter().zip(shift);
            pairs.try_for_each(|(&multiplier, &shift)| check_fixed(multiplier, shift))?;
            multiplier.len()
        }
    };
    match count {
        1 => Ok(()),
        count => equal("multipliers", count, channels),
    }
}

fn check_fixed(multiplier: i32, shift: i8) -> Checked<()> {
    require(multiplier >= 0, "a multiplier is negative")?;
    require((-31..=30).contains(&shift), "an exponent is not −31 to 30")
}

fn check_pool(window: &Window, input: &Tensor, output: &Tensor) -> Checked<usize> {
    let (from, to) = check_windows(window, input, output)?;
    equal("channels", from.channels, to.channels)?;
    Ok(output.len().saturating_mul(window.taps()))
}

fn check_average(meaning: PoolMeaning, input: &Tensor, output: &Tensor) -> Checked<()> {
    match meaning {
        PoolMeaning::Float(_) => Ok(()),
        PoolMeaning::Fixed => same_quantisation(input, output),
        PoolMeaning::FixedMean { multiplier, shift } => check_fixed(multiplier, shift),
    }
}

fn check_add(meaning: AddMeaning) -> Checked<()> {
    let AddMeaning::Fixed {
        left_shift,
        multiplier,
        shift,
    } = meaning
    else {
        return Ok(());
    };
    require(left_shift <= 22, "a left shift is beyond 22")?;
    let mut pairs = multiplier.into_iter().zip(shift);
    pairs.try_for_each(|(multiplier, shift)| check_fixed(multiplier, shift))
}

fn check_softmax(meaning: SoftmaxMeaning) -> Checked<()> {
    let holds = match meaning {
        SoftmaxMeaning::Float => true,
        SoftmaxMeaning::Fixed {
            multiplier,
            shift,
            minimum_difference,
        } => multiplier >= 0 && (0..=30).contains(&shift) && minimum_difference <= 0,
        SoftmaxMeaning::Table { beta } => beta.is_finite() && beta > 0.0,
    };
    require(holds, "the factor of a softmax is out of its range")
}

fn check_concat(first: &Tensor, inputs: &[&Tensor], output: &Tensor) -> Checked<usize> {
    let leading = |tensor: &Tensor| tensor.shape.split_last().map(|(_, rest)| rest.to_vec());
    let last = |tensor: &Tensor| tensor.shape.last().copied().unwrap_or_default();
    let width = (inputs.iter()).fold(0, |sum: usize, input| sum.saturating_add(last(input)));
    let aligned = inputs.iter().all(|input| leading(input) == leading(first));
    require(
        aligned && leading(first) == leading(output),
        "what is side by side has different shapes",
    )?;
    equal("widths side by side", width, last(output))?;
    Ok(output.len())
}

fn check_transpose(permutation: &[usize], input: &Tensor, output: &Tensor) -> Checked<usize> {
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
    require(holds, "the permuted shape is not the output's")?;
    Ok(output.len())
}

fn check_clamp((lower, upper): (i8, i8)) -> Checked<()> {
    require(lower <= upper, "a clamp's bounds are the wrong way round")
}

fn same_quantisation(input: &Tensor, output: &Tensor) -> Checked<()> {
    let same = input.scale == output.scale && input.zero_point == output.zero_point;
    require(
        same,
        "input and output have different scales or zero points",
    )
}

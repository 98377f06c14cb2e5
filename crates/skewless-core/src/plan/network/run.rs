//! A step ready to run: its weights packed, its windows placed, its tables made.

use super::add::Add;
use super::arrange::{Transpose, concatenate};
use super::depthwise::DepthwiseRun;
use super::kernel::Kernel;
use super::model::Tensor;
use super::patch::PatchMemory;
use super::pool::Pool;
use super::product::ProductRun;
use super::program::{Geometry, Step, StepOp};
use super::softmax::Softmax;

/// A step's operation.
pub(super) enum Run {
    Product(ProductRun),
    Depthwise(DepthwiseRun),
    Pool(Pool),
    Add(Add),
    Lookup(Vec<i8>),
    /// A lookup that changes no step, only what a step means.
    Copy,
    Softmax(Softmax),
    /// First element and width of each input in the last dimension, and their sum.
    Concat(Vec<(usize, usize)>, usize),
    /// Source and result share their memory.
    Reshape,
    Transpose(Transpose),
}

impl Run {
    /// Prepares a checked step; `None` where it does not fit its tensors.
    pub(super) fn new(step: &Step, tensors: &[Tensor], kernel: Kernel) -> Option<Self> {
        let input = tensors.get(*step.inputs.first()?)?;
        let output = tensors.get(step.output)?;
        let pair = (input, output);
        Some(match &step.op {
            StepOp::Product(product) => match product.geometry {
                Geometry::Depthwise { .. } => {
                    Self::Depthwise(DepthwiseRun::new(product, pair, kernel)?)
                }
                _ => Self::Product(ProductRun::new(product, pair, kernel)?),
            },
            StepOp::MaxPool(window) => Self::Pool(Pool::max(window, pair)?),
            StepOp::AveragePool {
                window,
                include_padding,
                meaning,
                clamp,
            } => Self::Pool(Pool::average(
                window,
                *include_padding,
                *meaning,
                *clamp,
                pair,
            )?),
            StepOp::Add { meaning, clamp } => {
                let second = tensors.get(*step.inputs.get(1)?)?;
                Self::Add(Add::new(*meaning, *clamp, (input, second), output))
            }
            StepOp::Lookup { table } if table.iter().copied().eq(i8::MIN..=i8::MAX) => Self::Copy,
            StepOp::Lookup { table } => Self::Lookup(table.clone()),
            StepOp::Softmax(meaning) => Self::Softmax(Softmax::new(*meaning, input, output)),
            StepOp::Concat => {
                let mut first = 0;
                let places: Option<Vec<_>> = (step.inputs.iter())
                    .map(|&input| {
                        let width = *tensors.get(input)?.shape.last()?;
                        first += width;
                        Some((first - width, width))
                    })
                    .collect();
                Self::Concat(places?, first)
            }
            StepOp::Reshape => Self::Reshape,
            StepOp::Transpose { permutation } => {
                Self::Transpose(Transpose::new(permutation, input))
            }
        })
    }

    /// Computes `rows` rows. `input` gives the elements of the step's inputs by their position.
    pub(super) fn run<'a>(
        &self,
        kernel: Kernel,
        rows: usize,
        input: impl Fn(usize) -> &'a [i8],
        output: &mut [i8],
        memory: &mut PatchMemory,
        sums: &mut [i32],
    ) {
        match self {
            Self::Product(product) => product.run(rows, input(0), output, memory),
            Self::Depthwise(depthwise) => depthwise.run(rows, input(0), output, memory),
            Self::Pool(pool) => {
                for_each_row(rows, input(0), output, |from, to| {
                    pool.run(kernel, from, to, sums);
                });
            }
            Self::Add(add) => add.run(kernel, (input(0), input(1)), output),
            Self::Lookup(table) => {
                for (&value, cell) in input(0).iter().zip(output) {
                    let index = usize::from(value.cast_unsigned() ^ 0x80);
                    *cell = table.get(index).copied().unwrap_or_default();
                }
            }
            Self::Copy => {
                let cells = output.iter_mut().zip(input(0));
                cells.for_each(|(cell, value)| *cell = *value);
            }
            Self::Softmax(softmax) => softmax.run(input(0), output),
            Self::Concat(places, total) => {
                for (position, &place) in places.iter().enumerate() {
                    concatenate(input(position), place, *total, output);
                }
            }
            Self::Reshape => {}
            Self::Transpose(transpose) => {
                for_each_row(rows, input(0), output, |from, to| transpose.run(from, to));
            }
        }
    }

    /// Elements of the patch of `rows` rows.
    pub(super) fn patch_elements(&self, rows: usize) -> usize {
        match self {
            Self::Product(product) => product.patch_elements(rows),
            Self::Depthwise(depthwise) => depthwise.patch_elements(),
            _ => 0,
        }
    }

    /// Sums that the step keeps at once.
    pub(super) fn sums(&self) -> usize {
        match self {
            Self::Pool(pool) => pool.sums(),
            _ => 0,
        }
    }
}

fn for_each_row(
    rows: usize,
    input: &[i8],
    output: &mut [i8],
    mut each: impl FnMut(&[i8], &mut [i8]),
) {
    let from = input.chunks_exact((input.len() / rows.max(1)).max(1));
    let length = (output.len() / rows.max(1)).max(1);
    for (from, to) in from.zip(output.chunks_exact_mut(length)) {
        each(from, to);
    }
}

//! The network engine: rows in blocks, layer after layer, in memory that the caller owns.

use super::epilogue::Bounds;
use super::model::{NetworkInput, Tensor};
use super::patch::PatchMemory;
use super::program::Program;
use super::run::Run;
use super::{decode, kernel::Kernel, memory::Slots};
use crate::error::{Error, Result};
use crate::plan::bytes::PlanReader;
use crate::plan::{Engine, EngineScratch, ModelSummary, Simd, check_shape};

/// A network ready to score.
pub(in crate::plan) struct NetworkEngine {
    inputs: Vec<NetworkInput>,
    tensors: Vec<Tensor>,
    steps: Vec<RunStep>,
    outputs: Vec<usize>,
    slots: Slots,
    columns: usize,
    scores: usize,
    /// Rows that go through the layers together.
    block: usize,
    kernel: Kernel,
    summary: ModelSummary,
}

struct RunStep {
    run: Run,
    inputs: Vec<usize>,
    output: usize,
}

/// Working memory of a network.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct NetworkScratch {
    slots: Vec<Vec<i8>>,
    patch: PatchMemory,
    sums: Vec<i32>,
}

/// Working memory that a block of rows may fill: what a processor's first cache holds, by half.
const BLOCK_BYTES: usize = 1 << 14;
/// Most rows of a block.
const BLOCK_ROWS: usize = 64;

impl NetworkEngine {
    /// Reads and checks a network.
    pub(in crate::plan) fn read(plan: &mut PlanReader<'_>, simd: Simd) -> Result<Self> {
        let program = decode::read(plan)?;
        let multiplications =
            (program.check()).map_err(|broken| plan.invalid(&broken.to_string()))?;
        Self::new(program, multiplications, Kernel::choose(simd))
            .ok_or_else(|| plan.invalid("a layer does not fit its tensors"))
    }

    fn new(program: Program, multiplications: usize, kernel: Kernel) -> Option<Self> {
        let slots = Slots::of(&program);
        let steps: Option<Vec<RunStep>> = (program.steps.iter())
            .map(|step| {
                Some(RunStep {
                    run: Run::new(step, &program.tensors, kernel)?,
                    inputs: step.inputs.clone(),
                    output: step.output,
                })
            })
            .collect();
        let steps = steps?;
        let memory: usize = slots.sizes.iter().sum();
        let patch = steps.iter().map(|step| step.run.patch_elements(1)).max();
        let summary = ModelSummary::Network {
            layers: steps.len(),
            weights: program.weights(),
            multiplications,
            memory: memory + patch.unwrap_or_default() * size_of::<i16>(),
        };
        let columns = program
            .inputs
            .iter()
            .map(|input| input.columns(&program.tensors));
        let lengths = program
            .outputs
            .iter()
            .map(|&it| program.tensors.get(it).map_or(0, Tensor::len));
        Some(Self {
            columns: columns.sum(),
            scores: lengths.sum(),
            block: (BLOCK_BYTES / memory.max(1)).clamp(1, BLOCK_ROWS),
            inputs: program.inputs,
            tensors: program.tensors,
            steps,
            outputs: program.outputs,
            slots,
            kernel,
            summary,
        })
    }

    /// Makes room for a block of rows.
    fn reserve(&self, scratch: &mut NetworkScratch) {
        if scratch.slots.len() < self.slots.sizes.len() {
            scratch.slots.resize(self.slots.sizes.len(), Vec::new());
        }
        for (slot, &size) in scratch.slots.iter_mut().zip(&self.slots.sizes) {
            let want = size * self.block;
            if slot.len() < want {
                slot.resize(want, 0);
            }
        }
        let patch = self
            .steps
            .iter()
            .map(|step| step.run.patch_elements(self.block));
        let patch = patch.max().unwrap_or_default();
        scratch.patch.reserve(patch, patch, self.block);
        let sums = self.steps.iter().map(|step| step.run.sums());
        let sums = sums.max().unwrap_or_default();
        if scratch.sums.len() < sums {
            scratch.sums.resize(sums, 0);
        }
    }

    fn slot(&self, tensor: usize) -> usize {
        self.slots
            .of_tensor
            .get(tensor)
            .copied()
            .unwrap_or_default()
    }

    fn length(&self, tensor: usize) -> usize {
        self.tensors.get(tensor).map_or(0, Tensor::len)
    }

    /// Rows of the features become int8.
    fn read_inputs(&self, rows: &[f64], scratch: &mut NetworkScratch) -> Result<()> {
        let mut first = 0;
        for input in &self.inputs {
            let index = input.tensor();
            let width = input.columns(&self.tensors);
            let length = self.length(index);
            let (Some(tensor), Some(slot)) = (
                self.tensors.get(index),
                scratch.slots.get_mut(self.slot(index)),
            ) else {
                continue;
            };
            let cells = slot.chunks_exact_mut(length.max(1));
            for (row, cells) in rows.chunks_exact(self.columns.max(1)).zip(cells) {
                let values = row.get(first..first + width).unwrap_or_default();
                match input {
                    NetworkInput::Quantize { .. } => {
                        let bounds = Bounds::new((i8::MIN, i8::MAX), tensor.zero_point);
                        self.kernel.quantise(values, tensor.scale, &bounds, cells);
                    }
                    NetworkInput::Embedding { table, rows, .. } => {
                        embed(values, (table, *rows), cells)?;
                    }
                }
            }
            first += width;
        }
        Ok(())
    }

    fn run_steps(&self, rows: usize, scratch: &mut NetworkScratch) {
        for step in &self.steps {
            if matches!(step.run, Run::Reshape) {
                continue;
            }
            let slot = self.slot(step.output);
            let Some(mut output) = scratch.slots.get_mut(slot).map(std::mem::take) else {
                continue;
            };
            let cells = output
                .get_mut(..rows * self.length(step.output))
                .unwrap_or_default();
            let slots = &scratch.slots;
            let input = |position: usize| {
                let tensor = step.inputs.get(position).copied().unwrap_or_default();
                let values = slots.get(self.slot(tensor));
                let values = values.and_then(|it| it.get(..rows * self.length(tensor)));
                values.unwrap_or_default()
            };
            step.run.run(
                self.kernel,
                rows,
                input,
                cells,
                &mut scratch.patch,
                &mut scratch.sums,
            );
            if let Some(home) = scratch.slots.get_mut(slot) {
                *home = output;
            }
        }
    }

    /// int8 outputs become raw scores.
    fn write_outputs(&self, scratch: &NetworkScratch, raw: &mut [f64]) {
        let mut first = 0;
        for &output in &self.outputs {
            let length = self.length(output);
            let (Some(tensor), Some(slot)) = (
                self.tensors.get(output),
                scratch.slots.get(self.slot(output)),
            ) else {
                continue;
            };
            let rows = raw.chunks_exact_mut(self.scores.max(1));
            for (row, values) in rows.zip(slot.chunks_exact(length.max(1))) {
                let scores = row.get_mut(first..first + length).unwrap_or_default();
                for (score, &value) in scores.iter_mut().zip(values) {
                    let steps = i16::from(value) - i16::from(tensor.zero_point);
                    *score = f64::from(f32::from(steps) * tensor.scale);
                }
            }
            first += length;
        }
    }
}

/// Replaces each index by its row of the table.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a table has fewer than 2^53 rows, and an index is tested to be one of them"
)]
fn embed(values: &[f64], (table, rows): (&[i8], usize), cells: &mut [i8]) -> Result<()> {
    let width = (table.len() / rows.max(1)).max(1);
    for (&value, cells) in values.iter().zip(cells.chunks_exact_mut(width)) {
        let is_index = value >= 0.0 && value < rows as f64 && value.fract() == 0.0;
        let row = is_index.then(|| table.chunks_exact(width).nth(value as usize));
        let Some(row) = row.flatten() else {
            return Err(Error::input(
                "input.out_of_domain",
                format!(
                    "an embedding's index is an integer from 0 to {}",
                    rows.saturating_sub(1)
                ),
            )
            .with_value(&value.to_string()));
        };
        cells.copy_from_slice(row);
    }
    Ok(())
}

impl Engine for NetworkEngine {
    fn inputs(&self) -> usize {
        self.columns
    }

    fn outputs(&self) -> usize {
        self.scores
    }

    fn accepts_missing(&self) -> bool {
        false
    }

    fn summary(&self) -> ModelSummary {
        self.summary.clone()
    }

    fn score(&self, rows: &[f64], scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        check_shape(self, rows, raw)?;
        let scratch = &mut scratch.network;
        self.reserve(scratch);
        let blocks = rows.chunks(self.block * self.columns.max(1));
        for (rows, raw) in blocks.zip(raw.chunks_mut(self.block * self.scores.max(1))) {
            let count = raw.len() / self.scores.max(1);
            self.read_inputs(rows, scratch)?;
            self.run_steps(count, scratch);
            self.write_outputs(scratch, raw);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Draw, network, rows};
    use super::*;
    use proptest::prelude::*;

    fn scores(model: &super::super::NetworkModel, rows: &[f64], kernel: Kernel) -> Vec<f64> {
        let program = Program::of(model).unwrap();
        let multiplications = program.check().ok().unwrap();
        let engine = NetworkEngine::new(program, multiplications, kernel).unwrap();
        let mut raw = vec![f64::NAN; rows.len() / engine.inputs() * engine.outputs()];
        (engine.score(rows, &mut EngineScratch::default(), &mut raw)).unwrap();
        raw
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn every_kernel_of_this_machine_gives_the_scalar_bits(seed: u64) {
            let mut draw = Draw::new(seed);
            let model = network(&mut draw);
            let rows = rows(&model, &mut draw);
            let defined = scores(&model, &rows, Kernel::Scalar);
            for kernel in Kernel::available() {
                prop_assert_eq!(&scores(&model, &rows, kernel), &defined, "{:?}", kernel);
            }
        }
    }
}

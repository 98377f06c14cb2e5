//! Which tensors share memory: a slot is free again when the last reader of its tensor has run.

use super::program::{Program, StepOp};

/// The slot of every tensor, and the size of every slot in elements of one row.
pub(super) struct Slots {
    pub(super) of_tensor: Vec<usize>,
    pub(super) sizes: Vec<usize>,
}

impl Slots {
    /// Assigns slots in the order in which tensors are written: the free slot that needs to grow the least, else a new
    /// one. A reshaped tensor has the slot of its source.
    pub(super) fn of(program: &Program) -> Self {
        let mut slots = Self {
            of_tensor: vec![0; program.tensors.len()],
            sizes: Vec::new(),
        };
        let last_reads = last_reads(program);
        let mut free_from: Vec<usize> = Vec::new();
        for input in &program.inputs {
            let tensor = input.tensor();
            slots.assign(program, tensor, 0, last_reads.get(tensor), &mut free_from);
        }
        for (time, step) in program.steps.iter().enumerate() {
            let last = last_reads.get(step.output);
            match (&step.op, step.inputs.first()) {
                (StepOp::Reshape, Some(&input)) => slots.share(input, step.output),
                _ => slots.assign(program, step.output, time + 1, last, &mut free_from),
            }
        }
        slots
    }

    fn share(&mut self, source: usize, tensor: usize) {
        if let Some(&slot) = self.of_tensor.get(source)
            && let Some(to) = self.of_tensor.get_mut(tensor)
        {
            *to = slot;
        }
    }

    fn assign(
        &mut self,
        program: &Program,
        tensor: usize,
        now: usize,
        last: Option<&usize>,
        free_from: &mut Vec<usize>,
    ) {
        let size = (program.tensors.get(tensor)).map_or(0, super::model::Tensor::len);
        let free = (free_from.iter().enumerate()).filter(|&(_, &from)| from <= now);
        let best = free
            .map(|(slot, _)| slot)
            .min_by_key(|&slot| self.sizes.get(slot).map_or(0, |have| have.abs_diff(size)));
        let slot = best.unwrap_or(self.sizes.len());
        match (self.sizes.get_mut(slot), free_from.get_mut(slot)) {
            (Some(have), Some(from)) => {
                *have = size.max(*have);
                *from = last.copied().unwrap_or(now) + 1;
            }
            _ => {
                self.sizes.push(size);
                free_from.push(last.copied().unwrap_or(now) + 1);
            }
        }
        if let Some(to) = self.of_tensor.get_mut(tensor) {
            *to = slot;
        }
    }
}

/// When each tensor, or one that shares its memory, is read for the last time: a step's number from 1, or never ending
/// for outputs. What nobody reads ends when it is written.
fn last_reads(program: &Program) -> Vec<usize> {
    let mut last = vec![0; program.tensors.len()];
    let mut note = |tensor: usize, time: usize| {
        if let Some(last) = last.get_mut(tensor) {
            *last = time.max(*last);
        }
    };
    for &output in &program.outputs {
        note(output, usize::MAX - 1);
    }
    for (time, step) in program.steps.iter().enumerate() {
        note(step.output, time + 1);
        step.inputs.iter().for_each(|&input| note(input, time + 1));
    }
    // Backwards, so that a chain of reshapes hands its end to its beginning.
    for step in program.steps.iter().rev() {
        if let (StepOp::Reshape, Some(&input)) = (&step.op, step.inputs.first()) {
            let end = last.get(step.output).copied().unwrap_or_default();
            if let Some(last) = last.get_mut(input) {
                *last = end.max(*last);
            }
        }
    }
    last
}

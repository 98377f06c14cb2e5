//! The stored order of weights, and the one in which a kernel reads them.
//!
//! The outputs of a group stand in blocks of [`BLOCK`]. Within a block, the products that each output sums are taken
//! two at a time: for each run of neighbouring inputs, for each pair in it, for each output of the block, the pair's
//! two weights. One vector load is then the operand of a multiply-and-add-pairs instruction (`i32x4.dot_i16x8_s`,
//! `pmaddwd`) for a whole block. The last block and the last pair of a run are as short as they are: nothing is stored
//! that is not a weight.

use super::kernel::Kernel;

/// Outputs of a stored block.
pub(super) const BLOCK: usize = 8;

/// Weights in the stored order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weights {
    /// All are from −128 to 127: a byte each.
    Narrow(Vec<i8>),
    /// Two bytes each.
    Wide(Vec<i16>),
}

/// Largest magnitude of a weight: a uint8 minus its zero point.
pub(super) const MAX_WEIGHT: i16 = 255;

/// How weights are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeightsShape {
    /// In blocks, group after group. The source's order is `[group][output][run][element of the run]`.
    Blocked {
        groups: usize,
        outputs: usize,
        runs: usize,
        run: usize,
    },
    /// `[tap][channel]`; the source's order is `[channel][tap]`.
    Taps { taps: usize, channels: usize },
}

impl WeightsShape {
    /// Number of weights.
    pub(super) fn len(&self) -> usize {
        let product = |factors: &[usize]| {
            factors
                .iter()
                .fold(1, |all: usize, &one| all.saturating_mul(one))
        };
        match *self {
            Self::Blocked {
                groups,
                outputs,
                runs,
                run,
            } => product(&[groups, outputs, runs, run]),
            Self::Taps { taps, channels } => product(&[taps, channels]),
        }
    }

    /// Calls `each` with the source index of every weight, in the stored order.
    fn for_each_source(&self, mut each: impl FnMut(usize)) {
        match *self {
            Self::Taps { taps, channels } => {
                for tap in 0..taps {
                    (0..channels).for_each(|channel| each(channel * taps + tap));
                }
            }
            Self::Blocked {
                groups,
                outputs,
                runs,
                run,
            } => {
                for group in 0..groups {
                    let first = group * outputs;
                    for_each_blocked(outputs, runs, run, |place| {
                        each(((first + place.output) * runs + place.run) * run + place.element);
                    });
                }
            }
        }
    }
}

/// A weight's place in its group.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) output: usize,
    pub(super) run: usize,
    pub(super) element: usize,
}

/// Calls `each` with the place of every weight of a group, in the stored order.
pub(super) fn for_each_blocked(
    outputs: usize,
    runs: usize,
    run_length: usize,
    mut each: impl FnMut(Place),
) {
    for block in (0..outputs).step_by(BLOCK) {
        for run in 0..runs {
            for pair in (0..run_length).step_by(2) {
                for output in block..outputs.min(block + BLOCK) {
                    for element in pair..run_length.min(pair + 2) {
                        each(Place {
                            output,
                            run,
                            element,
                        });
                    }
                }
            }
        }
    }
}

impl Weights {
    /// Weights of the source's order in the stored order; `None` where their number is another or one is too large.
    pub(super) fn stored(source: &[i16], shape: &WeightsShape) -> Option<Self> {
        let bounded = source
            .iter()
            .all(|weight| weight.unsigned_abs() <= MAX_WEIGHT.unsigned_abs());
        if source.len() != shape.len() || !bounded {
            return None;
        }
        let mut wide = Vec::with_capacity(source.len());
        shape.for_each_source(|index| wide.extend(source.get(index)));
        let narrow: Option<Vec<i8>> = wide
            .iter()
            .map(|&weight| i8::try_from(weight).ok())
            .collect();
        Some(narrow.map_or(Self::Wide(wide), Self::Narrow))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(weights) => weights.len(),
            Self::Wide(weights) => weights.len(),
        }
    }
}

/// The weights of a layer as a kernel reads them: as stored, but with whole blocks, whole steps and, for a kernel that
/// takes more than two products a step, regrouped. What is filled up is 0.
#[derive(Debug)]
pub(super) struct Packed {
    weights: Weights,
    group_length: usize,
    /// Steps of all runs.
    block_length: usize,
    steps: usize,
}

/// The packed weights of one group.
#[derive(Clone, Copy)]
pub(super) enum PackedGroup<'a> {
    Narrow(&'a [i8]),
    Wide(&'a [i16]),
}

impl Packed {
    /// Packs `(groups, outputs, runs, run)` weights.
    pub(super) fn new(
        weights: &Weights,
        (groups, outputs, runs, run): (usize, usize, usize, usize),
        kernel: Kernel,
    ) -> Self {
        let (block, lane) = (kernel.block(), kernel.lane_products());
        let steps = run.div_ceil(lane);
        let shape = PackedShape {
            outputs,
            runs,
            run,
            steps,
            block,
            lane,
        };
        let group_length = outputs.next_multiple_of(block) * runs * steps * lane;
        let stored = outputs * runs * run;
        let weights = match weights {
            Weights::Narrow(list) => Weights::Narrow(shape.pack(list, stored, groups)),
            Weights::Wide(list) => Weights::Wide(shape.pack(list, stored, groups)),
        };
        Self {
            weights,
            group_length,
            block_length: runs * steps,
            steps,
        }
    }

    /// The weights of one group.
    pub(super) fn group(&self, group: usize) -> PackedGroup<'_> {
        let range = group * self.group_length..(group + 1) * self.group_length;
        match &self.weights {
            Weights::Narrow(list) => PackedGroup::Narrow(list.get(range).unwrap_or_default()),
            Weights::Wide(list) => PackedGroup::Wide(list.get(range).unwrap_or_default()),
        }
    }

    /// The sum of each output's weights, up to whole blocks of `(outputs, products of a step)`.
    pub(super) fn sums(&self, group: usize, (block, lane): (usize, usize)) -> Vec<i32> {
        let PackedGroup::Narrow(list) = self.group(group) else {
            return Vec::new();
        };
        let mut sums = Vec::new();
        for weights in list.chunks_exact((self.block_length * block * lane).max(1)) {
            let first = sums.len();
            sums.resize(first + block, 0);
            for step in weights.chunks_exact(block * lane) {
                for (sum, weights) in sums.iter_mut().skip(first).zip(step.chunks_exact(lane)) {
                    *sum += weights.iter().map(|&it| i32::from(it)).sum::<i32>();
                }
            }
        }
        sums
    }

    /// Steps of a run.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }
}

struct PackedShape {
    outputs: usize,
    runs: usize,
    run: usize,
    steps: usize,
    block: usize,
    lane: usize,
}

impl PackedShape {
    fn pack<T: Copy + Default>(&self, stored: &[T], length: usize, groups: usize) -> Vec<T> {
        let whole = self.outputs.is_multiple_of(BLOCK) && self.run.is_multiple_of(2);
        if whole && self.block == BLOCK && self.lane == 2 {
            return stored.to_vec();
        }
        let filled = self.outputs.next_multiple_of(self.block);
        let group_length = filled * self.runs * self.steps * self.lane;
        let mut packed = vec![T::default(); groups * group_length];
        let groups = packed.chunks_exact_mut(group_length.max(1));
        for (group, stored) in groups.zip(stored.chunks_exact(length.max(1))) {
            let mut next = stored.iter();
            for_each_blocked(self.outputs, self.runs, self.run, |place| {
                if let (Some(to), Some(&weight)) = (group.get_mut(self.index(place)), next.next()) {
                    *to = weight;
                }
            });
        }
        packed
    }

    fn index(&self, place: Place) -> usize {
        let block = place.output / self.block;
        let step = (block * self.runs + place.run) * self.steps + place.element / self.lane;
        (step * self.block + place.output % self.block) * self.lane + place.element % self.lane
    }
}

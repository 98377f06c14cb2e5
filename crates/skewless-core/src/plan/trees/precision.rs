//! Leaves as 16-bit integers: leaf ≈ q · scale, so that the sum of leaves is an exact integer times one scale.

use super::super::{Accumulate, Aggregate, LeafPrecision, LeafRounding, Node, TreeModel};

/// What turns sums of 16-bit leaves into scores, and how far those are from the exact ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantised {
    /// Scale of each output.
    pub(super) scales: Vec<f64>,
    pub(super) rounding: LeafRounding,
}

impl Quantised {
    /// The scales of a model that asks for 16-bit leaves, and what they cost.
    pub(super) fn of(model: &TreeModel) -> Option<Self> {
        if model.leaves == LeafPrecision::Exact {
            return None;
        }
        let mut scales = vec![0.0; model.outputs];
        for (output, leaf) in leaves(model) {
            if let Some(scale) = scales.get_mut(output) {
                *scale = f64::max(*scale, leaf.abs() / f64::from(i16::MAX));
            }
        }
        let rounding = rounding(model, &scales);
        Some(Self { scales, rounding })
    }

    /// The integer of a leaf: the nearest one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no leaf is more than 32,767 scales from 0"
    )]
    pub(super) fn integer(&self, output: usize, leaf: f64) -> i16 {
        match self.scales.get(output) {
            Some(&scale) if scale > 0.0 => libm::rint(leaf / scale) as i16,
            _ => 0,
        }
    }
}

fn leaves(model: &TreeModel) -> impl Iterator<Item = (usize, f64)> {
    model.trees.iter().flat_map(|tree| {
        tree.nodes.iter().filter_map(|node| match node {
            Node::Leaf { value } => Some((tree.output, *value)),
            Node::Split { .. } => None,
        })
    })
}

/// The largest difference of one leaf, and what the differences of all trees can come to in a raw score.
///
/// The second is a proof, not a measurement: no row takes more than the worst leaf of each tree, and the rounding of
/// the exact model's own sum is counted in (n additions of numbers up to m are off by at most n · ε · n · m).
fn rounding(model: &TreeModel, scales: &[f64]) -> LeafRounding {
    let quantised = Quantised {
        scales: scales.to_vec(),
        rounding: LeafRounding::default(),
    };
    let mut worst_leaf: f64 = 0.0;
    let mut worst_sum = vec![0.0; model.outputs];
    let mut magnitude: Vec<f64> = model.base.iter().map(|base| base.abs()).collect();
    let mut count = vec![0.0; model.outputs];
    for tree in &model.trees {
        let scale = scales.get(tree.output).copied().unwrap_or_default();
        let (mut difference, mut largest): (f64, f64) = (0.0, 0.0);
        for node in &tree.nodes {
            let Node::Leaf { value } = node else { continue };
            let rounded = f64::from(quantised.integer(tree.output, *value)) * scale;
            difference = difference.max((value - rounded).abs());
            largest = largest.max(value.abs());
        }
        worst_leaf = worst_leaf.max(difference);
        for (list, more) in [
            (&mut worst_sum, difference),
            (&mut magnitude, largest),
            (&mut count, 1.0),
        ] {
            if let Some(sum) = list.get_mut(tree.output) {
                *sum += more;
            }
        }
    }
    let epsilon = match model.accumulate {
        Accumulate::F64 => f64::EPSILON,
        Accumulate::F32 => f64::from(f32::EPSILON),
    };
    let bound = worst_sum
        .iter()
        .zip(magnitude)
        .zip(count)
        .map(|((difference, magnitude), count)| {
            let divisor = if model.aggregate == Aggregate::Average {
                f64::max(count, 1.0)
            } else {
                1.0
            };
            (difference + (count + 4.0) * epsilon * magnitude) / divisor
        })
        .fold(0.0, f64::max);
    LeafRounding {
        leaf: worst_leaf,
        bound,
    }
}

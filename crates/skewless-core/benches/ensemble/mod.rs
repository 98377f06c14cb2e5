//! An ensemble with the shape of a boosted model on a table with categories: 16 numbers and 121 one-hot columns.

use skewless_core::plan::{
    Accumulate, Aggregate, Group, Layout, LeafPrecision, Missing, Model, Node, Test, Tree,
    TreeModel,
};

/// Columns that are numbers.
const NUMBERS: usize = 16;
/// The widths of the one-hot groups, 121 columns in all.
const GROUPS: [usize; 6] = [60, 23, 16, 12, 7, 3];
/// Distinct thresholds of each number; 992 with those of the one-hot columns.
const THRESHOLDS: [usize; NUMBERS] = [250, 160, 120, 90, 60, 50, 40, 30, 20, 15, 10, 8, 6, 5, 4, 3];

/// A stream of numbers from one seed (SplitMix64: Steele et al., OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The groups of the columns.
pub(crate) fn layout() -> Layout {
    let numbers = std::iter::repeat_n(Group::Number, NUMBERS);
    let one_hot = GROUPS.iter().map(|&width| Group::OneHot { width });
    Layout::new(numbers.chain(one_hot).collect())
}

/// Compact rows of [`layout`].
pub(crate) fn rows(count: usize) -> Vec<f64> {
    let mut random = Random(7);
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.extend((0..NUMBERS).map(|_| random.unit()));
        rows.extend(GROUPS.iter().map(|&width| random.below(width) as f64));
    }
    rows
}

/// An ensemble of `trees` trees with `leaves` leaves each, grown where a random leaf is, as boosting leaf by leaf does.
pub(crate) fn model(trees: usize, leaves: usize, precision: LeafPrecision) -> Model {
    let mut random = Random(1);
    let thresholds: Vec<Vec<f64>> = THRESHOLDS
        .iter()
        .map(|&count| (0..count).map(|_| random.unit()).collect())
        .collect();
    let mut forest = Forest {
        random,
        thresholds,
        splits: 0,
    };
    Model::Trees(TreeModel {
        inputs: layout().width(),
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.0],
        aggregate: Aggregate::Sum,
        leaves: precision,
        trees: (0..trees).map(|_| forest.tree(leaves)).collect(),
    })
}

struct Forest {
    random: Random,
    thresholds: Vec<Vec<f64>>,
    splits: usize,
}

impl Forest {
    fn tree(&mut self, leaves: usize) -> Tree {
        let mut nodes = vec![self.leaf()];
        let mut ends = vec![0];
        for _ in 1..leaves {
            // Of two leaves the later: deeper than a balanced tree, flatter than a list.
            let at = self
                .random
                .below(ends.len())
                .max(self.random.below(ends.len()));
            let split = ends.remove(at);
            let (left, right) = (nodes.len(), nodes.len() + 1);
            let node = self.split(left, right);
            if let Some(slot) = nodes.get_mut(split) {
                *slot = node;
            }
            nodes.extend([self.leaf(), self.leaf()]);
            ends.extend([left, right]);
        }
        Tree {
            output: 0,
            nodes,
            covers: vec![],
        }
    }

    fn leaf(&mut self) -> Node {
        Node::Leaf {
            value: (self.random.unit() - 0.5) * 0.2,
        }
    }

    /// Every threshold is used in turn, so that their number does not depend on chance.
    fn split(&mut self, left: usize, right: usize) -> Node {
        let all: usize = THRESHOLDS.iter().sum();
        let one_hot: usize = GROUPS.iter().sum();
        let turn = self.splits % (all + one_hot);
        self.splits += 1;
        let mut before = 0;
        for (input, thresholds) in self.thresholds.iter().enumerate() {
            if let Some(&threshold) = thresholds.get(turn.wrapping_sub(before)) {
                return Node::Split {
                    input,
                    test: Test::AtMost(threshold),
                    missing: Missing::Right,
                    left,
                    right,
                };
            }
            before += thresholds.len();
        }
        Node::Split {
            input: NUMBERS + turn - before,
            test: Test::AtMost(f64::from(1e-35_f32)),
            missing: Missing::AsZero,
            left,
            right,
        }
    }
}

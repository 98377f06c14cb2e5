//! Random ensembles and rows that meet every rule: any missing mode, sets, exact thresholds, infinities, both zeros.

use crate::plan::{
    Accumulate, Aggregate, Group, Layout, LeafPrecision, Missing, Node, Test, Tree, TreeModel,
};

/// A stream of numbers from one seed (SplitMix64: Steele et al., OOPSLA 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What the random trees look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) trees: usize,
    pub(super) most_leaves: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) categories: bool,
    pub(super) leaves: LeafPrecision,
}

pub(super) fn model(random: &mut Random, shape: Shape) -> TreeModel {
    let accumulate = random.one(&[Accumulate::F64, Accumulate::F32]);
    let number = |random: &mut Random| {
        let value = random.unit() * 2.0 - 1.0;
        match accumulate {
            Accumulate::F64 => value,
            Accumulate::F32 => f64::from(value as f32),
        }
    };
    let base = (0..shape.outputs).map(|_| number(random)).collect();
    let one_mode = random.chance(2).then(|| missing(random));
    let trees = (0..shape.trees)
        .map(|_| {
            let leaves = 1 + random.below(shape.most_leaves);
            let mut nodes = vec![Node::Leaf {
                value: number(random),
            }];
            for _ in 1..leaves {
                let ends: Vec<usize> = (0..nodes.len())
                    .filter(|&node| matches!(nodes[node], Node::Leaf { .. }))
                    .collect();
                let split = random.one(&ends);
                nodes[split] = Node::Split {
                    input: random.below(shape.inputs),
                    test: test(random, shape.categories),
                    missing: one_mode.unwrap_or_else(|| missing(random)),
                    left: nodes.len(),
                    right: nodes.len() + 1,
                };
                nodes.extend([0, 1].map(|_| Node::Leaf {
                    value: number(random),
                }));
            }
            Tree {
                output: random.below(shape.outputs),
                covers: covers(random, &nodes),
                nodes,
            }
        })
        .collect();
    TreeModel {
        inputs: shape.inputs,
        outputs: shape.outputs,
        narrow_inputs: random.chance(2),
        accumulate,
        base,
        aggregate: random.one(&[Aggregate::Sum, Aggregate::Average]),
        leaves: shape.leaves,
        trees,
    }
}

/// How many rows came to each node: whole numbers that add up, few enough that some splits send all of theirs one way.
/// Children stand behind their parents.
fn covers(random: &mut Random, nodes: &[Node]) -> Vec<f64> {
    let mut covers = vec![0; nodes.len()];
    covers[0] = random.below(2_000);
    for (node, split) in nodes.iter().enumerate() {
        if let Node::Split { left, right, .. } = split {
            covers[*left] = random.below(covers[node] + 1);
            covers[*right] = covers[node] - covers[*left];
        }
    }
    covers.into_iter().map(|rows| rows as f64).collect()
}

fn missing(random: &mut Random) -> Missing {
    random.one(&[
        Missing::Left,
        Missing::Right,
        Missing::AsZero,
        Missing::ZeroIsMissingLeft,
        Missing::ZeroIsMissingRight,
    ])
}

fn test(random: &mut Random, categories: bool) -> Test {
    if categories && random.chance(3) {
        let most = random.one(&[2, 8, 40, 300, 65_534]);
        let count = 1 + random.below(12);
        return Test::InSet((0..count).map(|_| random.below(most) as u32).collect());
    }
    let threshold = threshold(random);
    match random.chance(2) && threshold != f64::NEG_INFINITY {
        true => Test::Below(threshold),
        false => Test::AtMost(threshold),
    }
}

/// Few values, so that thresholds meet each other and rows meet them.
fn threshold(random: &mut Random) -> f64 {
    let special = [
        0.0,
        -0.0,
        1e-35,
        -1e-35,
        1e-36,
        0.5,
        1.0,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
    ];
    match random.below(4) {
        0 => random.one(&special),
        1 => random.unit(),
        _ => random.below(40) as f64 / 4.0 - 5.0,
    }
}

/// A number as records may hold it.
pub(super) fn value(random: &mut Random) -> f64 {
    match random.below(8) {
        0 => f64::NAN,
        1 => threshold(random).next_up(),
        2 => threshold(random).next_down(),
        3 => random.below(400) as f64,
        4 => -(random.below(70_000) as f64),
        5 => 65_530.0 + random.below(8) as f64,
        _ => threshold(random),
    }
}

pub(super) fn rows(random: &mut Random, cells: usize) -> Vec<f64> {
    (0..cells).map(|_| value(random)).collect()
}

/// Random groups for all columns of a model.
pub(super) fn layout(random: &mut Random, mut columns: usize) -> Layout {
    let mut groups = Vec::new();
    while columns > 0 {
        let width = 1 + random.below(columns);
        let group = match random.below(4) {
            0 => Group::Number,
            1 => Group::Numbers { width },
            _ => Group::OneHot { width },
        };
        columns -= group.width();
        groups.push(group);
    }
    Layout::new(groups)
}

/// A compact row, with codes that name a column, none, or one that is not there.
pub(super) fn compact_row(random: &mut Random, layout: &Layout) -> Vec<f64> {
    let mut row = Vec::new();
    for group in layout.groups() {
        match *group {
            Group::Number | Group::Numbers { .. } => row.extend(rows(random, group.width())),
            Group::OneHot { width } => row.push(match random.below(8) {
                0 => f64::NAN,
                1 => -1.0,
                2 => width as f64,
                _ => random.below(width) as f64,
            }),
        }
    }
    row
}

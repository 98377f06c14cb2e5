//! How the cost of tree scoring grows: over trees, depth and rows, on models made here.

use anyhow::Result;
use serde_json::{Value, json};
use skewless_core::plan::{
    Accumulate, Aggregate, EngineScratch, LeafPrecision, Missing, Model, Node, Test, Tree,
    TreeModel, decode,
};

use crate::timing::per_row;

/// Columns and thresholds a column: as in a model of few measurements and categories, and as in one of many measurements
/// with the 255 bins that trainers use.
const SHAPES: [Shape; 2] = [
    Shape {
        inputs: 16,
        steps: 62,
    },
    Shape {
        inputs: 64,
        steps: 255,
    },
];
const TREES: [usize; 8] = [10, 25, 50, 100, 200, 500, 1000, 2000];
const DEPTHS: [usize; 6] = [2, 3, 4, 5, 6, 8];
const ROWS: [usize; 9] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];
/// What is held while one of the three varies.
const HELD: Point = Point {
    trees: 200,
    depth: 5,
    rows: 256,
};
/// A point is timed this often, and the least time counts: what else the machine does only adds.
const TURNS: u32 = 5;

#[derive(Clone, Copy)]
struct Shape {
    inputs: usize,
    steps: usize,
}

#[derive(Clone, Copy)]
struct Point {
    trees: usize,
    depth: usize,
    rows: usize,
}

/// Prints the measured points as one JSON document; each is timed for `seconds`.
pub(crate) fn print(seconds: f64) -> Result<()> {
    let sweeps = [
        sweep("trees", &TREES, seconds, |trees| Point { trees, ..HELD })?,
        sweep("depth", &DEPTHS, seconds, |depth| Point { depth, ..HELD })?,
        sweep("rows", &ROWS, seconds, |rows| Point { rows, ..HELD })?,
    ];
    let held = json!({"trees": HELD.trees, "depth": HELD.depth, "rows": HELD.rows});
    println!("{}", json!({"held": held, "sweeps": sweeps}));
    Ok(())
}

fn sweep(
    along: &str,
    counts: &[usize],
    seconds: f64,
    point: impl Fn(usize) -> Point,
) -> Result<Value> {
    let series = SHAPES.map(|shape| {
        let points = counts.iter().map(|&count| {
            let us = microseconds(shape, point(count), seconds)?;
            Ok(json!({"at": count, "us_per_call": us}))
        });
        let points: Vec<Value> = points.collect::<Result<_>>()?;
        Ok(json!({"inputs": shape.inputs, "thresholds": shape.inputs * shape.steps, "points": points}))
    });
    let series: Vec<Value> = series.into_iter().collect::<Result<_>>()?;
    Ok(json!({"along": along, "series": series}))
}

/// Least time of one call that scores the point's rows.
fn microseconds(shape: Shape, point: Point, seconds: f64) -> Result<f64> {
    let Point { trees, depth, rows } = point;
    let mut random = Random(20_130_101);
    let engine = decode(&Model::Trees(model(shape, trees, depth, &mut random)).encode()?)?;
    let all = rows.max(4_096);
    let cells: Vec<f64> = (0..all * shape.inputs)
        .map(|_| random.below(shape.steps * 16) as f64 / 16.0)
        .collect();
    let mut scratch = EngineScratch::default();
    let mut raw = vec![0.0; rows];
    let mut least = f64::INFINITY;
    for _ in 0..TURNS {
        let time = per_row(all, rows, seconds / f64::from(TURNS), |from, count| {
            let block = cells.get(from * shape.inputs..(from + count) * shape.inputs);
            Ok(engine.score(block.unwrap_or_default(), &mut scratch, &mut raw)?)
        })?;
        least = least.min(time);
    }
    Ok(least * rows as f64)
}

/// Complete trees of one depth with random tests.
fn model(shape: Shape, trees: usize, depth: usize, random: &mut Random) -> TreeModel {
    let splits = (1 << depth) - 1;
    let mut tree = || Tree {
        output: 0,
        covers: vec![],
        nodes: (0..2 * splits + 1)
            .map(|node| {
                if node >= splits {
                    let value = random.below(2_001) as f64 / 1_000.0 - 1.0;
                    return Node::Leaf { value };
                }
                Node::Split {
                    input: random.below(shape.inputs),
                    test: Test::AtMost(random.below(shape.steps) as f64),
                    missing: Missing::Left,
                    left: 2 * node + 1,
                    right: 2 * node + 2,
                }
            })
            .collect(),
    };
    TreeModel {
        inputs: shape.inputs,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.0],
        aggregate: Aggregate::Sum,
        leaves: LeafPrecision::Exact,
        trees: (0..trees).map(|_| tree()).collect(),
    }
}

/// A stream of numbers that is the same everywhere: splitmix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The least 32 bits, which every target's `usize` holds.
        ((mixed ^ (mixed >> 31)) as u32) as usize % end
    }
}

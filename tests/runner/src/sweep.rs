//! How the cost of tree scoring grows: over trees, depth and rows, on models made here.

use anyhow::Result;
use serde_json::{Value, json};
use skewless_core::plan::{
    Accumulate, EngineScratch, LeafPrecision, Missing, Model, Node, Test, Tree, TreeModel, decode,
};

use crate::timing::per_row;

const INPUTS: usize = 64;
/// Thresholds of one input; a model has as many distinct ones as a trained model's 255 bins allow.
const STEPS: u64 = 255;
const TREES: [usize; 8] = [10, 25, 50, 100, 200, 500, 1000, 2000];
const DEPTHS: [usize; 6] = [2, 3, 4, 5, 6, 8];
const ROWS: [usize; 9] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];
/// What is held while the other two vary.
const HELD: (usize, usize, usize) = (200, 5, 256);

/// Prints the measured points as one JSON document; each is timed for `seconds`.
pub(crate) fn print(seconds: f64) -> Result<()> {
    let (trees, depth, rows) = HELD;
    let along = |name: &str, points: &[usize], at: &dyn Fn(usize) -> (usize, usize, usize)| {
        let points: Result<Vec<Value>> = points
            .iter()
            .map(|&point| {
                let (trees, depth, rows) = at(point);
                let us = microseconds(trees, depth, rows, seconds)?;
                Ok(json!({"at": point, "us_per_call": us}))
            })
            .collect();
        Ok::<_, anyhow::Error>(json!({"along": name, "points": points?}))
    };
    let sweeps = [
        along("trees", &TREES, &|point| (point, depth, rows))?,
        along("depth", &DEPTHS, &|point| (trees, point, rows))?,
        along("rows", &ROWS, &|point| (trees, depth, point))?,
    ];
    let held = json!({"trees": trees, "depth": depth, "rows": rows, "inputs": INPUTS});
    println!("{}", json!({"held": held, "sweeps": sweeps}));
    Ok(())
}

/// Time of one call that scores `rows` rows.
fn microseconds(trees: usize, depth: usize, rows: usize, seconds: f64) -> Result<f64> {
    let mut random = Random(20_130_101);
    let engine = decode(&Model::Trees(model(trees, depth, &mut random)).encode()?)?;
    let cells: Vec<f64> = (0..rows.max(4_096) * INPUTS)
        .map(|_| random.below(STEPS * 16) as f64 / 16.0)
        .collect();
    let mut scratch = EngineScratch::default();
    let mut raw = vec![0.0; rows];
    let all = cells.len() / INPUTS;
    let per_row = per_row(all, rows, seconds, |from, count| {
        let block = cells.get(from * INPUTS..(from + count) * INPUTS);
        Ok(engine.score(block.unwrap_or_default(), &mut scratch, &mut raw)?)
    })?;
    Ok(per_row * rows as f64)
}

/// Complete trees of one depth with random tests.
fn model(trees: usize, depth: usize, random: &mut Random) -> TreeModel {
    let splits = (1 << depth) - 1;
    let mut tree = || Tree {
        output: 0,
        nodes: (0..2 * splits + 1)
            .map(|node| {
                if node >= splits {
                    let value = random.below(2_001) as f64 / 1_000.0 - 1.0;
                    return Node::Leaf { value };
                }
                Node::Split {
                    input: random.below(INPUTS as u64) as usize,
                    test: Test::AtMost(random.below(STEPS) as f64),
                    missing: Missing::Left,
                    left: 2 * node + 1,
                    right: 2 * node + 2,
                }
            })
            .collect(),
    };
    TreeModel {
        inputs: INPUTS,
        outputs: 1,
        narrow_inputs: false,
        accumulate: Accumulate::F64,
        base: vec![0.0],
        average: false,
        leaves: LeafPrecision::Exact,
        trees: (0..trees).map(|_| tree()).collect(),
    }
}

/// A stream of numbers that is the same everywhere: splitmix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

//! Inductive Venn-Abers calibration as a table: precomputed for every score that there is, so that serving looks one up.
//!
//! Vovk, Petej and Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity" (2015).

use std::cmp::Ordering;

use skewless_core::output::Calibration;
use skewless_core::{Error, Result};

use super::calibration::checked;

/// Most points of a table: at most 80 KB of a bundle that pages read.
const MOST_POINTS: usize = 4_096;

/// With p₀ and p₁ the values at a score s of the isotonic fits to all rows and (s, negative), or (s, positive), the
/// calibrated probability is p₁ / (1 − p₀ + p₁), the one of least regret in log loss. Both are steps: constant between two
/// neighbours among the scores. A step is two points, a double apart, so that the line through the table's points is the
/// probability at every double.
///
/// # Errors
/// `train.calibration` for scores that are not finite, labels of one kind, or more points than 4,096.
pub fn venn_abers(scores: &[f64], positive: &[bool]) -> Result<Calibration> {
    checked(scores, positive)?;
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(positive.iter().copied())
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (knots, blocks): (Vec<f64>, Vec<Block>) = rows
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let positive = same.iter().filter(|row| row.1).count() as u64;
            let rows = same.len() as u64;
            (
                same.first().map_or(0.0, |row| row.0),
                Block { positive, rows },
            )
        })
        .unzip();
    let below = Side::new(blocks.iter(), Ordering::Less);
    let above = Side::new(blocks.iter().rev(), Ordering::Greater);
    let count = knots.len();
    let none = Block::default();
    let mut table = Calibration::default();
    let mut start = None;
    for (place, (&knot, &block)) in knots.iter().zip(&blocks).enumerate() {
        let (left, right) = (below.after(place), above.after(count - place));
        let between = probability(none, (&below, left), (&above, right));
        add(&mut table, start.unwrap_or(knot.next_down()), between, knot);
        add(&mut table, knot.next_down(), between, knot);
        let right = above.after(count - place - 1);
        let here = probability(block, (&below, left), (&above, right));
        add(&mut table, knot, here, f64::INFINITY);
        start = Some(knot.next_up());
    }
    if let Some(start) = start {
        let last = probability(none, (&below, below.after(count)), (&above, None));
        add(&mut table, start, last, f64::INFINITY);
    }
    if table.from.len() <= MOST_POINTS {
        return Ok(table);
    }
    let message = format!(
        "the table by Venn-Abers would have {} points, and at most {MOST_POINTS} fit; on so many rows `isotonic` differs \
         little from it",
        table.from.len()
    );
    Err(Error::input("train.calibration", message))
}

/// Adds a point that lies above the last one and below `end`. Of a level that several points share, the first and the last
/// are kept; rounding makes no level fall.
fn add(table: &mut Calibration, from: f64, to: f64, end: f64) {
    if table.from.last().is_some_and(|&last| from <= last) || from >= end {
        return;
    }
    let to = table.to.last().map_or(to, |&last| to.max(last));
    if table
        .to
        .iter()
        .rev()
        .take(2)
        .filter(|&&level| level == to)
        .count()
        == 2
    {
        table.from.pop();
        table.to.pop();
    }
    table.from.push(from);
    table.to.push(to);
}

/// Rows that share a level of an isotonic fit: the share of positive ones.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    positive: u64,
    rows: u64,
}

impl Block {
    fn and(self, other: Self) -> Self {
        Self {
            positive: self.positive + other.positive,
            rows: self.rows + other.rows,
        }
    }

    /// By the share of positive rows, exactly.
    fn compare(self, other: Self) -> Ordering {
        (self.positive * other.rows).cmp(&(other.positive * self.rows))
    }

    fn level(self) -> f64 {
        self.positive as f64 / self.rows as f64
    }
}

/// The isotonic fits to the first rows from one end, for every number of knots: each is a chain of blocks from its last one
/// on, and they share their tails.
struct Side {
    /// A block, and the place of the next one towards the end.
    chain: Vec<(Block, Option<usize>)>,
    /// How a block nearer to the end compares with one behind it.
    rule: Ordering,
}

impl Side {
    fn new<'a>(knots: impl Iterator<Item = &'a Block>, rule: Ordering) -> Self {
        let chain = Vec::with_capacity(knots.size_hint().0);
        let mut side = Self { chain, rule };
        for (place, &block) in knots.enumerate() {
            let pooled = side.pool(block, side.after(place));
            side.chain.push(pooled);
        }
        side
    }

    /// Where the fit to so many knots begins.
    fn after(&self, knots: usize) -> Option<usize> {
        knots.checked_sub(1)
    }

    /// A block behind those from `next` on, pooled with adjacent violators, and the place of what is then next.
    fn pool(&self, mut block: Block, mut next: Option<usize>) -> (Block, Option<usize>) {
        while let Some((nearer, further)) = next.and_then(|place| self.chain.get(place)) {
            if nearer.compare(block) == self.rule {
                break;
            }
            (block, next) = (block.and(*nearer), *further);
        }
        (block, next)
    }
}

/// What is served for a score whose knot has the rows of `block`, between the fits below and above it.
fn probability(
    block: Block,
    (below, left): (&Side, Option<usize>),
    (above, right): (&Side, Option<usize>),
) -> f64 {
    let level = |positive| {
        let mut block = block.and(Block { positive, rows: 1 });
        let (mut left, mut right) = (left, right);
        loop {
            let rows = block.rows;
            (block, left) = below.pool(block, left);
            (block, right) = above.pool(block, right);
            if block.rows == rows {
                return block.level();
            }
        }
    };
    let (p0, p1) = (level(0), level(1));
    p1 / (1.0 - p0 + p1)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::calibration::isotonic;
    use super::*;
    use crate::random::Random;

    #[derive(Deserialize)]
    struct Reference {
        raw: Vec<f64>,
        positive: Vec<u8>,
        venn_abers: Vec<[f64; 2]>,
    }

    /// `tests/references/make.py` made it with the package `venn-abers`.
    #[test]
    fn probabilities_are_those_of_venn_abers() {
        let reference: Reference =
            serde_json::from_str(include_str!("../../tests/references/calibration.json")).unwrap();
        let positive: Vec<bool> = reference.positive.iter().map(|&one| one == 1).collect();
        let table = venn_abers(&reference.raw, &positive).unwrap();
        let on_knots = |at: &&[f64; 2]| reference.raw.contains(&at[0]);
        assert!(reference.venn_abers.iter().filter(on_knots).count() > 50);
        for &[at, expected] in &reference.venn_abers {
            let found = table.at(at);
            assert!(
                (found - expected).abs() < 1e-12,
                "{at}: {found} is not {expected}"
            );
        }
    }

    /// The definition: two isotonic fits with the score among the rows.
    fn defined(scores: &[f64], positive: &[bool], score: f64) -> f64 {
        let [p0, p1] = [false, true].map(|label| {
            let (mut scores, mut positive) = (scores.to_vec(), positive.to_vec());
            scores.push(score);
            positive.push(label);
            isotonic(&scores, &positive).unwrap().at(score)
        });
        p1 / (1.0 - p0 + p1)
    }

    #[test]
    fn the_table_is_the_definition_at_every_double() {
        let mut random = Random::new(11, 0);
        let mut steps = 0;
        for round in 0..60 {
            // Of few scores many are equal; some are neighbours among the doubles.
            let (rows, values) = (5 + round, 2 + round % 30);
            let scores: Vec<f64> = (0..rows)
                .map(|_| {
                    let score = random.below(values) as f64 / values as f64;
                    if random.below(3) == 0 {
                        score.next_up()
                    } else {
                        score
                    }
                })
                .collect();
            let mut positive: Vec<bool> = (scores.iter())
                .map(|&score| (random.below(1_000) as f64) < 1_000.0 * score)
                .collect();
            positive[..2].copy_from_slice(&[false, true]);
            let table = venn_abers(&scores, &positive).unwrap();
            assert!(
                table.to.is_sorted() && table.from.is_sorted_by(|a, b| a < b),
                "{table:?}"
            );
            let mut sorted = scores.clone();
            sorted.sort_by(f64::total_cmp);
            let middles = sorted
                .windows(2)
                .map(|pair| f64::midpoint(pair[0], pair[1]));
            let around = sorted
                .iter()
                .flat_map(|&score| [score.next_down(), score, score.next_up()]);
            for score in around.chain(middles).chain([-1.0, 2.0]) {
                let (found, due) = (table.at(score), defined(&scores, &positive, score));
                assert!(
                    (found - due).abs() < 1e-14,
                    "{round}, {score}: {found} is not {due}"
                );
            }
            steps += table.from.len();
        }
        assert!(steps > 1_000, "{steps}");
    }

    #[test]
    fn a_table_that_pages_should_not_carry_is_refused() {
        // Levels grow with the cube root of the rows.
        let mut random = Random::new(5, 0);
        let scores: Vec<f64> = (0..200_000)
            .map(|_| random.below(1 << 40) as f64 / (1_u64 << 40) as f64)
            .collect();
        let positive: Vec<bool> = (scores.iter())
            .map(|&score| (random.below(1 << 20) as f64) < (1 << 20) as f64 * score)
            .collect();
        let error = venn_abers(&scores, &positive).unwrap_err();
        assert_eq!(error.code(), "train.calibration");
        assert!(error.message().contains("isotonic"), "{error}");
        let few = venn_abers(&scores[..2_000], &positive[..2_000]).unwrap();
        assert!(
            few.from.len() > 200 && few.from.len() < 1_500,
            "{}",
            few.from.len()
        );
    }

    #[test]
    fn what_cannot_be_calibrated_is_refused() {
        for (scores, positive) in [
            (vec![0.1, 0.2], vec![true, true]),
            (vec![0.1, f64::NAN], vec![true, false]),
            (vec![0.1], vec![true, false]),
        ] {
            let error = venn_abers(&scores, &positive).unwrap_err();
            assert_eq!(error.code(), "train.calibration");
        }
    }
}

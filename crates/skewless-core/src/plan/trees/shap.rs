//! TreeSHAP, path-dependent: the Shapley values of Algorithm 2 in Lundberg, Erion and Lee, "Consistent Individualized
//! Feature Attribution for Tree Ensembles" (2018, arXiv:1802.03888).
//!
//! The players are the columns. With the columns in S known, a split on one of them sends the row where it goes, and
//! any other split sends it both ways, by the shares of training rows. So a leaf of value v below splits on the columns
//! 1 … m counts v · Π f_j, where f_j is 1 or 0 (whether the row takes every turn on j) for a known column, and z_j (the
//! product of the turns' shares) for an unknown one. The Shapley value of such a product is an integral (Owen,
//! "Multilinear Extensions of Games", 1972):
//!
//! φ_i = v · (o_i − z_i) · ∫₀¹ Π_{j≠i} (o_j · t + z_j · (1 − t)) dt
//!
//! The integrand is a polynomial of degree m − 1, for which the Gauss–Legendre rule of ⌈m/2⌉ points is exact. (That
//! the polynomial may stand at points is from Yu et al., "Linear TreeShap", 2022, arXiv:2209.08192.) Nothing is divided
//! or subtracted under the integral, unlike in Algorithm 2's UNWIND, and so no digits are lost, however deep a tree is.

use super::super::Contributions;
use super::bins::RowBins;
use super::forest::{Forest, NodeKind};
use super::shares::Shares;

/// Adds what each column of a feature row added to the raw scores.
pub(super) fn explain(forest: &Forest, shares: &Shares, row: &[f64], to: &mut Contributions) {
    let mut bins = Vec::new();
    RowBins::push_row(forest, row, &mut bins);
    for (output, &base) in forest.base.iter().enumerate() {
        to.add_base(output, base);
    }
    let scales = forest.quantised.as_ref().map(|leaves| &leaves.scales);
    let (mut path, mut shares, mut nodes) = (Path::default(), shares.iter(), forest.nodes.iter());
    for tree in &forest.trees {
        let scale = scales.and_then(|scales| scales.get(tree.output));
        for node in nodes.by_ref().take(2 * tree.leaves - 1) {
            if node.kind == NodeKind::Leaf {
                let leaf = forest.leaves.get(node.next as usize);
                let value = leaf.copied().unwrap_or_default() * scale.copied().unwrap_or(1.0);
                path.leaf(value, tree.output, to);
                path.turn();
                continue;
            }
            let feature = usize::from(node.feature);
            let column = forest.features.get(feature).map(|feature| feature.input);
            let bin = bins.get(feature).copied().unwrap_or_default();
            path.split(Split {
                column: column.unwrap_or_default(),
                share: shares.next().unwrap_or_default(),
                goes_left: forest.goes_left(node, bin),
            });
        }
    }
    if let Some(divisor) = &forest.divisor {
        to.divide(divisor);
    }
}

/// The most columns that paths may have.
pub(super) const MOST_PLAYERS: usize = 512;

/// The way from a root to a node, and what the columns on it say.
#[derive(Default)]
struct Path {
    players: Vec<Player>,
    turns: Vec<Turn>,
    /// The rules of 1, 2, … points, one after the other, as far as some leaf has needed them.
    rules: Vec<Point>,
    /// The most points of a rule.
    points: usize,
    /// For each player, the integral over all others.
    integrals: Vec<f64>,
    /// For each player, the product over those before it.
    before: Vec<f64>,
}

/// A column that splits on the way ask.
#[derive(Clone, Copy)]
struct Player {
    column: usize,
    /// The product of the shares of the turns taken.
    unknown: f64,
    /// 1 where the row takes all these turns, else 0.
    known: f64,
}

struct Split {
    column: usize,
    share: f64,
    goes_left: bool,
}

/// A split on the way.
struct Turn {
    share: f64,
    goes_left: bool,
    /// Whether the way goes on to the right.
    right: bool,
    player: usize,
    /// The player above this split.
    before: Player,
    /// Whether no split above asks of the column.
    first: bool,
}

/// Where the integrand is evaluated, and what it weighs.
struct Point {
    at: f64,
    weight: f64,
}

impl Player {
    fn factor(&self, at: f64) -> f64 {
        self.known * at + self.unknown * (1.0 - at)
    }
}

impl Path {
    /// Goes on to the left child of a split.
    fn split(&mut self, split: Split) {
        let mut players = self.players.iter();
        let found = players.position(|player| player.column == split.column);
        let player = found.unwrap_or(self.players.len());
        if found.is_none() {
            self.players.push(Player {
                column: split.column,
                unknown: 1.0,
                known: 1.0,
            });
        }
        let Some(&before) = self.players.get(player) else {
            return;
        };
        self.go(player, split.share, split.goes_left);
        self.turns.push(Turn {
            share: split.share,
            goes_left: split.goes_left,
            right: false,
            player,
            before,
            first: found.is_none(),
        });
    }

    /// From a leaf back to the last split whose right child is due, and on to that.
    fn turn(&mut self) {
        while let Some(mut turn) = self.turns.pop() {
            if let Some(player) = self.players.get_mut(turn.player) {
                *player = turn.before;
            }
            if !turn.right {
                self.go(turn.player, 1.0 - turn.share, !turn.goes_left);
                turn.right = true;
                self.turns.push(turn);
                return;
            }
            if turn.first {
                self.players.pop();
            }
        }
    }

    /// Takes a turn that so many of the training rows took.
    fn go(&mut self, player: usize, share: f64, row_goes: bool) {
        if let Some(player) = self.players.get_mut(player) {
            player.unknown *= share;
            player.known *= f64::from(u8::from(row_goes));
        }
    }

    /// Adds the leaf at the end of the way.
    fn leaf(&mut self, value: f64, output: usize, to: &mut Contributions) {
        let unknown = self.players.iter().map(|player| player.unknown);
        to.add_base(
            output,
            value * unknown.fold(1.0, |product, share| product * share),
        );
        self.integrate();
        for (player, integral) in self.players.iter().zip(&self.integrals) {
            let added = value * (player.known - player.unknown) * integral;
            to.add(player.column, output, added);
        }
    }

    fn integrate(&mut self) {
        let points = self.players.len().div_ceil(2);
        while self.points < points {
            self.points += 1;
            gauss_legendre(self.points, &mut self.rules);
        }
        self.integrals.clear();
        self.integrals.resize(self.players.len(), 0.0);
        let start = points * points.saturating_sub(1) / 2;
        let rule = self.rules.get(start..start + points);
        for point in rule.unwrap_or_default() {
            let mut product = point.weight;
            self.before.clear();
            for player in &self.players {
                self.before.push(product);
                product *= player.factor(point.at);
            }
            let mut after = 1.0;
            let sums = self.integrals.iter_mut().zip(&self.before);
            for (player, (sum, before)) in self.players.iter().zip(sums).rev() {
                *sum += before * after;
                after *= player.factor(point.at);
            }
        }
    }
}

/// Adds the Gauss–Legendre rule of so many points on [0, 1]: the roots of a Legendre polynomial, by Newton's method from
/// an approximation that is close enough for all of them (Abramowitz and Stegun, 22.16.6).
fn gauss_legendre(points: usize, rules: &mut Vec<Point>) {
    const STEPS: usize = 8;
    let n = whole(points);
    for index in 0..points {
        let mut x = libm::cos(std::f64::consts::PI * (whole(index) + 0.75) / (n + 0.5));
        let mut slope = 1.0;
        for _ in 0..STEPS {
            let (mut value, mut last) = (x, 1.0);
            for degree in 2..=points {
                let degree = whole(degree);
                let next = ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * last) / degree;
                (value, last) = (next, value);
            }
            slope = n * (x * value - last) / (x * x - 1.0);
            x -= value / slope;
        }
        rules.push(Point {
            at: (1.0 + x) / 2.0,
            weight: 1.0 / ((1.0 - x * x) * slope * slope),
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of columns")]
fn whole(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_integrates_polynomials_up_to_its_degree() {
        for count in [1, 2, 3, 7, 16, 50, MOST_PLAYERS / 2] {
            let mut rule = Vec::new();
            gauss_legendre(count, &mut rule);
            for power in [0, 1, count, 2 * count - 1] {
                let power = i32::try_from(power).unwrap();
                let terms = rule.iter().map(|point| point.weight * point.at.powi(power));
                let expected = 1.0 / f64::from(power + 1);
                let found: f64 = terms.sum();
                assert!(
                    (found - expected).abs() <= 1e-13 * expected.max(0.01),
                    "{count} points, x^{power}: {found}, not {expected}"
                );
            }
        }
    }
}

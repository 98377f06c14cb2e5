//! The part `explain.plan`: which share of the training rows went left at each split.
//!
//! A share stands in 16 visits: q means (q + ½) / 65,536, so that none is 0 or 1 and each is off by at most 2⁻¹⁷.

use super::super::bytes::{PlanReader, PlanWriter};
use super::super::{Node, Tree, TreeModel, check_lengths};
use super::decode;
use crate::error::{Error, Result};

const PART: &str = "explain.plan";
const INVALID: &str = "bundle.invalid_explain";
const MAGIC: &[u8] = b"SKWE";
const FORMAT: u16 = 1;
const STEPS: f64 = 65_536.0;

/// The share that went left at each split, in the plan's order.
pub(super) struct Shares(Vec<u16>);

impl Shares {
    /// Reads the part of a plan with so many splits.
    pub(super) fn read(part: &[u8], splits: usize) -> Result<Self> {
        let mut reader = PlanReader::of_part(part, PART, INVALID);
        if reader.raw(MAGIC.len(), "magic")? != MAGIC {
            return Err(reader.invalid("the part does not begin with `SKWE`"));
        }
        if reader.u16("format")? != FORMAT {
            let message = "explain.plan has a later format than this version reads";
            return Err(Error::unsupported("unsupported.format_version", message));
        }
        if reader.size("number of splits")? != splits {
            return Err(reader.invalid("the trees have another number of splits"));
        }
        let shares = reader.narrow_or_wide(splits, true, "shares")?;
        reader.end()?;
        Ok(Self(shares))
    }

    /// The shares, in the order of the splits.
    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|&step| (f64::from(step) + 0.5) / STEPS)
    }
}

/// The part of a model; nothing where the training rows at its nodes are not known, or where leaves do not add up.
pub(crate) fn encode(model: &TreeModel) -> Result<Option<Vec<u8>>> {
    let mut shares = Vec::new();
    for tree in &model.trees {
        if !model.aggregate.adds() || !covers_are_known(tree) {
            return Ok(None);
        }
        let splits = preorder(tree).filter_map(|node| tree.nodes.get(node));
        shares.extend(splits.filter_map(|node| match node {
            Node::Split { left, right, .. } => Some(step(cover(tree, *left), cover(tree, *right))),
            Node::Leaf { .. } => None,
        }));
    }
    let mut part = PlanWriter::default();
    part.raw(MAGIC);
    part.u16(FORMAT);
    part.size(shares.len())?;
    part.narrow_or_wide(shares.into_iter(), true);
    Ok(Some(part.finish()))
}

/// Counts the rows that come to each node of a model, besides those that it knows of.
pub(crate) fn count_covers(model: &mut TreeModel, rows: &[f64]) -> Result<()> {
    let mut plan = PlanWriter::default();
    super::encode(model, &mut plan)?;
    let forest = decode::read(&mut PlanReader::new(&plan.finish()))?;
    let count = rows.len() / forest.inputs.max(1);
    check_lengths(forest.inputs, 1, rows, &vec![0.0; count])?;
    let mut visits = forest.count_visits(rows).into_iter();
    for tree in &mut model.trees {
        let mut covers = std::mem::take(&mut tree.covers);
        covers.resize(tree.nodes.len(), 0.0);
        for (node, visits) in preorder(tree).zip(&mut visits) {
            if let Some(cover) = covers.get_mut(node) {
                *cover += visits;
            }
        }
        tree.covers = covers;
    }
    Ok(())
}

/// The nodes of a tree in the plan's order: left before right.
fn preorder(tree: &Tree) -> impl Iterator<Item = usize> {
    let mut open = vec![0];
    let walk = std::iter::from_fn(move || {
        let index = open.pop()?;
        if let Some(Node::Split { left, right, .. }) = tree.nodes.get(index) {
            open.extend([*right, *left]);
        }
        Some(index)
    });
    // Of nodes that are no tree, the walk might not end.
    walk.take(tree.nodes.len())
}

fn covers_are_known(tree: &Tree) -> bool {
    let good = |cover: &f64| cover.is_finite() && *cover >= 0.0;
    tree.nodes.len() == 1 || (tree.covers.len() == tree.nodes.len() && tree.covers.iter().all(good))
}

fn cover(tree: &Tree, node: usize) -> f64 {
    tree.covers.get(node).copied().unwrap_or_default()
}

/// The step of the share that went left; where no row went either way, the middle.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 65,535, and saturating"
)]
fn step(left: f64, right: f64) -> u16 {
    let share = left / (left + right);
    if share.is_nan() {
        return 1 << 15;
    }
    (share * STEPS) as u16
}

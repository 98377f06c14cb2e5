//! One tree of a LightGBM text model: parallel lists of splits and leaves.
//!
//! Semantics are those of `Tree::NumericalDecision` and `Tree::CategoricalDecision` in LightGBM's `tree.h`.

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Missing, Node, Test, Tree};

use super::text::Fields;
use crate::graft::graft;

/// Bits of a split's `decision_type`.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// A tree over `inputs` columns.
pub(crate) fn read(fields: &Fields<'_>, inputs: usize, output: usize) -> Result<Tree> {
    if fields.has("is_linear") && fields.number::<u8>("is_linear")? != 0 {
        let message = "a tree has linear models in its leaves (`linear_tree`)";
        return Err(Error::unsupported("unsupported.linear_tree", message));
    }
    let leaves: usize = fields.number("num_leaves")?;
    let Some(splits) = leaves.checked_sub(1) else {
        return Err(fields.invalid("a tree has no leaves"));
    };
    let mut tree = TreeText::read(fields, splits, inputs)?;
    // A tree without splits has its only leaf where the first split would be.
    let mut covers = Vec::new();
    let nodes = graft(splits + leaves, 0, |number| {
        covers.extend(tree.covers.get(number));
        tree.node(number)
    });
    Ok(Tree {
        output,
        nodes: nodes.map_err(|fault| fault.explain(|what| fields.invalid(&what)))?,
        covers,
    })
}

struct TreeText<'a> {
    fields: &'a Fields<'a>,
    columns: Vec<usize>,
    thresholds: Vec<f64>,
    decisions: Vec<u8>,
    left: Vec<i64>,
    right: Vec<i64>,
    leaves: Vec<f64>,
    /// The training rows of each split, then of each leaf; empty where the file does not say.
    covers: Vec<f64>,
    /// Each until its split has taken it.
    categories: Vec<Option<Vec<u32>>>,
}

impl<'a> TreeText<'a> {
    fn read(fields: &'a Fields<'a>, splits: usize, inputs: usize) -> Result<Self> {
        let leaves: Vec<f64> = fields.numbers("leaf_value", splits + 1)?;
        if leaves.iter().any(|leaf| !leaf.is_finite()) {
            return Err(fields.invalid("a leaf is not a finite number"));
        }
        let none = splits == 0;
        let columns: Vec<usize> = if none {
            vec![]
        } else {
            fields.numbers("split_feature", splits)?
        };
        if let Some(column) = columns.iter().find(|&&column| column >= inputs) {
            return Err(fields.invalid(&format!("a split reads feature {column} of {inputs}")));
        }
        Ok(Self {
            fields,
            columns,
            thresholds: if none {
                vec![]
            } else {
                fields.numbers("threshold", splits)?
            },
            decisions: if none {
                vec![]
            } else {
                fields.numbers("decision_type", splits)?
            },
            left: if none {
                vec![]
            } else {
                fields.numbers("left_child", splits)?
            },
            right: if none {
                vec![]
            } else {
                fields.numbers("right_child", splits)?
            },
            leaves,
            covers: read_covers(fields, splits)?,
            categories: read_categories(fields)?,
        })
    }

    /// Splits are numbered from 0, leaves after them.
    fn node(&mut self, number: usize) -> Result<Node> {
        let (Some(&input), Some(&threshold), Some(&decision), Some(&left), Some(&right)) = (
            self.columns.get(number),
            self.thresholds.get(number),
            self.decisions.get(number),
            self.left.get(number),
            self.right.get(number),
        ) else {
            return self.leaf(number);
        };
        let (test, missing) = match decision & CATEGORICAL == 0 {
            true => (
                Test::AtMost(self.threshold(threshold)?),
                self.missing(decision)?,
            ),
            // Whatever the missing type, LightGBM sends a missing category to the right.
            false => (Test::InSet(self.take_set(threshold)?), Missing::Right),
        };
        Ok(Node::Split {
            input,
            test,
            missing,
            left: self.child(left)?,
            right: self.child(right)?,
        })
    }

    fn leaf(&self, number: usize) -> Result<Node> {
        let value = number
            .checked_sub(self.columns.len())
            .and_then(|leaf| self.leaves.get(leaf));
        value
            .map(|&value| Node::Leaf { value })
            .ok_or_else(|| self.fields.invalid("a leaf is missing"))
    }

    /// A child ≥ 0 is a split, a negative one the leaf `-1 - child`.
    fn child(&self, child: i64) -> Result<usize> {
        let splits = self.columns.len();
        let number = match usize::try_from(child) {
            Ok(split) => Some(split).filter(|&split| split < splits),
            Err(_) => usize::try_from(-1 - child)
                .ok()
                .and_then(|leaf| leaf.checked_add(splits)),
        };
        number.ok_or_else(|| {
            self.fields
                .invalid(&format!("child {child} does not exist"))
        })
    }

    fn threshold(&self, threshold: f64) -> Result<f64> {
        match threshold.is_nan() {
            true => Err(self.fields.invalid("a threshold is not a number")),
            false => Ok(threshold),
        }
    }

    fn missing(&self, decision: u8) -> Result<Missing> {
        let left = decision & DEFAULT_LEFT != 0;
        Ok(match ((decision >> 2) & 3, left) {
            (0, _) => Missing::AsZero,
            (1, true) => Missing::ZeroIsMissingLeft,
            (1, false) => Missing::ZeroIsMissingRight,
            (2, true) => Missing::Left,
            (2, false) => Missing::Right,
            _ => {
                return Err(self
                    .fields
                    .invalid(&format!("decision type {decision} is not known")));
            }
        })
    }

    /// A categorical split's threshold is the number of its set; no two splits share one.
    fn take_set(&mut self, threshold: f64) -> Result<Vec<u32>> {
        let mut sets = self.categories.iter_mut().enumerate();
        let set = sets.find_map(|(index, set)| {
            if whole(index) == threshold {
                set.take()
            } else {
                None
            }
        });
        set.ok_or_else(|| {
            self.fields.invalid(&format!(
                "category set {threshold} does not exist or is used twice"
            ))
        })
    }
}

fn read_covers(fields: &Fields<'_>, splits: usize) -> Result<Vec<f64>> {
    if splits == 0 || !fields.has("internal_count") || !fields.has("leaf_count") {
        return Ok(Vec::new());
    }
    let mut covers: Vec<f64> = fields.numbers("internal_count", splits)?;
    covers.extend(fields.numbers::<f64>("leaf_count", splits + 1)?);
    Ok(covers)
}

/// The category sets: bitsets of 32-bit words, one after the other, with their boundaries.
fn read_categories(fields: &Fields<'_>) -> Result<Vec<Option<Vec<u32>>>> {
    let count: usize = if fields.has("num_cat") {
        fields.number("num_cat")?
    } else {
        0
    };
    let Some(bounds) = (count > 0).then(|| count.checked_add(1)).flatten() else {
        return Ok(Vec::new());
    };
    let boundaries: Vec<usize> = fields.numbers("cat_boundaries", bounds)?;
    let last = boundaries.last().copied().unwrap_or_default();
    let words: Vec<u32> = fields.numbers("cat_threshold", last)?;
    let sets = boundaries.windows(2).map(|pair| match *pair {
        [start, end] => words.get(start..end).map(|words| Some(members(words))),
        _ => None,
    });
    sets.collect::<Option<_>>()
        .ok_or_else(|| fields.invalid("the boundaries of category sets do not rise"))
}

fn members(words: &[u32]) -> Vec<u32> {
    let bits = (0_u32..)
        .zip(words)
        .flat_map(|(index, word)| (0..32).map(move |bit| (index, bit, word >> bit & 1)));
    bits.filter(|(_, _, set)| *set == 1)
        .map(|(index, bit, _)| index.saturating_mul(32).saturating_add(bit))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a count of category sets")]
fn whole(index: usize) -> f64 {
    index as f64
}

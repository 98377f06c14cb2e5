//! Tree ensembles: encoding, reading, and the kernels that score them.
//!
//! The scalar walk of [`Forest`] is the definition. At load, the model's shape chooses a faster kernel that gives its
//! bits: [`Masks`] for trees of at most 64 leaves, [`Tops`] where some are larger, and [`Lanes`] where the tables of
//! either would take too much.

mod bins;
mod decode;
mod encode;
mod forest;
mod lanes;
mod masks;
mod precision;
mod shap;
mod shares;
mod streams;
#[cfg(test)]
mod tests;

use super::bytes::{PlanReader, PlanWriter};
use super::{
    Contributions, Engine, EngineScratch, Layout, ModelSummary, Simd, TreeModel,
    check_compact_shape, check_row, check_shape, expand_and_score,
};
use crate::error::{Error, Result};
use crate::explanation::Method;
use forest::Forest;
use lanes::Lanes;
pub(super) use masks::Active;
use masks::{Masks, Tops};
use shares::Shares;
pub(super) use shares::{count_covers, encode as encode_shares};

/// Writes an ensemble behind the plan's header.
pub(super) fn encode(model: &TreeModel, plan: &mut PlanWriter) -> Result<()> {
    encode::encode(model, plan)
}

pub(super) struct TreeEngine {
    forest: Forest,
    kernel: Kernel,
    shares: Option<Shares>,
}

enum Kernel {
    /// The definition.
    Scalar,
    Masks(Masks),
    Tops(Tops),
    Lanes(Lanes),
}

impl Kernel {
    fn for_shape(forest: &Forest) -> Self {
        if !forest.aggregate.adds() {
            // No exporter writes the least or the greatest leaf: the definition is fast enough.
            return Self::Scalar;
        }
        let masks = Masks::new(forest).map(Self::Masks);
        let tops = || Tops::new(forest).map(Self::Tops);
        masks
            .or_else(tops)
            .unwrap_or_else(|| Self::without_tables(forest))
    }

    fn without_tables(forest: &Forest) -> Self {
        Lanes::new(forest).map_or(Self::Scalar, Self::Lanes)
    }
}

impl TreeEngine {
    pub(super) fn read(plan: &mut PlanReader<'_>, simd: Simd) -> Result<Self> {
        let forest = decode::read(plan)?;
        let kernel = match simd {
            Simd::Off => Kernel::Scalar,
            Simd::Auto => Kernel::for_shape(&forest),
        };
        Ok(Self {
            forest,
            kernel,
            shares: None,
        })
    }
}

impl Engine for TreeEngine {
    fn inputs(&self) -> usize {
        self.forest.inputs
    }

    fn outputs(&self) -> usize {
        self.forest.outputs
    }

    fn accepts_missing(&self) -> bool {
        true
    }

    fn summary(&self) -> ModelSummary {
        let forest = &self.forest;
        let mut used = vec![false; forest.inputs];
        for feature in &forest.features {
            used.iter_mut()
                .skip(feature.input)
                .take(1)
                .for_each(|used| *used = true);
        }
        ModelSummary::Trees {
            trees: forest.trees.len(),
            leaves: forest.leaves.len(),
            depth: forest.depth,
            thresholds: forest.thresholds.len(),
            inputs_used: used.iter().filter(|used| **used).count(),
            rounding: forest.quantised.as_ref().map(|leaves| leaves.rounding),
        }
    }

    fn score(&self, rows: &[f64], scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        check_shape(self, rows, raw)?;
        match &self.kernel {
            Kernel::Scalar => self.forest.score(rows, &mut scratch.bins, raw),
            Kernel::Masks(masks) => masks.score(&self.forest, rows, &mut scratch.active, raw),
            Kernel::Tops(tops) => {
                let scratch = (&mut scratch.bins, &mut scratch.active);
                tops.score(&self.forest, rows, scratch, raw);
            }
            Kernel::Lanes(lanes) => lanes.score(&self.forest, rows, &mut scratch.bins, raw),
        }
        Ok(())
    }

    fn bind(&mut self, layout: &Layout) {
        match &mut self.kernel {
            Kernel::Scalar => {}
            Kernel::Masks(masks) => {
                if masks.bind(&self.forest, layout).is_none() {
                    self.kernel = Kernel::without_tables(&self.forest);
                    self.bind(layout);
                }
            }
            Kernel::Tops(tops) => tops.bind(&self.forest, layout),
            Kernel::Lanes(lanes) => lanes.bind(&self.forest, layout),
        }
    }

    fn score_compact(
        &self,
        layout: &Layout,
        rows: &[f64],
        scratch: &mut EngineScratch,
        raw: &mut [f64],
    ) -> Result<()> {
        check_compact_shape(self, layout, rows, raw)?;
        let compact = (rows, layout.compact_width());
        match &self.kernel {
            Kernel::Scalar => return expand_and_score(self, layout, rows, scratch, raw),
            Kernel::Masks(masks) => {
                masks.score_compact(&self.forest, compact, &mut scratch.active, raw);
            }
            Kernel::Tops(tops) => {
                let scratch = (&mut scratch.bins, &mut scratch.active);
                tops.score_compact(&self.forest, compact, scratch, raw);
            }
            Kernel::Lanes(lanes) => {
                lanes.score_compact(&self.forest, compact, &mut scratch.bins, raw);
            }
        }
        Ok(())
    }

    fn take_shares(&mut self, part: &[u8]) -> Result<()> {
        let forest = &self.forest;
        let shares = Shares::read(part, forest.leaves.len() - forest.trees.len())?;
        self.shares = Some(shares);
        Ok(())
    }

    fn explains(&self) -> Result<Method> {
        let players = usize::min(self.forest.depth, self.forest.features.len());
        let reason = match &self.shares {
            _ if !self.forest.aggregate.adds() => {
                "the least or the greatest of leaves is no sum, of which features add a part"
            }
            None => {
                "the bundle has no part explain.plan, which says how training rows went through the trees: pack the model again, with --fit-on where its file does not say it"
            }
            Some(_) if players > shap::MOST_PLAYERS => {
                "a path through the trees may ask of more than 512 columns"
            }
            Some(_) => return Ok(Method::TreeShap),
        };
        Err(Error::unsupported("unsupported.explain", reason))
    }

    fn explain(&self, row: &[f64], to: &mut Contributions) -> Result<()> {
        self.explains()?;
        check_row(self, row)?;
        if let Some(shares) = &self.shares {
            shap::explain(&self.forest, shares, row, to);
        }
        Ok(())
    }
}

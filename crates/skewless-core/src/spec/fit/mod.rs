//! Fitting: what a specification learns from the training rows, and from nothing else.
//!
//! The rows come block after block and may come again: each feature is fitted on its sources as the serving pipeline
//! computes them, in as many passes as its statistic needs, and features that do not build on one another in the same
//! passes. Sums run in row order, and a quantile is the exact order statistic, so that neither the blocks' size nor the
//! memory moves a bit of the result.

mod parameters;
mod selection;
mod statistic;

use std::collections::BTreeSet;

use self::parameters::{Parameters, Plan};
use self::statistic::{Ended, Found, Need, Statistic};
use super::feature::{FeatureAsWritten, FeatureSpec};
use super::fitted::{FittedFeature, FittedOp, FittedSpec, LookupTable};
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::pipeline::{Compiler, Frame, Kind, Source};

/// Training rows that can be gone through more than once.
pub trait Blocks {
    /// Gives all rows to `take`, block after block; every pass gives the same rows in the same order.
    ///
    /// # Errors
    /// What `take` refuses, and what keeps the rows from being read.
    fn pass(&mut self, take: &mut dyn FnMut(&Columns) -> Result<()>) -> Result<()>;
}

/// One block.
impl Blocks for &Columns {
    fn pass(&mut self, take: &mut dyn FnMut(&Columns) -> Result<()>) -> Result<()> {
        take(self)
    }
}

impl FeatureSpec {
    /// Fits the specification on the rows of `columns`, which must be the training rows alone.
    ///
    /// # Errors
    /// `spec.*` for what the specification gets wrong (see [`FeatureSpec::check`]), `spec.nothing_to_fit` for a feature
    /// whose source is missing in every row, and the first row's `input.*` error where a row breaks an input's rules.
    pub fn fit(&self, mut columns: &Columns, lookups: Vec<LookupTable>) -> Result<FittedSpec> {
        self.fit_blocks(&mut columns, lookups, usize::MAX)
    }

    /// Fits the specification on rows that need not fit into memory, with the bits of [`FeatureSpec::fit`]. What is kept
    /// between the blocks takes about `memory` bytes, beside 512 KiB a feature that needs quantiles: less memory makes
    /// more passes.
    ///
    /// # Errors
    /// As [`FeatureSpec::fit`], with the row counted over all blocks; what `blocks` fails with; and `spec.too_many_values`
    /// for a feature whose different values, which it has to count, do not fit into its share of the memory.
    pub fn fit_blocks(
        &self,
        blocks: &mut dyn Blocks,
        lookups: Vec<LookupTable>,
        memory: usize,
    ) -> Result<FittedSpec> {
        self.check()?;
        let used = |name: &str| self.uses(name);
        let compiler = Compiler::new(&self.input, self.unknown_fields, &lookups, used)?;
        let mut fitting = Fitting {
            waiting: self.feature.iter().collect(),
            features: Vec::new(),
            compiler,
            has_run: 0,
            blocks,
            memory,
        };
        while fitting.stage()? {}
        let features = fitting.finish(self)?;
        Ok(FittedSpec {
            unknown_fields: self.unknown_fields,
            inputs: self.input.clone(),
            lookups,
            features,
        })
    }

    fn uses(&self, name: &str) -> bool {
        self.feature
            .iter()
            .any(|feature| feature.from.names().iter().any(|from| from == name))
    }
}

struct Fitting<'a> {
    /// Features without parameters yet, as written.
    waiting: Vec<&'a FeatureAsWritten>,
    features: Vec<FittedFeature>,
    /// Inputs and the features that are fitted.
    compiler: Compiler<'a>,
    /// Steps that all rows have gone through without a problem.
    has_run: usize,
    blocks: &'a mut dyn Blocks,
    memory: usize,
}

/// A feature whose statistic is being taken.
struct Open<'a> {
    written: &'a FeatureAsWritten,
    source: Source,
    statistic: Statistic,
    parameters: Parameters<'a>,
}

impl<'a> Fitting<'a> {
    /// Fits every feature whose sources are known by now; false once none is left.
    fn stage(&mut self) -> Result<bool> {
        let mut open = Vec::new();
        let mut later = Vec::new();
        let mut unknown = BTreeSet::new();
        for written in std::mem::take(&mut self.waiting) {
            if written
                .from
                .names()
                .iter()
                .any(|name| unknown.contains(name.as_str()))
            {
                unknown.insert(written.name.as_str());
                later.push(written);
                continue;
            }
            let names = written.from.names().iter();
            let sources: Result<Vec<Source>> = names
                .map(|name| self.compiler.source(&written.name, name))
                .collect();
            let first = sources?.first().copied();
            match Plan::of(written, first.map(|source| source.kind))? {
                Plan::Given(op) => self.add(written, op)?,
                Plan::Fit(need, parameters) => {
                    let source = first.ok_or_else(|| parameters::nothing(written))?;
                    unknown.insert(written.name.as_str());
                    open.push((written, source, need, parameters));
                }
            }
        }
        self.waiting = later;
        let share = self.memory / open.len().max(1);
        let open = open
            .into_iter()
            .map(|(written, source, need, parameters)| Open {
                written,
                source,
                statistic: Statistic::new(need, share),
                parameters,
            });
        let mut open: Vec<Open<'_>> = open.collect();
        let fitted_any = !open.is_empty();
        while !open.is_empty() {
            self.pass(&mut open)?;
            open = self.close(open)?;
        }
        Ok(fitted_any)
    }

    /// Shows all rows to the statistics.
    fn pass(&mut self, open: &mut [Open<'_>]) -> Result<()> {
        let compiler = &self.compiler;
        let mut first_row = 0;
        self.blocks.pass(&mut |columns| {
            let mut frame = compiler.frame(columns)?;
            compiler.run_from(0, &mut frame);
            first_problem(&mut frame, first_row)?;
            first_row += columns.rows();
            for one in &mut *open {
                let slot = one.source.slot.index();
                match one.source.kind {
                    Kind::Text => {
                        if let Some(text) = frame.texts.get(slot) {
                            one.statistic.take_text(text, frame.rows);
                        }
                    }
                    _ => one.statistic.take(frame.number(slot)),
                }
            }
            Ok(())
        })?;
        self.has_run = self.compiler.steps();
        Ok(())
    }

    /// Adds the features whose statistics are complete; gives those that need another pass.
    fn close(&mut self, open: Vec<Open<'a>>) -> Result<Vec<Open<'a>>> {
        let mut again = Vec::new();
        for one in open {
            match one.statistic.end_of_pass() {
                Ended::Found(found) => {
                    let op = (one.parameters)(found)?;
                    self.add(one.written, op)?;
                }
                Ended::Again(statistic) => again.push(Open { statistic, ..one }),
                Ended::Nothing => return Err(parameters::nothing(one.written)),
                Ended::TooMany => return Err(parameters::too_many(one.written)),
            }
        }
        Ok(again)
    }

    fn add(&mut self, written: &FeatureAsWritten, op: FittedOp) -> Result<()> {
        let feature = FittedFeature {
            name: written.name.clone(),
            from: written.from.names().to_vec(),
            op,
            hidden: written.hidden,
            doc: written.doc.clone(),
            owner: written.owner.clone(),
        };
        self.compiler.add(&feature)?;
        self.features.push(feature);
        Ok(())
    }

    /// The features in the order written, once the rows have gone through all of them.
    fn finish(mut self, spec: &FeatureSpec) -> Result<Vec<FittedFeature>> {
        if self.has_run < self.compiler.steps() || self.has_run == 0 {
            self.pass(&mut [])?;
        }
        self.compiler.finish()?;
        let place = |name: &str| spec.feature.iter().position(|feature| feature.name == name);
        self.features.sort_by_key(|feature| place(&feature.name));
        Ok(self.features)
    }
}

fn first_problem(frame: &mut Frame<'_>, first_row: usize) -> Result<()> {
    frame.problems.sort_by_key(Error::row);
    if frame.problems.is_empty() {
        return Ok(());
    }
    let problem = frame.problems.swap_remove(0);
    let row = first_row + problem.row().unwrap_or_default();
    Err(problem.with_row(row))
}

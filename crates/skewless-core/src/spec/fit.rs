//! Fitting: what a specification learns from the training rows, and from nothing else.
//!
//! Each feature is fitted on its sources as the serving pipeline computes them, then computed itself, so that the next
//! one can be fitted on it. Sums run in row order.

use std::collections::BTreeMap;

use super::feature::{FeatureAsWritten, FeatureSpec, OpName, Strategy};
use super::fitted::{FittedFeature, FittedOp, FittedSpec, LookupTable};
use super::input::Token;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::pipeline::{Compiler, Frame, Kind, Source};

impl FeatureSpec {
    /// Fits the specification on the rows of `columns`, which must be the training rows alone.
    ///
    /// # Errors
    /// `spec.*` for what the specification gets wrong (see [`FeatureSpec::check`]), `spec.nothing_to_fit` for a feature
    /// whose source is missing in every row, and the first row's `input.*` error where a row breaks an input's rules.
    pub fn fit(&self, columns: &Columns, lookups: Vec<LookupTable>) -> Result<FittedSpec> {
        self.check()?;
        let mut compiler = Compiler::new(&self.input, self.unknown_fields, &lookups, |name| {
            self.uses(name)
        })?;
        let mut frame = compiler.frame(columns)?;
        first_problem(&mut frame)?;
        let mut features = Vec::new();
        for written in &self.feature {
            let sources = written
                .from
                .names()
                .iter()
                .map(|name| compiler.source(&written.name, name))
                .collect::<Result<Vec<_>>>()?;
            let feature = FittedFeature {
                name: written.name.clone(),
                from: written.from.names().to_vec(),
                op: Fitting {
                    written,
                    sources: &sources,
                    frame: &frame,
                }
                .op()?,
                hidden: written.hidden,
                doc: written.doc.clone(),
                owner: written.owner.clone(),
            };
            let first = compiler.steps();
            compiler.add(&feature)?;
            compiler.run_from(first, &mut frame);
            first_problem(&mut frame)?;
            features.push(feature);
        }
        compiler.finish()?;
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

fn first_problem(frame: &mut Frame<'_>) -> Result<()> {
    frame.problems.sort_by_key(Error::row);
    match frame.problems.is_empty() {
        true => Ok(()),
        false => Err(frame.problems.swap_remove(0)),
    }
}

struct Fitting<'a, 'f> {
    written: &'a FeatureAsWritten,
    sources: &'a [Source],
    frame: &'a Frame<'f>,
}

impl Fitting<'_, '_> {
    fn op(&self) -> Result<FittedOp> {
        let written = self.written;
        let encode = written.encode.unwrap_or_default();
        let seed = written.seed.unwrap_or_default();
        Ok(match written.op {
            OpName::Number => FittedOp::Number,
            OpName::PassthroughMissing => FittedOp::PassthroughMissing,
            OpName::Impute => self.impute()?,
            OpName::Clip => FittedOp::Clip {
                min: written.min,
                max: written.max,
            },
            OpName::Standardize => self.standardize()?,
            OpName::MinMax => self.min_max()?,
            OpName::Log1p => FittedOp::Log1p,
            OpName::Bucketize => FittedOp::Bucketize {
                edges: self.edges()?,
                closed: written.closed.unwrap_or_default(),
                encode,
            },
            OpName::OneHot => FittedOp::OneHot {
                vocabulary: self.vocabulary()?,
                unknown_column: written.unknown_column.unwrap_or_default(),
                missing_column: written.missing_column.unwrap_or_default(),
            },
            OpName::Ordinal => FittedOp::Ordinal {
                vocabulary: self.vocabulary()?,
            },
            OpName::Hash => FittedOp::Hash {
                buckets: self.given("buckets", written.buckets)?,
                seed,
                encode,
            },
            OpName::Cross => FittedOp::Cross {
                buckets: self.given("buckets", written.buckets)?,
                seed,
                encode,
            },
            OpName::Difference => FittedOp::Difference,
            OpName::Ratio => FittedOp::Ratio,
            OpName::Product => FittedOp::Product,
            OpName::Normalize => FittedOp::Normalize {
                norm: written.norm.unwrap_or_default(),
            },
            OpName::DatePart => FittedOp::DatePart {
                part: self.given("part", written.part)?,
            },
            OpName::Cyclic => FittedOp::Cyclic {
                period: self.given("period", written.period)?,
            },
            OpName::Lookup => FittedOp::Lookup {
                table: self.given("table", written.table.clone())?,
                column: self.given("column", written.column.clone())?,
                default: written.default,
            },
        })
    }

    fn impute(&self) -> Result<FittedOp> {
        let indicator = self.written.indicator.unwrap_or_default();
        let strategy = self.given("strategy", self.written.strategy)?;
        if strategy != Strategy::Constant && self.written.value.is_some() {
            return self.fault("`value` goes with `strategy = \"constant\"`");
        }
        if self.is_text() {
            return self.impute_category(strategy, indicator);
        }
        let value = match strategy {
            Strategy::Constant => match self.given("value", self.written.value.clone())? {
                Token::Number(value) => value,
                Token::Text(_) => return self.fault("`value` must be a number, as its source is"),
            },
            Strategy::Mean => mean(&self.numbers()?),
            Strategy::Median => quantile(&sorted(self.numbers()?), 0.5),
            Strategy::MostFrequent => most_frequent(&sorted(self.numbers()?)),
        };
        Ok(FittedOp::Impute { value, indicator })
    }

    fn impute_category(&self, strategy: Strategy, indicator: bool) -> Result<FittedOp> {
        if indicator {
            return self
                .fault("a category has no missing indicator; use `one_hot` with `missing_column`");
        }
        let value = match (strategy, &self.written.value) {
            (Strategy::Constant, Some(Token::Text(value))) => value.clone(),
            (Strategy::MostFrequent, None) => {
                let counts = self.counts()?;
                let greatest = counts.values().copied().max().unwrap_or_default();
                let found = counts
                    .iter()
                    .find(|(_, count)| **count == greatest)
                    .map(|(entry, _)| (*entry).to_owned());
                found.ok_or_else(|| self.nothing())?
            }
            _ => {
                return self.fault(
                    "a category is imputed by a constant string or by the most frequent one",
                );
            }
        };
        Ok(FittedOp::ImputeCategory { value })
    }

    fn standardize(&self) -> Result<FittedOp> {
        let (mean, std) = match (self.written.mean, self.written.std) {
            (Some(mean), Some(std)) => (mean, std),
            (None, None) => {
                let values = self.numbers()?;
                let mean = mean(&values);
                (mean, deviation(&values, mean))
            }
            _ => return self.fault("`mean` and `std` are given together or not at all"),
        };
        match mean.is_finite() && std.is_finite() && std >= 0.0 {
            true => Ok(FittedOp::Standardize { mean, std }),
            false => self.fault("`mean` and `std` must be finite numbers, and `std` not negative"),
        }
    }

    fn min_max(&self) -> Result<FittedOp> {
        let (min, max) = match (self.written.min, self.written.max) {
            (Some(min), Some(max)) => (min, max),
            (None, None) => {
                let values = sorted(self.numbers()?);
                (quantile(&values, 0.0), quantile(&values, 1.0))
            }
            _ => return self.fault("`min` and `max` are given together or not at all"),
        };
        Ok(FittedOp::MinMax { min, max })
    }

    fn edges(&self) -> Result<Vec<f64>> {
        match (&self.written.edges, self.written.quantiles) {
            (Some(edges), None) => Ok(edges.clone()),
            (None, Some(buckets @ 2..=65_536)) => {
                let values = sorted(self.numbers()?);
                let mut edges: Vec<f64> = (1..buckets)
                    .map(|edge| quantile(&values, share(edge, buckets)))
                    .collect();
                edges.dedup();
                Ok(edges)
            }
            _ => self.fault("give either `edges` or `quantiles` (2 to 65,536 buckets)"),
        }
    }

    /// The given vocabulary, or the training rows' categories in byte order.
    fn vocabulary(&self) -> Result<Vec<String>> {
        let (least, most) = (self.written.min_count, self.written.max_size);
        if let Some(vocabulary) = &self.written.vocabulary {
            return match least.or(most) {
                None => Ok(vocabulary.clone()),
                Some(_) => self.fault(
                    "`vocabulary` is given, so that `min_count` and `max_size` have nothing to do",
                ),
            };
        }
        let counts = self.counts()?;
        let mut kept: Vec<(&str, usize)> = counts
            .into_iter()
            .filter(|(_, count)| *count >= least.unwrap_or(1))
            .collect();
        // Stable: of equally frequent categories the first in byte order stays.
        kept.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kept.truncate(most.unwrap_or(usize::MAX));
        let mut vocabulary: Vec<String> = kept
            .into_iter()
            .map(|(entry, _)| entry.to_owned())
            .collect();
        vocabulary.sort();
        match vocabulary.is_empty() {
            true => Err(self.nothing()),
            false => Ok(vocabulary),
        }
    }

    fn is_text(&self) -> bool {
        self.sources
            .first()
            .is_some_and(|source| source.kind == Kind::Text)
    }

    /// The source's values that are not missing.
    fn numbers(&self) -> Result<Vec<f64>> {
        let source = self
            .sources
            .first()
            .filter(|source| source.kind == Kind::Number);
        let Some(source) = source else {
            return self.fault("its source must be a number");
        };
        let column = self.frame.number(source.slot.index());
        let values: Vec<f64> = column
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        match values.is_empty() {
            true => Err(self.nothing()),
            false => Ok(values),
        }
    }

    /// How often each category occurs.
    fn counts(&self) -> Result<BTreeMap<&str, usize>> {
        let source = self
            .sources
            .first()
            .filter(|source| source.kind == Kind::Text);
        let text = source.and_then(|source| self.frame.texts.get(source.slot.index()));
        let Some(text) = text else {
            return self.fault("its source must be a category");
        };
        let mut counts = BTreeMap::new();
        for row in 0..self.frame.rows {
            if let Some(entry) = text.value(row) {
                *counts.entry(entry).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn given<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        match value {
            Some(value) => Ok(value),
            None => self.fault(&format!("op {:?} needs `{name}`", self.written.op)),
        }
    }

    fn fault<T>(&self, rule: &str) -> Result<T> {
        let name = &self.written.name;
        Err(
            Error::spec("spec.invalid_feature", format!("feature `{name}`: {rule}"))
                .with_field(name),
        )
    }

    fn nothing(&self) -> Error {
        let name = &self.written.name;
        Error::spec(
            "spec.nothing_to_fit",
            format!("feature `{name}`: the training rows give nothing to fit it on"),
        )
        .with_field(name)
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// The population's standard deviation, by a second pass.
fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum::<f64>();
    libm::sqrt(squares / count(values.len()))
}

/// Linear interpolation between the neighbours of rank `share · (n − 1)` (numpy's default).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank between 0 and n − 1"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * count(sorted.len().saturating_sub(1));
    let low = libm::floor(rank) as usize;
    let at = |index: usize| {
        sorted
            .get(index)
            .or(sorted.last())
            .copied()
            .unwrap_or(f64::NAN)
    };
    at(low) + (at(low + 1) - at(low)) * (rank - libm::floor(rank))
}

fn most_frequent(sorted: &[f64]) -> f64 {
    let runs = sorted.chunk_by(|a, b| a == b);
    let longest = runs.reduce(|best, run| if run.len() > best.len() { run } else { best });
    longest
        .and_then(<[f64]>::first)
        .copied()
        .unwrap_or(f64::NAN)
}

fn share(part: usize, whole: usize) -> f64 {
    count(part) / count(whole)
}

#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn count(count: usize) -> f64 {
    count as f64
}

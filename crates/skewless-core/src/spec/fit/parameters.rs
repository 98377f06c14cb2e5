//! The parameters of each op: given, or to be made from a statistic of its source.

use super::{Found, Need};
use crate::error::{Error, Result};
use crate::pipeline::Kind;
use crate::spec::feature::{FeatureAsWritten, OpName, Strategy};
use crate::spec::fitted::FittedOp;
use crate::spec::input::Token;

/// Makes the op from what was found.
pub(super) type Parameters<'a> = Box<dyn FnOnce(Found) -> Result<FittedOp> + 'a>;

/// What a feature wants before it can be computed.
pub(super) enum Plan<'a> {
    /// Nothing: its parameters are given.
    Given(FittedOp),
    /// A statistic of its first source.
    Fit(Need, Parameters<'a>),
}

impl<'a> Plan<'a> {
    /// The plan for a feature whose first source is of the given kind.
    ///
    /// # Errors
    /// `spec.invalid_feature` for parameters that do not go together or with the source.
    pub(super) fn of(written: &'a FeatureAsWritten, source: Option<Kind>) -> Result<Self> {
        Planning { written, source }.plan()
    }
}

struct Planning<'a> {
    written: &'a FeatureAsWritten,
    source: Option<Kind>,
}

impl<'a> Planning<'a> {
    fn plan(&self) -> Result<Plan<'a>> {
        let written = self.written;
        let encode = written.encode.unwrap_or_default();
        let seed = written.seed.unwrap_or_default();
        let op = match written.op {
            OpName::Impute => return self.impute(),
            OpName::Standardize => return self.standardize(),
            OpName::MinMax => return self.min_max(),
            OpName::Bucketize => return self.bucketize(),
            OpName::OneHot => {
                let unknown_column = written.unknown_column.unwrap_or_default();
                let missing_column = written.missing_column.unwrap_or_default();
                return self.vocabulary(move |vocabulary| FittedOp::OneHot {
                    vocabulary,
                    unknown_column,
                    missing_column,
                });
            }
            OpName::Ordinal => {
                return self.vocabulary(|vocabulary| FittedOp::Ordinal { vocabulary });
            }
            OpName::Number => FittedOp::Number,
            OpName::PassthroughMissing => FittedOp::PassthroughMissing,
            OpName::Clip => FittedOp::Clip {
                min: written.min,
                max: written.max,
            },
            OpName::Log1p => FittedOp::Log1p,
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
        };
        Ok(Plan::Given(op))
    }

    fn impute(&self) -> Result<Plan<'a>> {
        let indicator = self.written.indicator.unwrap_or_default();
        let strategy = self.given("strategy", self.written.strategy)?;
        if strategy != Strategy::Constant && self.written.value.is_some() {
            return self.fault("`value` goes with `strategy = \"constant\"`");
        }
        if self.source == Some(Kind::Text) {
            return self.impute_category(strategy, indicator);
        }
        let need = match strategy {
            Strategy::Constant => {
                return match self.given("value", self.written.value.clone())? {
                    Token::Number(value) => Ok(Plan::Given(FittedOp::Impute { value, indicator })),
                    Token::Text(_) => self.fault("`value` must be a number, as its source is"),
                };
            }
            Strategy::Mean => Need::Mean,
            Strategy::Median => Need::Quantiles(vec![0.5]),
            Strategy::MostFrequent => Need::MostFrequent,
        };
        self.by_numbers(need, move |found| {
            let value = found.number(0);
            Ok(FittedOp::Impute { value, indicator })
        })
    }

    fn impute_category(&self, strategy: Strategy, indicator: bool) -> Result<Plan<'a>> {
        if indicator {
            return self
                .fault("a category has no missing indicator; use `one_hot` with `missing_column`");
        }
        match (strategy, &self.written.value) {
            (Strategy::Constant, Some(Token::Text(value))) => {
                let value = value.clone();
                Ok(Plan::Given(FittedOp::ImputeCategory { value }))
            }
            (Strategy::MostFrequent, None) => {
                let written = self.written;
                self.by_categories(move |found| {
                    let greatest = found.counts.values().copied().max().unwrap_or_default();
                    let mut counts = found.counts.into_iter();
                    let most = counts.find(|(_, count)| *count == greatest);
                    let (value, _) = most.ok_or_else(|| nothing(written))?;
                    Ok(FittedOp::ImputeCategory { value })
                })
            }
            _ => {
                self.fault("a category is imputed by a constant string or by the most frequent one")
            }
        }
    }

    fn standardize(&self) -> Result<Plan<'a>> {
        let written = self.written;
        let checked = |mean: f64, std: f64| match mean.is_finite() && std.is_finite() && std >= 0.0
        {
            true => Ok(FittedOp::Standardize { mean, std }),
            false => Err(invalid(
                written,
                "`mean` and `std` must be finite numbers, and `std` not negative",
            )),
        };
        match (written.mean, written.std) {
            (Some(mean), Some(std)) => checked(mean, std).map(Plan::Given),
            (None, None) => self.by_numbers(Need::Moments, move |found| {
                let (mean, std) = (found.number(0), found.number(1));
                match mean.is_finite() && std.is_finite() {
                    true => checked(mean, std),
                    false => Err(invalid(
                        written,
                        "its source has values so large that their mean and deviation are not finite",
                    )),
                }
            }),
            _ => self.fault("`mean` and `std` are given together or not at all"),
        }
    }

    fn min_max(&self) -> Result<Plan<'a>> {
        match (self.written.min, self.written.max) {
            (Some(min), Some(max)) => Ok(Plan::Given(FittedOp::MinMax { min, max })),
            (None, None) => self.by_numbers(Need::Extremes, |found| {
                Ok(FittedOp::MinMax {
                    min: found.number(0),
                    max: found.number(1),
                })
            }),
            _ => self.fault("`min` and `max` are given together or not at all"),
        }
    }

    fn bucketize(&self) -> Result<Plan<'a>> {
        let closed = self.written.closed.unwrap_or_default();
        let encode = self.written.encode.unwrap_or_default();
        let op = move |edges| FittedOp::Bucketize {
            edges,
            closed,
            encode,
        };
        match (&self.written.edges, self.written.quantiles) {
            (Some(edges), None) => Ok(Plan::Given(op(edges.clone()))),
            (None, Some(buckets @ 2..=65_536)) => {
                let shares = (1..buckets).map(|edge| share(edge, buckets)).collect();
                self.by_numbers(Need::Quantiles(shares), move |mut found| {
                    found.numbers.dedup();
                    Ok(op(found.numbers))
                })
            }
            _ => self.fault("give either `edges` or `quantiles` (2 to 65,536 buckets)"),
        }
    }

    /// The given vocabulary, or the training rows' categories in byte order.
    fn vocabulary(&self, op: impl FnOnce(Vec<String>) -> FittedOp + 'a) -> Result<Plan<'a>> {
        let written = self.written;
        let (least, most) = (written.min_count, written.max_size);
        if let Some(vocabulary) = &written.vocabulary {
            return match least.or(most) {
                None => Ok(Plan::Given(op(vocabulary.clone()))),
                Some(_) => self.fault(
                    "`vocabulary` is given, so that `min_count` and `max_size` have nothing to do",
                ),
            };
        }
        let least = u64::try_from(least.unwrap_or(1)).unwrap_or(u64::MAX);
        self.by_categories(move |found| {
            let counts = found.counts.into_iter();
            let mut kept: Vec<(String, u64)> =
                counts.filter(|(_, count)| *count >= least).collect();
            // Stable: of equally frequent categories the first in byte order stays.
            kept.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            kept.truncate(most.unwrap_or(usize::MAX));
            let mut vocabulary: Vec<String> = kept.into_iter().map(|(entry, _)| entry).collect();
            vocabulary.sort();
            match vocabulary.is_empty() {
                true => Err(nothing(written)),
                false => Ok(op(vocabulary)),
            }
        })
    }

    fn by_numbers(
        &self,
        need: Need,
        make: impl FnOnce(Found) -> Result<FittedOp> + 'a,
    ) -> Result<Plan<'a>> {
        match self.source {
            Some(Kind::Number) => Ok(Plan::Fit(need, Box::new(make))),
            _ => self.fault("its source must be a number"),
        }
    }

    fn by_categories(&self, make: impl FnOnce(Found) -> Result<FittedOp> + 'a) -> Result<Plan<'a>> {
        match self.source {
            Some(Kind::Text) => Ok(Plan::Fit(Need::Counts, Box::new(make))),
            _ => self.fault("its source must be a category"),
        }
    }

    fn given<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        match value {
            Some(value) => Ok(value),
            None => self.fault(&format!("op {:?} needs `{name}`", self.written.op)),
        }
    }

    fn fault<T>(&self, rule: &str) -> Result<T> {
        Err(invalid(self.written, rule))
    }
}

fn invalid(written: &FeatureAsWritten, rule: &str) -> Error {
    of_feature(written, "spec.invalid_feature", rule)
}

/// The rows have no value for the feature.
pub(super) fn nothing(written: &FeatureAsWritten) -> Error {
    let rule = "the training rows give nothing to fit it on";
    of_feature(written, "spec.nothing_to_fit", rule)
}

/// The rows have more values than may be counted.
pub(super) fn too_many(written: &FeatureAsWritten) -> Error {
    let rule = "its different values do not fit into the memory that fitting may take";
    of_feature(written, "spec.too_many_values", rule)
}

fn of_feature(written: &FeatureAsWritten, code: &'static str, rule: &str) -> Error {
    let name = &written.name;
    Error::spec(code, format!("feature `{name}`: {rule}")).with_field(name)
}

#[expect(clippy::cast_precision_loss, reason = "a number of buckets")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

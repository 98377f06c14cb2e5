//! The ops as they run: each reads slots and fills later ones, a whole batch at a time.

use std::sync::Arc;

use super::frame::Frame;
use super::hash::murmur3;
use super::time::date_part;
use crate::decimal::shown_number;
use crate::error::Error;
use crate::spec::{Closed, DatePart, Norm};

/// Joins the texts of a `cross`: the unit separator, which no sensible category contains.
const SEPARATOR: char = '\u{1f}';

pub(super) struct Step {
    /// The feature that it belongs to, for errors.
    pub(super) feature: String,
    /// Where the first result goes.
    pub(super) dst: usize,
    /// Numeric slots, or text slots for the ops that read text.
    pub(super) src: Vec<usize>,
    pub(super) op: StepOp,
}

pub(super) enum StepOp {
    Impute {
        value: f64,
    },
    MissingIndicator,
    ImputeText {
        value: Arc<str>,
    },
    Clip {
        min: f64,
        max: f64,
    },
    /// (x − offset) / divisor
    Scale {
        offset: f64,
        divisor: f64,
    },
    Log1p {
        source: String,
    },
    Bucketize {
        edges: Vec<f64>,
        closed: Closed,
    },
    Position {
        index: Index,
        unknown: f64,
        missing: f64,
    },
    Hash {
        buckets: u32,
        seed: u32,
    },
    Cross {
        buckets: u32,
        seed: u32,
    },
    Difference,
    Ratio,
    Product,
    Normalize {
        norm: Norm,
    },
    DatePart {
        part: DatePart,
        is_seconds: bool,
    },
    Cyclic {
        period: f64,
        cosine: bool,
    },
    Lookup {
        index: Index,
        values: Vec<f64>,
        default: f64,
    },
}

impl Step {
    /// What it looks texts up in, where it does.
    pub(super) fn index(&self) -> Option<&Index> {
        match &self.op {
            StepOp::Position { index, .. } | StepOp::Lookup { index, .. } => Some(index),
            _ => None,
        }
    }
}

/// Strings and their positions, sorted by the strings' bytes and standing side by side in one memory.
pub(crate) struct Index {
    text: String,
    /// The end of each string in `text`, and its position.
    entries: Vec<(usize, u32)>,
}

impl Index {
    /// `None` where a string stands twice.
    pub(super) fn new(entries: &[String]) -> Option<Self> {
        let mut sorted: Vec<(&str, u32)> = entries.iter().map(String::as_str).zip(0..).collect();
        let rises = |sorted: &[(&str, u32)]| sorted.is_sorted_by(|a, b| a.0 < b.0);
        if !rises(&sorted) {
            sorted.sort_unstable();
            if !rises(&sorted) {
                return None;
            }
        }
        let mut index = Self {
            text: String::with_capacity(entries.iter().map(String::len).sum()),
            entries: Vec::with_capacity(entries.len()),
        };
        for (entry, position) in sorted {
            index.text.push_str(entry);
            index.entries.push((index.text.len(), position));
        }
        Some(index)
    }

    /// Whether no string stands twice.
    pub(crate) fn all_distinct(entries: &[String]) -> bool {
        Self::new(entries).is_some()
    }

    /// Whether it has the string.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.position(text).is_some()
    }

    fn position(&self, text: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            let start = middle.checked_sub(1).and_then(|at| self.entries.get(at));
            let (end, position) = *self.entries.get(middle)?;
            let bytes = self.text.as_bytes();
            let entry = bytes.get(start.map_or(0, |(end, _)| *end)..end)?;
            match entry.cmp(text.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(position),
            }
        }
        None
    }
}

impl Step {
    pub(super) fn run(&self, frame: &mut Frame<'_>) {
        self.compute(frame);
        if self.can_overflow() {
            self.find_overflow(frame);
        }
    }

    fn can_overflow(&self) -> bool {
        matches!(
            self.op,
            StepOp::Scale { .. }
                | StepOp::Difference
                | StepOp::Ratio
                | StepOp::Product
                | StepOp::Normalize { .. }
                | StepOp::Cyclic { .. }
        )
    }

    /// A result that is infinite, or NaN though no source is missing, is the row's fault and never a missing value.
    fn find_overflow(&self, frame: &mut Frame<'_>) {
        let by_zero = |row: usize| {
            let divisor = self.src.get(1).map(|&slot| frame.number(slot));
            matches!(self.op, StepOp::Ratio) && divisor.and_then(|slot| slot.get(row)) == Some(&0.0)
        };
        let present = |row: usize| {
            let mut sources = self.src.iter().map(|&slot| frame.number(slot).get(row));
            sources.all(|value| value.is_some_and(|value| !value.is_nan()))
        };
        let results = frame.number(self.dst).iter().copied().enumerate();
        let outside: Vec<usize> = results
            .filter(|&(row, x)| x.is_infinite() || (x.is_nan() && present(row) && !by_zero(row)))
            .map(|(row, _)| row)
            .collect();
        let name = &self.feature;
        frame.problems.extend(outside.into_iter().map(|row| {
            let message = format!("the inputs are too large for the formula of feature `{name}`");
            Error::input("input.out_of_domain", message)
                .with_field(name)
                .with_row(row)
        }));
    }

    fn compute(&self, frame: &mut Frame<'_>) {
        let dst = self.dst;
        let a = self.src.first().copied().unwrap_or_default();
        let b = self.src.get(1).copied().unwrap_or_default();
        match &self.op {
            StepOp::Impute { value } => frame.map(a, dst, |x| if x.is_nan() { *value } else { x }),
            StepOp::MissingIndicator => frame.map(a, dst, |x| f64::from(u8::from(x.is_nan()))),
            StepOp::ImputeText { value } => frame.impute_text(a, value),
            StepOp::Clip { min, max } => {
                frame.map(
                    a,
                    dst,
                    |x| if x.is_nan() { x } else { x.max(*min).min(*max) },
                )
            }
            StepOp::Scale { offset, divisor } => frame.map(a, dst, |x| (x - offset) / divisor),
            StepOp::Log1p { source } => log1p(frame, a, dst, &self.feature, source),
            StepOp::Bucketize { edges, closed } => frame.map(a, dst, |x| bucket(x, edges, *closed)),
            StepOp::Position {
                index,
                unknown,
                missing,
            } => {
                frame.map_text(a, dst, *missing, &|text| {
                    index.position(text).map_or(*unknown, f64::from)
                });
            }
            StepOp::Hash { buckets, seed } => {
                frame.map_text(a, dst, f64::NAN, &|text| {
                    f64::from(murmur3(text.as_bytes(), *seed) % buckets)
                });
            }
            StepOp::Cross { buckets, seed } => cross(frame, &self.src, dst, *buckets, *seed),
            StepOp::Difference => frame.map2(a, b, dst, |a, b| a - b),
            StepOp::Ratio => frame.map2(a, b, dst, |a, b| if b == 0.0 { f64::NAN } else { a / b }),
            StepOp::Product => {
                frame.map2(a, b, dst, |a, b| a * b);
                for &more in self.src.iter().skip(2) {
                    let factors = frame.number(more).to_vec();
                    frame
                        .number_mut(dst)
                        .iter_mut()
                        .zip(factors)
                        .for_each(|(product, factor)| *product *= factor);
                }
            }
            StepOp::Normalize { norm } => normalize(frame, &self.src, dst, *norm),
            StepOp::DatePart { part, is_seconds } => {
                frame.map(a, dst, |x| date_part(x, *is_seconds, *part))
            }
            StepOp::Cyclic { period, cosine } => {
                let wave = if *cosine { libm::cos } else { libm::sin };
                frame.map(a, dst, |x| wave(std::f64::consts::TAU * x / period));
            }
            StepOp::Lookup {
                index,
                values,
                default,
            } => frame.map_text(a, dst, f64::NAN, &|text| {
                index
                    .position(text)
                    .and_then(|at| values.get(at as usize))
                    .copied()
                    .unwrap_or(*default)
            }),
        }
    }
}

/// What a value did in a step; two rows that differ in it took different ways through the code.
pub(crate) type Branch = u32;

const MISSING: Branch = u32::MAX;

impl Step {
    /// The way that `row` took through this step.
    pub(super) fn branch(&self, frame: &Frame<'_>, row: usize) -> Branch {
        let number = |slot: usize| frame.number(slot).get(row).copied().unwrap_or(f64::NAN);
        let a = self.src.first().copied().unwrap_or_default();
        let result = number(self.dst);
        let text = || frame.texts.get(a).and_then(|slot| slot.value(row));
        match &self.op {
            StepOp::Clip { min, max } => match number(a) {
                x if x.is_nan() => MISSING,
                x => u32::from(x < *min) + 2 * u32::from(x > *max),
            },
            StepOp::Impute { .. } | StepOp::MissingIndicator => missing_or(number(a).is_nan(), 0),
            StepOp::ImputeText { .. } => missing_or(text().is_none(), 0),
            StepOp::Bucketize { edges, closed } => match number(a) {
                x if x.is_nan() => MISSING,
                x => edges.partition_point(|&edge| {
                    if *closed == Closed::Left {
                        edge <= x
                    } else {
                        edge < x
                    }
                }) as Branch,
            },
            StepOp::Position { index, .. } => {
                text().map_or(MISSING, |text| u32::from(index.position(text).is_some()))
            }
            StepOp::Lookup { index, .. } => text().map_or(MISSING, |text| {
                u32::from(index.position(text).is_some()) + 2 * u32::from(result.is_nan())
            }),
            StepOp::Ratio => {
                let zero = self.src.get(1).is_some_and(|&b| number(b) == 0.0);
                missing_or(result.is_nan() && !zero, u32::from(zero))
            }
            _ => missing_or(result.is_nan(), 0),
        }
    }
}

fn missing_or(missing: bool, branch: Branch) -> Branch {
    if missing { MISSING } else { branch }
}

fn bucket(x: f64, edges: &[f64], closed: Closed) -> f64 {
    if x.is_nan() {
        return x;
    }
    let below = match closed {
        Closed::Left => edges.partition_point(|&edge| edge <= x),
        Closed::Right => edges.partition_point(|&edge| edge < x),
    };
    f64::from(crate::columns::index_to_code(below))
}

fn log1p(frame: &mut Frame<'_>, src: usize, dst: usize, feature: &str, source: &str) {
    let outside: Vec<(usize, f64)> = frame
        .number(src)
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, x)| *x <= -1.0)
        .collect();
    frame.map(src, dst, libm::log1p);
    frame.problems.extend(outside.into_iter().map(|(row, x)| {
        Error::input(
            "input.out_of_domain",
            format!(
                "feature `{feature}` takes log(1 + {source}), and {source} is {}",
                shown_number(x)
            ),
        )
        .with_field(source)
        .with_value(&shown_number(x))
        .with_row(row)
    }));
}

fn normalize(frame: &mut Frame<'_>, sources: &[usize], dst: usize, norm: Norm) {
    let quotient = |row: usize| {
        let mut cells = sources
            .iter()
            .map(|&slot| frame.number(slot).get(row).copied().unwrap_or(f64::NAN));
        let first = cells.next().unwrap_or(f64::NAN);
        let size = match norm {
            Norm::L1 => cells.fold(0.0, |sum, x| sum + x.abs()),
            Norm::L2 => libm::sqrt(cells.fold(0.0, |sum, x| sum + x * x)),
            Norm::Max => cells.fold(f64::NEG_INFINITY, f64::max),
        };
        if size == 0.0 { first } else { first / size }
    };
    let quotients: Vec<f64> = (0..frame.rows).map(quotient).collect();
    frame.number_mut(dst).copy_from_slice(&quotients);
}

fn cross(frame: &mut Frame<'_>, sources: &[usize], dst: usize, buckets: u32, seed: u32) {
    let mut joined = String::new();
    let values: Vec<f64> = (0..frame.rows)
        .map(|row| {
            joined.clear();
            for (position, &source) in sources.iter().enumerate() {
                let Some(text) = frame.texts.get(source).and_then(|slot| slot.value(row)) else {
                    return f64::NAN;
                };
                if position > 0 {
                    joined.push(SEPARATOR);
                }
                joined.push_str(text);
            }
            f64::from(murmur3(joined.as_bytes(), seed) % buckets)
        })
        .collect();
    frame.number_mut(dst).copy_from_slice(&values);
}

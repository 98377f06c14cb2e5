//! Statistics of one source, taken block after block in as many passes as they need.

use std::collections::BTreeMap;

use super::selection::{Selection, key, of_key};
use crate::pipeline::TextSlot;

/// What a feature learns from its source. Missing values count for nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// The mean.
    Mean,
    /// The mean, and the population's standard deviation by a second pass.
    Moments,
    /// The smallest and the greatest number.
    Extremes,
    /// The quantiles at these shares, by linear interpolation between the neighbours of rank `share · (n − 1)` (numpy's
    /// default).
    Quantiles(Vec<f64>),
    /// The most frequent number, of equally frequent ones the smallest.
    MostFrequent,
    /// How often each category occurs.
    Counts,
}

/// The statistic: numbers in the order of the [`Need`], or counts by category.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) numbers: Vec<f64>,
    pub(super) counts: BTreeMap<String, u64>,
}

impl Found {
    /// The number at a place of the list.
    pub(super) fn number(&self, place: usize) -> f64 {
        self.numbers.get(place).copied().unwrap_or(f64::NAN)
    }

    fn numbers(numbers: Vec<f64>) -> Ended {
        Ended::Found(Self {
            numbers,
            counts: BTreeMap::new(),
        })
    }
}

/// What the end of a pass brought.
pub(super) enum Ended {
    Found(Found),
    /// Another pass is due.
    Again(Statistic),
    /// No row had a value.
    Nothing,
    /// The values that have to be counted do not fit into the memory.
    TooMany,
}

/// A statistic being taken.
pub(super) enum Statistic {
    Sum {
        sum: f64,
        count: u64,
        /// The deviation is due too.
        moments: bool,
    },
    Squares {
        mean: f64,
        squares: f64,
        count: u64,
    },
    Extremes(Option<(f64, f64)>),
    Quantiles {
        shares: Vec<f64>,
        selection: Selection,
    },
    /// Counts by the key of the number.
    Numbers(Counts<u64>),
    Texts(Counts<String>),
}

/// Counts of different values in bounded memory.
pub(super) struct Counts<T> {
    counts: BTreeMap<T, u64>,
    /// Bytes that may still be taken.
    left: usize,
    too_many: bool,
}

/// Bytes of an entry beside its text: key, count and their share of the tree.
const ENTRY_BYTES: usize = 64;

impl<T: Ord> Counts<T> {
    fn new(memory: usize) -> Self {
        Self {
            counts: BTreeMap::new(),
            left: memory,
            too_many: false,
        }
    }

    /// Takes an entry that is not there yet, where there is room.
    fn enter(&mut self, value: T, count: u64, bytes: usize) {
        match self.left.checked_sub(bytes + ENTRY_BYTES) {
            Some(left) => {
                self.left = left;
                self.counts.insert(value, count);
            }
            None => self.too_many = true,
        }
    }
}

impl Statistic {
    /// Begins to take what is needed, in about `memory` bytes.
    pub(super) fn new(need: Need, memory: usize) -> Self {
        match need {
            // A sum begins at the neutral element of addition, which is -0.
            Need::Mean | Need::Moments => Self::Sum {
                sum: -0.0,
                count: 0,
                moments: need == Need::Moments,
            },
            Need::Extremes => Self::Extremes(None),
            Need::Quantiles(shares) => Self::Quantiles {
                shares,
                selection: Selection::new(memory),
            },
            Need::MostFrequent => Self::Numbers(Counts::new(memory)),
            Need::Counts => Self::Texts(Counts::new(memory)),
        }
    }

    /// Takes a block of numbers.
    pub(super) fn take(&mut self, values: &[f64]) {
        let values = values.iter().copied().filter(|value| !value.is_nan());
        match self {
            Self::Sum { sum, count, .. } => {
                for value in values {
                    *sum += value;
                    *count += 1;
                }
            }
            Self::Squares {
                mean,
                squares,
                count,
            } => {
                for value in values {
                    *squares += (value - *mean) * (value - *mean);
                    *count += 1;
                }
            }
            Self::Extremes(found) => {
                for value in values {
                    let (least, most) = found.unwrap_or((value, value));
                    let least = std::cmp::min_by(least, value, f64::total_cmp);
                    *found = Some((least, std::cmp::max_by(most, value, f64::total_cmp)));
                }
            }
            Self::Quantiles { selection, .. } => selection.take(values),
            Self::Numbers(counts) => {
                for value in values {
                    match counts.counts.get_mut(&key(value)) {
                        Some(count) => *count += 1,
                        None => counts.enter(key(value), 1, 0),
                    }
                }
            }
            Self::Texts(_) => {}
        }
    }

    /// Takes a block of categories.
    pub(super) fn take_text(&mut self, text: &TextSlot<'_>, rows: usize) {
        let Self::Texts(counts) = self else {
            return;
        };
        for (entry, times) in text.tally(0..rows) {
            let Some(entry) = entry else { continue };
            match counts.counts.get_mut(entry) {
                Some(count) => *count += times,
                None => counts.enter(entry.to_owned(), times, entry.len()),
            }
        }
    }

    /// Ends a pass over all rows.
    pub(super) fn end_of_pass(self) -> Ended {
        match self {
            Self::Sum { count: 0, .. } | Self::Squares { count: 0, .. } | Self::Extremes(None) => {
                Ended::Nothing
            }
            Self::Sum {
                sum,
                count,
                moments,
            } => match (sum / real(count), moments) {
                (mean, false) => Found::numbers(vec![mean]),
                (mean, true) => Ended::Again(Self::Squares {
                    mean,
                    squares: -0.0,
                    count: 0,
                }),
            },
            Self::Squares {
                mean,
                squares,
                count,
            } => Found::numbers(vec![mean, libm::sqrt(squares / real(count))]),
            // Adding 0 makes 0 of -0, as interpolating between equal neighbours does.
            Self::Extremes(Some((least, most))) => Found::numbers(vec![least + 0.0, most + 0.0]),
            Self::Quantiles {
                shares,
                mut selection,
            } => {
                let ranks = |rows| ranks(&shares, rows);
                match selection.end_of_pass(ranks) {
                    false => Ended::Again(Self::Quantiles { shares, selection }),
                    true if selection.rows() == 0 => Ended::Nothing,
                    true => Found::numbers(quantiles(&shares, &selection)),
                }
            }
            Self::Numbers(Counts { too_many: true, .. })
            | Self::Texts(Counts { too_many: true, .. }) => Ended::TooMany,
            Self::Numbers(counts) => match most_frequent(counts.counts) {
                Some(value) => Found::numbers(vec![value]),
                None => Ended::Nothing,
            },
            Self::Texts(counts) => Ended::Found(Found {
                numbers: Vec::new(),
                counts: counts.counts,
            }),
        }
    }
}

/// The ranks that the shares fall between, rising.
fn ranks(shares: &[f64], rows: u64) -> Vec<u64> {
    let neighbours = shares.iter().flat_map(|&share| {
        let (low, _) = rank(share, rows);
        [low, (low + 1).min(rows.saturating_sub(1))]
    });
    let mut ranks: Vec<u64> = neighbours.collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

fn quantiles(shares: &[f64], selection: &Selection) -> Vec<f64> {
    let last = selection.rows().saturating_sub(1);
    let quantile = |&share: &f64| {
        let (low, beyond) = rank(share, selection.rows());
        let below = selection.value(low);
        below + (selection.value((low + 1).min(last)) - below) * beyond
    };
    shares.iter().map(quantile).collect()
}

/// The rank at or below a share, and how far the share lies beyond it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank between 0 and n − 1"
)]
fn rank(share: f64, rows: u64) -> (u64, f64) {
    let rank = share * real(rows.saturating_sub(1));
    let low = libm::floor(rank);
    (low as u64, rank - low)
}

/// The first of the longest runs of equal numbers; -0 and 0 are equal, and the run is called by what comes first.
fn most_frequent(counts: BTreeMap<u64, u64>) -> Option<f64> {
    let mut best: Option<(f64, u64)> = None;
    let mut run: Option<(f64, u64)> = None;
    for (key, count) in counts {
        let value = of_key(key);
        run = match run {
            Some((first, times)) if first == value => Some((first, times + count)),
            _ => Some((value, count)),
        };
        if run.map(|run| run.1) > best.map(|best| best.1) {
            best = run;
        }
    }
    best.map(|(value, _)| value)
}

#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn real(count: u64) -> f64 {
    count as f64
}

//! The profile: how often each input took which values. Kept at training as the reference, counted again while
//! serving, and added up over doors and days; drift is the difference.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::BatchPrediction;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::output::NO_LABEL;
use crate::pipeline::{Frame, InputSlot, Pipeline, Slot, TextSlot};
use crate::spec::FittedSpec;

/// Categories that are counted one by one; the rest share a count.
const LISTED_CATEGORIES: usize = 64;
/// Bins of a numeric input: ten of equal share in the reference.
const BINS: usize = 10;

/// The part `profile.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Rows counted, failed ones aside.
    pub rows: u64,
    /// Rows that failed.
    pub failed: u64,
    /// One entry an input that features are made from.
    pub inputs: Vec<InputProfile>,
    /// The predictions' first value (probability of the positive label, or the value).
    pub predictions: Bins,
}

/// One input's counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputProfile {
    /// The input.
    pub name: String,
    /// Rows in which it was missing.
    pub missing: u64,
    /// The other rows.
    pub counts: Counts,
}

/// Counts of the values that were not missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Numbers, dates (days) and timestamps (seconds).
    Numbers(Bins),
    /// Categories and text.
    Categories {
        /// The reference's most frequent categories, in byte order.
        values: Vec<String>,
        /// One count a listed category.
        counts: Vec<u64>,
        /// Known categories that are not listed.
        other: u64,
        /// Categories in none of the vocabularies and tables that features of this input have.
        out_of_vocabulary: u64,
    },
    /// Tensors: how many. Their elements are not counted.
    Tensors(u64),
}

/// A histogram: `counts[i]` values lie in [edges[i−1], edges[i]), the first and last bins being open to their sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bins {
    /// Rising edges.
    pub edges: Vec<f64>,
    /// One more than edges.
    pub counts: Vec<u64>,
}

impl Bins {
    fn new(edges: Vec<f64>) -> Self {
        let counts = vec![0; edges.len() + 1];
        Self { edges, counts }
    }

    /// Bins of equal share over `values`; fewer where values repeat.
    fn of_equal_share(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let edges = (1..BINS).filter_map(|bin| values.get(values.len() * bin / BINS).copied());
        let mut edges: Vec<f64> = edges.collect();
        edges.dedup();
        Self::new(edges)
    }

    fn add(&mut self, value: f64) {
        let bin = self.edges.partition_point(|&edge| edge <= value);
        self.counts
            .iter_mut()
            .skip(bin)
            .take(1)
            .for_each(|count| *count += 1);
    }

    /// Adds values without branching on them, and gives how many are missing: the values from each edge on are counted, and
    /// a bin has those that the next edge does not.
    fn add_many(&mut self, values: &[f64]) -> u64 {
        let missing = values.iter().map(|value| u64::from(value.is_nan())).sum();
        let mut left: u64 = values.len() as u64 - missing;
        for (edge, bin) in self.edges.iter().zip(&mut self.counts) {
            let from: u64 = values.iter().map(|value| u64::from(edge <= value)).sum();
            *bin += left.saturating_sub(from);
            left = from;
        }
        if let Some(last) = self.counts.last_mut() {
            *last += left;
        }
        missing
    }
}

impl Profile {
    /// The reference: bins and listed categories chosen from these rows, which are then counted.
    ///
    /// # Errors
    /// As [`Pipeline::transform`].
    pub fn reference(
        spec: &FittedSpec,
        columns: &Columns,
        predictions: &BatchPrediction,
    ) -> Result<Self> {
        let pipeline = Pipeline::new(spec)?;
        let frame = pipeline.run(columns, 0..columns.rows())?;
        let inputs = pipeline.input_slots().iter().map(|target| InputProfile {
            name: target.input.name.clone(),
            missing: 0,
            counts: empty_counts(&frame, target.slot),
        });
        let firsts = firsts_of(predictions).filter(|value| value.is_finite());
        let profile = Self {
            inputs: inputs.collect(),
            predictions: if predictions.labels.iter().any(|&label| label != NO_LABEL) {
                Bins::new((1..20).map(|edge| f64::from(edge) / 20.0).collect())
            } else {
                Bins::of_equal_share(firsts.collect())
            },
            ..Self::default()
        };
        let mut counter = Counter {
            vocabularies: vocabularies(&pipeline),
            profile,
        };
        let good = good_rows(predictions, frame.rows);
        counter.count(&pipeline, &frame, &good, firsts_of(predictions));
        Ok(counter.profile)
    }

    /// The same bins and categories with nothing counted.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut empty = self.clone();
        (empty.rows, empty.failed) = (0, 0);
        empty.predictions.counts.fill(0);
        for input in &mut empty.inputs {
            input.missing = 0;
            match &mut input.counts {
                Counts::Numbers(bins) => bins.counts.fill(0),
                Counts::Categories {
                    counts,
                    other,
                    out_of_vocabulary,
                    ..
                } => {
                    counts.fill(0);
                    (*other, *out_of_vocabulary) = (0, 0);
                }
                Counts::Tensors(count) => *count = 0,
            }
        }
        empty
    }

    /// Adds another profile's counts.
    ///
    /// # Errors
    /// `misuse.profile` where the two do not count the same inputs in the same bins.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.emptied() != other.emptied() {
            return Err(Error::misuse(
                "misuse.profile",
                "the profiles have other inputs, bins or categories",
            ));
        }
        self.rows += other.rows;
        self.failed += other.failed;
        add_all(&mut self.predictions.counts, &other.predictions.counts);
        for (mine, theirs) in self.inputs.iter_mut().zip(&other.inputs) {
            mine.missing += theirs.missing;
            match (&mut mine.counts, &theirs.counts) {
                (Counts::Numbers(mine), Counts::Numbers(theirs)) => {
                    add_all(&mut mine.counts, &theirs.counts)
                }
                (
                    Counts::Categories {
                        counts,
                        other,
                        out_of_vocabulary,
                        ..
                    },
                    Counts::Categories {
                        counts: more,
                        other: more_other,
                        out_of_vocabulary: more_unknown,
                        ..
                    },
                ) => {
                    add_all(counts, more);
                    *other += more_other;
                    *out_of_vocabulary += more_unknown;
                }
                (Counts::Tensors(count), Counts::Tensors(more)) => *count += more,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Counts rows as a predictor answers them, in the bins and categories of a reference: see
/// [`Scratch::counter`](crate::Scratch::counter).
#[derive(Clone, Debug)]
pub struct Counter {
    profile: Profile,
    /// For each input the steps that have a vocabulary of it; none where it has none.
    vocabularies: Arc<[Vec<usize>]>,
}

impl Counter {
    /// Begins at nothing.
    ///
    /// # Errors
    /// `misuse.profile` where the reference counts other inputs than the pipeline reads.
    pub fn new(pipeline: &Pipeline, reference: &Profile) -> Result<Self> {
        let slots = pipeline.input_slots();
        let fits = |(counted, target): (&InputProfile, &InputSlot)| {
            let kind = match target.slot {
                Slot::Number(_) => matches!(counted.counts, Counts::Numbers(_)),
                Slot::Text(_) => matches!(counted.counts, Counts::Categories { .. }),
                Slot::Tensor(_) => matches!(counted.counts, Counts::Tensors(_)),
            };
            kind && counted.name == target.input.name
        };
        let all_fit = reference.inputs.iter().zip(slots).all(fits);
        if reference.inputs.len() != slots.len() || !all_fit {
            let message = "the reference profile has other inputs than the specification";
            return Err(Error::misuse("misuse.profile", message));
        }
        Ok(Self {
            profile: reference.emptied(),
            vocabularies: vocabularies(pipeline),
        })
    }

    /// What was counted so far.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Adds what was counted to `total`, a counter of the same bundle, and begins at nothing again.
    pub fn give_to(&mut self, total: &mut Self) {
        let (mine, theirs) = (&mut self.profile, &mut total.profile);
        theirs.rows += std::mem::take(&mut mine.rows);
        theirs.failed += std::mem::take(&mut mine.failed);
        give_all(&mut mine.predictions.counts, &mut theirs.predictions.counts);
        for (mine, theirs) in mine.inputs.iter_mut().zip(&mut theirs.inputs) {
            theirs.missing += std::mem::take(&mut mine.missing);
            match (&mut mine.counts, &mut theirs.counts) {
                (Counts::Numbers(mine), Counts::Numbers(theirs)) => {
                    give_all(&mut mine.counts, &mut theirs.counts)
                }
                (
                    Counts::Categories {
                        counts,
                        other,
                        out_of_vocabulary,
                        ..
                    },
                    Counts::Categories {
                        counts: total,
                        other: total_other,
                        out_of_vocabulary: total_unknown,
                        ..
                    },
                ) => {
                    give_all(counts, total);
                    *total_other += std::mem::take(other);
                    *total_unknown += std::mem::take(out_of_vocabulary);
                }
                (Counts::Tensors(mine), Counts::Tensors(theirs)) => *theirs += std::mem::take(mine),
                _ => {}
            }
        }
    }

    /// Counts the rows of a frame: which are good, and the first value of each row's prediction.
    pub(crate) fn count(
        &mut self,
        pipeline: &Pipeline,
        frame: &Frame<'_>,
        good: &[bool],
        firsts: impl Iterator<Item = f64>,
    ) {
        self.count_as::<false>(pipeline, frame, good, firsts);
    }

    /// The same without predictions, for frames of many rows.
    pub(crate) fn count_columns(&mut self, pipeline: &Pipeline, frame: &Frame<'_>, good: &[bool]) {
        self.count_as::<true>(pipeline, frame, good, std::iter::empty());
    }

    /// Counts value by value, or many at a time.
    fn count_as<const MANY: bool>(
        &mut self,
        pipeline: &Pipeline,
        frame: &Frame<'_>,
        good: &[bool],
        firsts: impl Iterator<Item = f64>,
    ) {
        let rows = || {
            (0..)
                .zip(good)
                .filter_map(|(row, good)| good.then_some(row))
        };
        let counted = rows().count() as u64;
        let Self {
            profile,
            vocabularies,
        } = self;
        profile.rows += counted;
        profile.failed += frame.rows as u64 - counted;
        let firsts = firsts
            .zip(good)
            .filter(|(value, good)| **good && value.is_finite());
        firsts.for_each(|(value, _)| profile.predictions.add(value));
        let inputs = profile.inputs.iter_mut().zip(pipeline.input_slots());
        for ((profile, target), steps) in inputs.zip(vocabularies.iter()) {
            match target.slot {
                Slot::Number(slot) => {
                    let all = frame.number(slot);
                    let values = rows().filter_map(|row: usize| all.get(row));
                    match &mut profile.counts {
                        Counts::Numbers(bins) if MANY => {
                            let good: Cow<'_, [f64]> = match counted == frame.rows as u64 {
                                true => all.into(),
                                false => values.copied().collect(),
                            };
                            profile.missing += bins.add_many(&good);
                        }
                        _ => values.for_each(|&value| profile.add_number(value)),
                    }
                }
                Slot::Text(slot) => {
                    let knows = |value: &str| steps.is_empty() || pipeline.any_has(steps, value);
                    match frame.texts.get(slot) {
                        Some(text) if MANY => profile.add_categories(text, rows(), knows),
                        Some(text) => {
                            rows().for_each(|row| {
                                profile.add_category(text.value(row), 1, find_listed, knows);
                            });
                        }
                        None => {}
                    }
                }
                Slot::Tensor(_) => {
                    if let Counts::Tensors(count) = &mut profile.counts {
                        *count += counted;
                    }
                }
            }
        }
    }
}

impl InputProfile {
    fn add_number(&mut self, value: f64) {
        match &mut self.counts {
            Counts::Numbers(bins) if !value.is_nan() => bins.add(value),
            _ => self.missing += 1,
        }
    }

    /// Counts the categories of many rows.
    fn add_categories(
        &mut self,
        text: &TextSlot<'_>,
        rows: impl Iterator<Item = usize>,
        knows: impl Fn(&str) -> bool,
    ) {
        let Counts::Categories { values, .. } = &self.counts else {
            return;
        };
        // Numbers in the order of the listed categories, so that few strings are compared.
        let listed: Vec<u64> = values.iter().map(|value| beginning(value)).collect();
        let find = |values: &[String], value: &str| {
            let begins = beginning(value);
            let first = listed.partition_point(|&listed| listed < begins);
            let mut alike = (first..values.len()).take_while(|&at| listed.get(at) == Some(&begins));
            alike.find(|&at| values.get(at).is_some_and(|listed| listed == value))
        };
        for (entry, rows) in text.tally(rows) {
            self.add_category(entry, rows, find, &knows);
        }
    }

    fn add_category(
        &mut self,
        value: Option<&str>,
        rows: u64,
        find: impl Fn(&[String], &str) -> Option<usize>,
        knows: impl Fn(&str) -> bool,
    ) {
        let (
            Some(value),
            Counts::Categories {
                values,
                counts,
                other,
                out_of_vocabulary,
            },
        ) = (value, &mut self.counts)
        else {
            self.missing += rows;
            return;
        };
        match find(values, value).and_then(|at| counts.get_mut(at)) {
            Some(count) => *count += rows,
            None if !knows(value) => *out_of_vocabulary += rows,
            None => *other += rows,
        }
    }
}

fn find_listed(values: &[String], value: &str) -> Option<usize> {
    values
        .binary_search_by(|listed| listed.as_str().cmp(value))
        .ok()
}

/// The first eight bytes, zeros after a shorter text: never falling where texts rise.
fn beginning(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes
        .iter_mut()
        .zip(text.as_bytes())
        .for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

fn empty_counts(frame: &Frame<'_>, slot: Slot) -> Counts {
    match slot {
        Slot::Number(slot) => {
            let values = frame
                .number(slot)
                .iter()
                .copied()
                .filter(|value| !value.is_nan());
            Counts::Numbers(Bins::of_equal_share(values.collect()))
        }
        Slot::Tensor(_) => Counts::Tensors(0),
        Slot::Text(slot) => {
            let mut tally = std::collections::BTreeMap::new();
            for row in 0..frame.rows {
                if let Some(value) = frame.texts.get(slot).and_then(|text| text.value(row)) {
                    *tally.entry(value).or_insert(0_u64) += 1;
                }
            }
            let mut listed: Vec<(&str, u64)> = tally.into_iter().collect();
            listed.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            listed.truncate(LISTED_CATEGORIES);
            let mut values: Vec<String> = listed
                .into_iter()
                .map(|(value, _)| value.to_owned())
                .collect();
            values.sort();
            let counts = vec![0; values.len()];
            Counts::Categories {
                values,
                counts,
                other: 0,
                out_of_vocabulary: 0,
            }
        }
    }
}

/// For each input the steps that have a vocabulary of it alone.
fn vocabularies(pipeline: &Pipeline) -> Arc<[Vec<usize>]> {
    let slots = pipeline.input_slots().iter();
    let steps = slots.map(|target| match target.slot {
        Slot::Text(slot) => pipeline.vocabularies_of(slot),
        Slot::Number(_) | Slot::Tensor(_) => Vec::new(),
    });
    steps.collect()
}

/// Which rows of a batch have no error.
fn good_rows(predictions: &BatchPrediction, rows: usize) -> Vec<bool> {
    let mut good = vec![true; rows];
    for row in predictions.errors.iter().filter_map(Error::row) {
        good.iter_mut()
            .skip(row)
            .take(1)
            .for_each(|good| *good = false);
    }
    good
}

/// The first value of each row's prediction.
fn firsts_of(predictions: &BatchPrediction) -> impl Iterator<Item = f64> {
    predictions
        .values
        .chunks(predictions.values_per_row().max(1))
        .filter_map(|values| values.first().copied())
}

fn give_all(counts: &mut [u64], total: &mut [u64]) {
    let pairs = counts.iter_mut().zip(total);
    pairs.for_each(|(count, total)| *total += std::mem::take(count));
}

fn add_all(counts: &mut [u64], more: &[u64]) {
    counts
        .iter_mut()
        .zip(more)
        .for_each(|(count, more)| *count += more);
}

//! How many values of each input are missing or out of vocabulary, over the life of a service.

use std::sync::{Mutex, PoisonError};

use skewless_core::profile::Counts;
use skewless_core::{Counter, Predictor, Profile};

/// The counts of a service's inputs.
#[derive(Debug)]
pub(crate) struct Values {
    empty: Counter,
    total: Mutex<Counter>,
}

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueCounts {
    /// Rows that were answered.
    pub rows: u64,
    /// Each input that a feature is made from, in the specification's order.
    pub inputs: Vec<InputCounts>,
}

/// One input's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputCounts {
    /// The input.
    pub name: String,
    /// Rows in which its value was missing.
    pub missing: u64,
    /// Rows in which its value was in none of the vocabularies of its features; 0 for numbers.
    pub unseen: u64,
}

impl Values {
    /// Begins at nothing; `None` where the profile does not have the inputs.
    pub(crate) fn of(reference: &Profile, predictor: &Predictor) -> Option<Self> {
        let empty = Counter::new(predictor.pipeline(), reference).ok()?;
        Some(Self {
            total: Mutex::new(empty.clone()),
            empty,
        })
    }

    /// A counter for one scratch.
    pub(crate) fn counter(&self) -> Counter {
        self.empty.clone()
    }

    /// Takes what a counter has counted.
    pub(crate) fn add(&self, counter: &mut Counter) {
        counter.give_to(&mut self.total.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn counts(&self) -> ValueCounts {
        let total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = total.profile();
        let inputs = profile.inputs.iter().map(|input| InputCounts {
            name: input.name.clone(),
            missing: input.missing,
            unseen: match input.counts {
                Counts::Categories {
                    out_of_vocabulary, ..
                } => out_of_vocabulary,
                Counts::Numbers(_) | Counts::Tensors(_) => 0,
            },
        });
        ValueCounts {
            rows: profile.rows,
            inputs: inputs.collect(),
        }
    }
}

impl ValueCounts {
    /// Values that were missing, over all inputs.
    pub fn missing(&self) -> u64 {
        self.inputs.iter().map(|input| input.missing).sum()
    }

    /// Values that were out of vocabulary, over all inputs.
    pub fn unseen(&self) -> u64 {
        self.inputs.iter().map(|input| input.unseen).sum()
    }
}

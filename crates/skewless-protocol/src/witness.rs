//! Who sees what is scored: a log of features, a second bundle that is compared.

use skewless_core::{Prediction, Record};

use crate::service::Service;

/// Sees rows as they are scored. It is called before the answer goes out, on the thread that scores: what takes time is
/// to be done later.
pub trait Witness: Send + Sync {
    /// The rows of a batch that were answered, in their order; failed ones are left out.
    fn scored(&self, service: &Service, rows: &[(&Record, &Prediction)]);

    /// What it has counted, for `/metrics`.
    fn counts(&self) -> Vec<WitnessCount> {
        Vec::new()
    }
}

/// A count that only grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WitnessCount {
    /// Its name in `/metrics`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The count.
    pub value: f64,
}

//! Addresses in a build that reads none: refused with what to do.

use std::path::Path;

use skewless_core::{Error, Result};

use super::{Address, Found};

/// Nothing that could be made.
pub(super) enum Fetcher {}

impl Fetcher {
    pub(super) fn new(_store: Option<&Path>) -> Result<Self> {
        let message = "this program was built without what fetches sources from addresses; build it with the feature `remote`";
        Err(Error::unsupported("unsupported.source", message))
    }

    pub(super) fn files(&self, _address: &Address) -> Result<Vec<Found>> {
        match *self {}
    }
}

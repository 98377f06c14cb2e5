//! Files that lie elsewhere: fetched where no copy of what is there now is kept, and read as files of this machine.

#[cfg(feature = "remote")]
mod fetcher;
#[cfg(feature = "remote")]
mod kept;
#[cfg(feature = "remote")]
mod objects;
#[cfg(feature = "remote")]
mod web;

#[cfg(not(feature = "remote"))]
mod absent;

use std::path::{Path, PathBuf};

use skewless_core::Result;

use super::address::Address;
use super::files::Found;

#[cfg(not(feature = "remote"))]
use self::absent::Fetcher;
#[cfg(feature = "remote")]
use self::fetcher::Fetcher;

/// The copies of a study's remote files. Within a study an address is asked once, so that all that reads it sees the same.
pub(super) struct Depot {
    store: Option<PathBuf>,
    fetcher: Option<Fetcher>,
    asked: Vec<(Address, Vec<Found>)>,
}

impl Depot {
    /// Copies are kept in `objects` of `store`, or without it in a folder that goes away with the depot.
    pub(super) fn new(store: Option<&Path>) -> Self {
        Self {
            store: store.map(Path::to_path_buf),
            fetcher: None,
            asked: Vec::new(),
        }
    }

    /// The files of an address in the byte order of their keys; none where no key is like it.
    ///
    /// # Errors
    /// `source.not_found`, `source.denied`, `source.unreachable`, `source.changed`, `table.unknown_format`,
    /// `train.unwritable`, `config.invalid_value` for a client that cannot be made, `unsupported.source` in a build without
    /// the feature `remote`.
    pub(super) fn files(&mut self, address: &Address) -> Result<Vec<Found>> {
        if let Some((_, found)) = self.asked.iter().find(|(known, _)| known == address) {
            return Ok(found.clone());
        }
        let fetcher = match self.fetcher.take() {
            Some(fetcher) => fetcher,
            None => Fetcher::new(self.store.as_deref())?,
        };
        let found = self.fetcher.insert(fetcher).files(address)?;
        self.asked.push((address.clone(), found.clone()));
        Ok(found)
    }
}

//! Addresses become copies: what is there is asked, what is not kept is fetched.

use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use skewless_core::{Error, Result};
use skewless_serving::Location;
use skewless_table::TableFile;
use tokio::runtime::Runtime;
use url::Url;

use super::kept::{Entry, Kept, Wanted};
use super::{Address, Found, objects, web};
use crate::study::sources::address::shown;

/// Objects that are fetched side by side.
const SIDE_BY_SIDE: usize = 8;

/// The clients of what lies elsewhere, and the copies.
pub(super) struct Fetcher {
    runtime: Runtime,
    kept: Kept,
}

impl Fetcher {
    /// # Errors
    /// `train.unwritable`, `internal.runtime`.
    pub(super) fn new(store: Option<&Path>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            Error::internal("internal.runtime", "no runtime for fetching").with_source(error)
        })?;
        Ok(Self {
            runtime,
            kept: Kept::open(store)?,
        })
    }

    /// The files of an address, fetched where they have to be.
    ///
    /// # Errors
    /// As [`super::Depot::files`].
    pub(super) fn files(&self, address: &Address) -> Result<Vec<Found>> {
        let format = address.format()?;
        match address {
            Address::Web(text) => {
                let name = shown(text);
                let wanted = Wanted {
                    address: text,
                    name: &name,
                    format,
                };
                let client = web::client()?;
                let entry = self
                    .runtime
                    .block_on(web::copy(&client, &self.kept, wanted))?;
                Ok(vec![self.found(name, &entry)])
            }
            Address::Objects { bucket, pattern } => {
                let bucket = format!("s3://{bucket}");
                let url = Url::parse(&bucket).map_err(|error| {
                    let message = format!("`{bucket}` is no bucket");
                    Error::misuse("config.invalid_value", message).with_source(error)
                })?;
                let store = Location::open(&url)?.store;
                let copies = async {
                    let listed = objects::list(&*store, &bucket, pattern).await?;
                    let each = listed.iter().map(|object| {
                        let (store, kept, bucket) = (&*store, &self.kept, &bucket);
                        async move {
                            let name = format!("{bucket}/{}", object.location);
                            let wanted = Wanted {
                                address: &name,
                                name: &name,
                                format,
                            };
                            let entry = objects::copy(store, kept, object, wanted).await?;
                            Ok(self.found(name, &entry))
                        }
                    });
                    stream::iter(each)
                        .buffered(SIDE_BY_SIDE)
                        .try_collect()
                        .await
                };
                self.runtime.block_on(copies)
            }
        }
    }

    fn found(&self, name: String, entry: &Entry) -> Found {
        Found {
            file: TableFile::copy_of(&name, self.kept.path(entry)),
            name,
            known: Some((entry.sha256.clone(), entry.bytes)),
        }
    }
}

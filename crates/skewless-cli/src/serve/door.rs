//! What all connections share: the bundle in use, what may be taken at a time, and what is told of each request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use skewless_core::Error;
use skewless_protocol::Host;
use skewless_serving::{Config, Supply};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::batch::Batcher;

/// The bundle in use, and the bounds of the server.
pub(super) struct Door {
    supply: Arc<Supply>,
    config: Config,
    queue: Arc<Semaphore>,
    batcher: OnceLock<Batcher>,
    /// Drawn when the process starts, so that the ids of two processes differ.
    drawn: u64,
    counted: AtomicU64,
}

impl Door {
    /// A door with an open bundle.
    ///
    /// # Errors
    /// `internal.random` where the system gives no random number.
    pub(super) fn new(supply: Supply, config: Config) -> skewless_core::Result<Self> {
        let drawn = getrandom::u64().map_err(|error| {
            Error::internal("internal.random", "the system gives no random number")
                .with_source(error)
        })?;
        Ok(Self {
            supply: Arc::new(supply),
            queue: Arc::new(Semaphore::new(config.max_queue.min(Semaphore::MAX_PERMITS))),
            config,
            batcher: OnceLock::new(),
            drawn,
            counted: AtomicU64::new(0),
        })
    }

    pub(super) fn host(&self) -> &Host {
        self.supply.host()
    }

    pub(super) fn supply(&self) -> &Supply {
        &self.supply
    }

    /// The bundle's own bytes.
    pub(super) fn file(&self) -> Bytes {
        self.supply.bytes()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// A place among the requests under way, as long as it is held.
    ///
    /// # Errors
    /// `request.overloaded`.
    pub(super) fn place(&self) -> skewless_core::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.queue).try_acquire_owned().map_err(|_| {
            let most = self.config.max_queue;
            overloaded(format!(
                "{most} requests are under way or waiting; try again later"
            ))
        })
    }

    /// An id for a request that brings none.
    pub(super) fn new_id(&self) -> String {
        let count = self.counted.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}-{count:08x}", self.drawn)
    }

    /// Begins what goes on beside the connections; called inside the runtime.
    pub(super) fn begin_work(&self) {
        if self.config.batch_rows > 0 {
            let _ = self.batcher.set(Batcher::start(&self.config));
        }
        let supply = Arc::clone(&self.supply);
        tokio::spawn(async move {
            while let Some(due) = supply.due_in() {
                tokio::time::sleep(due).await;
                supply.check().await;
            }
        });
        if let Some(aside) = self.supply.aside() {
            let aside = Arc::clone(aside);
            tokio::spawn(async move { aside.keep_working().await });
        }
    }

    pub(super) fn batcher(&self) -> Option<&Batcher> {
        self.batcher.get()
    }
}

/// The error of what comes when there is no room for more.
pub(super) fn overloaded(message: String) -> Error {
    Error::new(
        skewless_core::ErrorKind::Unsupported,
        "request.overloaded",
        message,
    )
}

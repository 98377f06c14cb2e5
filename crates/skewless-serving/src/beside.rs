//! Work that takes the processor for long, on a thread of its own: nobody who waits for an answer waits for it too.

use skewless_core::{Error, Result};

/// Does the work on a thread for such.
///
/// # Errors
/// `internal.work` where it panicked, or the program ends.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::internal("internal.work", "the work was not ended").with_source(error)
    })
}

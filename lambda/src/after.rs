//! What is done after an answer: Lambda stops the process as soon as it is answered, unless an extension says that it is
//! not done yet. The function registers one of its own where there is anything to do.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::sync::Arc;

use lambda_extension::{Extension, NextEvent, service_fn};
use skewless_core::{Error, Result};
use tokio::sync::{Mutex, mpsc};

use crate::function::Function;

const NAME: &str = "skewless";

/// Tells the extension that an answer has gone out.
#[derive(Clone, Debug)]
pub(crate) struct Answered(mpsc::UnboundedSender<()>);

impl Answered {
    /// An answer has gone out.
    pub(crate) fn tell(&self) {
        // An extension that has ended wants to know nothing.
        let _ = self.0.send(());
    }
}

/// Registers the extension, which waits after each event until its answer has gone out, and then works. SIGTERM, which
/// Lambda sends to processes with an extension, closes the feature log.
///
/// # Errors
/// `internal.extension` where it cannot be registered.
pub(crate) async fn register(function: &Arc<Function>) -> Result<Answered> {
    let (answered, came) = mpsc::unbounded_channel();
    let came = Arc::new(Mutex::new(came));
    let working = Arc::clone(function);
    let work = service_fn(move |event: lambda_extension::LambdaEvent| {
        let (function, came) = (Arc::clone(&working), Arc::clone(&came));
        async move {
            if let NextEvent::Invoke(_) = event.next {
                came.lock().await.recv().await;
                function.after_answer().await;
            }
            Ok::<(), lambda_extension::Error>(())
        }
    });
    let extension = Extension::new()
        .with_extension_name(NAME)
        .with_events(&["INVOKE"])
        .with_events_processor(work);
    let registered = extension.register().await.map_err(|error| {
        Error::internal(
            "internal.extension",
            format!("the extension cannot be registered: {error}"),
        )
    })?;
    tokio::spawn(async move {
        if let Err(error) = registered.run().await {
            tracing::error!(code = "internal.extension", "{error}");
        }
    });
    close_when_asked(Arc::clone(function));
    Ok(Answered(answered))
}

#[cfg(unix)]
fn close_when_asked(function: Arc<Function>) {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = match signal(SignalKind::terminate()) {
        Ok(asked) => asked,
        Err(error) => return tracing::warn!(code = "internal.signal", "{error}"),
    };
    tokio::spawn(async move {
        let mut asked = asked;
        asked.recv().await;
        if let Some(aside) = function.aside() {
            aside.close().await;
        }
        end();
    });
}

#[cfg(not(unix))]
fn close_when_asked(_: Arc<Function>) {}

/// The runtime's loop waits for events that no longer come.
#[cfg(unix)]
#[expect(
    clippy::exit,
    reason = "the process was asked to end, and nothing else ends the runtime's loop"
)]
fn end() {
    std::process::exit(0);
}

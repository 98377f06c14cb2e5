//! The log: a line of JSON an event on standard error, written beside the threads that answer.
//!
//! Where nobody reads standard error, lines are let go rather than kept: a log never keeps an answer waiting.

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

/// Most lines that wait to be written; some 4 MB.
const WAITING_LINES: usize = 8192;

/// Begins the log; lines that wait are written when the result is dropped.
pub(super) fn to_standard_error(level: LevelFilter) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .finish(std::io::stderr());
    let begun = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(level)
        .log_internal_errors(false)
        .with_writer(writer)
        .try_init();
    // The program runs one command, so that no other log has begun.
    drop(begun);
    guard
}

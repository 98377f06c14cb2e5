//! What native doors share, as they use it: real files, a real HTTP server, real bundles.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bundles;
mod config;
mod feature_log;
mod server;
mod shadow;
mod supply;

//! The int8 models of MLPerf Tiny, which are measured where their folder is there and are no part of the repository.

use std::path::PathBuf;

use crate::command::root;

/// Where the models lie, if not beside the repository.
pub(crate) const VARIABLE: &str = "SKEWLESS_MLPERF_TINY";
const SIBLING: &str = "../shared/mlperf-tiny";

/// Keyword spotting, image classification, visual wake words, anomaly detection.
pub(crate) const NAMES: [&str; 4] = ["kws", "ic", "vww", "ad"];

/// The folder with `NAME.onnx`, `NAME.x.i8` and `cases.json`.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join(SIBLING));
    folder.join("cases.json").is_file().then_some(folder)
}

/// What is to say where the folder is not there.
pub(crate) fn absent() -> String {
    let names = NAMES.join(", ");
    format!("{names} ({VARIABLE} names no folder, and {SIBLING} is not there)")
}

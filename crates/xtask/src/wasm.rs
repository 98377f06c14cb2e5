//! The JavaScript side of the wasm build: wasm-bindgen as a library, so that nobody installs its program.

use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

/// Writes `skewless.js`, `skewless.d.ts` and `skewless_bg.wasm` for the compiled `input` into the folder `out`.
///
/// The reset function lets the package start a fresh instance after a trap.
pub(crate) fn bindgen(input: &Path, out: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(input)
        .out_name("skewless")
        .web(true)?
        .typescript(true)
        .reset_state_function(true)
        .encode_into(EncodeInto::Always)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("no JavaScript bindings for {}", input.display()))
}

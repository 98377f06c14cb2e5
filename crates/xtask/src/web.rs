//! The npm package and the playground, from Rust sources to `web/dist`.

use anyhow::Result;

use crate::command::{at, cargo, command, root, run};
use crate::setup::{self, WASM_TARGET};
use crate::wasm::bindgen;

/// The two WebAssembly builds: the page's, which predicts, and the worker's, which answers HTTP.
const BUILDS: [(&str, &str); 2] = [("model", "web/src/wasm"), ("serve", "web/src/serve/wasm")];

/// Builds both modules, their bindings and the package.
pub(crate) fn build() -> Result<()> {
    setup::wasm_target()?;
    setup::npm("web")?;
    for (feature, out) in BUILDS {
        let mut build = cargo(&[
            "build",
            "--quiet",
            "--package=skewless-wasm",
            "--no-default-features",
            &format!("--features={feature}"),
            &format!("--target={WASM_TARGET}"),
            "--profile=wasm",
        ]);
        build.env("CARGO_ENCODED_RUSTFLAGS", without_paths());
        run(build)?;
        bindgen(
            &at(&format!("target/{WASM_TARGET}/wasm/skewless_wasm.wasm")),
            &at(out),
        )?;
    }
    let mut build = command("npm", &["run", "--silent", "build"]);
    build.current_dir(at("web"));
    run(build)
}

/// Compiler flags that keep this machine's folders out of the module's messages.
fn without_paths() -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let remap = |from: &str, to: &str| format!("--remap-path-prefix={from}={to}");
    [
        remap(&cargo_home, "cargo"),
        remap(&root().display().to_string(), "skewless"),
    ]
    .join("\u{1f}")
}

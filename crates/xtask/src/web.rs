//! The npm package and the playground, from Rust sources to `web/dist`.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{at, cargo, command, root, run};
use crate::setup::{self, WASM_TARGET};
use crate::wasm::bindgen;

/// The WebAssembly builds: the page's, which predicts, the same with networks, and the worker's, which answers HTTP.
const BUILDS: [(&str, &str); 3] = [
    (LEAN, "web/src/wasm"),
    ("network", "web/src/network/wasm"),
    ("serve", "web/src/serve/wasm"),
];

/// The feature of the page's module for trees, of whose bytes every page counts the most: compiled for size alone. With
/// loops unrolled a network's single row takes half the time, and its module a sixth more bytes.
const LEAN: &str = "model";
const UNROLLED: &str = "--config=profile.wasm.package.skewless-core.opt-level=2";
/// The feature of the page's module with the general engine.
const FULL: &str = "full";

/// Builds both modules, their bindings and the package.
pub(crate) fn build() -> Result<()> {
    setup::wasm_target()?;
    setup::npm("web")?;
    for (feature, out) in BUILDS {
        module(feature, out, "+simd128")?;
    }
    package(&[])
}

/// The package with the general engine as well, whose module alone takes many minutes.
pub(crate) fn build_full() -> Result<()> {
    setup::wasm_target()?;
    setup::npm("web")?;
    for (feature, out) in BUILDS {
        module(feature, out, "+simd128")?;
    }
    compiled(FULL, "web/src/full/wasm", "+simd128", "wasm-full")?;
    package(&["--", "--full"])?;
    try_full()
}

/// Packs a small graph and lets the package answer it in Node and in Chromium.
fn try_full() -> Result<()> {
    setup::chromium()?;
    setup::npm("tests/web")?;
    let bundle = target().join("lstm.skw").display().to_string();
    let mut pack = cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package=skewless-cli",
        "--no-default-features",
        "--features=pack,tract",
        "--",
        "pack",
        "--model=tests/references/tract/lstm.onnx",
        "--name=lstm",
        "--version=1.0.0",
    ]);
    pack.args(["-o", &bundle]);
    run(pack)?;
    let rows = "tests/references/tract/lstm.rows.jsonl";
    run(command(
        "node",
        &["tests/web/full.mjs", "--bundle", &bundle, "--rows", rows],
    ))
}

fn package(flags: &[&str]) -> Result<()> {
    let mut build = command("npm", &["run", "--silent", "build"]);
    build.args(flags).current_dir(at("web"));
    run(build)
}

/// Builds the module with a feature, with vector instructions (`+simd128`) or without (`-simd128`), and its bindings into
/// the folder `out`.
pub(crate) fn module(feature: &str, out: &str, vectors: &str) -> Result<()> {
    compiled(feature, out, vectors, "wasm")
}

fn compiled(feature: &str, out: &str, vectors: &str, profile: &str) -> Result<()> {
    let mut build = cargo(&[
        "build",
        "--quiet",
        "--package=skewless-wasm",
        "--no-default-features",
        &format!("--features={feature}"),
        &format!("--target={WASM_TARGET}"),
        &format!("--profile={profile}"),
    ]);
    build
        .args((feature != LEAN).then_some(UNROLLED))
        .env("CARGO_ENCODED_RUSTFLAGS", flags(vectors));
    run(build)?;
    bindgen(
        &target().join(format!("{WASM_TARGET}/{profile}/skewless_wasm.wasm")),
        &at(out),
    )
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| at("target"), PathBuf::from)
}

/// Compiler flags: SIMD, which every browser of the last years has, and no folders of this machine in messages.
fn flags(vectors: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let remap = |from: &str, to: &str| format!("--remap-path-prefix={from}={to}");
    [
        format!("-Ctarget-feature={vectors}"),
        remap(&cargo_home, "cargo"),
        remap(&root().display().to_string(), "skewless"),
    ]
    .join("\u{1f}")
}

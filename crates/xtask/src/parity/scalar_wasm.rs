//! The page's package with a module that has no vector instructions.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::command::at;
use crate::web;

const MODULE: &str = "skewless_bg.wasm";
const BINDINGS: &str = "skewless.js";
const OUT: &str = "target/parity/wasm-scalar";
const PACKAGE: &str = "target/parity/package";
/// The package's modules, in the sources and in the package, and their names there; the one with networks can do what
/// each can.
const MODULES: [(&str, &str, &str); 2] = [
    ("web/src/wasm", "", MODULE),
    (
        "web/src/network/wasm",
        "network",
        "skewless_network_bg.wasm",
    ),
];

/// Builds the module, and gives a folder with the package's JavaScript around it.
///
/// # Errors
/// Where the bindings of the two modules differ, so that one's JavaScript is not the other's.
pub(super) fn package() -> Result<PathBuf> {
    std::fs::create_dir_all(at(OUT))?;
    web::module("network", OUT, "-simd128")?;
    let read = |path: PathBuf| std::fs::read(&path).with_context(|| path.display().to_string());
    let bindings = read(at(OUT).join(BINDINGS))?;
    let package = at(PACKAGE);
    for (sources, folder, module) in MODULES {
        if read(at(sources).join(BINDINGS))? != bindings {
            bail!("the module without vector instructions has other bindings than {sources}");
        }
        let (dist, copy) = (at("web/dist").join(folder), package.join(folder));
        std::fs::create_dir_all(&copy)?;
        for file in std::fs::read_dir(dist)? {
            let file = file?;
            if file.file_name().to_string_lossy().ends_with(".js") {
                std::fs::copy(file.path(), copy.join(file.file_name()))?;
            }
        }
        std::fs::copy(at(OUT).join(MODULE), copy.join(module))?;
    }
    std::fs::write(package.join("package.json"), "{\"type\":\"module\"}\n")?;
    Ok(package)
}

//! What a fresh machine lacks: the wasm target, npm packages, a Python environment, a browser.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{at, command, exists, output, run};

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Adds the wasm target to the toolchain.
pub(crate) fn wasm_target() -> Result<()> {
    rust_target(WASM_TARGET)
}

/// Adds a target to the toolchain.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    if !exists("rustup") {
        bail!("rustup is needed to add the target {target}, and is not found");
    }
    let installed = output(command("rustup", &["target", "list", "--installed"]))?;
    if installed.lines().any(|line| line == target) {
        return Ok(());
    }
    run(command("rustup", &["target", "add", target]))
}

/// Installs exactly what a folder's package-lock.json says, unless that is what lies there.
pub(crate) fn npm(folder: &str) -> Result<()> {
    if !exists("node") || !exists("npm") {
        bail!("Node 20 or later with npm is needed and not found");
    }
    let modified = |path: &str| {
        at(folder)
            .join(path)
            .metadata()
            .and_then(|data| data.modified())
            .ok()
    };
    let (lock, installed) = (
        modified("package-lock.json"),
        modified("node_modules/.package-lock.json"),
    );
    if installed.is_some() && installed >= lock {
        return Ok(());
    }
    let mut ci = command("npm", &["ci", "--no-audit", "--no-fund"]);
    ci.current_dir(at(folder));
    run(ci)
}

/// A Python environment of the project's own with the packages of `requirements`; gives the folder of its programs.
pub(crate) fn venv(name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = at("target/venv").join(name);
    let programs = folder.join("bin");
    let wanted = std::fs::read_to_string(at(requirements))?;
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let mut create = command("python3", &["-m", "venv"]);
    create.arg(&folder);
    run(create)
        .context("Python 3 with `venv` is needed; Debian has it in the package python3-venv")?;
    let mut install = Command::new(programs.join("python"));
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(at(requirements));
    run(install)?;
    std::fs::write(stamp, wanted)?;
    Ok(programs)
}

/// The browser of the tests, from Debian's packages where none is there.
pub(crate) fn chromium() -> Result<()> {
    browser("chromium", &["chromium", "fonts-liberation"])
}

/// The playground's second browser.
pub(crate) fn firefox() -> Result<()> {
    browser("firefox-esr", &["firefox-esr", "fonts-liberation"])
}

fn browser(program: &str, packages: &[&str]) -> Result<()> {
    if exists(program) {
        return Ok(());
    }
    if !exists("apt-get") {
        bail!("{program} is needed and not found; install it so that `{program}` starts it");
    }
    debian(packages).with_context(|| {
        format!("installing {program} needs root; install it so that `{program}` starts it")
    })
}

/// The name of the program that runs aarch64 programs here, from Debian's packages where none is there.
pub(crate) fn qemu() -> Result<&'static str> {
    const NAMES: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];
    let found = || NAMES.into_iter().find(|name| exists(name));
    if let Some(name) = found() {
        return Ok(name);
    }
    if !exists("apt-get") {
        bail!("qemu-aarch64 is not found");
    }
    debian(&["qemu-user-static"]).context("qemu-aarch64 is not found, and installing it failed")?;
    found().context("qemu-aarch64 is not found")
}

/// The folder with the C library of aarch64, from Debian's packages where none is there: what a program that is linked for
/// Lambda's own system loads.
pub(crate) fn arm_libraries() -> Result<&'static str> {
    const FOLDER: &str = "/usr/aarch64-linux-gnu";
    if !PathBuf::from(FOLDER).join("lib/libc.so.6").exists() {
        debian(&["libc6-arm64-cross", "libgcc-s1-arm64-cross"])
            .context("the C library of aarch64 is not found, and installing it failed")?;
    }
    Ok(FOLDER)
}

/// Installs packages of Debian, which needs root.
pub(crate) fn debian(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get", arguments);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        run(apt)
    };
    apt(&["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[&install, packages].concat())
}

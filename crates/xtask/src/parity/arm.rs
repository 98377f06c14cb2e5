//! The core on aarch64, under qemu where this machine is another one.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::kinds::Kind;
use crate::command::{cargo, command, output, run};
use crate::{setup, web};

/// Statically linked by the linker that comes with Rust, so that no C toolchain of the other processor is needed.
const TARGET: &str = "aarch64-unknown-linux-musl";

/// A runner for aarch64 and what starts it here.
pub(super) struct Arm {
    emulator: &'static str,
    program: PathBuf,
}

/// Builds the runner, and finds or installs the emulator.
///
/// # Errors
/// What this machine lacks.
pub(super) fn runner(profile: &str) -> Result<Arm> {
    let emulator = setup::qemu()?;
    setup::rust_target(TARGET)?;
    let mut build = cargo(&[
        "build",
        "--quiet",
        &format!("--profile={profile}"),
        "--package=skewless-runner",
        &format!("--target={TARGET}"),
    ]);
    build.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    run(build).context("the runner for aarch64 does not build")?;
    Ok(Arm {
        emulator,
        program: web::target().join(format!("{TARGET}/{profile}/runner")),
    })
}

impl Arm {
    /// Digests with NEON and without.
    pub(super) fn digests(&self, kind: &Kind) -> Result<String> {
        let digest = |target: &str, options: &[&str]| {
            let mut qemu = command(self.emulator, &[]);
            qemu.arg(&self.program)
                .args(["digest", target, &kind.bundle, &kind.rows])
                .args(options);
            output(qemu)
        };
        Ok(digest("aarch64", &[])? + &digest("aarch64-scalar", &["--simd=off"])?)
    }
}

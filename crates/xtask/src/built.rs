//! Programs that verbs run, each built once.
//!
//! Cargo compiles a crate anew for every set of its dependencies' features, and what is asked of it decides that set. In the
//! tests' profile everything is therefore asked for at once, as `cargo test --workspace` does, and verbs take what lies there.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Result;

use crate::command::{cargo, command, run};
use crate::web::target;

/// The profile of tests: optimised, with every assertion on.
pub(crate) const CI: &str = "ci";
/// The program in any other profile: everything but tract, which builds for minutes.
const PROGRAM: [&str; 3] = [
    "--package=skewless-cli",
    "--no-default-features",
    "--features=train,pack,remote,serve",
];

/// Every program, test and bench of the workspace in the profile of tests.
pub(crate) fn workspace() -> Result<()> {
    static BUILT: OnceLock<()> = OnceLock::new();
    if BUILT.get().is_none() {
        let profile = format!("--profile={CI}");
        run(cargo(&[
            "build",
            "--quiet",
            "--workspace",
            "--all-targets",
            &profile,
        ]))?;
        // Set by this thread alone.
        let _ = BUILT.set(());
    }
    Ok(())
}

/// The program `skewless`.
pub(crate) fn skewless(profile: &str) -> Result<PathBuf> {
    of(profile, &PROGRAM, "skewless")
}

/// The Lambda function.
pub(crate) fn function(profile: &str) -> Result<PathBuf> {
    of(profile, &["--package=skewless-lambda"], "bootstrap")
}

/// A program of the package that bears its name, to be given its arguments.
pub(crate) fn runner(profile: &str) -> Result<Command> {
    let runner = of(profile, &["--package=skewless-runner"], "runner")?;
    Ok(command(runner, &[]))
}

/// A function that says hello, beside which cold starts are measured.
pub(crate) fn hello(profile: &str) -> Result<PathBuf> {
    of(profile, &["--package=skewless-hello"], "hello")
}

/// What writes the flights of the test months and their digests.
pub(crate) fn parity(profile: &str) -> Result<Command> {
    let parity = of(profile, &["--package=skewless-conformance"], "parity")?;
    Ok(command(parity, &[]))
}

fn of(profile: &str, package: &[&str], name: &str) -> Result<PathBuf> {
    if profile == CI {
        workspace()?;
    } else {
        let mut build = cargo(&["build", "--quiet", &format!("--profile={profile}")]);
        build.args(package);
        run(build)?;
    }
    Ok(target().join(profile).join(name))
}

//! The built Lambda function against a Runtime API and against S3, both on this machine.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::{PROGRAM, at, cargo, command, run};
use crate::setup;
use crate::web::target;

/// Runs the tests in `tests/lambda` with what a profile has built.
pub(crate) fn test(profile: &str) -> Result<()> {
    let storage = setup::venv("lambda-storage", "tests/lambda/storage-requirements.txt")?;
    let bootstrap = build(profile)?;
    let mut build = cargo(&["build", "--quiet", &format!("--profile={profile}")]);
    build.args(PROGRAM);
    run(build)?;
    tests(
        &bootstrap,
        &target().join(profile).join("skewless"),
        &storage,
    )
}

/// Builds the function, and gives its program.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    run(cargo(&[
        "build",
        "--quiet",
        &format!("--profile={profile}"),
        "--package=skewless-lambda",
        "--no-default-features",
    ]))?;
    Ok(target().join(profile).join("bootstrap"))
}

fn tests(bootstrap: &Path, program: &Path, storage: &Path) -> Result<()> {
    let mut tests = command("node", &["--test", "function.test.mjs", "storage.test.mjs"]);
    tests
        .current_dir(at("tests/lambda"))
        .env("TESTED_BOOTSTRAP", bootstrap)
        .env("TESTED_PROGRAM", program)
        .env("TESTED_MOTO", storage);
    run(tests)
}

//! The built Lambda function against a Runtime API and against S3, both on this machine.

use std::path::Path;

use anyhow::Result;

use crate::command::{PROGRAM, at, cargo, command, run};
use crate::setup;
use crate::web::target;

/// Runs the tests in `tests/lambda` with what a profile has built.
pub(crate) fn test(profile: &str) -> Result<()> {
    let storage = setup::venv("lambda-storage", "tests/lambda/storage-requirements.txt")?;
    let profile_flag = format!("--profile={profile}");
    run(cargo(&[
        "build",
        "--quiet",
        &profile_flag,
        "--package=skewless-lambda",
        "--no-default-features",
    ]))?;
    let mut build = cargo(&["build", "--quiet", &profile_flag]);
    build.args(PROGRAM);
    run(build)?;
    let built = target().join(profile);
    tests(&built, &storage)
}

fn tests(built: &Path, storage: &Path) -> Result<()> {
    let mut tests = command("node", &["--test", "function.test.mjs", "storage.test.mjs"]);
    tests
        .current_dir(at("tests/lambda"))
        .env("TESTED_BOOTSTRAP", built.join("bootstrap"))
        .env("TESTED_PROGRAM", built.join("skewless"))
        .env("TESTED_MOTO", storage);
    run(tests)
}

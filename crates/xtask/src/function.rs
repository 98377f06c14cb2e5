//! The built Lambda function against a Runtime API and against S3, both on this machine.

use std::path::Path;

use anyhow::Result;

use crate::command::{at, command, run};
use crate::{built, setup};

/// Runs the tests in `tests/lambda` with what a profile has built.
pub(crate) fn test(profile: &str) -> Result<()> {
    let storage = setup::venv("lambda-storage", "tests/lambda/storage-requirements.txt")?;
    tests(
        &built::function(profile)?,
        &built::skewless(profile)?,
        &storage,
    )
}

fn tests(bootstrap: &Path, program: &Path, storage: &Path) -> Result<()> {
    let mut tests = command(
        "node",
        &[
            "--test",
            "clock.test.mjs",
            "function.test.mjs",
            "protocol.test.mjs",
            "storage.test.mjs",
        ],
    );
    tests
        .current_dir(at("tests/lambda"))
        .env("TESTED_BOOTSTRAP", bootstrap)
        .env("TESTED_PROGRAM", program)
        .env("TESTED_MOTO", storage);
    run(tests)
}

//! What deploys the Lambda function: linters of its files, and `cargo lambda deploy` to an AWS on this machine.

use anyhow::Result;

use crate::command::{at, command, run};
use crate::{built, setup};

/// The folder with the checks and what they need.
const CHECKS: &str = "tests/lambda/deploy";

/// Lints `lambda/deploy`, deploys what a profile has built, and reads it back.
pub(crate) fn test(profile: &str) -> Result<()> {
    let checks = setup::venv("deploy", &format!("{CHECKS}/requirements.txt"))?;
    let lambda = setup::venv("lambda", "tests/lambda/requirements.txt")?;
    setup::npm(CHECKS)?;
    let bootstrap = built::function(profile)?;
    run(command(
        checks.join("cfn-lint"),
        &["lambda/deploy/template.yaml"],
    ))?;
    let mut tests = command("node", &["--test", "deploy.test.mjs"]);
    tests
        .current_dir(at(CHECKS))
        .env("TESTED_BOOTSTRAP", &bootstrap);
    run(tests)?;
    let mut deployed = command(checks.join("python"), &[&format!("{CHECKS}/deployed.py")]);
    deployed.arg(lambda.join("cargo-lambda")).arg(&bootstrap);
    run(deployed)
}

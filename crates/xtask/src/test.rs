//! Everything that CI runs, each thing built once.

use anyhow::Result;

use crate::command::{at, cargo, command, run, step};
use crate::{demo, parity, setup, tidy, train, web};

/// One profile for all native code: optimised, with every assertion on.
const PROFILE: &str = "ci";

pub(crate) fn run_tests() -> Result<()> {
    step("tidy", tidy::run_tidy)?;
    step("what the tests need", || {
        setup::chromium()?;
        setup::npm("web")?;
        setup::npm("tests/web")
    })?;
    step("Rust tests", || {
        run(cargo(&[
            "test",
            "--quiet",
            "--workspace",
            &format!("--profile={PROFILE}"),
            "--no-fail-fast",
        ]))
    })?;
    step("the flights bundle, trained again", || {
        train::compare(PROFILE)
    })?;
    step("the web package", web::build)?;
    step("tests in Node, Chromium and workerd", || {
        let mut tests = command("npm", &["--silent", "test"]);
        tests.current_dir(at("tests/web"));
        run(tests)
    })?;
    step("parity", || parity::compare(PROFILE))?;
    step("the demo", || demo::run_demo(true))
}

//! Everything that CI runs, each thing built once.

use anyhow::Result;

use crate::built::{self, CI};
use crate::command::{at, cargo, command, output, run, step};
use crate::{bench, demo, deploy, function, install, parity, setup, size, tidy, train, web};

pub(crate) fn run_tests() -> Result<()> {
    let profile = format!("--profile={CI}");
    step("tidy", tidy::run_tidy)?;
    step("what the tests need", || {
        setup::chromium()?;
        setup::firefox()?;
        setup::npm("web")?;
        setup::npm("tests/web")?;
        setup::npm("tests/consumers")?;
        setup::npm("tests/edge")
    })?;
    step("everything native", built::workspace)?;
    step("Rust tests", || {
        run(cargo(&[
            "test",
            "--quiet",
            "--workspace",
            &profile,
            "--no-fail-fast",
        ]))
    })?;
    step("the kernels' benches, each once", || {
        let benches = ["--bench=trees", "--bench=network"];
        let all = ["test", "--quiet", "--workspace", &profile];
        // Divan lists what it ran: of interest only where something fails.
        output(cargo(&[&all[..], &benches].concat())).map(drop)
    })?;
    step("the committed bundles, trained again", || {
        train::compare(CI)
    })?;
    step("the web package", web::build)?;
    step("downloads within their limits", size::measure)?;
    step("tests in Node, Chromium, Firefox and workerd", || {
        let mut tests = command("npm", &["--silent", "test"]);
        tests.current_dir(at("tests/web"));
        run(tests)
    })?;
    step("consumers of the packed package", || {
        let mut tests = command("npm", &["--silent", "test"]);
        tests.current_dir(at("tests/consumers"));
        run(tests)
    })?;
    step(
        "the worker templates on workerd, Deno, Bun, Node and Vercel's edge runtime",
        || {
            let program = built::skewless(CI)?;
            let mut tests = command("npm", &["--silent", "test"]);
            tests
                .current_dir(at("tests/edge"))
                .env("TESTED_PROGRAM", program);
            run(tests)
        },
    )?;
    step("an installation, which serves the playground", || {
        install::test(CI)
    })?;
    step("the Lambda function over a Runtime API and S3", || {
        function::test(CI)
    })?;
    step(
        "clients of skewless serve, and its OpenAPI document",
        || {
            let python = setup::venv("serve", "tests/serve/requirements.txt")?;
            let mut tests = command(
                python.join("python"),
                &[
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    "tests/serve",
                ],
            );
            tests
                .env("TESTED_PROGRAM", built::skewless(CI)?)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            run(tests)
        },
    )?;
    step("what deploys the Lambda function", || deploy::test(CI))?;
    step("the pipeline that retrains, over S3", || {
        let python = setup::venv("retrain", "tests/retrain/requirements.txt")?;
        let mut tests = command(python.join("python"), &["tests/retrain/pipeline.py"]);
        tests.arg(built::skewless(CI)?);
        run(tests)
    })?;
    step("studies over S3 and the web", || {
        let python = setup::venv("lambda-storage", "tests/lambda/storage-requirements.txt")?;
        let mut tests = command(python.join("python"), &["tests/sources/remote.py"]);
        tests.arg(built::skewless(CI)?);
        run(tests)
    })?;
    step(
        "training runs on an MLflow server and as OpenLineage events",
        || {
            let python = setup::venv("records", "tests/records/requirements.txt")?.join("python");
            for script in ["tests/records/server.py", "tests/records/lineage.py"] {
                let mut tests = command(&python, &[script]);
                tests.arg(built::skewless(CI)?);
                run(tests)?;
            }
            Ok(())
        },
    )?;
    step("parity", || parity::compare(CI))?;
    step("bench --small", bench::small)?;
    step("the demo", || demo::test(CI))
}

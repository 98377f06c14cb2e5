//! The `bootstrap` program that Lambda starts: configuration, one bundle, then the runtime's loop.

use std::path::PathBuf;
use std::process::ExitCode;

use skewless_core::{Error, Result};
use skewless_lambda::{Config, Function, report_failed_start, serve};
use tracing::level_filters::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::from_variables(std::env::vars());
    log_as_json(
        config
            .as_ref()
            .map_or(LevelFilter::INFO, |config| config.log),
    );
    match config.and_then(start) {
        Ok((config, function)) => serve(&config, &function).await,
        Err(error) => {
            tracing::error!(
                code = error.code(),
                field = error.field(),
                "{}",
                error.message()
            );
            report_failed_start(&error).await;
            ExitCode::FAILURE
        }
    }
}

fn start(config: Config) -> Result<(Config, Function)> {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(Error::misuse(
            "config.no_runtime",
            "there is no Lambda here; `cargo lambda watch` is one",
        ));
    }
    let function = Function::load(&config, &folders())?;
    let facts = function.facts();
    tracing::info!(
        model = facts.name,
        version = facts.version,
        digest = facts.digest,
        "bundle ready"
    );
    Ok((config, function))
}

/// Where a relative bundle path is looked for: the task root, the working folder, beside the program.
fn folders() -> Vec<PathBuf> {
    let task_root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let working = std::env::current_dir().ok();
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(PathBuf::from));
    [task_root, working, program]
        .into_iter()
        .flatten()
        .collect()
}

fn log_as_json(level: LevelFilter) {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(level)
        .init();
}

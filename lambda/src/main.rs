//! The `bootstrap` program that Lambda starts: configuration, one bundle, then the runtime's loop.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use skewless_core::{Error, Result};
use skewless_lambda::{Function, report_failed_start, serve};
use skewless_serving::config::Arguments;
use skewless_serving::{Config, Door};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::read(Door::Lambda, std::env::args().skip(1));
    let config = arguments.and_then(|arguments| {
        let config = Config::resolve(Door::Lambda, std::env::vars(), &arguments)?;
        Ok((config, arguments.print))
    });
    let level = config.as_ref().map(|(config, _)| config.log);
    log_as_json(level.unwrap_or(LevelFilter::INFO));
    let config = match config {
        Ok((config, true)) => return print(&config),
        Ok((config, false)) => Ok(config),
        Err(error) => Err(error),
    };
    match start(config).await {
        Ok((config, function)) => serve(&config, function).await,
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

async fn start(config: Result<Config>) -> Result<(Config, Function)> {
    let config = config?;
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(Error::misuse(
            "config.no_runtime",
            "there is no Lambda here; `cargo lambda watch` is one",
        ));
    }
    let function = Function::open(&config, &folders()).await?;
    let facts = function.facts();
    tracing::info!(
        event = "bundle",
        outcome = "opened",
        model = facts.name,
        version = facts.version,
        digest = facts.digest,
        "bundle ready"
    );
    Ok((config, function))
}

/// `--print-config`.
fn print(config: &Config) -> ExitCode {
    match write!(std::io::stdout(), "{config}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Where a relative bundle path is looked for: the task root, the layers, the working folder, beside the program.
fn folders() -> Vec<PathBuf> {
    let task_root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let layers = task_root.is_some().then(|| PathBuf::from("/opt"));
    let working = std::env::current_dir().ok();
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(PathBuf::from));
    [task_root, layers, working, program]
        .into_iter()
        .flatten()
        .collect()
}

/// The level is that of our own lines: what libraries trace holds whole events, and so records.
fn log_as_json(level: LevelFilter) {
    let is_told = |of: &Metadata<'_>| {
        of.target().starts_with("skewless")
            || of.target() == "bootstrap"
            || *of.level() <= Level::INFO
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(level)
        .finish()
        .with(filter_fn(is_told))
        .init();
}

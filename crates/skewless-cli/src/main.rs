//! The `skewless` program: arguments in, one command run, an exit status out.

mod args;
mod bundle_file;
mod destination;
mod exit;
mod explain;
#[cfg(any(feature = "pack", feature = "train"))]
mod fit;
mod inspect;
#[cfg(feature = "train")]
mod lint;
#[cfg(feature = "pack")]
mod pack;
mod predict;
#[cfg(feature = "train")]
mod records;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod runs;
#[cfg(feature = "serve")]
mod serve;
#[cfg(any(feature = "pack", feature = "train"))]
mod spec_file;
#[cfg(feature = "train")]
mod train;
mod transform;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::exit::Outcome;

fn main() -> ExitCode {
    exit::end(run(Arguments::parse().command))
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Predict(args) => predict::run(&args),
        Command::Transform(args) => transform::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args),
        #[cfg(not(feature = "train"))]
        Command::Train(_) => Err(exit::left_out("train", "train")),
        #[cfg(feature = "train")]
        Command::Retrain(args) => train::retrain(&args),
        #[cfg(not(feature = "train"))]
        Command::Retrain(_) => Err(exit::left_out("retrain", "train")),
        #[cfg(feature = "train")]
        Command::Features(args) => train::features(&args),
        #[cfg(not(feature = "train"))]
        Command::Features(_) => Err(exit::left_out("features", "train")),
        #[cfg(any(feature = "pack", feature = "train"))]
        Command::Fit(args) => fit::run(&args),
        #[cfg(not(any(feature = "pack", feature = "train")))]
        Command::Fit(_) => Err(exit::left_out("fit", "pack")),
        #[cfg(feature = "train")]
        Command::Lookup(args) => train::lookup(&args),
        #[cfg(not(feature = "train"))]
        Command::Lookup(_) => Err(exit::left_out("lookup", "train")),
        #[cfg(feature = "train")]
        Command::Runs(args) => runs::run(&args),
        #[cfg(not(feature = "train"))]
        Command::Runs(_) => Err(exit::left_out("runs", "train")),
        #[cfg(feature = "train")]
        Command::Lint(args) => lint::run(&args),
        #[cfg(not(feature = "train"))]
        Command::Lint(_) => Err(exit::left_out("lint", "train")),
        #[cfg(feature = "train")]
        Command::Report(args) => report::run(&args),
        #[cfg(not(feature = "train"))]
        Command::Report(_) => Err(exit::left_out("report", "train")),
        #[cfg(feature = "pack")]
        Command::Pack(args) => pack::run(&args),
        #[cfg(not(feature = "pack"))]
        Command::Pack(_) => Err(exit::left_out("pack", "pack")),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args).map(|()| Outcome::Done),
        #[cfg(not(feature = "serve"))]
        Command::Serve(_) => Err(exit::left_out("serve", "serve")),
    }
}

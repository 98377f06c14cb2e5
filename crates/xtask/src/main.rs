//! Everything a developer or CI does by hand, as verbs: `cargo xtask VERB`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

mod bench;
mod built;
mod command;
mod data;
mod demo;
mod deploy;
mod function;
mod install;
mod models;
mod onnx;
mod parity;
mod setup;
mod size;
mod test;
mod tidy;
mod tiny;
mod train;
mod wasm;
mod web;
mod zips;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask VERB

  demo [--once]   predict sample flights natively and in WebAssembly, compare, and serve the playground
  test            everything that CI runs: tidy, unit tests, the web package, parity, the retrained bundles
  tidy            formatting, lints, the crates' arrows, the first sentence of every file
  web             build the npm package and the playground into web/dist
  web --full      the same with `skewless/full`, the package with the general engine, which takes many minutes
  install [--root=FOLDER]
                  build and install the program with the playground beside it, where `cargo install` puts programs or in
                  FOLDER
  size            build the package and measure its downloads, which fail above web/budget.toml; --built only measures
  size --lambda   build the Lambda function's zips for both processors, which fail above lambda/budget.toml, and write their
                  bytes into docs/performance.md; builds for minutes
  parity          one digest a bundle (flights of the test months, a linear model, int8 networks, those of MLPerf Tiny
                  where they are there) on every target; writes target/parity.json
  parity --arm64-lambda
                  the zip of the Lambda function for arm64, run under an emulator: the same digest; builds for minutes
  train           train the models in models/ and compare with the committed bundles; --bless replaces them
  bench peers     times beside the peers, into target/bench/peers.json and docs/performance.md; --date=TEXT stands with
                  the table, --only=TEXT keeps what `WORK on TARGET` holds it, --built builds nothing again
  bench sweep     how the cost grows with trees, depth and rows, into docs/performance-sweep.svg
  bench edge      time to ready and processor time a request on workerd, Node, Bun and Deno, into docs/performance.md;
                  --date=TEXT and --built as above
  bench serve     requests a second of `skewless serve` on one core beside FastAPI and MLflow, into docs/performance.md;
                  --date=TEXT as above
  bench lambda    cold starts of the Lambda function beside a Rust hello-world, Python and Node with ONNX Runtime, into
                  docs/performance.md; --date=TEXT and --built as above
  bench scale     rows a second and memory of `skewless transform` beside DataFusion's scan and scikit-learn, into
                  docs/performance.md; --rows=N in place of 100 million, --date=TEXT as above
  bench --small   the same scripts in few rounds on what is committed, without peers: what CI runs
  models          pack Silero VAD and Magika from their Python packages, and compare with ONNX Runtime
  onnx            ONNX's node tests of every known operator, their table into docs/onnx.md, their small copy into
                  tests/onnx-nodes
  data flights    make models/flights/data again from its source package
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["demo"] => demo::run_demo(false),
        ["demo", "--once"] => demo::run_demo(true),
        ["test"] => test::run_tests(),
        ["tidy"] => tidy::run_tidy(),
        ["web"] => web::build(),
        ["web", "--full"] => web::build_full(),
        ["install"] => install::install(None),
        ["install", root] if root.starts_with("--root=") => {
            install::install(root.strip_prefix("--root="))
        }
        ["size"] => size::run(),
        ["size", "--built"] => size::measure(),
        ["size", "--lambda"] => zips::measure(),
        ["parity"] => parity::run(),
        ["parity", "--arm64-lambda"] => parity::arm64_lambda(),
        ["train"] => train::run(false),
        ["train", "--bless"] => train::run(true),
        ["bench", "peers", given @ ..] => {
            let given = Given::of(given, &["--date=", "--only=", "--built"])?;
            bench::peers(&bench::Options {
                date: given.text("--date="),
                only: given.text("--only="),
                built: given.flag("--built"),
            })
        }
        ["bench", "edge", given @ ..] => {
            let given = Given::of(given, &["--date=", "--built"])?;
            bench::serving(given.text("--date="), given.flag("--built"))
        }
        ["bench", "serve", given @ ..] => {
            bench::throughput(Given::of(given, &["--date="])?.text("--date="))
        }
        ["bench", "lambda", given @ ..] => {
            let given = Given::of(given, &["--date=", "--built"])?;
            bench::cold_starts(given.text("--date="), given.flag("--built"))
        }
        ["bench", "scale", given @ ..] => {
            let given = Given::of(given, &["--rows=", "--date="])?;
            bench::scale(given.text("--rows="), given.text("--date="))
        }
        ["bench", "sweep"] => bench::sweep(),
        ["bench", "--small"] => bench::small(),
        ["models"] => models::run_models(),
        ["onnx"] => onnx::nodes(),
        ["data", "flights"] => data::flights(),
        [] | ["--help" | "-h" | "help"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("no such verb: {}\n\n{USAGE}", other.join(" ")),
    }
}

/// The options of a verb.
struct Given<'a>(&'a [&'a str]);

impl<'a> Given<'a> {
    /// Takes those that are known: flags, and beginnings with `=` that a text follows.
    fn of(given: &'a [&'a str], known: &[&str]) -> Result<Self> {
        let is_known = |option: &str| {
            let is = |known: &&str| {
                option == *known || known.ends_with('=') && option.starts_with(*known)
            };
            known.iter().any(is)
        };
        match given.iter().find(|option| !is_known(option)) {
            Some(option) => bail!("no such option: {option}\n\n{USAGE}"),
            None => Ok(Self(given)),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|given| given.strip_prefix(name))
    }

    fn flag(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

//! Training again: the same inputs must give the committed bundle, byte for byte.

use anyhow::{Context, Result, bail};

use crate::command::{PROGRAM, at, cargo, run as start};

const CONFIG: &str = "models/flights/skewless.toml";
const COMMITTED: &str = "models/flights/flights.skw";
const RETRAINED: &str = "target/flights/flights.skw";

/// The verb: in the profile that users run.
pub(crate) fn run(bless: bool) -> Result<()> {
    match bless {
        true => train("release", &["--threads", "2"]),
        false => compare("release"),
    }
}

/// Trains on one thread, and compares with the committed bundle, which two threads trained.
pub(crate) fn compare(profile: &str) -> Result<()> {
    std::fs::create_dir_all(at("target/flights"))?;
    train(profile, &["--threads", "1", "--output", RETRAINED])?;
    let read =
        |path: &str| std::fs::read(at(path)).with_context(|| format!("{path} cannot be read"));
    if read(RETRAINED)? != read(COMMITTED)? {
        bail!(
            "{RETRAINED} differs from {COMMITTED}: run `cargo xtask train --bless` and review the card, or find what is not deterministic"
        );
    }
    println!("{RETRAINED} and {COMMITTED} are the same bytes");
    Ok(())
}

fn train(profile: &str, arguments: &[&str]) -> Result<()> {
    let profile = format!("--profile={profile}");
    let mut train = cargo(&["run", "--quiet", &profile]);
    train.args(PROGRAM).args(["--", "train", CONFIG]);
    train.args(arguments);
    start(train)
}

//! Training again: the same inputs must give the committed bundle, byte for byte.

use anyhow::{Context, Result, bail};

use crate::command::{at, cargo, run as start};

const COMMITTED: &str = "models/flights/flights.skw";
const RETRAINED: &str = "target/flights.skw";

/// Trains the flights model on one thread and compares it with the committed bundle, which was trained on two.
/// `bless` trains on two threads and commits the result to its place.
pub(crate) fn run_with(profile: &str, bless: bool) -> Result<()> {
    let threads = if bless { "2" } else { "1" };
    start(cargo(&[
        "run",
        "--quiet",
        &format!("--profile={profile}"),
        "--package=skewless-cli",
        "--",
        "train",
        "models/flights/skewless.toml",
        "--output",
        RETRAINED,
        "--threads",
        threads,
    ]))?;
    let read =
        |path: &str| std::fs::read(at(path)).with_context(|| format!("{path} cannot be read"));
    if bless {
        std::fs::write(at(COMMITTED), read(RETRAINED)?)?;
        println!("{COMMITTED} is the bundle just trained");
        return Ok(());
    }
    if read(RETRAINED)? != read(COMMITTED)? {
        bail!(
            "{RETRAINED} differs from {COMMITTED}: training is not deterministic, or the bundle is not of this tree"
        );
    }
    println!("{RETRAINED} and {COMMITTED} are the same bytes");
    Ok(())
}

pub(crate) fn run(bless: bool) -> Result<()> {
    run_with("release", bless)
}

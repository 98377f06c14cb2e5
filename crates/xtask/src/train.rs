//! Training again: the same inputs must give the committed bundles, byte for byte.

use anyhow::{Context, Result, bail};

use crate::built;
use crate::command::{at, command, run as start};

/// The committed models. The small ones have experiments, all of which are run again.
const MODELS: [&str; 3] = ["diabetes", "wine", "flights"];

/// The verb: in the profile that users run.
pub(crate) fn run(bless: bool) -> Result<()> {
    match bless {
        true => MODELS
            .iter()
            .try_for_each(|model| train("release", model, &["--threads", "2", "--no-store"])),
        false => compare("release"),
    }
}

/// Trains on one thread, and compares with the committed bundles, which two threads trained.
pub(crate) fn compare(profile: &str) -> Result<()> {
    for model in MODELS {
        let folder = at(&format!("target/{model}"));
        std::fs::create_dir_all(&folder)?;
        let committed = format!("models/{model}/{model}.skw");
        let retrained = format!("target/{model}/{model}.skw");
        train(
            profile,
            model,
            &["--threads", "1", "--no-store", "--output", &retrained],
        )?;
        let read =
            |path: &str| std::fs::read(at(path)).with_context(|| format!("{path} cannot be read"));
        if read(&retrained)? != read(&committed)? {
            bail!(
                "{retrained} differs from {committed}: run `cargo xtask train --bless` and review the card, or find what is not deterministic"
            );
        }
        println!("{retrained} and {committed} are the same bytes");
    }
    Ok(())
}

fn train(profile: &str, model: &str, arguments: &[&str]) -> Result<()> {
    let config = format!("models/{model}/skewless.toml");
    let mut train = command(built::skewless(profile)?, &["train", &config]);
    train.args(arguments);
    start(train)
}

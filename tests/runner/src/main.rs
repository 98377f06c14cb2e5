//! The core in a process of its own: digests of a bundle's predictions for parity, times for benches. It links nothing
//! else, so that it is built in seconds for another processor; a bench adds tract.
#![allow(
    clippy::print_stdout,
    reason = "a program whose output is read by the verb"
)]

mod digest;
mod open;
mod serve;
mod sweep;
mod timing;
mod work;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: runner digest TARGET BUNDLE ROWS [--simd=off]   digests, one record at a time and all at once
       runner open BUNDLE ROUNDS                       times of opening a bundle
       runner serve WORKS [--tract]                    answers one request a line
       runner sweep SECONDS                            times over trees, depth and rows";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["digest", target, bundle, rows] => digest::print(target, bundle, rows, false),
        ["digest", target, bundle, rows, "--simd=off"] => digest::print(target, bundle, rows, true),
        ["open", bundle, rounds] => open::print(bundle, rounds.parse()?),
        ["serve", works] => serve::answer_requests(works, false),
        ["serve", works, "--tract"] => serve::answer_requests(works, true),
        ["sweep", seconds] => sweep::print(seconds.parse()?),
        _ => bail!("{USAGE}"),
    }
}

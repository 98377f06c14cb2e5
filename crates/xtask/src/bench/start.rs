//! From nothing to the first answer: fresh Node processes, the project's and the peers' in turn.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::contest::{Measured, Settings, Spread, spread};
use super::works::{self, Works};
use crate::command::command;

const PEERS: [&str; 2] = ["onnxruntime-web", "ydf-inference"];

/// Starts each engine several times.
pub(crate) fn measure(works: &Works, settings: Settings) -> Result<Vec<Measured>> {
    println!("\n── start in Node");
    let peers: &[&str] = if works.peers { &PEERS } else { &[] };
    let mut ours = Vec::new();
    let mut theirs = vec![Vec::new(); peers.len()];
    // The first start of each finds its files in no cache and is left out.
    for round in 0..=settings.starts {
        let all = std::iter::once((&"skewless", &mut ours)).chain(peers.iter().zip(&mut theirs));
        for (engine, times) in all {
            let time = once(engine, works)?;
            times.extend((round > 0).then_some(time));
        }
    }
    let ours = spread(ours)?;
    let row = |peer: Option<(String, Spread)>| Measured {
        work: "start".to_owned(),
        target: "wasm".to_owned(),
        batch: 1,
        ours,
        peer,
    };
    if peers.is_empty() {
        return Ok(vec![row(None)]);
    }
    peers
        .iter()
        .zip(theirs)
        .map(|(peer, times)| {
            let times = spread(times)?;
            println!(
                "  start {:>10.1} ms   {peer:<20} {:>10.1} ms",
                ours.median / 1e3,
                times.median / 1e3
            );
            Ok(row(Some(((*peer).to_owned(), times))))
        })
        .collect()
}

/// Microseconds of one start.
fn once(engine: &str, works: &Works) -> Result<f64> {
    let folder = works.folder.display().to_string();
    let modules = works::modules().display().to_string();
    let mut node = command(
        "node",
        &["tests/peers/start.mjs", engine, &folder, &modules],
    );
    // Peers log as they start; where one fails, its log is what there is to say.
    let answer = node.stdin(Stdio::null()).output()?;
    if !answer.status.success() {
        bail!("{engine}: {}", String::from_utf8_lossy(&answer.stderr));
    }
    let answer: Value = serde_json::from_slice(&answer.stdout)?;
    answer["us"].as_f64().context("no time")
}

//! Rounds in which the project's engine and its peers take turns, after each has shown that its answers are right.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::check::check;
use super::field::{self, TARGETS, command_of};
use super::runner::Runner;
use super::works::Works;

/// How long and how often.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    /// Length of one turn.
    pub(crate) seconds: f64,
    /// What runs before the first round: engines in JavaScript are compiled again while they run.
    pub(crate) warm_up: f64,
    /// Fresh processes whose start is measured.
    pub(crate) starts: usize,
}

impl Settings {
    pub(crate) const FULL: Self = Self {
        rounds: 11,
        seconds: 0.15,
        warm_up: 1.0,
        starts: 7,
    };
    pub(crate) const SMALL: Self = Self {
        rounds: 2,
        seconds: 0.02,
        warm_up: 0.02,
        starts: 1,
    };
}

/// Times of one engine, in microseconds a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// The project's engine beside one peer; without a peer where none is there.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) work: String,
    pub(crate) target: String,
    pub(crate) batch: usize,
    pub(crate) ours: Spread,
    pub(crate) peer: Option<(String, Spread)>,
}

/// Measurements as they come in, and what could not be measured.
pub(crate) struct Contest {
    settings: Settings,
    only: Option<String>,
    measured: Vec<Measured>,
    failures: Vec<String>,
}

impl Contest {
    pub(crate) fn new(settings: Settings, only: Option<&str>) -> Self {
        Self {
            settings,
            only: only.map(str::to_owned),
            measured: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether every work was asked for.
    pub(crate) fn is_complete(&self) -> bool {
        self.only.is_none()
    }

    /// Whether a work on a target was asked for.
    pub(crate) fn wants(&self, work: &str, target: &str) -> bool {
        let name = format!("{work} on {target}");
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }

    /// Takes measurements made elsewhere.
    pub(crate) fn add(&mut self, measured: Vec<Measured>) {
        self.measured.extend(measured);
    }

    /// The measurements, and a line for each that is missing.
    pub(crate) fn finish(self) -> (Vec<Measured>, Vec<String>) {
        (self.measured, self.failures)
    }

    /// All targets over all works.
    pub(crate) fn run(&mut self, works: &Works) -> Result<()> {
        for target in TARGETS {
            if target == "wasm-chromium" && !works.peers {
                continue;
            }
            println!("\n── {target}");
            for work in &works.names {
                if !self.wants(work, target) {
                    continue;
                }
                let able = if works.peers {
                    field::peers(target, work)
                } else {
                    Vec::new()
                };
                if able.is_empty() && works.peers {
                    continue;
                }
                if let Err(error) = self.work(works, target, work, &able) {
                    self.fail(format!("{work} on {target}: {error:#}"));
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, failure: String) {
        println!("  not measured: {failure}");
        self.failures.push(failure);
    }

    /// One work on one target: opens all, compares the answers, times in turn.
    fn work(&mut self, works: &Works, target: &str, work: &str, able: &[&str]) -> Result<()> {
        let facts = works.facts(work)?;
        let mut ours = Runner::start("skewless", command_of(works, target, "skewless")?)?;
        check(works, work, &mut ours, &facts["bound"], true).context("skewless")?;
        let mut peers = Vec::new();
        for &peer in able {
            let opened =
                Runner::start(peer, command_of(works, target, peer)?).and_then(|mut runner| {
                    check(works, work, &mut runner, &facts["bound"], false)?;
                    Ok(runner)
                });
            match opened {
                Ok(runner) => peers.push((peer, runner)),
                Err(error) => self.fail(format!("{peer} on {work}, {target}: {error:#}")),
            }
        }
        let batches = facts["batches"].as_array().context("no batches")?;
        for batch in batches.iter().filter_map(Value::as_u64) {
            let batch = usize::try_from(batch)?;
            let rounds = self.rounds(work, batch, &mut ours, &mut peers)?;
            for (peer, spread) in &rounds.peers {
                println!(
                    "  {work:<22} batch {batch:<4} {:>10.3} µs   {peer:<26} {:>10.3} µs   {:>7.1} ×",
                    rounds.ours.median,
                    spread.median,
                    spread.median / rounds.ours.median
                );
            }
            self.measured.extend(rounds.measured(work, target, batch));
        }
        Ok(())
    }

    fn rounds(
        &self,
        work: &str,
        batch: usize,
        ours: &mut Runner,
        peers: &mut [(&str, Runner)],
    ) -> Result<Rounds> {
        let Settings {
            rounds,
            seconds,
            warm_up,
            ..
        } = self.settings;
        ours.time(work, batch, warm_up)?;
        for (_, peer) in peers.iter_mut() {
            peer.time(work, batch, warm_up)?;
        }
        let mut our_times = Vec::new();
        let mut peer_times = vec![Vec::new(); peers.len()];
        for _ in 0..rounds {
            our_times.push(ours.time(work, batch, seconds)?);
            for ((_, peer), times) in peers.iter_mut().zip(&mut peer_times) {
                times.push(peer.time(work, batch, seconds)?);
            }
        }
        let spreads = peers
            .iter()
            .zip(peer_times)
            .map(|((name, _), times)| Ok(((*name).to_owned(), spread(times)?)));
        Ok(Rounds {
            ours: spread(our_times)?,
            peers: spreads.collect::<Result<_>>()?,
        })
    }
}

struct Rounds {
    ours: Spread,
    peers: Vec<(String, Spread)>,
}

impl Rounds {
    fn measured(self, work: &str, target: &str, batch: usize) -> Vec<Measured> {
        let row = |peer| Measured {
            work: work.to_owned(),
            target: target.to_owned(),
            batch,
            ours: self.ours,
            peer,
        };
        if self.peers.is_empty() {
            return vec![row(None)];
        }
        self.peers
            .iter()
            .cloned()
            .map(|peer| row(Some(peer)))
            .collect()
    }
}

/// Least, middle and greatest of some times.
pub(crate) fn spread(mut times: Vec<f64>) -> Result<Spread> {
    times.sort_by(f64::total_cmp);
    match (times.first(), times.get(times.len() / 2), times.last()) {
        (Some(&min), Some(&median), Some(&max)) => Ok(Spread { min, median, max }),
        _ => bail!("nothing was timed"),
    }
}

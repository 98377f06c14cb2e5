//! A second bundle that scores a share of the requests after their answers, and how often it says something else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use skewless_core::bundle::Contents;
use skewless_core::{Error, Output, Prediction, Predictor, Record, Result};
use skewless_protocol::Service;

use crate::beside::beside;
use crate::sampling;
use crate::source::Source;
use crate::supply::Engine;

/// The second bundle, its queue, and its counts. Nobody waits for it: rows for which the queue has no room are dropped.
pub struct Shadow {
    source: Source,
    engine: Engine,
    share: f64,
    every: Option<Duration>,
    queue: Mutex<Queue>,
    working: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    rows: usize,
}

/// Rows of one request with what was answered.
struct Job {
    output: Output,
    records: Vec<Record>,
    answers: Vec<Prediction>,
}

#[derive(Default)]
struct State {
    opened: Option<Arc<Opened>>,
    tag: Option<String>,
    checked: Option<Instant>,
    counts: ShadowCounts,
}

struct Opened {
    predictor: Predictor,
    digest: String,
}

/// What was compared so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShadowCounts {
    /// Rows that both scored.
    pub rows: u64,
    /// Rows in which some value differs in its bits.
    pub differences: u64,
    /// Rows with another label.
    pub label_differences: u64,
    /// Rows that the shadow could not score.
    pub failures: u64,
    /// Rows that were not scored: no room in the queue, or no shadow to score them.
    pub dropped: u64,
    /// The differences of the first values (probability of the positive label, or the value), added up without sign.
    pub absolute_difference: f64,
}

/// Most rows that wait.
const MOST_ROWS: usize = 16_384;
/// After a failed opening, so long until the next.
const PAUSE: Duration = Duration::from_secs(10);

impl Shadow {
    /// A shadow of requests, each taken with the probability `share`. Its bundle is opened when it is first needed.
    pub(crate) fn new(source: Source, engine: Engine, share: f64, every: Option<Duration>) -> Self {
        Self {
            source,
            engine,
            share,
            every,
            queue: Mutex::default(),
            working: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Takes a request's rows, if the draw says so.
    pub(crate) fn take(&self, service: &Service, rows: &[(&Record, &Prediction)]) {
        if !sampling::draw(self.share) {
            return;
        }
        let mut queue = self.queue();
        let room = MOST_ROWS - queue.rows;
        if rows.len() > room {
            drop(queue);
            self.state().counts.dropped += rows.len() as u64;
            return;
        }
        queue.rows += rows.len();
        queue.jobs.push_back(Job {
            output: service.predictor().output().clone(),
            records: rows.iter().map(|(record, _)| (*record).clone()).collect(),
            answers: rows.iter().map(|(_, answer)| (*answer).clone()).collect(),
        });
    }

    /// True where rows wait.
    pub(crate) fn has_work(&self) -> bool {
        self.queue().rows > 0
    }

    /// Scores what waits, and compares.
    pub(crate) async fn work(&self) {
        if self.working.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.has_work() {
            let opened = self.opened().await;
            while let Some(job) = self.next() {
                let rows = job.records.len() as u64;
                let compared = match &opened {
                    Some(opened) => {
                        let opened = Arc::clone(opened);
                        beside(move || opened.compare(&job)).await.ok()
                    }
                    None => None,
                };
                match compared {
                    Some(counts) => self.state().counts.add(counts),
                    None => self.state().counts.dropped += rows,
                }
            }
        }
        self.working.store(false, Ordering::Release);
    }

    /// What was compared so far.
    pub fn counts(&self) -> ShadowCounts {
        self.state().counts
    }

    /// The digest of the shadow's bundle, once it is open.
    pub fn digest(&self) -> Option<String> {
        let state = self.state();
        state.opened.as_ref().map(|opened| opened.digest.clone())
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        let job = queue.jobs.pop_front()?;
        queue.rows -= job.records.len();
        Some(job)
    }

    /// The bundle, opened or looked after where that is due.
    async fn opened(&self) -> Option<Arc<Opened>> {
        let (opened, tag, due) = {
            let state = self.state();
            let pause = match state.opened {
                Some(_) => self.every,
                None => Some(PAUSE),
            };
            let elapsed = state.checked.map(|checked| checked.elapsed());
            let due = elapsed.is_none_or(|elapsed| pause.is_some_and(|pause| elapsed >= pause));
            (state.opened.clone(), state.tag.clone(), due)
        };
        if !due {
            return opened;
        }
        let read = self.source.read(tag.as_deref()).await;
        let (tag, opened) = match read {
            Ok(Some(fetched)) => {
                let engine = self.engine;
                let opened = beside(move || Opened::new(engine, &fetched.bytes)).await;
                (
                    Some(fetched.tag),
                    opened.and_then(|opened| opened.map(Some)),
                )
            }
            Ok(None) => (tag, Ok(None)),
            Err(error) => (tag, Err(error)),
        };
        let mut state = self.state();
        (state.checked, state.tag) = (Some(Instant::now()), tag);
        match opened {
            Ok(Some(opened)) => {
                tracing::info!(
                    event = "shadow",
                    digest = opened.digest,
                    "the shadow is open"
                );
                state.opened = Some(Arc::new(opened));
            }
            Ok(None) => {}
            Err(error) => tracing::error!(
                event = "shadow",
                code = error.code(),
                field = error.field(),
                "{}",
                error.message()
            ),
        }
        state.opened.clone()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn new(engine: Engine, bytes: &[u8]) -> Result<Self> {
        let contents = Contents::read(bytes)?;
        let predictor = engine(&contents)?;
        predictor.check_golden(&contents.golden()?)?;
        Ok(Self {
            predictor,
            digest: contents.digest().to_owned(),
        })
    }

    fn compare(&self, job: &Job) -> ShadowCounts {
        let mut counts = ShadowCounts::default();
        let scored = self.predictor.predict_records(&job.records);
        for (row, answer) in job.answers.iter().enumerate() {
            let shadow = scored.as_ref().map_err(Error::code).and_then(|batch| {
                let row = batch.row(row);
                row.map_err(Error::code)
            });
            match shadow {
                Ok(shadow) => {
                    let theirs = Named::of(self.predictor.output(), &shadow);
                    counts.count(&Named::of(&job.output, answer), &theirs);
                }
                Err(_) => counts.failures += 1,
            }
        }
        counts
    }
}

/// A prediction by the names of its labels, which two bundles may have in another order.
struct Named<'a> {
    label: Option<&'a str>,
    /// Sorted by name where there are several.
    values: Vec<(&'a str, f64)>,
}

impl<'a> Named<'a> {
    fn of(output: &'a Output, prediction: &'a Prediction) -> Self {
        let label = prediction.label.and_then(|label| output.label_name(label));
        // With two labels there is one value: that of the positive one, which stands last.
        let first = output.labels.len().saturating_sub(prediction.values.len());
        let names = output.labels.iter().skip(first).map(String::as_str);
        let names = names.chain(std::iter::repeat(""));
        let mut values: Vec<_> = names.zip(prediction.values.iter().copied()).collect();
        values.sort_by_key(|(name, _)| *name);
        Self { label, values }
    }
}

impl ShadowCounts {
    fn count(&mut self, answer: &Named<'_>, shadow: &Named<'_>) {
        let bits = |named: &Named<'_>| -> Vec<(String, u64)> {
            let values = named.values.iter();
            values
                .map(|(name, value)| ((*name).to_owned(), value.to_bits()))
                .collect()
        };
        self.rows += 1;
        self.differences += u64::from(bits(answer) != bits(shadow));
        self.label_differences += u64::from(answer.label != shadow.label);
        if let (Some((_, one)), Some((_, other))) = (answer.values.first(), shadow.values.first()) {
            self.absolute_difference += (one - other).abs();
        }
    }

    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.differences += more.differences;
        self.label_differences += more.label_differences;
        self.failures += more.failures;
        self.dropped += more.dropped;
        self.absolute_difference += more.absolute_difference;
    }
}

//! Jobs side by side within a bound of threads and memory. Their results stand in the jobs' order.

use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use skewless_core::{Error, Result};

/// What may be used at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) threads: usize,
    /// Bytes of all jobs together; a job that alone needs more runs alone.
    pub(crate) memory: u64,
}

#[derive(Default)]
struct State {
    next: usize,
    running: usize,
    in_use: u64,
    failed: Option<(usize, Error)>,
}

struct Shared<'a, J, B, W> {
    jobs: &'a [J],
    bytes: B,
    work: W,
    memory: u64,
    /// Threads of each job.
    each: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Runs all jobs; `work` gets a job and the threads it may use, `done` hears of each job that is done.
///
/// # Errors
/// That of the first job, in the jobs' order, that fails. Jobs are begun in order, so that it is the same in every run.
pub(crate) fn run<J: Sync, R: Send>(
    jobs: &[J],
    limits: Limits,
    bytes: impl Fn(&J) -> u64 + Sync,
    work: impl Fn(&J, usize) -> Result<R> + Sync,
    mut done: impl FnMut(),
) -> Result<Vec<R>> {
    let workers = limits.threads.clamp(1, jobs.len().max(1));
    let shared = Shared {
        jobs,
        bytes,
        work,
        memory: limits.memory,
        each: (limits.threads / workers).max(1),
        state: Mutex::new(State::default()),
        changed: Condvar::new(),
    };
    let mut results: Vec<Option<R>> = jobs.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..workers {
            let (sender, shared) = (sender.clone(), &shared);
            scope.spawn(move || {
                while let Some((place, job, bytes)) = shared.take() {
                    let result = (shared.work)(job, shared.each);
                    if let Some(result) = shared.finish(place, bytes, result) {
                        // The receiver lives until every sender is gone.
                        let _ = sender.send((place, result));
                    }
                }
            });
        }
        drop(sender);
        for (place, result) in receiver {
            if let Some(slot) = results.get_mut(place) {
                *slot = Some(result);
            }
            done();
        }
    });
    if let Some((_, error)) = shared.lock().failed.take() {
        return Err(error);
    }
    let all: Option<Vec<R>> = results.into_iter().collect();
    all.ok_or_else(|| Error::internal("internal.jobs", "a job has no result"))
}

impl<'a, J, B: Fn(&J) -> u64, W> Shared<'a, J, B, W> {
    /// The next job as soon as it fits; none when all are begun or one has failed.
    fn take(&self) -> Option<(usize, &'a J, u64)> {
        let mut state = self.lock();
        loop {
            let job = self
                .jobs
                .get(state.next)
                .filter(|_| state.failed.is_none())?;
            let bytes = (self.bytes)(job);
            if state.running == 0 || state.in_use.saturating_add(bytes) <= self.memory {
                let place = state.next;
                state.next += 1;
                state.running += 1;
                state.in_use = state.in_use.saturating_add(bytes);
                return Some((place, job, bytes));
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish<R>(&self, place: usize, bytes: u64, result: Result<R>) -> Option<R> {
        let mut state = self.lock();
        state.running -= 1;
        state.in_use = state.in_use.saturating_sub(bytes);
        self.changed.notify_all();
        match result {
            Ok(result) => Some(result),
            Err(error) => {
                if state
                    .failed
                    .as_ref()
                    .is_none_or(|(first, _)| place < *first)
                {
                    state.failed = Some((place, error));
                }
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const JOBS: [u64; 8] = [3, 5, 2, 9, 4, 4, 1, 6];

    #[test]
    fn results_stand_in_order_and_memory_is_kept() {
        for threads in [1, 2, 8] {
            let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
            let limits = Limits { threads, memory: 8 };
            let mut heard = 0;
            let work = |job: &u64, _| {
                let in_use = now.fetch_add(*job, Ordering::SeqCst) + job;
                most.fetch_max(in_use, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(*job, Ordering::SeqCst);
                Ok(job * 10)
            };
            let results = run(&JOBS, limits, |job| *job, work, || heard += 1).unwrap();
            assert_eq!(results, JOBS.map(|job| job * 10));
            assert_eq!(heard, JOBS.len());
            // The job of 9 is over the bound, and runs alone.
            assert!(most.load(Ordering::SeqCst) <= 9);
        }
    }

    #[test]
    fn the_first_failure_in_order_is_the_error() {
        for threads in [1, 4] {
            let limits = Limits {
                threads,
                memory: 100,
            };
            let work = |job: &u64, _| match job {
                9 => Err(Error::input("test.nine", "")),
                4 => Err(Error::input("test.four", "")),
                _ => Ok(()),
            };
            let error = run(&JOBS, limits, |_| 1, work, || {}).unwrap_err();
            assert_eq!(error.code(), "test.nine");
        }
    }
}

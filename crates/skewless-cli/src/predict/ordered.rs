//! Work spread over threads whose results come back in the order of the items.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Items and results that may wait at each thread. Bounded, so that a slow reader of the output holds the input back.
const WAITING: usize = 2;

/// Most items and results that are in memory at once: those that wait, one at work in each thread, one being dealt and one
/// being taken.
pub(crate) fn in_flight(jobs: usize) -> usize {
    jobs.max(1) * (2 * WAITING + 1) + 2
}

/// Calls `work` for each item on one of `jobs` threads, and `take` with the results in the items' order. Items go round
/// the threads in turn, so results are collected in the same turn and none overtakes another. After the first error of
/// `take` nothing more is started.
pub(crate) fn for_each<T: Send, R: Send, E>(
    items: impl Iterator<Item = T> + Send,
    jobs: usize,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let work = &work;
    thread::scope(|scope| {
        let (mut to_workers, mut from_workers) = (Vec::new(), Vec::new());
        for _ in 0..jobs.max(1) {
            let (send_item, receive_item) = sync_channel::<T>(WAITING);
            let (send_result, receive_result) = sync_channel::<R>(WAITING);
            scope.spawn(move || answer(&receive_item, &send_result, work));
            to_workers.push(send_item);
            from_workers.push(receive_result);
        }
        scope.spawn(move || deal(items, &to_workers));
        for worker in (0..from_workers.len()).cycle() {
            // A thread without a further result means that the items have ended.
            let Some(Ok(result)) = from_workers.get(worker).map(Receiver::recv) else {
                return Ok(());
            };
            take(result)?;
        }
        Ok(())
    })
}

fn deal<T>(items: impl Iterator<Item = T>, to_workers: &[SyncSender<T>]) {
    for (item, worker) in items.zip(to_workers.iter().cycle()) {
        if worker.send(item).is_err() {
            return;
        }
    }
}

fn answer<T, R>(items: &Receiver<T>, results: &SyncSender<R>, work: impl Fn(T) -> R) {
    for item in items {
        if results.send(work(item)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for jobs in [1, 2, 3, 8] {
            let mut taken = Vec::new();
            let slow_when_even = |item: u64| {
                thread::sleep(Duration::from_micros(if item.is_multiple_of(2) {
                    200
                } else {
                    0
                }));
                item * 10
            };
            let outcome: Result<(), ()> = for_each(0..101, jobs, slow_when_even, |result| {
                taken.push(result);
                Ok(())
            });
            assert_eq!(outcome, Ok(()));
            assert_eq!(
                taken,
                (0..101).map(|item| item * 10).collect::<Vec<_>>(),
                "{jobs} jobs"
            );
        }
    }

    #[test]
    fn an_error_ends_an_endless_input() {
        let outcome = for_each(
            0..,
            2,
            |item: u64| item,
            |result| if result == 5 { Err("five") } else { Ok(()) },
        );
        assert_eq!(outcome, Err("five"));
    }

    #[test]
    fn no_items_give_no_results() {
        let outcome: Result<(), ()> =
            for_each(std::iter::empty::<u64>(), 4, |item| item, |_| Err(()));
        assert_eq!(outcome, Ok(()));
    }
}

//! Requests that arrive together are scored as one batch: the first waits a little for others.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use skewless_protocol::{Headers, Request, Response, Service};
use skewless_serving::Config;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::respond::not_answered;

/// Takes requests to the task that gathers them.
pub(super) struct Batcher(mpsc::Sender<Waiting>);

/// A request that waits for others.
struct Waiting {
    service: Arc<Service>,
    method: String,
    path: String,
    headers: Headers,
    body: Bytes,
    answer: oneshot::Sender<Response>,
}

impl Batcher {
    /// Begins to gather; called inside the runtime.
    pub(super) fn start(config: &Config) -> Self {
        // As many as may be under way: nobody waits to hand one in.
        let (sender, receiver) = mpsc::channel(config.max_queue.max(1));
        tokio::spawn(gather(receiver, config.batch_rows, config.batch_wait));
        Self(sender)
    }

    /// The answer to a request that is scored together with others.
    pub(super) async fn answer(
        &self,
        service: &Arc<Service>,
        asked: &Request<'_>,
        body: Bytes,
    ) -> Response {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            service: Arc::clone(service),
            method: asked.method.to_owned(),
            path: asked.path.to_owned(),
            headers: asked.headers.clone(),
            body,
            answer,
        };
        let handed_in = self.0.send(waiting).await;
        match (handed_in, answered.await) {
            (Ok(()), Ok(response)) => response,
            _ => service.refuse(asked, &not_answered()),
        }
    }
}

async fn gather(mut requests: mpsc::Receiver<Waiting>, rows: usize, wait: Duration) {
    let mut batch: Vec<Waiting> = Vec::new();
    while let Some(first) = requests.recv().await {
        batch.push(first);
        let deadline = Instant::now() + wait;
        // A request has a row at least.
        while batch.len() < rows {
            match timeout_at(deadline, requests.recv()).await {
                Ok(Some(next)) => batch.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        while !batch.is_empty() {
            answer_those_of_the_first_bundle(&mut batch, rows);
        }
    }
}

/// Answers the requests whose bundle is the first one's; others stay, because another bundle came in between.
fn answer_those_of_the_first_bundle(batch: &mut Vec<Waiting>, rows: usize) {
    let Some(service) = batch.first().map(|first| Arc::clone(&first.service)) else {
        return;
    };
    let (now, later): (Vec<_>, Vec<_>) = std::mem::take(batch)
        .into_iter()
        .partition(|waiting| Arc::ptr_eq(&waiting.service, &service));
    *batch = later;
    let requests: Vec<Request<'_>> = now
        .iter()
        .map(|waiting| Request {
            method: &waiting.method,
            path: &waiting.path,
            headers: waiting.headers.clone(),
            body: &waiting.body,
        })
        .collect();
    let answers = service.respond_all(&requests, rows);
    drop(requests);
    for (waiting, answer) in now.into_iter().zip(answers) {
        // Whoever asked may have gone.
        let _ = waiting.answer.send(answer);
    }
}

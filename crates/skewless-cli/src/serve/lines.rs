//! JSON lines, answered while they arrive and no faster than their answers are read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::response::Response;
use futures_util::stream::unfold;
use http_body_util::BodyExt;
use serde_json::json;
use skewless_core::Error;
use skewless_protocol::{Lines, Request, Service, error_json};
use tokio::time::timeout;

use super::door::Door;
use super::exchange::Exchange;
use super::respond::{AT_ONCE, carried, not_answered, refused, too_slow};

/// A request's head, and the response that begins its answers.
pub(super) struct Asking<'a> {
    pub(super) asked: &'a Request<'a>,
    pub(super) begun: skewless_protocol::Response,
}

/// Waits for the first answers: what goes wrong before them is a refusal, which has a status. The others follow as they
/// are taken.
pub(super) async fn answer(
    door: &Door,
    service: Arc<Service>,
    exchange: &Arc<Exchange>,
    asking: Asking<'_>,
    body: Body,
) -> Response {
    let mut under_way = UnderWay {
        lines: Some(Lines::new(&service)),
        patience: door.config().request_timeout,
        too_slow: Some(too_slow(door)),
        service: Arc::clone(&service),
        exchange: Arc::clone(exchange),
        body,
        failure: None,
        ended: false,
    };
    let first = under_way.next().await;
    let refusal = match &first {
        Some(Err(BrokenOff)) => Some(Error::input("request.aborted", "the body broke off")),
        _ => under_way.take_refusal(),
    };
    if let Some(error) = refusal {
        return refused(&service, asking.asked, exchange, &error);
    }
    let mut response = carried(asking.begun, exchange);
    under_way.tell();
    let milliseconds = exchange.started().elapsed().as_secs_f64() * 1e3;
    if let Ok(timing) = HeaderValue::try_from(format!("first;dur={milliseconds:.3}")) {
        response.headers_mut().insert("server-timing", timing);
    }
    let answers = unfold((first, under_way), |(first, mut under_way)| async move {
        let answers = match first {
            Some(first) => first,
            None => under_way.next().await?,
        };
        Some((answers, (None, under_way)))
    });
    *response.body_mut() = Body::from_stream(answers);
    response
}

/// The request's body ended before its end: so do its answers, in a way that cannot be taken for theirs.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body broke off")
    }
}

impl std::error::Error for BrokenOff {}

/// A stream of lines under way.
struct UnderWay {
    service: Arc<Service>,
    exchange: Arc<Exchange>,
    body: Body,
    /// Elsewhere while a piece is scored there.
    lines: Option<Lines>,
    /// How long the next piece may take.
    patience: Duration,
    too_slow: Option<Error>,
    /// What ended the stream, where [`Lines`] does not know of it.
    failure: Option<Error>,
    ended: bool,
}

impl UnderWay {
    /// The next answers; nothing at the end.
    async fn next(&mut self) -> Option<Result<Bytes, BrokenOff>> {
        while !self.ended {
            let piece = match timeout(self.patience, self.body.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => Some(piece),
                    Err(_trailers) => continue,
                },
                Ok(None) => None,
                Ok(Some(Err(_))) => {
                    self.ended = true;
                    self.exchange.outcome().code = Some("request.aborted");
                    return Some(Err(BrokenOff));
                }
                Err(_) => {
                    let error = self.too_slow.take().unwrap_or_else(not_answered);
                    self.fail(error);
                    break;
                }
            };
            self.ended |= piece.is_none();
            let answers = self.scored(piece).await;
            self.ended |= self
                .lines
                .as_ref()
                .is_none_or(|lines| lines.over().is_some());
            self.tell();
            if !answers.is_empty() {
                return Some(Ok(Bytes::from(answers)));
            }
        }
        // Only what `Lines` does not know of is without its line yet.
        let failure = self.failure.as_ref().filter(|_| self.rows() > 0)?;
        let line = format!("{}\n", json!({"error": error_json(failure)}));
        self.failure = None;
        Some(Ok(Bytes::from(line)))
    }

    async fn scored(&mut self, piece: Option<Bytes>) -> Vec<u8> {
        let Some(mut lines) = self.lines.take() else {
            return Vec::new();
        };
        match piece {
            Some(piece) if piece.len() > AT_ONCE => {
                let service = Arc::clone(&self.service);
                let scored = tokio::task::spawn_blocking(move || {
                    let answers = lines.push(&service, &piece);
                    (lines, answers)
                });
                match scored.await {
                    Ok((lines, answers)) => {
                        self.lines = Some(lines);
                        answers
                    }
                    Err(_) => {
                        self.fail(not_answered());
                        Vec::new()
                    }
                }
            }
            piece => {
                let answers = match piece {
                    Some(piece) => lines.push(&self.service, &piece),
                    None => lines.finish(&self.service),
                };
                self.lines = Some(lines);
                answers
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.ended = true;
        self.exchange.leave_unread();
        self.exchange.outcome().code = Some(error.code());
        self.failure = Some(error);
    }

    fn rows(&self) -> u64 {
        self.exchange.outcome().rows
    }

    /// What refuses the request as a whole: it ended before anything was answered.
    fn take_refusal(&mut self) -> Option<Error> {
        if self.rows() > 0 {
            return None;
        }
        let over = |lines: Lines| lines.into_over();
        self.failure
            .take()
            .or_else(|| self.lines.take().and_then(over))
    }

    /// Keeps the count where the request's end is written down.
    fn tell(&self) {
        let Some(lines) = &self.lines else { return };
        let mut outcome = self.exchange.outcome();
        outcome.rows = lines.tally().rows as u64;
        let failures = lines.failures().iter();
        outcome.failures = failures
            .map(|(code, count)| (*code, *count as u64))
            .collect();
        if let Some(error) = lines.over() {
            outcome.code = Some(error.code());
            self.exchange.leave_unread();
        }
    }
}

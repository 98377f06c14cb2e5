//! One request, from its head to the end of its answer: there it is counted and logged.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use skewless_protocol::{ModelFacts, Observation, Service};
use tokio::sync::OwnedSemaphorePermit;

use super::door::Door;
use super::link::{Link, Phase};

/// Response header, and request header where the client gives the id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Headers that an id is taken from, as on every door.
const ID_HEADERS: [&str; 2] = ["x-request-id", "cf-ray"];
/// Longest id that is taken, and longest path in the log.
const ID_BYTES: usize = 128;
const PATH_BYTES: usize = 200;

/// What is known of a request.
pub(super) struct Exchange {
    method: axum::http::Method,
    path: String,
    id: HeaderValue,
    trace: Option<String>,
    started: Instant,
    link: Arc<Link>,
    outcome: Mutex<Outcome>,
}

/// What became of a request.
#[derive(Default)]
pub(super) struct Outcome {
    /// The code of a request that was refused, or whose answer ended before its end.
    pub(super) code: Option<&'static str>,
    pub(super) rows: u64,
    /// How many rows failed with each code.
    pub(super) failures: Vec<(&'static str, u64)>,
    /// The bundle that answered; nothing for files.
    pub(super) service: Option<Arc<Service>>,
    /// The request's place among those under way.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl Exchange {
    pub(super) fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Notes that the request's body is not read to its end.
    pub(super) fn leave_unread(&self) {
        self.link.leave_unread();
    }
}

/// Holds a request while it is answered. Dropped before the answer's end, the client has gone.
pub(super) struct Answering {
    door: Arc<Door>,
    exchange: Arc<Exchange>,
    status: u16,
    ended: bool,
}

/// An answer's body that tells of its end.
pub(super) struct Tail {
    body: Body,
    /// Bytes still to come, where the head says how many there are: behind them nobody asks for another frame.
    left: Option<u64>,
    answering: Answering,
}

impl Answering {
    pub(super) fn begin<B>(door: Arc<Door>, link: Arc<Link>, request: &Request<B>) -> Self {
        let given = ID_HEADERS
            .iter()
            .find_map(|name| request.headers().get(*name))
            .filter(|id| is_an_id(id.as_bytes()));
        let id = given.cloned().unwrap_or_else(|| {
            HeaderValue::try_from(door.new_id())
                .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        });
        let exchange = Exchange {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            id,
            trace: (request.headers().get("traceparent"))
                .and_then(|parent| trace_id(parent.as_bytes())),
            started: Instant::now(),
            link,
            outcome: Mutex::default(),
        };
        Self {
            door,
            exchange: Arc::new(exchange),
            // What a request has whose client has gone before it was answered.
            status: 400,
            ended: false,
        }
    }

    pub(super) fn exchange(&self) -> Arc<Exchange> {
        Arc::clone(&self.exchange)
    }

    /// The answer with its id, followed to its end.
    pub(super) fn follow(mut self, response: Response<Body>) -> Response<Tail> {
        self.status = response.status().as_u16();
        let (mut parts, body) = response.into_parts();
        parts.headers.insert(REQUEST_ID, self.exchange.id.clone());
        let length = parts.headers.get(CONTENT_LENGTH);
        let tail = Tail {
            body,
            left: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            answering: self,
        };
        Response::from_parts(parts, tail)
    }

    fn finish(&self) {
        let exchange = &self.exchange;
        let seconds = exchange.started.elapsed().as_secs_f64();
        let mut outcome = exchange.outcome();
        if !self.ended {
            outcome.code = outcome.code.or(Some("request.aborted"));
        }
        // The next request may take it.
        outcome.place = None;
        if outcome.service.is_some() {
            self.door.host().observe(&Observation {
                path: &exchange.path,
                status: self.status,
                code: outcome.code,
                rows: outcome.rows,
                failures: &outcome.failures,
                seconds,
            });
        }
        self.log(&outcome, seconds);
        drop(outcome);
        // Here the answer has been sent: what is to be done after it, and must not keep a caller waiting, begins here.
        exchange.link.enter(Phase::Idle);
    }

    fn log(&self, outcome: &Outcome, seconds: f64) {
        if !tracing::enabled!(tracing::Level::ERROR) {
            return;
        }
        let exchange = &self.exchange;
        let facts: Option<&ModelFacts> = outcome.service.as_ref().map(|service| service.facts());
        let failures: u64 = outcome.failures.iter().map(|(_, count)| count).sum();
        let codes = (failures > 0).then(|| {
            let entries = outcome.failures.iter();
            let entries: Vec<String> = entries
                .map(|(code, count)| format!("{code} {count}"))
                .collect();
            entries.join(", ")
        });
        // One event for both levels: a level is part of where an event is written.
        macro_rules! write {
            ($event:ident) => {
                tracing::$event!(
                    event = "request",
                    method = exchange.method.as_str(),
                    path = shortened(&exchange.path),
                    status = self.status,
                    code = outcome.code,
                    rows = outcome.rows,
                    failures,
                    codes,
                    ms = (seconds * 1e6).round() / 1e3,
                    model = facts.map(|facts| facts.name.as_str()),
                    version = facts.map(|facts| facts.version.as_str()),
                    digest = facts.map(|facts| facts.digest.as_str()),
                    request_id = exchange.id.to_str().unwrap_or_default(),
                    trace_id = exchange.trace,
                )
            };
        }
        if self.status >= 500 {
            write!(error);
        } else {
            write!(info);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.finish();
    }
}

impl HttpBody for Tail {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        self.answering.ended |= frame.is_none() || self.left == Some(0);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // Of a body whose end is known nobody asks for a frame after the last.
        self.answering.ended |= self.body.is_end_stream();
    }
}

/// Visible ASCII, as ids are on every door.
fn is_an_id(text: &[u8]) -> bool {
    (1..=ID_BYTES).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

/// The trace of a `traceparent` header, `VERSION-TRACE-PARENT-FLAGS` in lower-case hexadecimal.
///
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
fn trace_id(parent: &[u8]) -> Option<String> {
    let id = parent.split(|&byte| byte == b'-').nth(1)?;
    let is_hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_one = id.len() == 32 && id.iter().all(is_hexadecimal);
    is_one.then(|| String::from_utf8_lossy(id).into_owned())
}

fn shortened(path: &str) -> &str {
    let mut end = path.len().min(PATH_BYTES);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    path.get(..end).unwrap_or_default()
}

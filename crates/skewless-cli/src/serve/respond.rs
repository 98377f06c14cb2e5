//! The protocols' answers: a request's head says how its body is read; small bodies are scored at once, large ones beside
//! the threads that read and write.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use http_body::Body as _;
use skewless_core::Error;
use skewless_protocol::{Admission, Service};
use tokio::time::{Instant as Moment, timeout_at};

use super::body::{Unread, whole};
use super::door::Door;
use super::exchange::Exchange;
use super::lines;

/// Longest body that is scored on the thread that read it: handing it on would take as long.
pub(super) const AT_ONCE: usize = 16 << 10;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Carries a request to the protocols and its answer back.
pub(super) async fn respond(
    State(door): State<Arc<Door>>,
    Extension(exchange): Extension<Arc<Exchange>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let service = door.host().service();
    exchange.outcome().service = Some(Arc::clone(&service));
    let unread = !body.is_end_stream();
    let asked = asked(&parts);
    let most = match service.admit(&asked) {
        Admission::Answered(answer) => {
            if unread {
                exchange.leave_unread();
            }
            return carried(answer, &exchange);
        }
        Admission::Whole(0) => {
            if unread {
                exchange.leave_unread();
            }
            return carried(door.host().respond(&service, &asked), &exchange);
        }
        Admission::Whole(most) => Some(most),
        Admission::Lines(begun) => {
            return match take_place(&door, &exchange) {
                Ok(()) => {
                    let asking = lines::Asking {
                        asked: &asked,
                        begun,
                    };
                    lines::answer(&door, service, &exchange, asking, body).await
                }
                Err(error) => refused(&service, &asked, &exchange, &error),
            };
        }
    };
    if let Err(error) = take_place(&door, &exchange) {
        return refused(&service, &asked, &exchange, &error);
    }
    let deadline = Moment::now() + door.config().request_timeout;
    let most = most.unwrap_or_default();
    let body = match timeout_at(deadline, whole(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(Unread::TooLarge)) => {
            exchange.leave_unread();
            return carried(service.refuse_too_large(&asked), &exchange);
        }
        Ok(Err(Unread::BrokenOff)) => {
            let error = Error::input("request.aborted", "the body broke off");
            return refused(&service, &asked, &exchange, &error);
        }
        Err(_) => return refused(&service, &asked, &exchange, &too_slow(&door)),
    };
    let read = Instant::now();
    let answer = if body.len() > AT_ONCE {
        let scored = beside(&door, &service, &exchange, Arc::new(parts.clone()), body);
        match timeout_at(deadline, scored).await {
            Ok(answer) => answer,
            Err(_) => {
                let mut answer = service.refuse(&asked, &too_busy(&door));
                answer.status = 503;
                answer.headers.push("retry-after", "1");
                answer
            }
        }
    } else if let Some(batcher) = door.batcher() {
        batcher.answer(&service, &asked, body).await
    } else {
        let asked = skewless_protocol::Request {
            body: &body,
            ..asked
        };
        door.host().respond(&service, &asked)
    };
    let mut response = carried(answer, &exchange);
    let timing = format!(
        "read;dur={:.3}, answer;dur={:.3}",
        read.duration_since(exchange.started()).as_secs_f64() * 1e3,
        read.elapsed().as_secs_f64() * 1e3
    );
    if let Ok(timing) = HeaderValue::try_from(timing) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    response
}

/// Takes a place among the requests under way, which ends with the exchange.
fn take_place(door: &Door, exchange: &Exchange) -> skewless_core::Result<()> {
    let place = door.place()?;
    exchange.outcome().place = Some(place);
    Ok(())
}

/// Scores a large body on a thread that neither reads nor writes. The request keeps its place until that is done, even
/// where nobody waits for it any more.
async fn beside(
    door: &Arc<Door>,
    service: &Arc<Service>,
    exchange: &Arc<Exchange>,
    parts: Arc<Parts>,
    body: Bytes,
) -> skewless_protocol::Response {
    let place = exchange.outcome().place.take();
    let (host, held, head) = (Arc::clone(door), Arc::clone(service), Arc::clone(&parts));
    let answered = tokio::task::spawn_blocking(move || {
        let asked = skewless_protocol::Request {
            body: &body,
            ..asked(&head)
        };
        (host.host().respond(&held, &asked), place)
    });
    match answered.await {
        Ok((answer, place)) => {
            exchange.outcome().place = place;
            answer
        }
        Err(_) => service.refuse(&asked(&parts), &not_answered()),
    }
}

/// The error of a request whose scoring ended without an answer.
pub(super) fn not_answered() -> Error {
    Error::internal("internal.serve", "the request could not be answered")
}

/// The error of a body that does not arrive.
pub(super) fn too_slow(door: &Door) -> Error {
    let seconds = door.config().request_timeout.as_secs();
    Error::input(
        "request.timeout",
        format!("a request's body has {seconds} s to arrive"),
    )
}

fn too_busy(door: &Door) -> Error {
    let seconds = door.config().request_timeout.as_secs();
    Error::input(
        "request.timeout",
        format!("the request could not be answered within {seconds} s"),
    )
}

/// The answer to a request whose body is left where it is.
pub(super) fn refused(
    service: &Service,
    asked: &skewless_protocol::Request<'_>,
    exchange: &Exchange,
    error: &Error,
) -> Response {
    exchange.leave_unread();
    carried(service.refuse(asked, error), exchange)
}

/// A request's head in the protocol's words.
pub(super) fn asked(parts: &Parts) -> skewless_protocol::Request<'_> {
    let headers = parts.headers.iter();
    skewless_protocol::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        headers: headers
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect(),
        body: b"",
    }
}

/// The protocol's response in hyper's words; what became of the request is noted.
pub(super) fn carried(answer: skewless_protocol::Response, exchange: &Exchange) -> Response {
    let mut outcome = exchange.outcome();
    outcome.code = answer.code;
    outcome.rows = answer.tally.rows as u64;
    let failures = answer.failures.iter();
    outcome.failures = failures
        .map(|(code, count)| (*code, *count as u64))
        .collect();
    drop(outcome);
    let Ok(status) = StatusCode::from_u16(answer.status) else {
        return failed();
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers.iter() {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn failed() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

//! One connection: requests one after the other, each held to its times, until one side ends it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use skewless_core::Error;
use skewless_serving::Config;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::door::Door;
use super::exchange::{Answering, Tail};
use super::link::{Link, Overdue, Phase, Socket, Work};
use super::refusal::{close_gently, on_the_wire};
use super::stop::Stage;

/// Bytes of a body that are read at a time; of a head, at most twice as many.
const BUFFER: usize = 64 << 10;
/// Most header fields of a request.
const HEADERS: usize = 100;
/// Times are looked at this often at least.
const PULSE: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    door: Arc<Door>,
    mut stage: watch::Receiver<Stage>,
    work: Arc<Work>,
) {
    let stream = Arc::new(stream);
    let link = Arc::new(Link::new(work));
    let end = {
        let socket = Socket {
            stream: Arc::clone(&stream),
            link: Arc::clone(&link),
        };
        let router = TowerToHyperService::new(router);
        let (held, seen) = ((Arc::clone(&door), Arc::clone(&link)), stage.clone());
        let service = service_fn(move |request| {
            let (door, link) = held.clone();
            answered(router.clone(), door, link, seen.clone(), request)
        });
        let connection = http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_headers(HEADERS)
            // Who has said all they want to say still listens.
            .half_close(true)
            .serve_connection(TokioIo::new(socket), service);
        let mut connection = pin!(connection);
        let mut pulse = interval(pulse(door.config()));
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => break End::of(ended),
                _ = pulse.tick() => match link.overdue(door.config()) {
                    None => {}
                    Some(Overdue::Idle) if link.phase() == Phase::Fresh => break End::Silent,
                    Some(Overdue::Idle) => connection.as_mut().graceful_shutdown(),
                    Some(Overdue::Head) => break End::HeadTooSlow,
                    Some(Overdue::Write) => break End::Silent,
                },
                Ok(()) = stage.changed() => match (link.phase(), *stage.borrow_and_update()) {
                    (Phase::Fresh, Stage::Closing) => break End::Silent,
                    // What is heard of is answered, and ends the connection then.
                    (Phase::Fresh | Phase::Head, _) => {}
                    (Phase::Idle | Phase::Busy, _) => connection.as_mut().graceful_shutdown(),
                },
            }
        }
    };
    finish(end, stream, &link, &door).await;
}

/// How a connection ended.
enum End {
    Silent,
    /// Hyper has answered what is no HTTP; more of it may be under way.
    Malformed,
    HeadTooSlow,
}

impl End {
    fn of(ended: hyper::Result<()>) -> Self {
        match ended {
            Err(error) if error.is_parse() => {
                tracing::info!(code = "request.malformed", "{error}");
                Self::Malformed
            }
            _ => Self::Silent,
        }
    }
}

async fn finish(end: End, stream: Arc<TcpStream>, link: &Link, door: &Door) {
    if matches!(end, End::HeadTooSlow) {
        let seconds = door.config().header_timeout.as_secs();
        let error = Error::input(
            "request.timeout",
            format!("the head of a request has {seconds} s to arrive"),
        );
        tracing::info!(code = error.code(), "{error}");
        // Where there is no room for it, nobody reads.
        let _ = stream.try_write(&on_the_wire(door, &error));
    }
    if (!matches!(end, End::Silent) || link.has_unread())
        && let Some(stream) = Arc::into_inner(stream)
    {
        close_gently(stream).await;
    }
}

/// Answers one request, and follows its answer to the end.
async fn answered(
    router: TowerToHyperService<Router>,
    door: Arc<Door>,
    link: Arc<Link>,
    stage: watch::Receiver<Stage>,
    request: Request<Incoming>,
) -> Result<Response<Tail>, Infallible> {
    link.enter(Phase::Busy);
    let answering = Answering::begin(door, link, &request);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(answering.exchange());
    let request = Request::from_parts(parts, Body::new(body));
    let Ok(mut response) = router.call(request).await;
    if *stage.borrow() != Stage::Serving {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(answering.follow(response))
}

/// How often times are looked at, so that none is exceeded by more than a quarter.
fn pulse(config: &Config) -> Duration {
    let least = config
        .header_timeout
        .min(config.request_timeout)
        .min(config.idle_timeout);
    PULSE.min(least / 4)
}

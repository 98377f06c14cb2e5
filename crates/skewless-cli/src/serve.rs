//! `skewless serve`: the HTTP protocols over one bundle on this machine, and the playground page beside them.
//!
//! Paths: those of `skewless-protocol`; `/bundle.skw`, and the same under the bundle's name (`/flights.skw`), with the
//! bundle's own bytes; and the files of the playground, where one is installed or named.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use skewless_core::{Bundle, Error};
use skewless_protocol::{DIGEST, Host, MODEL, Observation, Service, VERSION};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::args::ServeArgs;
use crate::bundle_file;
use crate::exit::InBundle;

/// What pages may do: their own scripts and WebAssembly, nothing from elsewhere, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; \
                                       base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A bundle's host with its file, as all requests share them.
struct Served {
    host: Host,
    file: Bytes,
}

/// Serves until the process is asked to stop; requests under way are answered first.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let served = Arc::new(open(&args.bundle).with_context(|| InBundle(args.bundle.clone()))?);
    let playground = args.playground.clone().or_else(installed_playground);
    let router = router(Arc::clone(&served), playground.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("listening on {}", args.listen))?;
        // Who reads the announcement may ask to stop at once.
        let asked_to_stop = asked_to_stop()?;
        announce(&served, listener.local_addr()?)?;
        let stop = async move {
            asked_to_stop.await;
            served.host.service().set_ready(false);
        };
        axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await?;
        Ok(())
    })
}

/// The playground of an installation: in `playground` beside the program, or in `share/skewless/playground` beside the
/// program's folder.
fn installed_playground() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let beside = ["playground", "../share/skewless/playground"];
    let mut folders = beside.into_iter().map(|path| folder.join(path));
    folders.find(|folder| folder.join("index.html").is_file())
}

fn open(path: &Path) -> skewless_core::Result<Served> {
    let file = std::fs::read(path).map_err(|error| {
        Error::bundle("bundle.unreadable", "the file cannot be read").with_source(error)
    })?;
    let bundle = Bundle::from_bytes(&file)?;
    let service = Service::with_predictor(&bundle, bundle_file::predictor(&bundle)?)?;
    Ok(Served {
        host: Host::new(service),
        file: Bytes::from(file),
    })
}

fn announce(served: &Served, address: SocketAddr) -> std::io::Result<()> {
    let service = served.host.service();
    let facts = service.facts();
    writeln!(
        std::io::stdout(),
        "{} {} ({}) at http://{address}/",
        facts.name,
        facts.version,
        facts.digest
    )
}

fn router(served: Arc<Served>, playground: Option<&Path>) -> Router {
    let protocol = any(respond);
    let service = served.host.service();
    let own_name = format!("/{}.skw", service.facts().name);
    let bundle_paths = BTreeSet::from(["/bundle.skw", &own_name]);
    let router = Router::new()
        .route("/v2", protocol.clone())
        .route("/v2/{*rest}", protocol.clone())
        .route("/invocations", protocol.clone())
        .route("/ping", protocol.clone())
        .route("/metrics", protocol.clone());
    let router = bundle_paths.into_iter().fold(router, |router, path| {
        router.route(path, get(bundle).fallback(refuse_method))
    });
    let router = match playground {
        // Where there is no such file, the protocol says so, with its code.
        Some(folder) => router.fallback_service(
            ServeDir::new(folder)
                .call_fallback_on_method_not_allowed(true)
                .fallback(protocol.with_state(Arc::clone(&served))),
        ),
        None => router.fallback(protocol),
    };
    let facts = service.facts();
    let named = |name, value: &str| {
        SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).ok(),
        )
    };
    let router = router
        .layer(named(MODEL, &facts.name))
        .layer(named(VERSION, &facts.version))
        .layer(named(DIGEST, &facts.digest));
    let fixed = |name: HeaderName, value| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    router
        .layer(fixed(
            header::CONTENT_SECURITY_POLICY,
            CONTENT_SECURITY_POLICY,
        ))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        // Pages and bundles change under the same name while one works on them.
        .layer(fixed(header::CACHE_CONTROL, "no-cache"))
        .with_state(served)
}

/// Carries a request to the protocol and its response back. Scoring runs beside the loop that reads and writes.
async fn respond(State(served): State<Arc<Served>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let answer = answer(&served, parts, body).await;
    let failures: Vec<(&str, u64)> = answer
        .failures
        .iter()
        .map(|(code, count)| (*code, *count as u64))
        .collect();
    served.host.observe(&Observation {
        path: &path,
        status: answer.status,
        code: answer.code,
        rows: answer.tally.rows as u64,
        failures: &failures,
        seconds: started.elapsed().as_secs_f64(),
    });
    carried(answer)
}

async fn answer(served: &Arc<Served>, parts: Parts, body: Body) -> skewless_protocol::Response {
    let service = served.host.service();
    // Only the limit can fail here for a caller that still listens.
    let Ok(body) = axum::body::to_bytes(body, service.limits().max_body).await else {
        return service.refuse_too_large(&asked(&parts, b""));
    };
    let (served, parts) = (Arc::clone(served), Arc::new(parts));
    let (head, held) = (Arc::clone(&parts), Arc::clone(&service));
    let answered =
        tokio::task::spawn_blocking(move || served.host.respond(&held, &asked(&head, &body)));
    match answered.await {
        Ok(response) => response,
        Err(_) => {
            let error = Error::internal("internal.serve", "the request could not be answered");
            service.refuse(&asked(&parts, b""), &error)
        }
    }
}

/// A request in the protocol's words.
fn asked<'a>(parts: &'a Parts, body: &'a [u8]) -> skewless_protocol::Request<'a> {
    let headers = parts.headers.iter();
    skewless_protocol::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        headers: headers
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect(),
        body,
    }
}

async fn bundle(State(served): State<Arc<Served>>) -> Response {
    let mut response = Response::new(Body::from(served.file.clone()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    response
}

/// The answer to a method that the bundle's paths don't take; the router adds which they do.
async fn refuse_method(State(served): State<Arc<Served>>, request: Request) -> Response {
    let error = Error::input("request.method_not_allowed", "this path takes GET, HEAD")
        .with_value(request.method().as_str());
    let (parts, _) = request.into_parts();
    carried(served.host.service().refuse(&asked(&parts, b""), &error))
}

fn carried(answer: skewless_protocol::Response) -> Response {
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

/// Hears, from the call on, what asks a server to stop: ctrl-c, and SIGTERM where there is one. The result ends when
/// one of them has come.
#[cfg(unix)]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the signal ends the process by itself.
            std::future::pending::<()>().await;
        }
    })
}

//! Who answers a path: the protocols, the bundle's own bytes, the playground's files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::{any, get};
use skewless_core::Error;
use skewless_protocol::{DIGEST, MODEL, ModelFacts, VERSION};
use tower_http::services::ServeDir;

use super::door::Door;
use super::exchange::Exchange;
use super::respond::{asked, carried, respond};

/// What pages may do: their own scripts and WebAssembly, nothing from elsewhere, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; \
                                       base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer says of itself where it does not say something else.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Pages and bundles change under the same name while one works on them.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The paths with those who answer them.
pub(super) fn router(door: &Arc<Door>, playground: Option<&Path>) -> Router {
    let protocol = any(respond);
    let own_name = format!("/{}.skw", door.host().service().facts().name);
    let bundle_paths = BTreeSet::from(["/bundle.skw", &own_name]);
    let router = Router::new()
        .route("/v2", protocol.clone())
        .route("/v2/{*rest}", protocol.clone())
        .route("/invocations", protocol.clone())
        .route("/ping", protocol.clone())
        .route("/metrics", protocol.clone())
        .route("/openapi.json", protocol.clone());
    let router = bundle_paths.into_iter().fold(router, |router, path| {
        router.route(path, get(bundle).fallback(refuse_method))
    });
    let router = match playground {
        // Where there is no such file, the protocol says so, with its code.
        Some(folder) => router.fallback_service(
            ServeDir::new(folder)
                .call_fallback_on_method_not_allowed(true)
                .fallback(protocol.with_state(Arc::clone(door))),
        ),
        None => router.fallback(protocol),
    };
    let held = Arc::clone(door);
    router
        .layer(axum::middleware::map_response(move |response| {
            let signed = signed(&held, response);
            async { signed }
        }))
        .with_state(Arc::clone(door))
}

/// The answer with the bundle's names, where it has none yet, and what browsers are to hold to.
fn signed(door: &Door, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !headers.contains_key(DIGEST) {
        let service = door.host().service();
        let ModelFacts {
            name,
            version,
            digest,
            ..
        } = service.facts();
        for (header, value) in [(MODEL, name), (VERSION, version), (DIGEST, digest)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
    }
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn bundle(State(door): State<Arc<Door>>) -> Response {
    let mut response = Response::new(Body::from(door.file()));
    let zip = HeaderValue::from_static("application/zip");
    response.headers_mut().insert(header::CONTENT_TYPE, zip);
    response
}

/// The answer to a method that the bundle's paths don't take; the router adds which they do.
async fn refuse_method(
    State(door): State<Arc<Door>>,
    Extension(exchange): Extension<Arc<Exchange>>,
    request: Request,
) -> Response {
    let error = Error::input("request.method_not_allowed", "this path takes GET, HEAD")
        .with_value(request.method().as_str());
    let (parts, _) = request.into_parts();
    carried(
        door.host().service().refuse(&asked(&parts), &error),
        &exchange,
    )
}

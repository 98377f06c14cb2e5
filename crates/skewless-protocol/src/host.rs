//! A host that keeps state: the bundle in use, which can be replaced while requests are under way, and the counters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::Serialize;
use skewless_core::{Error, Result};

use crate::counters::{self, Beside, Counters, Observation};
use crate::message::{Request, Response};
use crate::route::Route;
use crate::service::Service;
use crate::witness::Witness;

/// Answers with the bundle in use, and with `/metrics` and what became of the last new bundle besides. Shared freely
/// between threads.
pub struct Host {
    service: RwLock<Arc<Service>>,
    kept: Mutex<Kept>,
    clock: Option<Clock>,
    counted: bool,
}

/// Seconds since 1970-01-01T00:00Z.
pub type Clock = fn() -> f64;

#[derive(Default)]
struct Kept {
    counters: Counters,
    refused: Option<RefusedBundle>,
}

/// Why a new bundle was not taken; the one before it answers on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedBundle {
    /// The error's code.
    pub code: String,
    /// The error's sentence.
    pub message: String,
    /// When it was refused, as the door's clock has it.
    pub at: String,
}

impl Host {
    /// A host that begins with a bundle.
    pub fn new(service: Service) -> Self {
        Self {
            service: RwLock::new(Arc::new(service)),
            kept: Mutex::default(),
            clock: None,
            counted: true,
        }
    }

    /// Says nothing at `/metrics`: for hosts of which there are many that come and go, so that nobody could add them up.
    #[must_use]
    pub fn without_counters(mut self) -> Self {
        self.counted = false;
        self
    }

    /// Gives the host a clock, so that `/metrics` says how old the bundle is and since when the process runs.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.kept().counters.began = Some(clock());
        self.clock = Some(clock);
        self
    }

    /// The bundle in use. Who holds it is answered by it to the end.
    pub fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new bundle for all requests from now on; it is as ready as the one before it was.
    pub fn replace(&self, service: Service) {
        let mut slot = self.service.write().unwrap_or_else(PoisonError::into_inner);
        service.set_ready(slot.is_ready());
        let former = std::mem::replace(&mut *slot, Arc::new(service));
        drop(slot);
        let mut kept = self.kept();
        if let Some(values) = former.value_counts() {
            kept.counters.keep_values(&values);
        }
        kept.counters.replaced += 1;
        kept.refused = None;
    }

    /// Notes what is wrong with a new bundle, for `/v2/health/ready` to say until another one is taken.
    pub fn refuse_bundle(&self, refused: RefusedBundle) {
        let mut kept = self.kept();
        kept.counters.refused += 1;
        kept.refused = Some(refused);
    }

    /// The new bundle that was not taken, where there is one.
    pub fn refused_bundle(&self) -> Option<RefusedBundle> {
        self.kept().refused.clone()
    }

    /// Forgets what was wrong, because the source holds the bundle in use again.
    pub fn forget_refused(&self) {
        self.kept().refused = None;
    }

    /// Counts a request that was answered.
    pub fn observe(&self, seen: &Observation<'_>) {
        self.kept().counters.observe(seen);
    }

    /// Answers a request with a bundle that was in use when it came.
    pub fn respond(&self, service: &Service, request: &Request<'_>) -> Response {
        service.respond_with(request, |route| match route {
            Route::Metrics if self.counted => Some(self.metrics(service)),
            Route::Ready => Some(service.readiness(self.kept().refused.as_ref())),
            _ => None,
        })
    }

    fn metrics(&self, service: &Service) -> Result<Response> {
        let mut response = Response::empty(200);
        let now = self.clock.map(|clock| clock());
        let values = service.value_counts().unwrap_or_default();
        let kept = self.kept();
        let text = kept.counters.text(&Beside {
            facts: service.facts(),
            values: &values,
            witness: &service.witness().map(Witness::counts).unwrap_or_default(),
            now,
        });
        response.body = text.into_bytes();
        response.headers.push("content-type", counters::MEDIA_TYPE);
        response.headers.push("cache-control", "no-store");
        Ok(response)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of `/metrics` where nothing is kept from one request to the next.
pub(crate) fn no_counters() -> Error {
    Error::input("request.unknown_path", "nothing is counted here").with_value("/metrics")
}

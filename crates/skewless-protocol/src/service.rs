//! One bundle ready to answer: the way from a request to a response.

use std::sync::atomic::{AtomicBool, Ordering};

use skewless_core::{Bundle, Error, Output, Predictor, Result};

use crate::failure::refusal;
use crate::headers;
use crate::limits::Limits;
use crate::message::{Request, Response};
use crate::route::{ModelPath, Route};
use crate::{invocations, open_inference};

/// What every answer says of its bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// The bundle's name.
    pub name: String,
    /// The bundle's version (semver).
    pub version: String,
    /// The bundle's digest, SHA-256 in hexadecimal.
    pub digest: String,
}

/// A verified bundle that answers requests. Shared freely between threads.
pub struct Service {
    predictor: Predictor,
    facts: ModelFacts,
    limits: Limits,
    ready: AtomicBool,
}

impl Service {
    /// Prepares a bundle and lets it answer its own golden rows first.
    ///
    /// # Errors
    /// What makes the bundle unusable: `bundle.*` (`bundle.golden_mismatch` among them) or `unsupported.*`.
    pub fn new(bundle: &Bundle) -> Result<Self> {
        Self::with_predictor(bundle, Predictor::new(bundle)?)
    }

    /// The same with a predictor that the door made of the bundle, whose engine may be another crate's.
    ///
    /// # Errors
    /// `bundle.golden_mismatch`, `bundle.invalid_golden`.
    pub fn with_predictor(bundle: &Bundle, predictor: Predictor) -> Result<Self> {
        predictor.check_golden(&bundle.golden()?)?;
        let manifest = bundle.manifest();
        let facts = ModelFacts {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: bundle.digest().to_owned(),
        };
        Ok(Self {
            predictor,
            facts,
            limits: Limits::default(),
            ready: AtomicBool::new(true),
        })
    }

    /// Sets other limits than the default ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The bundle's name, version and digest.
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// The limits of one request.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The predictor, for doors with a way of their own.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// True while new requests are welcome.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Tells the health paths that requests should go elsewhere (false, before shutdown) or may come (true). Requests
    /// that come all the same are answered.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Answers a request; a refused one gets its status, its code and a body that explains it.
    pub fn respond(&self, request: &Request<'_>) -> Response {
        let response = self
            .dispatch(request)
            .unwrap_or_else(|error| refusal(request.path, &error));
        let mut response = self.signed(response);
        if request.method == "HEAD" {
            response.body.clear();
        }
        response
    }

    /// The response to a request that a door could not hand on, for example because its body did not decode.
    pub fn refuse(&self, path: &str, error: &Error) -> Response {
        self.signed(refusal(path, error))
    }

    fn signed(&self, mut response: Response) -> Response {
        response
            .headers
            .push(headers::MODEL, self.facts.name.as_str());
        response
            .headers
            .push(headers::VERSION, self.facts.version.as_str());
        response
            .headers
            .push(headers::DIGEST, self.facts.digest.as_str());
        response
    }

    pub(crate) fn output(&self) -> &Output {
        self.predictor.output()
    }

    fn dispatch(&self, request: &Request<'_>) -> Result<Response> {
        let route = Route::parse(request.path)?;
        if !route.allows(request.method) {
            return Err(Error::input(
                "request.method_not_allowed",
                format!("this path takes {}", route.allow()),
            )
            .with_value(request.method));
        }
        self.check_body(request)?;
        match route {
            Route::Live => Ok(Response::empty(200)),
            Route::Ready | Route::Ping => self.readiness(),
            Route::Server => open_inference::server_metadata(),
            Route::Model(model) => {
                self.check_model(model)?;
                open_inference::model_metadata(self)
            }
            Route::ModelReady(model) => {
                self.check_model(model)?;
                self.readiness()
            }
            Route::Infer(model) => {
                self.check_model(model)?;
                open_inference::infer(self, request)
            }
            Route::Invocations => invocations::invoke(self, request),
        }
    }

    fn check_body(&self, request: &Request<'_>) -> Result<()> {
        let (found, most) = (request.body.len(), self.limits.max_body);
        if found > most {
            return Err(Error::input(
                "request.too_large",
                format!("{found} bytes; a body has at most {most}"),
            ));
        }
        Ok(())
    }

    fn check_model(&self, path: ModelPath<'_>) -> Result<()> {
        let facts = &self.facts;
        if path.name != facts.name {
            return Err(Error::input(
                "request.unknown_model",
                format!("the model here is `{}`", facts.name),
            )
            .with_value(path.name));
        }
        match path.version {
            Some(version) if version != facts.version => Err(Error::input(
                "request.unknown_version",
                format!("the version here is {}", facts.version),
            )
            .with_value(version)),
            _ => Ok(()),
        }
    }

    fn readiness(&self) -> Result<Response> {
        if self.is_ready() {
            return Ok(Response::empty(200));
        }
        Err(Error::new(
            skewless_core::ErrorKind::Unsupported,
            "request.not_ready",
            "this server is on its way down",
        ))
    }
}

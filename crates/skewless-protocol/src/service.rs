//! One bundle ready to answer: the way from a request to a response.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;
use skewless_core::bundle::Contents;
use skewless_core::pipeline::utc_seconds;
use skewless_core::{
    BatchPrediction, Bundle, Columns, Error, Input, Manifest, Output, Predictor, Profile, Record,
    Result, Scratch,
};

use crate::failure::{ErrorObject, finish, refusal, refusal_told};
use crate::headers;
use crate::host::{RefusedBundle, no_counters};
use crate::limits::Limits;
use crate::lines;
use crate::message::{Request, Response};
use crate::route::{ModelPath, Route};
use crate::settings::Settings;
use crate::values::{ValueCounts, Values};
use crate::witness::Witness;
use crate::{invocations, open_inference, openapi};

/// What every answer says of its bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFacts {
    /// The bundle's name.
    pub name: String,
    /// The bundle's version (semver).
    pub version: String,
    /// The bundle's digest, SHA-256 in hexadecimal.
    pub digest: String,
    /// When the bundle was made, as its provenance says, in seconds since 1970-01-01T00:00Z.
    pub made: Option<f64>,
}

/// Memory of predictions that is kept for the next ones; as many as a host has threads, as a rule.
const KEPT_SCRATCHES: usize = 8;

/// A verified bundle that answers requests. Shared freely between threads.
pub struct Service {
    predictor: Predictor,
    facts: Arc<ModelFacts>,
    logged: OnceLock<Arc<[String]>>,
    /// `features.json`, for what is said to people; empty where the predictor has it all.
    for_people: Vec<u8>,
    settings: Settings,
    ready: AtomicBool,
    scratches: Mutex<Vec<Scratch>>,
    values: Option<Values>,
    witness: Option<Arc<dyn Witness>>,
}

/// How a request is to be answered, told before its body is read.
#[derive(Debug)]
pub enum Admission {
    /// Read the body, at most so many bytes, and let [`Service::respond`] answer; none where that is 0.
    Whole(usize),
    /// Answer it by [`crate::Lines`] while it arrives.
    Lines(Response),
    /// This is the answer; nothing of the body is needed.
    Answered(Response),
}

/// The body of `/v2/health/ready`.
#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    name: &'a str,
    version: &'a str,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_bundle: Option<&'a RefusedBundle>,
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
        let made = made(bundle.provenance().as_bytes());
        Ok(Self::of_facts(
            bundle.manifest(),
            bundle.digest(),
            made,
            predictor,
        ))
    }

    /// As [`Service::new`], of a bundle of which only what answers is read: its parts for people stay bytes.
    ///
    /// # Errors
    /// As [`Service::new`].
    pub fn of_contents(contents: &Contents<'_>) -> Result<Self> {
        Self::of_contents_with(contents, Predictor::of_contents(contents)?)
    }

    /// The same with a predictor that the door made of the bundle.
    ///
    /// # Errors
    /// As [`Service::with_predictor`].
    pub fn of_contents_with(contents: &Contents<'_>, predictor: Predictor) -> Result<Self> {
        predictor.check_golden(&contents.golden()?)?;
        let made = made(contents.part("provenance.json"));
        let mut service = Self::of_facts(contents.manifest(), contents.digest(), made, predictor);
        service.for_people = contents.part("features.json").to_vec();
        Ok(service)
    }

    fn of_facts(
        manifest: &Manifest,
        digest: &str,
        made: Option<f64>,
        predictor: Predictor,
    ) -> Self {
        let facts = ModelFacts {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: digest.to_owned(),
            made,
        };
        Self {
            predictor,
            facts: Arc::new(facts),
            logged: OnceLock::new(),
            for_people: Vec::new(),
            settings: Settings::default(),
            ready: AtomicBool::new(true),
            scratches: Mutex::default(),
            values: None,
            witness: None,
        }
    }

    /// Counts from now on how many values of each input are missing or out of vocabulary, where the bundle's reference
    /// profile has its inputs.
    #[must_use]
    pub fn counting(mut self, reference: &Profile) -> Self {
        self.values = Values::of(reference, &self.predictor);
        self
    }

    /// Lets somebody see what is scored.
    #[must_use]
    pub fn with_witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Sets other limits than the default ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets limits and origins.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The bundle's name, version and digest.
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// The bundle's facts and the names of its feature row's columns but for those of tensors, to be kept with rows.
    pub fn shared_facts(&self) -> (Arc<ModelFacts>, Arc<[String]>) {
        let names = || self.predictor.pipeline().names_without_tensors().into();
        let names = self.logged.get_or_init(names);
        (Arc::clone(&self.facts), Arc::clone(names))
    }

    /// The inputs that a feature needs, with what is said of them to people.
    pub(crate) fn described_inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> = self.predictor.pipeline().inputs().cloned().collect();
        // Read as plain JSON: a Worker would pay for the reader of whole specifications.
        let all: serde_json::Value = serde_json::from_slice(&self.for_people).unwrap_or_default();
        let described = all.get("inputs").and_then(serde_json::Value::as_array);
        for known in described.into_iter().flatten() {
            let text = |member: &str| known.get(member)?.as_str().map(str::to_owned);
            let name = text("name");
            let input = inputs
                .iter_mut()
                .find(|input| Some(&input.name) == name.as_ref());
            if let Some(input) = input {
                (input.doc, input.unit) = (text("doc"), text("unit"));
            }
        }
        inputs
    }

    /// The limits of one request.
    pub fn limits(&self) -> Limits {
        self.settings.limits
    }

    /// What was counted of the inputs' values so far, where they are counted.
    pub fn value_counts(&self) -> Option<ValueCounts> {
        self.values.as_ref().map(Values::counts)
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
        self.respond_with(request, |_| None)
    }

    /// The same for a host that answers some routes itself.
    pub(crate) fn respond_with(
        &self,
        request: &Request<'_>,
        own: impl FnOnce(Route<'_>) -> Option<Result<Response>>,
    ) -> Response {
        let response = self
            .dispatch(request, own)
            .unwrap_or_else(|error| refusal(request.path, &error));
        self.signed(request, response)
    }

    /// Tells from method, path and headers how a request is to be answered; its `body` is not looked at.
    pub fn admit(&self, request: &Request<'_>) -> Admission {
        match self.admission(request) {
            Ok(Admission::Lines(begun)) => Admission::Lines(self.signed(request, begun)),
            Ok(Admission::Answered(answer)) => Admission::Answered(self.signed(request, answer)),
            Ok(whole) => whole,
            Err(error) => Admission::Answered(self.refuse(request, &error)),
        }
    }

    fn admission(&self, request: &Request<'_>) -> Result<Admission> {
        if let Some(answer) = self.settings.cors.preflight(request)? {
            return Ok(Admission::Answered(answer));
        }
        let route = checked_route(request)?;
        if let Route::Model(model) | Route::ModelReady(model) | Route::Infer(model) = route {
            self.check_model(model)?;
        }
        if !matches!(route, Route::Infer(_) | Route::Invocations) {
            return Ok(Admission::Whole(0));
        }
        let limits = self.limits();
        let media_type = request.headers.media_type();
        let lines = route == Route::Invocations && lines::is_lines(media_type.as_deref());
        let most = if lines {
            limits.max_stream_body
        } else {
            limits.max_body
        };
        let told = request.headers.value("content-length");
        if told
            .and_then(|told| told.trim().parse::<u64>().ok())
            .is_some_and(|told| usize::try_from(told).map_or(true, |told| told > most))
        {
            return Err(too_large(most));
        }
        if !lines {
            return Ok(Admission::Whole(most));
        }
        let mut begun = Response::empty(200);
        begun.headers.push("content-type", lines::MEDIA_TYPE);
        Ok(Admission::Lines(begun))
    }

    /// The response to a request whose body turned out to be longer than it may be.
    pub fn refuse_too_large(&self, request: &Request<'_>) -> Response {
        self.refuse(request, &too_large(self.limits().max_body))
    }

    /// The response to a request that a door could not hand on, for example because its body did not decode.
    pub fn refuse(&self, request: &Request<'_>, error: &Error) -> Response {
        self.signed(request, refusal(request.path, error))
    }

    /// The response to a request that a door refuses for a reason of its own (a stopped instance, a body that broke off),
    /// whose code it knows as text. The response's `code` stays empty: the door has it.
    pub fn refuse_told(
        &self,
        request: &Request<'_>,
        status: u16,
        code: &str,
        message: &str,
    ) -> Response {
        self.signed(
            request,
            refusal_told(request.path, status, ErrorObject::told(code, message)),
        )
    }

    pub(crate) fn signed(&self, request: &Request<'_>, mut response: Response) -> Response {
        finish(&self.settings, request, &mut response);
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

    pub(crate) fn witness(&self) -> Option<&dyn Witness> {
        self.witness.as_deref()
    }

    /// Scores records with memory that is kept, and counts their values.
    ///
    /// # Errors
    /// As [`Predictor::predict_records`].
    pub fn predict(&self, records: &[Record]) -> Result<BatchPrediction> {
        self.with_scratch(|scratch| self.predictor.predict_records_with(records, scratch))
    }

    /// Scores columns with memory that is kept, and counts their values.
    ///
    /// # Errors
    /// As [`Predictor::predict_columns`].
    pub fn predict_columns(&self, columns: &Columns) -> Result<BatchPrediction> {
        self.with_scratch(|scratch| self.predictor.predict_columns_with(columns, scratch))
    }

    /// Shows somebody who wants to see it what a door scored by [`Service::predict`] or [`Service::predict_columns`];
    /// `records` are made where there is such a one.
    pub fn show(&self, records: impl FnOnce() -> Vec<Record>, predictions: &BatchPrediction) {
        let Some(witness) = self.witness() else {
            return;
        };
        let records = records();
        let answers: Vec<_> = (0..predictions.rows())
            .map(|row| predictions.row(row).ok())
            .collect();
        let rows = records.iter().zip(&answers);
        let rows: Vec<_> = rows
            .filter_map(|(record, answer)| Some((record, answer.as_ref()?)))
            .collect();
        if !rows.is_empty() {
            witness.scored(self, &rows);
        }
    }

    fn with_scratch(
        &self,
        score: impl FnOnce(&mut Scratch) -> Result<BatchPrediction>,
    ) -> Result<BatchPrediction> {
        let scratches = || {
            self.scratches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let kept = scratches().pop();
        let mut scratch = kept.unwrap_or_else(|| {
            let mut new = Scratch::default();
            new.counter = self.values.as_ref().map(Values::counter);
            new
        });
        let batch = score(&mut scratch);
        if let (Some(values), Some(counter)) = (&self.values, &mut scratch.counter) {
            values.add(counter);
        }
        let mut kept = scratches();
        if kept.len() < KEPT_SCRATCHES {
            kept.push(scratch);
        }
        batch
    }

    pub(crate) fn output(&self) -> &Output {
        self.predictor.output()
    }

    /// The route of a request that is neither refused by its head or length nor a browser's question before it.
    ///
    /// # Errors
    /// What the request is refused for.
    pub(crate) fn checked<'a>(&self, request: &Request<'a>) -> Result<Option<Route<'a>>> {
        if self.settings.cors.preflight(request)?.is_some() {
            return Ok(None);
        }
        let route = checked_route(request)?;
        self.check_body(request)?;
        if let Route::Infer(model) = route {
            self.check_model(model)?;
        }
        Ok(Some(route))
    }

    fn dispatch(
        &self,
        request: &Request<'_>,
        own: impl FnOnce(Route<'_>) -> Option<Result<Response>>,
    ) -> Result<Response> {
        if let Some(answer) = self.settings.cors.preflight(request)? {
            return Ok(answer);
        }
        let route = checked_route(request)?;
        self.check_body(request)?;
        if let Some(answer) = own(route) {
            return answer;
        }
        match route {
            Route::Live => Ok(Response::empty(200)),
            Route::Ready => self.readiness(None),
            Route::Ping => self.welcome(),
            Route::Metrics => Err(no_counters()),
            Route::OpenApi => openapi::document(self),
            Route::Server => open_inference::server_metadata(),
            Route::Model(model) => {
                self.check_model(model)?;
                open_inference::model_metadata(self)
            }
            Route::ModelReady(model) => {
                self.check_model(model)?;
                self.welcome()
            }
            Route::Infer(model) => {
                self.check_model(model)?;
                open_inference::infer(self, request)
            }
            Route::Invocations => invocations::invoke(self, request),
        }
    }

    fn check_body(&self, request: &Request<'_>) -> Result<()> {
        let most = self.limits().max_body;
        if request.body.len() > most {
            return Err(too_large(most));
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

    /// The answer of `/v2/health/ready`, which names the bundle, and the new one that was not taken where there is one.
    ///
    /// # Errors
    /// `request.not_ready`.
    pub(crate) fn readiness(&self, refused: Option<&RefusedBundle>) -> Result<Response> {
        self.welcome()?;
        let body = Readiness {
            ready: true,
            name: &self.facts.name,
            version: &self.facts.version,
            digest: &self.facts.digest,
            refused_bundle: refused,
        };
        Response::json(200, &body)
    }

    fn welcome(&self) -> Result<Response> {
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

/// When the bundle was made, in the words of its provenance.
fn made(provenance: &[u8]) -> Option<f64> {
    let provenance: serde_json::Value = serde_json::from_slice(provenance).ok()?;
    let made = provenance.pointer("/predicate/runDetails/metadata/finishedOn")?;
    utc_seconds(made.as_str()?)
}

/// The path's route, where it takes the method.
fn checked_route<'a>(request: &Request<'a>) -> Result<Route<'a>> {
    let route = Route::parse(request.path)?;
    if !route.allows(request.method) {
        return Err(Error::input(
            "request.method_not_allowed",
            format!("this path takes {}", route.allow()),
        )
        .with_value(request.method));
    }
    Ok(route)
}

fn too_large(most: usize) -> Error {
    Error::input(
        "request.too_large",
        format!("a body has at most {most} bytes"),
    )
}

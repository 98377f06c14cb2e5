//! The function: a bundle held in memory, and one event answered at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use skewless_core::bundle::Contents;
use skewless_core::{Error, Predictor, Result};
use skewless_protocol::{ModelFacts, Service, Tally, ValueCounts};
use skewless_serving::{Aside, Config, Source as BundleSource, Supply};

pub use crate::event::Source;
use crate::http_event::HttpEvent;
use crate::objects::Objects;
use crate::streamed::Streamed;
use crate::{objects, queue, schedule};

/// A loaded bundle that answers events.
pub struct Function {
    supply: Supply,
    objects: Objects,
    stream: bool,
    answered: AtomicBool,
}

/// What became of one event.
#[derive(Debug)]
pub struct Invocation {
    /// The answer in the event's form, or the error that Lambda reports as the function's.
    pub outcome: Result<Answer>,
    /// What sent the event; unknown for one that is not answered.
    pub source: Option<Source>,
    /// How many rows there were, and how many failed.
    pub tally: Tally,
    /// The code of a request that was refused as a whole, in an HTTP response or as the function's error.
    pub code: Option<&'static str>,
    /// True for the first event after initialisation.
    pub cold_start: bool,
    /// The bundle that answered.
    pub facts: ModelFacts,
}

/// An answer on its way out.
#[derive(Debug)]
pub enum Answer {
    /// The whole of it.
    Whole(Value),
    /// A response whose body is made while it is sent; its rows are counted there.
    Streamed(Box<Streamed>),
}

/// What an event's answer came to.
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) tally: Tally,
    pub(crate) code: Option<&'static str>,
}

impl Function {
    /// Reads, verifies and golden-checks the configured bundle; relative paths are looked for in `folders`.
    ///
    /// # Errors
    /// `bundle.*` or `unsupported.*`, naming what is wrong with it; `input.unreachable` for a place that does not answer;
    /// `config.invalid_value`.
    pub async fn open(config: &Config, folders: &[PathBuf]) -> Result<Self> {
        let aside = Aside::new(config, folders, engine)?;
        let source = BundleSource::new(&config.bundle, folders)?;
        let fetched = match source.read_local() {
            Some(fetched) => Some(fetched?),
            None => source.read(None).await?,
        };
        let fetched = fetched
            .ok_or_else(|| Error::internal("internal.source", "the bundle's place has nothing"))?;
        let supply = Supply::open(config, source, fetched, engine, aside)?;
        Ok(Self {
            supply: supply.without_counters(),
            objects: Objects::new(config.output.as_ref())?,
            stream: config.stream,
            answered: AtomicBool::new(false),
        })
    }

    /// The bundle in use.
    pub fn facts(&self) -> ModelFacts {
        self.supply.host().service().facts().clone()
    }

    /// The bundle and its source.
    pub fn supply(&self) -> &Supply {
        &self.supply
    }

    /// What is done beside the answers.
    pub fn aside(&self) -> Option<&Arc<Aside>> {
        self.supply.aside()
    }

    /// True where something is to be done after an answer that takes time: the bundle's place asked over the network,
    /// the shadow, objects of the feature log.
    pub fn works_after_answers(&self) -> bool {
        self.supply.watches_network() || self.aside().is_some_and(|aside| aside.needs_time())
    }

    /// Does what is to be done after an answer.
    pub async fn after_answer(&self) {
        self.supply.check().await;
        if let Some(aside) = self.aside() {
            aside.work().await;
        }
    }

    /// What was counted of the inputs' values with the bundle in use.
    pub fn value_counts(&self) -> ValueCounts {
        self.supply
            .host()
            .service()
            .value_counts()
            .unwrap_or_default()
    }

    /// Answers an event's JSON text; `request_id` names what is written elsewhere.
    pub async fn invoke(&self, event: &str, request_id: &str) -> Invocation {
        let service = self.supply.host().service();
        match Source::of(event) {
            Ok(source) => {
                let outcome = self.answer(source, event, request_id, &service).await;
                self.invocation(Some(source), outcome, &service)
            }
            Err(error) => self.invocation(None, Err(Failed::from(error)), &service),
        }
    }

    /// What becomes of an event that could not be read at all.
    pub fn refuse(&self, error: Error) -> Invocation {
        let service = self.supply.host().service();
        self.invocation(None, Err(Failed::from(error)), &service)
    }

    async fn answer(
        &self,
        source: Source,
        event: &str,
        request_id: &str,
        service: &Arc<Service>,
    ) -> std::result::Result<Outcome, Failed> {
        Ok(match source {
            Source::Direct => answer_directly(service, event)?,
            Source::ApiGatewayV1 | Source::ApiGatewayV2 | Source::Alb => {
                self.answer_over_http(source, event, service)?
            }
            Source::Sqs => queue::answer_sqs(&self.objects, service, event, request_id).await?,
            Source::Kinesis => {
                queue::answer_kinesis(&self.objects, service, event, request_id).await?
            }
            Source::S3 => objects::answer(&self.objects, service, event).await?,
            Source::Schedule => {
                self.supply.check().await;
                schedule::answer(self.supply.host())
            }
        })
    }

    fn answer_over_http(
        &self,
        source: Source,
        event: &str,
        service: &Arc<Service>,
    ) -> Result<Outcome> {
        let request = HttpEvent::read(source, event)?;
        // A Function URL and an HTTP API send the same; only the first can be set to take a stream.
        if self.stream && source == Source::ApiGatewayV2 {
            let streamed = request.stream(self.supply.host(), service);
            return Ok(Outcome {
                tally: Tally::default(),
                code: streamed.code(),
                answer: Answer::Streamed(Box::new(streamed)),
            });
        }
        let response = request.respond(self.supply.host(), service);
        let (tally, code) = (response.tally, response.code);
        Ok(Outcome {
            answer: Answer::Whole(request.shape(response)?),
            tally,
            code,
        })
    }

    fn invocation(
        &self,
        source: Option<Source>,
        outcome: std::result::Result<Outcome, Failed>,
        service: &Service,
    ) -> Invocation {
        let (outcome, tally, code) = match outcome {
            Ok(Outcome {
                answer,
                tally,
                code,
            }) => (Ok(answer), tally, code),
            Err(Failed { error, tally }) => {
                let code = Some(error.code());
                (Err(error), tally, code)
            }
        };
        Invocation {
            outcome,
            source,
            tally,
            code,
            cold_start: !self.answered.swap(true, Ordering::Relaxed),
            facts: service.facts().clone(),
        }
    }
}

/// An error, and the rows that were read before it.
pub(crate) struct Failed {
    error: Error,
    tally: Tally,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let tally = Tally::default();
        Self { error, tally }
    }
}

fn answer_directly(service: &Service, event: &str) -> std::result::Result<Outcome, Failed> {
    let answer = service.answer(event);
    let tally = answer.tally;
    match answer.outcome {
        Ok(value) => Ok(Outcome {
            answer: Answer::Whole(value),
            tally,
            code: None,
        }),
        Err(error) => Err(Failed { error, tally }),
    }
}

/// The predictor of a bundle of any engine that this build has.
fn engine(contents: &Contents<'_>) -> Result<Predictor> {
    #[cfg(feature = "tract")]
    return skewless_tract::predictor_of(contents);
    #[cfg(not(feature = "tract"))]
    Predictor::of_contents(contents)
}

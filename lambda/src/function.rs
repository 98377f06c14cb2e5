//! The function: a bundle held in memory, and one event answered at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use skewless_core::bundle::Contents;
use skewless_core::{Error, Predictor, Result};
use skewless_protocol::{Headers, ModelFacts, Service, ValueCounts};
use skewless_serving::{Aside, Config, Fetched, Source as BundleSource, Supply};

pub use crate::event::Source;
use crate::http_event::HttpEvent;
use crate::objects::Objects;
use crate::streamed::{Ended, Streamed};
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
    /// What it came to: rows, failures, and the code of a request that was refused as a whole, in an HTTP response or as
    /// the function's error.
    pub ended: Ended,
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
    pub(crate) ended: Ended,
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
            None => read_in_time(&source).await?,
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
                self.answer_over_http(source, event, request_id, service)?
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
        request_id: &str,
        service: &Arc<Service>,
    ) -> Result<Outcome> {
        let began = Instant::now();
        let request = HttpEvent::read(source, event)?;
        let id = request.id().unwrap_or(request_id).to_owned();
        let sign = |headers: &mut Headers| {
            headers.push("x-request-id", id.as_str());
            let milliseconds = began.elapsed().as_secs_f64() * 1e3;
            headers.push("server-timing", format!("answer;dur={milliseconds:.3}"));
        };
        // A Function URL and an HTTP API send the same; only the first can be set to take a stream.
        if self.stream && source == Source::ApiGatewayV2 {
            let mut streamed = request.stream(self.supply.host(), service);
            sign(streamed.headers_mut());
            return Ok(Outcome {
                ended: Ended {
                    code: streamed.code(),
                    ..Ended::default()
                },
                answer: Answer::Streamed(Box::new(streamed)),
            });
        }
        let mut response = request.respond(self.supply.host(), service);
        let mut ended = Ended::of(&mut response);
        sign(&mut response.headers);
        let mut shaped = request.shape(response)?;
        if let Err(error) = check_size(&shaped, most_bytes(source)) {
            let mut refusal = request.refuse(service, &error);
            ended.code = refusal.code;
            sign(&mut refusal.headers);
            shaped = request.shape(refusal)?;
        }
        Ok(Outcome {
            answer: Answer::Whole(shaped),
            ended,
        })
    }

    fn invocation(
        &self,
        source: Option<Source>,
        outcome: std::result::Result<Outcome, Failed>,
        service: &Service,
    ) -> Invocation {
        let (outcome, ended) = match outcome {
            Ok(Outcome { answer, ended }) => (Ok(answer), ended),
            Err(Failed { error, mut ended }) => {
                ended.code = Some(error.code());
                (Err(error), ended)
            }
        };
        Invocation {
            outcome,
            source,
            ended,
            cold_start: !self.answered.swap(true, Ordering::Relaxed),
            facts: service.facts().clone(),
        }
    }
}

/// An error, and the rows that were read before it.
pub(crate) struct Failed {
    error: Error,
    ended: Ended,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let ended = Ended::default();
        Self { error, ended }
    }
}

fn answer_directly(service: &Service, event: &str) -> std::result::Result<Outcome, Failed> {
    let answer = service.answer(event);
    let ended = Ended {
        tally: answer.tally,
        failures: answer.failures,
        code: None,
    };
    let outcome = answer.outcome.and_then(|value| {
        check_size(&value, most_bytes(Source::Direct))?;
        Ok(value)
    });
    match outcome {
        Ok(value) => Ok(Outcome {
            answer: Answer::Whole(value),
            ended,
        }),
        Err(error) => Err(Failed { error, ended }),
    }
}

/// The longest answer in bytes that Lambda carries whole, and the longest that it carries to a load balancer.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>
fn most_bytes(source: Source) -> usize {
    match source {
        Source::Alb => 1_000_000,
        _ => 6 << 20,
    }
}

/// Beyond the limit Lambda would throw the answer away, and tell the caller nothing of what it was.
fn check_size(answer: &Value, most: usize) -> Result<()> {
    let mut room = Room(most);
    serde_json::to_writer(&mut room, answer).map_err(|_| {
        let message = format!(
            "the answer has over {most} bytes, which is all that Lambda carries: send fewer rows, or let JSON lines be streamed"
        );
        Error::input("request.answer_too_large", message)
    })
}

/// Bytes that may still be written; they go nowhere.
struct Room(usize);

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.0.checked_sub(bytes.len());
        self.0 = left.ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lambda ends an initialisation after ten seconds, and then nobody hears what was wrong.
const INITIALISATION: Duration = Duration::from_secs(8);

async fn read_in_time(source: &BundleSource) -> Result<Option<Fetched>> {
    match tokio::time::timeout(INITIALISATION, source.read(None)).await {
        Ok(read) => read,
        Err(_) => Err(Error::input(
            "input.unreachable",
            format!(
                "the bundle's place does not answer within {} s, which is as long as an initialisation can wait",
                INITIALISATION.as_secs()
            ),
        )),
    }
}

/// The predictor of a bundle of any engine that this build has.
fn engine(contents: &Contents<'_>) -> Result<Predictor> {
    #[cfg(feature = "tract")]
    return skewless_tract::predictor_of(contents);
    #[cfg(not(feature = "tract"))]
    Predictor::of_contents(contents)
}

//! The runtime's loop around the function, with a log line and a metrics line for each event. Neither holds anything
//! of a record.

use std::fmt;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use lambda_runtime::tower::util::MapFutureLayer;
use lambda_runtime::{
    Diagnostic, FunctionResponse, LambdaEvent, MetadataPrelude, Runtime, StreamResponse, service_fn,
};
use lambda_runtime_api_client::PooledClient;
use lambda_runtime_api_client::body::Body;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use skewless_core::{Error, Result};
use skewless_serving::{Aside, Config, seconds_since_epoch};

use crate::after::{self, Answered};
use crate::function::{Answer, Function, Invocation};
use crate::http_event::header_map;
use crate::metrics::{Measured, Metrics};
use crate::streamed::{Ended, Streamed};

/// Answers events until Lambda ends the process.
pub async fn serve(config: &Config, function: Function) -> ExitCode {
    let function = Arc::new(function);
    let answered = match function.works_after_answers() {
        true => match after::register(&function).await {
            Ok(answered) => Some(answered),
            Err(error) => {
                tracing::error!(code = error.code(), "{}", error.message());
                report_failed_start(&error).await;
                return ExitCode::FAILURE;
            }
        },
        false => None,
    };
    let works_inline = answered.is_none();
    let metrics = Arc::new(Metrics::new(&config.metrics_namespace));
    let answer = move |event: LambdaEvent<Payload>| {
        let (function, metrics) = (Arc::clone(&function), Arc::clone(&metrics));
        answer(function, metrics, event, works_inline)
    };
    let ran = match answered {
        None => Runtime::new(service_fn(answer)).run().await,
        Some(answered) => {
            let told = MapFutureLayer::new(move |answering| tell(answering, answered.clone()));
            Runtime::new(service_fn(answer)).layer(told).run().await
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = "internal.runtime", "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Waits until an event's answer has gone out, then tells so.
async fn tell<F: Future>(answering: F, answered: Answered) -> F::Output {
    let gone_out = answering.await;
    answered.tell();
    gone_out
}

async fn answer(
    function: Arc<Function>,
    metrics: Arc<Metrics>,
    event: LambdaEvent<Payload>,
    works_inline: bool,
) -> std::result::Result<FunctionResponse<Value, Pieces>, Failure> {
    let started = Instant::now();
    let mut invocation = match event.payload.0 {
        Ok(text) => function.invoke(text.get(), &event.context.request_id).await,
        Err(error) => function.refuse(error),
    };
    let ended = std::mem::take(&mut invocation.ended);
    let outcome = std::mem::replace(&mut invocation.outcome, Ok(Answer::Whole(Value::Null)));
    let teller = Teller {
        function,
        metrics,
        invocation,
        started,
        request_id: event.context.request_id,
        trace_id: event.context.xray_trace_id,
    };
    if let Ok(Answer::Streamed(streamed)) = outcome {
        let metadata_prelude = MetadataPrelude {
            status_code: http::StatusCode::from_u16(streamed.status()).unwrap_or_default(),
            headers: header_map(streamed.headers()),
            cookies: Vec::new(),
        };
        let stream = Pieces {
            streamed: *streamed,
            teller: Some(teller),
            works_inline,
            work: None,
        };
        return Ok(FunctionResponse::StreamingResponse(StreamResponse {
            metadata_prelude,
            stream,
        }));
    }
    if works_inline && let Some(aside) = teller.function.aside() {
        aside.work().await;
    }
    teller.tell(&ended);
    match outcome {
        Ok(Answer::Whole(value)) => Ok(FunctionResponse::BufferedResponse(value)),
        Ok(Answer::Streamed(_)) => Err(Failure(Error::internal(
            "internal.response",
            "a stream was sent",
        ))),
        Err(error) => Err(Failure(error)),
    }
}

/// Writes the log line and the metrics line of an event.
struct Teller {
    function: Arc<Function>,
    metrics: Arc<Metrics>,
    invocation: Invocation,
    started: Instant,
    request_id: String,
    trace_id: Option<String>,
}

impl Teller {
    fn tell(&self, ended: &Ended) {
        let invocation = &self.invocation;
        let measured = Measured {
            request_id: &self.request_id,
            time: seconds_since_epoch(),
            latency: self.started.elapsed(),
            ended,
        };
        let counts = ended.failures.iter();
        let codes: Vec<String> = counts
            .map(|(code, count)| format!("{code} {count}"))
            .collect();
        tracing::info!(
            request_id = self.request_id,
            trace_id = self.trace_id,
            digest = invocation.facts.digest,
            cold_start = invocation.cold_start,
            source = invocation.source.map(|source| source.to_string()),
            rows = ended.tally.rows,
            failures = ended.tally.failures,
            codes = (!codes.is_empty()).then(|| codes.join(", ")),
            code = ended.code,
            latency_ms = measured.latency.as_secs_f64() * 1e3,
            "answered"
        );
        let mut stdout = std::io::stdout().lock();
        let line = self.metrics.line(&self.function, invocation, &measured);
        let by_code = self.metrics.by_code(invocation, &measured);
        for line in std::iter::once(line).chain(by_code) {
            if let Err(error) = writeln!(stdout, "{line}") {
                tracing::warn!(code = "internal.metrics", "{error}");
            }
        }
    }
}

/// The pieces of a streamed answer; at the end, also where nobody takes the rest, it is told what became of it.
struct Pieces {
    streamed: Streamed,
    teller: Option<Teller>,
    works_inline: bool,
    /// What is done aside, once the last piece is made.
    work: Option<Work>,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Stream for Pieces {
    type Item = std::result::Result<Bytes, lambda_runtime::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pieces = self.get_mut();
        if let Some(work) = &mut pieces.work {
            ready!(work.as_mut().poll(context));
            pieces.work = None;
            pieces.end();
            return Poll::Ready(None);
        }
        if let Some(piece) = pieces.streamed.next_piece() {
            return Poll::Ready(Some(Ok(Bytes::from(piece))));
        }
        match pieces.aside() {
            Some(aside) => {
                pieces.work = Some(Box::pin(async move { aside.work().await }));
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                pieces.end();
                Poll::Ready(None)
            }
        }
    }
}

impl Pieces {
    /// What is to work before the answer ends; asked once.
    fn aside(&mut self) -> Option<Arc<Aside>> {
        let works = std::mem::take(&mut self.works_inline);
        let teller = self.teller.as_ref().filter(|_| works)?;
        teller.function.aside().cloned()
    }

    fn end(&mut self) {
        if let Some(teller) = self.teller.take() {
            teller.tell(self.streamed.ended());
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.end();
    }
}

/// Tells Lambda why initialisation failed, so that the caller sees the code and not only a dead process.
pub async fn report_failed_start(error: &Error) {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    let body = serde_json::to_vec(&diagnostic(error)).unwrap_or_default();
    let request = lambda_runtime_api_client::build_request()
        .method("POST")
        .uri("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", error.code())
        .body(Body::from(body));
    let Ok(request) = request else { return };
    if let Err(error) = PooledClient::builder().build().call(request).await {
        tracing::warn!(
            code = "internal.runtime",
            "the failed start could not be reported: {error}"
        );
    }
}

/// An event as it was sent. What is not JSON is kept as its error, so that it gets its code like any other bad input.
struct Payload(Result<Box<RawValue>>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let event = Box::<RawValue>::deserialize(deserializer);
        Ok(Self(event.map_err(|error| {
            Error::input(
                "input.invalid_json",
                format!("the event is not JSON: {error}"),
            )
        })))
    }
}

/// An error on its way to Lambda. The runtime logs its `Debug` form, which is the code alone: a message may repeat
/// a value of the record.
struct Failure(Error);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        diagnostic(&failure.0)
    }
}

/// The function's error as Lambda reports it: the code is the error's type.
fn diagnostic(error: &Error) -> Diagnostic {
    let place = error
        .field()
        .map_or_else(String::new, |field| format!("{field}: "));
    Diagnostic {
        error_type: error.code().to_owned(),
        error_message: format!("{place}{}", error.message()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_event_is_kept_as_sent() {
        let text = r#"{"a":0.1000,"a":[1]}"#;
        let payload: Payload = serde_json::from_str(text).unwrap();
        assert_eq!(payload.0.unwrap().get(), text);
    }

    #[test]
    fn what_is_not_json_is_a_coded_error() {
        let mut deserializer = serde_json::Deserializer::from_str(r#"{"a":"#);
        let payload = Payload::deserialize(&mut deserializer).unwrap();
        assert_eq!(payload.0.unwrap_err().code(), "input.invalid_json");
    }

    #[test]
    fn a_failure_names_its_code_to_lambda_and_no_value_to_the_log() {
        let error = Error::input("input.wrong_type", "`far` is no number")
            .with_field("distance")
            .with_value("far");
        assert_eq!(format!("{:?}", Failure(error)), "input.wrong_type");
        let diagnostic = diagnostic(
            &Error::input("input.wrong_type", "must be a number").with_field("distance"),
        );
        assert_eq!(
            (
                diagnostic.error_type.as_str(),
                diagnostic.error_message.as_str()
            ),
            ("input.wrong_type", "distance: must be a number")
        );
    }
}

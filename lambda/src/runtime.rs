//! The runtime's loop around the function, with a log line and a metrics line for each event. Neither holds anything
//! of a record.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use lambda_runtime_api_client::PooledClient;
use lambda_runtime_api_client::body::Body;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use skewless_core::{Error, Result};

use crate::config::Config;
use crate::function::{Function, Invocation};
use crate::metrics::{Measured, metrics_line};

/// Answers events until Lambda ends the process.
pub async fn serve(config: &Config, function: &Function) -> ExitCode {
    let answer = |event: LambdaEvent<Payload>| async move {
        let started = Instant::now();
        let invocation = match event.payload.0 {
            Ok(event) => function.invoke(event.get()),
            Err(error) => function.refuse(error),
        };
        let measured = Measured {
            request_id: &event.context.request_id,
            timestamp: milliseconds_since_epoch(),
            latency: started.elapsed(),
        };
        record(config, function, &invocation, measured);
        invocation.outcome.map_err(Failure)
    };
    match lambda_runtime::run(service_fn(answer)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = "internal.runtime", "{error}");
            ExitCode::FAILURE
        }
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

fn record(config: &Config, function: &Function, invocation: &Invocation, measured: Measured<'_>) {
    let facts = function.facts();
    tracing::info!(
        request_id = measured.request_id,
        digest = facts.digest,
        cold_start = invocation.cold_start,
        source = invocation.source.map(|source| source.to_string()),
        rows = invocation.tally.rows,
        failures = invocation.tally.failures,
        code = invocation.code,
        latency_ms = measured.latency.as_secs_f64() * 1e3,
        "answered"
    );
    let line = metrics_line(&config.metrics_namespace, facts, invocation, measured);
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
        tracing::warn!(code = "internal.metrics", "{error}");
    }
}

fn milliseconds_since_epoch() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
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

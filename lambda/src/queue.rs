//! Messages of a queue (SQS) and records of a stream (Kinesis): each holds a record or a list of records, and fails alone.
//!
//! Nobody waits for an answer there, so predictions are written as one object of JSON lines an invocation, below the
//! configured output: `sqs/REQUEST.jsonl` or `kinesis/REQUEST.jsonl`, a line `{"id","prediction"}` a record, with `"row"` where the
//! message holds a list. A message is reported as failed where it holds no record that can be answered; where the object
//! cannot be written, the whole batch is.

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::{Value, json};
use skewless_core::{Error, Result};
use skewless_protocol::Service;

use crate::function::{Answer, Outcome};
use crate::objects::Objects;
use crate::streamed::Ended;

/// A message as both services have it.
struct Message {
    id: String,
    body: Result<String>,
}

/// Answers an SQS event with `{"batchItemFailures":[{"itemIdentifier"}]}`.
///
/// # Errors
/// `request.invalid_event`, `config.missing_value` without an output, `internal.output` where it cannot be written.
pub(crate) async fn answer_sqs(
    objects: &Objects,
    service: &Service,
    event: &str,
    request_id: &str,
) -> Result<Outcome> {
    let event: SqsEvent = serde_json::from_str(event).map_err(invalid)?;
    let messages = event.records.into_iter().map(|message| {
        let body = message.body.ok_or_else(no_body);
        let id = message.message_id.unwrap_or_default();
        Message { id, body }
    });
    answer(
        objects,
        service,
        messages,
        &format!("sqs/{request_id}.jsonl"),
    )
    .await
}

/// Answers a Kinesis event; what identifies a record is its sequence number. The service sends again from the first
/// failed one on, so that predictions behind it are made twice.
///
/// # Errors
/// As [`answer_sqs`].
pub(crate) async fn answer_kinesis(
    objects: &Objects,
    service: &Service,
    event: &str,
    request_id: &str,
) -> Result<Outcome> {
    let event: KinesisEvent = serde_json::from_str(event).map_err(invalid)?;
    let messages = event.records.into_iter().map(|record| Message {
        id: record.kinesis.sequence_number,
        body: String::from_utf8(record.kinesis.data.0).map_err(|error| {
            Error::input(
                "input.invalid_json",
                "not valid JSON: the data is not UTF-8",
            )
            .with_source(error)
        }),
    });
    answer(
        objects,
        service,
        messages,
        &format!("kinesis/{request_id}.jsonl"),
    )
    .await
}

async fn answer(
    objects: &Objects,
    service: &Service,
    messages: impl Iterator<Item = Message>,
    name: &str,
) -> Result<Outcome> {
    let output = objects.output()?;
    let (mut lines, mut failed, mut ended) = (Vec::new(), Vec::new(), Ended::default());
    for message in messages {
        let predicted = message.body.and_then(|body| {
            let answer = service.answer(&body);
            ended.add(answer.tally, answer.failures);
            let failed_whole = answer.tally.failures == answer.tally.rows;
            answer.outcome.and_then(|value| match first_error(&value) {
                Some(error) if failed_whole => Err(error),
                _ => Ok(value),
            })
        });
        match predicted {
            Ok(value) => write_lines(&message.id, value, &mut lines),
            Err(error) => {
                tracing::warn!(
                    event = "message",
                    id = message.id,
                    code = error.code(),
                    "a message could not be answered"
                );
                failed.push(json!({"itemIdentifier": message.id}));
            }
        }
    }
    if !lines.is_empty() {
        output.put(name, lines).await?;
    }
    Ok(Outcome {
        answer: Answer::Whole(json!({"batchItemFailures": failed})),
        ended,
    })
}

/// What is wrong with a list of which no row was answered.
fn first_error(value: &Value) -> Option<Error> {
    let error = value.as_array()?.first()?.get("error")?;
    let message = error.get("message")?.as_str()?;
    Some(Error::input("input.no_row_answered", message))
}

fn write_lines(id: &str, value: Value, lines: &mut Vec<u8>) {
    let mut write = |line: Value| {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *lines, &line);
        lines.push(b'\n');
    };
    match value {
        Value::Array(rows) => {
            for (row, prediction) in rows.into_iter().enumerate() {
                write(json!({"id": id, "row": row, "prediction": prediction}));
            }
        }
        prediction => write(json!({"id": id, "prediction": prediction})),
    }
}

fn no_body() -> Error {
    Error::input("input.invalid_json", "the message has no body")
}

pub(crate) fn invalid(error: serde_json::Error) -> Error {
    Error::input(
        "request.invalid_event",
        format!("the event cannot be read: {error}"),
    )
    .with_source(error)
}

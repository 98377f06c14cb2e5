//! Which service sent an event, told by the members that only its events have.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use skewless_core::{Error, Result};

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A record, a list of records or an Open Inference request, sent by `Invoke`.
    Direct,
    /// API Gateway, REST API (payload version 1.0).
    ApiGatewayV1,
    /// API Gateway, HTTP API (payload version 2.0), or a Function URL, which sends the same.
    ApiGatewayV2,
    /// An Application Load Balancer.
    Alb,
    /// Messages of an SQS queue.
    Sqs,
    /// Records of a Kinesis stream.
    Kinesis,
    /// Objects created in S3, or S3's test event.
    S3,
    /// A schedule of EventBridge.
    Schedule,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::ApiGatewayV1 => "api_gateway_v1",
            Self::ApiGatewayV2 => "api_gateway_v2",
            Self::Alb => "alb",
            Self::Sqs => "sqs",
            Self::Kinesis => "kinesis",
            Self::S3 => "s3",
            Self::Schedule => "schedule",
        })
    }
}

/// The members that tell events apart; values are looked at no further than needed. A record may have fields of these
/// names too, but a field holds neither an object nor a list of objects, as services send them.
#[derive(Deserialize)]
struct Marks<'a> {
    #[serde(rename = "requestContext", borrow)]
    request_context: Option<&'a RawValue>,
    #[serde(rename = "httpMethod")]
    http_method: Option<IgnoredAny>,
    #[serde(rename = "methodArn", alias = "routeArn")]
    asks_for: Option<IgnoredAny>,
    #[serde(rename = "Records", borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(rename = "detail-type", borrow)]
    detail_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(rename = "Event", borrow)]
    event: Option<&'a RawValue>,
    #[serde(rename = "Bucket")]
    bucket: Option<IgnoredAny>,
}

/// One of the records that queues, streams and buckets send.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventSource", alias = "EventSource", default)]
    event_source: Option<String>,
}

impl Marks<'_> {
    fn context(&self) -> Option<Context> {
        let context = self.request_context?.get();
        context
            .starts_with('{')
            .then(|| serde_json::from_str(context).ok())
            .flatten()
    }

    /// The service that sends `Records`, where there is a list of objects.
    fn sender(&self) -> Option<String> {
        let list = self.records?.get();
        let rest = list.strip_prefix('[')?;
        if !rest.trim_start().starts_with(['{', ']']) {
            return None;
        }
        let records: Vec<Record> = serde_json::from_str(list).ok()?;
        let first = records.into_iter().next();
        Some(
            first
                .and_then(|record| record.event_source)
                .unwrap_or_default(),
        )
    }

    fn is_bridged(&self) -> bool {
        let is_object = |value: &RawValue| value.get().starts_with('{');
        let is_detailed = self.detail.is_some_and(is_object) || self.is_scheduled();
        is_detailed && self.detail_type.is_some() && self.source.is_some()
    }

    /// By a rule of EventBridge, or by EventBridge Scheduler, whose `detail` is text.
    fn is_scheduled(&self) -> bool {
        let senders = [r#""aws.events""#, r#""aws.scheduler""#];
        senders.iter().any(|sender| says(self.source, sender))
            && says(self.detail_type, r#""Scheduled Event""#)
    }

    fn is_test_of_s3(&self) -> bool {
        says(self.event, r#""s3:TestEvent""#) && self.bucket.is_some()
    }
}

fn says(value: Option<&RawValue>, text: &str) -> bool {
    value.is_some_and(|value| value.get() == text)
}

/// What a service says of a request beside its parts.
#[derive(Deserialize)]
struct Context {
    elb: Option<IgnoredAny>,
    http: Option<IgnoredAny>,
    #[serde(rename = "connectionId")]
    connection_id: Option<IgnoredAny>,
}

impl Source {
    /// Tells where an event comes from. Whatever has no mark of another service is a direct invocation: what is wrong
    /// with it, the record reader says better.
    ///
    /// # Errors
    /// `unsupported.event` for a service whose events are not answered.
    pub fn of(event: &str) -> Result<Self> {
        let is_object = event.trim_start().starts_with('{');
        let Some(marks) = is_object
            .then(|| serde_json::from_str::<Marks<'_>>(event).ok())
            .flatten()
        else {
            return Ok(Self::Direct);
        };
        if let Some(sender) = marks.sender() {
            return Self::of_sender(&sender);
        }
        if marks.is_test_of_s3() {
            return Ok(Self::S3);
        }
        if marks.is_bridged() {
            return match marks.is_scheduled() {
                true => Ok(Self::Schedule),
                false => Err(unsupported(
                    "an EventBridge `detail-type` that is no schedule",
                )),
            };
        }
        match (marks.context(), marks.http_method) {
            _ if marks.asks_for.is_some() && marks.request_context.is_some() => Err(unsupported(
                "a `methodArn` or a `routeArn`, which ask for authorization,",
            )),
            (
                Some(Context {
                    connection_id: Some(_),
                    ..
                }),
                _,
            ) => Err(unsupported("a `connectionId`, which is a WebSocket's,")),
            (Some(Context { elb: Some(_), .. }), _) => Ok(Self::Alb),
            (Some(Context { http: Some(_), .. }), _) => Ok(Self::ApiGatewayV2),
            (Some(_), Some(_)) => Ok(Self::ApiGatewayV1),
            (Some(_), None) => Err(unsupported("a `requestContext` without HTTP")),
            (None, _) => Ok(Self::Direct),
        }
    }

    fn of_sender(sender: &str) -> Result<Self> {
        match sender {
            "aws:sqs" => Ok(Self::Sqs),
            "aws:kinesis" => Ok(Self::Kinesis),
            "aws:s3" => Ok(Self::S3),
            other => Err(unsupported("`Records` of another service").with_value(other)),
        }
    }

    /// True for sources that wait for a response in HTTP's form.
    pub fn is_http(self) -> bool {
        matches!(self, Self::ApiGatewayV1 | Self::ApiGatewayV2 | Self::Alb)
    }
}

fn unsupported(found: &str) -> Error {
    Error::unsupported(
        "unsupported.event",
        format!("events with {found} are not answered"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn marks_tell_the_service() {
        for (event, source) in [
            (r#"{"carrier":"UA"}"#, Source::Direct),
            (r#"{"httpMethod":"a column of this name"}"#, Source::Direct),
            (
                r#"{"Records":7,"requestContext":"x","httpMethod":"y"}"#,
                Source::Direct,
            ),
            (
                r#"{"Records":["x"],"requestContext":["x"]}"#,
                Source::Direct,
            ),
            (r#"{"Records":null,"requestContext":null}"#, Source::Direct),
            (
                r#"{"detail":"x","detail-type":"y","source":"z"}"#,
                Source::Direct,
            ),
            (r#"{"Event":"s3:TestEvent"}"#, Source::Direct),
            ("[]", Source::Direct),
            (r#"[{"a":1},{"a":2},{"a":3}]"#, Source::Direct),
            ("{", Source::Direct),
            ("7", Source::Direct),
            (
                r#"{"httpMethod":"GET","requestContext":{"resourceId":"x"}}"#,
                Source::ApiGatewayV1,
            ),
            (
                r#"{"version":"2.0","requestContext":{"http":{"method":"GET"}}}"#,
                Source::ApiGatewayV2,
            ),
            (
                r#"{"httpMethod":"GET","requestContext":{"elb":{"targetGroupArn":"x"}}}"#,
                Source::Alb,
            ),
            (r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, Source::Sqs),
            (
                r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#,
                Source::Kinesis,
            ),
            (r#"{"Records": [ {"eventSource":"aws:s3"}]}"#, Source::S3),
            (
                r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#,
                Source::S3,
            ),
            (
                r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#,
                Source::Schedule,
            ),
            (
                r#"{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":"{}"}"#,
                Source::Schedule,
            ),
        ] {
            assert_eq!(Source::of(event).ok(), Some(source), "{event}");
        }
    }

    #[test]
    fn other_services_are_refused_by_code() {
        for event in [
            r#"{"Records":[{"EventSource":"aws:sns"}]}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":[]}"#,
            r#"{"requestContext":{"connectionId":"x"}}"#,
            r#"{"methodArn":"x","httpMethod":"GET","requestContext":{}}"#,
            r#"{"source":"aws.ec2","detail-type":"x","detail":{}}"#,
        ] {
            assert_eq!(
                Source::of(event).err().map(|error| error.code()),
                Some("unsupported.event"),
                "{event}"
            );
        }
    }
}

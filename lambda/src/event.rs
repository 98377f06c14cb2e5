//! Which service sent an event, told by the members that only its events have.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use skewless_core::{Error, Result};

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A record or a list of records, sent by `Invoke`.
    Direct,
    /// API Gateway, REST API (payload version 1.0).
    ApiGatewayV1,
    /// API Gateway, HTTP API (payload version 2.0), or a Function URL, which sends the same.
    ApiGatewayV2,
    /// An Application Load Balancer.
    Alb,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::ApiGatewayV1 => "api_gateway_v1",
            Self::ApiGatewayV2 => "api_gateway_v2",
            Self::Alb => "alb",
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
    #[serde(rename = "Records", borrow)]
    records: Option<&'a RawValue>,
}

impl Marks<'_> {
    fn context(&self) -> Option<Context> {
        let context = self.request_context?.get();
        context
            .starts_with('{')
            .then(|| serde_json::from_str(context).ok())
            .flatten()
    }

    fn has_records(&self) -> bool {
        let list = self.records.and_then(|list| list.get().strip_prefix('['));
        list.is_some_and(|rest| rest.trim_start().starts_with(['{', ']']))
    }
}

/// What a service says of a request beside its parts.
#[derive(Deserialize)]
struct Context {
    elb: Option<IgnoredAny>,
    http: Option<IgnoredAny>,
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
        if marks.has_records() {
            return Err(unsupported(
                "a list of `Records` (a queue, a stream or a bucket)",
            ));
        }
        match (marks.context(), marks.http_method) {
            (Some(Context { elb: Some(_), .. }), _) => Ok(Self::Alb),
            (Some(Context { http: Some(_), .. }), _) => Ok(Self::ApiGatewayV2),
            (Some(_), Some(_)) => Ok(Self::ApiGatewayV1),
            (Some(_), None) => Err(unsupported("a `requestContext` without HTTP")),
            (None, _) => Ok(Self::Direct),
        }
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
        ] {
            assert_eq!(Source::of(event).ok(), Some(source), "{event}");
        }
    }

    #[test]
    fn other_services_are_refused_by_code() {
        for event in [
            r#"{"Records":[{"eventSource":"aws:sqs"}]}"#,
            r#"{"requestContext":{"connectionId":"x"}}"#,
        ] {
            assert_eq!(
                Source::of(event).err().map(|error| error.code()),
                Some("unsupported.event"),
                "{event}"
            );
        }
    }
}

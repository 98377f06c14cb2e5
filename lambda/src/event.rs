//! Which service sent an event, told by the members that only its events have.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
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

/// The members that tell events apart; values are looked at no further than needed.
#[derive(Deserialize)]
struct Marks {
    #[serde(rename = "requestContext")]
    request_context: Option<Context>,
    #[serde(rename = "httpMethod")]
    http_method: Option<IgnoredAny>,
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
}

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
            .then(|| serde_json::from_str::<Marks>(event).ok())
            .flatten()
        else {
            return Ok(Self::Direct);
        };
        match marks {
            Marks {
                records: Some(_), ..
            } => Err(unsupported(
                "a list of `Records` (a queue, a stream or a bucket)",
            )),
            Marks {
                request_context: Some(Context { elb: Some(_), .. }),
                ..
            } => Ok(Self::Alb),
            Marks {
                request_context: Some(Context { http: Some(_), .. }),
                ..
            } => Ok(Self::ApiGatewayV2),
            Marks {
                request_context: Some(_),
                http_method: Some(_),
                ..
            } => Ok(Self::ApiGatewayV1),
            Marks {
                request_context: Some(_),
                ..
            } => Err(unsupported("a `requestContext` without HTTP")),
            Marks {
                request_context: None,
                ..
            } => Ok(Self::Direct),
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

//! HTTP events: API Gateway's, a Function URL's and a load balancer's forms in, a response in the same form out.

use std::sync::Arc;

use aws_lambda_events::alb::{AlbTargetGroupRequest, AlbTargetGroupResponse};
use aws_lambda_events::apigw::{
    ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest,
    ApiGatewayV2httpResponse,
};
use aws_lambda_events::encodings::Body;
use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use skewless_core::{Error, Result};
use skewless_protocol::{Admission, Headers, Host, Request, Response, Service};

use crate::event::Source;
use crate::streamed::Streamed;

/// An HTTP request taken out of its event.
#[derive(Debug)]
pub(crate) struct HttpEvent {
    source: Source,
    method: String,
    path: String,
    headers: Headers,
    body: Result<Vec<u8>>,
}

impl HttpEvent {
    /// Reads the event of an HTTP source.
    ///
    /// # Errors
    /// `request.invalid_event` for an event that lacks what its source always sends.
    pub(crate) fn read(source: Source, event: &str) -> Result<Self> {
        match source {
            Source::ApiGatewayV1 => parse(event).map(Self::from_v1),
            Source::ApiGatewayV2 => parse(event).map(Self::from_v2),
            Source::Alb => parse(event).map(Self::from_alb),
            _ => Err(Error::internal("internal.event", "the event is not HTTP's")),
        }
    }

    /// Lets the service answer; a body that did not decode is refused as the service refuses.
    pub(crate) fn respond(&self, host: &Host, service: &Service) -> Response {
        let request = self.request();
        match &self.body {
            Ok(_) => host.respond(service, &request),
            Err(error) => service.refuse(&request, error),
        }
    }

    /// The id that the client gave the request, if it may stand in a header and in the log.
    pub(crate) fn id(&self) -> Option<&str> {
        let given = |name: &&str| self.headers.value(name);
        let id = ["x-request-id", "cf-ray"].iter().find_map(given)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic();
        (!id.is_empty() && id.len() <= 128 && id.bytes().all(is_plain)).then_some(id)
    }

    /// The refusal of a request.
    pub(crate) fn refuse(&self, service: &Service, error: &Error) -> Response {
        service.refuse(&self.request(), error)
    }

    /// The answer as a stream: JSON lines piece by piece, anything else as one piece.
    pub(crate) fn stream(mut self, host: &Host, service: &Arc<Service>) -> Streamed {
        if self.body.is_ok()
            && let Admission::Lines(begun) = service.admit(&self.request())
        {
            let lines = std::mem::replace(&mut self.body, Ok(Vec::new())).unwrap_or_default();
            return Streamed::lines(begun, service, lines)
                .unwrap_or_else(|error| Streamed::whole(self.refuse(service, &error)));
        }
        Streamed::whole(self.respond(host, service))
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            headers: self.headers.clone(),
            body: self.body.as_deref().unwrap_or_default(),
        }
    }

    /// The response in the form that the source expects.
    ///
    /// # Errors
    /// `internal.response` when the form has no JSON.
    pub(crate) fn shape(&self, response: Response) -> Result<serde_json::Value> {
        let status = i64::from(response.status);
        let headers = header_map(&response.headers);
        let body =
            (!response.body.is_empty()).then(|| String::from_utf8(response.body).map(Body::Text));
        let body = body.transpose().map_err(internal)?;
        let shaped = match self.source {
            Source::ApiGatewayV2 => {
                let mut shape = ApiGatewayV2httpResponse::default();
                (shape.status_code, shape.headers, shape.body) = (status, headers, body);
                serde_json::to_value(shape)
            }
            Source::Alb => {
                let mut shape = AlbTargetGroupResponse::default();
                shape.status_description = status_line(response.status);
                // A load balancer reads one of the two, by its own configuration.
                shape.multi_value_headers = headers.clone();
                (shape.status_code, shape.headers, shape.body) = (status, headers, body);
                serde_json::to_value(shape)
            }
            _ => {
                let mut shape = ApiGatewayProxyResponse::default();
                (shape.status_code, shape.headers, shape.body) = (status, headers, body);
                serde_json::to_value(shape)
            }
        };
        shaped.map_err(internal)
    }

    fn from_v1(event: ApiGatewayProxyRequest) -> Self {
        let mut headers = event.multi_value_headers;
        headers.extend(event.headers);
        Self {
            source: Source::ApiGatewayV1,
            method: event.http_method.as_str().to_owned(),
            path: event.path.unwrap_or_default(),
            headers: plain(&headers),
            body: decode(event.body, event.is_base64_encoded),
        }
    }

    fn from_v2(event: ApiGatewayV2httpRequest) -> Self {
        let path = event.raw_path.unwrap_or_default();
        Self {
            source: Source::ApiGatewayV2,
            method: event.request_context.http.method.as_str().to_owned(),
            path: without_stage(&path, event.request_context.stage.as_deref()).to_owned(),
            headers: plain(&event.headers),
            body: decode(event.body, event.is_base64_encoded),
        }
    }

    fn from_alb(event: AlbTargetGroupRequest) -> Self {
        let mut headers = event.multi_value_headers;
        headers.extend(event.headers);
        Self {
            source: Source::Alb,
            method: event.http_method.as_str().to_owned(),
            path: event.path.unwrap_or_default(),
            headers: plain(&headers),
            body: decode(event.body, event.is_base64_encoded),
        }
    }
}

fn parse<T: DeserializeOwned>(event: &str) -> Result<T> {
    serde_json::from_str(event).map_err(|error| {
        Error::input(
            "request.invalid_event",
            format!("the HTTP event cannot be read: {error}"),
        )
        .with_source(error)
    })
}

/// An HTTP API puts a named stage in front of the path.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

fn decode(body: Option<String>, base64: bool) -> Result<Vec<u8>> {
    let body = body.unwrap_or_default();
    if !base64 {
        return Ok(body.into_bytes());
    }
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .map_err(|error| {
            Error::input("request.invalid_base64", "the event's body is not Base64")
                .with_source(error)
        })
}

/// Headers as text; a value that is no text means nothing to the protocol.
fn plain(headers: &HeaderMap) -> Headers {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect()
}

pub(crate) fn header_map(headers: &Headers) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        Some((
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_str(value).ok()?,
        ))
    });
    pairs.collect()
}

fn status_line(status: u16) -> Option<String> {
    let status = StatusCode::from_u16(status).ok()?;
    Some(format!(
        "{} {}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    ))
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("internal.response", "the response cannot be written").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_taken_off_whole() {
        for (path, stage, rest) in [
            ("/prod/v2", Some("prod"), "/v2"),
            ("/prod", Some("prod"), ""),
            ("/production/v2", Some("prod"), "/production/v2"),
            ("/v2", Some("$default"), "/v2"),
            ("/v2", None, "/v2"),
        ] {
            assert_eq!(without_stage(path, stage), rest, "{path}");
        }
    }

    #[test]
    fn bodies_decode() {
        assert_eq!(decode(Some("e30=".into()), true).ok(), Some(b"{}".to_vec()));
        assert_eq!(decode(Some("{}".into()), false).ok(), Some(b"{}".to_vec()));
        assert_eq!(decode(None, true).ok(), Some(Vec::new()));
        assert_eq!(
            decode(Some("{}".into()), true)
                .err()
                .map(|error| error.code()),
            Some("request.invalid_base64")
        );
    }
}

//! Which pages of other sites may read the answers: the Fetch standard's CORS protocol.
//!
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>
//!
//! This tells browsers; it keeps nobody from asking. Without an origin in the settings no header of it is sent.

use skewless_core::{Error, Result};

use crate::headers::{DIGEST, ERROR, Headers, IGNORED_FIELDS, MODEL, VERSION};
use crate::message::{Request, Response};

/// The origins that may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Vec<String>,
    /// Seconds for which a browser may keep the answer to a preflight.
    pub max_age: u32,
}

impl Default for Cors {
    /// No origin, and a day.
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age: 86_400,
        }
    }
}

const ANY: &str = "*";
const METHODS: &str = "GET, HEAD, POST";
const REQUEST_HEADERS: &str = "authorization, content-type, x-request-id";

impl Cors {
    /// Takes the origins from text: `*` for all, or origins such as `https://example.org` separated by commas.
    ///
    /// # Errors
    /// `config.invalid_value` for what is no origin.
    pub(crate) fn set_origins(&mut self, text: &str) -> Result<()> {
        let origins = text.split(',').map(str::trim);
        let origins: Vec<&str> = origins.filter(|origin| !origin.is_empty()).collect();
        match origins
            .iter()
            .find(|origin| **origin != ANY && !is_origin(origin))
        {
            Some(other) => Err(Error::misuse(
                "config.invalid_value",
                "must be `*`, or scheme, host and port alone, as in `https://example.org`",
            )
            .with_value(other)),
            None => {
                self.origins = origins.into_iter().map(str::to_owned).collect();
                Ok(())
            }
        }
    }

    /// The origins as they would be set; nothing where there are none.
    pub fn origins_text(&self) -> Option<String> {
        (!self.origins.is_empty()).then(|| self.origins.join(","))
    }

    /// The answer to a browser's question before a request, where this is one; the question of an origin that may not
    /// is refused.
    ///
    /// # Errors
    /// `request.origin_not_allowed`.
    pub(crate) fn preflight(&self, request: &Request<'_>) -> Result<Option<Response>> {
        let asks = request.method == "OPTIONS"
            && request
                .headers
                .value("access-control-request-method")
                .is_some();
        if self.origins.is_empty() || !asks {
            return Ok(None);
        }
        let origin = request.headers.value("origin").unwrap_or_default();
        if self.allowed(origin).is_none() {
            return Err(Error::input(
                "request.origin_not_allowed",
                "pages of this origin may not ask here",
            )
            .with_value(origin));
        }
        let mut response = Response::empty(204);
        let headers = &mut response.headers;
        headers.push("access-control-allow-methods", METHODS);
        headers.push("access-control-allow-headers", REQUEST_HEADERS);
        headers.push("access-control-max-age", self.max_age.to_string());
        Ok(Some(response))
    }

    /// What an answer says to the browser whose page asked.
    pub(crate) fn sign(&self, request: &Headers, answer: &mut Headers) {
        if self.origins.is_empty() {
            return;
        }
        if !self.origins.iter().any(|origin| origin == ANY) {
            answer.push("vary", "origin");
        }
        let origin = request.value("origin");
        let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) else {
            return;
        };
        answer.push("access-control-allow-origin", allowed);
        let exposed = [
            MODEL,
            VERSION,
            DIGEST,
            ERROR,
            IGNORED_FIELDS,
            "x-request-id",
            "server-timing",
        ];
        answer.push("access-control-expose-headers", exposed.join(", "));
    }

    fn allowed(&self, origin: &str) -> Option<&str> {
        let known = self
            .origins
            .iter()
            .find(|known| *known == ANY || known.eq_ignore_ascii_case(origin));
        known.map(String::as_str)
    }
}

/// A scheme and an authority, without a path.
fn is_origin(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, authority)| authority);
    authority.is_some_and(|authority| {
        !authority.is_empty()
            && authority
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_origins() {
        let mut cors = Cors::default();
        assert!(
            cors.set_origins("https://a.org, http://localhost:8000")
                .is_ok()
        );
        assert_eq!(cors.origins.len(), 2);
        for text in [
            "a.org",
            "https://a.org/",
            "https://a.org/x",
            "https://",
            "https://a b",
        ] {
            let error = cors.set_origins(text).err().map(|error| error.code());
            assert_eq!(error, Some("config.invalid_value"), "{text}");
        }
    }
}

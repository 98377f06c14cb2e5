//! A request and a response without a transport: what a door hands in and carries out.

use std::collections::BTreeMap;

use serde::Serialize;
use skewless_core::{Error, Result};

use crate::headers::{self, Headers};
use crate::rows::{Scored, Tally};

/// An HTTP request as a door received it; the body is decoded (no base64, no content encoding).
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path from `/` on; a query string is allowed and not read.
    pub path: &'a str,
    /// The request's headers.
    pub headers: Headers,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// An HTTP response for a door to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers, `content-type` among them when there is a body; `content-length` is left to the door.
    pub headers: Headers,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// What was scored, for the door's metrics.
    pub tally: Tally,
    /// How many rows failed with each code.
    pub failures: BTreeMap<&'static str, usize>,
    /// The code of a refused request; `None` when it was answered, also when some rows failed.
    pub code: Option<&'static str>,
}

impl Response {
    /// A response without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// A response with a JSON body.
    ///
    /// # Errors
    /// `internal.json` when the value has no JSON form.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Result<Self> {
        let mut response = Self::empty(status);
        response.body = serde_json::to_vec(value).map_err(|error| {
            Error::internal("internal.json", "the answer has no JSON form").with_source(error)
        })?;
        response.headers.push("content-type", "application/json");
        Ok(response)
    }

    /// The same response, with what is to be said of the rows behind it.
    pub(crate) fn of(mut self, scored: &Scored) -> Self {
        self.tally = scored.tally();
        self.failures = scored.failures();
        if !scored.ignored.is_empty() {
            let names: Vec<String> = scored
                .ignored
                .iter()
                .map(|name| headers::list_item(name))
                .collect();
            self.headers.push(headers::IGNORED_FIELDS, names.join(", "));
        }
        self
    }
}

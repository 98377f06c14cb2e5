//! Files of the web: asked with what is known of the copy, streamed into another one where they have changed.

use std::time::Duration;

use reqwest::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use skewless_core::{Error, Result};

use super::kept::{Entry, Kept, Version, Wanted};

/// How long a server may let one wait for a connection, and for anything more of its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Waits before a server that is busy, or broken for the moment, is asked again.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// Longest cause that is told, in characters.
const CAUSE: usize = 300;

/// # Errors
/// `config.invalid_value`
pub(super) fn client() -> Result<Client> {
    skewless_serving::take_ring();
    let built = Client::builder()
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .build();
    built.map_err(|error| {
        Error::misuse("config.invalid_value", "no client for addresses of the web")
            .with_source(error)
    })
}

/// The copy of a file as it is now.
///
/// # Errors
/// `source.not_found`, `source.denied`, `source.unreachable`, `train.unwritable`.
pub(super) async fn copy(client: &Client, kept: &Kept, wanted: Wanted<'_>) -> Result<Entry> {
    let failed = |error: reqwest::Error| {
        // The address may hold a signature.
        let error = error.without_url();
        unreachable(wanted.name, &told(&error)).with_source(error)
    };
    let known = kept.find(wanted);
    let asking = || {
        let asking = client.get(wanted.address);
        match known.as_ref().map(|known| &known.version) {
            Some(Version {
                e_tag: Some(tag), ..
            }) => asking.header(IF_NONE_MATCH, tag),
            Some(Version {
                changed: Some(at), ..
            }) => asking.header(IF_MODIFIED_SINCE, at),
            _ => asking,
        }
    };
    let mut found = answered(asking).await.map_err(failed)?;
    let version = Version {
        e_tag: header(&found, &ETAG),
        changed: header(&found, &LAST_MODIFIED),
        size: found.content_length(),
    };
    let is_known = |known: &Entry| match found.status() {
        StatusCode::NOT_MODIFIED => true,
        // A server that answers no conditions.
        status => status.is_success() && version.e_tag.is_some() && known.version == version,
    };
    if let Some(known) = known.filter(is_known) {
        return Ok(known);
    }
    let status = found.status();
    match status {
        _ if status.is_success() => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Err(refused("source.not_found", wanted, "is not there", status));
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(refused("source.denied", wanted, "may not be read", status));
        }
        _ => {
            return Err(unreachable(
                wanted.name,
                &format!("the server answers {status}"),
            ));
        }
    }
    let mut copying = kept.begin()?;
    while let Some(piece) = found.chunk().await.map_err(failed)? {
        copying.push(&piece)?;
    }
    kept.keep(copying, wanted, version)
}

/// The error of what could not be asked, or not to its end.
pub(super) fn unreachable(name: &str, why: &str) -> Error {
    let message = format!("`{name}` cannot be fetched: {why}");
    Error::input("source.unreachable", message).with_value(name)
}

/// The cause behind the causes, shortened: a server's answer may be a page.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(CAUSE).collect();
    text.trim_end_matches([':', ' ']).to_owned()
}

/// The answer to a request, asked again a few times where the server says that it is for the moment.
async fn answered(asking: impl Fn() -> RequestBuilder) -> reqwest::Result<Response> {
    for wait in WAITS {
        let found = asking().send().await?;
        let is_passing =
            found.status().is_server_error() || found.status() == StatusCode::TOO_MANY_REQUESTS;
        if !is_passing {
            return Ok(found);
        }
        tokio::time::sleep(wait).await;
    }
    asking().send().await
}

fn header(found: &Response, name: &reqwest::header::HeaderName) -> Option<String> {
    let value = found.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn refused(code: &'static str, wanted: Wanted<'_>, what: &str, status: StatusCode) -> Error {
    let name = wanted.name;
    let message = format!("`{name}` {what}: the server answers {status}");
    Error::input(code, message).with_value(name)
}

//! Places that a configuration names: a path, an object in S3, an address of the web.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use skewless_core::{Error, Result};
use url::{Position, Url};

/// A place as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file or a folder of this machine.
    Path(PathBuf),
    /// `s3://bucket/key`, `http://…` or `https://…`.
    Address(Url),
}

/// A place of the web that is opened: a client, and the path within it.
#[derive(Clone, Debug)]
pub struct Store {
    /// The client, shared by everything that reads or writes there.
    pub store: Arc<dyn ObjectStore>,
    /// The key or path; a prefix where the location is one.
    pub path: Path,
}

impl Location {
    /// Reads a path or an address.
    ///
    /// # Errors
    /// `config.invalid_value` for nothing, for an address that is none, and for a scheme that nothing here reads.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::misuse("config.invalid_value", "must not be empty"));
        }
        if !text.contains("://") {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|error| {
            Error::misuse("config.invalid_value", format!("is no address: {error}"))
                .with_value(text)
        })?;
        if !matches!(url.scheme(), "s3" | "http" | "https") || url.host_str().is_none() {
            return Err(Error::misuse(
                "config.invalid_value",
                "an address begins with s3://, http:// or https:// and names a host",
            )
            .with_value(text));
        }
        Ok(Self::Address(url))
    }

    /// True where reading it takes the network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Address(_))
    }

    /// Opens an address of S3. Credentials, region and endpoint of S3 are those of `AWS_*` variables, of the function's role
    /// where it runs on Lambda; without an endpoint that says otherwise, S3 is asked under its own names.
    ///
    /// # Errors
    /// `config.invalid_value` where the client cannot be made, and for an address that is not S3's.
    pub fn open(url: &Url) -> Result<Store> {
        take_ring();
        let refused = |error: object_store::Error| {
            Error::misuse(
                "config.invalid_value",
                format!("no client for {url}: {error}"),
            )
            .with_source(error)
        };
        if url.scheme() != "s3" {
            let message = "objects are read and written below s3://BUCKET/PREFIX alone";
            return Err(Error::misuse("config.invalid_value", message).with_value(url.as_str()));
        }
        let path = Path::from_url_path(url.path()).map_err(|error| refused(error.into()))?;
        let builder = AmazonS3Builder::from_env()
            .with_url(url.as_str())
            .with_retry(patience());
        let store = Arc::new(builder.build().map_err(refused)?);
        Ok(Store { store, path })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            // A query may hold a signature, which is nobody's to read.
            Self::Address(url) if url.query().is_some() => {
                write!(f, "{}?…", &url[..Position::AfterPath])
            }
            Self::Address(url) => url.as_str().fmt(f),
        }
    }
}

/// A store that does not answer is told within seconds: Lambda ends an initialisation after ten.
fn patience() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(6),
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        },
    }
}

/// Makes ring the process's cryptography, which the HTTP client expects to find chosen.
pub fn take_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn paths_and_addresses() {
        for (text, remote) in [
            ("flights.skw", false),
            ("/opt/flights.skw", false),
            ("s3://models/flights.skw", true),
            ("https://example.org/a/b.skw", true),
            ("http://127.0.0.1:8000/b.skw", true),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.is_remote(), remote, "{text}");
            assert_eq!(location.to_string(), text);
        }
        for text in ["", "ftp://x/y", "s3:///key", "http://"] {
            assert_eq!(
                Location::parse(text).unwrap_err().code(),
                "config.invalid_value",
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_is_a_store_and_a_path() {
        let url = Url::parse("s3://models/a%20b/c.skw").unwrap();
        let store = Location::open(&url).unwrap();
        assert_eq!(store.path.as_ref(), "a b/c.skw");
        let url = Url::parse("http://127.0.0.1:9/c").unwrap();
        assert_eq!(
            Location::open(&url).unwrap_err().code(),
            "config.invalid_value"
        );
    }
}

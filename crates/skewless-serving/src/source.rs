//! Where a bundle comes from, and how one tells that there is another.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use object_store::{GetOptions, ObjectStore};
use skewless_core::digest::sha256_hex;
use skewless_core::{Error, Result};
use url::Url;

use crate::location::{Location, Store, take_ring};

/// A place that holds a bundle, and may hold another one later.
#[derive(Clone, Debug)]
pub struct Source {
    location: Location,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// The first of these that is a file.
    Files(Vec<PathBuf>),
    Object(Store),
    /// An address of the web, asked for as it is written.
    Web(reqwest::Client, Url),
}

/// A bundle's bytes, and what its place calls them.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The bundle.
    pub bytes: Bytes,
    /// Changes when the bundle does: an entity tag, or what stands for one.
    pub tag: String,
}

/// How long a server may take for its whole answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest bundle that is taken from elsewhere, in bytes.
const MOST_BYTES: u64 = 1 << 30;
const HASHED: &str = "sha256-";

impl Source {
    /// The source of a location; a relative path is looked for in each of `folders`, in their order.
    ///
    /// # Errors
    /// `config.invalid_value` for an address that no client can be made for.
    pub fn new(location: &Location, folders: &[PathBuf]) -> Result<Self> {
        let place = match location {
            Location::Path(path) if path.is_absolute() || folders.is_empty() => {
                Place::Files(vec![path.clone()])
            }
            Location::Path(path) => {
                Place::Files(folders.iter().map(|folder| folder.join(path)).collect())
            }
            Location::Address(url) if url.scheme() == "s3" => Place::Object(Location::open(url)?),
            Location::Address(url) => Place::Web(web_client(url)?, url.clone()),
        };
        Ok(Self {
            location: location.clone(),
            place,
        })
    }

    /// True where reading it takes the network.
    pub fn is_remote(&self) -> bool {
        self.location.is_remote()
    }

    /// The bundle, or nothing where its tag is still `known`. Files are told apart by place, length and time of change,
    /// S3 and the web by `ETag`, or by the content's SHA-256 where a server gives none.
    ///
    /// # Errors
    /// `bundle.unreadable` for a file, `input.unreachable` for anything else that cannot be read.
    pub async fn read(&self, known: Option<&str>) -> Result<Option<Fetched>> {
        match &self.place {
            Place::Files(candidates) => read_file(candidates, known),
            Place::Object(store) => self.in_time(self.read_object(store, known)).await,
            Place::Web(client, url) => self.in_time(self.read_web(client, url, known)).await,
        }
    }

    async fn in_time(
        &self,
        reading: impl Future<Output = Result<Option<Fetched>>>,
    ) -> Result<Option<Fetched>> {
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(read) => read,
            Err(_) => Err(self.unreachable("the server does not answer in time")),
        }
    }

    async fn read_web(
        &self,
        client: &reqwest::Client,
        url: &Url,
        known: Option<&str>,
    ) -> Result<Option<Fetched>> {
        let mut asking = client.get(url.clone());
        if let Some(tag) = known.filter(|tag| !tag.starts_with(HASHED)) {
            asking = asking.header("if-none-match", tag);
        }
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            self.unreachable(&innermost(&error)).with_source(error)
        };
        let mut found = asking.send().await.map_err(failed)?;
        match found.status() {
            reqwest::StatusCode::NOT_MODIFIED => return Ok(None),
            status if status.is_success() => {}
            status => return Err(self.unreachable(&format!("the server answers {status}"))),
        }
        let tag = found
            .headers()
            .get("etag")
            .and_then(|tag| tag.to_str().ok());
        let tag = tag.map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(piece) = found.chunk().await.map_err(failed)? {
            if (bytes.len() + piece.len()) as u64 > MOST_BYTES {
                return Err(self.unreachable("it is over 1 GiB"));
            }
            bytes.extend_from_slice(&piece);
        }
        let tag = tag.unwrap_or_else(|| hashed(&bytes));
        let bytes = Bytes::from(bytes);
        Ok((known != Some(&tag)).then_some(Fetched { bytes, tag }))
    }

    /// The bundle's file, where it is one, without a runtime.
    ///
    /// # Errors
    /// `bundle.unreadable`.
    pub fn read_local(&self) -> Option<Result<Fetched>> {
        let Place::Files(candidates) = &self.place else {
            return None;
        };
        let read = read_file(candidates, None);
        Some(read.and_then(|read| read.ok_or_else(|| no_file(candidates))))
    }

    async fn read_object(&self, store: &Store, known: Option<&str>) -> Result<Option<Fetched>> {
        let options = GetOptions {
            if_none_match: known
                .filter(|tag| !tag.starts_with(HASHED))
                .map(str::to_owned),
            ..GetOptions::default()
        };
        let found = match store.store.get_opts(&store.path, options).await {
            Err(object_store::Error::NotModified { .. }) => return Ok(None),
            found => found.map_err(|error| self.failed(error))?,
        };
        if found.meta.size > MOST_BYTES {
            return Err(self.unreachable("it is over 1 GiB"));
        }
        let tag = found.meta.e_tag.clone();
        let bytes = found.bytes().await.map_err(|error| self.failed(error))?;
        let tag = tag.unwrap_or_else(|| hashed(&bytes));
        Ok((known != Some(&tag)).then_some(Fetched { bytes, tag }))
    }

    fn failed(&self, error: object_store::Error) -> Error {
        self.unreachable(&innermost(&error)).with_source(error)
    }

    fn unreachable(&self, why: &str) -> Error {
        let place = &self.location;
        Error::input(
            "input.unreachable",
            format!("the bundle at {place} can't be read: {why}"),
        )
    }
}

fn web_client(url: &Url) -> Result<reqwest::Client> {
    take_ring();
    reqwest::Client::builder().build().map_err(|error| {
        let message = format!("no client for {}: {error}", Location::Address(url.clone()));
        Error::misuse("config.invalid_value", message).with_source(error)
    })
}

/// The cause behind the causes: what is to be told of a client's error.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn read_file(candidates: &[PathBuf], known: Option<&str>) -> Result<Option<Fetched>> {
    let path = candidates.iter().find(|path| path.is_file());
    let path = path.ok_or_else(|| no_file(candidates))?;
    let tag = file_tag(path).map_err(|error| unreadable(path, error))?;
    if known == Some(&tag) {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    Ok(Some(Fetched {
        bytes: Bytes::from(bytes),
        tag,
    }))
}

fn file_tag(path: &Path) -> std::io::Result<String> {
    let meta = std::fs::metadata(path)?;
    let changed = meta
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let place = place_on_disk(&meta);
    Ok(format!(
        "{place:x}-{:x}-{:x}",
        meta.len(),
        changed.as_nanos()
    ))
}

#[cfg(unix)]
fn place_on_disk(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn place_on_disk(_: &std::fs::Metadata) -> u64 {
    0
}

fn hashed(bytes: &[u8]) -> String {
    format!("{HASHED}{}", sha256_hex(bytes))
}

fn no_file(candidates: &[PathBuf]) -> Error {
    let tried: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Error::bundle(
        "bundle.unreadable",
        format!("no bundle at {}", tried.join(" or ")),
    )
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::bundle(
        "bundle.unreadable",
        format!("cannot read {}: {error}", path.display()),
    )
    .with_source(error)
}

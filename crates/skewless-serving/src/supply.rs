//! The bundle in use and where it comes from: opened once, and replaced when its place holds another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use skewless_core::bundle::Contents;
use skewless_core::{Error, Predictor, Result};
use skewless_protocol::{Host, RefusedBundle, Service, Settings};

use crate::aside::Aside;
use crate::beside::beside;
use crate::clock::{seconds_since_epoch, utc};
use crate::config::Config;
use crate::source::{Fetched, Source};

/// Makes a bundle's predictor with the engines that a program has.
pub type Engine = fn(&Contents<'_>) -> Result<Predictor>;

/// Keeps a bundle, and asks its source for another.
pub struct Supply {
    host: Host,
    source: Source,
    every: Option<Duration>,
    opening: Arc<Opening>,
    known: Mutex<Known>,
}

/// What every bundle is opened with.
struct Opening {
    engine: Engine,
    settings: Settings,
    aside: Option<Arc<Aside>>,
}

/// What is known of the source.
struct Known {
    /// What the source last called its bundle, be it in use or refused.
    tag: String,
    /// The bytes in use.
    bytes: Bytes,
    checked: Instant,
    under_way: bool,
    /// True after a reading that failed, until one comes back.
    unreachable: bool,
    /// True where what the source holds was refused.
    refused: bool,
}

impl Supply {
    /// Opens a bundle: its digests are checked and its golden rows answered.
    ///
    /// # Errors
    /// `bundle.*` or `unsupported.*`, naming what is wrong with it.
    pub fn open(
        config: &Config,
        source: Source,
        fetched: Fetched,
        engine: Engine,
        aside: Option<Arc<Aside>>,
    ) -> Result<Self> {
        let opening = Arc::new(Opening {
            engine,
            settings: config.settings.clone(),
            aside,
        });
        let service = opening.open(&fetched.bytes)?;
        Ok(Self {
            host: Host::new(service).with_clock(seconds_since_epoch),
            source,
            every: config.check,
            opening,
            known: Mutex::new(Known {
                tag: fetched.tag,
                bytes: fetched.bytes,
                checked: Instant::now(),
                under_way: false,
                unreachable: false,
                refused: false,
            }),
        })
    }

    /// Says nothing at `/metrics`.
    #[must_use]
    pub fn without_counters(mut self) -> Self {
        self.host = self.host.without_counters();
        self
    }

    /// Answers with the bundle in use.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The bundle in use, as its source had it.
    pub fn bytes(&self) -> Bytes {
        self.known().bytes.clone()
    }

    /// What is done beside the answers, where there is anything.
    pub fn aside(&self) -> Option<&Arc<Aside>> {
        self.opening.aside.as_ref()
    }

    /// How long until the source is to be asked again; `None` for never.
    pub fn due_in(&self) -> Option<Duration> {
        let every = self.every?;
        Some(every.saturating_sub(self.known().checked.elapsed()))
    }

    /// True where a later [`Supply::check`] may take the network.
    pub fn watches_network(&self) -> bool {
        self.every.is_some() && self.source.is_remote()
    }

    /// Asks the source for another bundle where that is due. One that cannot be read or used is told to the log and to
    /// `/v2/health/ready`, and the one in use serves on.
    pub async fn check(&self) {
        if self.due_in() != Some(Duration::ZERO) || !self.begin() {
            return;
        }
        let tag = {
            let known = self.known();
            // After a silence, what was refused before it is read and told again.
            (!(known.unreachable && known.refused)).then(|| known.tag.clone())
        };
        match self.source.read(tag.as_deref()).await {
            Ok(read) => {
                let was_unreachable = std::mem::take(&mut self.known().unreachable);
                match read {
                    Some(fetched) => self.replace(fetched).await,
                    None if was_unreachable => self.host.forget_refused(),
                    None => {}
                }
            }
            Err(error) => {
                self.known().unreachable = true;
                self.refuse("unreachable", &error);
            }
        }
        let mut known = self.known();
        (known.checked, known.under_way) = (Instant::now(), false);
    }

    /// False where a check is under way already.
    fn begin(&self) -> bool {
        !std::mem::replace(&mut self.known().under_way, true)
    }

    async fn replace(&self, fetched: Fetched) {
        let same = {
            let mut known = self.known();
            known.tag = fetched.tag;
            known.refused = false;
            known.bytes == fetched.bytes
        };
        if same {
            self.host.forget_refused();
            return;
        }
        let (opening, bytes) = (Arc::clone(&self.opening), fetched.bytes.clone());
        let opened = beside(move || opening.open(&bytes)).await;
        match opened.and_then(|opened| opened) {
            Ok(service) => {
                self.known().bytes = fetched.bytes;
                let facts = service.facts().clone();
                self.host.replace(service);
                tracing::info!(
                    event = "bundle",
                    outcome = "replaced",
                    model = facts.name,
                    version = facts.version,
                    digest = facts.digest,
                    "another bundle is in use"
                );
            }
            Err(error) => {
                self.known().refused = true;
                self.refuse("refused", &error);
            }
        }
    }

    fn refuse(&self, outcome: &str, error: &Error) {
        tracing::error!(
            event = "bundle",
            outcome,
            code = error.code(),
            field = error.field(),
            "{}",
            error.message()
        );
        self.host.refuse_bundle(RefusedBundle {
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            at: utc(seconds_since_epoch()),
        });
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    fn open(&self, bytes: &[u8]) -> Result<Service> {
        let contents = Contents::read(bytes)?;
        let service = Service::of_contents_with(&contents, (self.engine)(&contents)?)?;
        let service = service
            .with_settings(self.settings.clone())
            .counting(&contents.profile()?);
        Ok(match &self.aside {
            Some(aside) => {
                aside.check(&service)?;
                service.with_witness(Arc::clone(aside) as _)
            }
            None => service,
        })
    }
}

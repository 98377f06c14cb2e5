//! The function: a bundle held in memory, and one event answered at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use skewless_core::{Bundle, Error, Predictor, Result};
use skewless_protocol::{ModelFacts, Service, Tally};

use crate::config::Config;
pub use crate::event::Source;
use crate::http_event::HttpEvent;

/// A loaded bundle that answers events.
pub struct Function {
    service: Service,
    answered: AtomicBool,
}

/// What became of one event.
#[derive(Debug)]
pub struct Invocation {
    /// The answer in the event's form, or the error that Lambda reports as the function's.
    pub outcome: Result<Value>,
    /// What sent the event; unknown for one that is not answered.
    pub source: Option<Source>,
    /// How many rows there were, and how many failed.
    pub tally: Tally,
    /// The code of a request that was refused as a whole, in an HTTP response or as the function's error.
    pub code: Option<&'static str>,
    /// True for the first event after initialisation.
    pub cold_start: bool,
}

impl Function {
    /// Reads, verifies and golden-checks the configured bundle; relative paths are looked for in `folders`.
    ///
    /// # Errors
    /// `bundle.*` or `unsupported.*`, naming what is wrong with it.
    pub fn load(config: &Config, folders: &[PathBuf]) -> Result<Self> {
        let function = Self::from_bytes(&config.read_bundle(folders)?)?;
        Ok(Self {
            service: function.service.with_settings(config.settings.clone()),
            ..function
        })
    }

    /// Verifies and golden-checks a bundle's bytes.
    ///
    /// # Errors
    /// `bundle.*` or `unsupported.*`, naming what is wrong with it.
    pub fn from_bytes(bundle: &[u8]) -> Result<Self> {
        let bundle = Bundle::from_bytes(bundle)?;
        let service = Service::with_predictor(&bundle, predictor(&bundle)?)?;
        Ok(Self {
            service,
            answered: AtomicBool::new(false),
        })
    }

    /// The bundle's name, version and digest.
    pub fn facts(&self) -> &ModelFacts {
        self.service.facts()
    }

    /// Answers an event's JSON text.
    pub fn invoke(&self, event: &str) -> Invocation {
        self.counted(match Source::of(event) {
            Ok(Source::Direct) => self.invoke_directly(event),
            Ok(source) => self.invoke_over_http(source, event),
            Err(error) => Invocation::failed(None, error),
        })
    }

    /// What becomes of an event that could not be read at all.
    pub fn refuse(&self, error: Error) -> Invocation {
        self.counted(Invocation::failed(None, error))
    }

    fn counted(&self, invocation: Invocation) -> Invocation {
        Invocation {
            cold_start: !self.answered.swap(true, Ordering::Relaxed),
            ..invocation
        }
    }

    fn invoke_directly(&self, event: &str) -> Invocation {
        let answer = self.service.answer(event);
        let code = answer.outcome.as_ref().err().map(Error::code);
        Invocation {
            outcome: answer.outcome,
            source: Some(Source::Direct),
            tally: answer.tally,
            code,
            cold_start: false,
        }
    }

    fn invoke_over_http(&self, source: Source, event: &str) -> Invocation {
        let request = match HttpEvent::read(source, event) {
            Ok(request) => request,
            Err(error) => return Invocation::failed(Some(source), error),
        };
        let response = request.respond(&self.service);
        let (tally, code) = (response.tally, response.code);
        match request.shape(response) {
            Ok(shaped) => Invocation {
                outcome: Ok(shaped),
                source: Some(source),
                tally,
                code,
                cold_start: false,
            },
            Err(error) => Invocation::failed(Some(source), error),
        }
    }
}

impl Invocation {
    fn failed(source: Option<Source>, error: Error) -> Self {
        let code = Some(error.code());
        Self {
            outcome: Err(error),
            source,
            tally: Tally::default(),
            code,
            cold_start: false,
        }
    }
}

/// The predictor of a bundle of any engine that this build has.
fn predictor(bundle: &Bundle) -> Result<Predictor> {
    #[cfg(feature = "tract")]
    return skewless_tract::predictor(bundle);
    #[cfg(not(feature = "tract"))]
    Predictor::new(bundle)
}

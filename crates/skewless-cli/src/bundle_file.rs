//! Bundles from files, every failure with the file's name.

use std::path::Path;

use anyhow::Context;
#[cfg(feature = "serve")]
use skewless_core::bundle::Contents;
use skewless_core::{Bundle, Error, Predictor};

use crate::exit::InBundle;

/// Reads and validates a bundle.
pub(crate) fn open(path: &Path) -> anyhow::Result<Bundle> {
    read(path).with_context(|| InBundle(path.to_owned()))
}

/// Reads a bundle and makes its predictor, which must reproduce the golden rows.
pub(crate) fn open_predictor(path: &Path) -> anyhow::Result<(Bundle, Predictor)> {
    let bundle = open(path)?;
    let predictor = checked(&bundle).with_context(|| InBundle(path.to_owned()))?;
    Ok((bundle, predictor))
}

fn checked(bundle: &Bundle) -> skewless_core::Result<Predictor> {
    let predictor = predictor(bundle)?;
    predictor.check_golden(&bundle.golden()?)?;
    Ok(predictor)
}

/// The predictor of a bundle of any engine that this build has.
pub(crate) fn predictor(bundle: &Bundle) -> skewless_core::Result<Predictor> {
    #[cfg(feature = "tract")]
    return skewless_tract::predictor(bundle);
    #[cfg(not(feature = "tract"))]
    Predictor::new(bundle)
}

/// The same of a bundle of which only what answers is read.
#[cfg(feature = "serve")]
pub(crate) fn predictor_of(contents: &Contents<'_>) -> skewless_core::Result<Predictor> {
    #[cfg(feature = "tract")]
    return skewless_tract::predictor_of(contents);
    #[cfg(not(feature = "tract"))]
    Predictor::of_contents(contents)
}

fn read(path: &Path) -> skewless_core::Result<Bundle> {
    let bytes = std::fs::read(path).map_err(|error| {
        Error::bundle("bundle.unreadable", "the file cannot be read").with_source(error)
    })?;
    Bundle::from_bytes(&bytes)
}

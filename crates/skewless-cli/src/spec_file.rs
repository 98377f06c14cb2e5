//! Feature specifications from files, as people write them.

use skewless_core::{Error, FeatureSpec, FittedSpec};
use skewless_table::Wanted;

/// Reads a written specification, in TOML or JSON.
///
/// # Errors
/// `spec.invalid`, with what each of the two forms of JSON lacks.
pub(crate) fn written(text: &str, is_json: bool) -> skewless_core::Result<FeatureSpec> {
    let invalid = |message: String| Error::spec("spec.invalid", message.trim_end().to_owned());
    if !is_json {
        return toml::from_str(text).map_err(|error| invalid(error.to_string()));
    }
    serde_json::from_str(text).map_err(|as_written| {
        match serde_json::from_str::<FittedSpec>(text) {
            Err(as_fitted) => invalid(format!(
                "neither a fitted specification ({as_fitted}) nor a written one ({as_written})"
            )),
            Ok(_) => Error::internal(
                "internal.spec",
                "a fitted specification was read as a written one",
            ),
        }
    })
}

/// The inputs that features are made from, as columns to read.
pub(crate) fn sources(spec: &FeatureSpec) -> Vec<Wanted> {
    let is_source = |name: &String| {
        spec.feature
            .iter()
            .any(|feature| feature.from.names().contains(name))
    };
    spec.input
        .iter()
        .filter(|input| is_source(&input.name))
        .map(Wanted::from)
        .collect()
}

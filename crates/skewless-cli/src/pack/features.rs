//! The feature specification of a packed model: given fitted, or written and fitted here on a sample.

use std::path::Path;

use skewless_core::{Columns, Error, FittedSpec};
use skewless_table::{TableFile, read_columns, read_lookup};

use crate::args::PackArgs;
use crate::pack::in_file;
use crate::spec_file::{sources, written};

/// Reads the specification and fits it where it is not fitted yet.
pub(super) fn fitted(args: &PackArgs, path: &Path, bytes: &[u8]) -> anyhow::Result<FittedSpec> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        in_file(
            path,
            Error::spec("spec.invalid", "the file is not UTF-8").with_source(error),
        )
    })?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json && let Ok(fitted) = serde_json::from_str::<FittedSpec>(text) {
        return given(args, path, fitted);
    }
    let spec = written(text, is_json).map_err(|error| in_file(path, error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let lookups = spec.lookup.iter().map(|lookup| {
        let file = TableFile::new(folder.join(&lookup.source));
        read_lookup(&file, lookup)
    });
    let lookups = lookups.collect::<skewless_core::Result<_>>()?;
    let columns = match &args.fit_on {
        Some(sample) => read_columns(sample, None, &sources(&spec))?,
        // A specification that says every parameter itself needs no rows.
        None => Columns::new(0),
    };
    spec.fit(&columns, lookups)
        .map_err(|error| match &args.fit_on {
            Some(sample) => in_file(sample, error),
            None => in_file(path, error).context("without --fit-on"),
        })
}

fn given(args: &PackArgs, path: &Path, fitted: FittedSpec) -> anyhow::Result<FittedSpec> {
    match &args.fit_on {
        None => Ok(fitted),
        Some(_) => Err(Error::input(
            "pack.already_fitted",
            format!(
                "{} is fitted already; --fit-on would change what the model was trained with",
                path.display()
            ),
        )
        .into()),
    }
}

//! What `predict` was asked to do, resolved from its arguments: which input, which output, which formats.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use skewless_core::Result;
use skewless_table::{Format, Source};

use crate::args::{PredictArgs, TableFormat};

/// A resolved request.
pub(super) struct Plan {
    pub(super) input: Source,
    pub(super) output: Output,
    pub(super) jobs: usize,
    pub(super) digest: DigestTo,
}

/// Where predictions go.
pub(super) enum Output {
    Predictions {
        path: Option<PathBuf>,
        format: Format,
    },
    DigestOnly,
}

/// Where the digest is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigestTo {
    Nowhere,
    Stderr,
    Stdout,
}

impl Plan {
    pub(super) fn of(args: &PredictArgs) -> Result<Self> {
        let digest = match (args.digest, args.digest_only) {
            (_, true) => DigestTo::Stdout,
            (true, false) => DigestTo::Stderr,
            (false, false) => DigestTo::Nowhere,
        };
        Ok(Self {
            output: output(args)?,
            input: input(args.input.as_ref(), args.from)?,
            jobs: jobs(args),
            digest,
        })
    }
}

/// `-` is a standard stream.
pub(crate) fn named(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path)
        .filter(|path| path.as_os_str() != "-")
}

/// The table of records: a file, or standard input.
pub(crate) fn input(path: Option<&PathBuf>, from: Option<TableFormat>) -> Result<Source> {
    let format = from.map(Format::from);
    match named(path) {
        Some(path) => Source::file(path, format),
        None => Source::stream(
            "standard input",
            format.unwrap_or(Format::JsonLines),
            std::io::stdin(),
        ),
    }
}

fn output(args: &PredictArgs) -> Result<Output> {
    if args.digest_only {
        return Ok(Output::DigestOnly);
    }
    let path = named(args.output.as_ref());
    let format = match (args.to, path) {
        (Some(format), _) => format.into(),
        (None, Some(path)) => Format::of_path(path)?,
        (None, None) => Format::JsonLines,
    };
    Ok(Output::Predictions {
        path: path.map(Path::to_owned),
        format,
    })
}

fn jobs(args: &PredictArgs) -> usize {
    args.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, NonZero::get),
        usize::from,
    )
}

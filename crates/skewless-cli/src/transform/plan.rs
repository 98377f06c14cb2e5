//! What `transform` was asked to do, resolved from its arguments.

use std::io::Seek;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::Context;
use skewless_core::Error;
use skewless_table::{Format, Source};

use crate::args::TransformArgs;
use crate::predict::{input, named};

/// A resolved request.
pub(super) struct Plan {
    pub(super) input: Source,
    pub(super) output: Output,
    pub(super) profile: Option<PathBuf>,
    pub(super) jobs: usize,
    pub(super) memory: u64,
}

/// Where features go.
pub(super) enum Output {
    Features {
        path: Option<PathBuf>,
        format: Format,
    },
    Nowhere,
}

impl Plan {
    pub(super) fn of(args: &TransformArgs) -> anyhow::Result<Self> {
        let jobs = || std::thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            output: output(args)?,
            input: source(args)?,
            profile: args.profile.clone(),
            jobs: args.threads.map_or_else(jobs, usize::from),
            memory: args.memory,
        })
    }
}

fn output(args: &TransformArgs) -> skewless_core::Result<Output> {
    if args.profile_only {
        return Ok(Output::Nowhere);
    }
    let path = named(args.output.as_ref());
    let format = match (args.to, path) {
        (Some(format), _) => format.into(),
        (None, Some(path)) => Format::of_path(path)?,
        (None, None) => Format::JsonLines,
    };
    Ok(Output::Features {
        path: path.map(Path::to_owned),
        format,
    })
}

/// The table of records. The end of a Parquet file is read first, so that one from standard input goes through a temporary
/// file and not through memory.
fn source(args: &TransformArgs) -> anyhow::Result<Source> {
    let from = args.from.map(Format::from);
    if named(args.input.as_ref()).is_some() || from != Some(Format::Parquet) {
        return Ok(input(args.input.as_ref(), args.from)?);
    }
    let mut file = tempfile::tempfile().context("no temporary file for standard input")?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(|error| {
        Error::input("table.unreadable", "standard input cannot be read").with_source(error)
    })?;
    file.rewind()?;
    Ok(Source::opened("standard input", Format::Parquet, file)?)
}

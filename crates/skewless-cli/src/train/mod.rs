//! `skewless train`: a configuration becomes a bundle, with the progress shown and the result reported.

mod features;
mod lookup;
mod progress;
mod report;
mod retrain;
mod study;

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use skewless_core::{Bundle, Error, Predictor};
use skewless_train::study::is_study;
use skewless_train::{TrainOptions, Trained, train};

use crate::args::{CopiesArgs, TrainArgs, TrainingRunArgs};
use crate::destination::{Destination, print};
use crate::exit::Outcome;
use crate::records::{Recording, STORE};

pub(crate) use features::run as features;
pub(crate) use lookup::run as lookup;
pub(crate) use retrain::run as retrain;

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.output {
        can_hold(path, &args.run.config)?;
    }
    let mut recording = Recording::begin(&args.run)?;
    let outcome = trained(args, recording.as_mut());
    if let Some(recording) = recording {
        recording.end(outcome.as_ref().err());
    }
    outcome
}

fn trained(args: &TrainArgs, recording: Option<&mut Recording>) -> anyhow::Result<Outcome> {
    // What cannot be read is refused, with its cause, by whoever trains.
    if std::fs::read_to_string(&args.run.config).is_ok_and(|text| is_study(&text)) {
        return study::run(args, recording);
    }
    let options = options(&args.run)?;
    let trained = train(&args.run.config, &options, &mut *progress::on_stderr())?;
    check(&trained)?;
    let written = write(args, &trained)?;
    if let Some(recording) = recording {
        recording.trees(&trained.report, &written);
    }
    if args.json {
        print(&format!(
            "{}\n",
            serde_json::to_string_pretty(&trained.report)?
        ))?;
    } else {
        print(&report::text(&trained.report, &written))?;
    }
    Ok(Outcome::Done)
}

fn options(args: &TrainingRunArgs) -> skewless_core::Result<TrainOptions> {
    Ok(TrainOptions {
        threads: threads(args),
        source_date_epoch: source_date_epoch()?,
    })
}

/// Those of this machine if none are asked for.
fn threads(args: &TrainingRunArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
    args.threads.map_or_else(all, usize::from)
}

/// The date of `SOURCE_DATE_EPOCH` where it is set.
fn source_date_epoch() -> skewless_core::Result<Option<i64>> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Err(_) => Ok(None),
        Ok(text) => match text.parse() {
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => Err(Error::input(
                "train.source_date_epoch",
                format!("SOURCE_DATE_EPOCH is {text:?}, not a whole number of seconds"),
            )
            .with_value(&text)),
        },
    }
}

/// Where copies of what lies elsewhere are kept.
fn store_of(config: &Path, copies: &CopiesArgs) -> Option<PathBuf> {
    let beside = || config.parent().unwrap_or(Path::new("")).join(STORE);
    (!copies.no_store).then(|| copies.store.clone().unwrap_or_else(beside))
}

/// Reads the bundle back as every user will, golden rows included.
fn check(trained: &Trained) -> skewless_core::Result<()> {
    let bundle = Bundle::from_bytes(&trained.bundle)?;
    Predictor::new(&bundle)?.check_golden(&bundle.golden()?)
}

/// Writes the bundle, and beside the configuration the card too; gives the paths.
fn write(args: &TrainArgs, trained: &Trained) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(path) = &args.output {
        put(path, &trained.bundle)?;
        return Ok(vec![path.clone()]);
    }
    let folder = args.run.config.parent().unwrap_or(Path::new(""));
    let (bundle, card) = (
        folder.join(format!("{}.skw", trained.report.name)),
        folder.join("card.md"),
    );
    put(&bundle, &trained.bundle)?;
    put(&card, trained.card.as_bytes())?;
    Ok(vec![bundle, card])
}

/// The path without links; none of what is not there.
fn real(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

/// Whether both are one file.
fn is_same(one: &Path, other: &Path) -> bool {
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Whether a file can be made there, before there is something to write.
fn can_hold(path: &Path, config: &Path) -> anyhow::Result<()> {
    let open = || -> anyhow::Result<()> {
        let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        anyhow::ensure!(!is_folder, "it is a folder");
        anyhow::ensure!(!is_same(path, config), "it is the configuration");
        Destination::open(Some(path)).map(drop)
    };
    open().map_err(|cause| unwritable(path, cause))
}

/// Writes a file whole or not at all: beside its place, to the disk, read back, renamed.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let mut destination = Destination::open(Some(path))?;
        destination.write_all(bytes)?;
        destination.keep_verified(bytes)
    };
    write().map_err(|cause| unwritable(path, cause))
}

fn unwritable(path: &Path, cause: anyhow::Error) -> anyhow::Error {
    let message = format!("`{}` cannot be written", path.display());
    let error = Error::input("train.unwritable", message);
    match cause.downcast::<std::io::Error>() {
        Ok(cause) => error.with_source(cause),
        Err(cause) => error.with_source(std::io::Error::other(format!("{cause:#}"))),
    }
    .into()
}

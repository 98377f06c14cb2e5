//! `skewless train`: a configuration becomes a bundle, with the progress shown and the result reported.

mod progress;
mod report;

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use skewless_core::{Bundle, Error, Predictor};
use skewless_train::{TrainOptions, Trained, train};

use crate::args::TrainArgs;
use crate::destination::{Destination, print};
use crate::exit::Outcome;

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<Outcome> {
    let options = options(args)?;
    let trained = train(&args.config, &options, &mut *progress::on_stderr())?;
    check(&trained)?;
    let written = write(args, &trained)?;
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

/// Threads of this machine if none are asked for; the date of `SOURCE_DATE_EPOCH` where it is set.
fn options(args: &TrainArgs) -> skewless_core::Result<TrainOptions> {
    let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = args.threads.map_or_else(all, usize::from);
    let source_date_epoch = match std::env::var("SOURCE_DATE_EPOCH") {
        Err(_) => None,
        Ok(text) => Some(text.parse().map_err(|_| {
            Error::input(
                "train.source_date_epoch",
                format!("SOURCE_DATE_EPOCH is {text:?}, not a whole number of seconds"),
            )
            .with_value(&text)
        })?),
    };
    Ok(TrainOptions {
        threads,
        source_date_epoch,
    })
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
    let folder = args.config.parent().unwrap_or(Path::new(""));
    let (bundle, card) = (
        folder.join(format!("{}.skw", trained.report.name)),
        folder.join("card.md"),
    );
    put(&bundle, &trained.bundle)?;
    put(&card, trained.card.as_bytes())?;
    Ok(vec![bundle, card])
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut destination = Destination::open(Some(path))?;
    destination.write_all(bytes)?;
    destination.keep()
}

//! `skewless predict`: a table of records in, a table of predictions out, in the same order.

mod notes;
mod ordered;
mod plan;

use std::io::Write;

use skewless_core::digest::PredictionDigest;
use skewless_core::{Bundle, Error};
use skewless_table::{Answer, Answerer, Encoder, PredictionWriter, reader};

use crate::args::PredictArgs;
use crate::exit::{Outcome, sentence};
use crate::predict::plan::{DigestTo, Output, Plan};
use crate::{bundle_file, destination};
pub(crate) use notes::Notes;
pub(crate) use ordered::{for_each, in_flight};
pub(crate) use plan::{input, named};

pub(crate) fn run(args: &PredictArgs) -> anyhow::Result<Outcome> {
    let (bundle, predictor) = bundle_file::open_predictor(&args.bundle)?;
    let plan = Plan::of(args)?;
    let reader = reader(&predictor, plan.input)?;
    let mut notes = Notes::new(&bundle);
    notes.columns(reader.column_names());
    let (encoder, mut writer) = open_output(&plan.output, &bundle)?;
    let answerer = Answerer::new(&predictor, encoder);
    let mut tally = Tally::default();
    for_each(
        reader,
        plan.jobs,
        |chunk| chunk.and_then(|chunk| answerer.answer(chunk)),
        |answer| -> anyhow::Result<()> {
            let answer = answer?;
            notes.fields(&answer.unknown_fields);
            tally.count(&answer);
            if let (Some(writer), Some(encoded)) = (&mut writer, answer.encoded) {
                writer.write(encoded)?;
            }
            Ok(())
        },
    )?;
    tally.check_rows()?;
    if let Some(writer) = writer {
        writer.finish()?.keep()?;
    }
    tally.report(plan.digest)
}

type Opened = (
    Option<Encoder>,
    Option<PredictionWriter<destination::Destination>>,
);

fn open_output(output: &Output, bundle: &Bundle) -> anyhow::Result<Opened> {
    let Output::Predictions { path, format } = output else {
        return Ok((None, None));
    };
    let encoder = Encoder::new(*format, bundle.output())?;
    let writer = PredictionWriter::new(destination::Destination::open(path.as_deref())?, &encoder)?;
    Ok((Some(encoder), Some(writer)))
}

/// What has been answered so far.
#[derive(Default)]
struct Tally {
    rows: usize,
    failed: usize,
    first_failure: Option<String>,
    digest: PredictionDigest,
}

impl Tally {
    fn count(&mut self, answer: &Answer) {
        self.rows += answer.predictions.rows();
        self.failed += answer.predictions.errors.len();
        self.digest.update(&answer.predictions);
        if let (None, Some(error)) = (&self.first_failure, answer.predictions.errors.first()) {
            let row = answer.first_row + error.row().unwrap_or_default();
            self.first_failure = Some(format!("row {row}: {}", sentence(error)));
        }
    }

    fn check_rows(&self) -> skewless_core::Result<()> {
        if self.rows > 0 {
            return Ok(());
        }
        Err(Error::input("input.empty_batch", "the input has no rows"))
    }

    fn report(self, digest: DigestTo) -> anyhow::Result<Outcome> {
        let mut stderr = std::io::stderr();
        match digest {
            DigestTo::Nowhere => {}
            DigestTo::Stderr => writeln!(stderr, "sha256 {}", self.digest.finish())?,
            DigestTo::Stdout => destination::print(&format!("{}\n", self.digest.finish()))?,
        }
        let Some(first) = self.first_failure else {
            return Ok(Outcome::Done);
        };
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(
            stderr,
            "skewless: {} of {} {rows} failed; first, {first}",
            self.failed, self.rows
        )?;
        Ok(Outcome::SomeFailed)
    }
}

//! `skewless transform`: a table of records in, the features that the bundle's model would see out, in the same order.

mod budget;
mod plan;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use skewless_core::{Bundle, Counter, Error, FittedSpec, Pipeline, Predictor};
use skewless_table::{FeatureEncoder, FeatureWriter, Transformed, Transformer, reader_of};

pub(crate) use self::budget::Budget;
use self::plan::{Output, Plan};
use crate::args::TransformArgs;
use crate::bundle_file;
use crate::destination::Destination;
use crate::exit::{Outcome, sentence};
use crate::predict::{Notes, for_each};

pub(crate) fn run(args: &TransformArgs) -> anyhow::Result<Outcome> {
    let features = Features::open(&args.features)?;
    let pipeline = features.pipeline();
    let plan = Plan::of(args)?;
    let budget = Budget::of(plan.memory, plan.jobs, pipeline);
    let reader = reader_of(pipeline, plan.input.in_blocks_of(budget.block_rows))?;
    let mut notes = features.notes(&args.features);
    notes.columns(reader.column_names());
    let (encoder, mut writer) = open_output((&plan.output, plan.jobs), pipeline, &budget)?;
    let counter = plan.profile.is_some().then(|| features.counter());
    let mut tally = Tally::new(counter.transpose()?);
    let transformer = Transformer::new(pipeline, encoder, tally.counter.clone());
    for_each(
        reader,
        plan.jobs,
        |chunk| chunk.and_then(|chunk| transformer.transform(chunk)),
        |transformed| -> anyhow::Result<()> {
            let mut transformed = transformed?;
            notes.fields(&transformed.unknown_fields);
            tally.count(&mut transformed);
            if let (Some(writer), Some(encoded)) = (&mut writer, transformed.encoded) {
                writer.write(encoded)?;
            }
            Ok(())
        },
    )?;
    tally.check_rows()?;
    if let Some(writer) = writer {
        writer.finish()?.keep()?;
    }
    if let (Some(path), Some(counter)) = (plan.profile, &tally.counter) {
        let mut to = Destination::open(Some(&path))?;
        serde_json::to_writer_pretty(&mut to, counter.profile())?;
        writeln!(to)?;
        to.keep()?;
    }
    tally.report()
}

/// Where the features' parameters come from.
#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Features {
    Bundle(Bundle, Predictor),
    Specification(FittedSpec, Pipeline),
}

impl Features {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let is_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if !is_json {
            let (bundle, predictor) = bundle_file::open_predictor(path)?;
            return Ok(Self::Bundle(bundle, predictor));
        }
        let spec = specification(path).with_context(|| path.display().to_string())?;
        let pipeline = Pipeline::new(&spec).with_context(|| path.display().to_string())?;
        Ok(Self::Specification(spec, pipeline))
    }

    fn pipeline(&self) -> &Pipeline {
        match self {
            Self::Bundle(_, predictor) => predictor.pipeline(),
            Self::Specification(_, pipeline) => pipeline,
        }
    }

    fn notes(&self, path: &Path) -> Notes<'_> {
        match self {
            Self::Bundle(bundle, _) => Notes::new(bundle),
            Self::Specification(spec, _) => Notes::of(spec, path.display().to_string()),
        }
    }

    /// Counts in the bins of the bundle's profile.
    fn counter(&self) -> skewless_core::Result<Counter> {
        match self {
            Self::Bundle(bundle, predictor) => {
                Counter::new(predictor.pipeline(), &bundle.profile()?)
            }
            Self::Specification(..) => Err(Error::unsupported(
                "unsupported.profile",
                "`--profile` counts in the bins of a bundle's profile, which a specification does not have",
            )),
        }
    }
}

/// A fitted specification from a file.
fn specification(path: &Path) -> skewless_core::Result<FittedSpec> {
    let invalid = |message| Error::spec("spec.invalid", message);
    let text = std::fs::read_to_string(path)
        .map_err(|error| invalid("the file cannot be read".to_owned()).with_source(error))?;
    serde_json::from_str(&text)
        .map_err(|error| invalid(format!("this is no fitted specification: {error}")))
}

type Opened = (Option<FeatureEncoder>, Option<FeatureWriter<Destination>>);

fn open_output(
    (output, threads): (&Output, usize),
    pipeline: &Pipeline,
    budget: &Budget,
) -> anyhow::Result<Opened> {
    let Output::Features { path, format } = output else {
        return Ok((None, None));
    };
    let encoder = FeatureEncoder::new(*format, pipeline.column_names())?;
    let destination = Destination::open(path.as_deref())?;
    let writer = FeatureWriter::new(destination, &encoder, budget.group_rows, threads)?;
    Ok((Some(encoder), Some(writer)))
}

/// What has been transformed so far.
struct Tally {
    rows: usize,
    failed: usize,
    first_failure: Option<String>,
    counter: Option<Counter>,
}

impl Tally {
    fn new(counter: Option<Counter>) -> Self {
        Self {
            rows: 0,
            failed: 0,
            first_failure: None,
            counter,
        }
    }

    fn count(&mut self, transformed: &mut Transformed) {
        self.rows += transformed.rows;
        self.failed += transformed.errors.len();
        if let (Some(counter), Some(total)) = (&mut transformed.counter, &mut self.counter) {
            counter.give_to(total);
        }
        if let (None, Some(error)) = (&self.first_failure, transformed.errors.first()) {
            let row = transformed.first_row + error.row().unwrap_or_default();
            self.first_failure = Some(format!("row {row}: {}", sentence(error)));
        }
    }

    fn check_rows(&self) -> skewless_core::Result<()> {
        if self.rows > 0 {
            return Ok(());
        }
        Err(Error::input("input.empty_batch", "the input has no rows"))
    }

    fn report(self) -> anyhow::Result<Outcome> {
        let Some(first) = self.first_failure else {
            return Ok(Outcome::Done);
        };
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(
            std::io::stderr(),
            "skewless: {} of {} {rows} failed; first, {first}",
            self.failed,
            self.rows
        )?;
        Ok(Outcome::SomeFailed)
    }
}

//! `skewless inspect`: everything in a bundle that a person asks about.

mod made;
mod metrics;
mod report;
mod text;

use crate::args::InspectArgs;
use crate::bundle_file;
use crate::destination::print;
use crate::exit::Outcome;
use crate::inspect::report::Report;

pub(crate) use text::{grouped, section, table, width};

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<Outcome> {
    let (bundle, predictor) = bundle_file::open_predictor(&args.bundle)?;
    let report = Report::of(&bundle, &predictor);
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.to_text(text::width())
    };
    print(&text)?;
    Ok(Outcome::Done)
}

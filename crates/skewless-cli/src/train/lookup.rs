//! `skewless lookup`: a source as the lookup table that serving uses.

use skewless_table::Format;
use skewless_train::plural::counted;
use skewless_train::study::LookupExport;

use super::{put, store_of};
use crate::args::LookupArgs;
use crate::destination::print;
use crate::exit::Outcome;

pub(crate) fn run(args: &LookupArgs) -> anyhow::Result<Outcome> {
    let format = Format::of_path(&args.output)?;
    let exported = LookupExport::read(
        &args.config,
        &args.source,
        args.key.as_deref(),
        &args.columns,
        store_of(&args.config, &args.copies).as_deref(),
    )?;
    put(&args.output, &exported.to_bytes(format)?)?;
    let (columns, output) = (&exported.columns, args.output.display());
    print(&format!(
        "{}, {} of {} in {output}\nsource sha256 {}\n",
        counted(columns.rows(), "key"),
        counted(columns.names().len() - 1, "column"),
        args.source,
        exported.digest
    ))?;
    Ok(Outcome::Done)
}

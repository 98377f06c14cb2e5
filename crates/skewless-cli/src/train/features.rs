//! `skewless features`: what a feature set makes of records, for a model that is trained elsewhere.

use std::path::Path;

use skewless_core::Error;
use skewless_table::{Format, write_numbers};
use skewless_train::plural::counted;
use skewless_train::study::export;

use super::{put, store_of};
use crate::args::FeaturesArgs;
use crate::destination::print;
use crate::exit::Outcome;

pub(crate) fn run(args: &FeaturesArgs) -> anyhow::Result<Outcome> {
    let format = Format::of_path(&args.output)?;
    if format == Format::JsonLines {
        let message = "features are written as .parquet or .csv";
        return Err(Error::input("table.unknown_format", message).into());
    }
    let store = store_of(&args.config, &args.copies);
    let exported = export(
        &args.config,
        args.set.as_deref(),
        args.input.as_deref(),
        store.as_deref(),
    )?;
    let bytes = write_numbers(format, &exported.names, &exported.columns)?;
    put(&args.output, &bytes)?;
    let mut written = vec![args.output.as_path()];
    if let Some(path) = &args.spec {
        let spec = serde_json::to_string_pretty(&exported.spec)?;
        put(path, format!("{spec}\n").as_bytes())?;
        written.push(path);
    }
    let rows = exported.columns.first().map_or(0, Vec::len);
    let names: Vec<String> = written
        .iter()
        .map(|path: &&Path| path.display().to_string())
        .collect();
    print(&format!(
        "{}, {} of the feature set {} in {}\n",
        counted(rows, "row"),
        counted(exported.names.len(), "column"),
        exported.set,
        names.join(" and ")
    ))?;
    Ok(Outcome::Done)
}

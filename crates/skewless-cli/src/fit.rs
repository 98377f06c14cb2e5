//! `skewless fit`: a feature specification fitted on tables of any length, in bounded memory.

use std::io::Write;
use std::num::NonZero;
use std::path::Path;

use skewless_core::spec::Blocks;
use skewless_core::{Columns, Error, FeatureSpec, Result};
use skewless_table::{FileChunk, Files, TableFile, Wanted, read_lookup};

use crate::args::FitArgs;
use crate::destination::{Destination, print};
use crate::exit::Outcome;
use crate::predict::for_each;
use crate::spec_file::{sources, written};
use crate::transform::Budget;

pub(crate) fn run(args: &FitArgs) -> anyhow::Result<Outcome> {
    let spec = specification(&args.spec, args.set.as_deref())?;
    let folder = args.spec.parent().unwrap_or(Path::new(""));
    let lookups = spec.lookup.iter().map(|lookup| {
        let file = TableFile::new(folder.join(&lookup.source));
        read_lookup(&file, lookup)
    });
    let lookups = lookups.collect::<Result<Vec<_>>>()?;
    let wanted = sources(&spec);
    let threads = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.threads.map_or_else(threads, usize::from);
    let elements = spec.input.iter().map(skewless_core::Input::elements).sum();
    let budget = Budget::of_sizes(args.memory, jobs, elements, spec.feature.len());
    let tables = args.tables.iter().cloned().map(TableFile::new);
    let tables: Vec<TableFile> = tables.collect();
    let mut rows = Rows {
        files: &tables,
        wanted: &wanted,
        block_rows: budget.block_rows,
        jobs,
        count: 0,
        passes: 0,
    };
    // The blocks take one half, what is kept between them the other.
    let memory = usize::try_from(args.memory / 2).unwrap_or(usize::MAX);
    let fitted = spec.fit_blocks(&mut rows, lookups, memory)?;
    let mut to = Destination::open(Some(&args.output))?;
    serde_json::to_writer_pretty(&mut to, &fitted)?;
    writeln!(to)?;
    to.keep()?;
    print(&format!(
        "{} features fitted on {} rows in {} passes, in {}\n",
        fitted.features.len(),
        rows.count,
        rows.passes,
        args.output.display()
    ))?;
    Ok(Outcome::Done)
}

/// A written specification, or a feature set of a study.
fn specification(path: &Path, set: Option<&str>) -> anyhow::Result<FeatureSpec> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("`{}` cannot be read", path.display());
        Error::spec("spec.invalid", message).with_source(error)
    })?;
    #[cfg(feature = "train")]
    if skewless_train::study::is_study(&text) {
        return Ok(skewless_train::study::feature_set(path, set)?);
    }
    if set.is_some() {
        let message = format!("`{}` has no feature sets: it is no study", path.display());
        return Err(Error::spec("train.config", message).into());
    }
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    written(&text, is_json)
        .map_err(|error| anyhow::Error::from(error).context(path.display().to_string()))
}

/// The rows of the tables, read anew in every pass.
struct Rows<'a> {
    files: &'a [TableFile],
    wanted: &'a [Wanted],
    block_rows: usize,
    jobs: usize,
    /// Rows of a pass.
    count: usize,
    passes: usize,
}

impl Blocks for Rows<'_> {
    fn pass(&mut self, take: &mut dyn FnMut(&Columns) -> Result<()>) -> Result<()> {
        let before = self.count;
        self.count = 0;
        for_each(
            Files::new(self.files, self.wanted, self.block_rows),
            self.jobs,
            |chunk| chunk.and_then(FileChunk::decode),
            |block| {
                let (block, first_row) = (block?, self.count);
                self.count += block.columns.rows();
                take(&block.columns).map_err(|error| match error.row() {
                    Some(row) => block.located(error.with_row(row - first_row)),
                    None => error,
                })
            },
        )?;
        self.passes += 1;
        match self.passes == 1 || self.count == before {
            true => Ok(()),
            false => {
                let message = format!(
                    "the tables had {before} rows and have {} now: they change while they are read",
                    self.count
                );
                Err(Error::input("table.changed", message))
            }
        }
    }
}

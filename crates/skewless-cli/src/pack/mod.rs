//! `skewless pack`: a model trained elsewhere becomes a bundle.

mod columns;
mod compare;
mod covers;
mod engine;
mod features;
mod graph;
mod output;
mod provenance;
mod quantize;
mod sample;
mod tensors;

use std::io::Write;
use std::path::Path;

use skewless_core::{Bundle, BundleParts, Error, FittedSpec, Predictor, Profile, golden};

use crate::args::PackArgs;
use crate::bundle_file;
use crate::destination::{Destination, print};
use crate::exit::{Outcome, unreadable};
use crate::inspect::grouped;
use crate::pack::compare::{Compared, Rows};
use crate::pack::covers::Explained;
use crate::pack::engine::{Chosen, TensorInput};
use crate::pack::provenance::File;
use crate::pack::sample::Sample;

/// Fewest golden rows of a bundle.
const GOLDEN_ROWS: usize = 32;

pub(crate) fn run(args: &PackArgs) -> anyhow::Result<Outcome> {
    let files = files(args)?;
    let model = files
        .first()
        .map(|file| file.bytes.as_slice())
        .unwrap_or_default();
    let mut chosen = match args.quantize {
        true => quantize::choose(args, model, &files)?,
        false => engine::choose(args, model)?,
    };
    let spec = specification(args, chosen.head.as_ref(), &chosen.tensors, &files)?;
    columns::check(&chosen, &spec)?;
    let engine = chosen.open()?;
    let output = output::named(args, &chosen.output, engine.outputs())?;
    let predictor = Predictor::from_engine(&spec, engine, output.clone())?;
    let sample = sample(args, &chosen, &predictor)?;
    let compared = compared(args, &chosen, &predictor, model, &sample)?;
    let explained = covers::complete(args, &mut chosen, &predictor)?;
    let profile = reference_profile(&spec, &predictor, &sample)?;
    let golden = golden::choose(&predictor, &sample.records, GOLDEN_ROWS)?;
    let golden_rows = golden.len();
    let card = card(args, &chosen, &files)?;
    let provenance = provenance::statement(args, &chosen, &files)?;
    let parts = BundleParts {
        name: args.name.clone(),
        version: args.version.clone(),
        features: spec,
        model: chosen.model,
        output,
        profile,
        golden,
        card,
        provenance,
    };
    let bytes = parts.to_bytes()?;
    let bundle = checked(&bytes)?;
    write(&args.output, &bytes)?;
    let packed = Packed {
        bundle,
        golden_rows,
        engine: chosen.engine,
        compared,
        explained,
    };
    packed.report(&args.output, &chosen.notes)?;
    Ok(Outcome::Done)
}

/// Every file that the bundle is made from, the model first.
fn files(args: &PackArgs) -> anyhow::Result<Vec<File>> {
    let mut files = vec![File::read("model", &args.model)?];
    let others = [
        ("features", &args.features),
        ("fitted on", &args.fit_on),
        ("golden rows from", &args.golden_from),
        ("calibration", &args.calibration),
    ];
    for (role, path) in others {
        if let Some(path) = path {
            files.push(File::read(role, path)?);
        }
    }
    Ok(files)
}

/// The specification that is given, the one that the model brings, or one of the model's own inputs.
fn specification(
    args: &PackArgs,
    head: Option<&FittedSpec>,
    inputs: &[TensorInput],
    files: &[File],
) -> anyhow::Result<FittedSpec> {
    match (&args.features, files.get(1), head) {
        (Some(_), _, Some(_)) => Err(Error::input(
            "pack.features_twice",
            "the model brings its own preprocessing, which is its specification; leave out --features",
        )
        .into()),
        (Some(path), Some(file), None) => features::fitted(args, path, &file.bytes),
        (_, _, Some(head)) => Ok(head.clone()),
        _ => Ok(tensors::specification(inputs)?),
    }
}

/// The rows that golden rows and profile come from.
fn sample(args: &PackArgs, chosen: &Chosen, predictor: &Predictor) -> anyhow::Result<Sample> {
    let given = [&args.golden_from, &args.fit_on, &args.calibration];
    match given.into_iter().flatten().next() {
        Some(path) => Ok(Sample::read(path, predictor)?),
        None if args.features.is_none() && chosen.head.is_none() => {
            let inputs: Vec<_> = predictor.pipeline().inputs().cloned().collect();
            Ok(Sample::of(tensors::made_up(chosen)?, &inputs))
        }
        None => Err(Error::input(
            "pack.no_sample",
            "golden rows are made from a sample: give --golden-from, --fit-on or --calibration",
        )
        .into()),
    }
}

/// Engine and source on the calibration rows.
fn compared(
    args: &PackArgs,
    chosen: &Chosen,
    predictor: &Predictor,
    model: &[u8],
    sample: &Sample,
) -> anyhow::Result<Compared> {
    if args.quantize {
        let reason = "it computes in floats; what that changes, labelled rows say";
        return Ok(Compared::Not(reason.to_owned()));
    }
    let source = match graph::reference(args, chosen, model) {
        Ok(source) => source,
        Err(reason) => {
            return Ok(Compared::Not(format!(
                "{reason}; tests hold the importer to its library's answers"
            )));
        }
    };
    let engine = (&chosen.model, &chosen.output);
    let agreement = match &args.calibration {
        Some(path) => {
            let rows = Sample::read(path, predictor)?;
            compare::check(engine, predictor, &*source, &rows.records, Rows::Given)
        }
        None => {
            let given = args.golden_from.is_some() || args.fit_on.is_some();
            let rows = if given { Rows::Given } else { Rows::MadeUp };
            compare::check(engine, predictor, &*source, &sample.records, rows)
        }
    };
    let agreement = agreement.map_err(|error| in_file(&args.model, error))?;
    Ok(Compared::Same(agreement))
}

/// An error about the content of a file.
fn in_file(path: &Path, error: Error) -> anyhow::Error {
    anyhow::Error::from(error).context(path.display().to_string())
}

fn reference_profile(
    spec: &FittedSpec,
    predictor: &Predictor,
    sample: &Sample,
) -> skewless_core::Result<Profile> {
    let predictions = predictor.predict_columns(&sample.columns)?;
    Profile::reference(spec, &sample.columns, &predictions)
}

fn card(args: &PackArgs, chosen: &Chosen, files: &[File]) -> anyhow::Result<String> {
    match &args.card {
        Some(path) => Ok(std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?),
        None => Ok(provenance::card(args, chosen, files)),
    }
}

/// Reads the bundle back as every user will, golden rows included.
fn checked(bytes: &[u8]) -> skewless_core::Result<Bundle> {
    let bundle = Bundle::from_bytes(bytes)?;
    bundle_file::predictor(&bundle)?.check_golden(&bundle.golden()?)?;
    Ok(bundle)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut destination = Destination::open(Some(path))?;
    destination.write_all(bytes)?;
    destination.keep()
}

/// A bundle that is written, for the report.
struct Packed {
    bundle: Bundle,
    golden_rows: usize,
    engine: String,
    compared: Compared,
    explained: Explained,
}

impl Packed {
    fn report(&self, path: &Path, notes: &[String]) -> anyhow::Result<()> {
        for note in notes {
            writeln!(std::io::stderr(), "note: {note}")?;
        }
        if path.as_os_str() == "-" {
            writeln!(std::io::stderr(), "note: engine: {}", self.engine)?;
            writeln!(std::io::stderr(), "note: source: {}", self.compared)?;
            writeln!(std::io::stderr(), "note: explain: {}", self.explained)?;
            return Ok(());
        }
        let manifest = self.bundle.manifest();
        print(&format!(
            "{} {}  {}\n  sha256  {}\n  size    {} bytes, {} golden {}\n  engine  {}\n  source  {}\n  explain {}\n",
            manifest.name,
            manifest.version,
            path.display(),
            self.bundle.digest(),
            grouped(self.bundle.size()),
            self.golden_rows,
            if self.golden_rows == 1 { "row" } else { "rows" },
            self.engine,
            self.compared,
            self.explained,
        ))
    }
}

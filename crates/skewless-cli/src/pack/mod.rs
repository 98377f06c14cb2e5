//! `skewless pack`: a model trained elsewhere becomes a bundle.

mod columns;
mod features;
mod provenance;
mod sample;

use std::io::Write;
use std::path::Path;

use skewless_compile::{Compiled, Source, compile};
use skewless_core::{Bundle, BundleParts, Error, FittedSpec, Output, Predictor, Profile, golden};

use crate::args::{ModelFormat, PackArgs};
use crate::destination::{Destination, print};
use crate::exit::{Outcome, unreadable};
use crate::inspect::grouped;
use crate::pack::provenance::File;
use crate::pack::sample::Sample;

/// Fewest golden rows of a bundle.
const GOLDEN_ROWS: usize = 32;

pub(crate) fn run(args: &PackArgs) -> anyhow::Result<Outcome> {
    let model_file = File::read("model", &args.model)?;
    let features_file = File::read("features", &args.features)?;
    let compiled = read_model(args, &model_file.bytes)?;
    let spec = features::fitted(args, &features_file.bytes)?;
    columns::check(&compiled, &spec)?;
    let output = output(args, &compiled)?;
    let predictor = Predictor::from_parts(&spec, &compiled.model, output.clone())?;
    let sample = Sample::read(sample_path(args)?, &predictor)?;
    let profile = reference_profile(&spec, &predictor, &sample)?;
    let golden = golden::choose(&predictor, &sample.records, GOLDEN_ROWS)?;
    let golden_rows = golden.len();
    let files = [model_file, features_file]
        .into_iter()
        .chain(sample_files(args)?)
        .collect::<Vec<_>>();
    let card = card(args, &compiled, &files)?;
    let provenance = provenance::statement(args, &compiled, &files)?;
    let parts = BundleParts {
        name: args.name.clone(),
        version: args.version.clone(),
        features: spec,
        model: compiled.model.into(),
        output,
        profile,
        golden,
        card,
        provenance,
    };
    let bytes = parts.to_bytes()?;
    let bundle = checked(&bytes)?;
    write(&args.output, &bytes)?;
    report(&args.output, &bundle, golden_rows, &compiled.notes)?;
    Ok(Outcome::Done)
}

fn read_model(args: &PackArgs, bytes: &[u8]) -> anyhow::Result<Compiled> {
    let source = match args.model_format {
        Some(ModelFormat::Lightgbm) => Source::LightGbm,
        Some(ModelFormat::Xgboost) => Source::XgBoost,
        Some(ModelFormat::Onnx) => Source::Onnx,
        None => Source::detect(bytes).map_err(|error| in_file(&args.model, error))?,
    };
    compile(bytes, source).map_err(|error| in_file(&args.model, error))
}

/// An error about the content of a file.
fn in_file(path: &Path, error: Error) -> anyhow::Error {
    anyhow::Error::from(error).context(path.display().to_string())
}

/// The model's output with the names that the arguments give.
fn output(args: &PackArgs, compiled: &Compiled) -> skewless_core::Result<Output> {
    let mut output = compiled.output.clone();
    output.name = args.target.clone().unwrap_or_else(|| args.name.clone());
    if args.labels.is_empty() {
        return Ok(output);
    }
    let (given, due) = (args.labels.len(), output.labels.len());
    if given != due {
        let message = format!("--labels names {given} of the model's {due} labels");
        return Err(Error::input("pack.labels", message));
    }
    output.labels.clone_from(&args.labels);
    Ok(output)
}

fn sample_path(args: &PackArgs) -> skewless_core::Result<&Path> {
    args.golden_from
        .as_deref()
        .or(args.fit_on.as_deref())
        .ok_or_else(|| {
            Error::input(
                "pack.no_sample",
                "golden rows are made from a sample: give --golden-from or --fit-on",
            )
        })
}

fn sample_files(args: &PackArgs) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    if let Some(path) = &args.fit_on {
        files.push(File::read("fitted on", path)?);
    }
    if let Some(path) = &args.golden_from {
        files.push(File::read("golden rows from", path)?);
    }
    Ok(files)
}

fn reference_profile(
    spec: &FittedSpec,
    predictor: &Predictor,
    sample: &Sample,
) -> skewless_core::Result<Profile> {
    let predictions = predictor.predict_columns(&sample.columns)?;
    Profile::reference(spec, &sample.columns, &predictions)
}

fn card(args: &PackArgs, compiled: &Compiled, files: &[File]) -> anyhow::Result<String> {
    match &args.card {
        Some(path) => Ok(std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?),
        None => Ok(provenance::card(args, compiled, files)),
    }
}

/// Reads the bundle back as every user will, golden rows included.
fn checked(bytes: &[u8]) -> skewless_core::Result<Bundle> {
    let bundle = Bundle::from_bytes(bytes)?;
    Predictor::new(&bundle)?.check_golden(&bundle.golden()?)?;
    Ok(bundle)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut destination = Destination::open(Some(path))?;
    destination.write_all(bytes)?;
    destination.keep()
}

fn report(
    path: &Path,
    bundle: &Bundle,
    golden_rows: usize,
    notes: &[String],
) -> anyhow::Result<()> {
    for note in notes {
        writeln!(std::io::stderr(), "note: {note}")?;
    }
    if path.as_os_str() == "-" {
        return Ok(());
    }
    let manifest = bundle.manifest();
    print(&format!(
        "{} {}  {}\n  sha256  {}\n  size    {} bytes, {golden_rows} golden rows\n",
        manifest.name,
        manifest.version,
        path.display(),
        bundle.digest(),
        grouped(bundle.size()),
    ))
}

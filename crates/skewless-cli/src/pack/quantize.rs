//! `skewless pack --quantize`: a float network becomes an int8 one, and labelled rows say what that costs.

use std::path::Path;

use skewless_compile::{Calibration, FloatNetwork};
use skewless_core::output::{Link, Task};
use skewless_core::plan::Engine;
use skewless_core::{Column, Columns, Error, FittedSpec, Output, Predictor, Result};
use skewless_table::{Cells, Wanted, read_columns};

use crate::args::{PackArgs, RangeChoice};
use crate::pack::engine::{Chosen, TensorInput};
use crate::pack::provenance::File;
use crate::pack::sample::Sample;
use crate::pack::{in_file, output, specification};

/// The share of values within [`RangeChoice::Percentile`].
const PERCENTILE: f64 = 0.9999;

/// Quantises the model's file with the calibration rows, and measures both on the labelled rows.
///
/// # Errors
/// `quantize.rows` without calibration rows, those of [`skewless_compile::quantize`], `quantize.labels` where the truth
/// cannot be read, `quantize.drop` where the int8 network is worse than `--max-drop` allows.
pub(super) fn choose(args: &PackArgs, bytes: &[u8], files: &[File]) -> anyhow::Result<Chosen> {
    let path = args.calibration.as_ref().ok_or_else(|| {
        let message = "ranges come from rows: give --calibration";
        Error::input("quantize.rows", message)
    })?;
    let spec = specification_of(args, &read(args, bytes)?, files)?;
    let float = predictor(&spec, read(args, bytes)?)?;
    let rows = feature_rows(&float, path)?;
    let compiled = skewless_compile::quantize(bytes, &rows, calibration(args))
        .map_err(|error| in_file(&args.model, error))?;
    let mut chosen = Chosen::of(compiled);
    chosen.engine.push_str(", quantised here");
    let measured = measured(args, &chosen, &spec, read(args, bytes)?)?;
    chosen.notes.push(measured);
    Ok(chosen)
}

fn calibration(args: &PackArgs) -> Calibration {
    match args.range {
        RangeChoice::MinMax => Calibration::MinMax,
        RangeChoice::Percentile => Calibration::Percentile(PERCENTILE),
        RangeChoice::LeastError => Calibration::LeastError,
    }
}

fn read(args: &PackArgs, bytes: &[u8]) -> anyhow::Result<FloatNetwork> {
    FloatNetwork::read(bytes).map_err(|error| in_file(&args.model, error))
}

/// The specification that the arguments give, or one of the network's inputs.
fn specification_of(
    args: &PackArgs,
    network: &FloatNetwork,
    files: &[File],
) -> anyhow::Result<FittedSpec> {
    let inputs: Vec<TensorInput> = network
        .inputs()
        .into_iter()
        .map(|input| TensorInput {
            name: input.name,
            shape: input.shape,
            whole: false,
            range: (-1.0, 1.0),
        })
        .collect();
    specification(args, None, &inputs, files)
}

/// A predictor whose values are the float network's outputs.
fn predictor(spec: &FittedSpec, network: FloatNetwork) -> Result<Predictor> {
    let scores = network.outputs();
    let output = Output {
        name: "scores".to_owned(),
        task: Task::Vector,
        link: Link::Identity,
        length: Some(scores),
        ..Output::default()
    };
    Predictor::from_engine(spec, Box::new(network), output)
}

/// The network's columns for every record of a table.
fn feature_rows(predictor: &Predictor, path: &Path) -> anyhow::Result<Vec<f64>> {
    let mut rows = Vec::new();
    for record in &Sample::read(path, predictor)?.records {
        let row = predictor.feature_row(record);
        rows.extend(row.map_err(|error| in_file(path, error))?);
    }
    Ok(rows)
}

/// What the labelled rows say, in a sentence.
fn measured(
    args: &PackArgs,
    chosen: &Chosen,
    spec: &FittedSpec,
    network: FloatNetwork,
) -> anyhow::Result<String> {
    let Some(path) = &args.labelled else {
        return Ok(
            "What quantisation costs is not measured: give --labelled and --label-column."
                .to_owned(),
        );
    };
    let engine = chosen.open()?;
    let after = output::named(args, &chosen.output, engine.outputs())?;
    let mut before = after.clone();
    if chosen.output.link != Link::Identity {
        // The float network computes itself what a link takes over from the end of the graph.
        before.link = Link::Identity;
    }
    let float = Predictor::from_engine(spec, Box::new(network), before)?;
    let rows = Labelled::read(args, path, &float)?;
    let int8 = Predictor::from_engine(spec, engine, after)?;
    let (before, after) = (rows.measure(&float)?, rows.measure(&int8)?);
    rows.verdict(before, after, args.max_drop)
        .map_err(|error| in_file(&args.model, error))
}

/// Raw records with what is true of them.
struct Labelled {
    columns: Columns,
    truth: Truth,
}

enum Truth {
    /// The number of each row's label.
    Labels(Vec<u32>),
    Numbers(Vec<f64>),
}

impl Labelled {
    fn read(args: &PackArgs, path: &Path, predictor: &Predictor) -> anyhow::Result<Self> {
        let refused = |message: String| in_file(path, Error::input("quantize.labels", message));
        let Some(column) = &args.label_column else {
            return Err(refused(
                "--label-column names the column of the truth".to_owned(),
            ));
        };
        let output = predictor.output();
        if output.task == Task::Vector {
            let message = "the network gives several numbers; --labels makes them classes";
            return Err(refused(message.to_owned()));
        }
        let mut wanted: Vec<Wanted> = predictor.pipeline().inputs().map(Wanted::from).collect();
        if wanted.iter().any(|wanted| wanted.name == *column) {
            return Err(refused(format!("column `{column}` is an input")));
        }
        let numbers = output
            .labels
            .iter()
            .all(|label| label.parse::<f64>().is_ok());
        let cells = if numbers { Cells::Number } else { Cells::Text };
        wanted.push(Wanted::new(column, cells));
        let columns = read_columns(path, None, &wanted)?;
        let truth = columns
            .column(column)
            .and_then(|column| truth(column, output));
        match truth {
            Some(truth) if columns.rows() > 0 => Ok(Self { columns, truth }),
            _ => Err(refused(format!(
                "column `{column}` has a row without a truth that the network could give, or no row"
            ))),
        }
    }

    /// The share of right labels, or the root mean square error.
    fn measure(&self, predictor: &Predictor) -> Result<f64> {
        let found = predictor.predict_columns(&self.columns)?;
        if let Some(error) = found.errors.into_iter().next() {
            return Err(error);
        }
        let rows = self.columns.rows() as f64;
        Ok(match &self.truth {
            Truth::Labels(due) => {
                let pairs = found.labels.iter().zip(due);
                pairs.filter(|(found, due)| found == due).count() as f64 / rows
            }
            Truth::Numbers(due) => {
                let pairs = found.values.iter().zip(due);
                let square: f64 = pairs.map(|(found, due)| (found - due).powi(2)).sum();
                (square / rows).sqrt()
            }
        })
    }

    fn verdict(&self, before: f64, after: f64, most: f64) -> Result<String> {
        let (what, worse) = match self.truth {
            Truth::Labels(_) => ("accuracy", before - after),
            Truth::Numbers(_) => {
                let growth = (after - before) / before.max(f64::MIN_POSITIVE);
                ("root mean square error", growth)
            }
        };
        let rows = self.columns.rows();
        let found = format!(
            "{what} on {rows} labelled rows: {before:.6} before and {after:.6} after quantisation"
        );
        if worse > most {
            let message = format!("{found}, {worse:.6} worse; --max-drop allows {most}");
            return Err(Error::input("quantize.drop", message));
        }
        Ok(found)
    }
}

/// What the cells of the truth's column are among the output's labels, or its numbers.
fn truth(column: &Column, output: &Output) -> Option<Truth> {
    let number = |label: &str| {
        let at = output.labels.iter().position(|known| known == label)?;
        u32::try_from(at).ok()
    };
    match column {
        Column::Number(values) if output.labels.is_empty() => {
            let complete = values.iter().all(|value| value.is_finite());
            complete.then(|| Truth::Numbers(values.clone()))
        }
        Column::Number(values) => {
            let labels = values.iter().map(|value| number(&value.to_string()));
            labels.collect::<Option<_>>().map(Truth::Labels)
        }
        Column::Text(text) => {
            let labels = (0..text.codes().len()).map(|row| number(text.value(row)?));
            labels.collect::<Option<_>>().map(Truth::Labels)
        }
        Column::Tensor { .. } => None,
    }
}

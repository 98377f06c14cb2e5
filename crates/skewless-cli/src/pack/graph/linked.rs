//! Graphs in a build with tract.

use skewless_compile::Source;
use skewless_core::bundle::BundleModel;
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::{Engine, Model};
use skewless_core::{Error, Result};
use skewless_tract::{InputWire, TractEngine, Wired, Wishes, wire};

use crate::args::PackArgs;
use crate::pack::engine::{Chosen, TensorInput};

/// Wires the graph. `reason` says why the plan cannot hold it, where it was asked.
///
/// # Errors
/// `unsupported.engine` for files that are no ONNX; both engines' reasons where neither can run the graph.
pub(crate) fn chosen(
    args: &PackArgs,
    bytes: &[u8],
    source: Source,
    reason: Option<&Error>,
) -> Result<Chosen> {
    if source != Source::Onnx {
        return Err(Error::unsupported(
            "unsupported.engine",
            format!(
                "tract runs ONNX graphs, and the file is a {} model",
                source.name()
            ),
        ));
    }
    let Wired {
        onnx,
        wiring,
        tables,
    } = wire(bytes, &wishes(args)?).map_err(|error| neither(error, reason))?;
    let outputs = wiring.scores();
    let engine = match reason {
        None => "tract".to_owned(),
        Some(reason) => format!("tract, because the plan cannot hold the model: {reason}"),
    };
    Ok(Chosen {
        tensors: wiring
            .inputs
            .iter()
            .zip(tables)
            .filter_map(|(input, table)| tensor_input(input, table))
            .collect(),
        model: BundleModel::Onnx {
            file: onnx,
            outputs,
        },
        output: output(outputs),
        feature_names: None,
        head: None,
        source,
        notes: vec![],
        engine,
    })
}

fn neither(error: Error, reason: Option<&Error>) -> Error {
    match reason {
        Some(reason) if error.kind() == skewless_core::ErrorKind::Unsupported => {
            Error::unsupported(
                "unsupported.onnx_op",
                format!("the plan cannot hold the model: {reason}; tract cannot run it: {error}"),
            )
        }
        _ => error,
    }
}

/// The engine of the part `model.onnx`.
///
/// # Errors
/// As [`TractEngine::read`].
pub(crate) fn open(onnx: &[u8]) -> Result<Box<dyn Engine>> {
    Ok(Box::new(TractEngine::read(onnx)?))
}

/// The source graph node by node, as the judge of whatever engine was made of it.
///
/// # Errors
/// Why it cannot be run: then nothing but the importer's own tests says that the engine is right.
pub(crate) fn reference(
    args: &PackArgs,
    chosen: &Chosen,
    bytes: &[u8],
) -> std::result::Result<Box<dyn Engine>, String> {
    let judge = |wired: &[u8]| -> Result<Box<dyn Engine>> {
        Ok(Box::new(TractEngine::read_as_written(wired)?))
    };
    let judge = match &chosen.model {
        BundleModel::Onnx { file, .. } => judge(file),
        BundleModel::Plan(Model::Network(_)) if chosen.source == Source::Onnx => {
            let wired = wishes(args).and_then(|wishes| wire(bytes, &wishes));
            wired.and_then(|wired| judge(&wired.onnx))
        }
        BundleModel::Plan(Model::Network(_)) => {
            let source = chosen.source.name();
            return Err(format!(
                "tract runs ONNX graphs, and the file is a {source} model"
            ));
        }
        BundleModel::Plan(_) => {
            return Err("tract is no judge of trees and linear models".to_owned());
        }
    };
    judge.map_err(|error| error.message().to_owned())
}

fn output(outputs: usize) -> Output {
    Output {
        name: "prediction".to_owned(),
        task: if outputs == 1 {
            Task::Regression
        } else {
            Task::Vector
        },
        link: Link::Identity,
        length: (outputs > 1).then_some(outputs),
        ..Output::default()
    }
}

fn tensor_input(input: &InputWire, table: Option<usize>) -> Option<TensorInput> {
    if input.fixed.is_some() {
        return None;
    }
    // A leading 1 is the batch.
    let shape = match input.shape.as_slice() {
        [1, row @ ..] => row,
        shape => shape,
    };
    Some(TensorInput {
        name: input.name.clone(),
        shape: shape.to_vec(),
        whole: !input.kind.is_float(),
        range: match table {
            Some(rows) => (0.0, rows.saturating_sub(1) as f64),
            None => input.kind.usual_range(),
        },
    })
}

fn wishes(args: &PackArgs) -> Result<Wishes> {
    let fixed = args.fix.iter().map(|text| {
        let (name, numbers) = assigned("--fix", text)?;
        let numbers = numbers.split(',').map(|number| number.trim().parse());
        let numbers = numbers
            .collect::<std::result::Result<Vec<f64>, _>>()
            .map_err(|_| wish("--fix", text))?;
        Ok((name.to_owned(), numbers))
    });
    let sizes = args.size.iter().map(|text| {
        let (name, size) = assigned("--size", text)?;
        let size = size.trim().parse().map_err(|_| wish("--size", text))?;
        Ok((name.to_owned(), size))
    });
    Ok(Wishes {
        fixed: fixed.collect::<Result<_>>()?,
        sizes: sizes.collect::<Result<_>>()?,
        outputs: args.scores.clone(),
    })
}

fn assigned<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    // Names may hold the sign; numbers do not.
    text.rsplit_once('=').ok_or_else(|| wish(flag, text))
}

fn wish(flag: &str, text: &str) -> Error {
    Error::input(
        "pack.wiring",
        format!("{flag} takes NAME=NUMBER, and `{text}` is not that"),
    )
}

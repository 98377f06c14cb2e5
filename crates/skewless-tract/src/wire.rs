//! Wiring an ONNX file when a bundle is made: which inputs take columns, in what shape, and which outputs count.

use crate::document::{Document, with_wiring};
use crate::draft::{Draft, Open};
use crate::graph::{output_width, typed};
use crate::indices::table_rows;
use crate::wiring::{InputWire, OutputWire, Wiring};
use skewless_core::{Error, Result};

/// What is said about a graph beyond what its file says.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Inputs with the numbers they always have, row-major.
    pub fixed: Vec<(String, Vec<f64>)>,
    /// Sizes that the graph leaves open, by the graph's name for them, or `INPUT.AXIS` where it has none.
    pub sizes: Vec<(String, usize)>,
    /// The outputs that are the raw scores, in this order; empty: all of the graph's.
    pub outputs: Vec<String>,
}

/// An ONNX file with its wiring.
#[derive(Clone, Debug)]
pub struct Wired {
    /// The part `model.onnx`: the file's own bytes, then its wiring.
    pub onnx: Vec<u8>,
    /// The wiring.
    pub wiring: Wiring,
    /// For each input, the rows of the table that its numbers are indices into, where they are.
    pub tables: Vec<Option<usize>>,
}

/// Wires an ONNX file for rows.
///
/// The open size on the first axis of an input that takes columns is the batch, which is 1 for a row, wherever its name
/// stands; every other open size must be among the wishes.
///
/// # Errors
/// `model.invalid_onnx` for bytes that are no ONNX model; `pack.wiring` for wishes that the graph does not have and
/// sizes that nobody says; `unsupported.*` for what tract cannot run.
pub fn wire(onnx: &[u8], wishes: &Wishes) -> Result<Wired> {
    let document = Document::read(onnx).map_err(of_the_file)?;
    let inputs = inputs(&document, wishes)?;
    let names = output_names(&document, wishes)?;
    let mut wiring = Wiring {
        inputs,
        // Widths are known when the graph is.
        outputs: names
            .into_iter()
            .map(|name| OutputWire { name, width: 0 })
            .collect(),
    };
    let tables = wiring.inputs.iter();
    let tables = tables
        .map(|input| table_rows(&document, &input.name))
        .collect();
    let model = typed(document, &wiring).map_err(of_the_file)?;
    for (at, output) in wiring.outputs.iter_mut().enumerate() {
        output.width = output_width(&model, at, &output.name)?;
    }
    let json = wiring.write().map_err(of_the_file)?;
    Ok(Wired {
        onnx: with_wiring(onnx, &json),
        wiring,
        tables,
    })
}

/// Before there is a bundle, it is the model's file that is at fault.
fn of_the_file(error: Error) -> Error {
    match error.code() {
        "bundle.invalid_onnx" => Error::input("model.invalid_onnx", error.message().to_owned()),
        _ => error,
    }
}

fn inputs(document: &Document, wishes: &Wishes) -> Result<Vec<InputWire>> {
    let drafts = document
        .inputs()
        .map(Draft::of)
        .collect::<Result<Vec<_>>>()?;
    if let Some((name, _)) = wishes
        .fixed
        .iter()
        .find(|(name, _)| !drafts.iter().any(|draft| draft.name == *name))
    {
        return Err(unwired(format!("the graph has no input `{name}` to fix")));
    }
    let is_fixed = |draft: &Draft| wishes.fixed.iter().any(|(name, _)| *name == draft.name);
    let sizes: Vec<&Open> = drafts.iter().flat_map(|draft| &draft.shape).collect();
    if let Some((name, _)) = wishes.sizes.iter().find(|(name, _)| {
        !sizes
            .iter()
            .any(|size| matches!(size, Open::Named(open) if open == name))
    }) {
        return Err(unwired(format!("the graph leaves no size `{name}` open")));
    }
    let batch: Vec<&String> = drafts
        .iter()
        .filter(|draft| !is_fixed(draft))
        .filter_map(|draft| match draft.shape.first() {
            Some(Open::Named(name)) => Some(name),
            _ => None,
        })
        .collect();
    let size = |draft: &Draft, axis: usize, open: &Open| match open {
        Open::Known(size) => Ok(*size),
        Open::Named(name) => {
            let wished = wishes.sizes.iter().find(|(wished, _)| wished == name);
            match wished {
                Some((_, size)) => Ok(*size),
                None if batch.contains(&name) => Ok(1),
                None => Err(unwired(format!(
                    "input `{}` leaves the size `{name}` of axis {axis} open; say it",
                    draft.name
                ))
                .with_value(name)),
            }
        }
    };
    drafts
        .iter()
        .map(|draft| {
            let shape = draft.shape.iter().enumerate();
            Ok(InputWire {
                name: draft.name.clone(),
                kind: draft.kind,
                shape: shape
                    .map(|(axis, open)| size(draft, axis, open))
                    .collect::<Result<_>>()?,
                fixed: wishes
                    .fixed
                    .iter()
                    .find(|(name, _)| *name == draft.name)
                    .map(|(_, numbers)| numbers.clone()),
            })
        })
        .collect()
}

fn output_names(document: &Document, wishes: &Wishes) -> Result<Vec<String>> {
    let mut given = document.graph.output.iter().map(|output| &output.name);
    if wishes.outputs.is_empty() {
        return Ok(given.cloned().collect());
    }
    match wishes
        .outputs
        .iter()
        .find(|&wished| !given.clone().any(|name| name == wished))
    {
        None => Ok(wishes.outputs.clone()),
        Some(absent) => {
            let names: Vec<String> = given.by_ref().map(|name| format!("`{name}`")).collect();
            Err(unwired(format!(
                "the graph has no output `{absent}`; it has {}",
                names.join(", ")
            )))
        }
    }
}

fn unwired(message: String) -> Error {
    Error::input("pack.wiring", message)
}

//! LightGBM's text model: a header, one block of `key=value` lines a tree, and parameters that don't matter here.
//!
//! LightGBM sums leaves in f64 in the trees' order from 0, tests features as f64, and answers 1 tree an iteration and
//! class. A random forest (`average_output`) divides its prediction by the number of iterations; its own `raw_score`
//! doesn't, a plan's does, because the link applies to the average.

mod objective;
mod text;
mod tree;

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Accumulate, Aggregate, Model, Tree, TreeModel};

use crate::{Compiled, MAX_OUTPUTS, Source};
use text::{Fields, ModelText};

pub(crate) fn compile(bytes: &[u8]) -> Result<Compiled> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| invalid("the file is not UTF-8 text").with_source(error))?;
    let model = ModelText::read(text)?;
    check_version(&model.header)?;
    let outputs: usize = model.header.number("num_tree_per_iteration")?;
    if outputs == 0
        || outputs > MAX_OUTPUTS
        || model.trees.is_empty()
        || model.trees.len() % outputs != 0
    {
        return Err(invalid(format!(
            "{} trees do not make iterations of {outputs}",
            model.trees.len()
        )));
    }
    let names = feature_names(&model.header)?;
    let trees = read_trees(&model, outputs, names.len())?;
    let mut notes = Vec::new();
    let output = objective::read(&model.header, outputs, &mut notes)?;
    Ok(Compiled {
        model: Model::Trees(TreeModel {
            inputs: names.len(),
            outputs,
            narrow_inputs: false,
            accumulate: Accumulate::F64,
            base: vec![0.0; outputs],
            aggregate: match model.header.has("average_output") {
                true => Aggregate::Average,
                false => Aggregate::Sum,
            },
            leaves: skewless_core::plan::LeafPrecision::Exact,
            trees,
        }),
        output,
        feature_names: own_names(names),
        head: None,
        inputs: Vec::new(),
        source: Source::LightGbm,
        notes,
    })
}

fn check_version(header: &Fields<'_>) -> Result<()> {
    match header.text("version")? {
        "v2" | "v3" | "v4" => Ok(()),
        other => {
            let message =
                format!("LightGBM models of version {other} are not known, only v2, v3 and v4");
            Err(Error::unsupported("unsupported.model_version", message))
        }
    }
}

/// One name a column; LightGBM allows no white space in them.
fn feature_names<'a>(header: &Fields<'a>) -> Result<Vec<&'a str>> {
    let last: usize = header.number("max_feature_idx")?;
    let names: Vec<&str> = header
        .text("feature_names")?
        .split_ascii_whitespace()
        .collect();
    match names.len().checked_sub(1) == Some(last) {
        true => Ok(names),
        false => Err(invalid(format!(
            "{} feature names, and the last feature is {last}",
            names.len()
        ))),
    }
}

/// The names, unless they are the `Column_0`, `Column_1`, … that LightGBM makes up.
fn own_names(names: Vec<&str>) -> Option<Vec<String>> {
    let made_up = names
        .iter()
        .enumerate()
        .all(|(index, name)| *name == format!("Column_{index}"));
    (!made_up).then(|| names.into_iter().map(str::to_owned).collect())
}

fn read_trees(model: &ModelText<'_>, outputs: usize, inputs: usize) -> Result<Vec<Tree>> {
    model
        .trees
        .iter()
        .enumerate()
        .map(|(index, fields)| tree::read(fields, inputs, index % outputs))
        .collect()
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::input("model.invalid_lightgbm", message)
}

//! XGBoost's model, in JSON or UBJSON: parallel arrays a tree, in a document that describes the learner.
//!
//! XGBoost works in f32: features are rounded to f32, and each output's margin starts at the base score (brought to
//! the margin's scale) and adds its leaves in the trees' order. All trees take part: `best_iteration` is a setting of
//! its wrappers, not of the model.

mod document;
mod linear;
mod margin;
mod objective;
mod tree;
mod ubjson;

use skewless_core::error::{Error, Result};
use skewless_core::plan::{Accumulate, Aggregate, Model, Tree, TreeModel};

use crate::{Compiled, MAX_OUTPUTS, Source};
use document::{Booster, Document, Forest, Learner};
use margin::base_margins;

pub(crate) fn compile(bytes: &[u8]) -> Result<Compiled> {
    let learner = document(bytes)?.learner;
    let outputs = count_outputs(&learner)?;
    let objective = objective::find(&learner.objective.name)?;
    let base = base_margins(
        &learner.learner_model_param.base_score,
        objective.scale,
        outputs,
    )?;
    let inputs = count(&learner.learner_model_param.num_feature, "num_feature")?;
    let model = match learner.gradient_booster.name.as_str() {
        "gblinear" => linear::read(&learner.gradient_booster, inputs, &base)?,
        _ => trees(&learner.gradient_booster, inputs, base)?,
    };
    let feature_names = match learner.feature_names.len() {
        0 => None,
        names if names == inputs => Some(learner.feature_names.clone()),
        names => {
            return Err(invalid(format!(
                "{names} feature names for {inputs} features"
            )));
        }
    };
    Ok(Compiled {
        model,
        output: objective.output(outputs)?,
        feature_names,
        head: None,
        inputs: Vec::new(),
        source: Source::XgBoost,
        notes: notes(&learner, &objective),
    })
}

fn trees(gradient_booster: &Booster, inputs: usize, base: Vec<f64>) -> Result<Model> {
    let (forest, weights) = booster(gradient_booster)?;
    let trees = read_trees(forest, weights, inputs, base.len())?;
    Ok(Model::Trees(TreeModel {
        inputs,
        outputs: base.len(),
        narrow_inputs: true,
        accumulate: Accumulate::F32,
        base,
        aggregate: Aggregate::Sum,
        leaves: skewless_core::plan::LeafPrecision::Exact,
        trees,
    }))
}

/// UBJSON types the key's length after the brace; JSON has a quote or white space there.
fn document(bytes: &[u8]) -> Result<Document> {
    match bytes {
        [b'{', second, ..] if !second.is_ascii_whitespace() && *second != b'"' => {
            ubjson::from_slice(bytes)
                .map_err(|error| invalid(format!("not an XGBoost UBJSON model: {error}")))
        }
        _ => serde_json::from_slice(bytes)
            .map_err(|error| invalid(format!("not an XGBoost JSON model: {error}"))),
    }
}

/// The number of classes or of targets, which XGBoost doesn't combine.
fn count_outputs(learner: &Learner) -> Result<usize> {
    let parameters = &learner.learner_model_param;
    let targets = count(&parameters.num_target, "num_target")?;
    let classes = count(&parameters.num_class, "num_class")?;
    match (targets.max(1), classes.max(1)) {
        (1, outputs) | (outputs, 1) if outputs <= MAX_OUTPUTS => Ok(outputs),
        (1, outputs) | (outputs, 1) => Err(Error::unsupported(
            "unsupported.model_size",
            format!("{outputs} outputs"),
        )),
        (targets, classes) => {
            let message = format!("a model of {targets} targets of {classes} classes");
            Err(Error::unsupported("unsupported.multi_output", message))
        }
    }
}

fn count(text: &str, what: &str) -> Result<usize> {
    text.parse()
        .map_err(|_| invalid(format!("`{what}` is not a count")).with_value(text))
}

/// The trees, and for DART what each tree's leaves are multiplied with.
fn booster(booster: &Booster) -> Result<(&Forest, Option<&[f32]>)> {
    let inner = booster.gbtree.as_deref();
    match (
        booster.name.as_str(),
        &booster.model,
        inner.and_then(|gbtree| gbtree.model.as_ref()),
    ) {
        ("gbtree", Some(forest), _) => Ok((forest, None)),
        ("dart", _, Some(forest)) if booster.weight_drop.len() == forest.trees.len() => {
            Ok((forest, Some(&booster.weight_drop)))
        }
        ("gbtree" | "dart", ..) => Err(invalid(
            "the booster has no trees, or not one weight for each",
        )),
        (name, ..) => {
            let message = format!("the XGBoost booster `{name}`");
            Err(Error::unsupported("unsupported.booster", message).with_value(name))
        }
    }
}

fn read_trees(
    forest: &Forest,
    weights: Option<&[f32]>,
    inputs: usize,
    outputs: usize,
) -> Result<Vec<Tree>> {
    if forest.tree_info.len() != forest.trees.len() {
        return Err(invalid("`tree_info` has not one entry a tree"));
    }
    let trees = forest.trees.iter().zip(&forest.tree_info).enumerate();
    trees
        .map(|(index, (arrays, &output))| {
            if output >= outputs {
                return Err(invalid(format!(
                    "tree {index} adds to output {output} of {outputs}"
                )));
            }
            let weight = weights.and_then(|weights| weights.get(index)).copied();
            tree::read(arrays, weight, (inputs, output), &|what| {
                invalid(format!("tree {index}: {what}"))
            })
        })
        .collect()
}

fn notes(learner: &Learner, objective: &objective::Objective) -> Vec<String> {
    let mut notes: Vec<String> = objective.note.iter().map(|&note| note.to_owned()).collect();
    if learner.gradient_booster.name == "gblinear" {
        notes.push("A linear booster takes a missing value as 0; here a feature must be there or be imputed.".to_owned());
    }
    if learner.attributes.contains_key("best_iteration") {
        notes.push(
            "Training stopped early; all trees are used, as `Booster.predict` does.".to_owned(),
        );
    }
    if learner.feature_types.iter().any(|kind| kind == "c") {
        notes.push(
            "Categorical features are codes in the order of the training frame's categories."
                .to_owned(),
        );
    }
    notes
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::input("model.invalid_xgboost", message)
}

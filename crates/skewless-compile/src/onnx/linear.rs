//! `LinearRegressor` and `LinearClassifier`.
//!
//! Weights are f32 in the file. Scores are summed in f64 from feature values as they come: ONNX Runtime rounds features
//! to f32 and sums in f32 in the order of its matrix kernel, which differs from machine to machine, so no order here
//! could have its bits; f64 is the nearest to what was trained.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::{Accumulate, LinearModel, Model};

use super::attributes::Attributes;
use super::classes::{labels, post_transform};
use super::{Operator, targets};
use crate::output;

pub(crate) fn regressor(
    operator: &Operator<'_>,
    notes: &mut Vec<String>,
) -> Result<(Model, Output)> {
    let attributes = Attributes::of(
        operator.node,
        &["coefficients", "intercepts", "post_transform", "targets"],
    )?;
    let targets = attributes.targets("targets")?;
    let transform = attributes.text("post_transform", "NONE")?;
    let output = targets::output_of(targets, transform, notes)?;
    let model = read_model(operator, &attributes, targets)?;
    Ok((Model::Linear(model), output))
}

pub(crate) fn classifier(operator: &Operator<'_>) -> Result<(Model, Output)> {
    let known = [
        "classlabels_ints",
        "classlabels_strings",
        "coefficients",
        "intercepts",
        "multi_class",
        "post_transform",
    ];
    let attributes = Attributes::of(operator.node, &known)?;
    let labels = labels(&attributes, "classlabels_ints", "classlabels_strings")?;
    let transform = attributes.text("post_transform", "NONE")?;
    let rows = if labels.len() == 2 {
        attributes.numbers("intercepts", None)?.len()
    } else {
        labels.len()
    };
    match (labels.len(), rows, transform) {
        (2, 1, "LOGISTIC") => {
            let model = read_model(operator, &attributes, 1)?;
            Ok((
                Model::Linear(model),
                output(Task::Binary, Link::Logistic { scale: 1.0 }, labels),
            ))
        }
        (2, 2, "LOGISTIC") => {
            let model = positive_half(read_model(operator, &attributes, 2)?)?;
            Ok((
                Model::Linear(model),
                output(Task::Binary, Link::Logistic { scale: 1.0 }, labels),
            ))
        }
        (count, rows, "SOFTMAX") if rows == count => {
            let model = read_model(operator, &attributes, count)?;
            Ok((
                Model::Linear(model),
                output(Task::Multiclass, Link::Softmax, labels),
            ))
        }
        (count, rows, "LOGISTIC") if rows == count && !operator.normalized => {
            let model = read_model(operator, &attributes, count)?;
            Ok((
                Model::Linear(model),
                output(Task::Multiclass, Link::OneVsRest { scale: 1.0 }, labels),
            ))
        }
        _ => Err(post_transform(transform, operator.normalized)),
    }
}

fn read_model(
    operator: &Operator<'_>,
    attributes: &Attributes<'_>,
    outputs: usize,
) -> Result<LinearModel> {
    let weights = attributes.numbers("coefficients", None)?;
    let inputs = weights.len() / outputs.max(1);
    if inputs * outputs != weights.len() || operator.rows.width.is_some_and(|width| width != inputs)
    {
        let message = format!(
            "{} coefficients for {outputs} outputs do not fit the graph's input",
            weights.len()
        );
        return Err(attributes.invalid(&message));
    }
    let intercept = match attributes.numbers("intercepts", None)? {
        none if none.is_empty() => vec![0.0; outputs],
        some if some.len() == outputs => some,
        some => {
            return Err(
                attributes.invalid(&format!("{} intercepts for {outputs} outputs", some.len()))
            );
        }
    };
    Ok(LinearModel {
        inputs,
        outputs,
        weights,
        intercept,
        accumulate: Accumulate::F64,
    })
}

/// The second row of two that are each other's negative: the positive label's score.
fn positive_half(model: LinearModel) -> Result<LinearModel> {
    let (negative, positive) = model.weights.split_at(model.inputs);
    let mirrored = negative.iter().zip(positive).all(|(a, b)| *a == -*b);
    match *model.intercept.as_slice() {
        [negative, intercept] if mirrored && negative == -intercept => Ok(LinearModel {
            outputs: 1,
            weights: positive.to_vec(),
            intercept: vec![intercept],
            inputs: model.inputs,
            accumulate: model.accumulate,
        }),
        _ => Err(Error::unsupported(
            "unsupported.class_scores",
            "a logistic model of two labels whose weights are not each other's negative",
        )),
    }
}

//! What a LightGBM objective means for the output: task, link and labels.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};

use super::invalid;
use super::text::Fields;
use crate::{numbered, output};

/// Reads the header's line `objective=NAME key:value …`.
pub(crate) fn read(header: &Fields<'_>, outputs: usize, notes: &mut Vec<String>) -> Result<Output> {
    let Some(line) = header.optional_text("objective") else {
        notes.push(
            "The model states no objective (a custom one): the raw score is the prediction."
                .to_owned(),
        );
        return for_outputs(
            "custom",
            outputs,
            output(Task::Regression, Link::Identity, vec![]),
        );
    };
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let parameters: Vec<&str> = words.collect();
    let regression = |link| output(Task::Regression, link, vec![]);
    let found = match name {
        "binary" => output(
            Task::Binary,
            Link::Logistic {
                scale: sigmoid(&parameters)?,
            },
            numbered(2),
        ),
        "multiclass" => output(Task::Multiclass, Link::Softmax, numbered(outputs)),
        "multiclassova" => output(
            Task::Multiclass,
            Link::OneVsRest {
                scale: sigmoid(&parameters)?,
            },
            numbered(outputs),
        ),
        "cross_entropy" => regression(Link::Logistic { scale: 1.0 }),
        "cross_entropy_lambda" => regression(Link::Softplus),
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" => {
            match parameters.contains(&"sqrt") {
                true => regression(Link::SquareSigned),
                false => regression(Link::Identity),
            }
        }
        "poisson" | "gamma" | "tweedie" => regression(Link::Exp),
        "lambdarank" | "rank_xendcg" => {
            notes.push(format!(
                "{name} gives scores to rank by; they have no unit."
            ));
            regression(Link::Identity)
        }
        _ => {
            let message = format!("the LightGBM objective `{name}` is not known");
            return Err(Error::unsupported("unsupported.objective", message).with_value(name));
        }
    };
    for_outputs(name, outputs, found)
}

/// The parameter `sigmoid:k`, the steepness of the logistic link.
fn sigmoid(parameters: &[&str]) -> Result<f64> {
    let text = parameters
        .iter()
        .find_map(|parameter| parameter.strip_prefix("sigmoid:"));
    let scale = text
        .and_then(|text| text.parse().ok())
        .filter(|scale: &f64| scale.is_finite() && *scale > 0.0);
    scale.ok_or_else(|| invalid("the objective has no `sigmoid:` above 0"))
}

fn for_outputs(objective: &str, outputs: usize, found: Output) -> Result<Output> {
    match (found.task == Task::Multiclass) == (outputs > 1) {
        true => Ok(found),
        false => Err(Error::unsupported(
            "unsupported.multi_output",
            format!("objective `{objective}` with {outputs} trees an iteration"),
        )),
    }
}

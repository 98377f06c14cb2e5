//! What an XGBoost objective means for the output, and on which scale its base score is stored.

use skewless_core::error::{Error, Result};
use skewless_core::output::{Link, Output, Task};

use crate::{numbered, output, vector};

/// The scale on which a model file states its base score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BaseScale {
    /// The raw score's own.
    Margin,
    /// A probability: the margin is its logit.
    Probability,
    /// A positive mean: the margin is its logarithm.
    Mean,
}

#[derive(Debug)]
pub(crate) struct Objective {
    name: String,
    task: Task,
    link: Link,
    pub(crate) scale: BaseScale,
    pub(crate) note: Option<&'static str>,
}

pub(crate) fn find(name: &str) -> Result<Objective> {
    let logistic = Link::Logistic { scale: 1.0 };
    let (task, link, scale) = match name {
        "binary:logistic" => (Task::Binary, logistic, BaseScale::Probability),
        "reg:logistic" => (Task::Regression, logistic, BaseScale::Probability),
        "binary:logitraw" => (Task::Regression, Link::Identity, BaseScale::Margin),
        "multi:softprob" | "multi:softmax" => (Task::Multiclass, Link::Softmax, BaseScale::Margin),
        "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror"
        | "reg:quantileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Task::Regression, Link::Identity, BaseScale::Margin),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:aft" | "survival:cox" => {
            (Task::Regression, Link::Exp, BaseScale::Mean)
        }
        "binary:hinge" => (Task::Binary, Link::Step, BaseScale::Margin),
        _ => {
            let message = format!("the XGBoost objective `{name}` is not known");
            return Err(Error::unsupported("unsupported.objective", message).with_value(name));
        }
    };
    Ok(Objective {
        name: name.to_owned(),
        task,
        link,
        scale,
        note: note(name),
    })
}

fn note(name: &str) -> Option<&'static str> {
    match name {
        "binary:logitraw" => {
            Some("`binary:logitraw` predicts the raw score, so this model is a regression.")
        }
        "multi:softmax" => Some(
            "`multi:softmax` predicts the label alone; this model gives the probabilities too.",
        ),
        "binary:hinge" => {
            Some("`binary:hinge` predicts the label alone: its probability is 0 or 1.")
        }
        "survival:cox" => Some("`survival:cox` predicts a hazard ratio, which has no unit."),
        "rank:pairwise" | "rank:ndcg" | "rank:map" => Some("Ranking scores have no unit."),
        _ => None,
    }
}

impl Objective {
    /// Several outputs are classes, or the targets of a regression without a link.
    pub(crate) fn output(&self, outputs: usize) -> Result<Output> {
        match (self.task, self.link, outputs) {
            (Task::Multiclass, _, 2..) => Ok(output(self.task, self.link, numbered(outputs))),
            (Task::Binary, _, 1) => Ok(output(self.task, self.link, numbered(2))),
            (Task::Regression, _, 1) => Ok(output(self.task, self.link, vec![])),
            (Task::Regression, Link::Identity, 2..) => Ok(vector(outputs)),
            _ => Err(Error::unsupported(
                "unsupported.multi_output",
                format!("objective `{}` with {outputs} outputs", self.name),
            )),
        }
    }
}

//! What the targets of a regressing ensemble or linear model mean once ONNX Runtime has transformed them.
//!
//! The operators' specification would transform every target. ONNX Runtime leaves the only one of a tree ensemble as it
//! is, unless the transform is PROBIT, and exporters rely on its answers.

use skewless_core::error::Result;
use skewless_core::output::{Link, Output, Task};

use super::classes::post_transform;
use crate::{numbered, output, vector};

/// The output of `targets` regressions. Several that are softmaxed or logistic are classes known by their numbers.
pub(crate) fn output_of(
    targets: usize,
    transform: &str,
    notes: &mut Vec<String>,
) -> Result<Output> {
    let one = targets == 1;
    let classes = |link| output(Task::Multiclass, link, numbered(targets));
    Ok(match transform {
        "NONE" if one => output(Task::Regression, Link::Identity, vec![]),
        "PROBIT" if one => output(Task::Regression, Link::Probit, vec![]),
        "SOFTMAX" | "LOGISTIC" | "SOFTMAX_ZERO" if one => {
            notes.push(format!(
                "ONNX Runtime doesn't apply the post transform {transform} to a single target; the prediction is the raw \
                 score here too."
            ));
            output(Task::Regression, Link::Identity, vec![])
        }
        "NONE" => vector(targets),
        "PROBIT" => Output {
            link: Link::Probit,
            ..vector(targets)
        },
        "SOFTMAX" => classes(Link::Softmax),
        "LOGISTIC" => classes(Link::OneVsRest { scale: 1.0 }),
        "SOFTMAX_ZERO" => classes(Link::SoftmaxZero),
        other => return Err(post_transform(other, false)),
    })
}

//! Task, link and labels: what the source says, then what the arguments say.

use skewless_core::output::{Link, Output, Task};
use skewless_core::{Error, Result};

use crate::args::{LinkChoice, PackArgs};

/// The model's output with the names and the link that the arguments give. `scores` is the number of raw scores.
///
/// # Errors
/// `pack.labels` and `pack.link` where they don't fit the model.
pub(super) fn named(args: &PackArgs, source: &Output, scores: usize) -> Result<Output> {
    let mut output = source.clone();
    output.name = args.target.clone().unwrap_or_else(|| args.name.clone());
    if !args.labels.is_empty() {
        label(&mut output, &args.labels, scores)?;
    }
    if let Some(choice) = args.link {
        output.link = link(choice);
        output.check(scores).map_err(|_| {
            let message = format!("the link {choice:?} is not for this model").to_lowercase();
            Error::input("pack.link", message)
        })?;
    }
    Ok(output)
}

fn label(output: &mut Output, labels: &[String], scores: usize) -> Result<()> {
    if output.labels.is_empty() {
        output.task = match (scores, labels.len()) {
            (1, 2) => Task::Binary,
            (scores, labels) if scores == labels && scores > 1 => Task::Multiclass,
            (scores, given) => {
                let message = format!(
                    "--labels names {given} labels, and the model gives {scores} raw scores"
                );
                return Err(Error::input("pack.labels", message));
            }
        };
        output.length = None;
    } else if output.labels.len() != labels.len() {
        let (given, due) = (labels.len(), output.labels.len());
        let message = format!("--labels names {given} of the model's {due} labels");
        return Err(Error::input("pack.labels", message));
    }
    output.labels = labels.to_vec();
    Ok(())
}

fn link(choice: LinkChoice) -> Link {
    match choice {
        LinkChoice::Identity => Link::Identity,
        LinkChoice::Logistic => Link::Logistic { scale: 1.0 },
        LinkChoice::Softmax => Link::Softmax,
        LinkChoice::Exp => Link::Exp,
    }
}

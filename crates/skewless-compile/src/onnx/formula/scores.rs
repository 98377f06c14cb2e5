//! Scores, the steps that follow them, and the links that those are.

use skewless_core::error::Result;
use skewless_core::output::{Link, Output, Task};

use super::super::attributes::{Attributes, tensor_numbers};
use super::super::head::column::Matrix;
use super::super::message::{GraphProto, NodeProto};
use super::super::{cast_target, is_float, unsupported_op};
use super::leaves::Leaves;
use super::linear::Linear;
use super::{Formula, Value, not_understood, only};
use crate::{numbered, output, vector};

#[derive(Clone)]
pub(super) enum Raw {
    /// A sum of trees' leaves, in this order.
    Leaves(Vec<Leaves>),
    /// Weighted columns.
    Columns(Linear),
}

#[derive(Clone)]
pub(super) struct Scores {
    pub(super) raw: Raw,
    pub(super) outputs: usize,
    /// What happened to them since, in order.
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Add(f64),
    DivideBy(f64),
    Negate,
    /// 2 to the score's power.
    PowerOfTwo,
    Exp,
    Sigmoid,
    Softmax,
    /// 1 minus the score.
    Complement,
    /// A second score before the first: its complement.
    Both,
}

impl Scores {
    /// Columns that are the answer themselves.
    pub(super) fn columns(matrix: &Matrix) -> Self {
        let linear = Linear::identity(matrix);
        Self {
            outputs: linear.bias.len(),
            raw: Raw::Columns(linear),
            steps: Vec::new(),
        }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// What the steps are as a link.
    pub(super) fn output(&self, graph: &GraphProto, notes: &mut Vec<String>) -> Result<Output> {
        let one = |link| Ok(output(Task::Regression, link, vec![]));
        let logistic = Link::Logistic { scale: 1.0 };
        match (self.steps.as_slice(), self.outputs) {
            ([], 1) => one(Link::Identity),
            ([], several) => Ok(vector(several)),
            ([Step::Exp], 1) => one(Link::Exp),
            ([Step::Sigmoid], 1) => one(logistic),
            ([Step::Sigmoid, Step::Both], 1) => {
                let labels = labels(graph, 2);
                Ok(output(Task::Binary, logistic, labels))
            }
            ([Step::Sigmoid], several) => {
                let link = Link::OneVsRest { scale: 1.0 };
                Ok(output(Task::Multiclass, link, labels(graph, several)))
            }
            ([Step::Softmax], several @ 2..) => Ok(output(
                Task::Multiclass,
                Link::Softmax,
                labels(graph, several),
            )),
            (
                &[
                    Step::DivideBy(divisor),
                    Step::Negate,
                    Step::PowerOfTwo,
                    Step::Negate,
                    Step::Add(offset),
                ],
                1,
            ) => {
                notes.push("An isolation forest: a value below 0 is an outlier.".to_owned());
                one(Link::Isolation { divisor, offset })
            }
            (steps, outputs) => Err(skewless_core::error::Error::unsupported(
                "unsupported.post_transform",
                format!("{outputs} scores followed by {steps:?}"),
            )),
        }
    }
}

/// The labels that the graph picks from: whole numbers of a constant, or 0, 1, ….
fn labels(graph: &GraphProto, count: usize) -> Vec<String> {
    let pick = graph
        .node
        .iter()
        .find(|node| node.op_type == "ArrayFeatureExtractor");
    let name = pick.and_then(|node| node.input.first());
    let constant = graph
        .initializer
        .iter()
        .find(|constant| Some(&constant.name) == name);
    let numbers = constant.and_then(tensor_numbers).filter(|numbers| {
        let mut distinct = numbers.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        distinct.len() == count
            && numbers.len() == count
            && numbers.iter().all(|number| number.fract() == 0.0)
    });
    match numbers {
        Some(numbers) => numbers.iter().map(ToString::to_string).collect(),
        None => numbered(count),
    }
}

impl<'a> Formula<'a> {
    pub(super) fn score_step(&mut self, node: &'a NodeProto) -> Result<Value> {
        if node.op_type == "Concat" {
            return self.both(node);
        }
        let scores = |at| match self.input(node, at) {
            Some(Value::Scores(scores)) => Some(scores.clone()),
            _ => None,
        };
        let (scores, at) = match (scores(0), scores(1)) {
            (Some(scores), None) => (scores, 0),
            (None, Some(scores)) => (scores, 1),
            _ => return Err(not_understood(node)),
        };
        let numbers = self.constant(node, 1 - at);
        let value = match (node.domain.as_str(), node.op_type.as_str(), at) {
            ("", "Identity", _) | ("ai.onnx.ml", "ZipMap", _) => scores,
            ("", "Cast", _) if is_float(cast_target(node)?) => scores,
            ("", "Reshape", 0)
                if numbers
                    .as_deref()
                    .is_some_and(|shape| keeps(shape, scores.outputs)) =>
            {
                scores
            }
            ("", "Exp", _) => scores.then(Step::Exp),
            ("", "Sigmoid", _) => scores.then(Step::Sigmoid),
            ("", "Softmax", _) => match Attributes::of(node, &["axis"])?.int("axis", -1) {
                1 | -1 => scores.then(Step::Softmax),
                _ => return Err(unsupported_op(node, "another axis than the scores'")),
            },
            ("", "Neg", _) => negated(scores),
            ("", "Pow", 1) if only(numbers.clone()) == Some(2.0) => scores.then(Step::PowerOfTwo),
            ("", "Sub", 1) if only(numbers.clone()) == Some(1.0) && !scores.steps.is_empty() => {
                scores.then(Step::Complement)
            }
            ("", "Add" | "Sub" | "Mul" | "Div", _) => {
                let numbers = numbers.and_then(|numbers| spread(numbers, scores.outputs));
                let numbers = numbers.ok_or_else(|| not_understood(node))?;
                arithmetic(node, scores, at, &numbers)?
            }
            _ => return Err(not_understood(node)),
        };
        Ok(Value::Scores(value))
    }

    /// `[1 − p, p]`.
    fn both(&self, node: &NodeProto) -> Result<Value> {
        match (self.input(node, 0), self.input(node, 1), node.input.len()) {
            (Some(Value::Scores(first)), Some(Value::Scores(second)), 2)
                if first.steps == [Step::Sigmoid, Step::Complement]
                    && second.steps == [Step::Sigmoid]
                    && second.outputs == 1
                    && matches!(Attributes::of(node, &["axis"])?.int("axis", 0), 1 | -1) =>
            {
                Ok(Value::Scores(second.clone().then(Step::Both)))
            }
            _ => Err(not_understood(node)),
        }
    }
}

fn negated(mut scores: Scores) -> Scores {
    match (&mut scores.raw, scores.steps.is_empty()) {
        (Raw::Columns(linear), true) => {
            let outputs = scores.outputs;
            linear.scaled(&vec![-1.0; outputs], &vec![0.0; outputs]);
            scores
        }
        _ => scores.then(Step::Negate),
    }
}

/// Scores and constants: into the weights, or a step.
fn arithmetic(node: &NodeProto, mut scores: Scores, at: usize, numbers: &[f64]) -> Result<Scores> {
    let outputs = scores.outputs;
    let (ones, zeros) = (vec![1.0; outputs], vec![0.0; outputs]);
    let opposite: Vec<f64> = numbers.iter().map(|number| -number).collect();
    let inverse: Vec<f64> = numbers.iter().map(|number| 1.0 / number).collect();
    if let (Raw::Columns(linear), true) = (&mut scores.raw, scores.steps.is_empty()) {
        match (node.op_type.as_str(), at) {
            ("Add", _) => linear.scaled(&ones, numbers),
            ("Sub", 0) => linear.scaled(&ones, &opposite),
            ("Sub", _) => linear.scaled(&vec![-1.0; outputs], numbers),
            ("Mul", _) => linear.scaled(numbers, &zeros),
            ("Div", 0) if numbers.iter().all(|number| *number != 0.0) => {
                linear.scaled(&inverse, &zeros)
            }
            _ => return Err(not_understood(node)),
        }
        return Ok(scores);
    }
    match (node.op_type.as_str(), at, numbers) {
        ("Add", _, &[number]) => Ok(scores.then(Step::Add(number))),
        ("Sub", 0, &[number]) => Ok(scores.then(Step::Add(-number))),
        ("Div", 0, &[number]) if number != 0.0 => Ok(scores.then(Step::DivideBy(number))),
        _ => Err(not_understood(node)),
    }
}

/// Whether a shape leaves rows of `outputs` scores as they are.
fn keeps(shape: &[f64], outputs: usize) -> bool {
    match *shape {
        [-1.0] => outputs == 1,
        [-1.0, columns] => columns == super::super::head::whole(outputs),
        _ => false,
    }
}

/// One number an output: as given, or the only one for all.
pub(super) fn spread(given: Vec<f64>, count: usize) -> Option<Vec<f64>> {
    match given[..] {
        [one] => Some(vec![one; count]),
        _ => Some(given).filter(|given| given.len() == count),
    }
}

//! Whether the engine answers like the source, on calibration rows, before a bundle is written.
//!
//! The judge is the source graph run node by node by tract, or the raw scores that the source's own library gave. Trees
//! and linear models have the second alone; without it, references of each library hold the importers' meaning.

use std::fmt;

use skewless_core::bundle::BundleModel;
use skewless_core::output::{Link, Output};
use skewless_core::plan::{Engine, EngineScratch, Model, ModelSummary};
use skewless_core::{Error, Predictor, Record, Result};

use crate::inspect::grouped;

/// Most rows that are compared.
const MOST_ROWS: usize = 512;
/// How far a float engine may lie from its source, relative to the greater of 1 and the source's score.
const FLOAT_BOUND: f64 = 1e-4;
/// How far a score may lie from what its own library gave, relative likewise: libraries write f32 in few digits.
const TOLD_BOUND: f64 = 1e-6;
/// How many steps of the output's scale an int8 network may lie from its source.
const STEPS: f64 = 3.0;
/// The share of an int8 network's scores that may lie further away on made-up rows: far from any data, a softmax makes
/// dozens of steps of the three before it. Of an image classifier that is 5 of 420 scores; of a wrong network it is most.
const MADE_UP_SHARE: f64 = 0.05;

/// What the engine is held to.
pub(super) enum Judge {
    /// The source's graph, which has the output's link within.
    Graph(Box<dyn Engine>),
    /// Raw scores of the source's own library, row after row.
    Library(Vec<f64>),
}

/// What came of comparing the engine with its source.
pub(super) enum Compared {
    Same(Agreement),
    /// Why the source was not run.
    Not(String),
}

/// What the comparison found.
pub(super) struct Agreement {
    pub(super) rows: usize,
    /// The greatest difference between two scores.
    pub(super) greatest: f64,
    /// Scores that are equal.
    pub(super) equal: usize,
    pub(super) scores: usize,
    /// Scores over the bound, of an int8 network on made-up rows.
    pub(super) beyond: usize,
    /// Whether scores differ in their last digits, so that the number of equal ones says nothing.
    pub(super) digits: bool,
}

/// Where the compared rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Given,
    MadeUp,
}

/// Compares on at most 512 of the records: with a graph what the engine gives behind `output`, with a library raw scores.
///
/// # Errors
/// `pack.disagreement` naming row and score where a difference is over the bound; for an int8 network on made-up rows,
/// where that is so of more than one score in twenty.
pub(super) fn check(
    (model, output): (&BundleModel, &Output),
    predictor: &Predictor,
    judge: &Judge,
    records: &[Record],
    rows: Rows,
) -> Result<Agreement> {
    let link = match judge {
        Judge::Graph(_) => output.link,
        Judge::Library(_) => Link::Identity,
    };
    let bound = Bound::of(model, judge, predictor.engine(), link);
    let forgiving = rows == Rows::MadeUp && matches!(bound, Bound::Steps(_));
    let mut agreement = Agreement {
        rows: 0,
        greatest: 0.0,
        equal: 0,
        scores: 0,
        beyond: 0,
        digits: matches!(bound, Bound::Relative(..)) && matches!(judge, Judge::Graph(_))
            || link != Link::Identity,
    };
    let mut first: Option<String> = None;
    let step = records.len().div_ceil(MOST_ROWS).max(1);
    for (row, record) in records.iter().enumerate().step_by(step) {
        let Ok(features) = predictor.feature_row(record) else {
            continue;
        };
        let raw = scores(predictor.engine(), &features)?;
        let (found, expected) = match judge {
            Judge::Graph(source) => {
                let mut values = vec![f64::NAN; output.values()];
                output.apply(&raw, &mut values);
                (values, scores(&**source, &features)?)
            }
            Judge::Library(told) => {
                let told = told.chunks(raw.len()).nth(row).unwrap_or_default();
                (raw, told.to_vec())
            }
        };
        agreement.count(&found, &expected);
        let (beyond, message) = bound.check(&found, &expected);
        agreement.beyond += beyond;
        if let Some(message) = message {
            let message = format!("row {row}: {message}");
            if !forgiving {
                return Err(disagreement(message).with_row(row));
            }
            first.get_or_insert(message);
        }
    }
    if agreement.rows == 0 {
        return Err(disagreement(
            "no calibration row is answered, so that nothing can be compared".to_owned(),
        ));
    }
    match first {
        Some(first) if agreement.is_beyond_the_share() => Err(disagreement(format!(
            "on made-up rows {} of {} scores are over the bound, the first in {first}; --calibration compares rows of your \
             own",
            agreement.beyond, agreement.scores
        ))),
        _ => Ok(agreement),
    }
}

fn disagreement(message: String) -> Error {
    Error::input("pack.disagreement", message)
}

fn scores(engine: &dyn Engine, features: &[f64]) -> Result<Vec<f64>> {
    let mut raw = vec![0.0; engine.outputs()];
    engine.score(features, &mut EngineScratch::default(), &mut raw)?;
    Ok(raw)
}

impl Agreement {
    fn count(&mut self, found: &[f64], expected: &[f64]) {
        self.rows += 1;
        self.scores += expected.len();
        for (found, expected) in found.iter().zip(expected) {
            self.equal += usize::from(found == expected);
            self.greatest = self.greatest.max((found - expected).abs());
        }
    }

    fn is_beyond_the_share(&self) -> bool {
        self.beyond as f64 > MADE_UP_SHARE * self.scores as f64
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(agreement) => agreement.fmt(f),
            Self::Not(reason) => write!(f, "not compared: {reason}"),
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearly = if self.beyond > 0 { "nearly " } else { "" };
        write!(f, "{nearly}the same on {} rows: ", self.rows)?;
        if !self.digits {
            let (equal, scores) = (grouped(self.equal), grouped(self.scores));
            write!(f, "{equal} of {scores} scores equal, ")?;
        }
        write!(f, "the greatest difference {}", short(self.greatest))?;
        if self.beyond > 0 {
            write!(
                f,
                "; {} over the bound, as few may be on made-up rows: --calibration compares rows of your own",
                self.beyond
            )?;
        }
        Ok(())
    }
}

/// Whole steps as they are; of anything else two digits say enough.
fn short(difference: f64) -> String {
    match difference.fract() {
        0.0 => difference.to_string(),
        _ => format!("{difference:.1e}"),
    }
}

/// How far a link moves its value at most, for each unit that its scores move: of those that end a network's graph.
fn slope(link: Link) -> f64 {
    match link {
        Link::Logistic { scale } => scale / 4.0,
        Link::Softmax => 0.5,
        _ => 1.0,
    }
}

/// How far 16-bit leaves may move a score.
fn rounding(engine: &dyn Engine) -> f64 {
    match engine.summary() {
        ModelSummary::Trees { rounding, .. } => rounding.map_or(0.0, |rounding| rounding.bound),
        _ => 0.0,
    }
}

/// How far two scores may lie apart.
enum Bound {
    /// Relative to the greater of 1 and the score, and absolute.
    Relative(f64, f64),
    /// One step of each score.
    Steps(Vec<f64>),
}

impl Bound {
    fn of(model: &BundleModel, judge: &Judge, engine: &dyn Engine, link: Link) -> Self {
        let BundleModel::Plan(Model::Network(network)) = model else {
            let relative = match judge {
                Judge::Graph(_) => FLOAT_BOUND,
                Judge::Library(_) => TOLD_BOUND,
            };
            return Self::Relative(relative, rounding(engine));
        };
        let outputs = network
            .outputs
            .iter()
            .filter_map(|&at| network.tensors.get(at));
        Self::Steps(
            outputs
                .flat_map(|tensor| std::iter::repeat_n(f64::from(tensor.scale), tensor.len()))
                .map(|step| step * slope(link))
                .collect(),
        )
    }

    /// The number of scores over the bound, and what is to say of the first.
    fn check(&self, found: &[f64], expected: &[f64]) -> (usize, Option<String>) {
        if found.len() != expected.len() {
            let (found, expected) = (found.len(), expected.len());
            let message = format!("the engine gives {found} scores and the source {expected}");
            return (found.max(expected), Some(message));
        }
        let (mut beyond, mut first) = (0, None);
        for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let most = match self {
                Self::Relative(relative, absolute) => relative * expected.abs().max(1.0) + absolute,
                // Half a step more: the source's own score need not be a whole step.
                Self::Steps(steps) => steps.get(at).copied().unwrap_or_default() * (STEPS + 0.5),
            };
            // A row that neither answers is one on which they agree.
            let within = (found - expected).abs() <= most || (found.is_nan() && expected.is_nan());
            if !within {
                beyond += 1;
                first.get_or_insert_with(|| match expected.is_nan() {
                    true => format!(
                        "score {at} is {found} and the source has none: it answers no such row, as of an integer input that \
                         is given a fraction"
                    ),
                    false => format!(
                        "score {at} is {found} and the source's {expected}, more than {most:e} apart"
                    ),
                });
            }
        }
        (beyond, first)
    }
}

#[cfg(test)]
mod tests {
    use skewless_core::plan::network::{NetworkModel, Tensor};
    use skewless_core::plan::{Accumulate, LinearModel, decode};
    use skewless_core::{FeatureSpec, Task};

    use super::*;

    fn linear(weight: f64) -> Model {
        Model::Linear(LinearModel {
            inputs: 1,
            outputs: 1,
            weights: vec![weight],
            intercept: vec![0.0],
            accumulate: Accumulate::F64,
        })
    }

    /// As far as the bound looks: one score in steps of 1.
    fn network() -> Model {
        Model::Network(NetworkModel {
            inputs: vec![],
            tensors: vec![Tensor {
                shape: vec![1],
                scale: 1.0,
                zero_point: 0,
            }],
            layers: vec![],
            outputs: vec![0],
        })
    }

    fn output(link: Link) -> Output {
        Output {
            name: "z".to_owned(),
            task: Task::Vector,
            link,
            ..Output::default()
        }
    }

    /// What comes of x beside `weight`·x.
    fn compared(
        model: Model,
        link: Link,
        weight: f64,
        records: &[&str],
        rows: Rows,
    ) -> Result<Agreement> {
        let spec: FeatureSpec = serde_json::from_str(
            r#"{"input": [{"name": "x", "type": "number"}], "feature": [{"name": "y", "op": "number", "from": "x"}]}"#,
        )
        .unwrap();
        let spec = spec.fit(&skewless_core::Columns::new(0), vec![]).unwrap();
        let mut output = output(link);
        output.task = Task::Regression;
        let predictor = Predictor::from_parts(&spec, &linear(1.0), output.clone()).unwrap();
        let source = Judge::Graph(decode(&linear(weight).encode().unwrap()).unwrap());
        let records: Vec<Record> = records
            .iter()
            .map(|record| serde_json::from_str(record).unwrap())
            .collect();
        check(
            (&model.into(), &output),
            &predictor,
            &source,
            &records,
            rows,
        )
    }

    fn one(weight: f64, record: &str) -> Result<Agreement> {
        compared(linear(1.0), Link::Identity, weight, &[record], Rows::Given)
    }

    #[test]
    fn a_difference_over_the_bound_is_refused() {
        let record = r#"{"x": 2.0}"#;
        assert_eq!(one(1.0, record).unwrap().equal, 1);
        assert_eq!(one(1.000_01, record).unwrap().equal, 0);
        let error = one(1.001, record).err().unwrap();
        assert_eq!((error.code(), error.row()), ("pack.disagreement", Some(0)));
    }

    #[test]
    fn nothing_compared_is_no_agreement() {
        let error = one(1.0, r#"{"x": "far"}"#).err().unwrap();
        assert_eq!(error.code(), "pack.disagreement");
    }

    #[test]
    fn one_score_in_twenty_may_be_over_the_bound_on_made_up_rows() {
        // Beside 2·x, 3 is three steps away and 4 is over the bound.
        let within = r#"{"x": 3}"#;
        let beyond = r#"{"x": 4}"#;
        let steps =
            |records: &[&str], rows| compared(network(), Link::Identity, 2.0, records, rows);
        let few = [&[within; 19][..], &[beyond]].concat();
        let found = steps(&few, Rows::MadeUp).unwrap();
        assert_eq!((found.rows, found.beyond, found.greatest), (20, 1, 4.0));
        assert_eq!(
            Compared::Same(found).to_string(),
            "nearly the same on 20 rows: 0 of 20 scores equal, the greatest difference 4; 1 over the bound, \
             as few may be on made-up rows: --calibration compares rows of your own",
        );
        let error = steps(&few, Rows::Given).err().unwrap();
        assert_eq!((error.code(), error.row()), ("pack.disagreement", Some(19)));
        let many = [&[within; 18][..], &[beyond; 2]].concat();
        let error = steps(&many, Rows::MadeUp).err().unwrap();
        assert_eq!(error.code(), "pack.disagreement");
        assert!(error.message().contains("2 of 20 scores"), "{error}");
    }

    #[test]
    fn floats_are_forgiven_nothing_on_made_up_rows() {
        let records = [&[r#"{"x": 0}"#; 99][..], &[r#"{"x": 9}"#]].concat();
        let found = compared(linear(1.0), Link::Identity, 2.0, &records, Rows::MadeUp);
        assert_eq!(found.err().unwrap().row(), Some(99));
    }

    #[test]
    fn behind_a_link_the_bound_is_in_steps_before_it() {
        let link = Link::Logistic { scale: 0.1 };
        let compared = |weight| compared(network(), link, weight, &[r#"{"x": 1}"#], Rows::Given);
        // The source's graph ends in the link: its answers are probabilities.
        let near = 1.0 / (1.0 + (-0.1_f64).exp());
        let found = compared(near + 3.4 * 0.1 / 4.0).unwrap();
        assert!(found.digits, "a link gives no whole steps");
        assert!(compared(near + 3.6 * 0.1 / 4.0).is_err());
    }

    #[test]
    fn a_slope_is_the_most_that_a_link_moves_its_values() {
        let step = 1e-3;
        let moved = |link, raw: &[f64], by: &[f64]| {
            let output = output(link);
            let (mut before, mut after) = (vec![0.0; raw.len()], vec![0.0; raw.len()]);
            output.apply(raw, &mut before);
            let raw: Vec<f64> = raw
                .iter()
                .zip(by)
                .map(|(raw, by)| raw + by * step)
                .collect();
            output.apply(&raw, &mut after);
            let moves = before.iter().zip(&after);
            moves
                .map(|(before, after)| (after - before).abs() / step)
                .fold(0.0, f64::max)
        };
        for (link, by) in [
            (Link::Logistic { scale: 1.0 }, &[1.0][..]),
            (Link::Logistic { scale: 2.0 }, &[1.0]),
            (Link::Softmax, &[1.0, -1.0]),
            (Link::Softmax, &[1.0, -1.0, 1.0]),
            (Link::Identity, &[1.0, -1.0]),
        ] {
            let mut most: f64 = 0.0;
            for at in -40..=40 {
                let mut raw = vec![0.0; by.len()];
                raw[0] = f64::from(at) / 10.0;
                most = most.max(moved(link, &raw, by));
            }
            let slope = slope(link);
            assert!(most <= slope * 1.000_001, "{link:?}: {most} over {slope}");
            assert!(most >= slope * 0.999, "{link:?}: {most} far below {slope}");
        }
    }
}

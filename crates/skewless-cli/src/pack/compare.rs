//! Whether the engine answers like the source, on calibration rows, before a bundle is written.
//!
//! The judge is the source graph run node by node by tract. Trees and linear models have none: tract does not run their
//! operators, and the importers' meaning is held to the libraries by references of its own.

use skewless_core::bundle::BundleModel;
use skewless_core::output::{Link, Output};
use skewless_core::plan::{Engine, EngineScratch, Model};
use skewless_core::{Error, Predictor, Record, Result};

/// Most rows that are compared.
const MOST_ROWS: usize = 512;
/// How far a float engine may lie from its source, relative to the greater of 1 and the source's score.
const FLOAT_BOUND: f64 = 1e-4;
/// How many steps of the output's scale an int8 network may lie from its source.
const STEPS: f64 = 3.0;
/// The share of an int8 network's scores that may lie further away on made-up rows: far from any data, a softmax makes
/// many steps of a single one before it.
const MADE_UP_SHARE: f64 = 0.01;

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
}

/// Where the compared rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Given,
    MadeUp,
}

/// Compares on at most 512 of the records what the engine gives behind `output`, which the source's graph has within.
///
/// # Errors
/// `pack.disagreement` naming row and score where a difference is over the bound; for an int8 network on made-up rows,
/// where that is so of more than one score in a hundred.
pub(super) fn check(
    (model, output): (&BundleModel, &Output),
    predictor: &Predictor,
    source: &dyn Engine,
    records: &[Record],
    rows: Rows,
) -> Result<Agreement> {
    let bound = Bound::of(model, output.link);
    let forgiving = rows == Rows::MadeUp && matches!(bound, Bound::Steps(_));
    let mut agreement = Agreement {
        rows: 0,
        greatest: 0.0,
        equal: 0,
        scores: 0,
        beyond: 0,
    };
    let mut first = None;
    let step = records.len().div_ceil(MOST_ROWS).max(1);
    for (row, record) in records.iter().enumerate().step_by(step) {
        let Ok(features) = predictor.feature_row(record) else {
            continue;
        };
        let raw = scores(predictor.engine(), &features)?;
        let mut found = vec![f64::NAN; output.values()];
        output.apply(&raw, &mut found);
        let expected = scores(source, &features)?;
        agreement.count(&found, &expected);
        let (beyond, message) = bound.check(&found, &expected);
        agreement.beyond += beyond;
        if let Some(message) = message {
            let error = Error::input("pack.disagreement", format!("row {row}: {message}"));
            let error = error.with_row(row);
            if !forgiving {
                return Err(error);
            }
            first.get_or_insert(error);
        }
    }
    let most = MADE_UP_SHARE * agreement.scores as f64;
    if let Some(error) = first.filter(|_| agreement.beyond as f64 > most) {
        return Err(error);
    }
    if agreement.rows == 0 {
        return Err(Error::input(
            "pack.disagreement",
            "no calibration row is answered, so that nothing can be compared",
        ));
    }
    Ok(agreement)
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
}

/// How far a link moves its value at most, for each unit that its scores move: of those that end a network's graph.
fn slope(link: Link) -> f64 {
    match link {
        Link::Logistic { scale } => scale / 4.0,
        Link::Softmax => 0.5,
        _ => 1.0,
    }
}

/// How far two scores may lie apart.
enum Bound {
    Relative(f64),
    /// One step of each score.
    Steps(Vec<f64>),
}

impl Bound {
    fn of(model: &BundleModel, link: Link) -> Self {
        let BundleModel::Plan(Model::Network(network)) = model else {
            return Self::Relative(FLOAT_BOUND);
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
                Self::Relative(bound) => bound * expected.abs().max(1.0),
                // Half a step more: the source's own score need not be a whole step.
                Self::Steps(steps) => steps.get(at).copied().unwrap_or_default() * (STEPS + 0.5),
            };
            // A row that neither answers is one on which they agree.
            let within = (found - expected).abs() <= most || (found.is_nan() && expected.is_nan());
            if !within {
                beyond += 1;
                first.get_or_insert_with(|| {
                    format!("score {at} is {found} and the source's {expected}, more than {most:e} apart")
                });
            }
        }
        (beyond, first)
    }
}

#[cfg(test)]
mod tests {
    use skewless_core::plan::{Accumulate, LinearModel, decode};
    use skewless_core::{FeatureSpec, Task};

    use super::*;

    fn model(weight: f64) -> Model {
        Model::Linear(LinearModel {
            inputs: 1,
            outputs: 1,
            weights: vec![weight],
            intercept: vec![0.0],
            accumulate: Accumulate::F64,
        })
    }

    fn predictor(output: &Output) -> Predictor {
        let spec: FeatureSpec = serde_json::from_str(
            r#"{"input": [{"name": "x", "type": "number"}], "feature": [{"name": "y", "op": "number", "from": "x"}]}"#,
        )
        .unwrap();
        let spec = spec.fit(&skewless_core::Columns::new(0), vec![]).unwrap();
        Predictor::from_parts(&spec, &model(1.0), output.clone()).unwrap()
    }

    fn output() -> Output {
        Output {
            name: "z".to_owned(),
            task: Task::Regression,
            link: Link::Identity,
            labels: vec![],
            threshold: None,
            unit: None,
            length: None,
        }
    }

    fn compared(weight: f64, record: &str) -> Result<Agreement> {
        let source = decode(&model(weight).encode().unwrap()).unwrap();
        let records = [serde_json::from_str(record).unwrap()];
        let output = output();
        let predictor = predictor(&output);
        check(
            (&model(1.0).into(), &output),
            &predictor,
            &*source,
            &records,
            Rows::Given,
        )
    }

    #[test]
    fn a_difference_over_the_bound_is_refused() {
        let record = r#"{"x": 2.0}"#;
        assert_eq!(compared(1.0, record).unwrap().equal, 1);
        assert_eq!(compared(1.000_01, record).unwrap().equal, 0);
        let error = compared(1.001, record).err().unwrap();
        assert_eq!((error.code(), error.row()), ("pack.disagreement", Some(0)));
    }

    #[test]
    fn nothing_compared_is_no_agreement() {
        let error = compared(1.0, r#"{"x": "far"}"#).err().unwrap();
        assert_eq!(error.code(), "pack.disagreement");
    }
}

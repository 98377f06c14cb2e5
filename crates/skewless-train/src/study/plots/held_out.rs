//! Learning curve and permutation importance on the last fold: fitted on its training rows, measured on its validation rows.

use serde::{Deserialize, Serialize};
use skewless_core::columns::Columns;
use skewless_core::{Error, Predictor, Result};

use super::Drawing;
use crate::arm::in_file;
use crate::bootstrap::{Estimate, draw, quantile};
use crate::random::Random;
use crate::study::fitted::{Fit, Fitted};
use crate::study::folds::Fold;
use crate::study::intervals::Resampled;
use crate::study::measure::{Judged, Measure};
use crate::study::models::Parameters;
use crate::study::race::judged;
use crate::study::recipe::Candidate;

/// Training rows of the learning curve are these parts of all: one eighth, one quarter, one half, all.
const PARTS: [usize; 4] = [8, 4, 2, 1];
/// Shuffles of each input.
const REPEATS: usize = 40;
/// Validation rows that the importance is measured on, at most.
const ROWS: usize = 5_000;
/// Streams of random numbers that nothing else in a study uses.
const STREAM: u64 = 1 << 32;

/// The winner's parameters on the last fold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// The measure, which is that of the selection.
    pub measure: Option<Measure>,
    /// Validation rows of the importance.
    pub rows: usize,
    /// How often each input was shuffled.
    pub repeats: usize,
    /// The inputs of the winner, the most important first.
    pub importance: Vec<Importance>,
    /// From the fewest rows on; without the parts that the family cannot be fitted on, and none for a model from
    /// elsewhere.
    pub learning: Vec<LearningPoint>,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// Its name.
    pub input: String,
    /// By how much the measure gets worse when the input is shuffled: the mean over the shuffles, each on a draw of the
    /// rows with replacement, and the interval that holds 95 % of them.
    pub loss: Estimate,
}

/// A point of the learning curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearningPoint {
    /// Training rows.
    pub rows: usize,
    /// The measure on all validation rows of the fold.
    pub by: Estimate,
}

impl Drawing<'_> {
    /// Fits the winner's candidate on parts of the last fold's training rows, and measures.
    ///
    /// # Errors
    /// As the measures, and the fit on all training rows of the fold.
    pub(super) fn held_out(&self, winner: &Candidate) -> Result<HeldOut> {
        let fold = self.folds.folds.last();
        let fold = fold.ok_or_else(|| Error::internal("internal.folds", "there is no fold"))?;
        let is_fitted = !matches!(winner.parameters, Parameters::External { .. });
        let parts: &[usize] = if is_fitted { &PARTS } else { &[1] };
        let mut learning = Vec::new();
        let mut last = None;
        for &part in parts {
            let rows = self.sample(&fold.train, fold.train.len() / part, 0);
            match self.fit(winner, &rows) {
                Ok(fitted) => {
                    learning.extend(self.point(&fitted, fold, rows.len())?);
                    last = Some(fitted);
                }
                // A few rows may lack a label, or the values that a feature is fitted on.
                Err(_) if part > 1 => {}
                Err(error) => return Err(error),
            }
        }
        if !is_fitted {
            learning.clear();
        }
        let fitted = last.ok_or_else(|| Error::internal("internal.folds", "nothing was fitted"))?;
        let rows = self.measurable(&fold.validate);
        Ok(HeldOut {
            measure: Some(self.recipe.config.select.by),
            rows: rows.len(),
            repeats: REPEATS,
            importance: self.importance(&fitted.predictor()?, &rows)?,
            learning,
        })
    }

    fn fit(&self, winner: &Candidate, rows: &[usize]) -> Result<Fitted> {
        let fit = Fit {
            recipe: self.recipe,
            data: self.data,
            candidate: winner,
            rows,
            levels: &[],
            threads: self.threads,
        };
        fit.run()
    }

    /// At most `size` of the rows, in their order.
    fn sample(&self, rows: &[usize], size: usize, stream: u64) -> Vec<usize> {
        let mut sampled = rows.to_vec();
        if size < rows.len() {
            Random::new(self.resampling.seed, STREAM + stream).shuffle(&mut sampled);
            sampled.truncate(size.max(1));
            sampled.sort_unstable();
        }
        sampled
    }

    /// A sample that is worth shuffling: all rows where the sample has a single label.
    fn measurable(&self, rows: &[usize]) -> Vec<usize> {
        let sampled = self.sample(rows, ROWS, 1);
        let truth = self.data.truth_of(&sampled);
        match truth.windows(2).any(|pair| pair.first() != pair.last()) {
            true => sampled,
            false => rows.to_vec(),
        }
    }

    fn point(&self, fitted: &Fitted, fold: &Fold, rows: usize) -> Result<Option<LearningPoint>> {
        let values = fitted.predict(self.data, &fold.validate)?.values;
        let truth = self.data.truth_of(&fold.validate);
        let judged = judged(self.recipe, &values, &truth)?;
        let measures = Measure::of_task(self.recipe.task());
        let measured = Resampled::new(measures, &[&judged], self.resampling)?.measured(0);
        let by = self.recipe.config.select.by;
        let found = measured.into_iter().find(|one| one.measure == by);
        Ok(found.map(|one| LearningPoint {
            rows,
            by: one.estimate,
        }))
    }

    fn importance(&self, predictor: &Predictor, rows: &[usize]) -> Result<Vec<Importance>> {
        let columns = self.data.columns.select(rows);
        let names: Vec<&String> = predictor.pipeline().inputs().map(|one| &one.name).collect();
        let mut losses = vec![Vec::with_capacity(REPEATS); names.len()];
        let mut random = Random::new(self.resampling.seed, STREAM + 2);
        let by = self.recipe.config.select.by;
        let whole = self.judge(predictor, &columns, rows)?;
        let mut weights = vec![0_u32; rows.len()];
        for _ in 0..REPEATS {
            let mut order: Vec<usize> = (0..rows.len()).collect();
            random.shuffle(&mut order);
            draw(&mut random, &mut weights);
            let (shuffled, before) = (columns.select(&order), self.selects(&whole, &weights));
            for (name, losses) in names.iter().zip(&mut losses) {
                let mixed = mixed(&columns, &shuffled, name)?;
                let after = self.judge(predictor, &mixed, rows)?;
                losses.push(by.gain(before, self.selects(&after, &weights)));
            }
        }
        let each = names.into_iter().zip(losses);
        let mut importance: Vec<Importance> = each
            .map(|(input, losses)| Importance {
                input: input.clone(),
                loss: spread(losses),
            })
            .collect();
        importance.sort_by(|a, b| b.loss.value.total_cmp(&a.loss.value));
        Ok(importance)
    }

    fn judge(&self, predictor: &Predictor, columns: &Columns, rows: &[usize]) -> Result<Judged> {
        let mut batch = predictor.predict_columns(columns)?;
        match batch.errors.is_empty() {
            true => judged(self.recipe, &batch.values, &self.data.truth_of(rows)),
            false => Err(in_file(batch.errors.swap_remove(0), rows)),
        }
    }

    /// The measure that selects, on a draw of the rows.
    fn selects(&self, judged: &Judged, weights: &[u32]) -> f64 {
        let by = self.recipe.config.select.by;
        let mut measures = Measure::of_task(self.recipe.task()).iter();
        let place = measures.position(|&one| one == by);
        let values = judged.weighted(weights);
        let found = place.and_then(|place| values.get(place).copied());
        found.unwrap_or(f64::NAN)
    }
}

/// The columns, with one of them out of the shuffled ones.
fn mixed(columns: &Columns, shuffled: &Columns, name: &str) -> Result<Columns> {
    let mut mixed = Columns::new(columns.rows());
    for one in columns.names() {
        let from = if one == name { shuffled } else { columns };
        if let Some(column) = from.column(one) {
            mixed.push(one, column.clone())?;
        }
    }
    Ok(mixed)
}

/// Mean and 95 % interval.
#[expect(clippy::cast_precision_loss, reason = "a count of shuffles")]
fn spread(mut values: Vec<f64>) -> Estimate {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    Estimate {
        value: values.iter().sum::<f64>() / values.len() as f64,
        low: quantile(&values, 0.025),
        high: quantile(&values, 0.975),
    }
}

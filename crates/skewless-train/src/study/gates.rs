//! Gates: what must hold for a bundle to be written.

use std::collections::BTreeMap;
use std::time::Instant;

use skewless_core::columns::Columns;
use skewless_core::output::Task;
use skewless_core::{BatchPrediction, Bundle, Error, Predictor, Record, Result};

use super::config::{Bounds, ChampionGate, GatesConfig};
use super::measure::Measure;
use super::recipe::Recipe;
use super::report::{Gate, Level, Measured, StudyReport};
use crate::recipe::unreadable;

/// What gates are held to beside the report.
pub(crate) struct Taken {
    /// Of the winner with the bundle in use.
    pub(crate) agreement: Option<f64>,
    /// Microseconds of one record.
    pub(crate) latency: Option<f64>,
}

/// Every gate that the configuration names, against the report of the winner.
pub(crate) fn gates(config: &GatesConfig, report: &StudyReport, taken: Taken) -> Vec<Gate> {
    let mut gates = bounded("test", &config.test, |measure| {
        value(&report.test.measures, measure)
    });
    gates.extend(bounded("worst_slice", &config.worst_slice, |measure| {
        worst(report, measure)
    }));
    let most = |gate: &str, found: usize, most: Option<usize>| {
        most.map(|most| gate_of(gate, as_f64(found), None, Some(as_f64(most))))
    };
    let warnings = report
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Warning);
    gates.extend(most("max_bytes", report.bytes, config.max_bytes));
    let coverage = report.coverage.as_ref();
    let silent = coverage.filter(|coverage| coverage.says_nothing);
    let warnings = warnings.count() + usize::from(silent.is_some());
    gates.extend(most("max_warnings", warnings, config.max_warnings));
    if let Some(bounds) = &config.coverage {
        let found = coverage.map_or(f64::NAN, |coverage| coverage.test.value);
        gates.push(gate_of("coverage", found, bounds.min, bounds.max));
    }
    if let (Some(most), Some(found)) = (config.max_latency_us, taken.latency) {
        gates.push(gate_of("max_latency_us", found, None, Some(most)));
    }
    if let (Some(gate), Some(found)) = (&config.champion, taken.agreement) {
        gates.push(gate_of(
            "champion.agreement",
            found,
            Some(gate.agreement),
            None,
        ));
    }
    gates
}

fn bounded(
    what: &str,
    bounds: &BTreeMap<Measure, Bounds>,
    found: impl Fn(Measure) -> f64,
) -> Vec<Gate> {
    let gate = |(measure, bounds): (&Measure, &Bounds)| {
        gate_of(
            &format!("{what}.{}", measure.name()),
            found(*measure),
            bounds.min,
            bounds.max,
        )
    };
    bounds.iter().map(gate).collect()
}

fn gate_of(gate: &str, found: f64, min: Option<f64>, max: Option<f64>) -> Gate {
    let passed =
        !found.is_nan() && min.is_none_or(|min| found >= min) && max.is_none_or(|max| found <= max);
    Gate {
        gate: gate.to_owned(),
        found,
        min,
        max,
        passed,
    }
}

fn value(measures: &[Measured], measure: Measure) -> f64 {
    let found = measures.iter().find(|one| one.measure == measure);
    found.map_or(f64::NAN, |one| one.estimate.value)
}

/// The worst value among the slices that could be measured; NaN without any.
fn worst(report: &StudyReport, measure: Measure) -> f64 {
    let values = report
        .slices
        .iter()
        .map(|slice| value(&slice.measures, measure));
    values
        .filter(|value| !value.is_nan())
        .fold(f64::NAN, |worst, value| {
            if worst.is_nan() || measure.gain(value, worst) < 0.0 {
                value
            } else {
                worst
            }
        })
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// Records that are answered for the latency, in turn.
const TIMED: usize = 200;

/// The median of the microseconds that the predictor takes for one record, over records in turn.
///
/// # Errors
/// The first record's fault, which test rows do not have.
pub(crate) fn latency(predictor: &Predictor, records: &[Record]) -> Result<f64> {
    let mut times = Vec::with_capacity(TIMED);
    for record in records.iter().cycle().take(TIMED) {
        let start = Instant::now();
        std::hint::black_box(predictor.predict(record)?);
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or(f64::NAN))
}

/// The bundle in use, which the winner is to agree with.
pub(crate) struct Incumbent {
    predictor: Predictor,
    name: String,
}

impl Incumbent {
    /// Reads it and tries it on a few rows, before anything is trained or the test is opened.
    ///
    /// # Errors
    /// `train.unreadable` and `bundle.*`, `train.champion` where it predicts something else or takes other columns.
    pub(crate) fn read(recipe: &Recipe, gate: &ChampionGate, columns: &Columns) -> Result<Self> {
        let path = recipe.folder.join(&gate.bundle);
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
        let incumbent = Self {
            predictor: Predictor::new(&Bundle::from_bytes(&bytes)?)?,
            name: gate.bundle.clone(),
        };
        let output = incumbent.predictor.output();
        if output.task != recipe.task() || output.labels != recipe.config.model.labels {
            return Err(incumbent.differs("has another task or other labels"));
        }
        let few: Vec<usize> = (0..columns.rows().min(TIMED)).collect();
        incumbent.answers(&columns.select(&few))?;
        Ok(incumbent)
    }

    /// How far the winner agrees with it on `columns`: the share of equal labels, or the correlation of values.
    ///
    /// # Errors
    /// `train.champion` where it cannot answer a row.
    pub(crate) fn agreement(&self, winner: &Predictor, columns: &Columns) -> Result<f64> {
        let (ours, theirs) = (winner.predict_columns(columns)?, self.answers(columns)?);
        if winner.output().task == Task::Regression {
            return Ok(correlation(&ours.values, &theirs.values));
        }
        let pairs = ours.labels.iter().zip(&theirs.labels);
        let equal = pairs.filter(|(a, b)| a == b).count();
        Ok(as_f64(equal) / as_f64(ours.labels.len().max(1)))
    }

    fn answers(&self, columns: &Columns) -> Result<BatchPrediction> {
        let mut answers = self.predictor.predict_columns(columns)?;
        match answers.errors.is_empty() {
            true => Ok(answers),
            false => {
                let first = answers.errors.swap_remove(0);
                Err(self.differs("cannot answer a row").with_source(first))
            }
        }
    }

    fn differs(&self, what: &str) -> Error {
        let message = format!("the champion `{}` {what}", self.name);
        Error::input("train.champion", message)
    }
}

/// Pearson's; NaN where a side does not vary.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = as_f64(a.len().min(b.len()));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let mut sums = [0.0; 3];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        let [ab, aa, bb] = sums;
        sums = [ab + a * b, aa + a * a, bb + b * b];
    }
    let [ab, aa, bb] = sums;
    ab / libm::sqrt(aa * bb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_allowed_and_nan_never_passes() {
        assert!(gate_of("g", 1.0, Some(1.0), Some(1.0)).passed);
        assert!(!gate_of("g", 1.1, None, Some(1.0)).passed);
        assert!(!gate_of("g", f64::NAN, None, None).passed);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), 1.0);
        assert!(correlation(&[1.0, 1.0], &[2.0, 4.0]).is_nan());
    }
}

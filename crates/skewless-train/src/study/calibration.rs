//! Calibration of binary scores on rows that the model was not fitted on: Platt's sigmoid, and isotonic regression.

use serde::{Deserialize, Serialize};
use skewless_core::output::Calibration;
use skewless_core::{Error, Result};

/// Most steps of Newton's method, which needs about ten.
const STEPS: usize = 100;

/// p = 1 / (1 + exp(−(slope · raw + intercept))) (Platt 1999, without its smoothed targets).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Factor of the raw score.
    pub slope: f64,
    /// Added to it.
    pub intercept: f64,
}

/// Whether rows can be calibrated on.
///
/// # Errors
/// `train.calibration`.
pub(super) fn checked(raw: &[f64], positive: &[bool]) -> Result<()> {
    let both = positive.contains(&true) && positive.contains(&false);
    if raw.len() == positive.len() && both && raw.iter().all(|raw| raw.is_finite()) {
        return Ok(());
    }
    let message = "calibration takes finite raw scores, one label each, and both labels";
    Err(Error::input("train.calibration", message))
}

impl Platt {
    /// Fits by Newton's method on the log loss, from slope 1 and intercept 0.
    ///
    /// # Errors
    /// `train.calibration` for scores that are not finite, labels of one kind, or scores that do not rise with the label.
    pub fn fit(raw: &[f64], positive: &[bool]) -> Result<Self> {
        checked(raw, positive)?;
        let (mut slope, mut intercept) = (1.0, 0.0);
        for _ in 0..STEPS {
            // Gradient and Hessian of the summed loss.
            let (mut g, mut h) = ([0.0; 2], [0.0; 3]);
            for (&x, &positive) in raw.iter().zip(positive) {
                let p = 1.0 / (1.0 + libm::exp(-(slope * x + intercept)));
                let (off, weight) = (p - f64::from(u8::from(positive)), p * (1.0 - p));
                g = [g[0] + off * x, g[1] + off];
                h = [h[0] + weight * x * x, h[1] + weight * x, h[2] + weight];
            }
            let determinant = h[0] * h[2] - h[1] * h[1];
            let step = [
                (h[2] * g[0] - h[1] * g[1]) / determinant,
                (h[0] * g[1] - h[1] * g[0]) / determinant,
            ];
            slope -= step[0];
            intercept -= step[1];
            if !(slope.is_finite() && intercept.is_finite()) {
                break;
            }
            if step[0].abs() < 1e-13 * (1.0 + slope.abs())
                && step[1].abs() < 1e-13 * (1.0 + intercept.abs())
            {
                break;
            }
        }
        if slope > 0.0 && slope.is_finite() && intercept.is_finite() {
            return Ok(Self { slope, intercept });
        }
        let message = "the scores do not rise with the label, or part the labels altogether";
        Err(Error::input("train.calibration", message))
    }

    /// The probability of a raw score.
    pub fn at(&self, raw: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-(self.slope * raw + self.intercept)))
    }
}

/// Isotonic regression by pooled adjacent violators (Barlow et al. 1972) on the squared error, linear between its points and
/// constant beyond them, as scikit-learn's. Equal probabilities are one point of their mean. Of a level that several
/// points share the first and the last are kept.
///
/// # Errors
/// `train.calibration` for probabilities that are not finite or labels of one kind.
pub fn isotonic(probabilities: &[f64], positive: &[bool]) -> Result<Calibration> {
    checked(probabilities, positive)?;
    let mut rows: Vec<(f64, f64)> = (probabilities.iter().zip(positive))
        .map(|(&from, &positive)| (from, f64::from(u8::from(positive))))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Blocks of points that share a level: sum, rows, first and last point.
    let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        let from = same.first().map_or(0.0, |row| row.0);
        let sum: f64 = same.iter().map(|row| row.1).sum();
        let mut block = (sum, same.len() as f64, from, from);
        while let Some(&(before, of, first, _)) = blocks.last() {
            if before / of < block.0 / block.1 {
                break;
            }
            block = (before + block.0, of + block.1, first, block.3);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut table = Calibration::default();
    for (sum, of, first, last) in blocks {
        let ends = std::iter::once(first).chain((last > first).then_some(last));
        for from in ends {
            table.from.push(from);
            table.to.push(sum / of);
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        raw: Vec<f64>,
        positive: Vec<u8>,
        at: Vec<f64>,
        isotonic: Vec<f64>,
        platt: Platt,
    }

    /// `tests/references/make.py` made it with scikit-learn.
    fn reference() -> (Reference, Vec<bool>) {
        let reference: Reference =
            serde_json::from_str(include_str!("../../tests/references/calibration.json")).unwrap();
        let positive = reference.positive.iter().map(|&one| one == 1).collect();
        (reference, positive)
    }

    #[test]
    fn isotonic_is_scikit_learns() {
        let (reference, positive) = reference();
        let fitted = isotonic(&reference.raw, &positive).unwrap();
        for (&at, &expected) in reference.at.iter().zip(&reference.isotonic) {
            assert!(
                (fitted.at(at) - expected).abs() < 1e-12,
                "{at}: {} is not {expected}",
                fitted.at(at)
            );
        }
        assert!(fitted.to.is_sorted() && fitted.from.len() < reference.raw.len());
    }

    #[test]
    fn platt_is_scikit_learns_logistic_regression() {
        let (reference, positive) = reference();
        let fitted = Platt::fit(&reference.raw, &positive).unwrap();
        // L-BFGS stops at a gradient of about 1e-6 of the mean loss.
        assert!(
            (fitted.slope - reference.platt.slope).abs() < 1e-5,
            "{fitted:?}"
        );
        assert!(
            (fitted.intercept - reference.platt.intercept).abs() < 1e-5,
            "{fitted:?}"
        );
    }

    #[test]
    fn what_cannot_be_calibrated_is_refused() {
        let code = |raw: &[f64], positive: &[bool]| {
            Platt::fit(raw, positive).err().map(|error| error.code())
        };
        assert_eq!(code(&[1.0, 2.0], &[true, true]), Some("train.calibration"));
        assert_eq!(
            code(&[1.0, f64::NAN], &[true, false]),
            Some("train.calibration")
        );
        assert_eq!(code(&[1.0, 2.0], &[false, true]), Some("train.calibration"));
        let falling = [3.0, 2.5, 2.0, 1.5, 1.0, 0.5];
        assert_eq!(
            code(&falling, &[false, false, true, false, true, true]),
            Some("train.calibration")
        );
    }
}

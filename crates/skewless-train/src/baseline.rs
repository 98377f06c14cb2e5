//! The model to beat: a logistic regression by `linfa-logistic`, as the core's linear model.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use skewless_core::pipeline::FeatureRows;
use skewless_core::plan::{Accumulate, LinearModel};
use skewless_core::{Error, Result};

use crate::config::BaselineConfig;

/// Fits on all rows of `features`, which may hold no missing value: L-BFGS from zero, single-threaded.
///
/// # Errors
/// `train.baseline` where the optimiser fails or a value is not finite.
pub(crate) fn fit(
    features: FeatureRows,
    positive: &[bool],
    config: &BaselineConfig,
) -> Result<LinearModel> {
    let inputs = features.width;
    let failed = |error: String| {
        Error::input(
            "train.baseline",
            format!("the baseline cannot be fitted: {error}"),
        )
    };
    let records = Array2::from_shape_vec((positive.len(), inputs), features.values)
        .map_err(|error| failed(error.to_string()))?;
    let dataset = Dataset::new(records, Array1::from(positive.to_vec()));
    let fitted = LogisticRegression::default()
        .alpha(config.l2)
        .max_iterations(config.max_iterations)
        .fit(&dataset)
        .map_err(|error| failed(error.to_string()))?;
    // linfa calls the more frequent label positive; here positive is `true`.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    Ok(LinearModel {
        inputs,
        outputs: 1,
        weights: fitted.params().iter().map(|weight| sign * weight).collect(),
        intercept: vec![sign * fitted.intercept()],
        accumulate: Accumulate::F64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BaselineKind;

    /// The sign must not depend on which label is more frequent.
    #[test]
    fn a_rising_feature_has_a_positive_weight() {
        for positives in [30, 70] {
            let values: Vec<f64> = (0..100).map(|row| f64::from(row) / 10.0).collect();
            let positive: Vec<bool> = (0..100)
                .map(|row| row >= 100 - positives || row % 17 == 3)
                .collect();
            let config = BaselineConfig {
                kind: BaselineKind::Logistic,
                l2: 1.0,
                max_iterations: 50,
                feature: Vec::new(),
            };
            let model = fit(
                FeatureRows {
                    width: 1,
                    values,
                    errors: Vec::new(),
                },
                &positive,
                &config,
            )
            .unwrap();
            assert!(model.weights[0] > 0.0, "{positives}: {model:?}");
        }
    }

    #[test]
    fn missing_values_are_refused() {
        let config = BaselineConfig {
            kind: BaselineKind::Logistic,
            l2: 1.0,
            max_iterations: 5,
            feature: Vec::new(),
        };
        let rows = FeatureRows {
            width: 1,
            values: vec![1.0, f64::NAN],
            errors: Vec::new(),
        };
        assert_eq!(
            fit(rows, &[true, false], &config).unwrap_err().code(),
            "train.baseline"
        );
    }
}

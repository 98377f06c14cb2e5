//! Leaks that only the features show: a label that comes in by a table or by several inputs, and what was fitted on all rows.

use skewless_core::pipeline::{FeatureRows, Pipeline};
use skewless_core::spec::{FeatureAsWritten, FeatureSpec, FittedOp, OpName, Strategy, Token};
use skewless_core::{Column, FittedSpec};

use super::data::Data;
use super::feature_set::FeatureSet;
use super::recipe::Recipe;
use super::strength::strength;

/// Rows that the strength of a feature is measured on, at most; they are evenly spread over all.
const MEASURED: usize = 50_000;

/// A feature and how well it alone tells the label.
pub(super) struct Told {
    pub(super) feature: String,
    /// The inputs that it is made from.
    pub(super) from: Vec<String>,
    pub(super) strength: f64,
}

/// Every feature that the model sees, with its strength. A feature of several columns counts as the place of the greatest.
/// `found` holds the features of `rows`, of which those in `seen` are measured.
pub(super) fn told(
    recipe: &Recipe,
    data: &Data,
    pipeline: &Pipeline,
    (found, rows): (&FeatureRows, &[usize]),
    seen: &[usize],
) -> Vec<Told> {
    let step = seen.len().div_ceil(MEASURED).max(1);
    let measured: Vec<usize> = seen.iter().step_by(step).copied().collect();
    let places: Vec<usize> = (measured.iter())
        .filter_map(|row| rows.binary_search(row).ok())
        .collect();
    let truth = data.truth_of(&measured);
    let ordinals: Vec<usize> = (0..places.len()).collect();
    let mut first = 0;
    let mut all = Vec::new();
    for (name, columns) in pipeline.features() {
        let value = |&place: &usize| {
            let start = place * found.width + first;
            value(found.values.get(start..start + columns).unwrap_or_default())
        };
        let column = Column::Number(places.iter().map(value).collect());
        first += columns;
        all.push(Told {
            feature: name.to_owned(),
            from: pipeline.inputs_behind(name),
            strength: strength(recipe.task(), recipe.classes(), &column, &ordinals, &truth),
        });
    }
    all
}

fn value(cells: &[f64]) -> f64 {
    match cells {
        [one] => *one,
        cells => {
            let greatest = (cells.iter().enumerate()).max_by(|(_, a), (_, b)| a.total_cmp(b));
            // All zeros are a group of their own.
            match greatest {
                Some((place, &cell)) if cell != 0.0 => place as f64 + 1.0,
                _ => 0.0,
            }
        }
    }
}

/// A given parameter of a feature that is what all rows would have given, and the training rows would not.
pub(super) struct OfAll {
    pub(super) feature: String,
    pub(super) source: String,
    pub(super) what: &'static str,
}

/// Looks at every given mean with its deviation, list of edges, pair of bounds and filled-in value of a set.
///
/// A feature is fitted anew without them: on `train`, on all rows and on all that have a label. Given numbers are those of
/// all rows if they agree in all their written digits, where the deviation may be divided by n or by n − 1. Where none has
/// four significant digits they are round, and a person's choice.
pub(super) fn fitted_on_all(set: &FeatureSet, data: &Data, train: &[usize]) -> Vec<OfAll> {
    let everything: Vec<usize> = (0..data.columns.rows()).collect();
    let mut found = Vec::new();
    for (place, feature) in set.spec.feature.iter().enumerate() {
        let Some((bare, what, given)) = without(feature) else {
            continue;
        };
        if given.iter().all(|&given| is_round(given)) {
            continue;
        }
        let mut spec = set.spec.clone();
        spec.feature.truncate(place);
        spec.feature
            .extend(bare.into_iter().map(|feature| FeatureAsWritten {
                hidden: false,
                ..feature
            }));
        let fits = |rows: &[usize]| fits(&spec, data, rows, place, &given);
        if (fits(&everything) || fits(&data.labelled())) && !fits(train) {
            found.push(OfAll {
                feature: feature.name.clone(),
                source: feature.from.names().first().cloned().unwrap_or_default(),
                what,
            });
        }
    }
    found
}

/// The feature as it would be written to be fitted (of a filled-in number as each of two), what was given, and its numbers.
fn without(feature: &FeatureAsWritten) -> Option<(Vec<FeatureAsWritten>, &'static str, Vec<f64>)> {
    let bare = FeatureAsWritten {
        mean: None,
        std: None,
        min: None,
        max: None,
        edges: None,
        value: None,
        ..feature.clone()
    };
    Some(match feature.op {
        OpName::Standardize => {
            let given = vec![feature.mean?, feature.std?];
            (vec![bare], "the mean and deviation", given)
        }
        OpName::MinMax => {
            let given = vec![feature.min?, feature.max?];
            (vec![bare], "the least and the greatest value", given)
        }
        OpName::Bucketize => {
            let given = feature.edges.clone()?;
            let quantiles = Some(given.len() + 1);
            (
                vec![FeatureAsWritten { quantiles, ..bare }],
                "the quantiles",
                given,
            )
        }
        OpName::Impute => {
            let Some(Token::Number(value)) = feature.value else {
                return None;
            };
            let by = |strategy| FeatureAsWritten {
                name: format!("{}?{strategy:?}", feature.name),
                strategy: Some(strategy),
                ..bare.clone()
            };
            let both = vec![by(Strategy::Mean), by(Strategy::Median)];
            (both, "the mean or the median", vec![value])
        }
        _ => return None,
    })
}

/// Whether the features from `place` on, fitted on `rows`, have the given numbers. Rows that cannot be fitted on have none.
fn fits(spec: &FeatureSpec, data: &Data, rows: &[usize], place: usize, given: &[f64]) -> bool {
    let fitted = spec.fit(&data.columns.select(rows), data.lookups_of(spec));
    let Ok(FittedSpec { features, .. }) = fitted else {
        return false;
    };
    let agree = |found: &[f64]| {
        found.len() == given.len()
            && (found.iter().zip(given))
                .all(|(found, given)| (found - given).abs() <= half_digit(*given))
    };
    let count = rows.len() as f64;
    features
        .iter()
        .skip(place)
        .any(|feature| match &feature.op {
            FittedOp::Standardize { mean, std } => {
                let of_sample = std * libm::sqrt(count / (count - 1.0));
                agree(&[*mean, *std]) || agree(&[*mean, of_sample])
            }
            FittedOp::MinMax { min, max } => agree(&[*min, *max]),
            FittedOp::Bucketize { edges, .. } => agree(edges),
            FittedOp::Impute { value, .. } => agree(&[*value]),
            _ => false,
        })
}

/// Half a unit of the last decimal of the shortest text of a number; at least what sums in another order may change.
fn half_digit(given: f64) -> f64 {
    let text = given.to_string();
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let decimals = i32::try_from(decimals).unwrap_or(i32::MAX);
    (0.5 * libm::pow(10.0, -f64::from(decimals)) * (1.0 + 1e-9)).max(1e-9 * given.abs())
}

/// Whether the shortest text of a number has fewer than four significant digits.
fn is_round(given: f64) -> bool {
    let text = format!("{given:e}");
    let digits = text.split('e').next().unwrap_or_default();
    digits.chars().filter(char::is_ascii_digit).count() < 4
}

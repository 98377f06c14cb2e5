//! Measures of groups of test rows, so that a model that is good on average is not bad for someone unseen.

use std::collections::BTreeMap;

use skewless_core::{Column, Result};

use super::data::Data;
use super::intervals::Resampled;
use super::measure::Measure;
use super::race::judged;
use super::recipe::Recipe;
use super::report::Slice;
use crate::bootstrap::Resampling;

/// Every value of every configured input, by the values' order, with its rows' measures. `values` are the winner's
/// predictions of `rows`.
///
/// # Errors
/// As the measures; groups that cannot be measured stand without.
pub(crate) fn slices(
    recipe: &Recipe,
    data: &Data,
    rows: &[usize],
    values: &[f64],
    resampling: Resampling,
) -> Result<Vec<Slice>> {
    let width = values.len() / rows.len().max(1);
    let measures = Measure::of_task(recipe.task());
    let mut slices = Vec::new();
    for name in &recipe.config.slices.by {
        let Some(Column::Text(text)) = data.columns.column(name) else {
            continue;
        };
        let mut groups: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (place, &row) in rows.iter().enumerate() {
            groups.entry(text.value(row)).or_default().push(place);
        }
        for (value, places) in groups {
            let of = |place: &usize| {
                values
                    .get(place * width..(place + 1) * width)
                    .unwrap_or_default()
            };
            let predicted: Vec<f64> = places
                .iter()
                .flat_map(|place| of(place).iter().copied())
                .collect();
            let there: Vec<usize> = places
                .iter()
                .filter_map(|&place| rows.get(place).copied())
                .collect();
            let is_large = places.len() >= recipe.config.slices.least_rows;
            // A group with a single label has no ROC curve.
            let measured = match judged(recipe, &predicted, &data.truth_of(&there)) {
                Ok(judged) if is_large => {
                    let judged = judged.in_groups(data.groups_of(recipe, &there));
                    Resampled::new(measures, &[&judged], resampling)?.measured(0)
                }
                _ => Vec::new(),
            };
            slices.push(Slice {
                input: name.clone(),
                value: value.map(str::to_owned),
                rows: places.len(),
                measures: measured,
            });
        }
    }
    Ok(slices)
}

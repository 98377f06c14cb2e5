//! Features for a model that is trained elsewhere: fitted as the winner's are, computed by the serving code.

use std::path::Path;

use skewless_core::pipeline::Pipeline;
use skewless_core::{Error, FeatureSpec, FittedSpec, Result};
use skewless_table::{Wanted, read_columns};

use super::data::Data;
use super::feature_set::FeatureSet;
use super::folds::Folds;
use super::recipe::Recipe;
use crate::arm::in_file;

/// Columns of numbers; NaN is missing.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Name of the feature set.
    pub set: String,
    /// Names of the columns.
    pub names: Vec<String>,
    /// The columns, equally long.
    pub columns: Vec<Vec<f64>>,
    /// The fitted specification, which packs with the model.
    pub spec: FittedSpec,
}

/// Computes a feature set (the first if none is named) of the study at `config_path`, fitted on the rows that its winner
/// is fitted on: for every row of `table`, or else for the labelled rows outside test and gaps, with the columns `row`
/// (from 0, in the data file), `part` (0 for training; n for validation of fold n, which the other folds train on) and
/// `label` (the value; binary 0 or 1; multi-class the label's place) before the features. Copies of what lies elsewhere are
/// kept in `store`, where there is one.
///
/// # Errors
/// As reading and splitting in [`super::study`]; `train.config` for a set that is not there.
pub fn export(
    config_path: &Path,
    set: Option<&str>,
    table: Option<&Path>,
    store: Option<&Path>,
) -> Result<Exported> {
    let recipe = Recipe::read(config_path)?;
    let set = named(&recipe, set)?;
    let data = Data::read(&recipe, None, store)?;
    let folds = data.split(&recipe)?;
    let training = data.columns.select(&folds.last);
    let spec = set.spec.fit(&training, data.lookups_of(&set.spec));
    let spec = spec.map_err(|error| in_file(error, &folds.last))?;
    let pipeline = Pipeline::new(&spec)?;
    let (mut names, mut columns) = (Vec::new(), Vec::new());
    let (records, rows) = match table {
        Some(path) => {
            let wanted: Vec<Wanted> = pipeline.inputs().map(Wanted::from).collect();
            let records = read_columns(path, None, &wanted)?;
            let rows = (0..records.rows()).collect();
            (records, rows)
        }
        None => {
            let (rows, parts) = parts(&folds);
            names.extend(["row", "part", "label"].map(str::to_owned));
            let place = |&row: &usize| data.places.row(row) as f64;
            columns.push(rows.iter().map(place).collect());
            columns.push(parts);
            columns.push(data.truth_of(&rows));
            (data.columns.select(&rows), rows)
        }
    };
    let mut features = pipeline.transform(&records, 0..records.rows())?;
    if !features.errors.is_empty() {
        return Err(in_file(features.errors.swap_remove(0), &rows));
    }
    names.extend(pipeline.column_names());
    let column = |at: usize| {
        features
            .values
            .iter()
            .skip(at)
            .step_by(features.width)
            .copied()
            .collect()
    };
    columns.extend((0..features.width).map(column));
    Ok(Exported {
        set: set.name.clone(),
        names,
        columns,
        spec,
    })
}

/// The specification of a feature set (the first if none is named), to be fitted.
///
/// # Errors
/// As [`super::study`] for the configuration; `train.config` for a set that is not there, and for one with a lookup table
/// that is made from a source and not read from a file.
pub fn feature_set(config_path: &Path, set: Option<&str>) -> Result<FeatureSpec> {
    let recipe = Recipe::read(config_path)?;
    let spec = &named(&recipe, set)?.spec;
    let config = &recipe.config;
    let made = |source: &String| {
        let sources = config.source.iter().map(|one| &one.name);
        sources
            .chain(config.view.iter().map(|view| &view.name))
            .any(|name| name == source)
    };
    match spec.lookup.iter().find(|lookup| made(&lookup.source)) {
        None => Ok(spec.clone()),
        Some(lookup) => {
            let message = format!(
                "lookup `{}` is made from `{}`: write it with `skewless lookup`, and let `source` name the file",
                lookup.name, lookup.source
            );
            Err(Error::spec("train.config", message).with_field("lookup.source"))
        }
    }
}

fn named<'a>(recipe: &'a Recipe, set: Option<&str>) -> Result<&'a FeatureSet> {
    let found = match set {
        None => recipe.sets.first(),
        Some(name) => recipe.sets.iter().find(|set| set.name == name),
    };
    found.ok_or_else(|| Error::spec("train.config", "there is no such feature set"))
}

/// Rows outside the test, rising, each with the fold that it validates.
fn parts(folds: &Folds) -> (Vec<usize>, Vec<f64>) {
    let mut parts: Vec<(usize, f64)> = folds.last.iter().map(|&row| (row, 0.0)).collect();
    for (place, fold) in folds.folds.iter().enumerate() {
        let number = (place + 1) as f64;
        for &row in &fold.validate {
            match parts.binary_search_by_key(&row, |part| part.0) {
                Ok(at) => {
                    if let Some(part) = parts.get_mut(at) {
                        part.1 = number;
                    }
                }
                Err(at) => parts.insert(at, (row, number)),
            }
        }
    }
    parts.into_iter().unzip()
}

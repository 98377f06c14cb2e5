//! How training rows went through the trees, which explanations need: as the model's file says, or counted here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use skewless_core::bundle::BundleModel;
use skewless_core::plan::{Model, TreeModel};
use skewless_core::{Error, Predictor, Result};

use crate::args::PackArgs;
use crate::inspect::grouped;
use crate::pack::engine::Chosen;
use crate::pack::sample::Sample;

/// Rows that are counted at a time, so that wide feature rows take no more memory than they must.
const BLOCK: usize = 1 << 14;

/// What `explain` will say of the bundle.
pub(super) enum Explained {
    /// It needs nothing but the model.
    Exactly,
    /// By the shares of training rows that the model's file states.
    Stated,
    /// By shares counted over so many rows.
    Counted(usize),
    /// Nothing, for a reason.
    Not(&'static str),
}

/// Counts rows through trees whose file does not say how training rows went: those of `--fit-on`, else of
/// `--calibration`, else of `--golden-from`.
pub(super) fn complete(
    args: &PackArgs,
    chosen: &mut Chosen,
    predictor: &Predictor,
) -> Result<Explained> {
    let model = match &mut chosen.model {
        BundleModel::Plan(model) => model,
        BundleModel::Onnx { .. } => return Ok(Explained::Not("an ONNX graph has no known sums")),
    };
    if model.encode_explain()?.is_some() {
        return Ok(Explained::Stated);
    }
    match model {
        Model::Linear(_) => Ok(Explained::Exactly),
        Model::Network(_) => Ok(Explained::Not("a network has no known sums")),
        Model::Trees(trees) if !trees.aggregate.adds() => {
            Ok(Explained::Not("the least or the greatest leaf is no sum"))
        }
        Model::Trees(trees) => {
            let given = [&args.fit_on, &args.calibration, &args.golden_from];
            match given.into_iter().flatten().next() {
                Some(path) => count(trees, path, predictor).map(Explained::Counted),
                None => Ok(Explained::Not(
                    "the model's file does not say how training rows went through the trees; give --fit-on",
                )),
            }
        }
    }
}

fn count(trees: &mut TreeModel, path: &Path, predictor: &Predictor) -> Result<usize> {
    let sample = Sample::read(path, predictor)?;
    let (rows, pipeline) = (sample.columns.rows(), predictor.pipeline());
    let mut counted = 0;
    for start in (0..rows).step_by(BLOCK) {
        let features = pipeline.transform(&sample.columns, start..rows.min(start + BLOCK))?;
        let failed: BTreeSet<_> = features.errors.iter().filter_map(Error::row).collect();
        let good = features.values.chunks_exact(features.width.max(1));
        let good: Vec<&[f64]> = (good.enumerate())
            .filter_map(|(row, values)| (!failed.contains(&row)).then_some(values))
            .collect();
        trees.count_covers(&good.concat())?;
        counted += good.len();
    }
    Ok(counted)
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly => f.write_str("exactly"),
            Self::Stated => {
                f.write_str("by TreeSHAP, with the shares of rows that the file states")
            }
            Self::Counted(rows) => {
                let rows = grouped(*rows);
                write!(f, "by TreeSHAP, with shares counted over {rows} rows")
            }
            Self::Not(reason) => write!(f, "not: {reason}"),
        }
    }
}

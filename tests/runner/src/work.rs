//! One work of the bench: a bundle, and feature rows or raw records to score with it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use skewless_core::plan::EngineScratch;
use skewless_core::{Bundle, Predictor, Record};

/// The work whose rows are raw records, and the folder where its bundle lies.
const FROM_RECORDS: (&str, &str) = ("record-to-prediction", "gbdt-200x31");

const ROWS: &str = "rows.f64";
const EXPECTED: &str = "expected.f64";
/// What tract is given where it does not take the rows as they are, and what it answers.
const TRACT_ROWS: &str = "tract_rows.f64";
const TRACT_EXPECTED: &str = "tract_expected.f64";

/// A loaded bundle with its rows.
pub(crate) struct Work {
    predictor: Predictor,
    rows: Rows,
    expected: &'static str,
    scratch: EngineScratch,
    raw: Vec<f64>,
}

enum Rows {
    /// Row-major feature rows.
    Features(Vec<f64>),
    Records(Vec<Record>),
}

impl Work {
    /// Opens the work's folder below `works`: the project's own bundle, or the one that tract runs.
    pub(crate) fn open(works: &Path, name: &str, tract: bool) -> Result<Self> {
        let from_records = name == FROM_RECORDS.0;
        let folder = works.join(if from_records { FROM_RECORDS.1 } else { name });
        let file = if tract { "tract.skw" } else { "bundle.skw" };
        let bytes =
            std::fs::read(folder.join(file)).with_context(|| format!("{name} has no {file}"))?;
        let bundle = Bundle::from_bytes(&bytes)?;
        let own_rows = tract && folder.join(TRACT_ROWS).exists();
        let rows = if from_records {
            Rows::Records(records(&folder.join("records.jsonl"))?)
        } else {
            Rows::Features(numbers(&folder.join(if own_rows {
                TRACT_ROWS
            } else {
                ROWS
            }))?)
        };
        Ok(Self {
            predictor: if tract {
                with_tract(&bundle)?
            } else {
                Predictor::new(&bundle)?
            },
            rows,
            expected: if own_rows { TRACT_EXPECTED } else { EXPECTED },
            scratch: EngineScratch::default(),
            raw: Vec::new(),
        })
    }

    /// The file with the answers that are due.
    pub(crate) fn expected(&self) -> &'static str {
        self.expected
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        match &self.rows {
            Rows::Features(cells) => cells.len() / self.predictor.engine().inputs().max(1),
            Rows::Records(records) => records.len(),
        }
    }

    /// Scores `count` rows from the row `from`, and gives their raw scores.
    pub(crate) fn score(&mut self, from: usize, count: usize) -> Result<&[f64]> {
        match &self.rows {
            Rows::Features(cells) => {
                let engine = self.predictor.engine();
                let inputs = engine.inputs();
                let Some(block) = cells.get(from * inputs..(from + count) * inputs) else {
                    bail!("there are fewer rows than {}", from + count);
                };
                self.raw.resize(count * engine.outputs(), 0.0);
                engine.score(block, &mut self.scratch, &mut self.raw)?;
            }
            Rows::Records(records) => {
                let Some(block) = records.get(from..from + count) else {
                    bail!("there are fewer records than {}", from + count);
                };
                self.raw = self.predictor.predict_records(block)?.raw;
            }
        }
        Ok(&self.raw)
    }
}

#[cfg(feature = "tract")]
fn with_tract(bundle: &Bundle) -> Result<Predictor> {
    Ok(skewless_tract::predictor(bundle)?)
}

#[cfg(not(feature = "tract"))]
fn with_tract(_: &Bundle) -> Result<Predictor> {
    bail!("this runner is built without tract")
}

fn records(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text
        .lines()
        .map(Record::from_json)
        .collect::<Result<_, _>>()?)
}

/// Numbers as f64 little-endian.
fn numbers(path: &Path) -> Result<Vec<f64>> {
    let bytes = std::fs::read(path)?;
    let (cells, _) = bytes.as_chunks::<8>();
    Ok(cells.iter().map(|cell| f64::from_le_bytes(*cell)).collect())
}

//! One work of the bench: a bundle, and feature rows or raw records to score with it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use skewless_core::plan::EngineScratch;
use skewless_core::{Bundle, Predictor, Record};

/// The work whose rows are raw records, and the folder where its bundle lies.
const FROM_RECORDS: (&str, &str) = ("record-to-prediction", "gbdt-200x31");

/// A loaded bundle with its rows.
pub(crate) struct Work {
    predictor: Predictor,
    rows: Rows,
    scratch: EngineScratch,
    raw: Vec<f64>,
}

enum Rows {
    /// Row-major feature rows.
    Features(Vec<f64>),
    Records(Vec<Record>),
}

impl Work {
    /// Opens the work's folder below `works`.
    pub(crate) fn open(works: &Path, name: &str) -> Result<Self> {
        let from_records = name == FROM_RECORDS.0;
        let folder = works.join(if from_records { FROM_RECORDS.1 } else { name });
        let bytes = std::fs::read(folder.join("bundle.skw"))
            .with_context(|| format!("{name} has no bundle.skw"))?;
        let predictor = Predictor::new(&Bundle::from_bytes(&bytes)?)?;
        let rows = if from_records {
            let text = std::fs::read_to_string(folder.join("records.jsonl"))?;
            Rows::Records(
                text.lines()
                    .map(Record::from_json)
                    .collect::<Result<_, _>>()?,
            )
        } else {
            let bytes = std::fs::read(folder.join("rows.f64"))?;
            let (cells, _) = bytes.as_chunks::<8>();
            Rows::Features(cells.iter().map(|cell| f64::from_le_bytes(*cell)).collect())
        };
        Ok(Self {
            predictor,
            rows,
            scratch: EngineScratch::default(),
            raw: Vec::new(),
        })
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

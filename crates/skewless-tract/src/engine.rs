//! The engine of bundles with an ONNX graph.

use skewless_core::plan::{Engine, EngineScratch, ModelSummary};
use skewless_core::{Error, Result};

use crate::document::Document;
use crate::graph::{Effort, Graph};
use crate::wiring::Wiring;

/// Runs a wired ONNX graph, one row at a time.
///
/// A feature row is the graph's inputs side by side in its order, each flattened row-major; the fixed ones take no
/// columns. The raw scores are the wired outputs side by side, flattened likewise. Floats are the nearest singles of
/// the row's doubles. A row without an answer (an integer input whose number is no such integer, an index outside a
/// table) gets NaN.
///
/// The arithmetic is tract's, which picks its kernels by the processor: answers agree between targets to
/// [`crate::BOUND`], not to the bit.
pub struct TractEngine {
    graph: Graph,
    wiring: Wiring,
    nodes: usize,
}

impl TractEngine {
    /// Reads a wired ONNX file: the part `model.onnx`.
    ///
    /// # Errors
    /// `bundle.invalid_onnx` naming what does not hold, `unsupported.onnx_op` for operators that tract cannot run,
    /// `unsupported.onnx_external` for weights in other files.
    pub fn read(onnx: &[u8]) -> Result<Self> {
        Self::with_effort(onnx, Effort::Optimised)
    }

    /// The same, run node by node as the file has them: slower, and what the optimised graph is compared with.
    ///
    /// # Errors
    /// As [`TractEngine::read`].
    pub fn read_as_written(onnx: &[u8]) -> Result<Self> {
        Self::with_effort(onnx, Effort::AsWritten)
    }

    fn with_effort(onnx: &[u8], effort: Effort) -> Result<Self> {
        let document = Document::read(onnx)?;
        let wiring = Wiring::read(document.wiring()?)?;
        let nodes = document.graph.node.len();
        Ok(Self {
            graph: Graph::new(document, &wiring, effort)?,
            wiring,
            nodes,
        })
    }

    /// How rows and the graph's inputs and outputs belong together.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }
}

impl Engine for TractEngine {
    fn inputs(&self) -> usize {
        self.wiring.columns()
    }

    fn outputs(&self) -> usize {
        self.wiring.scores()
    }

    fn accepts_missing(&self) -> bool {
        false
    }

    fn summary(&self) -> ModelSummary {
        ModelSummary::Graph { nodes: self.nodes }
    }

    fn tolerance(&self) -> f64 {
        crate::BOUND
    }

    fn score(&self, rows: &[f64], _scratch: &mut EngineScratch, raw: &mut [f64]) -> Result<()> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let n = raw.len() / outputs;
        if n * outputs != raw.len() || n * inputs != rows.len() {
            return Err(Error::misuse(
                "misuse.shape",
                format!(
                    "{} feature values and {} scores do not fit a model of {inputs} inputs and {outputs} outputs",
                    rows.len(),
                    raw.len()
                ),
            ));
        }
        for (row, raw) in rows.chunks_exact(inputs).zip(raw.chunks_exact_mut(outputs)) {
            if !self.graph.answer(row, raw) {
                raw.fill(f64::NAN);
            }
        }
        Ok(())
    }
}

//! A float network, of an ONNX file or of dense layers, becomes an int8 one: weights per output channel and symmetric, activations asymmetric by the
//! ranges that calibration rows show.
//!
//! The quantised network is written as the QDQ graph that other tools would write, and read as any other: there is one
//! importer. Where quantisers stand follows Jacob et al. 2018 (arXiv:1712.05877): after every layer with its relu, never
//! between a layer and its bias, its batch normalisation or its relu.

mod dense;
mod float;
mod operators;
mod range;
mod rewrite;
mod tensor;

use prost::Message;
use skewless_core::error::{Error, Result};
use skewless_core::plan::Engine;

use crate::onnx::message::ModelProto;
use crate::{Compiled, ModelInput, onnx};

pub use dense::DenseLayer;
pub use float::FloatNetwork;
pub use range::Calibration;

/// Fewest calibration rows.
const FEWEST_ROWS: usize = 1;

/// Quantises the float network of an ONNX file.
///
/// # Errors
/// Those of [`FloatNetwork::read`] and of [`FloatNetwork::quantize`].
pub fn quantize(bytes: &[u8], rows: &[f64], calibration: Calibration) -> Result<Compiled> {
    FloatNetwork::read(bytes)?.quantize(rows, calibration)
}

impl FloatNetwork {
    /// The int8 network of this one.
    ///
    /// `rows` are calibration rows, n × the network's columns, row-major: the elements of its inputs in the graph's order
    /// ([`FloatNetwork::inputs`]). The network that comes back answers as `compile` of a quantised file would.
    ///
    /// # Errors
    /// `model.invalid_onnx` for a graph that contradicts itself, `unsupported.*` naming the node for what has no int8
    /// layer, `quantize.rows` where there is no whole row, `quantize.not_finite` naming the value that is infinite or NaN
    /// on some row.
    pub fn quantize(&self, rows: &[f64], calibration: Calibration) -> Result<Compiled> {
        let columns = self.columns();
        if columns == 0 || rows.len() < FEWEST_ROWS * columns || !rows.len().is_multiple_of(columns)
        {
            return Err(Error::input(
                "quantize.rows",
                format!(
                    "{} calibration values are no whole rows of {columns} columns",
                    rows.len()
                ),
            ));
        }
        let wanted = rewrite::places(self.graph(), self.outputs());
        let ranges = range::observe(self, rows, &wanted, calibration)?;
        let graph = rewrite::with_quantizers(self.graph(), &ranges)?;
        let model = ModelProto {
            graph: Some(graph),
            opset_import: self.model().opset_import.clone(),
        };
        let mut compiled = onnx::compile(&model.encode_to_vec())?;
        compiled.notes.push(format!(
            "Quantised with {} calibration rows.",
            rows.len() / columns
        ));
        Ok(compiled)
    }

    /// The inputs, whose elements are the columns of a row, one input after the other.
    pub fn inputs(&self) -> Vec<ModelInput> {
        self.row_inputs().to_vec()
    }

    /// Columns of a row.
    pub fn columns(&self) -> usize {
        let elements = |input: &ModelInput| input.shape.iter().product::<usize>();
        self.row_inputs().iter().map(elements).sum()
    }
}

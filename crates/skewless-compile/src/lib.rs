//! Turns LightGBM, XGBoost, ONNX and TensorFlow Lite models into plans, so that the core answers like the library that
//! trained them.
//!
//! [`compile`] reads a model file's bytes and gives the [`Model`] and the [`Output`] a bundle is made of. Raw scores
//! equal the library's to the last bit for LightGBM and XGBoost, and for ONNX tree ensembles as ONNX Runtime sums them
//! on one thread; the committed references of `tests/references` hold that. What is not understood is refused with a
//! code `unsupported.*` that names it; bytes that contradict themselves with `model.invalid_*`.
//!
//! Int8 networks answer as their file says: one from ONNX like a float run of its quantised graph, one from TensorFlow
//! Lite like the reference kernels, step for step. [`quantize`] makes an int8 network of a float one.

mod graft;
mod lightgbm;
mod network;
mod onnx;
mod quantize;
mod source;
mod tflite;
mod xgboost;

use skewless_core::error::Result;
use skewless_core::output::{Link, Output, Task};
use skewless_core::plan::Model;
use skewless_core::spec::FittedSpec;

pub use quantize::{Calibration, DenseLayer, FloatNetwork, quantize};
pub use source::Source;

/// A model file, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Trees or weights, ready for [`Model::encode`].
    pub model: Model,
    /// Task, link and labels as the source states them; the name is `prediction`, which the source doesn't know.
    pub output: Output,
    /// The source's names of the feature columns, in their order; absent where it has none of its own.
    pub feature_names: Option<Vec<String>>,
    /// The specification that a pipeline's own preprocessing became; the model's columns are this one's. Absent where
    /// the source takes feature rows.
    pub head: Option<FittedSpec>,
    /// The inputs of a network or a plain ONNX graph, whose elements are the feature columns, one input after the other;
    /// empty where the source knows columns alone, or brings a head.
    pub inputs: Vec<ModelInput>,
    /// The format that was read.
    pub source: Source,
    /// What a person should know about the translation, a sentence each.
    pub notes: Vec<String>,
}

/// An input of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInput {
    /// Its name in the file.
    pub name: String,
    /// Dimensions of one row, without the batch, in the file's order; the columns are its elements, row-major.
    pub shape: Vec<usize>,
}

/// Reads a model file.
///
/// # Errors
/// `model.invalid_lightgbm`, `model.invalid_xgboost`, `model.invalid_onnx`, `model.invalid_tflite` for bytes that are not
/// such a file or contradict themselves; `unsupported.*` for a model that is well-formed but cannot be answered exactly, naming the
/// part: `unsupported.objective`, `unsupported.booster`, `unsupported.linear_tree`, `unsupported.multi_output`,
/// `unsupported.onnx_op`, `unsupported.onnx_attribute`, `unsupported.onnx_input`, `unsupported.onnx_output`,
/// `unsupported.onnx_element_type`, `unsupported.onnx_external_data`, `unsupported.tflite_operator`,
/// `unsupported.tflite_float`, `unsupported.tflite_shape`, `unsupported.tflite_element_type`,
/// `unsupported.tflite_graphs`, `unsupported.aggregate`, `unsupported.post_transform`, `unsupported.model_version`,
/// `unsupported.model_size`, `unsupported.class_scores`, `unsupported.base_values`.
pub fn compile(bytes: &[u8], source: Source) -> Result<Compiled> {
    match source {
        Source::LightGbm => lightgbm::compile(bytes),
        Source::XgBoost => xgboost::compile(bytes),
        Source::Onnx => onnx::compile(bytes),
        Source::TfLite => tflite::compile(bytes),
    }
}

/// Most outputs a plan has room for.
const MAX_OUTPUTS: usize = u16::MAX as usize;

/// An output without threshold and unit.
fn output(task: Task, link: Link, labels: Vec<String>) -> Output {
    Output {
        name: "prediction".to_owned(),
        task,
        link,
        labels,
        ..Output::default()
    }
}

/// Several numbers without labels.
fn vector(length: usize) -> Output {
    Output {
        length: Some(length),
        ..output(Task::Vector, Link::Identity, vec![])
    }
}

/// The labels `0`, `1`, … of a library that knows classes by their numbers.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

//! The ONNX file: read without touching any other file, with the wiring in its own metadata.

use std::collections::HashSet;

use skewless_core::{Error, Result};
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::Framework;

use crate::lowered::is_lowered;
use crate::wiring::invalid;

/// The key of the wiring among the file's metadata.
pub(crate) const KEY: &str = "skewless.wiring";

/// Operators whose answer is not a function of their inputs.
const RANDOM: [&str; 6] = [
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
];

/// An ONNX file that refers to no other file and draws no random numbers.
pub(crate) struct Document {
    /// Everything but the graph.
    pub(crate) model: ModelProto,
    pub(crate) graph: GraphProto,
}

impl Document {
    /// # Errors
    /// `bundle.invalid_onnx` for bytes that are no ONNX model, `unsupported.onnx_external` for one whose weights lie
    /// elsewhere, `unsupported.onnx_op` for operators that tract
    /// does not have and for random ones.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut model = tract_onnx::onnx()
            .proto_model_for_read(&mut &*bytes)
            .map_err(|error| {
                invalid("the file is not an ONNX model").with_source(Told::of(&error))
            })?;
        let graph = model
            .graph
            .take()
            .ok_or_else(|| invalid("the ONNX model has no graph"))?;
        check_graph(&graph)?;
        Ok(Self { model, graph })
    }

    /// The JSON of the wiring.
    ///
    /// # Errors
    /// `bundle.invalid_onnx` where there is none or more than one.
    pub(crate) fn wiring(&self) -> Result<&str> {
        let mut entries = self
            .model
            .metadata_props
            .iter()
            .filter(|entry| entry.key == KEY);
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(&entry.value),
            (None, _) => Err(invalid(format!("model.onnx has no metadata `{KEY}`"))),
            (Some(_), Some(_)) => Err(invalid(format!(
                "model.onnx has the metadata `{KEY}` twice"
            ))),
        }
    }

    /// The graph's inputs in its order; those with an initial value are constants.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &ValueInfoProto> {
        let constants: HashSet<&str> = self
            .graph
            .initializer
            .iter()
            .map(|constant| constant.name.as_str())
            .collect();
        self.graph
            .input
            .iter()
            .filter(move |input| !constants.contains(input.name.as_str()))
    }
}

/// The bytes of an ONNX file with the wiring added to its metadata: the file itself, then one more field, as Protocol
/// Buffers allow.
pub(crate) fn with_wiring(onnx: &[u8], wiring: &str) -> Vec<u8> {
    let mut entry = Vec::new();
    field(&mut entry, 1, KEY.as_bytes());
    field(&mut entry, 2, wiring.as_bytes());
    let mut bytes = onnx.to_vec();
    field(&mut bytes, 14, &entry);
    bytes
}

/// A length-delimited field of a message.
fn field(bytes: &mut Vec<u8>, number: u8, content: &[u8]) {
    bytes.push(number << 3 | 2);
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push((length & 0x7f) as u8);
    bytes.extend_from_slice(content);
}

fn check_graph(graph: &GraphProto) -> Result<()> {
    graph.initializer.iter().try_for_each(check_tensor)?;
    let known = &tract_onnx::onnx().op_register.0;
    for node in &graph.node {
        if !known.contains_key(&node.op_type) && !is_lowered(node) {
            return Err(Error::unsupported(
                "unsupported.onnx_op",
                format!(
                    "node `{}` ({}): no engine has this operator",
                    node.name, node.op_type
                ),
            )
            .with_value(&node.op_type));
        }
        if RANDOM.contains(&node.op_type.as_str()) {
            return Err(Error::unsupported(
                "unsupported.onnx_op",
                format!(
                    "node `{}` ({}) draws random numbers",
                    node.name, node.op_type
                ),
            )
            .with_value(&node.op_type));
        }
        for attribute in &node.attribute {
            attribute.t.iter().try_for_each(check_tensor)?;
            attribute.tensors.iter().try_for_each(check_tensor)?;
            attribute.g.iter().try_for_each(check_graph)?;
            attribute.graphs.iter().try_for_each(check_graph)?;
        }
    }
    Ok(())
}

fn check_tensor(tensor: &TensorProto) -> Result<()> {
    if tensor.external_data.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported(
        "unsupported.onnx_external",
        format!(
            "the weights `{}` lie in another file; save the model with its weights inside",
            tensor.name
        ),
    )
    .with_value(&tensor.name))
}

/// What a library said, as one text: its own error types stay inside this crate.
#[derive(Debug)]
pub(crate) struct Told(String);

impl Told {
    pub(crate) fn of(error: &tract_onnx::prelude::TractError) -> Self {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self(causes.join(": "))
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

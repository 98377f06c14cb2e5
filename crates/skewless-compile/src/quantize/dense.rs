//! A float network of dense layers that no file holds: written as the graph that a file would hold.

use skewless_core::error::{Error, Result};

use super::FloatNetwork;
use super::rewrite::reals;
use crate::onnx::message::{
    Dimension, FLOAT, GraphProto, ModelProto, NodeProto, OperatorSetProto, TensorShape, TensorType,
    TypeProto, ValueInfoProto,
};

/// Version of the operators that are written.
const OPSET: i64 = 13;

/// A dense layer: each output is its bias and the sum of the inputs by their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    /// Inputs × outputs, row-major.
    pub weights: Vec<f32>,
    /// A bias for each output.
    pub bias: Vec<f32>,
}

impl FloatNetwork {
    /// A network of dense layers with a relu between each and the next; what the last gives are the scores.
    ///
    /// # Errors
    /// `misuse.layers` where there is no layer, or weights do not fit a layer's inputs and outputs.
    pub fn dense(layers: &[DenseLayer]) -> Result<Self> {
        let misuse = || Error::misuse("misuse.layers", "layers that do not fit each other");
        let first = layers.first().ok_or_else(misuse)?;
        let columns = first
            .weights
            .len()
            .checked_div(first.bias.len())
            .ok_or_else(misuse)?;
        let mut graph = GraphProto {
            input: vec![floats("features", columns)],
            ..GraphProto::default()
        };
        let (mut value, mut inputs) = ("features".to_owned(), columns);
        for (place, layer) in layers.iter().enumerate() {
            let outputs = layer.bias.len();
            if inputs == 0 || outputs == 0 || layer.weights.len() != inputs * outputs {
                return Err(misuse());
            }
            let name = |what: &str| format!("layer{place}/{what}");
            let weights = reals(&name("weights"), &[inputs, outputs], &layer.weights);
            let bias = reals(&name("bias"), &[outputs], &layer.bias);
            let operands = vec![value, weights.name.clone(), bias.name.clone()];
            graph.initializer.extend([weights, bias]);
            (value, inputs) = (name("sums"), outputs);
            graph.node.push(node("Gemm", operands, &value));
            if place + 1 < layers.len() {
                let sums = std::mem::replace(&mut value, name("relu"));
                graph.node.push(node("Relu", vec![sums], &value));
            }
        }
        graph.output.push(floats(&value, inputs));
        Self::of(ModelProto {
            graph: Some(graph),
            opset_import: vec![OperatorSetProto {
                domain: String::new(),
                version: OPSET,
            }],
        })
    }
}

fn node(op: &str, inputs: Vec<String>, output: &str) -> NodeProto {
    NodeProto {
        op_type: op.to_owned(),
        name: output.to_owned(),
        input: inputs,
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// Rows of floats: an open batch, and that many columns.
fn floats(name: &str, columns: usize) -> ValueInfoProto {
    let columns = i64::try_from(columns).unwrap_or(i64::MAX);
    let dim = [0, columns].map(|dim_value| Dimension { dim_value });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorType {
                elem_type: FLOAT,
                shape: Some(TensorShape { dim: dim.to_vec() }),
            }),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Calibration;

    fn layers() -> Vec<DenseLayer> {
        vec![
            DenseLayer {
                weights: vec![1.0, -1.0, 0.5, 0.25],
                bias: vec![0.0, 1.0],
            },
            DenseLayer {
                weights: vec![2.0, -3.0],
                bias: vec![0.5],
            },
        ]
    }

    #[test]
    fn layers_are_summed_with_a_relu_between() {
        let network = FloatNetwork::dense(&layers()).unwrap();
        assert_eq!(network.columns(), 2);
        // 2 + 1 = 3 and 1 − 2 + 0.5 < 0; then −2 + 1 < 0 and 1 + 2 + 0.5.
        let found = network.run(&[2.0, 2.0, -2.0, 2.0]).unwrap();
        assert_eq!(found, [0.5 + 6.0, 0.5 - 3.0 * 3.5]);
    }

    #[test]
    fn they_are_quantised_as_a_file_is() {
        let network = FloatNetwork::dense(&layers()).unwrap();
        let rows = [2.0, 2.0, -2.0, 2.0, 0.5, 0.25];
        let compiled = network.quantize(&rows, Calibration::MinMax).unwrap();
        assert_eq!((compiled.model.inputs(), compiled.model.outputs()), (2, 1));
        assert_eq!(compiled.notes, ["Quantised with 3 calibration rows."]);
    }

    #[test]
    fn layers_that_do_not_fit_are_refused() {
        let mut torn = layers();
        torn[1].weights.push(1.0);
        for layers in [&[][..], &torn] {
            let error = FloatNetwork::dense(layers).unwrap_err();
            assert_eq!(error.code(), "misuse.layers");
        }
    }
}

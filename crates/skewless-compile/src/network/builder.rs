//! Builds a network layer by layer.

use skewless_core::plan::network::{Layer, NetworkInput, NetworkModel, Op, Tensor};

/// A network in the making. Tensors are known by their number.
pub(crate) struct Builder {
    model: NetworkModel,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            model: NetworkModel {
                inputs: Vec::new(),
                tensors: Vec::new(),
                layers: Vec::new(),
                outputs: Vec::new(),
            },
        }
    }

    /// A tensor that an input fills.
    pub(crate) fn input_tensor(&mut self, tensor: Tensor) -> usize {
        self.model.tensors.push(tensor);
        self.model.tensors.len() - 1
    }

    pub(crate) fn tensor(&self, tensor: usize) -> &Tensor {
        &self.model.tensors[tensor]
    }

    /// Adds a layer and gives the tensor that it writes. A move or a table that stands already is used again.
    pub(crate) fn layer(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<usize>,
        output: Tensor,
    ) -> usize {
        if matches!(op, Op::Lookup { .. } | Op::Reshape | Op::Transpose { .. }) {
            let same = |layer: &&Layer| {
                layer.op == op
                    && layer.inputs == inputs
                    && self.model.tensors[layer.output] == output
            };
            if let Some(layer) = self.model.layers.iter().find(same) {
                return layer.output;
            }
        }
        let output = self.input_tensor(output);
        self.model.layers.push(Layer {
            name: name.to_owned(),
            op,
            inputs,
            output,
        });
        output
    }

    /// Whether a softmax gives the tensor, moves aside.
    pub(crate) fn softmax_gives(&self, tensor: usize) -> bool {
        let layer = self
            .model
            .layers
            .iter()
            .find(|layer| layer.output == tensor);
        match layer.map(|layer| (&layer.op, &layer.inputs[..])) {
            Some((Op::Softmax(_), _)) => true,
            Some((Op::Reshape | Op::Transpose { .. }, &[input])) => self.softmax_gives(input),
            _ => false,
        }
    }

    /// The same elements in another shape.
    pub(crate) fn reshape(&mut self, tensor: usize, shape: Vec<usize>) -> usize {
        let from = self.tensor(tensor);
        if from.shape == shape {
            return tensor;
        }
        let to = Tensor {
            shape,
            ..from.clone()
        };
        self.layer("", Op::Reshape, vec![tensor], to)
    }

    /// Dimension d becomes what dimension `permutation[d]` was.
    pub(crate) fn transpose(&mut self, tensor: usize, permutation: Vec<usize>) -> usize {
        let from = self.tensor(tensor);
        let to = Tensor {
            shape: permutation.iter().map(|&axis| from.shape[axis]).collect(),
            ..from.clone()
        };
        self.layer("", Op::Transpose { permutation }, vec![tensor], to)
    }

    /// Each element by a table, in another quantisation; the tensor itself where nothing changes.
    pub(crate) fn lookup(
        &mut self,
        name: &str,
        tensor: usize,
        table: Vec<i8>,
        (scale, zero_point): (f32, i8),
    ) -> usize {
        let from = self.tensor(tensor);
        if from.scale == scale && from.zero_point == zero_point && is_identity(&table) {
            return tensor;
        }
        let to = Tensor {
            shape: from.shape.clone(),
            scale,
            zero_point,
        };
        self.layer(name, Op::Lookup { table }, vec![tensor], to)
    }

    /// The network, without the layers that no output needs.
    pub(crate) fn finish(mut self, inputs: Vec<NetworkInput>, outputs: Vec<usize>) -> NetworkModel {
        let mut needed = vec![false; self.model.tensors.len()];
        for &output in &outputs {
            needed[output] = true;
        }
        for layer in self.model.layers.iter().rev() {
            if needed[layer.output] {
                for &input in &layer.inputs {
                    needed[input] = true;
                }
            }
        }
        self.model.layers.retain(|layer| needed[layer.output]);
        self.model.inputs = inputs;
        self.model.outputs = outputs;
        without_unused_tensors(self.model)
    }
}

/// The table that changes nothing.
pub(crate) fn identity() -> Vec<i8> {
    (i8::MIN..=i8::MAX).collect()
}

fn is_identity(table: &[i8]) -> bool {
    table.iter().copied().eq(i8::MIN..=i8::MAX)
}

fn without_unused_tensors(mut model: NetworkModel) -> NetworkModel {
    let mut number = vec![None; model.tensors.len()];
    let mut kept = Vec::new();
    let mut keep = |tensor: &mut usize| {
        let old = *tensor;
        *tensor = *number[old].get_or_insert_with(|| {
            kept.push(old);
            kept.len() - 1
        });
    };
    for input in &mut model.inputs {
        match input {
            NetworkInput::Quantize { tensor } | NetworkInput::Embedding { tensor, .. } => {
                keep(tensor);
            }
        }
    }
    for layer in &mut model.layers {
        layer.inputs.iter_mut().for_each(&mut keep);
        keep(&mut layer.output);
    }
    model.outputs.iter_mut().for_each(&mut keep);
    model.tensors = kept
        .into_iter()
        .map(|tensor| model.tensors[tensor].clone())
        .collect();
    model
}

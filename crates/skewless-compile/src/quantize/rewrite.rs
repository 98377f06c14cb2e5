//! Writes quantisers into a float graph.

use std::collections::BTreeMap;

use skewless_core::error::Result;

use super::range::Range;
use crate::onnx::constant::Constant;
use crate::onnx::message::{AttributeProto, FLOAT, GraphProto, INT8, NodeProto, TensorProto};

/// The values that are quantised: activations that no layer takes with it. `scores` is the number of the outputs.
pub(super) fn places(graph: &GraphProto, scores: usize) -> Vec<String> {
    let known = Known::of(graph, scores);
    let mut places: Vec<String> = graph
        .input
        .iter()
        .map(|input| &input.name)
        .filter(|name| !known.constants.contains_key(name.as_str()))
        .filter(|name| !known.is_index(name))
        .cloned()
        .collect();
    for node in &graph.node {
        if let Some(output) = node.output.first()
            && !known.is_constant(output)
            && known.is_quantized(node, output)
        {
            places.push(output.clone());
        }
    }
    places
}

/// What is asked of a graph's names.
struct Known<'a> {
    graph: &'a GraphProto,
    /// Initializers, and what follows from them without any input.
    constants: BTreeMap<&'a str, Option<&'a TensorProto>>,
    scores: usize,
}

impl<'a> Known<'a> {
    fn of(graph: &'a GraphProto, scores: usize) -> Self {
        let initializers = graph.initializer.iter();
        let mut constants: BTreeMap<&str, Option<&TensorProto>> = initializers
            .map(|tensor| (tensor.name.as_str(), Some(tensor)))
            .collect();
        for node in &graph.node {
            let constant = node
                .input
                .iter()
                .all(|input| input.is_empty() || constants.contains_key(input.as_str()));
            if constant {
                constants.extend(node.output.iter().map(|output| (output.as_str(), None)));
            }
        }
        Self {
            graph,
            constants,
            scores,
        }
    }

    fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    fn readers<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a NodeProto> + 's {
        let reads = move |node: &&NodeProto| node.input.iter().any(|input| input == name);
        self.graph.node.iter().filter(reads)
    }

    fn is_output(&self, name: &str) -> bool {
        self.graph.output.iter().any(|output| output.name == name)
    }

    /// An input whose numbers name rows of a table.
    fn is_index(&self, name: &str) -> bool {
        self.readers(name).any(|node| {
            node.op_type == "Gather" && node.input.get(1).is_some_and(|input| input == name)
        }) || self.readers(name).any(|node| {
            matches!(
                node.op_type.as_str(),
                "Cast" | "Reshape" | "Squeeze" | "Flatten" | "Identity"
            ) && node
                .output
                .first()
                .is_some_and(|output| self.is_index(output))
        })
    }

    fn maker(&self, name: &str) -> Option<&'a NodeProto> {
        let gives = |node: &&NodeProto| node.output.first().is_some_and(|output| output == name);
        self.graph.node.iter().find(gives)
    }

    /// Whether a layer's sums still stand open at this value: a convolution, a product or a sum of activations, and what
    /// is folded into it.
    fn is_open(&self, node: &NodeProto) -> bool {
        let constants = node
            .input
            .iter()
            .filter(|input| self.is_constant(input))
            .count();
        match node.op_type.as_str() {
            "Conv" | "Gemm" | "MatMul" | "AveragePool" | "GlobalAveragePool" | "ReduceMean" => true,
            "Add" if constants == 0 => true,
            "Add" | "Sub" | "Mul" | "Div" | "BatchNormalization" => self.follows_linear(node),
            _ => false,
        }
    }

    /// Whether the node's first activation comes straight from a convolution or a product.
    fn follows_linear(&self, node: &NodeProto) -> bool {
        let activation = node.input.iter().find(|input| !self.is_constant(input));
        activation.is_some_and(|value| {
            let linear = self.maker(value).is_some_and(|maker| self.is_linear(maker));
            linear && self.absorbs(linear, value, node)
        })
    }

    /// A convolution or a product, with what is folded into it.
    fn is_linear(&self, node: &NodeProto) -> bool {
        matches!(node.op_type.as_str(), "Conv" | "Gemm" | "MatMul")
            || (self.is_affine(node) && self.follows_linear(node))
    }

    fn is_affine(&self, node: &NodeProto) -> bool {
        let constants = node
            .input
            .iter()
            .filter(|input| self.is_constant(input))
            .count();
        match node.op_type.as_str() {
            "BatchNormalization" => true,
            "Add" | "Sub" | "Mul" | "Div" => constants == 1,
            _ => false,
        }
    }

    /// Whether `reader` is the only one of a value and is computed by the layer that gives it.
    fn absorbs(&self, linear: bool, value: &str, reader: &NodeProto) -> bool {
        if self.readers(value).count() != 1 || self.is_output(value) {
            return false;
        }
        match reader.op_type.as_str() {
            "Relu" | "Clip" => true,
            _ => linear && self.is_affine(reader),
        }
    }

    fn is_quantized(&self, node: &NodeProto, output: &str) -> bool {
        match node.op_type.as_str() {
            // The same elements as the input's, which are quantised already.
            "MaxPool" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose"
            | "Identity" | "Dropout" | "Pad" | "Constant" | "Shape" => false,
            "Cast" => !self.is_index(output),
            // What a link computes.
            "Softmax" if self.scores > 1 && self.ends(output) => false,
            "Sigmoid" if self.scores == 1 && self.ends(output) => false,
            // One table with the product behind it.
            "Sigmoid" | "HardSigmoid" | "Tanh" if self.gates(node, output) => false,
            _ if self.is_open(node) => {
                let mut readers = self.readers(output);
                let linear = self.is_linear(node);
                !readers
                    .next()
                    .is_some_and(|reader| self.absorbs(linear, output, reader))
            }
            _ => true,
        }
    }

    /// Whether nothing but a name stands between the value and the graph's output.
    fn ends(&self, value: &str) -> bool {
        let single = self.readers(value).all(|node| {
            node.op_type == "Identity"
                && node.output.first().is_some_and(|output| self.ends(output))
        });
        single && (self.is_output(value) || self.readers(value).count() == 1)
    }

    /// Whether the value is only multiplied with what it is a function of.
    fn gates(&self, node: &NodeProto, output: &str) -> bool {
        let mut readers = self.readers(output);
        match (readers.next(), readers.next()) {
            (Some(reader), None) => {
                reader.op_type == "Mul"
                    && node
                        .input
                        .first()
                        .is_some_and(|input| reader.input.contains(input))
            }
            _ => false,
        }
    }
}

/// The graph with a pair of quantisers at every range's value, and with quantised weights.
pub(super) fn with_quantizers(
    graph: &GraphProto,
    ranges: &BTreeMap<String, Range>,
) -> Result<GraphProto> {
    let known = Known::of(graph, 0);
    let mut written = GraphProto {
        node: Vec::new(),
        ..graph.clone()
    };
    for input in &graph.input {
        if let Some(range) = ranges.get(&input.name) {
            quantize(&mut written, &input.name, range, None);
        }
    }
    for node in &graph.node {
        let mut node = node.clone();
        for input in &mut node.input {
            if ranges.contains_key(input.as_str()) {
                *input = dequantized(input);
            }
        }
        quantize_weights(&mut written, &mut node, &known)?;
        let function = (node.op_type.clone(), node.output.first().cloned());
        written.node.push(node);
        if let (op, Some(output)) = function
            && let Some(range) = ranges.get(&output)
        {
            quantize(&mut written, &output, range, fixed_range(&op));
        }
    }
    for output in &mut written.output {
        if ranges.contains_key(&output.name) {
            output.name = dequantized(&output.name);
        }
    }
    Ok(written)
}

fn dequantized(name: &str) -> String {
    format!("{name}/dequantized")
}

/// The steps of functions whose values have known bounds.
fn fixed_range(op: &str) -> Option<(f32, i32)> {
    match op {
        "Sigmoid" | "Softmax" | "HardSigmoid" => Some((1.0 / 256.0, -128)),
        "Tanh" => Some((1.0 / 128.0, 0)),
        _ => None,
    }
}

/// Scale and zero point of a range, so that 0 is a step.
#[expect(clippy::cast_possible_truncation, reason = "between −128 and 127")]
fn steps(range: &Range) -> (f32, i32) {
    let width = f64::from(range.high) - f64::from(range.low);
    if width <= f64::from(f32::MIN_POSITIVE) * 512.0 {
        return (1.0, 0);
    }
    let scale = width / 255.0;
    let zero = (-128.0 - f64::from(range.low) / scale).round_ties_even();
    (scale as f32, zero.clamp(-128.0, 127.0) as i32)
}

fn quantize(graph: &mut GraphProto, value: &str, range: &Range, fixed: Option<(f32, i32)>) {
    let (scale, zero) = fixed.unwrap_or_else(|| steps(range));
    let (scale_name, zero_name) = (format!("{value}/scale"), format!("{value}/zero"));
    graph.initializer.push(reals(&scale_name, &[], &[scale]));
    graph.initializer.push(TensorProto {
        name: zero_name.clone(),
        data_type: INT8,
        int32_data: vec![zero],
        ..TensorProto::default()
    });
    let integers = format!("{value}/quantized");
    for (op, from, to) in [
        ("QuantizeLinear", value, &integers),
        ("DequantizeLinear", &integers, &dequantized(value)),
    ] {
        graph.node.push(NodeProto {
            op_type: op.to_owned(),
            name: format!("{value}/{op}"),
            input: vec![from.to_owned(), scale_name.clone(), zero_name.clone()],
            output: vec![to.clone()],
            ..NodeProto::default()
        });
    }
}

/// Replaces a layer's weights by int8 ones with a scale for every output.
fn quantize_weights(graph: &mut GraphProto, node: &mut NodeProto, known: &Known<'_>) -> Result<()> {
    let transposed = node
        .attribute
        .iter()
        .any(|attribute| attribute.name == "transB" && attribute.i != 0);
    let axis = match node.op_type.as_str() {
        "Conv" => 0,
        "Gemm" if transposed => 0,
        "Gemm" | "MatMul" => 1,
        _ => return Ok(()),
    };
    let Some(name) = node.input.get(1).cloned() else {
        return Ok(());
    };
    let Some(Some(tensor)) = known.constants.get(name.as_str()) else {
        // The importer says what is wrong with a factor that is no constant.
        return Ok(());
    };
    let weights = Constant::read(tensor)?;
    let (Some(values), Some(&outputs)) = (weights.as_reals(), weights.shape.get(axis)) else {
        return Ok(());
    };
    let inner: usize = weights.shape.iter().skip(axis + 1).product();
    let channel = |at: usize| at / inner.max(1) % outputs.max(1);
    let mut greatest = vec![0.0_f32; outputs];
    for (at, value) in values.iter().enumerate() {
        greatest[channel(at)] = greatest[channel(at)].max(value.abs());
    }
    let scales: Vec<f32> = greatest
        .iter()
        .map(|&greatest| match greatest / 127.0 {
            scale if scale.is_normal() => scale,
            _ => 1.0,
        })
        .collect();
    let steps = values.iter().enumerate().map(|(at, value)| {
        let step = (value / scales[channel(at)])
            .round_ties_even()
            .clamp(-127.0, 127.0);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to int8")]
        let step = step as i8;
        step.cast_unsigned()
    });
    // Several layers may share weights; each has its own copy, because they may differ in which dimension is the output.
    let own = format!("{name}/{}", graph.node.len());
    graph.initializer.push(TensorProto {
        name: format!("{own}/steps"),
        dims: tensor.dims.clone(),
        data_type: INT8,
        raw_data: steps.collect(),
        ..TensorProto::default()
    });
    graph
        .initializer
        .push(reals(&format!("{own}/scales"), &[outputs], &scales));
    let restored = format!("{own}/dequantized");
    graph.node.push(NodeProto {
        op_type: "DequantizeLinear".to_owned(),
        name: format!("{own}/DequantizeLinear"),
        input: vec![format!("{own}/steps"), format!("{own}/scales")],
        output: vec![restored.clone()],
        attribute: vec![AttributeProto {
            name: "axis".to_owned(),
            i: i64::try_from(axis).unwrap_or(0),
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    });
    if let Some(input) = node.input.get_mut(1) {
        *input = restored;
    }
    Ok(())
}

pub(super) fn reals(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: shape
            .iter()
            .filter_map(|&size| i64::try_from(size).ok())
            .collect(),
        data_type: FLOAT,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

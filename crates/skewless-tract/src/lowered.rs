//! ONNX Runtime's own quantised operators, which tract does not have, as what they mean: real numbers, the operator on
//! them, and the result in steps again.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

/// Their domain; ONNX's own quantised operators tract has.
const DOMAIN: &str = "com.microsoft";
const OPERATORS: [&str; 10] = [
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearGlobalAveragePool",
    "QLinearLeakyRelu",
    "QLinearMul",
    "QLinearReduceMean",
    "QLinearSigmoid",
    "QLinearSoftmax",
];

/// Whether [`lower`] replaces the node.
pub(crate) fn is_lowered(node: &NodeProto) -> bool {
    let known = node.domain == DOMAIN && OPERATORS.contains(&node.op_type.as_str());
    // A factor before the product also changes what a step of the bias is; no quantiser writes one.
    let is_scaled = node
        .attribute
        .iter()
        .any(|it| it.name == "alpha" && it.f != 1.0);
    known && !is_set(node, "channels_last") && !(node.op_type == "QGemm" && is_scaled)
}

/// Replaces the operators by nodes of ONNX itself, in their places.
pub(crate) fn lower(graph: &mut GraphProto) {
    let nodes = std::mem::take(&mut graph.node).into_iter();
    let nodes = nodes.flat_map(|node| match is_lowered(&node) {
        true => Made::of(&node),
        false => vec![node],
    });
    graph.node = nodes.collect();
}

fn is_set(node: &NodeProto, attribute: &str) -> bool {
    let mut attributes = node.attribute.iter();
    attributes.any(|given| given.name == attribute && given.i != 0)
}

/// The nodes in place of one.
struct Made<'a> {
    node: &'a NodeProto,
    nodes: Vec<NodeProto>,
}

impl<'a> Made<'a> {
    fn of(node: &'a NodeProto) -> Vec<NodeProto> {
        let mut made = Self {
            node,
            nodes: vec![],
        };
        // Where the real numbers come from, and where the result's scale stands.
        let (reals, scale) = match node.op_type.as_str() {
            "QGemm" => (made.factors_and_bias(), 7),
            "QLinearAdd" | "QLinearMul" => (vec![made.real(0, 1), made.real(3, 1)], 6),
            "QLinearConcat" => {
                let tensors = (2..node.input.len()).step_by(3);
                (tensors.map(|at| made.real(at, 1)).collect(), 0)
            }
            _ => (vec![made.real(0, 1)], 3),
        };
        let op = node.op_type.trim_start_matches("QLinear");
        let op = op.trim_start_matches('Q');
        let result = made.add(op, reals, node.attribute.clone());
        let (scale, zero_point) = (made.input(scale), made.input(scale + 1));
        if !scale.is_empty() {
            made.add("QuantizeLinear", vec![result, scale, zero_point], vec![]);
        }
        // The last node gives what the one in whose place it is gave.
        if let Some(last) = made.nodes.last_mut() {
            last.output = node.output.clone();
        }
        made.nodes
    }

    /// The real numbers of the input at `at`, whose scale and zero point follow it, along `axis` where they are several.
    fn real(&mut self, at: usize, axis: i64) -> String {
        let inputs = (at..at + 3).map(|at| self.input(at)).collect();
        self.add("DequantizeLinear", inputs, vec![integer("axis", axis)])
    }

    /// Of a `QGemm`; a step of its bias is the product of the factors' steps.
    fn factors_and_bias(&mut self) -> Vec<String> {
        let columns = i64::from(!is_set(self.node, "transB"));
        let mut reals = vec![self.real(0, 1), self.real(3, columns)];
        if !self.input(6).is_empty() {
            let to = integer("to", DataType::Float as i64);
            let steps = self.add("Cast", vec![self.input(6)], vec![to]);
            let step = self.add("Mul", vec![self.input(1), self.input(4)], vec![]);
            reals.push(self.add("Mul", vec![steps, step], vec![]));
        }
        reals
    }

    /// The name of an input; empty where it is left out.
    fn input(&self, at: usize) -> String {
        self.node.input.get(at).cloned().unwrap_or_default()
    }

    /// Adds a node, and gives its output's name.
    fn add(&mut self, op: &str, mut input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        while input.last().is_some_and(String::is_empty) {
            input.pop();
        }
        let first = self.node.output.first().map_or("", String::as_str);
        let name = format!("{first}/{}", self.nodes.len());
        self.nodes.push(NodeProto {
            name: name.clone(),
            op_type: op.to_owned(),
            input,
            output: vec![name.clone()],
            attribute,
            ..NodeProto::default()
        });
        name
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int.into(),
        i: value,
        ..AttributeProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(domain: &str, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> NodeProto {
        NodeProto {
            domain: domain.to_owned(),
            op_type: op.to_owned(),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec!["y".to_owned()],
            attribute: attributes,
            ..NodeProto::default()
        }
    }

    /// Each node as `OP inputs > output`.
    fn lowered(node: NodeProto) -> Vec<String> {
        let mut graph = GraphProto {
            node: vec![node],
            ..GraphProto::default()
        };
        lower(&mut graph);
        let text = |node: &NodeProto| {
            let (inputs, outputs) = (node.input.join(" "), node.output.join(" "));
            format!("{} {inputs} > {outputs}", node.op_type)
        };
        graph.node.iter().map(text).collect()
    }

    #[test]
    fn a_product_is_one_of_real_numbers() {
        let inputs = ["a", "as", "az", "b", "bs", "", "ys", "yz"];
        assert_eq!(
            lowered(node(DOMAIN, "QLinearMul", &inputs, vec![])),
            [
                "DequantizeLinear a as az > y/0",
                "DequantizeLinear b bs > y/1",
                "Mul y/0 y/1 > y/2",
                "QuantizeLinear y/2 ys yz > y",
            ]
        );
    }

    #[test]
    fn a_gemm_without_a_scale_of_its_result_gives_real_numbers() {
        let inputs = ["a", "as", "az", "b", "bs", "bz", "c"];
        assert_eq!(
            lowered(node(DOMAIN, "QGemm", &inputs, vec![])),
            [
                "DequantizeLinear a as az > y/0",
                "DequantizeLinear b bs bz > y/1",
                "Cast c > y/2",
                "Mul as bs > y/3",
                "Mul y/2 y/3 > y/4",
                "Gemm y/0 y/1 y/4 > y",
            ]
        );
    }

    #[test]
    fn what_means_something_else_stays() {
        let inputs = ["x", "xs", "xz", "ys", "yz"];
        let last = vec![integer("channels_last", 1)];
        let pool = node(DOMAIN, "QLinearAveragePool", &inputs, last);
        assert_eq!(lowered(pool).len(), 1);
        assert_eq!(
            lowered(node("", "QLinearSigmoid", &inputs, vec![])).len(),
            1
        );
    }
}

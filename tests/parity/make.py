"""Makes the int8 network whose predictions `cargo xtask parity` compares on every target, and its rows.

    python3 -m venv /somewhere && /somewhere/bin/pip install -r tests/parity/requirements.txt
    /somewhere/bin/python tests/parity/make.py

Every kind of layer with a kernel of its own is in it: convolutions, dense and depthwise, of several strides and paddings,
a residual sum, pools, a fully connected layer, a softmax. Weights and rows are random with a fixed seed. The rows of
`network.rows.jsonl` have `row`, the feature row, and `values`, what ONNX Runtime answers without optimisations.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

HERE = Path(__file__).resolve().parent
SHAPE = (2, 13, 11)
CLASSES = 5
ROWS = 200


class Graph:
    """Nodes and weights as they are added; channels first, as ONNX has them."""

    def __init__(self, random):
        self.random, self.nodes, self.weights = random, [], []

    def weight(self, name, *shape):
        spread = 1.4 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = self.random.normal(0, spread, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def conv(self, x, name, given, taken, kernel, stride=1, groups=1, pads=(1, 1, 1, 1)):
        w = self.weight(f"{name}_w", given, taken // groups, kernel, kernel)
        b = self.weight(f"{name}_b", given)
        options = {"strides": [stride, stride], "group": groups, "pads": list(pads), "kernel_shape": [kernel, kernel]}
        return self.node("Relu", [self.node("Conv", [x, w, b], f"{name}_sum", **options)], name)


def graph(random):
    g = Graph(random)
    x = g.conv("x", "stem", 12, 2, 3, stride=2)
    y = g.conv(x, "deep", 12, 12, 3, groups=12)
    y = g.conv(y, "point", 12, 12, 1, pads=(0, 0, 0, 0))
    x = g.node("Add", [x, y], "sum")
    x = g.node("MaxPool", [x], "most", kernel_shape=[2, 2], strides=[1, 1])
    x = g.conv(x, "wide", 20, 12, 3, pads=(0, 1, 1, 0))
    x = g.node("AveragePool", [x], "mean", kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", [x], "flat", axis=1)
    x = g.node("Gemm", [x, g.weight("dense_w", CLASSES, flat_width(g)), g.weight("dense_b", CLASSES)], "dense", transB=1)
    g.node("Softmax", [x], "y", axis=1)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *SHAPE])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])
    made = helper.make_graph(g.nodes, "parity", [given], [out], g.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def flat_width(g):
    """Width of the last node's output, by shape inference over what there is."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *SHAPE])
    out = helper.make_tensor_value_info("flat", TensorProto.FLOAT, None)
    made = helper.make_model(helper.make_graph(g.nodes, "part", [given], [out], g.weights))
    known = onnx.shape_inference.infer_shapes(made).graph.output[0]
    return known.type.tensor_type.shape.dim[1].dim_value


class Calibration(CalibrationDataReader):
    def __init__(self, rows):
        self.rows = iter(rows)

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"x": row[None]}


def main():
    random = np.random.default_rng(20130101)
    rows = np.round(random.normal(0, 1, (ROWS, *SHAPE)), 2).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(graph(random), f"{folder}/float.onnx")
        quantize_static(
            f"{folder}/float.onnx",
            HERE / "network.onnx",
            Calibration(rows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(HERE / "network.onnx", options, providers=["CPUExecutionProvider"])
    values = session.run(["y"], {"x": rows})[0]
    with open(HERE / "network.rows.jsonl", "w", newline="\n") as file:
        for row, value in zip(rows, values):
            line = {"row": [round(cell, 2) for cell in row.ravel().tolist()], "values": value.tolist()}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

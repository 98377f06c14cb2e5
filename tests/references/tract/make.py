"""Makes small ONNX graphs that the plan does not hold and records what ONNX Runtime answers.

    python -m venv .venv && .venv/bin/pip install -r ../requirements.txt && .venv/bin/python make.py

For each case it writes NAME.onnx and NAME.rows.jsonl, one line per row: `row` (the inputs side by side, each flattened
row-major), `raw` (the outputs likewise). Every seed is fixed; the batch is left open where the operators allow it.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
ROWS = 12
OPSET = 17
RNG = np.random.default_rng(20261123)


def weights(name, *shape, scale=0.5):
    return numpy_helper.from_array((RNG.standard_normal(shape) * scale).astype(np.float32), name)


def integers(name, *values):
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def inputs(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def outputs(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def lstm():
    """A recurrent network that reads its own state and gives it back, as speech detectors do."""
    hidden, features = 6, 4
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["steps", "w", "r", "b", "", "h", "c"], ["y", "h_next", "c_next"], hidden_size=hidden
        ),
        helper.make_node("Squeeze", ["h_next", "first"], ["last"]),
        helper.make_node("Gemm", ["last", "head", "head_bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    constants = [
        weights("w", 1, 4 * hidden, features),
        weights("r", 1, 4 * hidden, hidden),
        weights("b", 1, 8 * hidden),
        weights("head", hidden, 1),
        weights("head_bias", 1),
        integers("first", 0),
    ]
    state = [1, "batch", hidden]
    return (
        nodes,
        [inputs("x", ["batch", 5, features]), inputs("h", state), inputs("c", state)],
        [outputs("probability", ["batch", 1]), outputs("h_next", state), outputs("c_next", state)],
        constants,
    )


def gru():
    """A bidirectional GRU over a sequence whose length the graph leaves open."""
    hidden, features = 5, 3
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "GRU", ["steps", "w", "r", "b"], ["y", "state"], hidden_size=hidden,
            direction="bidirectional", linear_before_reset=1,
        ),
        helper.make_node("ReduceMean", ["y"], ["mean"], axes=[0, 1], keepdims=0),
    ]
    constants = [
        weights("w", 2, 3 * hidden, features),
        weights("r", 2, 3 * hidden, hidden),
        weights("b", 2, 6 * hidden),
    ]
    return nodes, [inputs("x", ["batch", "length", features])], [outputs("mean", ["batch", hidden])], constants


def attention():
    """One head of self-attention with layer normalisation and the error function's GELU."""
    width, length = 8, 6
    nodes = [
        helper.make_node("MatMul", ["x", "wq"], ["q"]),
        helper.make_node("MatMul", ["x", "wk"], ["k"]),
        helper.make_node("MatMul", ["x", "wv"], ["v"]),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"]),
        helper.make_node("Div", ["scores", "root"], ["scaled"]),
        helper.make_node("Softmax", ["scaled"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "v"], ["mixed"]),
        helper.make_node("Add", ["mixed", "x"], ["residual"]),
        helper.make_node("LayerNormalization", ["residual", "gamma", "beta"], ["normal"], axis=-1),
        helper.make_node("Div", ["normal", "root_two"], ["inner"]),
        helper.make_node("Erf", ["inner"], ["erf"]),
        helper.make_node("Add", ["erf", "one"], ["gate"]),
        helper.make_node("Mul", ["normal", "gate"], ["gelu"]),
        helper.make_node("ReduceMean", ["gelu"], ["pooled"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head"], ["logits"]),
    ]
    scalar = lambda name, value: numpy_helper.from_array(np.array(value, dtype=np.float32), name)
    constants = [
        weights("wq", width, width), weights("wk", width, width), weights("wv", width, width),
        weights("gamma", width), weights("beta", width), weights("head", width, 3),
        scalar("root", np.sqrt(width)), scalar("root_two", np.sqrt(2)), scalar("one", 1),
    ]
    return nodes, [inputs("x", ["batch", length, width])], [outputs("logits", ["batch", 3])], constants


def resize():
    """A small decoder: convolution, linear resize to twice the size, transposed convolution, instance normalisation."""
    nodes = [
        helper.make_node("Conv", ["image", "k"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "Resize", ["a", "", "scales"], ["b"], mode="linear", coordinate_transformation_mode="half_pixel"
        ),
        helper.make_node("InstanceNormalization", ["b", "gamma", "beta"], ["c"]),
        helper.make_node("LeakyRelu", ["c"], ["d"], alpha=0.1),
        helper.make_node("ConvTranspose", ["d", "t"], ["e"], strides=[2, 2]),
        helper.make_node("AveragePool", ["e"], ["f"], kernel_shape=[4, 4], strides=[4, 4]),
    ]
    constants = [
        weights("k", 3, 2, 3, 3), weights("t", 3, 1, 2, 2), weights("gamma", 3), weights("beta", 3),
        numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales"),
    ]
    return nodes, [inputs("image", ["batch", 2, 4, 4])], [outputs("f", ["batch", 1, 4, 4])], constants


def two_inputs():
    """Tokens by index beside numbers, a switch that the caller fixes, and two outputs of different types."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["vectors"], axis=0),
        helper.make_node("ReduceSum", ["vectors", "axis"], ["bag"], keepdims=0),
        helper.make_node("Concat", ["bag", "numbers"], ["all"], axis=1),
        helper.make_node("Gemm", ["all", "w", "b"], ["scores"]),
        helper.make_node("Cast", ["scale"], ["factor"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scores", "factor"], ["scaled"]),
        helper.make_node("ArgMax", ["scaled"], ["best"], axis=1, keepdims=0),
    ]
    constants = [weights("table", 20, 4), weights("w", 7, 5), weights("b", 5), integers("axis", 1)]
    return (
        nodes,
        [
            inputs("tokens", ["batch", 6], TensorProto.INT64),
            inputs("scale", [], TensorProto.INT64),
            inputs("numbers", ["batch", 3]),
        ],
        [outputs("scaled", ["batch", 5]), outputs("best", ["batch"], TensorProto.INT64)],
        constants,
    )


CASES = {
    "lstm": (lstm, {}),
    "gru": (gru, {"length": 7}),
    "attention": (attention, {}),
    "resize": (resize, {}),
    "two_inputs": (two_inputs, {"fixed": {"scale": 3}}),
}


def values(kind, shape):
    if kind == TensorProto.INT64:
        return RNG.integers(0, 20, shape)
    return RNG.standard_normal(shape).astype(np.float32)


def write(name, make, settings):
    nodes, ins, outs, constants = make()
    graph = helper.make_graph(nodes, name, ins, outs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / f"{name}.onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options)
    fixed = settings.get("fixed", {})
    lines = []
    for _ in range(ROWS):
        row, feeds = [], {}
        for value in ins:
            tensor = value.type.tensor_type
            if value.name in fixed:
                feeds[value.name] = np.array(fixed[value.name], dtype=np.int64)
                continue
            size = lambda d: d.dim_value or (1 if d.dim_param == "batch" else settings[d.dim_param])
            feeds[value.name] = values(tensor.elem_type, [size(d) for d in tensor.shape.dim])
            row += [float(number) for number in feeds[value.name].flatten()]
        raw = [float(number) for output in session.run(None, feeds) for number in output.flatten()]
        lines.append(json.dumps({"row": row, "raw": raw}))
    (HERE / f"{name}.rows.jsonl").write_text("\n".join(lines) + "\n")


for name, (make, settings) in CASES.items():
    write(name, make, settings)

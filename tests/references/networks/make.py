"""Makes small int8 networks and records what ONNX Runtime (optimisations off) and TensorFlow Lite answer.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python make.py

For each case it writes the file, and NAME.json: `rows` (the inputs side by side), `due` (the outputs side by side) and
`step` (what one step of the output is worth, 0 where the output is a float that a link computes).
Weights are random numbers of fixed seeds; every library runs on one thread.
"""

import json
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

import lite

HERE = pathlib.Path(__file__).parent
ROWS = 12
CALIBRATION_ROWS = 64


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options)


def plain(value):
    """The shortest decimal of a single."""
    return int(value) if float(value) == int(value) else float(str(np.float32(value)))


def record(name, rows, due, step):
    document = {
        "step": step,
        "rows": [[plain(v) for v in row] for row in rows],
        "due": [[plain(v) for v in row] for row in due],
    }
    (HERE / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


def model(nodes, inputs, outputs, constants, opset=17, extra=()):
    """A graph; `inputs` are (name, type, shape of a row), `constants` a dictionary of arrays."""
    info = lambda name, kind, shape: helper.make_tensor_value_info(name, kind, ["N", *shape])
    graph = helper.make_graph(
        nodes,
        "network",
        [info(*i) for i in inputs],
        [info(*o) for o in outputs],
        [numpy_helper.from_array(np.array(v, order="C"), k) for k, v in constants.items()],
    )
    domains = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in extra)]
    made = helper.make_model(graph, opset_imports=domains)
    made.ir_version = 8
    return made


def step_of(made, output):
    """The scale of the quantiser that gives an output; 1 for integers, 0 for a float behind a link."""
    by_output = {o: node for node in made.graph.node for o in node.output}
    constants = {t.name: numpy_helper.to_array(t) for t in made.graph.initializer}
    node = by_output[output]
    while node.op_type in ("Reshape", "Flatten", "Identity", "Transpose", "MaxPool"):
        node = by_output[node.input[0]]
    if node.op_type == "DequantizeLinear":
        return float(constants[node.input[1]].reshape(-1)[0])
    is_integer = node.op_type == "QuantizeLinear" or node.op_type.startswith("QLinear") or node.op_type == "QGemm"
    return 1.0 if is_integer else 0.0


def write_onnx(name, made, feeds):
    """Runs `feeds` row by row, and writes the case."""
    run = session(made)
    shapes = {i.name: i for i in made.graph.input}
    answers = []
    for row in range(ROWS):
        one = {k: v[row : row + 1] for k, v in feeds.items() if k in shapes}
        answers.append(np.concatenate([np.ravel(o) for o in run.run(None, one)]))
    rows = [np.concatenate([np.ravel(v[row]) for v in feeds.values()]) for row in range(ROWS)]
    (HERE / f"{name}.onnx").write_bytes(made.SerializeToString())
    record(name, rows, answers, step_of(made, made.graph.output[0].name))


class Rows(CalibrationDataReader):
    def __init__(self, feeds):
        self.left = [{k: v[i : i + 1] for k, v in feeds.items()} for i in range(CALIBRATION_ROWS)]

    def get_next(self):
        return self.left.pop(0) if self.left else None


def quantized(made, feeds, **options):
    """ONNX Runtime's own static quantisation."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = pathlib.Path(folder, "a.onnx"), pathlib.Path(folder, "b.onnx")
        onnx.save(made, before)
        settings = dict(
            quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8
        )
        quantize_static(before, after, Rows(feeds), **{**settings, **options})
        return onnx.load(after)


class Net:
    """A float network in the making, its weights drawn from one seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], {}

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def weights(self, *shape):
        fan_in = max(1, int(np.prod(shape[1:])))
        values = self.rng.normal(0, 1.4 / np.sqrt(fan_in), shape)
        # Channels of very different size show what is quantised per channel.
        values *= np.exp(self.rng.normal(0, 0.5, (shape[0],) + (1,) * (len(shape) - 1)))
        return values.astype(np.float32)

    def node(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def conv(self, x, outputs, depth, kernel, **attributes):
        w = self.constant(self.weights(outputs, depth, *kernel))
        b = self.constant(self.rng.normal(0, 0.2, outputs).astype(np.float32))
        return self.node("Conv", x, w, b, kernel_shape=list(kernel), **attributes)

    def gemm(self, x, inputs, outputs):
        w = self.constant(self.weights(outputs, inputs))
        b = self.constant(self.rng.normal(0, 0.2, outputs).astype(np.float32))
        return self.node("Gemm", x, w, b, transB=1)

    def matmul(self, x, inputs, outputs):
        w = self.constant(self.weights(outputs, inputs).T)
        b = self.constant(self.rng.normal(0, 0.2, outputs).astype(np.float32))
        return self.node("Add", self.node("MatMul", x, w), b)

    def finish(self, output, shape, inputs):
        self.nodes.append(helper.make_node("Identity", [output], ["y"], name="end"))
        return model(self.nodes, inputs, [("y", TensorProto.FLOAT, shape)], self.constants)


def numbers(seed, *shape, low=-2.0, high=2.0):
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(low, high, (CALIBRATION_ROWS, *shape)), 2).astype(np.float32)


FLOAT = TensorProto.FLOAT


def dense(seed=1):
    net = Net(seed)
    x = net.node("Relu", net.gemm("x", 10, 16))
    x = net.gemm(x, 16, 5)
    return net.finish(x, [5], [("x", FLOAT, [10])]), {"x": numbers(seed, 10)}


def convolutions_1d(seed=2):
    net = Net(seed)
    x = net.node("Relu", net.conv("x", 8, 3, [5], strides=[2], pads=[2, 2]))
    x = net.conv(x, 6, 8, [3], dilations=[2], pads=[1, 3])
    x = net.node("GlobalAveragePool", net.node("Relu", x))
    x = net.gemm(net.node("Flatten", x), 6, 4)
    return net.finish(x, [4], [("x", FLOAT, [3, 20])]), {"x": numbers(seed, 3, 20)}


def convolutions_2d(seed=3):
    net = Net(seed)
    x = net.conv("x", 6, 2, [3, 3], strides=[2, 1], dilations=[1, 2], pads=[1, 2, 0, 1])
    x = net.node("Clip", x, net.constant(np.float32(0)), net.constant(np.float32(1.5)))
    x = net.node("Relu", net.conv(x, 4, 6, [2, 3], auto_pad="SAME_UPPER"))
    x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = net.node("Flatten", x)
    x = net.gemm(x, 4 * 2 * 4, 3)
    return net.finish(x, [3], [("x", FLOAT, [2, 7, 8])]), {"x": numbers(seed, 2, 7, 8)}


def depthwise_and_grouped(seed=4):
    net = Net(seed)
    x = net.node("Relu", net.conv("x", 8, 1, [3, 3], group=4, pads=[1, 1, 1, 1]))
    x = net.node("Relu", net.conv(x, 6, 4, [1, 1], group=2))
    x = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)
    x = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0])
    return net.finish(x, [6, 3, 3], [("x", FLOAT, [4, 5, 5])]), {"x": numbers(seed, 4, 5, 5)}


def residual(seed=5):
    net = Net(seed)
    first = net.node("Relu", net.conv("x", 5, 3, [3, 3], pads=[1, 1, 1, 1]))
    x = net.node("Relu", net.conv(first, 5, 5, [3, 3], pads=[1, 1, 1, 1]))
    x = net.conv(x, 5, 5, [3, 3], pads=[1, 1, 1, 1])
    x = net.node("Relu", net.node("Add", x, first))
    x = net.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    x = net.node("Softmax", net.matmul(x, 5, 4), axis=-1)
    return net.finish(x, [4], [("x", FLOAT, [3, 6, 6])]), {"x": numbers(seed, 3, 6, 6)}


def activations(seed=6):
    net = Net(seed)
    parts = []
    for kind, attributes in [
        ("LeakyRelu", {"alpha": 0.1}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        ("HardSwish", {}),
        ("Elu", {}),
    ]:
        x = net.node("Relu", net.gemm("x", 6, 4)) if kind == "Elu" else net.gemm("x", 6, 4)
        parts.append(net.node(kind, x, **attributes))
    x = net.node("Concat", *parts, axis=1)
    return net.finish(net.gemm(x, 24, 3), [3], [("x", FLOAT, [6])]), {"x": numbers(seed, 6)}


def branches(seed=7):
    net = Net(seed)
    a = net.node("Relu", net.conv("x", 3, 2, [3, 3], pads=[1, 1, 1, 1]))
    b = net.node("Relu", net.conv("x", 4, 2, [1, 1]))
    x = net.node("Concat", a, b, net.node("MaxPool", a, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1]), axis=1)
    x = net.node("Transpose", x, perm=[0, 2, 3, 1])
    x = net.node("Reshape", x, net.constant(np.array([0, 4, -1], np.int64)))
    x = net.node("Relu", net.matmul(x, 40, 6))
    return net.finish(x, [4, 6], [("x", FLOAT, [2, 4, 4])]), {"x": numbers(seed, 2, 4, 4)}


def computed_shape(seed=13):
    """`x.view(x.size(0), -1)` as PyTorch writes it for an open batch."""
    net = Net(seed)
    x = net.node("Relu", net.conv("x", 3, 2, [3, 3]))
    batch = net.node("Gather", net.node("Shape", x), net.constant(np.array(0)), axis=0)
    batch = net.node("Unsqueeze", batch, net.constant(np.array([0])))
    x = net.node("Reshape", x, net.node("Concat", batch, net.constant(np.array([-1])), axis=0))
    return net.finish(net.gemm(x, 27, 4), [4], [("x", FLOAT, [2, 5, 5])]), {"x": numbers(seed, 2, 5, 5)}


def embedding(seed=8):
    net = Net(seed)
    table = net.constant(net.weights(20, 6))
    words = net.node("Gather", table, "words")
    words = net.node("Reshape", words, net.constant(np.array([-1, 24], np.int64)))
    x = net.node("Concat", words, net.node("Relu", net.gemm("x", 3, 5)), axis=1)
    x = net.gemm(x, 29, 3)
    rng = np.random.default_rng(seed)
    feeds = {"words": rng.integers(0, 20, (CALIBRATION_ROWS, 4)), "x": numbers(seed, 3)}
    inputs = [("words", TensorProto.INT64, [4]), ("x", FLOAT, [3])]
    return net.finish(x, [3], inputs), feeds


def flights_network(seed=9):
    """The shape of the flights example's network, few weights of which are not zero so that the file packs small."""
    net = Net(seed)
    x = net.node("Relu", net.gemm("x", 137, 128))
    x = net.node("Relu", net.gemm(x, 128, 64))
    x = net.gemm(x, 64, 2)
    made = net.finish(x, [2], [("x", FLOAT, [137])])
    return made, {"x": np.round(numbers(seed, 137, low=0, high=1))}


def q(value, scale, zero=0, kind=np.int8):
    info = np.iinfo(kind)
    return np.clip(np.rint(value / scale) + zero, info.min, info.max).astype(kind)


def quantizer(net, x, scale, zero, direction="Quantize"):
    s, z = net.constant(np.float32(scale)), net.constant(zero)
    return net.node(f"{direction}Linear", x, s, z)


def pair(net, x, scale, zero):
    return quantizer(net, quantizer(net, x, scale, zero), scale, zero, "Dequantize")


def integers_in_and_out(seed=10):
    """Unsigned integers in, signed integers out, padding by a node, batch normalisation, weights as uint8."""
    net = Net(seed)
    x = quantizer(net, "x", 0.02, np.uint8(100), "Dequantize")
    x = net.node("Pad", x, net.constant(np.array([0, 0, 1, 2, 0, 0, 0, 1], np.int64)))
    w = net.weights(4, 3, 3, 3)
    w = net.constant(q(w, 0.01, 120, np.uint8))
    w = quantizer(net, w, 0.01, np.uint8(120), "Dequantize")
    x = net.node("Conv", x, w, strides=[2, 2])
    statistics = [net.constant(net.rng.uniform(0.5, 1.5, 4).astype(np.float32)) for _ in range(4)]
    x = net.node("Relu", net.node("BatchNormalization", x, *statistics))
    x = pair(net, x, 0.03, np.uint8(3))
    x = net.node("MaxPool", x, kernel_shape=[2, 2])
    x = net.node("Flatten", x)
    w = quantizer(net, net.constant(q(net.weights(8, 5), 0.02)), 0.02, np.int8(0), "Dequantize")
    x = net.node("MatMul", x, w)
    x = net.node("Mul", x, net.constant(np.float32([1.0, 2.0, 0.5, 1.0, 1.5])))
    x = net.node("Add", x, net.constant(np.float32([0.1, -0.2, 0.3, 0.0, 1.0])))
    net.nodes.append(helper.make_node("QuantizeLinear", [x, net.constant(np.float32(0.05)), net.constant(np.int8(-7))], ["y"]))
    made = model(net.nodes, [("x", TensorProto.UINT8, [3, 4, 4])], [("y", TensorProto.INT8, [5])], net.constants)
    rng = np.random.default_rng(seed)
    return made, {"x": rng.integers(0, 256, (CALIBRATION_ROWS, 3, 4, 4)).astype(np.uint8)}


def means(seed=14, opset=17):
    """Means on the grid of their input, many of them half-way between two steps: the last bit of the float sum, and so
    the order of adding, decides. The windows take every order that ONNX Runtime has."""
    net = Net(seed)
    x = pair(net, "x", 0.037, np.int8(-5))
    square = dict(kernel_shape=[2, 2])
    pools = [
        net.node("GlobalAveragePool", x),
        net.node("AveragePool", x, kernel_shape=[4, 6]),
        net.node("AveragePool", x, strides=[2, 2], **square),
        net.node("AveragePool", x, strides=[1, 2], pads=[1, 1, 0, 1], count_include_pad=1, **square),
        net.node("AveragePool", x, strides=[1, 3], pads=[1, 0, 0, 0], **square),
    ]
    flat = [net.node("Flatten", pair(net, pool, 0.037, np.int8(-5))) for pool in pools]
    x = pair(net, net.node("Concat", *flat, axis=1), 0.037, np.int8(-5))
    net.nodes.append(helper.make_node("Identity", [x], ["y"], name="end"))
    width = 8 * (1 + 1 + 6 + 16 + 8)
    made = model(net.nodes, [("x", FLOAT, [8, 4, 6])], [("y", FLOAT, [width])], net.constants, opset)
    return made, {"x": numbers(seed, 8, 4, 6)}


def means_in_turn():
    """From opset 19 on, ONNX Runtime adds the elements of an AveragePool one after the other."""
    return means(seed=15, opset=19)


def integer_products(seed=11):
    """ConvInteger and MatMulInteger with constant scales behind them."""
    net = Net(seed)
    x = quantizer(net, "x", 0.02, np.uint8(128))
    w = net.constant(q(net.weights(4, 2, 3), 0.01))
    x = net.node("ConvInteger", x, w, net.constant(np.uint8(128)))
    x = net.node("Cast", x, to=FLOAT)
    x = net.node("Mul", x, net.constant(np.float32(0.0002)))
    x = net.node("Relu", net.node("Add", x, net.constant(np.float32([[0.1], [0.2], [-0.1], [0.0]]))))
    x = quantizer(net, x, 0.02, np.uint8(0))
    x = net.node("Reshape", x, net.constant(np.array([-1, 24], np.int64)))
    x = net.node("MatMulInteger", x, net.constant(q(net.weights(24, 3), 0.01)), net.constant(np.uint8(0)))
    x = net.node("Mul", net.node("Cast", x, to=FLOAT), net.constant(np.float32(0.0002)))
    x = pair(net, x, 0.05, np.int8(4))
    made = net.finish(x, [3], [("x", FLOAT, [2, 8])])
    return made, {"x": numbers(seed, 2, 8)}


def self_gated(seed=12):
    """Chains of functions of one tensor, and a sigmoid as the float output."""
    net = Net(seed)
    x = pair(net, "x", 0.016, np.int8(0))
    w = quantizer(net, net.constant(q(net.weights(7, 6).T, 0.01)), 0.01, np.int8(0), "Dequantize")
    x = pair(net, net.node("MatMul", x, w), 0.02, np.int8(10))
    x = net.node("Mul", x, net.node("Sigmoid", x))
    x = pair(net, net.node("Add", net.node("Mul", x, net.constant(np.float32(0.5))), net.constant(np.float32(0.1))), 0.01, np.int8(-90))
    w = quantizer(net, net.constant(q(net.weights(1, 7).T, 0.01)), 0.01, np.int8(0), "Dequantize")
    x = pair(net, net.node("MatMul", x, w), 0.01, np.int8(0))
    x = net.node("Sigmoid", x)
    return net.finish(x, [1], [("x", FLOAT, [6])]), {"x": numbers(seed, 6)}


def onnx_cases():
    unsigned = {"activation_type": QuantType.QUInt8}
    channels = {"per_channel": True}
    operators = {"quant_format": QuantFormat.QOperator, **unsigned}
    for name, source, options in [
        ("dense", dense, {}),
        ("dense_unsigned", dense, {**unsigned, **channels}),
        ("dense_unsigned_weights", dense, {**unsigned, "weight_type": QuantType.QUInt8}),
        ("dense_operators", dense, operators),
        ("convolutions_1d", convolutions_1d, channels),
        ("convolutions_2d", convolutions_2d, {**unsigned, **channels}),
        ("convolutions_2d_operators", convolutions_2d, operators),
        ("depthwise_and_grouped", depthwise_and_grouped, channels),
        ("depthwise_operators", depthwise_and_grouped, operators),
        ("residual", residual, unsigned),
        ("residual_operators", residual, {**operators, **channels}),
        ("activations", activations, unsigned),
        ("activations_operators", activations, operators),
        ("branches", branches, {}),
        ("branches_operators", branches, operators),
        ("embedding", embedding, {}),
        ("computed_shape", computed_shape, {}),
        ("flights_network", flights_network, {}),
    ]:
        made, feeds = source()
        made = quantized(made, feeds, **options)
        made.ClearField("metadata_props")
        write_onnx(name, made, feeds)
    for name, source in [
        ("integers_in_and_out", integers_in_and_out),
        ("integer_products", integer_products),
        ("self_gated", self_gated),
        ("means", means),
        ("means_in_turn", means_in_turn),
    ]:
        made, feeds = source()
        write_onnx(name, made, feeds)


def float_cases():
    """Float networks, for the quantiser of this project: the answers are those of the float network."""
    for name, source in [("dense", dense), ("convolutions_2d", convolutions_2d), ("depthwise", depthwise_and_grouped),
                         ("residual", residual), ("convolutions_1d", convolutions_1d), ("embedding", embedding), ("computed_shape", computed_shape)]:
        made, feeds = source()
        made.ClearField("metadata_props")
        write_onnx(f"float_{name}", made, feeds)


if __name__ == "__main__":
    onnx_cases()
    float_cases()
    lite.cases(HERE, record, ROWS)

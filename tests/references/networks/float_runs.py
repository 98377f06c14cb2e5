"""How far float runs of one quantised graph are apart, and how far this project's integers are from each.

    .venv/bin/python float_runs.py ../../../../shared/mlperf-tiny

For each of MLPerf Tiny's four models, against ONNX Runtime without optimisations: ONNX Runtime with them; float runs that
differ in the order of adding alone, or add in f64; the integers. And layer by layer, each on ONNX Runtime's own int8
input: elements in which the integers give another step, and how far those are from half a step.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

F, D = np.float32, np.float64


class Sum:
    """Exact sums of integers, and what one of them is worth."""

    def __init__(self, count, step):
        self.count, self.step = count, step


def session(made, level):
    options = ort.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads, options.log_severity_level = level, 1, 3
    return ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])


def windows(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    top, left, bottom, right = pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    return np.lib.stride_tricks.sliding_window_view(x, kernel_shape, axis=(2, 3))[:, :, :: strides[0], :: strides[1]]


def in_turn(terms, shape, how):
    """A sum of products, each rounded to f32 as a fused multiply-add does, or not at all."""
    total = np.zeros(shape, D if how == "in f64" else F)
    for a, b in reversed(terms) if how == "backwards" else terms:
        product = a.astype(D) * b.astype(D)
        total = total + product if how == "in f64" else (total + product).astype(F)
    return total.astype(F)


def conv(x, w, options, how):
    v = windows(x, **options)
    n, c, height, width, *kernel = v.shape
    places = [(i, j) for i in range(kernel[0]) for j in range(kernel[1])]
    row = lambda values: values.reshape(1, -1, 1, 1)
    if w.shape[1] == 1 and c > 1:
        terms = [(v[..., i, j], row(w[:, 0, i, j])) for i, j in places]
    else:
        terms = [(v[:, k : k + 1, ..., i, j], row(w[:, k, i, j])) for k in range(c) for i, j in places]
    return in_turn(terms, (n, len(w), height, width), how)


def mean(x, options):
    v = windows(x, **options)
    v = v.reshape(*v.shape[:4], -1)
    return in_turn([(v[..., k], F(1)) for k in range(v.shape[-1])], v.shape[:4], "forwards") / F(v.shape[-1])


def softmax(x):
    terms = np.exp((x - x.max(-1, keepdims=True)).astype(D)).astype(F)
    return terms / in_turn([(terms[..., k], F(1)) for k in range(terms.shape[-1])], terms.shape[:-1], "forwards")[..., None]


def run(made, x, how, known=None):
    """The output; with `known`, ONNX Runtime's values, each layer reads those, and differences are listed."""
    value = {t.name: numpy_helper.to_array(t) for t in made.graph.initializer}
    value[made.graph.input[0].name] = x
    grid, differing, elements = {}, [], 0
    for node in made.graph.node:
        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        given, name = [value[i] for i in node.input], node.output[0]
        first = given[0]
        if node.op_type == "DequantizeLinear":
            place = [1] * first.ndim
            if given[1].size > 1:
                place[options.get("axis", 1)] = -1
            wide = lambda part: part.reshape(place) if part.size > 1 else part.reshape(())
            grid[name] = first.astype(D) - wide(given[2]), given[1].astype(D).reshape(-1)
            out = grid[name][0].astype(F) * wide(given[1])
        elif node.op_type in ("Conv", "MatMul") and how == "integers":
            (a, by_a), (b, by_b) = grid[node.input[0]], grid[node.input[1]]
            flat = (1, -1, 1, 1) if node.op_type == "Conv" else (1, -1)
            step = (by_a * by_b).reshape(flat)
            out = Sum(integers(a, b, options) if node.op_type == "Conv" else a @ b, step)
            if len(given) > 2:
                out.count = out.count + np.rint(given[2].reshape(flat) / step)
        elif node.op_type == "Conv":
            out = conv(first, given[1], options, how) + given[2].reshape(1, -1, 1, 1)
        elif node.op_type == "MatMul":
            out = in_turn([(first[:, k : k + 1], given[1][k]) for k in range(first.shape[1])], (len(first), given[1].shape[1]), how)
        elif node.op_type == "Add":
            out = Sum(first.count + np.rint(given[1] / first.step), first.step) if isinstance(first, Sum) else first + given[1]
        elif node.op_type == "Relu":
            out = Sum(np.maximum(first.count, 0), first.step) if isinstance(first, Sum) else np.maximum(first, 0)
        elif node.op_type == "QuantizeLinear":
            exact = first.count * first.step / D(given[1]) if isinstance(first, Sum) else None
            steps = first.count.astype(F) * (first.step / D(given[1])).astype(F) if isinstance(first, Sum) else first / given[1]
            out = np.clip(np.rint(steps) + given[2], -128, 127).astype(np.int8)
            if known is not None:
                away, elements = out != known[name], elements + out.size
                distance = np.abs(exact - np.floor(exact) - 0.5) if exact is not None else np.zeros(out.shape)
                differing += zip(np.argwhere(away)[:, 0].tolist(), distance[away].tolist())
                out = known[name]
        elif node.op_type == "AveragePool":
            out = mean(first, options)
        elif node.op_type == "Softmax":
            out = softmax(first)
        elif node.op_type == "Transpose":
            out = first.transpose(options["perm"])
        elif node.op_type == "Reshape":
            out = first.reshape([len(x), *given[1][1:]])
        elif node.op_type == "Squeeze":
            out = first.reshape(first.shape[:2])
        else:
            sys.exit(f"{node.op_type} is not known here")
        value[name] = out
    return (value[made.graph.output[0].name], differing, elements)


def integers(a, b, options):
    """A convolution of integers, exact in f64."""
    v = windows(a, **options)
    if b.shape[1] == 1 and a.shape[1] > 1:
        return np.einsum("nchwij,cij->nchw", v, b[:, 0])
    rows = v.transpose(0, 2, 3, 1, 4, 5).reshape(*v.shape[:1], v.shape[2] * v.shape[3], -1)
    return (rows @ b.reshape(len(b), -1).T).transpose(0, 2, 1).reshape(len(a), len(b), *v.shape[2:4])


def main(folder):
    for name, case in json.loads((folder / "cases.json").read_text()).items():
        made = onnx.load(folder / f"{name}.onnx")
        x = np.fromfile(folder / f"{name}.x.i8", np.int8).reshape(case["cases"], *case["input_shape"])
        fed = {made.graph.input[0].name: x}
        all_of_it = onnx.ModelProto()
        all_of_it.CopyFrom(made)
        shown = {o.name for o in made.graph.output}
        all_of_it.graph.output.extend(onnx.ValueInfoProto(name=o) for n in made.graph.node for o in n.output if o not in shown)
        plain = session(all_of_it, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
        names = [o.name for o in plain.get_outputs()]
        known = dict(zip(names, plain.run(names, fed)))
        due = known[made.graph.output[0].name].astype(int)

        def say(what, found):
            steps = np.abs(found.astype(int).reshape(due.shape) - due)
            rows = np.unique(np.nonzero(steps)[0]).tolist()
            equal = f"{(steps == 0).sum()} of {steps.size} values equal"
            print(f"{name}: {what}: {equal}, at most {steps.max()} steps away, in rows {rows}", flush=True)

        say("ONNX Runtime, optimised", session(made, ort.GraphOptimizationLevel.ORT_ENABLE_ALL).run(None, fed)[0])
        for how in ("forwards", "backwards", "in f64"):
            say(f"a float run that adds {how}", run(made, x, how)[0])
        say("integers", run(made, x, "integers")[0])
        _, differing, elements = run(made, x, "integers", known)
        print(f"{name}: layer by layer: {len(differing)} of {elements} elements differ", flush=True)
        for row, distance in differing:
            print(f"{name}: an element of row {row}, {distance:.1e} steps from half of one", flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

"""The MLPerf Tiny models as works: the int8 files as they are, and the same networks in f32."""

import json
import shutil

import float_graph
import numpy as np
import onnx

NAMES = ["kws", "ic", "vww", "ad"]
#: Steps of the output by which runtimes leave the graph's own meaning, as the models' own README says of two of them.
PEER_STEPS = 48
OUR_STEPS = 3
#: Between two runtimes in f32.
FLOAT_BOUND = 1e-3


def make_tiny(source, out):
    cases = json.loads((source / "cases.json").read_text())
    for name in NAMES:
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make_one(source, name, cases[name], folder)


def make_one(source, name, case, folder):
    for suffix in ["onnx", "tflite"]:
        shutil.copyfile(source / f"{name}.{suffix}", folder / f"model.{suffix}")
    shutil.copyfile(source / f"{name}.x.i8", folder / "x.i8")
    rows = steps(source / f"{name}.x.i8").reshape(case["cases"], -1)
    rows.astype("<f8").tofile(folder / "rows.f64")
    for kind, file in [("onnx", "expected.f64"), ("tflite", "tflite_expected.f64")]:
        steps(source / f"{name}.y-{kind}.i8").astype("<f8").tofile(folder / file)
    scale, zero = case["input_scale_zero"]
    float_rows = (rows - zero) * scale
    float_rows.astype("<f8").tofile(folder / "float_rows.f64")
    float_graph.write_float(folder, float_graph.read(folder / "model.tflite"), float_rows)
    write_input(folder, case["input_shape"], rows)
    graph = onnx.load(folder / "model.onnx").graph
    facts = {
        "columns": rows.shape[1],
        "answer": "the int8 outputs",
        "bound": {
            "ours": OUR_STEPS,
            "expected.f64": PEER_STEPS,
            "tflite_expected.f64": PEER_STEPS,
            "float_expected.f64": FLOAT_BOUND,
        },
        "batches": [1],
        "float_rows": "float_rows.f64",
        "onnx": {"input": graph.input[0].name, "output": graph.output[0].name, "shape": case["input_shape"]},
    }
    (folder / "work.json").write_text(json.dumps(facts) + "\n")


def steps(path):
    return np.fromfile(path, dtype=np.int8).astype(np.float64)


def write_input(folder, shape, rows, prefix=""):
    """A specification of one tensor, and the rows as its records."""
    text = f'[[input]]\nname = "x"\ntype = "tensor"\nshape = {shape}\n\n[[feature]]\nname = "x_in"\nop = "number"\nfrom = "x"\n'
    (folder / f"{prefix}features.toml").write_text(text)
    lines = [json.dumps({"x": row}, separators=(",", ":")) for row in rows.tolist()]
    (folder / f"{prefix}records.jsonl").write_text("\n".join(lines) + "\n")

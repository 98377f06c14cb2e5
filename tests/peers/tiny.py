"""The MLPerf Tiny models as works: the int8 files as they are, and the same network in f32 for LiteRT.js and TensorFlow.js.

LiteRT.js takes no int8 tensors and TensorFlow.js computes in f32, so both get the network with its weights and constants
made real and its quantisation left out: the same layers and the same number of multiplications.
"""

import json
import shutil

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema

NAMES = ["kws", "ic", "vww", "ad"]
#: Steps of the output by which ONNX Runtime's optimised session was seen to leave the graph's own meaning.
STEPS = 27


def make_tiny(source, out):
    cases = json.loads((source / "cases.json").read_text())
    for name in NAMES:
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make_one(source, name, cases[name], folder)


def make_one(source, name, case, folder):
    for suffix in ["onnx", "tflite"]:
        shutil.copy(source / f"{name}.{suffix}", folder / f"model.{suffix}")
    model = read_tflite(folder / "model.tflite")
    (folder / "float.tflite").write_bytes(as_float(model))
    shutil.copy(source / f"{name}.x.i8", folder / "x.i8")
    shape = case["input_shape"]
    rows = real(source / f"{name}.x.i8", case["input_scale_zero"]).reshape(case["cases"], -1)
    rows.astype("<f8").tofile(folder / "rows.f64")
    for kind, file in [("onnx", "expected.f64"), ("tflite", "expected_tflite.f64")]:
        real(source / f"{name}.y-{kind}.i8", case["output_scale_zero"]).astype("<f8").tofile(folder / file)
    graph = onnx.load(folder / "model.onnx").graph
    text = f'[[input]]\nname = "x"\ntype = "tensor"\nshape = {shape}\n\n[[feature]]\nname = "x_in"\nop = "number"\nfrom = "x"\n'
    (folder / "features.toml").write_text(text)
    lines = [json.dumps({"x": row}, separators=(",", ":")) for row in rows.tolist()]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    scale, zero = case["output_scale_zero"]
    facts = {
        "columns": rows.shape[1],
        "outputs": int(np.prod(case["output_shape"])),
        "answer": "real values of the int8 outputs",
        "bound": STEPS * scale,
        "batches": [1],
        "onnx": {
            "input": graph.input[0].name,
            "output": graph.output[0].name,
            "shape": shape,
            "quantised": {"input": case["input_scale_zero"], "output": [scale, zero]},
        },
    }
    (folder / "work.json").write_text(json.dumps(facts) + "\n")


def real(path, scale_zero):
    scale, zero = scale_zero
    return (np.fromfile(path, dtype=np.int8).astype(np.float64) - zero) * scale


def read_tflite(path):
    return schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)


def as_float(model):
    """The same graph with f32 tensors; the weights are what the int8 ones mean."""
    for tensor in model.subgraphs[0].tensors:
        if tensor.type not in (schema.TensorType.INT8, schema.TensorType.INT32):
            continue
        scales = None if tensor.quantization is None else tensor.quantization.scale
        if scales is None or len(scales) == 0:
            continue
        buffer = model.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data) > 0:
            buffer.data = np.frombuffer(dequantised(tensor, buffer).tobytes(), dtype=np.uint8)
        tensor.type = schema.TensorType.FLOAT32
        tensor.quantization = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def dequantised(tensor, buffer):
    kind = np.int8 if tensor.type == schema.TensorType.INT8 else np.int32
    values = np.frombuffer(bytes(buffer.data), dtype=kind).reshape(tensor.shape).astype(np.float32)
    quantisation = tensor.quantization
    along = [1] * values.ndim
    along[quantisation.quantizedDimension] = -1
    scale = np.asarray(quantisation.scale, dtype=np.float32)
    zero = np.asarray(quantisation.zeroPoint, dtype=np.float32)
    if scale.size == 1:
        return (values - zero) * scale
    return (values - zero.reshape(along)) * scale.reshape(along)

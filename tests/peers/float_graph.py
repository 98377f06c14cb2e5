"""The works' networks in f32: as TensorFlow Lite files for LiteRT.js, and as a list of layers for TensorFlow.js.

LiteRT.js takes no int8 tensors and TensorFlow.js computes in f32, so both get the network with its weights made real and
its quantisation left out: the same layers and the same number of multiplications.
"""

import json

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
ACTIVATIONS = {schema.ActivationFunctionType.NONE: None, schema.ActivationFunctionType.RELU: "relu"}


def write_float(folder, model, rows):
    """`float.tflite`, its answers, and `layers.json` with `weights.f32`, from a model that may be int8."""
    dequantise(model)
    (folder / "float.tflite").write_bytes(packed(model))
    answers = answers_of(folder / "float.tflite", rows)
    answers.astype("<f8").tofile(folder / "float_expected.f64")
    write_layers(folder, model)


def read(path):
    return schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)


def packed(model):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def answers_of(path, rows):
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for row in rows.astype(np.float32):
        interpreter.set_tensor(given["index"], row.reshape(given["shape"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(output["index"]).ravel().copy())
    return np.array(answers)


def dequantise(model):
    """The same graph with f32 tensors; the weights are what the int8 ones mean."""
    for tensor in model.subgraphs[0].tensors:
        scales = None if tensor.quantization is None else tensor.quantization.scale
        if scales is None or len(scales) == 0:
            continue
        buffer = model.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data) > 0:
            buffer.data = np.frombuffer(real_weights(tensor, buffer).tobytes(), dtype=np.uint8)
        tensor.type = schema.TensorType.FLOAT32
        tensor.quantization = None


def real_weights(tensor, buffer):
    kind = np.int8 if tensor.type == schema.TensorType.INT8 else np.int32
    values = np.frombuffer(bytes(buffer.data), dtype=kind).reshape(tensor.shape).astype(np.float32)
    along = [1] * values.ndim
    if len(tensor.quantization.scale) > 1:
        along[tensor.quantization.quantizedDimension] = -1
    scale = np.asarray(tensor.quantization.scale, dtype=np.float32).reshape(along)
    zero = np.asarray(tensor.quantization.zeroPoint, dtype=np.float32).reshape(along)
    return (values - zero) * scale


def write_layers(folder, model):
    """The layers in their order, tensors by number, and the constants one after the other in one file."""
    graph, constants, data = model.subgraphs[0], {}, []
    for place, tensor in enumerate(graph.tensors):
        buffer = model.buffers[tensor.buffer].data
        if buffer is None or len(buffer) == 0 or tensor.type != schema.TensorType.FLOAT32:
            continue
        values = np.frombuffer(bytes(buffer), dtype="<f4")
        constants[place] = {"shape": np.asarray(tensor.shape).tolist(), "from": sum(map(len, data)), "count": len(values)}
        data.append(values)
    layers = [layer(model, graph, operator) for operator in graph.operators]
    np.concatenate(data).tofile(folder / "weights.f32")
    facts = {"input": int(graph.inputs[0]), "output": int(graph.outputs[0]), "constants": constants, "layers": layers}
    facts["shape"] = np.asarray(graph.tensors[graph.inputs[0]].shape).tolist()[1:]
    (folder / "layers.json").write_text(json.dumps(facts) + "\n")


def layer(model, graph, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    options = operator.builtinOptions
    facts = {
        "op": OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)],
        "inputs": [int(i) for i in operator.inputs],
        "output": int(operator.outputs[0]),
        "shape": np.asarray(graph.tensors[operator.outputs[0]].shape).tolist(),
    }
    if hasattr(options, "fusedActivationFunction"):
        facts["activation"] = ACTIVATIONS[options.fusedActivationFunction]
    if hasattr(options, "strideH"):
        facts["strides"] = [options.strideH, options.strideW]
        facts["padding"] = "same" if options.padding == schema.Padding.SAME else "valid"
    if hasattr(options, "filterHeight"):
        facts["window"] = [options.filterHeight, options.filterWidth]
    return facts


def dense_model(weights, biases, batch):
    """Fully connected layers with relu between them, for rows of one batch size, as a TensorFlow Lite model."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "dense layers"
    model.buffers, graph.tensors, graph.operators = [schema.BufferT()], [], []
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model.operatorCodes, model.subgraphs = [code], [graph]
    value = add_tensor(model, graph, "x", [batch, weights[0].shape[0]], None)
    graph.inputs = [value]
    for place, (weight, bias) in enumerate(zip(weights, biases)):
        options = schema.FullyConnectedOptionsT()
        last = place == len(weights) - 1
        relu = schema.ActivationFunctionType.NONE if last else schema.ActivationFunctionType.RELU
        options.fusedActivationFunction = relu
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.builtinOptions = 0, options
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        constants = [
            add_tensor(model, graph, f"w{place}", weight.T.shape, weight.T),
            add_tensor(model, graph, f"b{place}", bias.shape, bias),
        ]
        out = add_tensor(model, graph, f"y{place}", [batch, len(bias)], None)
        operator.inputs, operator.outputs = [value, *constants], [out]
        graph.operators.append(operator)
        value = out
    graph.outputs = [value]
    return model


def add_tensor(model, graph, name, shape, values):
    tensor, buffer = schema.TensorT(), schema.BufferT()
    if values is not None:
        buffer.data = np.frombuffer(np.ascontiguousarray(values, dtype="<f4").tobytes(), dtype=np.uint8)
    model.buffers.append(buffer)
    tensor.name, tensor.shape, tensor.type = name, [int(d) for d in shape], schema.TensorType.FLOAT32
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1

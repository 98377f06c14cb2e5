"""Writes small `.tflite` files and records what TensorFlow Lite's reference kernels answer.

The files are built table by table with the schema's generated builder, because a converter chooses what it writes.
"""

import flatbuffers
import numpy as np
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

INT8, INT32, FLOAT32 = tflite.TensorType.INT8, tflite.TensorType.INT32, tflite.TensorType.FLOAT32
SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
NONE, RELU, RELU6 = 0, 1, 3


class Lite:
    """A network in the making."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.tensors, self.operators, self.codes = [], [], []

    def tensor(self, shape, scale=(), zero=(), kind=INT8, data=None, axis=0):
        self.tensors.append((list(shape), np.atleast_1d(scale), np.atleast_1d(zero), kind, data, axis))
        return len(self.tensors) - 1

    def constant(self, values):
        return self.tensor(values.shape, kind=INT32, data=values.astype(np.int32))

    def weights(self, shape, channels=None, axis=0):
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scale = np.float32(self.rng.uniform(0.002, 0.02, channels or 1))
        return self.tensor(shape, scale, np.zeros(len(scale), int), data=data, axis=axis)

    def bias(self, count):
        return self.tensor([count], kind=INT32, data=self.rng.integers(-900, 900, count).astype(np.int32))

    def operator(self, code, inputs, output, options=None, **fields):
        """`options` is the name of a table of the schema, `fields` its fields."""
        if code not in self.codes:
            self.codes.append(code)
        self.operators.append((self.codes.index(code), inputs, output, options, fields))
        return output

    def build(self, inputs, outputs):
        b = flatbuffers.Builder(1024)
        vector = lambda values, kind: b.CreateNumpyVector(np.ascontiguousarray(values, dtype=kind))

        def offsets(start, items):
            start(b, len(items))
            for item in reversed(items):
                b.PrependUOffsetTRelative(item)
            return b.EndVector()

        buffers, tensors = [], []
        tflite.BufferStart(b)
        buffers.append(tflite.BufferEnd(b))
        for number, (shape, scale, zero, kind, data, axis) in enumerate(self.tensors):
            place = 0
            if data is not None:
                content = vector(np.frombuffer(data.tobytes(), np.uint8), np.uint8)
                tflite.BufferStart(b)
                tflite.BufferAddData(b, content)
                buffers.append(tflite.BufferEnd(b))
                place = len(buffers) - 1
            name, dims = b.CreateString(f"t{number}"), vector(shape, np.int32)
            quantization = None
            if scale.size:
                s, z = vector(scale, np.float32), vector(zero, np.int64)
                tflite.QuantizationParametersStart(b)
                tflite.QuantizationParametersAddScale(b, s)
                tflite.QuantizationParametersAddZeroPoint(b, z)
                tflite.QuantizationParametersAddQuantizedDimension(b, axis)
                quantization = tflite.QuantizationParametersEnd(b)
            tflite.TensorStart(b)
            tflite.TensorAddShape(b, dims)
            tflite.TensorAddType(b, kind)
            tflite.TensorAddBuffer(b, place)
            tflite.TensorAddName(b, name)
            if quantization is not None:
                tflite.TensorAddQuantization(b, quantization)
            tensors.append(tflite.TensorEnd(b))
        operators = []
        for code, ins, out, options, fields in self.operators:
            i, o = vector(ins, np.int32), vector([out], np.int32)
            table = None
            if options is not None:
                getattr(tflite, f"{options}Start")(b)
                for field, value in fields.items():
                    getattr(tflite, f"{options}Add{field}")(b, value)
                table = getattr(tflite, f"{options}End")(b)
            tflite.OperatorStart(b)
            tflite.OperatorAddOpcodeIndex(b, code)
            tflite.OperatorAddInputs(b, i)
            tflite.OperatorAddOutputs(b, o)
            if table is not None:
                tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, options))
                tflite.OperatorAddBuiltinOptions(b, table)
            operators.append(tflite.OperatorEnd(b))
        t = offsets(tflite.SubGraphStartTensorsVector, tensors)
        o = offsets(tflite.SubGraphStartOperatorsVector, operators)
        i, u = vector(inputs, np.int32), vector(outputs, np.int32)
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, t)
        tflite.SubGraphAddInputs(b, i)
        tflite.SubGraphAddOutputs(b, u)
        tflite.SubGraphAddOperators(b, o)
        graph = tflite.SubGraphEnd(b)
        codes = []
        for code in self.codes:
            tflite.OperatorCodeStart(b)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(code, 127))
            tflite.OperatorCodeAddBuiltinCode(b, code)
            tflite.OperatorCodeAddVersion(b, VERSIONS.get(code, 1))
            codes.append(tflite.OperatorCodeEnd(b))
        c = offsets(tflite.ModelStartOperatorCodesVector, codes)
        g = offsets(tflite.ModelStartSubgraphsVector, [graph])
        f = offsets(tflite.ModelStartBuffersVector, buffers)
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, c)
        tflite.ModelAddSubgraphs(b, g)
        tflite.ModelAddBuffers(b, f)
        b.Finish(tflite.ModelEnd(b), b"TFL3")
        return bytes(b.Output())


OP = tflite.BuiltinOperator
# The versions from which the kernels take int8.
VERSIONS = {OP.CONV_2D: 3, OP.DEPTHWISE_CONV_2D: 3, OP.FULLY_CONNECTED: 4, OP.ADD: 2, OP.AVERAGE_POOL_2D: 2,
            OP.MAX_POOL_2D: 2, OP.SOFTMAX: 2, OP.LOGISTIC: 2, OP.TANH: 2, OP.CONCATENATION: 2, OP.MEAN: 2, OP.PAD: 2,
            OP.QUANTIZE: 2, OP.DEQUANTIZE: 2, OP.LEAKY_RELU: 2, OP.RELU: 2, OP.RELU6: 2, OP.TRANSPOSE: 2}


def windows():
    n = Lite(1)
    x = n.tensor([1, 8, 7, 3], 0.05, 3)
    a = n.tensor([1, 4, 4, 6], 0.4, -128)
    n.operator(OP.CONV_2D, [x, n.weights([6, 3, 3, 3], 6), n.bias(6)], a, "Conv2DOptions",
               Padding=SAME, StrideW=2, StrideH=2, FusedActivationFunction=RELU6, DilationWFactor=1, DilationHFactor=1)
    b = n.tensor([1, 4, 4, 12], 0.5, -7)
    n.operator(OP.DEPTHWISE_CONV_2D, [a, n.weights([1, 3, 2, 12], 12, 3), n.bias(12)], b, "DepthwiseConv2DOptions",
               Padding=SAME, StrideW=1, StrideH=1, DepthMultiplier=2, FusedActivationFunction=NONE,
               DilationWFactor=2, DilationHFactor=1)
    c = n.tensor([1, 6, 7, 12], 0.5, -7)
    n.operator(OP.PAD, [b, n.constant(np.array([[0, 0], [1, 1], [2, 1], [0, 0]]))], c, "PadOptions")
    d = n.tensor([1, 4, 5, 4], 0.9, 0)
    n.operator(OP.CONV_2D, [c, n.weights([4, 3, 3, 12], 4), n.bias(4)], d, "Conv2DOptions",
               Padding=VALID, StrideW=1, StrideH=1, FusedActivationFunction=NONE, DilationWFactor=1, DilationHFactor=1)
    e = n.tensor([1, 2, 3, 4], 0.9, 0)
    n.operator(OP.AVERAGE_POOL_2D, [d], e, "Pool2DOptions", Padding=SAME, StrideW=2, StrideH=2, FilterWidth=3,
               FilterHeight=2, FusedActivationFunction=RELU)
    f = n.tensor([1, 2, 2, 4], 0.9, 0)
    n.operator(OP.MAX_POOL_2D, [e], f, "Pool2DOptions", Padding=VALID, StrideW=1, StrideH=1, FilterWidth=2,
               FilterHeight=1, FusedActivationFunction=RELU6)
    return n, [x], [f]


def residual():
    n = Lite(2)
    x = n.tensor([1, 5, 4, 4], 0.03, -20)
    a = n.tensor([1, 5, 4, 4], 0.11, 5)
    n.operator(OP.CONV_2D, [x, n.weights([4, 1, 1, 4], 4), n.bias(4)], a, "Conv2DOptions",
               Padding=SAME, StrideW=1, StrideH=1, FusedActivationFunction=NONE, DilationWFactor=1, DilationHFactor=1)
    b = n.tensor([1, 5, 4, 4], 0.08, -128)
    n.operator(OP.ADD, [a, x], b, "AddOptions", FusedActivationFunction=RELU)
    c = n.tensor([1, 4], 0.05, -100)
    n.operator(OP.MEAN, [b, n.constant(np.array([1, 2]))], c, "ReducerOptions", KeepDims=False)
    d = n.tensor([1, 6], 0.06, 11)
    n.operator(OP.FULLY_CONNECTED, [c, n.weights([6, 4]), n.bias(6)], d, "FullyConnectedOptions",
               FusedActivationFunction=NONE, WeightsFormat=0, KeepNumDims=False)
    e = n.tensor([1, 6], 1 / 256, -128)
    n.operator(OP.SOFTMAX, [d], e, "SoftmaxOptions", Beta=1.0)
    return n, [x], [e]


def functions():
    n = Lite(3)
    x = n.tensor([1, 9], 0.07, 12)
    parts = []
    for code, scale, zero, options, fields in [
        (OP.LOGISTIC, 1 / 256, -128, None, {}),
        (OP.TANH, 1 / 128, 0, None, {}),
        (OP.LEAKY_RELU, 0.05, -40, "LeakyReluOptions", {"Alpha": 0.2}),
        (OP.RELU, 0.05, -128, None, {}),
        (OP.RELU6, 0.03, -128, None, {}),
    ]:
        y = n.tensor([1, 9], scale, zero)
        n.operator(code, [x], y, options, **fields)
        z = n.tensor([1, 9], 0.06, -30)
        parts.append(n.operator(OP.QUANTIZE, [y], z, "QuantizeOptions"))
    y = n.tensor([1, 45], 0.06, -30)
    n.operator(OP.CONCATENATION, parts, y, "ConcatenationOptions", Axis=1, FusedActivationFunction=NONE)
    return n, [x], [y]


def positions():
    """Floats at both ends, a product over positions, a transpose, a mean that keeps its dimensions."""
    n = Lite(4)
    f = n.tensor([1, 3, 4, 2], kind=FLOAT32)
    x = n.tensor([1, 3, 4, 2], 0.0237, 9)
    n.operator(OP.QUANTIZE, [f], x, "QuantizeOptions")
    a = n.tensor([1, 3, 4, 5], 0.05, -3)
    n.operator(OP.FULLY_CONNECTED, [x, n.weights([5, 2]), n.bias(5)], a, "FullyConnectedOptions",
               FusedActivationFunction=NONE, WeightsFormat=0, KeepNumDims=True)
    b = n.tensor([1, 4, 3, 5], 0.05, -3)
    n.operator(OP.TRANSPOSE, [a, n.constant(np.array([0, 2, 1, 3]))], b, "TransposeOptions")
    c = n.tensor([1, 1, 3, 5], 0.04, 0)
    n.operator(OP.MEAN, [b, n.constant(np.array([1]))], c, "ReducerOptions", KeepDims=True)
    d = n.tensor([1, 15], 0.04, 0)
    n.operator(OP.RESHAPE, [c, n.constant(np.array([1, 15]))], d, "ReshapeOptions")
    g = n.tensor([1, 15], kind=FLOAT32)
    n.operator(OP.DEQUANTIZE, [d], g, "DequantizeOptions")
    return n, [f], [g]


def cases(folder, record, count):
    for name, source in [("lite_windows", windows), ("lite_residual", residual), ("lite_functions", functions),
                         ("lite_positions", positions)]:
        network, inputs, outputs = source()
        content = network.build(inputs, outputs)
        run = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        run.allocate_tensors()
        to, at = run.get_input_details()[0], run.get_output_details()[0]
        rng = np.random.default_rng(7)
        rows, due = [], []
        for _ in range(count):
            if to["dtype"] == np.float32:
                row = np.round(rng.uniform(-3, 3, to["shape"]), 2).astype(np.float32)
                run.set_tensor(to["index"], row)
            else:
                steps = rng.integers(-128, 128, to["shape"]).astype(np.int8)
                run.set_tensor(to["index"], steps)
                scale, zero = to["quantization"]
                row = (steps.astype(np.float32) - zero) * np.float32(scale)
            run.invoke()
            answer = run.get_tensor(at["index"])
            scale, zero = at["quantization"]
            if answer.dtype == np.int8:
                answer = (answer.astype(np.float32) - zero) * np.float32(scale)
            rows.append(row.ravel())
            due.append(answer.ravel())
        (folder / f"{name}.tflite").write_bytes(content)
        # A float output stands behind the last int8 tensor.
        scales = [float(np.float32(tensor[1][0])) for tensor in network.tensors if tensor[3] == INT8 and tensor[4] is None]
        record(name, rows, due, scales[-1])

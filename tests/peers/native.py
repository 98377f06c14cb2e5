"""A native peer, called in process from Python on one thread.

usage: native.py WORKS PEER

Reads one request a line and writes one answer a line, as every runner of the bench does:
{"do":"answer","work":NAME,"rows":N} gives {"answer":[…]}, {"do":"time","work":NAME,"batch":B,"seconds":S} gives
{"us_per_row":x}. What goes wrong gives {"error":"…"}.
"""

import json
import os
import sys
import time
from pathlib import Path

for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (the thread counts are read when it is loaded)


class Work:
    """One work's files."""

    def __init__(self, folder):
        self.folder = folder
        self.facts = json.loads((folder / "work.json").read_text())
        rows = np.fromfile(folder / "rows.f64", dtype="<f8")
        self.rows = rows.reshape(-1, self.facts["columns"])


class OnnxRuntime:
    """One session; the rows as the model's input wants them."""

    def __init__(self, work, file="model.onnx"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(work.folder / file), options, providers=["CPUExecutionProvider"])
        onnx = work.facts["onnx"]
        self.input, self.outputs, self.facts = onnx["input"], [onnx["output"]], work.facts
        if "shape" in onnx:
            self.rows = np.fromfile(work.folder / "x.i8", dtype=np.int8).reshape([-1, *onnx["shape"]])
        else:
            self.rows = work.rows.astype(np.float32)

    def call(self, rows):
        return self.session.run(self.outputs, {self.input: rows})[0]

    def answer(self, values):
        return from_onnx(self.facts, np.asarray(values))


def from_onnx(facts, values):
    """The peer's output in the units of the expected answer."""
    values = values.astype(np.float64)
    if facts["onnx"].get("then") == "logit of the second":
        return np.log(values[:, 1] / values[:, 0])
    return values


class QOperator(OnnxRuntime):
    def __init__(self, work):
        super().__init__(work, "qoperator.onnx")


class LightGbm:
    def __init__(self, work):
        import lightgbm

        self.booster = lightgbm.Booster(model_file=work.folder / "model.txt", params={"num_threads": 1})
        self.rows = work.rows

    def call(self, rows):
        return self.booster.predict(rows, raw_score=True, num_threads=1)

    def answer(self, values):
        return values


class Tl2cgen:
    """The LightGBM model, compiled to C and by the C compiler to a library."""

    def __init__(self, work):
        import tl2cgen
        import treelite

        library = work.folder / "tl2cgen.so"
        if not library.exists():
            model = treelite.frontend.load_lightgbm_model(work.folder / "model.txt")
            tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 8}, nthread=1)
        self.predictor = tl2cgen.Predictor(library, nthread=1)
        self.matrix = tl2cgen.DMatrix
        self.rows = work.rows

    def call(self, rows):
        return self.predictor.predict(self.matrix(rows, dtype="float64"), pred_margin=True)

    def answer(self, values):
        return values


class XgBoost:
    """A model of its own of the same size: 200 trees with 31 leaves on the same columns."""

    expected = "xgboost_expected.f64"

    def __init__(self, work):
        import xgboost

        self.booster = xgboost.Booster(model_file=work.folder / "xgboost.json")
        self.booster.set_param({"nthread": 1})
        self.rows = work.rows.astype(np.float32)

    def call(self, rows):
        return self.booster.inplace_predict(rows, predict_type="margin", validate_features=False)

    def answer(self, values):
        return values


class Ydf:
    """A model of its own of the same size on the raw columns, timed by YDF's own benchmark, without Python."""

    expected = "ydf_expected.f64"

    def __init__(self, work):
        import ydf

        ydf.verbose(0)
        self.model = ydf.load_model(str(work.folder / "ydf"))
        columns = json.loads((work.folder / "raw_columns.json").read_text())
        numbers = lambda column: np.array([np.nan if v is None else v for v in column], dtype=np.float32)
        texts = lambda column: np.array(column)
        self.columns = {n: texts(c) if isinstance(c[0], str) else numbers(c) for n, c in columns.items()}
        self.rows = work.rows

    def first(self, count):
        return self.model.predict({name: column[:count] for name, column in self.columns.items()})

    def time(self, batch, seconds):
        options = {"benchmark_duration": seconds, "warmup_duration": seconds / 4, "num_threads": 1}
        return self.model.benchmark(self.columns, batch_size=batch, **options).duration_per_example * 1e6


class LiteRt:
    """LiteRT's interpreter with XNNPACK, int8."""

    def __init__(self, work):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(work.folder / "model.tflite"), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.output = self.interpreter.get_output_details()[0]["index"]
        self.expected = "tflite_expected.f64"
        self.rows = np.fromfile(work.folder / "x.i8", dtype=np.int8).reshape([-1, *work.facts["onnx"]["shape"]])

    def call(self, rows):
        answers = []
        for row in rows:
            self.interpreter.set_tensor(self.input, row[None])
            self.interpreter.invoke()
            answers.append(self.interpreter.get_tensor(self.output)[0])
        return np.array(answers)

    def answer(self, values):
        return values


PEERS = {
    "onnxruntime": OnnxRuntime,
    "onnxruntime-qoperator": QOperator,
    "lightgbm": LightGbm,
    "tl2cgen": Tl2cgen,
    "xgboost": XgBoost,
    "ydf": Ydf,
    "litert": LiteRt,
}


def answer(peer, rows):
    if hasattr(peer, "first"):
        return peer.first(rows)
    return peer.answer(peer.call(peer.rows[:rows]))


def timed(peer, batch, seconds):
    """Microseconds a row, over calls with other rows each time."""
    if hasattr(peer, "time"):
        return peer.time(batch, seconds)
    blocks = [peer.rows[i : i + batch] for i in range(0, len(peer.rows) - batch + 1, batch)]
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        peer.call(blocks[calls % len(blocks)])
        calls += 1
    return elapsed * 1e6 / (calls * batch)


def main():
    works, kind = Path(sys.argv[1]), PEERS[sys.argv[2]]
    # Libraries print; what they print goes to the standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    opened = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            name = request["work"]
            if name not in opened:
                opened[name] = kind(Work(works / name))
            peer = opened[name]
            if request["do"] == "answer":
                values = np.asarray(answer(peer, request["rows"]), dtype=np.float64).ravel().tolist()
                reply = {"answer": values, "expected": getattr(peer, "expected", "expected.f64")}
            else:
                reply = {"us_per_row": timed(peer, request["batch"], request["seconds"])}
        except Exception as error:  # the bench shows it and leaves the peer out
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
